"""`rateReservation`: what a guest thought of a visit, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Conflict, fetch_row, write_together
from core.events.outbox import outbox_write
from core.ids import new_id
from core.reservations.announcing import RESERVATION_CHANGED, SUBJECT
from core.reservations.problems import refuse_input
from core.reservations.reservation_rows import find_own
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.runtime import Runtime

MAX_COMMENT: Final = 1000
_FIELD: Final = "reservationId"


@dataclass(frozen=True, slots=True)
class RatingView:
    """1 to 5 stars, and what was said."""

    reservation_id: UUID
    stars: int
    comment: str | None = field(default=None, repr=False)


async def rate_reservation(
    runtime: Runtime, actor: Actor | None, reservation_id: UUID, stars: int, comment: str | None
) -> RatingView | ReservationProblem:
    """Keeps a guest's rating of a completed visit. The same again answers the same; another is refused.

    Customers rate their own visits, staff enter what a guest said. Raises Unauthenticated and Forbidden.
    """
    actor = require(actor, Action.RATE_RESERVATION)
    comment = (comment or "").strip() or None
    reservation = await find_own(actor, reservation_id)
    problem = _find_problem(reservation, stars, comment)
    if problem is not None or reservation is None:
        return problem or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, (_FIELD,))
    rating = RatingView(reservation.id, stars, comment)
    try:
        await _store_rating(actor, reservation, rating)
    except Conflict:
        known = await find_rating(actor.tenant_id, reservation.id)
        return rating if known == rating else refuse_input("rated", _FIELD)
    runtime.events.wake()
    return rating


async def find_rating(tenant_id: UUID, reservation_id: UUID) -> RatingView | None:
    """The rating of a visit."""
    row = await fetch_row(
        "SELECT stars, comment FROM rating WHERE tenant_id = $1 AND reservation_id = $2",
        tenant_id,
        reservation_id,
    )
    return RatingView(reservation_id, row["stars"], row["comment"]) if row else None


def _find_problem(
    reservation: ReservationView | None, stars: int, comment: str | None
) -> ReservationProblem | None:
    if reservation is None:
        return ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, (_FIELD,))
    if not 1 <= stars <= 5:
        return refuse_input("stars", "stars")
    if comment is not None and len(comment) > MAX_COMMENT:
        return refuse_input("too_long", "comment", limit=MAX_COMMENT)
    if reservation.status is not ReservationStatus.COMPLETED or reservation.customer_id is None:
        return refuse_input("not_completed", _FIELD)
    return None


async def _store_rating(actor: Actor, reservation: ReservationView, rating: RatingView) -> None:
    row = insert_row(
        "rating",
        id=new_id(),
        tenant_id=reservation.tenant_id,
        reservation_id=reservation.id,
        store_id=reservation.store_id,
        service_id=reservation.service_id,
        staff_id=reservation.staff_id,
        customer_id=reservation.customer_id,
        stars=rating.stars,
        comment=rating.comment,
    )
    event = outbox_write(reservation.tenant_id, reservation.store_id, RESERVATION_CHANGED, reservation.id)
    entry = build_entry(actor, Action.RATE_RESERVATION, SUBJECT, reservation.id, {"stars": rating.stars})
    await write_together([row, event, entry])
