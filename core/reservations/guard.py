"""Taking time of staff, resources and customers. The database lets nobody be taken twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.db.statements import Write, as_uuid, execute, fetch_rows
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import (
    AllocationState,
    OwnerKind,
    ReservationErrorCode,
    ReservationProblem,
    ServiceView,
    TakenKind,
)

_COLUMNS = (
    "id, created_at, tenant_id, store_id, owner_id, owner_kind, resource_id, taken_kind, start_at, end_at, state,"
    " hold_expires_at"
)
_REASONS = {
    TakenKind.STAFF: ReservationErrorCode.SLOT_TAKEN,
    TakenKind.RESOURCE: ReservationErrorCode.SLOT_TAKEN,
    TakenKind.CUSTOMER: ReservationErrorCode.OVERLAPS_OWN_RESERVATION,
}


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    def widen(self, before: int, after: int) -> Span:
        """With minutes of buffer around it."""
        return Span(self.start - timedelta(minutes=before), self.end + timedelta(minutes=after))


@dataclass(frozen=True, slots=True)
class Take:
    """One staff member, resource or customer, for a time that has the buffers in it."""

    kind: TakenKind
    resource_id: UUID
    span: Span


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose time is taken. `expires_at` is set for a hold only."""

    tenant_id: UUID
    store_id: UUID
    owner_id: UUID
    kind: OwnerKind
    expires_at: datetime | None = None


def list_takes(
    service: ServiceView, span: Span, staff_id: UUID | None, resource_ids: Sequence[UUID]
) -> list[Take]:
    """What a service at `span` takes of its staff member and resources, buffers included."""
    busy = span.widen(service.buffer_before_minutes, service.buffer_after_minutes)
    takes = [Take(TakenKind.RESOURCE, resource_id, busy) for resource_id in resource_ids]
    return [Take(TakenKind.STAFF, staff_id, busy), *takes] if staff_id else takes


def claim_time(owner: Owner, takes: Sequence[Take], now: datetime) -> Claim:
    """The claim on all of `takes` together. Its explanation first lets go of holds that have run out.

    The rows are sorted, so that two bookings of the same things meet in the same order.
    """
    ordered = sorted(takes, key=lambda take: take.resource_id)

    async def explain() -> ReservationProblem | None:
        if await release_stale(owner.tenant_id, [take.resource_id for take in ordered], now):
            return None
        taken = await find_taken(owner, ordered)
        return ReservationProblem(_REASONS[taken.kind]) if taken else None

    return Claim([_insert(owner, ordered, now)] if ordered else [], explain)


def release_time(tenant_id: UUID, owner_id: UUID, state: AllocationState = AllocationState.RELEASED) -> Write:
    """Lets go of all that an owner has taken: RELEASED, or MOVED where it goes to another time."""
    return Write(
        "UPDATE booking_allocation SET state = $1 WHERE tenant_id = $2 AND owner_id = $3"
        " AND state IN ('HELD', 'CONFIRMED')",
        (state.value, tenant_id, owner_id),
    )


def adopt_time(tenant_id: UUID, hold_id: UUID, reservation_id: UUID, count: int, now: datetime) -> Write:
    """Turns the `count` things a hold has into those of a reservation; refused where it has run out meanwhile."""
    return Write(
        "UPDATE booking_allocation SET owner_id = $1, owner_kind = 'RESERVATION', state = 'CONFIRMED',"
        " hold_expires_at = NULL WHERE tenant_id = $2 AND owner_id = $3 AND state = 'HELD'"
        " AND hold_expires_at > $4",
        (reservation_id, tenant_id, hold_id, now),
        expects=count,
    )


async def release_stale(tenant_id: UUID, resource_ids: Sequence[UUID], now: datetime) -> int:
    """Lets go of holds on these that have run out: the guard cannot look at the clock. Answers how many."""
    places = ", ".join(f"${number}" for number in range(3, len(resource_ids) + 3))
    return await execute(
        "UPDATE booking_allocation SET state = 'RELEASED' WHERE tenant_id = $1 AND state = 'HELD'"
        f" AND hold_expires_at <= $2 AND resource_id IN ({places})",
        tenant_id, now, *resource_ids,
    )  # fmt: skip


async def find_taken(owner: Owner, takes: Sequence[Take]) -> Take | None:
    """The first of `takes` that somebody else has for an overlapping time."""
    conditions, values = [], [owner.tenant_id, owner.owner_id]
    for take in takes:
        first = len(values) + 1
        conditions.append(f"(resource_id = ${first} AND end_at > ${first + 1} AND start_at < ${first + 2})")
        values += [take.resource_id, take.span.start, take.span.end]  # type: ignore[list-item]
    rows = await fetch_rows(
        "SELECT resource_id FROM booking_allocation WHERE tenant_id = $1 AND owner_id <> $2"
        f" AND state IN ('HELD', 'CONFIRMED') AND ({' OR '.join(conditions)})",
        *values,
    )
    found = {as_uuid(row["resource_id"]) for row in rows}
    return next((take for take in takes if take.resource_id in found), None)


def _insert(owner: Owner, takes: Sequence[Take], now: datetime) -> Write:
    """One statement for all rows. ON CONFLICT, because a plain insert under an exclusion constraint deadlocks."""
    state = AllocationState.HELD if owner.expires_at else AllocationState.CONFIRMED
    values: list[Any] = []
    for take in takes:
        values += [
            new_id(), now, owner.tenant_id, owner.store_id, owner.owner_id, owner.kind.value, take.resource_id,
            take.kind.value, take.span.start, take.span.end, state.value, owner.expires_at,
        ]  # fmt: skip
    width = len(values) // len(takes)
    rows = ", ".join(
        f"({', '.join(f'${start + column}' for column in range(1, width + 1))})"
        for start in range(0, len(values), width)
    )
    sql = f"INSERT INTO booking_allocation ({_COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING"
    return Write(sql, values, expects=len(takes))
