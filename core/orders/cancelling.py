"""`cancelOrder`: stock and money go back in one commit, then the coupons are given back at their platforms.

The order is CANCELLED at once. What its coupons still need is done by whoever cancelled it, or by `settle_orders`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from core.access.permissions import Action, require
from core.access.values import Actor
from core.channels.contract import Refusal
from core.channels.contract.orders import OrderStatus
from core.coupons.detached import run_detached, wait_until
from core.coupons.redemption import set_deadlines
from core.coupons.reversal import reverse_with_order
from core.coupons.values import RedemptionStatus, RedemptionView
from core.db.statements import GuardFailed, Write, fetch_row, write_together
from core.db.transactions import run_again
from core.orders.announcing import OrderChange, add_timeline, build_order_trail, update_order
from core.orders.once import change_once, write_once
from core.orders.order_requests import Request, open_request
from core.orders.order_rows import load_lines
from core.orders.placed import PlacedOrder, read_redemptions
from core.orders.placements import (
    Placement,
    PlacementStatus,
    begin_cancelling,
    load_placement,
    move_placement,
)
from core.orders.pricing import return_stock
from core.orders.problems import refuse_order
from core.orders.settling import pause
from core.orders.values import OrderErrorCode, OrderProblem, OrderView
from core.payments.refunds import request_refund
from core.payments.values import PaymentStatus, load_payments
from core.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MAX_REASON: Final = 300
# How long after payment customers cancel by themselves; afterwards they may have been served.
CUSTOMER_WINDOW: Final = timedelta(minutes=30)

_FIELD: Final = ("orderId",)
_FOR_CUSTOMERS: Final = frozenset({OrderStatus.PENDING_PAYMENT, OrderStatus.PAID})
_FOR_STAFF: Final = _FOR_CUSTOMERS | {OrderStatus.PREPARING}
_WAITING: Final = frozenset({RedemptionStatus.PENDING, RedemptionStatus.UNKNOWN, RedemptionStatus.REVERSING})


async def cancel_order(
    runtime: Runtime, actor: Actor | None, order_id: UUID, reason: str | None, key: str
) -> PlacedOrder:
    """Cancels an order of our own that was not served yet, or answers why not; within `settings.answer_seconds`.

    Redemptions that are still on their way back go on by themselves. Raises Unauthenticated, Forbidden, NotFound,
    BadInput and IdempotencyKeyReused.
    """
    due, _ = set_deadlines(runtime)
    actor = require(actor, Action.CANCEL_ORDER)
    reason = (reason or "").strip()
    request = open_request(runtime, actor, Action.CANCEL_ORDER, key, [order_id, reason])

    async def attempt(present: OrderView) -> OrderView | OrderProblem | None:
        return await _attempt(runtime, request, present, reason)

    answer = await change_once(request, order_id, attempt)
    if isinstance(answer, OrderProblem):
        return PlacedOrder(None, (), (answer,))
    runtime.events.wake()
    placement = await load_placement(actor.tenant_id, order_id, runtime.keys)
    if placement is not None and placement.status is PlacementStatus.CANCELLING:
        await wait_until(run_detached(drive_cancelling(runtime, placement)), due)
        placement = await load_placement(actor.tenant_id, order_id, runtime.keys)
    redemptions = await read_redemptions(actor.tenant_id, order_id)
    return PlacedOrder(answer, redemptions, placement.problems if placement else ())


async def expire_order(runtime: Runtime, placement: Placement, order: OrderView) -> None:
    """Cancels an order that nobody paid in time. Raises GuardFailed where it was changed meanwhile."""
    writes = await _build_writes(runtime, None, order, placement, "not paid in time")
    await run_again(lambda: write_together(writes))
    runtime.events.wake()


# -------------------------------------------------------------------------------------------------------------- checks
async def _attempt(
    runtime: Runtime, request: Request, present: OrderView, reason: str
) -> OrderView | OrderProblem | None:
    placement = await load_placement(present.tenant_id, present.id, runtime.keys)
    if len(reason) > MAX_REASON:
        return refuse_order("too_long", "reason", limit=MAX_REASON)
    if placement is None:
        return _refuse("channel")
    problem = await _check(runtime, request.actor, present)
    if problem is not None:
        return problem
    writes = await _build_writes(runtime, request.actor, present, placement, reason)
    if not await write_once(request, present.id, writes):
        return None
    return _after(present)


async def _check(runtime: Runtime, actor: Actor, order: OrderView) -> OrderProblem | None:
    if order.status not in (_FOR_CUSTOMERS if actor.is_customer else _FOR_STAFF):
        return _refuse()
    lines = (await load_lines(order.tenant_id, [order.id]))[order.id]
    if any(line.shipped_quantity for line in lines):
        return _refuse()
    return await _check_customer(runtime, order) if actor.is_customer else None


async def _check_customer(runtime: Runtime, order: OrderView) -> OrderProblem | None:
    """What staff may decide otherwise."""
    now = runtime.clock.now()
    if order.paid_at is not None and now > order.paid_at + CUSTOMER_WINDOW:
        return _refuse("window")
    redemptions = await read_redemptions(order.tenant_id, order.id)
    if any(_is_final(runtime, each, now) for each in redemptions):
        return _refuse("coupon")
    return None


def _is_final(runtime: Runtime, redemption: RedemptionView, now: datetime) -> bool:
    """Whether a coupon is used for good."""
    if redemption.status is not RedemptionStatus.SUCCEEDED:
        return False
    coupons = runtime.registry.get(redemption.channel).coupons
    possible = coupons is not None and coupons.behaviour.reversal.possible
    return not possible or (redemption.reversible_until is not None and redemption.reversible_until < now)


def _refuse(reason: str = "") -> OrderProblem:
    return OrderProblem(OrderErrorCode.NOT_CANCELLABLE, _FIELD, values={"reason": reason} if reason else {})


# -------------------------------------------------------------------------------------------------------------- commit
def _after(present: OrderView) -> OrderView:
    return replace(present, status=OrderStatus.CANCELLED, version=present.version + 1)


async def _build_writes(
    runtime: Runtime, actor: Actor | None, present: OrderView, placement: Placement, reason: str
) -> list[Write]:
    """The order's end, and everything that it had taken but its coupons."""
    now = runtime.clock.now()
    lease = now + timedelta(seconds=runtime.settings.lease_seconds)
    payments = await load_payments(present.tenant_id, present.id, PaymentStatus.PAID)
    refunds = [write for each in payments for write in request_refund(present.tenant_id, each, reason, now)]
    return [
        update_order(present, status=OrderStatus.CANCELLED.value),
        begin_cancelling(placement, actor, reason, lease),
        *await return_stock(present.tenant_id, present.id),
        *refunds,
        add_timeline(present.tenant_id, present.id, now, "cancelled", "cancelled"),
        *build_order_trail(OrderChange(Action.CANCEL_ORDER, actor, _after(present))),
    ]


