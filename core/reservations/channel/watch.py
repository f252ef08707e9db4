"""Noticing what platforms want to know: every change of a reservation is an event already, and this reads them.

Nothing that changes reservations knows of it. Where the reading stands is written in the commit of what it found, so
that nothing is told twice or missed; what it finds is what a reservation is by then, not what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from core.channels.contract import BookingStatus, ReservationBehaviour
from core.db.inserts import insert_row
from core.db.statements import Conflict, GuardFailed, Json, Write, as_uuid, fetch_rows, write_together
from core.events.outbox import read_events, read_heads
from core.ids import new_id
from core.reservations.announcing import RESERVATION_CHANGED
from core.reservations.channel.desks import Desk, find_desk, list_codes
from core.reservations.channel.messages import (
    build_moving,
    build_placing,
    build_report,
    has_waiting,
    withdraw_messages,
)
from core.reservations.channel.orders import find_reference
from core.reservations.channel.records import Facts, Record, find_ours, insert_record, update_record
from core.reservations.channel.slots import ANYTHING
from core.reservations.channel.values import ConflictReason, Origin, Outcome
from core.reservations.reservation_rows import load_reservation, read_reservation
from core.reservations.values import (
    CANCELLED_STATUSES,
    OPEN_STATUSES,
    ReservationStatus,
    ReservationView,
)
from core.runtime import Runtime

_PORTION: Final = 200
_MOST_PLACED: Final = 500
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD: Final[Mapping[ReservationStatus, BookingStatus]] = {
    ReservationStatus.CHECKED_IN: BookingStatus.ARRIVED,
    ReservationStatus.COMPLETED: BookingStatus.COMPLETED,
    ReservationStatus.NO_SHOW: BookingStatus.NO_SHOW,
    ReservationStatus.CANCELLED_BY_CUSTOMER: BookingStatus.CANCELLED,
    ReservationStatus.CANCELLED_BY_STORE: BookingStatus.CANCELLED,
}
_EXPECTED: Final = frozenset({BookingStatus.REQUESTED, BookingStatus.CONFIRMED})
# What is news to a platform that has a booking in one of these.
_NEWS: Final[Mapping[BookingStatus, frozenset[BookingStatus]]] = {
    BookingStatus.ARRIVED: _EXPECTED | {BookingStatus.NO_SHOW},
    BookingStatus.COMPLETED: _EXPECTED | {BookingStatus.ARRIVED},
    BookingStatus.NO_SHOW: _EXPECTED,
    BookingStatus.CANCELLED: _EXPECTED,
}


async def watch_reservations(runtime: Runtime) -> int:
    """Reads what has changed since the last time, and writes down what platforms have to be told. Answers how much."""
    tenants = await _list_tenants(runtime)
    heads, seen = await read_heads(tenants), await _read_positions()
    behind = {each: seen.get(each) for each in tenants if (seen.get(each) or 0) < heads.get(each, 0)}
    told = sum([await _watch_tenant(runtime, tenant_id, seq) for tenant_id, seq in behind.items()])
    if told:
        await runtime.work.kick("send_booking_messages")
    return told


async def plan_upcoming_orders(runtime: Runtime, desk: Desk, service_id: UUID) -> int:
    """Our upcoming reservations of a service that was linked just now, for a platform that takes them."""
    if not desk.port.behaviour.takes_ours:
        return 0
    rows = await fetch_rows(
        "SELECT * FROM reservation WHERE tenant_id = $1 AND service_id = $2 AND start_at > $3"
        " AND status IN ('PENDING_PAYMENT', 'CONFIRMED') AND account_id IS NULL ORDER BY start_at LIMIT $4",
        desk.tenant_id, service_id, runtime.clock.now(), _MOST_PLACED,
    )  # fmt: skip
    planned = 0
    for present in map(read_reservation, rows):
        writes = await _plan_ours(runtime, desk, present)
        planned += bool(writes)
        await _write_quietly(writes)
    return planned


# ------------------------------------------------------------------------------------------------------------- reading
async def _list_tenants(runtime: Runtime) -> list[UUID]:
    codes = list_codes(runtime)
    if not codes:
        return []
    places = ", ".join(f"${number}" for number in range(1, len(codes) + 1))
    rows = await fetch_rows(
        f"SELECT DISTINCT tenant_id FROM channel_account WHERE status <> 'DISABLED' AND channel IN ({places})",
        *codes,
    )
    return [as_uuid(row["tenant_id"]) for row in rows]


async def _read_positions() -> dict[UUID, int]:
    """Up to where each merchant's events were read."""
    rows = await fetch_rows("SELECT tenant_id, seq FROM booking_watch WHERE topic = $1", RESERVATION_CHANGED)
    return {as_uuid(row["tenant_id"]): int(row["seq"]) for row in rows}


