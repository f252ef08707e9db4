"""`completeOrder`: what was ordered has been handed over at the counter."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.channels.contract.orders import OrderStatus
from core.orders.announcing import OrderChange, add_timeline, build_order_trail, update_order
from core.orders.once import change_once, write_once
from core.orders.order_requests import open_request
from core.orders.problems import refuse_order
from core.orders.values import HOUSE, OrderProblem, OrderView
from core.runtime import Runtime

_OPEN: Final = (OrderStatus.PAID, OrderStatus.PREPARING)


async def complete_order(
    runtime: Runtime, actor: Actor | None, order_id: UUID, key: str
) -> OrderView | OrderProblem:
    """Makes a paid order of our own COMPLETED: nobody cancels it any more. A repeat answers the same.

    Raises Unauthenticated, Forbidden, NotFound, BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.COMPLETE_ORDER)
    request = open_request(runtime, actor, Action.COMPLETE_ORDER, key, [order_id])

    async def attempt(present: OrderView) -> OrderView | OrderProblem | None:
        if present.channel != HOUSE or present.status not in _OPEN:
            return refuse_order("not_paid", "orderId")
        after = replace(present, status=OrderStatus.COMPLETED, version=present.version + 1)
        writes = [
            update_order(present, status=after.status.value),
            add_timeline(present.tenant_id, present.id, runtime.clock.now(), "completed", "completed"),
            *build_order_trail(OrderChange(Action.COMPLETE_ORDER, request.actor, after)),
        ]
        return after if await write_once(request, present.id, writes) else None

    answer = await change_once(request, order_id, attempt)
    runtime.events.wake()
    return answer
