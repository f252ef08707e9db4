"""Whether a slot that somebody wants may be taken at all. Whether it is free is for the database to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.access.stores import load_store
from core.reservations.setup.rows import list_resources, list_staff
from core.reservations.slots.boards import (
    Scope,
    is_within,
    list_qualified,
    list_worked,
    load_opening,
    measure,
)
from core.reservations.slots.calendar import Calendar, Run, to_minute, to_minute_after
from core.reservations.slots.candidates import Busy
from core.reservations.slots.occupancy import find_session, load_taken
from core.reservations.slots.offers import Picker, list_fitting, list_kinds
from core.reservations.values import (
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ServiceKind,
    ServiceView,
    Slot,
)
from core.runtime import Runtime


async def check_slot(
    runtime: Runtime, service: ServiceView, slot: Slot, party_size: int, *, customer_rules: bool
) -> ReservationProblem | None:
    """Why the rules refuse a slot, or None: hours, shifts, skills, party, and for customers lead time and horizon.

    Nothing is said of what is taken. Staff may take what has begun already, until it is over.
    """
    store = await load_store(service.tenant_id, service.store_id)
    if store is None or not service.active or slot.service_id != service.id:
        return ReservationProblem(ReservationErrorCode.INVALID)
    now = runtime.clock.now()
    opening = await load_opening(service.tenant_id, service.store_id)
    code = _check_time(slot, now, opening.policy.narrow(service), customer_rules=customer_rules)
    if code is None:
        scope = Scope(store, service, opening, party_size, now)
        code = await _check_place(scope, slot)
    return ReservationProblem(code) if code else None


async def pick_resources(
    service: ServiceView,
    slot: Slot,
    party_size: int,
    *,
    ignoring: UUID | None = None,
    now: datetime | None = None,
) -> tuple[UUID, ...] | None:
    """Free resources for a slot, one of each kind: those of the slot where they are free, else the smallest that fit.

    None where one is missing. What `ignoring` has counts as free; so does a hold that has run out at `now`.
    """
    resources = await list_resources(service.tenant_id, service.store_id)
    fitting = list_fitting(service, resources, party_size)
    ids = {resource.id for kind in fitting.values() for resource in kind}
    if not all(fitting.values()):
        return None
    if not ids:
        return ()
    need = measure(service)
    start = to_minute(slot.start)
    reach = start - need.before, to_minute_after(slot.end) + need.after
    spans = await load_taken(service, ids, reach, now, ignoring)
    busy = {resource_id: Busy(taken) for resource_id, taken in spans.items()}
    return Picker(list_kinds(service), fitting, busy, need).pick_afresh(start, slot.resource_ids)


def _check_time(
    slot: Slot, now: datetime, policy: Policy, *, customer_rules: bool
) -> ReservationErrorCode | None:
    if not customer_rules:
        return ReservationErrorCode.TOO_SOON if slot.end <= now else None
    if slot.start < now + timedelta(minutes=policy.lead_minutes):
        return ReservationErrorCode.TOO_SOON
    if slot.start > now + timedelta(days=policy.horizon_days):
        return ReservationErrorCode.TOO_FAR_AHEAD
    return None


async def _check_place(scope: Scope, slot: Slot) -> ReservationErrorCode | None:
    kind = scope.service.kind
    if kind is ServiceKind.GROUP_CLASS:
        return await _check_class(scope, slot)
    if kind is ServiceKind.PICKUP:
        if scope.party_size > scope.service.capacity:
            return ReservationErrorCode.PARTY_TOO_LARGE
        return None if _is_open(scope, slot) else ReservationErrorCode.OUTSIDE_HOURS
    code = await _check_resources(scope)
    if code is not None:
        return code
    if kind is ServiceKind.ROOM:
        return None if _is_open(scope, slot) else ReservationErrorCode.OUTSIDE_HOURS
    return await _check_staff(scope, slot)


async def _check_class(scope: Scope, slot: Slot) -> ReservationErrorCode | None:
    session = await find_session(scope.tenant_id, slot.session_id) if slot.session_id else None
    if session is None:
        return ReservationErrorCode.SLOT_TAKEN
    if scope.party_size > session.capacity:
        return ReservationErrorCode.PARTY_TOO_LARGE
    inside = is_within(session, scope.opening, _open_calendar(scope, slot))
    return None if inside else ReservationErrorCode.OUTSIDE_HOURS


async def _check_resources(scope: Scope) -> ReservationErrorCode | None:
    """PARTY_TOO_LARGE where a kind has only what is too small, RESOURCE_UNAVAILABLE where it has nothing."""
    resources = await list_resources(scope.tenant_id, scope.store.id)
    if not all(list_fitting(scope.service, resources, 1).values()):
        return ReservationErrorCode.RESOURCE_UNAVAILABLE
    if not all(list_fitting(scope.service, resources, scope.party_size).values()):
        return ReservationErrorCode.PARTY_TOO_LARGE
    return None


async def _check_staff(scope: Scope, slot: Slot) -> ReservationErrorCode | None:
    staff = list_qualified(scope.service, await list_staff(scope.tenant_id, scope.store.id))
    if slot.staff_id is None or all(member.id != slot.staff_id for member in staff):
        return ReservationErrorCode.STAFF_NOT_QUALIFIED
    calendar = _open_calendar(scope, slot)
    window = calendar.days[0].start, calendar.days[-1].end
    worked = await list_worked(scope, calendar, slot.staff_id, window)
    return None if _is_inside(slot, worked) else ReservationErrorCode.OUTSIDE_HOURS


def _is_open(scope: Scope, slot: Slot) -> bool:
    return _is_inside(slot, _open_calendar(scope, slot).list_open(scope.opening))


def _is_inside(slot: Slot, runs: Sequence[Run]) -> bool:
    start, end = to_minute(slot.start), to_minute_after(slot.end)
    return any(run.start <= start and end <= run.end for run in runs)


def _open_calendar(scope: Scope, slot: Slot) -> Calendar:
    return Calendar(scope.zone, to_minute(slot.start), to_minute_after(slot.end))