async def _watch_tenant(runtime: Runtime, tenant_id: UUID, seq: int | None) -> int:
    """The first reading begins with the oldest event that is kept: what is known already is not told again."""
    events = await read_events(tenant_id, seq or 0, _PORTION)
    if not events:
        return 0
    changed = dict.fromkeys(event.subject_id for event in events if event.kind == RESERVATION_CHANGED)
    writes = [write for subject_id in changed for write in await _plan(runtime, tenant_id, subject_id)]
    written = await _write_quietly([_write_position(tenant_id, seq, events[-1].seq), *writes])
    return len(writes) if written else 0


def _write_position(tenant_id: UUID, old: int | None, new: int) -> Write:
    if old is None:
        return insert_row(
            "booking_watch", id=new_id(), tenant_id=tenant_id, topic=RESERVATION_CHANGED, seq=new
        )
    return Write(
        "UPDATE booking_watch SET seq = $1 WHERE tenant_id = $2 AND topic = $3 AND seq = $4",
        (new, tenant_id, RESERVATION_CHANGED, old),
        expects=1,
    )


async def _write_quietly(writes: list[Write]) -> bool:
    """False where somebody else was there first: the next run looks again."""
    try:
        await write_together(writes)
    except (GuardFailed, Conflict):
        return False
    return True


async def _plan(runtime: Runtime, tenant_id: UUID, reservation_id: UUID) -> list[Write]:
    """What the platforms have to be told of one reservation as it is now."""
    present = await load_reservation(tenant_id, reservation_id)
    if present is None:
        return []
    if present.account_id is not None:
        return await _plan_theirs(runtime, present, present.account_id)
    desks = await _list_ours(runtime, present)
    return [write for desk in desks for write in await _plan_ours(runtime, desk, present)]


# ---------------------------------------------------------------------------------------------------- bookings of theirs
async def _plan_theirs(runtime: Runtime, present: ReservationView, account_id: UUID) -> list[Write]:
    record = await find_ours(present.tenant_id, account_id, present.id)
    desk = await find_desk(runtime, present.tenant_id, account_id, present.store_id)
    if record is None or desk is None:
        return []
    return _plan_report(desk.port.behaviour, record, present) or _clear_conflict(record, present)


def _plan_report(behaviour: ReservationBehaviour, record: Record, present: ReservationView) -> list[Write]:
    """How it went on, where that is news to the platform. One that cannot be told of a cancellation needs a person."""
    status = _TOLD.get(present.status)
    if status is None or record.facts.status not in _NEWS[status]:
        return []
    if status in behaviour.reports:
        reason = present.cancel_reason or ""
        return [build_report(record, status, reason), *_clear_conflict(record, present)]
    if status is BookingStatus.CANCELLED and record.conflict is not ConflictReason.CANNOT_REPORT:
        return [_mark(record, Outcome.CONFLICT, ConflictReason.CANNOT_REPORT)]
    return []


def _clear_conflict(record: Record, present: ReservationView) -> list[Write]:
    """A conflict is over once somebody has moved the reservation to where the platform has it, or cancelled it."""
    if record.outcome is not Outcome.CONFLICT or record.conflict is ConflictReason.CANNOT_REPORT:
        return []
    agrees = present.start == record.facts.start and present.party_size == record.count_people(present)
    if present.status in CANCELLED_STATUSES or (
        present.status in OPEN_STATUSES and agrees and _is_ours(record)
    ):
        return [_mark(record, Outcome.PLACED)]
    return []


