"""`settleReservation`: the visit is over. Its record, spend and points are written in one commit with its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Conflict, GuardFailed, Json, Write, write_together
from core.ids import new_id
from core.reservations.announcing import Change, build_trail, spread_news
from core.reservations.changing import update_reservation
from core.reservations.packages import spend_session
from core.reservations.problems import refuse_input
from core.reservations.requests import (
    Answered,
    Refused,
    Request,
    answer_once,
    find_answer,
    keep_answer,
    open_request,
)
from core.reservations.reservation_rows import find_own
from core.reservations.setup.rows import load_policy
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.reservations.visits.points import earn_points
from core.runtime import Runtime

MAX_NOTE: Final = 2000
MAX_ENTRIES: Final = 50
MAX_ENTRY: Final = 120
# Fen: a million yuan.
MAX_SPENT: Final = 100_000_000
_ATTEMPTS: Final = 5
_FIELD: Final = ("reservationId",)


@dataclass(frozen=True, slots=True)
class SettleInput:
    """What was done. `spent` in fen; `products` were used or sold; `preferences` go into the guest's profile."""

    reservation_id: UUID
    idempotency_key: str
    note: str | None = field(default=None, repr=False)
    spent: int = 0
    products: tuple[str, ...] = ()
    preferences: tuple[str, ...] = field(default=(), repr=False)


async def settle_reservation(
    runtime: Runtime, actor: Actor | None, wanted: SettleInput
) -> ReservationView | ReservationProblem:
    """Completes the visit of a guest who is checked in, once; or answers why not.

    The guest gets the store's points for each whole yuan spent. Raises Unauthenticated, Forbidden, BadInput and
    IdempotencyKeyReused.
    """
    actor = require(actor, Action.SETTLE_RESERVATION)
    described = [wanted.reservation_id, wanted.note, wanted.spent, wanted.products, wanted.preferences]
    request = open_request(runtime, actor, "settleReservation", wanted.idempotency_key, described)

    async def work() -> ReservationView:
        return await _settle(runtime, actor, request, _check_input(wanted))

    async def recall(reservation_id: UUID) -> ReservationView | ReservationProblem:
        found = await find_own(actor, reservation_id)
        return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _FIELD)

    return await answer_once(runtime, request, work, recall)


async def _settle(runtime: Runtime, actor: Actor, request: Request, wanted: SettleInput) -> ReservationView:
    for _ in range(_ATTEMPTS):
        known = await find_answer(request)
        if known is not None:
            raise Answered(known)
        present = await find_own(actor, wanted.reservation_id)
        if present is None:
            raise Refused(ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _FIELD))
        if present.status is not ReservationStatus.CHECKED_IN:
            completed = present.status is ReservationStatus.COMPLETED
            raise Refused(refuse_input("completed" if completed else "not_checked_in", *_FIELD))
        now = runtime.clock.now()
        after = replace(
            present, status=ReservationStatus.COMPLETED, completed_at=now, version=present.version + 1
        )
        try:
            await write_together(await _build_writes(actor, request, wanted, present, after))
        except (GuardFailed, Conflict):
            continue
        await spread_news(runtime)
        return after
    raise GuardFailed("the reservation is being changed again and again")


async def _build_writes(
    actor: Actor, request: Request, wanted: SettleInput, present: ReservationView, after: ReservationView
) -> list[Write]:
    policy = await load_policy(present.tenant_id, present.store_id)
    writes = [
        keep_answer(request, {"id": str(present.id)}),
        update_reservation(present, status=after.status.value, completed_at=after.completed_at),
        _insert_record(actor, wanted, present),
        *build_trail(Change(Action.SETTLE_RESERVATION, actor, present, after)),
    ]
    points = wanted.spent // 100 * policy.points_per_yuan
    if present.customer_id is not None and points > 0:
        writes += earn_points(present.tenant_id, present.customer_id, points, "VISIT", present.id)
    if present.package_id is not None:
        writes += spend_session(present.tenant_id, present.id)
    return writes


def _insert_record(actor: Actor, wanted: SettleInput, present: ReservationView) -> Write:
    return insert_row(
        "service_record",
        id=new_id(),
        tenant_id=present.tenant_id,
        reservation_id=present.id,
        store_id=present.store_id,
        service_id=present.service_id,
        customer_id=present.customer_id,
        staff_id=present.staff_id,
        note=wanted.note,
        products=Json(list(wanted.products)),
        preferences=Json(list(wanted.preferences)),
        spent=wanted.spent,
        actor_id=actor.actor_id,
    )


def _check_input(wanted: SettleInput) -> SettleInput:
    """The input, trimmed. Raises Refused with the path of what is wrong."""
    note = (wanted.note or "").strip() or None
    if note is not None and len(note) > MAX_NOTE:
        raise Refused(refuse_input("too_long", "note", limit=MAX_NOTE))
    if not 0 <= wanted.spent <= MAX_SPENT:
        raise Refused(refuse_input("amount", "spent", most=MAX_SPENT // 100))
    return replace(
        wanted,
        note=note,
        products=_check_entries("products", wanted.products),
        preferences=_check_entries("preferences", wanted.preferences),
    )


def _check_entries(name: str, entries: Sequence[str]) -> tuple[str, ...]:
    if len(entries) > MAX_ENTRIES:
        raise Refused(refuse_input("too_many", name, limit=MAX_ENTRIES))
    for index, entry in enumerate(entries):
        if len(entry.strip()) > MAX_ENTRY:
            raise Refused(refuse_input("too_long", name, str(index), limit=MAX_ENTRY))
    return tuple(dict.fromkeys(entry.strip() for entry in entries if entry.strip()))
