"""The port for bookings that a platform takes, and for those of ours that it wants to know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from core.channels.contract.accounts import ChannelSession


class BookingStatus(StrEnum):
    """Where a booking stands at the platform."""

    REQUESTED = "REQUESTED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    ARRIVED = "ARRIVED"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"
    UNRECOGNISED = "UNRECOGNISED"


@dataclass(frozen=True, slots=True)
class ChannelBooking:
    """One booking as the platform has it now. Amounts in fen.

    reference          the platform's id of the booking
    end                None where the platform only knows the start
    service_reference  the platform's id of what was booked (product, SKU, table type)
    staff_reference    the platform's id of whom was asked for
    phone              E.164 where it is one; None where the platform hides it
    updated_at         the platform's time of the last change: of two states the later one counts
    token              of one that `place` wrote: the token of its order. Needed where `behaviour.takes_ours`
    raw                the platform's own document, for disputes
    """

    reference: str
    status: BookingStatus
    start: datetime
    updated_at: datetime
    end: datetime | None = None
    external_store_id: str | None = None
    party_size: int = 1
    service_reference: str | None = None
    staff_reference: str | None = None
    customer_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)
    order_reference: str | None = None
    paid_amount: int | None = None
    token: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class BookingQuery:
    """Which bookings of the session's store to list: those that start from `since` until before `until`."""

    since: datetime
    until: datetime
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class BookingPage:
    """A page of bookings, in any order. `next_cursor` is None on the last one."""

    bookings: tuple[ChannelBooking, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class BookingOrder:
    """One of our reservations, for a platform that keeps the calendar as well. `token` is our reservation's id."""

    token: str
    start: datetime
    end: datetime
    party_size: int
    service_reference: str
    staff_reference: str | None = None
    customer_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BookingTaken:
    """The platform did as told. `reference` is its id of the booking."""

    reference: str


@dataclass(frozen=True, slots=True)
class BookingRefused:
    """The platform's no: the booking changed meanwhile, is past, or is not known. Its own words beside it.

    `settled` is True where the booking stands already as it was to stand: a repeat of what was done.
    """

    message: str
    platform_code: str | None = None
    settled: bool = False


BookingAnswer = BookingTaken | BookingRefused


@dataclass(frozen=True, slots=True)
class ReservationBehaviour:
    """How the platform takes bookings.

    awaits_decision  whether a new booking waits for us to accept or reject it
    reports          the outcomes it wants to be told of (ARRIVED, COMPLETED, NO_SHOW, CANCELLED)
    takes_ours       whether our own reservations can be written to its calendar
    """

    awaits_decision: bool = True
    reports: frozenset[BookingStatus] = frozenset()
    takes_ours: bool = False


class Reservations(ABC):
    """Bookings of a platform. Each method is one piece of work there and may raise any ChannelFailure.

    Repeats of `decide`, `report`, `place`, `move` must be harmless: where the booking already stands as asked, answer
    BookingTaken, or BookingRefused with `settled`.
    """

    behaviour: ClassVar[ReservationBehaviour]

    @abstractmethod
    async def list_bookings(self, session: ChannelSession[Any, Any], query: BookingQuery) -> BookingPage:
        """A page of the store's bookings. None that exists during the whole reading may be left out."""

    @abstractmethod
    async def find_booking(self, session: ChannelSession[Any, Any], reference: str) -> ChannelBooking | None:
        """One booking as it stands now; None where the platform does not know it."""

    @abstractmethod
    async def decide(
        self, session: ChannelSession[Any, Any], reference: str, *, accept: bool, reason: str = ""
    ) -> BookingAnswer:
        """Accepts or rejects a booking. Only called where `behaviour.awaits_decision`."""

    @abstractmethod
    async def report(
        self, session: ChannelSession[Any, Any], reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        """Tells how a booking went on, or that the shop cancels it. Only called for `behaviour.reports`."""

    async def place(self, session: ChannelSession[Any, Any], order: BookingOrder) -> BookingAnswer:
        """Writes one of our reservations to the platform's calendar. Only where `behaviour.takes_ours`."""
        raise NotImplementedError("this channel takes no reservations of ours")

    async def move(
        self, session: ChannelSession[Any, Any], reference: str, order: BookingOrder
    ) -> BookingAnswer:
        """Changes one that `place` wrote. Only where `behaviour.takes_ours`."""
        raise NotImplementedError("this channel takes no reservations of ours")
