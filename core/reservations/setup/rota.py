"""Rows of shifts. Whoever changes some of a store holds its lock, so that nobody works twice at one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import utc_now
from core.db.conditions import Where
from core.db.statements import as_instant, as_uuid, execute, fetch_rows
from core.ids import new_id
from core.reservations.guard import Span

_COLUMNS = ("id", "created_at", "tenant_id", "store_id", "staff_id", "start_at", "end_at")
# PostgreSQL binds 32,767 values at most.
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class ShiftView:
    """When somebody works."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    staff_id: UUID
    start: datetime
    end: datetime

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


async def lock_rota(tenant_id: UUID, store_id: UUID) -> None:
    """Waits, inside a transaction, for others who are changing shifts of the store, and keeps them out after.

    The update is for its row lock; SQLite has one writer anyway.
    """
    await execute("UPDATE store SET name = name WHERE tenant_id = $1 AND id = $2", tenant_id, store_id)


async def select_shifts(
    tenant_id: UUID, store_id: UUID, span: Span, staff_id: UUID | None = None
) -> list[ShiftView]:
    """The shifts of a store, or of one staff member, that lie in `span` or reach into it; oldest first."""
    where = Where(tenant_id)
    where.add("store_id = ?", store_id)
    if staff_id is not None:
        where.add("staff_id = ?", staff_id)
    where.add("end_at > ?", span.start)
    where.add("start_at < ?", span.end)
    rows = await fetch_rows(f"SELECT * FROM shift WHERE {where} ORDER BY start_at, id", *where.values)
    return [_read_shift(row) for row in rows]


async def delete_shifts(tenant_id: UUID, shifts: Sequence[ShiftView]) -> None:
    """Deletes these."""
    for start in range(0, len(shifts), _CHUNK):
        where = Where(tenant_id)
        where.add_any("id", [shift.id for shift in shifts[start : start + _CHUNK]])
        await execute(f"DELETE FROM shift WHERE {where}", *where.values)


async def insert_shifts(
    tenant_id: UUID, store_id: UUID, spans: Sequence[tuple[UUID, Span]]
) -> list[ShiftView]:
    """Adds shifts, each of a staff member. Raises Overlap where somebody works then already."""
    shifts = [
        ShiftView(new_id(), tenant_id, store_id, staff_id, span.start, span.end) for staff_id, span in spans
    ]
    for start in range(0, len(shifts), _CHUNK):
        await _insert_chunk(shifts[start : start + _CHUNK])
    return shifts


async def _insert_chunk(shifts: Sequence[ShiftView]) -> None:
    now, values = utc_now(), list[Any]()
    for shift in shifts:
        values += [shift.id, now, shift.tenant_id, shift.store_id, shift.staff_id, shift.start, shift.end]
    width = len(_COLUMNS)
    rows = ", ".join(
        f"({', '.join(f'${first + column}' for column in range(1, width + 1))})"
        for first in range(0, len(values), width)
    )
    await execute(f"INSERT INTO shift ({', '.join(_COLUMNS)}) VALUES {rows}", *values)


def find_clash(wanted: Sequence[tuple[UUID, Span]], others: Sequence[ShiftView] = ()) -> int | None:
    """The index of the first of `wanted` in which somebody would work twice, among these and `others`."""
    taken: dict[UUID, list[Span]] = {}
    for shift in others:
        taken.setdefault(shift.staff_id, []).append(shift.span)
    for index, (staff_id, span) in enumerate(wanted):
        own = taken.setdefault(staff_id, [])
        if any(span.start < other.end and other.start < span.end for other in own):
            return index
        own.append(span)
    return None


def _read_shift(row: Mapping[str, Any]) -> ShiftView:
    return ShiftView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        as_uuid(row["staff_id"]),
        as_instant(row["start_at"]),
        as_instant(row["end_at"]),
    )
