"""Boards: everything that can be booked in a window, as cheap tuples; slots are made only of those that are shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from core.reservations.slots.calendar import Calendar, Run, Span, from_minute
from core.reservations.slots.candidates import Busy, Need, find_starts
from core.reservations.slots.occupancy import Session
from core.reservations.slots.scoring import FILLS_GAP, LEAST_BUSY, Scorer, list_reasons
from core.reservations.values import ResourceView, ServiceKind, ServiceView, Slot

ROOM: Final = "room"

# `(cost, start, lane, reasons)`: what sorts first is the best, and of equals the earliest.
Offer = tuple[float, int, int, int]


@dataclass(frozen=True, slots=True)
class Lane:
    """One staff member, or one room, whose time is offered."""

    runs: Sequence[Run]
    busy: Busy
    staff_id: UUID | None = None
    room: ResourceView | None = None


def list_kinds(service: ServiceView) -> tuple[str, ...]:
    """The kinds of resources of which a booking takes one each. A ROOM that names none takes a "room"."""
    if service.required_resource_kinds:
        return service.required_resource_kinds
    return (ROOM,) if service.kind is ServiceKind.ROOM else ()


def find_sized_kind(service: ServiceView) -> str | None:
    """The kind that the party has to fit into: the room; for a ROOM without one, the first kind."""
    kinds = list_kinds(service)
    if ROOM in kinds:
        return ROOM
    return kinds[0] if service.kind is ServiceKind.ROOM else None


def list_fitting(
    service: ServiceView, resources: Iterable[ResourceView], party_size: int
) -> dict[str, list[ResourceView]]:
    """For each kind that the service takes those that the party fits into, the smallest first."""
    sized = find_sized_kind(service)
    ordered = sorted(resources, key=lambda resource: (resource.capacity, resource.id))
    return {
        kind: [
            resource
            for resource in ordered
            if resource.kind == kind and (kind != sized or resource.capacity >= party_size)
        ]
        for kind in list_kinds(service)
    }


class Picker:
    """Picks free resources: one of each kind."""

    def __init__(
        self,
        kinds: Sequence[str],
        fitting: Mapping[str, Sequence[ResourceView]],
        busy: Mapping[UUID, Busy],
        need: Need,
    ) -> None:
        self._kinds = kinds
        self._fitting = fitting
        self._busy = busy
        self._need = need
        self._known: dict[tuple[int, UUID | None], tuple[UUID, ...] | None] = {}

    def pick(self, start: int, room: UUID | None = None) -> tuple[UUID, ...] | None:
        """Free resources for a start, in the order of the kinds; None where one is missing. `room` is one of them."""
        if not self._kinds:
            return ()
        key = start, room
        if key not in self._known:
            self._known[key] = self._pick(start, room, ())
        return self._known[key]

    def pick_afresh(self, start: int, preferred: Sequence[UUID]) -> tuple[UUID, ...] | None:
        """The same, with those of `preferred` where they are free."""
        return self._pick(start, None, preferred)

    def _pick(self, start: int, room: UUID | None, preferred: Sequence[UUID]) -> tuple[UUID, ...] | None:
        begin, end = start - self._need.before, start + self._need.length + self._need.after
        picked: list[UUID] = []
        for kind in self._kinds:
            ids = [resource.id for resource in self._fitting[kind]]
            if room in ids and room not in picked:
                picked.append(room)
                continue
            ids.sort(key=lambda resource_id: resource_id not in preferred)
            free = (row_id for row_id in ids if row_id not in picked and self._is_free(row_id, begin, end))
            chosen = next(free, None)
            if chosen is None:
                return None
            picked.append(chosen)
        return tuple(picked)

    def _is_free(self, resource_id: UUID, begin: int, end: int) -> bool:
        busy = self._busy.get(resource_id)
        return busy is None or busy.is_free(begin, end)


@dataclass(slots=True)
class Board(ABC):
    """What a service has to offer. `offers` are not yet asked for their resources."""

    service: ServiceView
    offers: list[Offer]
    _instants: dict[int, datetime] = field(default_factory=dict)

    @abstractmethod
    def build(self, offer: Offer, reasons: int = 0) -> Slot | None:
        """The slot of an offer; None where a resource for it is taken. `reasons` are added to its own."""

    def _show(self, minute: int) -> datetime:
        shown = self._instants.get(minute)
        if shown is None:
            shown = self._instants[minute] = from_minute(minute)
        return shown


@dataclass(slots=True)
class TimeBoard(Board):
    """Time of staff and rooms."""

    lanes: Sequence[Lane] = ()
    picker: Picker | None = None

    def build(self, offer: Offer, reasons: int = 0) -> Slot | None:
        cost, start, index, own = offer
        lane = self.lanes[index]
        room = lane.room
        taken = self.picker.pick(start, room.id if room else None) if self.picker else ()
        if taken is None:
            return None
        end = start + self.service.duration_minutes
        return Slot(
            self.service.id,
            self.service.store_id,
            self._show(start),
            self._show(end),
            lane.staff_id,
            taken,
            None,
            room.capacity if room else 1,
            round(0.0 - cost, 4),
            list_reasons(own | reasons),
        )


@dataclass(slots=True)
class SeatBoard(Board):
    """Seats of sessions: `sessions[lane]`. A pick-up time that nobody booked yet has a session without an id."""

    sessions: Sequence[Session] = ()

    def build(self, offer: Offer, reasons: int = 0) -> Slot | None:
        cost, _, index, own = offer
        session = self.sessions[index]
        return Slot(
            self.service.id,
            self.service.store_id,
            self._show(session.start),
            self._show(session.end),
            session.staff_id,
            session.resource_ids,
            session.id,
            session.capacity - session.booked,
            round(0.0 - cost, 4),
            list_reasons(own | reasons),
        )


def offer_time(
    lanes: Sequence[Lane], need: Need, window: Span, calendar: Calendar, scorer: Scorer
) -> list[Offer]:
    """Every free start of every lane."""
    offers: list[Offer] = []
    shares = [[_share_taken(run, lane.busy) for run in lane.runs] for lane in lanes]
    least_busy = _find_least_busy(lanes, shares, calendar)
    price_time, price_gap = scorer.price_time, scorer.price_gap
    for index, lane in enumerate(lanes):
        staff_cost, staff_reasons = scorer.price_staff(lane.staff_id)
        for number, run in enumerate(lane.runs):
            reasons = staff_reasons | (LEAST_BUSY if (index, number) in least_busy else 0)
            fixed = staff_cost + scorer.price_load(shares[index][number])
            for start, left, right in find_starts((run,), lane.busy, need, *window):
                cost, why = price_time(start)
                if not left and not right:
                    why |= FILLS_GAP
                offers.append((fixed + cost + price_gap(left, right), start, index, reasons | why))
    return offers


def offer_seats(sessions: Sequence[Session], party_size: int, scorer: Scorer) -> list[Offer]:
    """Every session with seats enough."""
    offers: list[Offer] = []
    for index, session in enumerate(sessions):
        if session.capacity - session.booked < party_size:
            continue
        time_cost, time_reasons = scorer.price_time(session.start)
        staff_cost, staff_reasons = scorer.price_staff(session.staff_id)
        cost = time_cost + staff_cost + scorer.price_load(session.booked / max(1, session.capacity))
        offers.append((cost, session.start, index, time_reasons | staff_reasons))
    return offers


def keep_first_lanes(offers: Iterable[Offer]) -> list[Offer]:
    """One offer of each start: that of the first lane, which is the smallest room."""
    by_start: dict[int, Offer] = {}
    for offer in offers:
        by_start.setdefault(offer[1], offer)
    return list(by_start.values())


def _share_taken(run: Run, busy: Busy) -> float:
    return busy.count_within(run.start, run.end) / (run.end - run.start)


def _find_least_busy(
    lanes: Sequence[Lane], shares: Sequence[Sequence[float]], calendar: Calendar
) -> set[tuple[int, int]]:
    """The `(lane, run)` of those who have least to do on their day, unless all have the same."""
    days: dict[int, list[tuple[float, int, int]]] = {}
    for index, lane in enumerate(lanes):
        for number, run in enumerate(lane.runs):
            day = calendar.find_day(run.start).start
            days.setdefault(day, []).append((shares[index][number], index, number))
    least: set[tuple[int, int]] = set()
    for runs in days.values():
        lowest = min(runs)[0]
        if lowest < max(runs)[0]:
            least.update((index, number) for share, index, number in runs if share == lowest)
    return least
