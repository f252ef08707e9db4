"""The schema, put together from the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from core.errors import NotFound
from core.messages import text
from schema.batches import BatchMutations, show_batch
from schema.channels import ChannelMutations, ChannelQueries, show_account
from schema.context import Context, Info
from schema.coupons import CouponQueries, show_coupon
from schema.customers import Customer, show_customer
from schema.fields import resolved
from schema.ids import Node, read_node_id
from schema.reconciliation import ReconciliationMutations, ReconciliationQueries, find_own_run
from schema.redemptions import RedemptionMutations, RedemptionQueries, show_redemption
from schema.resolvers import bind_resolvers
from schema.scalars import SCALARS
from schema.stores import StoreMutations, StoreQueries, find_own_store
from schema.subscriptions import Subscription

Find = Callable[[Context, UUID], Awaitable[Node | None]]


async def _find_coupon(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).coupons.load(row_id)
    return show_coupon(view) if view else None


async def _find_redemption(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).redemptions.load(row_id)
    return show_redemption(view) if view else None


async def _find_account(context: Context, row_id: UUID) -> Node | None:
    view = await context.runtime.accounts.find_account(await context.sign_in(), row_id)
    return await show_account(context, view)


async def _find_customer(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).customers.load(row_id)
    return show_customer(view) if view else None


async def _find_batch(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).batches.load(row_id)
    return show_batch(view) if view else None


_FIND: Final[dict[str, Find]] = {
    "ChannelAccount": _find_account,
    "Coupon": _find_coupon,
    "CouponBatch": _find_batch,
    "Customer": _find_customer,
    "Reconciliation": find_own_run,
    "Redemption": _find_redemption,
    "Store": find_own_store,
}


@strawberry.type
class NodeQueries:
    @resolved(
        description="Anything by its id. What does not exist and what is somebody else's are NOT_FOUND alike."
    )
    async def node(
        self,
        info: Info,
        global_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="A global id.")],
    ) -> Node | None:
        await info.context.sign_in()
        type_name, row_id = read_node_id(global_id)
        find = _FIND.get(type_name)
        found = await find(info.context, row_id) if find else None
        if found is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return found


@strawberry.type(description="What can be read.")
class Query(
    NodeQueries, ChannelQueries, StoreQueries, CouponQueries, RedemptionQueries, ReconciliationQueries
):
    pass


@strawberry.type(description="What can be done.")
class Mutation(
    RedemptionMutations, ChannelMutations, BatchMutations, StoreMutations, ReconciliationMutations
):
    pass


def build_schema() -> strawberry.Schema:
    """The schema. Each call makes one of its own."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Customer],
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
    )
    bind_resolvers(schema._schema)
    return schema
