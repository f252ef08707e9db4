"""Loading a board: what a store has, what is worked and taken in a window, and what of it is free for a service."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.values import StoreView
from core.reservations.setup.rows import (
    list_resources,
    list_services,
    list_staff,
    load_policy,
    load_special_days,
)
from core.reservations.slots.calendar import DAY, Calendar, Opening, Run, Span
from core.reservations.slots.candidates import Busy, Need, find_starts
from core.reservations.slots.occupancy import Session, Spans, load_busy, load_sessions, load_shifts
from core.reservations.slots.offers import (
    Board,
    Lane,
    Picker,
    SeatBoard,
    TimeBoard,
    find_sized_kind,
    keep_first_lanes,
    list_fitting,
    list_kinds,
    offer_seats,
    offer_time,
)
from core.reservations.slots.scoring import Scorer, Wish
from core.reservations.values import ResourceView, ServiceKind, ServiceView, StaffView, TakenKind

# The longest service with the longest buffers on both sides, and a day for what crosses midnight.
_MARGIN: Final = 2 * DAY
# How far beyond the window neighbours are looked for, so that gaps at its edges are seen as they are.
_AROUND: Final = DAY // 2


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked of whom: a service for so many people, of all staff or of one, now."""

    store: StoreView
    service: ServiceView
    opening: Opening
    party_size: int
    now: datetime
    staff_id: UUID | None = None
    ignoring: UUID | None = None

    @property
    def tenant_id(self) -> UUID:
        return self.service.tenant_id

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.store.time_zone)

    @property
    def need(self) -> Need:
        return measure(self.service)


def measure(service: ServiceView) -> Need:
    """How long a service takes, with its buffers."""
    return Need(service.duration_minutes, service.buffer_before_minutes, service.buffer_after_minutes)


async def load_opening(tenant_id: UUID, store_id: UUID) -> Opening:
    """When the store is open; the policy of it is the store's, not yet that of a service."""
    return Opening(await load_policy(tenant_id, store_id), await load_special_days(tenant_id, store_id))


def list_qualified(service: ServiceView, staff: Sequence[StaffView]) -> tuple[StaffView, ...]:
    """Those who have every skill that the service needs."""
    return tuple(member for member in staff if service.required_skills <= member.skills)


async def list_worked(scope: Scope, calendar: Calendar, staff_id: UUID, window: Span) -> list[Run]:
    """When one staff member works in a window."""
    shifts = await load_shifts(scope.tenant_id, scope.store.id, window)
    return calendar.list_worked(scope.opening, shifts.get(staff_id, ()))


async def load_board(scope: Scope, window: Span, wish: Wish) -> Board:
    """All that can be booked from `window[0]` until before `window[1]` (minutes). The past is the caller's business."""
    calendar = Calendar(scope.zone, window[0] - DAY, window[1] + _MARGIN)
    scorer = await _make_scorer(scope, calendar, wish)
    kind = scope.service.kind
    if kind is ServiceKind.GROUP_CLASS:
        return await _load_classes(scope, window, calendar, scorer)
    if kind is ServiceKind.PICKUP:
        return await _load_pick_ups(scope, window, calendar, scorer)
    return await _load_time(scope, window, calendar, scorer)


