"""Money that goes back for a cancelled order: asked for with the cancellation, noted when it has been handed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.channels.contract.orders import RefundStatus
from core.db.inserts import insert_row
from core.db.statements import Json, Write
from core.ids import new_id
from core.money import format_yuan
from core.orders.announcing import OrderChange, add_timeline, build_order_trail, update_order
from core.orders.once import change_once, write_once
from core.orders.order_requests import Request, open_request
from core.orders.problems import refuse_order
from core.orders.values import OrderProblem, OrderView
from core.payments.values import PaymentStatus, PaymentView, load_payments
from core.runtime import Runtime


def request_refund(tenant_id: UUID, payment: PaymentView, reason: str, now: datetime) -> list[Write]:
    """Asks for a payment's money back, once. GuardFailed: it is not there to be given back any more."""
    key = _refund_key(payment)
    amount = {"amount": format_yuan(payment.amount)}
    return [
        Write(
            "UPDATE payment SET status = 'REFUND_DUE' WHERE tenant_id = $1 AND id = $2 AND status = 'PAID'",
            (tenant_id, payment.id),
            expects=1,
        ),
        insert_row(
            "order_refund",
            id=new_id(),
            tenant_id=tenant_id,
            order_id=payment.order_id,
            refund_key=key,
            amount=payment.amount,
            status=RefundStatus.REQUESTED.value,
            reason=reason[:300] or None,
            lines=Json({}),
            requested_at=now,
        ),
        add_timeline(tenant_id, payment.order_id, now, "refund_requested", f"{key}:REQUESTED", amount),
    ]


async def record_refund(
    runtime: Runtime, actor: Actor | None, order_id: UUID, key: str
) -> OrderView | OrderProblem:
    """Notes that what was due to go back has been handed over at the counter. A repeat answers the same.

    Raises Unauthenticated, Forbidden, NotFound, BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.RECORD_REFUND)
    request = open_request(runtime, actor, Action.RECORD_REFUND, key, [order_id])

    async def attempt(present: OrderView) -> OrderView | OrderProblem | None:
        due = await load_payments(present.tenant_id, order_id, PaymentStatus.REFUND_DUE)
        if not due:
            return refuse_order("no_refund", "orderId")
        return await _commit(request, present, due, runtime.clock.now())

    answer = await change_once(request, order_id, attempt)
    runtime.events.wake()
    return answer


async def _commit(
    request: Request, present: OrderView, due: list[PaymentView], now: datetime
) -> OrderView | None:
    """None where somebody else changed the order meanwhile. Raises Answered."""
    refunded = present.refunded + sum(payment.amount for payment in due)
    after = replace(present, refunded=refunded, version=present.version + 1)
    writes = [
        update_order(present, refunded=refunded),
        *(write for payment in due for write in _complete_refund(present, payment, now)),
        *build_order_trail(OrderChange(Action.RECORD_REFUND, request.actor, after)),
    ]
    return after if await write_once(request, present.id, writes) else None


def _complete_refund(order: OrderView, payment: PaymentView, now: datetime) -> list[Write]:
    key, amount = _refund_key(payment), {"amount": format_yuan(payment.amount)}
    return [
        Write(
            "UPDATE payment SET status = 'REFUNDED', refunded_at = $1"
            " WHERE tenant_id = $2 AND id = $3 AND status = 'REFUND_DUE'",
            (now, order.tenant_id, payment.id),
            expects=1,
        ),
        Write(
            "UPDATE order_refund SET status = 'COMPLETED', decided_at = $1"
            " WHERE tenant_id = $2 AND order_id = $3 AND refund_key = $4 AND status = 'REQUESTED'",
            (now, order.tenant_id, order.id, key),
            expects=1,
        ),
        add_timeline(order.tenant_id, order.id, now, "refund_completed", f"{key}:COMPLETED", amount),
    ]


def _refund_key(payment: PaymentView) -> str:
    return f"payment:{payment.id}"
