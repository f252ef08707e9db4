"""From an order with its stock to one that is settled: its coupons redeemed, or everything as it was before.

Whoever holds the placement drives it. `core.orders.order_sweep` takes over what nobody drives any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from core.access.permissions import Action
from core.channels.contract import Refusal
from core.channels.contract.orders import OrderStatus
from core.coupons.order_use import OrderOver, OrderUse, hold_order
from core.coupons.redemption import redeem_for_order
from core.coupons.requests import find_request
from core.coupons.states import OPEN_REQUESTS, Operation
from core.coupons.values import CouponProblem, RedeemOutcome, RedeemResult, RedemptionStatus
from core.db.statements import GuardFailed, Write, execute, write_together
from core.db.transactions import run_again
from core.errors import Fault
from core.orders.announcing import OrderChange, add_timeline, build_order_trail, update_order
from core.orders.coupon_codes import refuse_coupon
from core.orders.order_rows import load_order
from core.orders.own_orders import delete_order
from core.orders.placements import (
    Placement,
    PlacementStatus,
    hold_placement,
    move_placement,
    pause_placement,
)
from core.orders.pricing import return_stock
from core.orders.values import OrderProblem, OrderView
from core.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# An order that nobody has paid by then is cancelled, and its stock sold to others.
UNPAID_FOR: Final = timedelta(hours=24)
# An order whose redemption could not even be begun for so long is given up.
_PATIENCE: Final = timedelta(minutes=10)
_LONGEST_PAUSE: Final = 300

_WAITING: Final = frozenset(
    {
        RedemptionStatus.PENDING,
        RedemptionStatus.UNKNOWN,
        RedemptionStatus.REVERSING,
        RedemptionStatus.NEEDS_ATTENTION,
    }
)


@dataclass(frozen=True, slots=True)
class Due:
    """What an order becomes once its coupons are known: paid where nothing is left to pay, else waiting for it."""

    status: OrderStatus
    placement: PlacementStatus
    paid_at: datetime | None
    next_attempt_at: datetime | None

    def timeline(self, order: OrderView) -> list[Write]:
        if self.paid_at is None:
            return []
        return [add_timeline(order.tenant_id, order.id, self.paid_at, "paid", "paid")]


def confirm_due(order: OrderView, now: datetime) -> Due:
    """PAID for an order of nothing, else PENDING_PAYMENT for `UNPAID_FOR`."""
    if order.total == 0:
        return Due(OrderStatus.PAID, PlacementStatus.DONE, now, None)
    return Due(OrderStatus.PENDING_PAYMENT, PlacementStatus.AWAITING, None, now + UNPAID_FOR)


async def drive_placement(runtime: Runtime, placement: Placement) -> None:
    """Redeems the coupons of an order that is being placed, and settles it. The caller holds the placement."""
    try:
        result = await _redeem(runtime, placement)
        if result is None:
            return
        await _settle(runtime, placement, result)
    except GuardFailed:
        log.info("another process holds the order", order=str(placement.order_id))


async def _redeem(runtime: Runtime, placement: Placement) -> RedeemResult | None:
    """What became of the coupons. None: the order is cancelled, or has another holder."""
    order = await load_order(placement.tenant_id, placement.order_id)
    if order is None:
        return None
    guards = (hold_placement(placement), hold_order(placement.tenant_id, placement.order_id))
    use = OrderUse(placement.order_id, order.subtotal, guards)
    codes, key = placement.codes.inputs, redemption_key(placement.order_id)
    try:
        result = await redeem_for_order(runtime, placement.actor, placement.store_id, codes, key, use)
    except OrderOver:
        return None
    except Fault as fault:
        log.warning("an order's coupons cannot be redeemed", order=str(order.id), fault=type(fault).__name__)
        return await _lose_patience(runtime, placement)
    if result.outcome is RedeemOutcome.UNKNOWN and not await _has_ended(placement):
        # What its redemptions say may change while it runs.
        return RedeemResult(RedeemOutcome.UNKNOWN)
    return result


async def _has_ended(placement: Placement) -> bool:
    key = redemption_key(placement.order_id)
    request = await find_request(placement.tenant_id, placement.actor_id, Operation.REDEEM, key)
    return request is not None and request.status not in OPEN_REQUESTS


def redemption_key(order_id: UUID) -> str:
    """The idempotency key of the redemption of an order's coupons."""
    return f"order:{order_id}"


