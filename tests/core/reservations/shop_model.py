"""What a shop's reservations have to be: the same rules once more, in memory and one after the other, to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.reservations.values import (
    CANCELLED_STATUSES,
    OPEN_STATUSES,
    ReservationErrorCode,
    ReservationStatus,
    ServiceKind,
    ServiceView,
    Slot,
)

CODE = ReservationErrorCode
STATUS = ReservationStatus
STOCK, SESSIONS, STORE_LIMIT, MOST_HOLDS = 3, 1, 2, 5
HOLD, OFFER, CUTOFF, CHANGE, GRACE = (timedelta(minutes=each) for each in (5, 30, 60, 120, 60))
Key = tuple[UUID, datetime]


@dataclass
class Hold:
    """`guest` None: the shop's own."""

    id: UUID
    guest: int | None
    slot: Slot
    party: int
    expires: datetime
    extended: bool = False
    status: str = "HELD"


@dataclass
class Visit:
    """A reservation. `guest` is whose it is, `own` whether their time is taken with it."""

    id: UUID
    code: str
    guest: int | None
    slot: Slot
    party: int
    own: bool
    status: ReservationStatus
    no_show_at: datetime
    draw: str | None = None
    stock: int = 0
    coupon: int | None = None
    coupon_status: str | None = None
    version: int = 1
    sequence: int = 0
    points: int = 0

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def cancelled(self) -> bool:
        return self.status in CANCELLED_STATUSES

    def change(self, status: ReservationStatus) -> None:
        self.status, self.version = status, self.version + 1


@dataclass
class Block:
    id: UUID
    resource_id: UUID
    start: datetime
    end: datetime


@dataclass
class Entry:
    id: UUID
    guest: int
    party: int
    status: str = "WAITING"
    expires: datetime | None = None
    visit: UUID | None = None


