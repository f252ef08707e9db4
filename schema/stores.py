"""Stores."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from core.access.stores import create_store, find_store, list_stores
from core.access.values import StoreView
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, show_id
from schema.problems import UserError, show_problems


@strawberry.type(description="A store of the merchant.")
class Store(Node):
    name: str = strawberry.field(description="The store's name.")
    time_zone: str = strawberry.field(description="IANA time zone, as in Asia/Shanghai.")


def show_store(store: StoreView) -> Store:
    return Store(id=show_id("Store", store.id), name=store.name, time_zone=store.time_zone)


@strawberry.input(description="A new store.")
class CreateStoreInput:
    name: str = strawberry.field(description="The store's name, 120 characters at most.")
    time_zone: str | None = strawberry.field(default="Asia/Shanghai", description="IANA time zone.")


@strawberry.type(description="The answer to createStore.")
class CreateStorePayload:
    store: Store | None = strawberry.field(description="The new store, null if it was not created.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type
class StoreQueries:
    @resolved(description="The stores that the token reaches, oldest first.")
    async def stores(self, info: Info) -> list[Store]:
        return [show_store(store) for store in await list_stores(await info.context.sign_in())]


@strawberry.type
class StoreMutations:
    @mutation(description="Opens a store. May: owner, manager.")
    async def create_store(
        self,
        info: Info,
        given: Annotated[CreateStoreInput, strawberry.argument(name="input", description="The new store.")],
    ) -> CreateStorePayload:
        actor = await info.context.sign_in()
        answer = await create_store(actor, given.name, given.time_zone or "Asia/Shanghai")
        if isinstance(answer, StoreView):
            return CreateStorePayload(store=show_store(answer), user_errors=[])
        return CreateStorePayload(store=None, user_errors=show_problems(answer))


async def find_own_store(context: Context, store_id: UUID) -> Store:
    """A store that the token reaches. Raises NotFound."""
    return show_store(await find_store(await context.sign_in(), store_id))
