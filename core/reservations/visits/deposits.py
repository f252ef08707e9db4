"""`recordDeposit`: a deposit was paid at the counter."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.statements import GuardFailed, write_together
from core.reservations.announcing import Change, build_trail, spread_news
from core.reservations.changing import update_reservation
from core.reservations.problems import refuse_input
from core.reservations.reservation_rows import find_own
from core.reservations.values import (
    OPEN_STATUSES,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.runtime import Runtime

_FIELD: Final = "reservationId"
_ATTEMPTS: Final = 5


async def record_deposit(
    runtime: Runtime, actor: Actor | None, reservation_id: UUID
) -> ReservationView | ReservationProblem:
    """Notes that the deposit was paid; a reservation that waited for it is confirmed. Again answers the same.

    Raises Unauthenticated and Forbidden.
    """
    actor = require(actor, Action.RECORD_DEPOSIT)
    for _ in range(_ATTEMPTS):
        present = await find_own(actor, reservation_id)
        if present is None:
            return ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, (_FIELD,))
        if present.deposit_status == "PAID":
            return present
        if present.deposit_status != "DUE" or present.status not in OPEN_STATUSES:
            return refuse_input("no_deposit", _FIELD)
        after = replace(
            present,
            deposit_status="PAID",
            status=ReservationStatus.CONFIRMED,
            version=present.version + 1,
        )
        update = update_reservation(present, deposit_status="PAID", status=after.status.value)
        try:
            await write_together([update, *build_trail(Change(Action.RECORD_DEPOSIT, actor, present, after))])
        except GuardFailed:
            continue
        await spread_news(runtime)
        return after
    raise GuardFailed("the reservation is being changed again and again")
