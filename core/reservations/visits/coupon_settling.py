"""Redeeming the coupons of guests who have come. Each is a redemption of its own: one refused takes no other with it.

The codes stand with the reservation, so that whatever dies between check-in and redemption is found by the sweep. The
key of each redemption names the attached row and its attempt: however often it is tried, the coupon is used once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from core.access.values import Actor, Role
from core.channels.contract import Refusal
from core.coupons.redemption import redeem_coupons
from core.coupons.values import CodeInput, RedeemOutcome, RedeemResult
from core.db.statements import as_uuid, fetch_rows, write_together
from core.errors import Fault
from core.reservations.reservation_rows import load_reservation
from core.reservations.values import ReservationView
from core.reservations.visits.attached_coupons import (
    AttachedCoupon,
    AttachedStatus,
    list_attached,
    settle_code,
)
from core.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

OPEN: Final = (AttachedStatus.ATTACHED, AttachedStatus.UNKNOWN)
# A check-in redeems by itself; the sweep looks for those that died on the way.
_GRACE: Final = timedelta(seconds=30)
_PATIENCE: Final = timedelta(days=2)
_PORTION: Final = 50

_OUTCOMES: Final = {
    RedeemOutcome.REDEEMED: AttachedStatus.REDEEMED,
    RedeemOutcome.DECLINED: AttachedStatus.REFUSED,
    RedeemOutcome.UNKNOWN: AttachedStatus.UNKNOWN,
}
# What says nothing about the coupon, and used nothing: it is tried again.
_PASSING: Final = frozenset({Refusal.CHANNEL_UNAVAILABLE, Refusal.LOCKED, Refusal.TOO_MANY_ATTEMPTS})


async def redeem_attached(runtime: Runtime, actor: Actor, reservation: ReservationView) -> None:
    """Redeems what is attached and still open, all coupons at once; each answers within `answer_seconds`."""
    coupons = await list_attached(runtime.keys, reservation.tenant_id, reservation.id)
    waiting = [coupon for coupon in coupons if coupon.status in OPEN]
    await asyncio.gather(*(_redeem(runtime, actor, reservation, coupon) for coupon in waiting))


async def sweep_attached(runtime: Runtime) -> int:
    """Redeems the coupons of guests who came, and whose redemption nobody finished. Answers how many guests."""
    now = runtime.clock.now()
    rows = await fetch_rows(
        "SELECT DISTINCT r.tenant_id, r.id, c.actor_id FROM attached_coupon a"
        " JOIN reservation r ON r.tenant_id = a.tenant_id AND r.id = a.reservation_id"
        " JOIN check_in c ON c.tenant_id = r.tenant_id AND c.reservation_id = r.id AND c.undone_at IS NULL"
        " WHERE a.status IN ('ATTACHED', 'UNKNOWN') AND r.status IN ('CHECKED_IN', 'COMPLETED')"
        f" AND r.checked_in_at < $1 AND r.checked_in_at > $2 LIMIT {_PORTION}",
        now - _GRACE,
        now - _PATIENCE,
    )
    for row in rows:
        await _redeem_late(runtime, as_uuid(row["tenant_id"]), as_uuid(row["id"]), as_uuid(row["actor_id"]))
    return len(rows)


async def _redeem_late(runtime: Runtime, tenant_id: UUID, reservation_id: UUID, actor_id: UUID) -> None:
    """As whoever checked the guest in, so that the keys are the same."""
    reservation = await load_reservation(tenant_id, reservation_id)
    if reservation is not None:
        stores = frozenset({reservation.store_id})
        actor = Actor(tenant_id, actor_id, actor_id, Role.STAFF, stores)
        await redeem_attached(runtime, actor, reservation)


async def _redeem(
    runtime: Runtime, actor: Actor, reservation: ReservationView, coupon: AttachedCoupon
) -> None:
    try:
        result = await redeem_coupons(
            runtime,
            actor,
            reservation.store_id,
            [CodeInput(coupon.code)],
            f"check-in:{coupon.id}:{coupon.attempts}",
        )
    except Fault as fault:
        # A shop that is closed to redemptions must not keep its guests out.
        log.warning(
            "attached coupon not redeemed", reservation=str(reservation.id), fault=type(fault).__name__
        )
        return
    status, refusal = _read_outcome(result)
    redemptions = [each.id for each in result.redemptions]
    await write_together([settle_code(reservation.tenant_id, coupon, status, refusal, redemptions)])


def _read_outcome(result: RedeemResult) -> tuple[AttachedStatus, str | None]:
    refusal = next((problem.code for problem in result.problems), None)
    if refusal in _PASSING:
        return AttachedStatus.ATTACHED, refusal
    return _OUTCOMES[result.outcome], refusal
