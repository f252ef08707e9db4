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
from schema.blocks import BlockMutations, BlockQueries
from schema.booking import BookingMutations
from schema.bookings import (
    ChannelBookingMutations,
    ChannelBookingQueries,
    find_own_conflict,
    find_own_link,
)
from schema.calendars import CalendarQueries
from schema.channels import ChannelMutations, ChannelQueries, show_account
from schema.classes import ClassMutations, ClassQueries, find_own_class
from schema.context import Context, Info
from schema.coupons import CouponQueries, show_coupon
from schema.customers import Customer, show_customer
from schema.fields import resolved
from schema.ids import Node, read_node_id
from schema.logins import LoginMutations
from schema.notifications import NotificationMutations, NotificationQueries, find_notification
from schema.orders import OrderQueries, find_visible_order
from schema.packages import PackageMutations, PackageQueries, find_own_package
from schema.placing import PlacingMutations, PlacingQueries
from schema.policies import PolicyMutations, PolicyQueries
from schema.presale import PresaleMutations, PresaleQueries, find_visible_campaign
from schema.presale_health import PresaleHealthMutations, PresaleHealthQueries
from schema.products import ProductMutations, ProductQueries, show_product, show_sku
from schema.reconciliation import ReconciliationMutations, ReconciliationQueries, find_own_run
from schema.redemptions import RedemptionMutations, RedemptionQueries, show_redemption
from schema.reports import ReportQueries
from schema.reservations import ReservationQueries, find_own_reservation
from schema.resolvers import bind_resolvers
from schema.resources import ResourceMutations, ResourceQueries, show_resource
from schema.scalars import SCALARS
from schema.services import ServiceMutations, ServiceQueries, show_service
from schema.shifts import ShiftMutations, ShiftQueries
from schema.staff import StaffMutations, StaffQueries, show_staff_member
from schema.store_scores import StoreScoreMutations, StoreScoreQueries
from schema.stores import StoreMutations, StoreQueries, find_own_store
from schema.subscriptions import Subscription
from schema.visits import VisitMutations, VisitQueries
from schema.waitlist import WaitlistMutations, WaitlistQueries, find_own_entry

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


async def _find_service(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).services.load(row_id)
    return show_service(view) if view else None


async def _find_staff_member(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).staff.load(row_id)
    return show_staff_member(view) if view else None


async def _find_resource(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).resources.load(row_id)
    return show_resource(view) if view else None


async def _find_product(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).products.load(row_id)
    return show_product(view) if view else None


async def _find_sku(context: Context, row_id: UUID) -> Node | None:
    view = await (await context.load()).skus.load(row_id)
    return show_sku(view) if view else None


_FIND: Final[dict[str, Find]] = {
    "BookingConflict": find_own_conflict,
    "BookingLink": find_own_link,
    "ChannelAccount": _find_account,
    "ClassSession": find_own_class,
    "Coupon": _find_coupon,
    "CouponBatch": _find_batch,
    "Customer": _find_customer,
    "CustomerPackage": find_own_package,
    "Notification": find_notification,
    "Order": find_visible_order,
    "PresaleCampaign": find_visible_campaign,
    "Product": _find_product,
    "Reconciliation": find_own_run,
    "Redemption": _find_redemption,
    "Reservation": find_own_reservation,
    "Resource": _find_resource,
    "Service": _find_service,
    "Sku": _find_sku,
    "StaffMember": _find_staff_member,
    "Store": find_own_store,
    "WaitlistEntry": find_own_entry,
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
    NodeQueries,
    ChannelQueries,
    StoreQueries,
    CouponQueries,
    RedemptionQueries,
    ReconciliationQueries,
    CalendarQueries,
    ReportQueries,
    VisitQueries,
    NotificationQueries,
    ServiceQueries,
    StaffQueries,
    ResourceQueries,
    ShiftQueries,
    PolicyQueries,
    ClassQueries,
    BlockQueries,
    ProductQueries,
    PresaleQueries,
    PresaleHealthQueries,
    StoreScoreQueries,
    ReservationQueries,
    ChannelBookingQueries,
    OrderQueries,
    PlacingQueries,
    PackageQueries,
    WaitlistQueries,
):
    pass


@strawberry.type(description="What can be done.")
class Mutation(
    VisitMutations,
    LoginMutations,
    RedemptionMutations,
    ChannelMutations,
    BatchMutations,
    StoreMutations,
    ReconciliationMutations,
    NotificationMutations,
    ServiceMutations,
    StaffMutations,
    ResourceMutations,
    ShiftMutations,
    PolicyMutations,
    ClassMutations,
    BlockMutations,
    ProductMutations,
    PresaleMutations,
    PresaleHealthMutations,
    StoreScoreMutations,
    BookingMutations,
    PlacingMutations,
    ChannelBookingMutations,
    PackageMutations,
    WaitlistMutations,
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
