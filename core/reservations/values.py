"""What the reservation services take and answer. Money in fen, instants in UTC."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class ServiceKind(StrEnum):
    """What kind of thing is booked; it decides what a booking takes."""

    APPOINTMENT = "APPOINTMENT"
    GROUP_CLASS = "GROUP_CLASS"
    COURSE = "COURSE"
    ROOM = "ROOM"
    PICKUP = "PICKUP"

    @property
    def needs_staff(self) -> bool:
        """Whether a booking takes a staff member's time (that of a class was taken when it was scheduled)."""
        return self in (ServiceKind.APPOINTMENT, ServiceKind.COURSE, ServiceKind.GROUP_CLASS)

    @property
    def has_seats(self) -> bool:
        """Whether a booking takes seats of a session instead of staff and resources to itself."""
        return self in (ServiceKind.GROUP_CLASS, ServiceKind.PICKUP)


class ReservationStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"
    CONFIRMED = "CONFIRMED"
    CHECKED_IN = "CHECKED_IN"
    COMPLETED = "COMPLETED"
    CANCELLED_BY_CUSTOMER = "CANCELLED_BY_CUSTOMER"
    CANCELLED_BY_STORE = "CANCELLED_BY_STORE"
    NO_SHOW = "NO_SHOW"


OPEN_STATUSES = (ReservationStatus.PENDING_PAYMENT, ReservationStatus.CONFIRMED)
CANCELLED_STATUSES = (ReservationStatus.CANCELLED_BY_CUSTOMER, ReservationStatus.CANCELLED_BY_STORE)


class SlotReason(StrEnum):
    """Why a slot is recommended."""

    USUAL_TIME = "USUAL_TIME"
    USUAL_STAFF = "USUAL_STAFF"
    FILLS_GAP = "FILLS_GAP"
    LEAST_BUSY = "LEAST_BUSY"
    EARLIEST = "EARLIEST"


class ReservationErrorCode(StrEnum):
    """Why a reservation is not made, changed or checked in: the closed set that clients see."""

    SLOT_TAKEN = "SLOT_TAKEN"
    SLOT_EXPIRED = "SLOT_EXPIRED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    CLASS_FULL = "CLASS_FULL"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    TOO_SOON = "TOO_SOON"
    TOO_FAR_AHEAD = "TOO_FAR_AHEAD"
    OUTSIDE_CHANGE_WINDOW = "OUTSIDE_CHANGE_WINDOW"
    ALREADY_CANCELLED = "ALREADY_CANCELLED"
    CUSTOMER_LIMIT_REACHED = "CUSTOMER_LIMIT_REACHED"
    OVERLAPS_OWN_RESERVATION = "OVERLAPS_OWN_RESERVATION"
    STAFF_NOT_QUALIFIED = "STAFF_NOT_QUALIFIED"
    RESOURCE_UNAVAILABLE = "RESOURCE_UNAVAILABLE"
    PACKAGE_USED_UP = "PACKAGE_USED_UP"
    PACKAGE_NOT_VALID = "PACKAGE_NOT_VALID"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"
    WRONG_STORE = "WRONG_STORE"
    WRONG_DAY = "WRONG_DAY"
    ALREADY_CHECKED_IN = "ALREADY_CHECKED_IN"
    AMBIGUOUS_PHONE = "AMBIGUOUS_PHONE"
    COUPON_REFUSED = "COUPON_REFUSED"
    PARTY_TOO_LARGE = "PARTY_TOO_LARGE"
    INVALID = "INVALID"


class DepositStatus(StrEnum):
    """What became of a deposit: NONE is to be paid, it is DUE or PAID, or was KEPT or RETURNED at the end."""

    NONE = "NONE"
    DUE = "DUE"
    PAID = "PAID"
    KEPT = "KEPT"
    RETURNED = "RETURNED"


class OwnerKind(StrEnum):
    """What a taken time belongs to."""

    RESERVATION = "RESERVATION"
    SESSION = "SESSION"
    HOLD = "HOLD"
    BLOCK = "BLOCK"


class TakenKind(StrEnum):
    """Whom or what a taken time is of."""

    STAFF = "STAFF"
    RESOURCE = "RESOURCE"
    CUSTOMER = "CUSTOMER"