async def _lose_patience(runtime: Runtime, placement: Placement) -> RedeemResult:
    key = redemption_key(placement.order_id)
    begun = await find_request(placement.tenant_id, placement.actor_id, Operation.REDEEM, key)
    if begun is not None or runtime.clock.now() < placement.created_at + _PATIENCE:
        return RedeemResult(RedeemOutcome.UNKNOWN)
    return RedeemResult(RedeemOutcome.DECLINED, (), (CouponProblem(Refusal.CHANNEL_UNAVAILABLE, ("codes",)),))


async def _settle(runtime: Runtime, placement: Placement, result: RedeemResult) -> None:
    match judge_outcome(result):
        case RedeemOutcome.REDEEMED:
            await _confirm(runtime, placement, result)
        case RedeemOutcome.DECLINED:
            await _give_up(runtime, placement, result)
        case _:
            await pause(runtime, placement)


def judge_outcome(result: RedeemResult) -> RedeemOutcome:
    """How a basket stands, by its redemptions: a person may have cleared up what its answer left open. Pure."""
    statuses = {each.status for each in result.redemptions}
    if not statuses:
        return result.outcome
    if statuses & _WAITING:
        return RedeemOutcome.UNKNOWN
    return RedeemOutcome.REDEEMED if statuses == {RedemptionStatus.SUCCEEDED} else RedeemOutcome.DECLINED


async def pause(runtime: Runtime, placement: Placement) -> None:
    """Lets go of a placement that has to wait, a little longer each time."""
    seconds = min(2**placement.attempts, _LONGEST_PAUSE) if placement.attempts < 10 else _LONGEST_PAUSE
    write = pause_placement(placement, runtime.clock.now() + timedelta(seconds=seconds))
    await execute(write.sql, *write.values)


# ---------------------------------------------------------------------------------------------------------------- ends
async def _confirm(runtime: Runtime, placement: Placement, result: RedeemResult) -> None:
    """Every coupon is redeemed: the amount comes off."""
    order, now = await _load(placement), runtime.clock.now()
    discount = min(sum(each.discount for each in result.redemptions), order.subtotal)
    total = order.subtotal - discount + order.shipping
    order = replace(order, discount=discount, total=total)
    due = confirm_due(order, now)
    after = replace(order, status=due.status, paid_at=due.paid_at, version=order.version + 1)
    columns = {"discount": discount, "total": total, "status": due.status.value, "paid_at": due.paid_at}
    await write_together(
        [
            move_placement(placement, due.placement, due.next_attempt_at),
            update_order(order, **columns),
            add_timeline(order.tenant_id, order.id, order.placed_at, "placed", "placed"),
            *due.timeline(order),
            *build_order_trail(OrderChange(Action.PLACE_ORDER, placement.actor, after)),
        ]
    )
    runtime.events.wake()


async def _give_up(runtime: Runtime, placement: Placement, result: RedeemResult) -> None:
    """A coupon was refused: stock and order are as before. Who was told of the order finds it cancelled."""
    order, now = await _load(placement), runtime.clock.now()
    problems = _list_problems(placement, result)
    # Where a person has found out that one of them was used after all, it is given back with the order.
    used = any(each.status is RedemptionStatus.SUCCEEDED for each in result.redemptions)
    if used:
        end = move_placement(placement, PlacementStatus.CANCELLING, now, problems)
    else:
        end = move_placement(placement, PlacementStatus.FAILED, None, problems)
    writes = _cancel_told(placement, order, now) if placement.told or used else delete_order(order)
    everything = [end, *await return_stock(order.tenant_id, order.id), *writes]
    await run_again(lambda: write_together(everything))
    runtime.events.wake()


def _list_problems(placement: Placement, result: RedeemResult) -> list[OrderProblem]:
    problems = [refuse_coupon(placement.codes, each) for each in result.problems]
    declined = [each.decline_code for each in result.redemptions if each.decline_code]
    fallback = declined[0] if declined else Refusal.REFUSED_BY_CHANNEL
    return problems or [refuse_coupon(placement.codes, CouponProblem(fallback, ("codes",)))]


def _cancel_told(placement: Placement, order: OrderView, now: datetime) -> list[Write]:
    after = replace(order, status=OrderStatus.CANCELLED, version=order.version + 1)
    return [
        update_order(order, status=after.status.value),
        add_timeline(order.tenant_id, order.id, now, "cancelled", "cancelled"),
        *build_order_trail(OrderChange(Action.PLACE_ORDER, placement.actor, after)),
    ]


async def _load(placement: Placement) -> OrderView:
    order = await load_order(placement.tenant_id, placement.order_id)
    if order is None:
        raise GuardFailed("the order is gone")
    return order