async def _make_scorer(scope: Scope, calendar: Calendar, wish: Wish) -> Scorer:
    services = await list_services(scope.tenant_id, scope.store.id)
    alike = [service for service in services if _share_lanes(service, scope.service)]
    return Scorer(
        calendar,
        int(scope.now.timestamp() // 60),
        wish,
        [sum(measure(service)) for service in alike],
        spread_load=scope.opening.policy.spread_load,
    )


def _share_lanes(service: ServiceView, other: ServiceView) -> bool:
    return not service.kind.has_seats and service.kind.needs_staff == other.kind.needs_staff


async def _load_time(scope: Scope, window: Span, calendar: Calendar, scorer: Scorer) -> Board:
    need, kinds = scope.need, _list_taken_kinds(scope.service)
    reach = window[0] - need.before - _AROUND, window[1] + need.length + need.after + _AROUND
    spans = await load_busy(scope.service, kinds, reach, scope.now, scope.ignoring)
    resources = await list_resources(scope.tenant_id, scope.store.id)
    fitting = list_fitting(scope.service, resources, scope.party_size)
    if not all(fitting.values()):
        return TimeBoard(scope.service, [])
    needed = {resource.id for kind in fitting.values() for resource in kind}
    busy = {resource_id: Busy(spans.get(resource_id, ())) for resource_id in needed}
    if scope.service.kind is ServiceKind.ROOM:
        lanes = _list_rooms(scope, calendar, fitting, busy)
    else:
        lanes = await _list_people(scope, reach, calendar, fitting, spans)
    offers = offer_time(lanes, need, window, calendar, scorer)
    if scope.service.kind is ServiceKind.ROOM:
        offers = keep_first_lanes(offers)
    picker = Picker(list_kinds(scope.service), fitting, busy, need)
    return TimeBoard(scope.service, offers, lanes=lanes, picker=picker)


def _list_taken_kinds(service: ServiceView) -> list[TakenKind]:
    """Whose time matters: a store has thousands of bookings in a fortnight."""
    if service.kind is ServiceKind.ROOM:
        return [TakenKind.RESOURCE]
    return [TakenKind.STAFF, TakenKind.RESOURCE] if list_kinds(service) else [TakenKind.STAFF]


def _list_rooms(
    scope: Scope,
    calendar: Calendar,
    fitting: Mapping[str, Sequence[ResourceView]],
    busy: Mapping[UUID, Busy],
) -> list[Lane]:
    if scope.staff_id is not None:
        return []
    runs = calendar.list_open(scope.opening)
    sized = find_sized_kind(scope.service) or ""
    return [Lane(runs, busy[room.id], room=room) for room in fitting[sized]]


async def _list_people(
    scope: Scope, reach: Span, calendar: Calendar, fitting: Mapping[str, Sequence[ResourceView]], spans: Spans
) -> list[Lane]:
    """A lane for each of the staff. The only resource of its kind is as much in the way as they are themselves."""
    shifts = await load_shifts(scope.tenant_id, scope.store.id, reach)
    staff = list_qualified(scope.service, await list_staff(scope.tenant_id, scope.store.id))
    sole = [span for kind in fitting.values() if len(kind) == 1 for span in spans.get(kind[0].id, ())]
    return [
        Lane(
            calendar.list_worked(scope.opening, shifts.get(member.id, ())),
            Busy([*spans.get(member.id, ()), *sole]),
            staff_id=member.id,
        )
        for member in staff
        if scope.staff_id in (None, member.id) and member.id in shifts
    ]


async def _load_classes(scope: Scope, window: Span, calendar: Calendar, scorer: Scorer) -> Board:
    sessions = [
        session
        for session in await load_sessions(scope.tenant_id, scope.service.id, window, scope.now)
        if scope.staff_id in (None, session.staff_id) and is_within(session, scope.opening, calendar)
    ]
    return SeatBoard(scope.service, offer_seats(sessions, scope.party_size, scorer), sessions=sessions)


def is_within(session: Session, opening: Opening, calendar: Calendar) -> bool:
    """Whether special days and holidays leave a class alone."""
    span = session.start, session.end
    runs = calendar.list_worked(opening, [span])
    return len(runs) == 1 and runs[0][:2] == span


async def _load_pick_ups(scope: Scope, window: Span, calendar: Calendar, scorer: Scorer) -> Board:
    if scope.staff_id is not None:
        return SeatBoard(scope.service, [])
    found = await load_sessions(scope.tenant_id, scope.service.id, window, scope.now)
    booked = {session.start: session for session in found}
    need, service = Need(scope.service.duration_minutes), scope.service
    fresh = Session(None, 0, 0, None, (), service.capacity, 0)
    sessions = [
        booked.get(start) or dataclasses.replace(fresh, start=start, end=start + need.length)
        for start, _, _ in find_starts(calendar.list_open(scope.opening), Busy(), need, *window)
    ]
    return SeatBoard(service, offer_seats(sessions, scope.party_size, scorer), sessions=sessions)
