"""What `placeOrder` answers: the order as it stands, with the redemptions of its coupons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.access.permissions import Action
from core.coupons.codes import normalise_code
from core.coupons.ledger import view_redemption
from core.coupons.requests import find_redemptions, find_request
from core.coupons.states import Operation
from core.coupons.values import RedemptionView
from core.db.statements import GuardFailed, fetch_rows, write_together
from core.orders.announcing import OrderChange, add_timeline, build_order_trail
from core.orders.coupon_codes import Codes
from core.orders.order_rows import load_order
from core.orders.placements import Placement, PlacementStatus, load_placement, mark_told
from core.orders.settling import redemption_key
from core.orders.values import OrderErrorCode, OrderProblem, OrderView
from core.runtime import Runtime

_ATTEMPTS: Final = 3
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that was placed, or (None) why not. `codes` are the codes as they were presented, by redemption."""

    order: OrderView | None
    redemptions: tuple[RedemptionView, ...] = ()
    problems: tuple[OrderProblem, ...] = ()
    codes: Mapping[UUID, str] = field(default_factory=dict, repr=False)


async def show_placed(runtime: Runtime, tenant_id: UUID, order_id: UUID, codes: Codes) -> PlacedOrder:
    """How the order stands. Whoever is told of one that is still being placed will find it, however that ends."""
    for _ in range(_ATTEMPTS):
        placement = await load_placement(tenant_id, order_id, runtime.keys)
        order = await load_order(tenant_id, order_id)
        if placement is None:
            raise LookupError("an order was placed and has no placement")
        redemptions = await read_redemptions(tenant_id, order_id)
        presented = await _find_presented(placement, codes)
        if placement.status is PlacementStatus.FAILED:
            return PlacedOrder(None, redemptions, placement.problems, presented)
        if order is None:
            continue
        if placement.status is not PlacementStatus.PLACING:
            return PlacedOrder(order, redemptions, (), presented)
        if await _tell(runtime, placement, order):
            unknown = OrderProblem(
                OrderErrorCode.COUPON_OUTCOME_UNKNOWN, codes.find_path(()), "OUTCOME_UNKNOWN"
            )
            return PlacedOrder(order, redemptions, (unknown,), presented)
    raise GuardFailed("the order is being settled again and again")


async def wait_for_placement(runtime: Runtime, tenant_id: UUID, order_id: UUID, deadline: float) -> None:
    """Waits while somebody else settles the order, at most until `deadline` (on the event loop's clock)."""
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE
    while clock() < deadline:
        placement = await load_placement(tenant_id, order_id, runtime.keys)
        if placement is None or placement.status is not PlacementStatus.PLACING:
            return
        await asyncio.sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def read_redemptions(tenant_id: UUID, order_id: UUID) -> tuple[RedemptionView, ...]:
    """The redemptions of an order's coupons, in their order, whoever asks."""
    rows = await fetch_rows(
        "SELECT * FROM redemption WHERE tenant_id = $1 AND order_id = $2 ORDER BY id", tenant_id, order_id
    )
    return tuple(map(view_redemption, rows))


async def _find_presented(placement: Placement, codes: Codes) -> dict[UUID, str]:
    """The codes as whoever asks has just presented them, by redemption."""
    if not codes.inputs:
        return {}
    key = redemption_key(placement.order_id)
    request = await find_request(placement.tenant_id, placement.actor_id, Operation.REDEEM, key)
    if request is None:
        return {}
    found = await find_redemptions(placement.tenant_id, request.id)
    return {id_: normalise_code(codes.inputs[index].code).text for id_, index in found}


async def _tell(runtime: Runtime, placement: Placement, order: OrderView) -> bool:
    """Makes an order that is still being placed known. False where it was settled meanwhile."""
    if placement.told:
        return True
    try:
        await write_together(
            [
                mark_told(placement),
                add_timeline(order.tenant_id, order.id, order.placed_at, "placed", "placed"),
                *build_order_trail(OrderChange(Action.PLACE_ORDER, placement.actor, order)),
            ]
        )
    except GuardFailed:
        return False
    runtime.events.wake()
    return True
