"""What clients can watch. Each event is one commit; what is shown is the present state."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import strawberry

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.coupons.states import EVENT_KIND as REDEMPTION_CHANGED
from core.orders.announcing import ORDER_CHANGED
from core.reservations.announcing import RESERVATION_CHANGED
from schema.context import Context, Info
from schema.fields import subscription
from schema.ids import read_id
from schema.orders import Order, find_visible_order
from schema.redemptions import Redemption, show_redemption
from schema.reservations import Reservation, find_own_reservation

Shown = TypeVar("Shown")
Find = Callable[[Context, UUID], Awaitable[Shown | None]]


@strawberry.type(description="What can be watched, over graphql-transport-ws on the same path.")
class Subscription:
    @subscription(
        description="Every change of a redemption in one store, whoever made it. Each message carries"
        " `extensions.cursor`, with which a client that was cut off goes on. May: owner, manager, staff, pos (their"
        " stores), customer (their own)."
    )
    async def redemption_changed(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store to watch.")],
        after: Annotated[
            str | None,
            strawberry.argument(description="The `extensions.cursor` of the last message that arrived."),
        ] = None,
    ) -> AsyncGenerator[Redemption, None]:
        shown = _watch(
            info.context, Action.WATCH_REDEMPTIONS, REDEMPTION_CHANGED, _find_redemption, store_id, after
        )
        async with aclosing(shown):
            async for each in shown:
                yield each

    @subscription(
        description="Every change of a reservation in one store, whoever made it, as `redemptionChanged` does. May:"
        " owner, manager, staff, pos (their stores), customer (their own)."
    )
    async def reservation_changed(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store to watch.")],
        after: Annotated[
            str | None,
            strawberry.argument(description="The `extensions.cursor` of the last message that arrived."),
        ] = None,
    ) -> AsyncGenerator[Reservation, None]:
        shown = _watch(
            info.context,
            Action.WATCH_RESERVATIONS,
            RESERVATION_CHANGED,
            find_own_reservation,
            store_id,
            after,
        )
        async with aclosing(shown):
            async for each in shown:
                yield each

    @subscription(
        description="Every change of an order of one store, whoever made it, as `redemptionChanged` does. May: owner,"
        " manager, staff, pos (their stores), customer (their own)."
    )
    async def order_changed(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store to watch.")],
        after: Annotated[
            str | None,
            strawberry.argument(description="The `extensions.cursor` of the last message that arrived."),
        ] = None,
    ) -> AsyncGenerator[Order, None]:
        shown = _watch(info.context, Action.WATCH_ORDERS, ORDER_CHANGED, find_visible_order, store_id, after)
        async with aclosing(shown):
            async for each in shown:
                yield each


async def _watch(
    context: Context, action: Action, kind: str, find: Find[Shown], store_id: strawberry.ID, after: str | None
) -> AsyncGenerator[Shown, None]:
    """What the events of a kind in a store are about, as it is now; what the watcher may not see is passed over.

    Raises Unauthenticated once the token has ended.
    """
    actor = require(await context.sign_in(), action)
    store = await find_store(actor, read_id(store_id, "Store", "storeId"))
    position = context.cursors.read_seq(kind, after)
    events = context.runtime.events.subscribe(actor.tenant_id, (kind,), store.id, position)
    async with aclosing(cast("Any", events)):
        async for event in events:
            await context.check_again()
            found = await find(context, event.subject_id)
            if found is not None:
                context.cursor = context.cursors.write_seq(kind, event.seq)
                yield found


async def _find_redemption(context: Context, row_id: UUID) -> Redemption | None:
    view = await (await context.load()).redemptions.load(row_id)
    return show_redemption(view) if view is not None else None