def _is_ours(record: Record) -> bool:
    """Whether it is our calendar that was in the way, not the platform."""
    return record.conflict not in (
        ConflictReason.REFUSED_BY_CHANNEL,
        ConflictReason.CHANNEL_UNAVAILABLE,
        ConflictReason.GONE,
    )


def _mark(record: Record, outcome: Outcome, conflict: ConflictReason | None = None) -> Write:
    return update_record(
        record,
        outcome=outcome.value,
        conflict=conflict.value if conflict else None,
        followed=Json(record.facts.write()),
    )


# ------------------------------------------------------------------------------------------------- reservations of ours
async def _list_ours(runtime: Runtime, present: ReservationView) -> list[Desk]:
    """The desks that want to have a reservation of ours: those where its service is linked."""
    rows = await fetch_rows(
        "SELECT DISTINCT account_id FROM booking_link WHERE tenant_id = $1 AND target_id = $2 AND store_id = $3"
        " AND target_kind = 'SERVICE' AND reference <> $4",
        present.tenant_id, present.service_id, present.store_id, ANYTHING,
    )  # fmt: skip
    found = [await _find_desk(runtime, present, row) for row in rows]
    return [desk for desk in found if desk is not None and desk.port.behaviour.takes_ours]


async def _find_desk(runtime: Runtime, present: ReservationView, row: Mapping[str, Any]) -> Desk | None:
    return await find_desk(runtime, present.tenant_id, as_uuid(row["account_id"]), present.store_id)


async def _plan_ours(runtime: Runtime, desk: Desk, present: ReservationView) -> list[Write]:
    record = await find_ours(present.tenant_id, desk.account_id, present.id)
    if record is None:
        upcoming = present.status in OPEN_STATUSES and present.end > runtime.clock.now()
        return await _begin(desk, present) if upcoming else []
    if present.status in CANCELLED_STATUSES and record.external_id is None:
        return [
            withdraw_messages(present.tenant_id, record.id),
            build_report(record, BookingStatus.CANCELLED, present.cancel_reason or ""),
        ]
    if present.status not in OPEN_STATUSES:
        return _plan_report(desk.port.behaviour, record, present)
    return await _plan_move(record, present)


async def _begin(desk: Desk, present: ReservationView) -> list[Write]:
    """The platform has not said anything of it yet, so that whatever it says first is newer."""
    record = _write_record(desk, present)
    service = await find_reference(record, "SERVICE", present.service_id)
    staff = await find_reference(record, "STAFF", present.staff_id) if present.staff_id else None
    facts = replace(record.facts, service_reference=service, staff_reference=staff)
    record = replace(record, facts=facts, followed=facts)
    return [insert_record(record), build_placing(record)]


def _write_record(desk: Desk, present: ReservationView) -> Record:
    facts = Facts(BookingStatus.CONFIRMED, present.start, present.end, present.party_size, None, None)
    return Record(
        id=new_id(),
        tenant_id=present.tenant_id,
        account_id=desk.account_id,
        store_id=present.store_id,
        channel=desk.channel,
        origin=Origin.OURS,
        external_id=None,
        updated_at=_LONG_AGO,
        facts=facts,
        followed=facts,
        outcome=Outcome.PLACED,
        conflict=None,
        reservation_id=present.id,
        version=1,
        created_at=present.created_at,
        contact_name=present.contact_name,
        phone_tail=present.phone_tail,
    )


async def _plan_move(record: Record, present: ReservationView) -> list[Write]:
    """Where the platform has another time or another person than we have."""
    staff = await find_reference(record, "STAFF", present.staff_id) if present.staff_id else None
    same_staff = staff is None or staff == record.facts.staff_reference
    same = present.start == record.facts.start
    if (same and same_staff) or record.conflict is ConflictReason.REFUSED_BY_CHANNEL:
        return []
    if record.external_id is None and not await has_waiting(record.tenant_id, record.id):
        # It never got there.
        return []
    return [build_moving(record, present.version)]
