"""What every change of a reservation shares: who may, the guarded UPDATE, and why it cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.access.values import Actor
from core.db.statements import Write
from core.reservations.requests import Refused
from core.reservations.reservation_rows import find_own
from core.reservations.values import (
    CANCELLED_STATUSES,
    OPEN_STATUSES,
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationView,
)

_FIELD = ("reservationId",)


async def find_changeable(actor: Actor, reservation_id: UUID) -> ReservationView:
    """The reservation, which is still open. Raises Refused, with UNKNOWN_RESERVATION for what the actor may not see."""
    found = await find_own(actor, reservation_id)
    if found is None:
        raise Refused(ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _FIELD))
    check_open(found)
    return found


def check_open(reservation: ReservationView) -> None:
    """Raises Refused for a visit that was cancelled, has begun or is over."""
    if reservation.status in OPEN_STATUSES:
        return
    if reservation.status in CANCELLED_STATUSES:
        raise Refused(ReservationProblem(ReservationErrorCode.ALREADY_CANCELLED, _FIELD))
    raise Refused(ReservationProblem(ReservationErrorCode.INVALID, _FIELD, values={"reason": "began"}))


def check_window(actor: Actor, reservation: ReservationView, policy: Policy, now: datetime) -> None:
    """Raises Refused with OUTSIDE_CHANGE_WINDOW for customers who come too late. Others are not bound by it."""
    if actor.is_customer and not is_in_time(reservation, policy, now):
        values: dict[str, object] = {"minutes": policy.change_minutes}
        raise Refused(ReservationProblem(ReservationErrorCode.OUTSIDE_CHANGE_WINDOW, _FIELD, values=values))


def is_in_time(reservation: ReservationView, policy: Policy, now: datetime) -> bool:
    """Whether a customer may still change it."""
    return now <= reservation.start - timedelta(minutes=policy.change_minutes)


def update_reservation(present: ReservationView, **columns: Any) -> Write:
    """The UPDATE of a reservation that is still what it was when it was read. Raises its version."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 5))
    return Write(
        f"UPDATE reservation SET version = version + 1, {changes} WHERE tenant_id = $1 AND id = $2"
        " AND version = $3 AND status = $4",
        (present.tenant_id, present.id, present.version, present.status.value, *columns.values()),
        expects=1,
    )
