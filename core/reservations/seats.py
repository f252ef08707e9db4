"""Seats of a class, and of the pick-ups of one time. They move by conditional updates: never above the capacity."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from core.db.inserts import insert_row
from core.db.statements import Json, Write, as_uuid, execute, fetch_row, fetch_rows
from core.db.transactions import run_in_transaction
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import ReservationErrorCode, ReservationProblem, ServiceView, Slot


def claim_seats(tenant_id: UUID, session_id: UUID, seats: int, now: datetime) -> Claim:
    """The claim on `seats` of a session. Its explanation first lets go of holds that have run out."""

    async def explain() -> ReservationProblem | None:
        if await release_stale_seats(tenant_id, session_id, now):
            return None
        row = await fetch_row(
            "SELECT capacity - booked AS seats, status FROM class_session WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            session_id,
        )
        if row is None or row["status"] != "OPEN":
            return ReservationProblem(ReservationErrorCode.SLOT_TAKEN)
        left = int(row["seats"])
        return None if left >= seats else ReservationProblem(ReservationErrorCode.CLASS_FULL)

    return Claim([take_seats(tenant_id, session_id, seats)], explain)


def take_seats(tenant_id: UUID, session_id: UUID, seats: int) -> Write:
    """Refused where the session has not so many left, or is cancelled."""
    return Write(
        "UPDATE class_session SET booked = booked + $1 WHERE tenant_id = $2 AND id = $3 AND status = 'OPEN'"
        " AND booked + $1 <= capacity",
        (seats, tenant_id, session_id),
        expects=1,
    )


def return_seats(tenant_id: UUID, session_id: UUID, seats: int) -> Write:
    """Gives seats back, whatever has become of the session."""
    return Write(
        "UPDATE class_session SET booked = booked - $1 WHERE tenant_id = $2 AND id = $3",
        (seats, tenant_id, session_id),
        expects=1,
    )


async def is_open(tenant_id: UUID, session_id: UUID) -> bool:
    """Whether the session has not been cancelled."""
    row = await fetch_row(
        "SELECT id FROM class_session WHERE tenant_id = $1 AND id = $2 AND status = 'OPEN'",
        tenant_id, session_id,
    )  # fmt: skip
    return row is not None


async def release_stale_seats(tenant_id: UUID, session_id: UUID, now: datetime) -> int:
    """Gives back the seats of holds on a session that have run out. Answers how many holds."""

    async def release() -> int:
        rows = await fetch_rows(
            "UPDATE slot_hold SET status = 'EXPIRED' WHERE tenant_id = $1 AND session_id = $2"
            " AND status = 'HELD' AND expires_at <= $3 RETURNING party_size",
            tenant_id, session_id, now,
        )  # fmt: skip
        if rows:
            back = return_seats(tenant_id, session_id, sum(row["party_size"] for row in rows))
            await execute(back.sql, *back.values)
        return len(rows)

    return await run_in_transaction(release)


async def ensure_session(service: ServiceView, slot: Slot) -> UUID:
    """The session of a pick-up time, which comes into being with the first who wants it."""
    found = slot.session_id or await _find_session(service, slot)
    if found is not None:
        return found
    row = insert_row(
        "class_session",
        id=new_id(),
        tenant_id=service.tenant_id,
        store_id=service.store_id,
        service_id=service.id,
        resource_ids=Json([]),
        start_at=slot.start,
        end_at=slot.end,
        capacity=service.capacity,
        booked=0,
        status="OPEN",
    )
    # Two may be the first at once; the key decides which of their rows it is.
    await execute(f"{row.sql} ON CONFLICT DO NOTHING", *row.values)
    found = await _find_session(service, slot)
    if found is None:
        raise LookupError("the pick-up time that was made is gone")
    return found


async def _find_session(service: ServiceView, slot: Slot) -> UUID | None:
    row = await fetch_row(
        "SELECT id FROM class_session WHERE tenant_id = $1 AND service_id = $2 AND start_at = $3"
        " AND staff_id IS NULL AND status = 'OPEN'",
        service.tenant_id, service.id, slot.start,
    )  # fmt: skip
    return as_uuid(row["id"]) if row else None