@dataclass
class Shop:
    """Two of the staff, two rooms, a class, and pick-ups; `opens` to `closes` is worked."""

    services: dict[UUID, ServiceView]
    rooms: dict[UUID, int]
    guests: list[UUID]
    packaged: frozenset[UUID]
    lesson: Slot
    lesson_seats: int
    opens: datetime
    closes: datetime
    now: datetime
    lesson_open: bool = True
    holds: list[Hold] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    used_coupons: set[int] = field(default_factory=set)

    # -------------------------------------------------------------------------------------------------------- what is so
    def living_holds(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.status == "HELD" and hold.expires > self.now]

    def kept_visits(self) -> list[Visit]:
        """Time and seats stay taken until a visit is cancelled, also when it is over."""
        return [visit for visit in self.visits if not visit.cancelled]

    def list_takes(self) -> Iterator[tuple[UUID, UUID, datetime, datetime]]:
        """Owner, who or what is taken, from, to."""
        for hold in self.living_holds():
            yield from self._take_slot(hold.id, hold.slot)
        for visit in self.kept_visits():
            yield from self._take_slot(visit.id, visit.slot)
            if visit.own and visit.guest is not None:
                yield visit.id, self.guests[visit.guest], visit.slot.start, visit.slot.end
        for block in self.blocks:
            yield block.id, block.resource_id, block.start, block.end
        if self.lesson_open and self.lesson.session_id and self.lesson.staff_id:
            yield self.lesson.session_id, self.lesson.staff_id, self.lesson.start, self.lesson.end

    def _take_slot(self, owner: UUID, slot: Slot) -> Iterator[tuple[UUID, UUID, datetime, datetime]]:
        service = self.services[slot.service_id]
        if service.kind.has_seats:
            return
        start = slot.start - timedelta(minutes=service.buffer_before_minutes)
        end = slot.end + timedelta(minutes=service.buffer_after_minutes)
        for taken in (slot.staff_id, *slot.resource_ids):
            if taken is not None:
                yield owner, taken, start, end

    def is_free(self, resource_id: UUID, slot: Slot, ignoring: UUID | None = None) -> bool:
        wanted = list(self._take_slot(UUID(int=0), slot)) or [(None, None, slot.start, slot.end)]
        return self.is_span_free(resource_id, wanted[0][2], wanted[0][3], ignoring)

    def is_span_free(
        self, resource_id: UUID, start: datetime, end: datetime, ignoring: UUID | None = None
    ) -> bool:
        return not any(
            taken == resource_id and owner != ignoring and begin < end and start < until
            for owner, taken, begin, until in self.list_takes()
        )

    def count_seats(self, key: Key, ignoring: UUID | None = None) -> int:
        """The seats taken of a class or a pick-up time, by (service, start)."""
        parties = [
            each.party
            for each in (*self.living_holds(), *self.kept_visits())
            if (each.slot.service_id, each.slot.start) == key and each.id != ignoring
        ]
        return sum(parties) + (self.count_offered() if key == self.lesson_key else 0)

    def count_offered(self) -> int:
        return sum(entry.party for entry in self.entries if entry.status == "OFFERED")

    @property
    def lesson_key(self) -> Key:
        return self.lesson.service_id, self.lesson.start

    @property
    def sessions_left(self) -> list[int]:
        """Of each guest's package."""
        drawn = [visit.guest for visit in self.visits if visit.draw in ("DRAWN", "SPENT")]
        return [SESSIONS - drawn.count(guest) for guest in range(len(self.guests))]

    @property
    def stock(self) -> int:
        return STOCK - sum(visit.stock for visit in self.visits)

    def count_open(self, guest: int, service_id: UUID | None = None) -> int:
        """The open reservations that quotas count, in the store or of a service."""
        return sum(
            visit.guest == guest and visit.is_open and visit.slot.end > self.now
            for visit in self.visits
            if service_id in (None, visit.slot.service_id)
        )

    # -------------------------------------------------------------------------------------------- what has to be refused
    def refuse_rules(self, slot: Slot, party: int, *, customer: bool) -> set[ReservationErrorCode]:
        service, codes = self.services[slot.service_id], set()
        if (slot.start < self.now) if customer else (slot.end <= self.now):
            codes.add(CODE.TOO_SOON)
        if service.kind in (ServiceKind.APPOINTMENT, ServiceKind.COURSE) and slot.end > self.closes:
            codes.add(CODE.OUTSIDE_HOURS)
        if service.kind is ServiceKind.GROUP_CLASS and not self.lesson_open:
            codes.add(CODE.SLOT_TAKEN)
        if party > self._find_capacity(service):
            codes.add(CODE.PARTY_TOO_LARGE)
        return codes

    def _find_capacity(self, service: ServiceView) -> int:
        if service.required_resource_kinds:
            return max(self.rooms.values())
        if service.kind is ServiceKind.GROUP_CLASS:
            return self.lesson_seats
        return service.capacity if service.kind is ServiceKind.PICKUP else 1_000

    def refuse_place(self, slot: Slot, party: int, ignoring: UUID | None = None) -> set[ReservationErrorCode]:
        service = self.services[slot.service_id]
        if service.kind.has_seats:
            taken = self.count_seats((slot.service_id, slot.start), ignoring)
            return {CODE.CLASS_FULL} if taken + party > self._find_capacity(service) else set()
        staffed = slot.staff_id is None or self.is_free(slot.staff_id, slot, ignoring)
        housed = not slot.resource_ids or self.list_free_rooms(slot, party, ignoring)
        return set() if staffed and housed else {CODE.SLOT_TAKEN}

    def list_free_rooms(self, slot: Slot, party: int, ignoring: UUID | None = None) -> list[UUID]:
        """Those that the party fits into, the smallest first."""
        return [
            room
            for room, capacity in sorted(self.rooms.items(), key=lambda each: each[1])
            if capacity >= party and self.is_free(room, slot, ignoring)
        ]

    def refuse_own(self, guest: int, slot: Slot, ignoring: UUID | None = None) -> set[ReservationErrorCode]:
        free = self.is_span_free(self.guests[guest], slot.start, slot.end, ignoring)
        return set() if free else {CODE.OVERLAPS_OWN_RESERVATION}

    def refuse_quota(self, guest: int, service_id: UUID) -> set[ReservationErrorCode]:
        limit = self.services[service_id].limit_per_customer
        full = self.count_open(guest) >= STORE_LIMIT
        full = full or (limit is not None and self.count_open(guest, service_id) >= limit)
        return {CODE.CUSTOMER_LIMIT_REACHED} if full else set()

    def refuse_package(self, guest: int | None, slot: Slot) -> set[ReservationErrorCode]:
        """Of the package of a guest, drawn for that guest."""
        if guest is None or slot.service_id not in self.packaged:
            return {CODE.PACKAGE_NOT_VALID}
        return {CODE.PACKAGE_USED_UP} if self.sessions_left[guest] < 1 else set()

    # --------------------------------------------------------------------------------------------------- what has to come
    def cancel(self, visit: Visit, status: ReservationStatus, *, late: bool = False) -> None:
        visit.change(status)
        visit.sequence += 1
        visit.stock = 0
        if visit.draw == "DRAWN":
            visit.draw = "SPENT" if late else "RETURNED"
        if visit.coupon_status in ("ATTACHED", "REFUSED"):
            visit.coupon_status = "DETACHED"

    def mark_no_shows(self) -> None:
        for visit in self.visits:
            if visit.status is STATUS.CONFIRMED and visit.no_show_at <= self.now:
                visit.change(STATUS.NO_SHOW)
                visit.draw = "SPENT" if visit.draw == "DRAWN" else visit.draw

    def sweep_holds(self) -> None:
        for hold in self.holds:
            if hold.status == "HELD" and hold.expires <= self.now:
                hold.status = "EXPIRED"

    def promote(self) -> None:
        """Offers that have run out end; what is free is offered to who has waited longest and fits."""
        over = not self.lesson_open or self.lesson.start <= self.now
        for entry in self.entries:
            if (entry.status == "OFFERED" and (over or self.is_over(entry))) or (
                entry.status == "WAITING" and over
            ):
                entry.status = "EXPIRED"
        if over or self.now >= self.lesson.start - CUTOFF:
            return
        for entry in self.entries:
            if entry.status == "WAITING" and not self.refuse_place(self.lesson, entry.party):
                entry.status = "OFFERED"
                entry.expires = min(self.now + OFFER, self.lesson.start - CUTOFF)

    def is_over(self, entry: Entry) -> bool:
        return entry.expires is None or entry.expires <= self.now

    def close_lesson(self) -> None:
        self.lesson_open = False
        for hold in self.holds:
            if hold.slot.service_id == self.lesson.service_id and hold.status == "HELD":
                hold.status = "RELEASED"
        for visit in self.visits:
            if visit.slot.service_id == self.lesson.service_id and visit.is_open:
                self.cancel(visit, STATUS.CANCELLED_BY_STORE)

    # ---------------------------------------------------------------------------------------------------- how it is stored
    def show(self) -> dict[str, Any]:
        """The shop as `shop_rows.read_shop` reads it from the database."""
        return {
            "visits": {visit.id: self._show_visit(visit) for visit in self.visits},
            "takes": set(self.list_takes()),
            "holds": {
                hold.id: (hold.status, hold.expires)
                for hold in self.holds
                if hold.status == "USED" or (hold.status == "HELD" and hold.expires > self.now)
            },
            "entries": {
                entry.id: (entry.status, entry.expires if entry.status == "OFFERED" else None, entry.visit)
                for entry in self.entries
            },
            "blocks": {block.id for block in self.blocks},
            "sessions_left": dict(zip(self.guests, self.sessions_left, strict=True)),
            "draws": {visit.id: visit.draw for visit in self.visits if visit.draw},
            "stock": self.stock,
            "coupons": {visit.id: visit.coupon_status for visit in self.visits if visit.coupon_status},
            "used_coupons": len(self.used_coupons),
            "checked_in": {
                visit.id for visit in self.visits if visit.status in (STATUS.CHECKED_IN, STATUS.COMPLETED)
            },
            "points": self._show_points(),
        }

    def _show_visit(self, visit: Visit) -> tuple[Any, ...]:
        slot = visit.slot
        return (
            visit.status, slot.start, slot.end, slot.staff_id, slot.resource_ids, visit.party, visit.version,
            visit.sequence,
        )  # fmt: skip

    def _show_points(self) -> dict[UUID, int]:
        points: dict[UUID, int] = {}
        for visit in self.visits:
            if visit.points and visit.guest is not None:
                guest = self.guests[visit.guest]
                points[guest] = points.get(guest, 0) + visit.points
        return points
