"""What is worked and what is taken in a window of time: one query each. Times in whole minutes since 1970 in UTC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db.statements import as_instant, as_json, as_optional_uuid, as_uuid, fetch_rows
from core.reservations.slots.calendar import Span, from_minute, to_minute, to_minute_after
from core.reservations.values import ServiceView, TakenKind

# As in the index over them: see core.db.invariants.
_GUARDED = "state IN ('HELD', 'CONFIRMED')"

Spans = Mapping[UUID, list[Span]]


@dataclass(frozen=True, slots=True)
class Session:
    """The seats of a class, or of the pick-ups at one time; `id` None: nobody booked that one yet."""

    id: UUID | None
    start: int
    end: int
    staff_id: UUID | None
    resource_ids: tuple[UUID, ...]
    capacity: int
    booked: int


async def load_shifts(tenant_id: UUID, store_id: UUID, window: Span) -> Spans:
    """The shifts of each staff member that reach into the window, by their beginning."""
    rows = await fetch_rows(
        "SELECT staff_id, start_at, end_at FROM shift WHERE tenant_id = $1 AND store_id = $2"
        " AND end_at > $3 AND start_at < $4 ORDER BY start_at",
        tenant_id, store_id, *map(from_minute, window),
    )  # fmt: skip
    shifts: dict[UUID, list[Span]] = defaultdict(list)
    for row in rows:
        # A begun minute is not yet worked, and the last one not to its end.
        span = to_minute_after(as_instant(row["start_at"])), to_minute(as_instant(row["end_at"]))
        shifts[as_uuid(row["staff_id"])].append(span)
    return shifts


async def load_busy(
    service: ServiceView,
    kinds: Sequence[TakenKind],
    window: Span,
    now: datetime,
    ignoring: UUID | None = None,
) -> Spans:
    """When staff, resources or both of a service's store are taken, buffers included.

    A hold that has run out takes nothing. What `ignoring` has counts as free: its owner is about to leave it.
    """
    values = [service.tenant_id, service.store_id, *map(from_minute, window), now, kinds[0], kinds[-1]]
    condition = ""
    if ignoring is not None:
        condition = " AND owner_id <> $8"
        values.append(ignoring)
    rows = await fetch_rows(
        "SELECT resource_id, start_at, end_at FROM booking_allocation WHERE tenant_id = $1 AND store_id = $2"
        f" AND {_GUARDED} AND end_at > $3 AND start_at < $4 AND taken_kind IN ($6, $7)"
        f" AND (hold_expires_at IS NULL OR hold_expires_at > $5){condition}",
        *values,
    )
    return _group_busy(rows)


async def load_taken(
    service: ServiceView,
    resource_ids: Collection[UUID],
    window: Span,
    now: datetime | None,
    ignoring: UUID | None,
) -> Spans:
    """When some resources of a service's store are taken, buffers included. `now` None: by any hold, old or new."""
    values: list[Any] = [service.tenant_id, service.store_id, *map(from_minute, window)]
    conditions = ""
    if now is not None:
        values.append(now)
        conditions += f" AND (hold_expires_at IS NULL OR hold_expires_at > ${len(values)})"
    if ignoring is not None:
        values.append(ignoring)
        conditions += f" AND owner_id <> ${len(values)}"
    places = ", ".join(f"${number}" for number in range(len(values) + 1, len(values) + len(resource_ids) + 1))
    rows = await fetch_rows(
        "SELECT resource_id, start_at, end_at FROM booking_allocation WHERE tenant_id = $1 AND store_id = $2"
        f" AND end_at > $3 AND start_at < $4 AND {_GUARDED} AND resource_id IN ({places}){conditions}",
        *values,
        *resource_ids,
    )
    return _group_busy(rows)


async def load_own(tenant_id: UUID, customer_id: UUID, window: Span, now: datetime) -> list[Span]:
    """When a customer has something else, at whichever store."""
    rows = await fetch_rows(
        "SELECT resource_id, start_at, end_at FROM booking_allocation WHERE tenant_id = $1"
        f" AND resource_id = $2 AND end_at > $3 AND start_at < $4 AND {_GUARDED}"
        " AND (hold_expires_at IS NULL OR hold_expires_at > $5)",
        tenant_id, customer_id, *map(from_minute, window), now,
    )  # fmt: skip
    return _group_busy(rows).get(customer_id, [])


async def load_sessions(tenant_id: UUID, service_id: UUID, window: Span, now: datetime) -> list[Session]:
    """The open sessions of a service that start in the window, by their start. Seats of stale holds are free."""
    rows = await fetch_rows(
        "SELECT class_session.*, coalesce(stale.seats, 0) AS stale FROM class_session LEFT JOIN"
        " (SELECT session_id, sum(party_size) AS seats FROM slot_hold WHERE tenant_id = $1 AND status = 'HELD'"
        " AND expires_at <= $5 AND session_id IS NOT NULL GROUP BY session_id) AS stale"
        " ON stale.session_id = class_session.id"
        " WHERE class_session.tenant_id = $1 AND service_id = $2 AND start_at >= $3 AND start_at < $4"
        " AND status = 'OPEN' ORDER BY start_at, id",
        tenant_id, service_id, *map(from_minute, window), now,
    )  # fmt: skip
    return [_read_session(row) for row in rows]


async def find_session(tenant_id: UUID, session_id: UUID) -> Session | None:
    """An open session; None where there is none."""
    rows = await fetch_rows(
        "SELECT * FROM class_session WHERE tenant_id = $1 AND id = $2 AND status = 'OPEN'",
        tenant_id, session_id,
    )  # fmt: skip
    return _read_session(rows[0]) if rows else None


def _group_busy(rows: list[dict[str, Any]]) -> Spans:
    busy: dict[Any, list[Span]] = defaultdict(list)
    for row in rows:
        # As to_minute and to_minute_after do it, but there are thousands of rows.
        start, end = as_instant(row["start_at"]).timestamp(), as_instant(row["end_at"]).timestamp()
        busy[row["resource_id"]].append((int(start // 60), -int(-end // 60)))
    return {as_uuid(resource_id): spans for resource_id, spans in busy.items()}


def _read_session(row: Mapping[str, Any]) -> Session:
    return Session(
        as_uuid(row["id"]),
        to_minute_after(as_instant(row["start_at"])),
        to_minute_after(as_instant(row["end_at"])),
        as_optional_uuid(row["staff_id"]),
        tuple(map(UUID, as_json(row["resource_ids"]))),
        row["capacity"],
        row["booked"] - row.get("stale", 0),
    )