# ------------------------------------------------------------------------------------------------------------- coupons
async def drive_cancelling(runtime: Runtime, placement: Placement) -> None:
    """Gives the coupons of a cancelled order back. The caller holds the placement."""
    if await _is_redeeming(placement):
        # A basket that is still under way takes its own successes back if it has to.
        await pause(runtime, placement)
        return
    redemptions = await read_redemptions(placement.tenant_id, placement.order_id)
    for redemption in redemptions:
        if redemption.status is RedemptionStatus.SUCCEEDED:
            await _reverse(runtime, placement, redemption)
    redemptions = await read_redemptions(placement.tenant_id, placement.order_id)
    try:
        if any(each.status in _WAITING for each in redemptions):
            await pause(runtime, placement)
        else:
            await _finish(runtime, placement, redemptions)
    except GuardFailed:
        log.info("another process holds the order", order=str(placement.order_id))


async def _is_redeeming(placement: Placement) -> bool:
    row = await fetch_row(
        "SELECT id FROM redemption_request WHERE tenant_id = $1 AND order_id = $2"
        " AND status IN ('PROCESSING', 'COMPENSATING') LIMIT 1",
        placement.tenant_id,
        placement.order_id,
    )
    return row is not None


async def _reverse(runtime: Runtime, placement: Placement, redemption: RedemptionView) -> None:
    key = f"cancel:{placement.order_id}:{redemption.id}"
    reason = placement.reason or "the order was cancelled"
    await reverse_with_order(runtime, placement.actor, redemption.id, reason, key)


async def _finish(runtime: Runtime, placement: Placement, redemptions: tuple[RedemptionView, ...]) -> None:
    """Every coupon is where it will stay; one that could not be given back is told of."""
    kept = {RedemptionStatus.SUCCEEDED, RedemptionStatus.NEEDS_ATTENTION}
    stuck = [each for each in redemptions if each.status in kept]
    problems = [*placement.problems, *map(_tell_kept, stuck)]
    now = runtime.clock.now()
    timeline = [
        add_timeline(placement.tenant_id, placement.order_id, now, "coupon_kept", f"coupon_kept:{each.id}")
        for each in stuck
    ]
    await write_together([move_placement(placement, PlacementStatus.DONE, None, problems), *timeline])


def _tell_kept(redemption: RedemptionView) -> OrderProblem:
    unknown = redemption.status is RedemptionStatus.NEEDS_ATTENTION
    code = Refusal.OUTCOME_UNKNOWN if unknown else Refusal.NOT_REVERSIBLE
    return OrderProblem(OrderErrorCode.COUPON_REFUSED, _FIELD, code.value, {"reason": "kept"})
