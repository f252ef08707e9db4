"""Where a platform's booking fits into our calendar: the service it is linked to, and the slots that would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.channels.contract import BookingStatus
from core.db.statements import as_instant, as_optional_uuid, as_uuid, fetch_rows
from core.reservations.channel.records import Facts, Record
from core.reservations.channel.values import ConflictReason
from core.reservations.setup.rows import find_service, list_staff
from core.reservations.slots.availability import check_slot, pick_resources
from core.reservations.slots.choice import settle_session
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationView,
    ServiceKind,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

# Links whatever else is booked at this account and store.
ANYTHING: Final = "*"
_TAKEN = ReservationProblem(ReservationErrorCode.SLOT_TAKEN)


async def find_linked(record: Record) -> tuple[ServiceView | None, UUID | None]:
    """Our service and our staff member for what was booked; None where it is linked to none."""
    facts = record.facts
    rows = await fetch_rows(
        "SELECT target_kind, target_id, reference FROM booking_link WHERE tenant_id = $1 AND account_id = $2"
        " AND store_id = $3 AND (target_kind = 'SERVICE' AND reference IN ($4, $5)"
        " OR target_kind = 'STAFF' AND reference = $6)",
        record.tenant_id, record.account_id, record.store_id, facts.service_reference or ANYTHING, ANYTHING,
        facts.staff_reference or "",
    )  # fmt: skip
    services = {row["reference"]: row["target_id"] for row in rows if row["target_kind"] == "SERVICE"}
    staff = next((as_uuid(row["target_id"]) for row in rows if row["target_kind"] == "STAFF"), None)
    target = services.get(facts.service_reference) or services.get(ANYTHING)
    service = await find_service(record.tenant_id, as_uuid(target)) if target else None
    return (service if service and service.active else None), staff


async def list_candidates(
    service: ServiceView, facts: Facts, staff_id: UUID | None, present: ReservationView | None = None
) -> list[Slot]:
    """The slots that would do, the best first: whom the guest asked for, then whom they have, then whoever can.

    A request for a certain person fits that person only: the platform can still be told no.
    """
    if service.kind is ServiceKind.GROUP_CLASS:
        return await _list_classes(service, facts.start, staff_id)
    end = facts.end or facts.start + timedelta(minutes=service.duration_minutes)
    slot = Slot(service.id, service.store_id, facts.start, end)
    if not service.kind.needs_staff:
        return [replace(slot, resource_ids=present.resource_ids if present else ())]
    if facts.status is BookingStatus.REQUESTED and staff_id is not None:
        return [replace(slot, staff_id=staff_id)]
    staff = await list_staff(service.tenant_id, service.store_id)
    able = [each.id for each in staff if service.required_skills <= each.skills]
    wished = [staff_id, present.staff_id if present else None]
    first = [each for each in wished if each is not None and each in able]
    return [replace(slot, staff_id=each) for each in dict.fromkeys([*first, *able])]


async def prepare_slot(
    runtime: Runtime, service: ServiceView, slot: Slot, party_size: int, ignoring: UUID | None = None
) -> Slot | ReservationProblem:
    """The slot with resources and session, ready to be taken; or what rules have against it."""
    problem = await check_slot(runtime, service, slot, party_size, customer_rules=False)
    if problem is not None:
        return problem
    if not service.kind.has_seats:
        now = runtime.clock.now()
        picked = await pick_resources(service, slot, party_size, ignoring=ignoring, now=now)
        if picked is None:
            return _TAKEN
        slot = replace(slot, resource_ids=picked)
    return await settle_session(service, slot)


def explain_problems(problems: Sequence[ReservationProblem]) -> ConflictReason:
    """One reason for all slots: that somebody works and is taken tells more than that another does not work."""
    codes = [problem.code for problem in problems]
    for telling in (ReservationErrorCode.SLOT_TAKEN, ReservationErrorCode.CLASS_FULL):
        if telling in codes:
            return ConflictReason(telling.value)
    if not codes or codes[0].value not in ConflictReason.__members__:
        return ConflictReason.RESOURCE_UNAVAILABLE
    return ConflictReason(codes[0].value)


async def _list_classes(service: ServiceView, start: datetime, staff_id: UUID | None) -> list[Slot]:
    rows = await fetch_rows(
        "SELECT id, start_at, end_at, staff_id FROM class_session WHERE tenant_id = $1 AND service_id = $2"
        " AND status = 'OPEN' AND start_at = $3 ORDER BY id LIMIT 20",
        service.tenant_id, service.id, start,
    )  # fmt: skip
    slots = [
        Slot(
            service.id, service.store_id, as_instant(row["start_at"]), as_instant(row["end_at"]),
            as_optional_uuid(row["staff_id"]), session_id=as_uuid(row["id"]),
        )
        for row in rows
    ]  # fmt: skip
    return sorted(slots, key=lambda slot: slot.staff_id != staff_id)