class AllocationState(StrEnum):
    """HELD and CONFIRMED keep others out; RELEASED and MOVED are history."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    MOVED = "MOVED"


# Minutes before the start at which a guest is reminded.
DEFAULT_REMINDERS = (1440, 120)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a store takes reservations; after `narrow` with what one service says for itself.

    See `core.reservations.models.StorePolicy`. `weekly_hours` has minutes of the day for each weekday (0 is Monday);
    None: at all hours.
    """

    hold_minutes: int = 5
    lead_minutes: int = 0
    horizon_days: int = 90
    change_minutes: int = 120
    grace_minutes: int | None = 60
    limit_per_customer: int | None = None
    limit_per_service: int | None = None
    keep_deposit: bool = True
    check_in_before_minutes: int | None = None
    check_in_after_minutes: int | None = None
    reminder_minutes: tuple[int, ...] = DEFAULT_REMINDERS
    spread_load: bool = True
    points_per_yuan: int = 1
    offer_minutes: int = 30
    waitlist_cutoff_minutes: int = 60
    close_on_holidays: bool = False
    weekly_hours: tuple[tuple[tuple[int, int], ...], ...] | None = None

    def narrow(self, service: ServiceView) -> Policy:
        """The same with what the service says for itself."""
        own: dict[str, Any] = {
            "lead_minutes": service.lead_minutes,
            "horizon_days": service.horizon_days,
            "change_minutes": service.change_minutes,
            "grace_minutes": service.grace_minutes,
            "limit_per_service": service.limit_per_customer,
        }
        return dataclasses.replace(self, **{name: value for name, value in own.items() if value is not None})


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service as it can be booked. Minutes; money in fen."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    name: str
    kind: ServiceKind
    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    required_skills: frozenset[str] = frozenset()
    required_resource_kinds: tuple[str, ...] = ()
    capacity: int = 1
    price: int | None = None
    deposit: int | None = None
    minimum_spend: int | None = None
    visits: int = 1
    lead_minutes: int | None = None
    horizon_days: int | None = None
    change_minutes: int | None = None
    grace_minutes: int | None = None
    limit_per_customer: int | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class StaffView:
    id: UUID
    tenant_id: UUID
    store_id: UUID
    name: str
    skills: frozenset[str] = frozenset()
    active: bool = True


@dataclass(frozen=True, slots=True)
class ResourceView:
    """A room, chair or machine; `capacity` is how many people fit."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    name: str
    kind: str
    capacity: int = 1
    active: bool = True


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that can be booked: the service itself from `start` to `end`, without buffers.

    staff_id       who gives it; None for services without staff
    resource_ids   the resources it would take, one of each kind the service needs
    session_id     the class it is a seat of; None for other services, and for a pick-up time nobody booked yet
    seats          how many seats (class, pick-up) or people (room) are left; 1 for an appointment
    score          higher is better; only comparable within one answer
    """

    service_id: UUID
    store_id: UUID
    start: datetime
    end: datetime
    staff_id: UUID | None = None
    resource_ids: tuple[UUID, ...] = ()
    session_id: UUID | None = None
    seats: int = 1
    score: float = 0.0
    reasons: tuple[SlotReason, ...] = ()


@dataclass(frozen=True, slots=True)
class ReservationProblem:
    """Why something was not done. `field` is the path inside the input; `suggestions` are free slots instead.

    `values` fill in the text `reservation.<code>` of `core.messages`.
    """

    code: ReservationErrorCode
    field: tuple[str, ...] = ()
    suggestions: tuple[Slot, ...] = ()
    values: dict[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contact:
    """Who comes. `phone` as it was typed."""

    name: str
    phone: str = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class ReservationView:
    """One reservation as its reader may see it. `code` and `calendar_key` are shown to all who may see it at all."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    service_id: UUID
    customer_id: UUID | None
    status: ReservationStatus
    start: datetime
    end: datetime
    party_size: int
    code: str
    calendar_key: str = dataclasses.field(repr=False)
    version: int
    sequence: int
    created_at: datetime
    staff_id: UUID | None = None
    resource_ids: tuple[UUID, ...] = ()
    session_id: UUID | None = None
    package_id: UUID | None = None
    source_channel: str = "house"
    account_id: UUID | None = None
    external_id: str | None = None
    contact_name: str | None = dataclasses.field(default=None, repr=False)
    phone_tail: str | None = dataclasses.field(default=None, repr=False)
    note: str | None = dataclasses.field(default=None, repr=False)
    walk_in: bool = False
    deposit: int = 0
    deposit_status: str = "NONE"
    cancel_reason: str | None = None
    checked_in_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None


Problems = Sequence[ReservationProblem]
