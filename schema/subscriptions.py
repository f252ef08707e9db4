"""What clients can watch. Each event is one commit; what is shown is the present state."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, cast

import strawberry

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.orders.announcing import ORDER_CHANGED
from core.reservations.announcing import RESERVATION_CHANGED
from schema.context import Context, Info
from schema.fields import subscription
from schema.ids import read_id
from schema.orders import Order, find_visible_order
from schema.redemptions import Redemption, show_redemption
from schema.reservations import Reservation, find_own_reservation

REDEMPTION_CHANGED: Final = "redemption.changed"


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
        context = info.context
        actor = require(await context.sign_in(), Action.WATCH_REDEMPTIONS)
        store = await find_store(actor, read_id(store_id, "Store", "storeId"))
        position = context.cursors.read_seq(REDEMPTION_CHANGED, after)
        events = context.runtime.events.subscribe(actor.tenant_id, (REDEMPTION_CHANGED,), store.id, position)
        async with aclosing(cast("Any", events)):
            async for event in events:
                redemption = await _load_redemption(context, event.subject_id)
                if redemption is not None:
                    context.cursor = context.cursors.write_seq(REDEMPTION_CHANGED, event.seq)
                    yield redemption

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
        context = info.context
        actor = require(await context.sign_in(), Action.WATCH_RESERVATIONS)
        store = await find_store(actor, read_id(store_id, "Store", "storeId"))
        position = context.cursors.read_seq(RESERVATION_CHANGED, after)
        events = context.runtime.events.subscribe(actor.tenant_id, (RESERVATION_CHANGED,), store.id, position)
        async with aclosing(cast("Any", events)):
            async for event in events:
                await context.check_again()
                reservation = await find_own_reservation(context, event.subject_id)
                if reservation is not None:
                    context.cursor = context.cursors.write_seq(RESERVATION_CHANGED, event.seq)
                    yield reservation

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
        context = info.context
        actor = require(await context.sign_in(), Action.WATCH_ORDERS)
        store = await find_store(actor, read_id(store_id, "Store", "storeId"))
        position = context.cursors.read_seq(ORDER_CHANGED, after)
        events = context.runtime.events.subscribe(actor.tenant_id, (ORDER_CHANGED,), store.id, position)
        async with aclosing(cast("Any", events)):
            async for event in events:
                await context.check_again()
                order = await find_visible_order(context, event.subject_id)
                if order is not None:
                    context.cursor = context.cursors.write_seq(ORDER_CHANGED, event.seq)
                    yield order


async def _load_redemption(context: Context, redemption_id: Any) -> Redemption | None:
    """The redemption as it is now, None for one that the watcher may not see. Raises Unauthenticated."""
    await context.check_again()
    view = await (await context.load()).redemptions.load(redemption_id)
    return show_redemption(view) if view is not None else None
