"""`recordPayment`: somebody has paid at the counter. Always the whole amount that is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.channels.contract.orders import OrderStatus
from core.db.inserts import insert_row
from core.db.statements import Write
from core.ids import new_id
from core.money import format_yuan
from core.orders.announcing import OrderChange, add_timeline, build_order_trail, update_order
from core.orders.once import change_once, write_once
from core.orders.order_requests import Request, open_request
from core.orders.placements import Placement, PlacementStatus, load_placement, move_placement
from core.orders.problems import refuse_order
from core.orders.values import OrderProblem, OrderView
from core.payments.values import PaymentMethod, PaymentStatus
from core.runtime import Runtime

# One payment settles an order: a second one meets this key.
_WHOLE: Final = "whole"


async def record_payment(
    runtime: Runtime, actor: Actor | None, order_id: UUID, amount: int | None, key: str
) -> OrderView | OrderProblem:
    """Notes that what is due for an order of our own was paid at the counter; the order is PAID then.

    `amount` in fen, where the terminal says what it took: anything but what is due is refused. A repeat answers the
    same. Raises Unauthenticated, Forbidden, NotFound, BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.RECORD_PAYMENT)
    request = open_request(runtime, actor, Action.RECORD_PAYMENT, key, [order_id, amount])

    async def attempt(present: OrderView) -> OrderView | OrderProblem | None:
        placement = await load_placement(present.tenant_id, order_id, runtime.keys)
        problem = _check(present, placement, amount)
        if problem is not None or placement is None:
            return problem
        return await _commit(request, present, placement, runtime.clock.now())

    answer = await change_once(request, order_id, attempt)
    runtime.events.wake()
    return answer


def _check(order: OrderView, placement: Placement | None, amount: int | None) -> OrderProblem | None:
    if placement is not None and placement.status is PlacementStatus.PLACING:
        return refuse_order("settling", "orderId")
    if placement is None or placement.status is not PlacementStatus.AWAITING:
        return refuse_order("nothing_due", "orderId")
    if amount is not None and amount != order.total:
        return refuse_order("amount", "amount", due=format_yuan(order.total))
    return None


async def _commit(
    request: Request, present: OrderView, placement: Placement, now: datetime
) -> OrderView | None:
    """None where somebody else changed the order meanwhile. Raises Answered."""
    after = replace(
        present, status=OrderStatus.PAID, paid=present.total, paid_at=now, version=present.version + 1
    )
    writes = [
        _insert_payment(request, present, now),
        move_placement(placement, PlacementStatus.DONE, None),
        update_order(present, status=after.status.value, paid=after.paid, paid_at=now),
        add_timeline(present.tenant_id, present.id, now, "paid", "paid"),
        *build_order_trail(OrderChange(Action.RECORD_PAYMENT, request.actor, after)),
    ]
    return after if await write_once(request, present.id, writes) else None


def _insert_payment(request: Request, order: OrderView, now: datetime) -> Write:
    return insert_row(
        "payment",
        id=new_id(),
        tenant_id=order.tenant_id,
        order_id=order.id,
        store_id=order.store_id,
        method=PaymentMethod.AT_COUNTER.value,
        payment_key=_WHOLE,
        status=PaymentStatus.PAID.value,
        amount=order.total,
        paid_at=now,
        actor_id=request.actor.actor_id,
    )
