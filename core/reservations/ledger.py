"""Listing reservations by their start, and finding a particular one among many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.access.visibility import build_visible
from core.db.conditions import Where
from core.db.statements import fetch_row, fetch_rows
from core.errors import BadInput
from core.messages import text
from core.reservations.reservation_rows import read_reservation
from core.reservations.values import ReservationStatus, ReservationView

_TAIL_LENGTH: Final = 4


@dataclass(frozen=True, slots=True)
class ReservationFilter:
    """Which reservations to list; what is given must all hold. `since <= start < until`."""

    store_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    staff_id: UUID | None = None
    service_id: UUID | None = None
    statuses: tuple[ReservationStatus, ...] = ()
    phone_tail: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reservation lies in the list."""

    start: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class ReservationPage:
    reservations: tuple[ReservationView, ...]
    has_more: bool


async def list_reservations(
    actor: Actor | None, wanted: ReservationFilter, first: int, after: Position | None
) -> ReservationPage:
    """At most `first` reservations, earliest start first, later than `after`.

    Raises Unauthenticated, Forbidden, NotFound for a store in the filter that is not the actor's, and BadInput for a
    phone tail that is not four digits.
    """
    where = await _select(actor, wanted)
    if after is not None:
        where.values += [after.start, after.id]
        last = len(where.values)
        where.conditions.append(f"(start_at, id) > (${last - 1}, ${last})")
    rows = await fetch_rows(
        f"SELECT * FROM reservation WHERE {where} ORDER BY start_at, id LIMIT {first + 1:d}", *where.values
    )
    return ReservationPage(tuple(map(read_reservation, rows[:first])), has_more=len(rows) > first)


async def count_reservations(actor: Actor | None, wanted: ReservationFilter) -> int:
    """How many reservations the filter meets."""
    where = await _select(actor, wanted)
    row = await fetch_row(f"SELECT count(*) AS total FROM reservation WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def _select(actor: Actor | None, wanted: ReservationFilter) -> Where:
    actor = require(actor, Action.LIST_RESERVATIONS)
    where = build_visible(actor)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
        where.add("store_id = ?", wanted.store_id)
    if wanted.since is not None:
        where.add("start_at >= ?", wanted.since)
    if wanted.until is not None:
        where.add("start_at < ?", wanted.until)
    if wanted.staff_id is not None:
        where.add("staff_id = ?", wanted.staff_id)
    if wanted.service_id is not None:
        where.add("service_id = ?", wanted.service_id)
    if wanted.statuses:
        where.add_any("status", [status.value for status in wanted.statuses])
    if wanted.phone_tail is not None:
        where.add("phone_tail = ?", _check_tail(wanted.phone_tail))
    return where


def _check_tail(tail: str) -> str:
    tail = tail.strip()
    if len(tail) != _TAIL_LENGTH or not (tail.isascii() and tail.isdigit()):
        raise BadInput(text("fault.phone_tail"), ("filter", "phoneTail"))
    return tail
