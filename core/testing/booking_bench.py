"""The bench on which taking bookings is tried."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    Channel,
    ChannelBooking,
    ReservationBehaviour,
    Reservations,
)
from core.ids import new_id
from core.testing.checks import check_fen, check_instant, check_raw, check_text
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import BookingPlatform
from core.testing.transcript import Transcript

LONGEST_LIST = 100
REPORTED = frozenset(
    {BookingStatus.ARRIVED, BookingStatus.COMPLETED, BookingStatus.NO_SHOW, BookingStatus.CANCELLED}
)


class BookingBench(PlatformBench[BookingPlatform]):
    """The steps of whoever keeps a calendar in line with a platform."""

    def __init__(self, channel: Channel, platform: BookingPlatform, transcript: Transcript) -> None:
        super().__init__(channel, platform, transcript)
        self._made: list[str] = []

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def reservations(self) -> Reservations:
        assert self.channel.reservations is not None, "the channel declares RESERVATIONS and brings none"
        return self.channel.reservations

    @property
    def behaviour(self) -> ReservationBehaviour:
        return self.reservations.behaviour

    @property
    def now(self) -> datetime:
        """The platform's time, to the minute."""
        now: datetime = self.session.clock.now()
        return now.replace(second=0, microsecond=0)

    def holds(self, state: str) -> bool:
        return state not in self.platform.cannot_hold

    def platform_secrets(self) -> set[str]:
        """The phones of whoever booked, in both spellings."""
        facts = [self.platform.read_booking(each) for each in self._made]
        phones = {each.phone for each in facts if each.phone}
        return phones | {each.removeprefix("+86") for each in phones}

    # ------------------------------------------------------------------------------------------------ steps
    def make(self, status: BookingStatus = BookingStatus.CONFIRMED, hours: float = 24) -> str:
        """A new booking in this state that begins in so many hours; in the nearest state that the platform holds."""
        if not self.holds(status):
            status = next(each for each in BookingStatus if self.holds(each))
        reference = self.platform.make_booking(status, self.now + timedelta(hours=hours))
        self._made.append(reference)
        return reference

    async def find(self, reference: str) -> ChannelBooking | None:
        booking = await self.call(self.reservations.find_booking(self.session, reference))
        if booking is not None:
            check_booking(booking)
        return booking

    async def find_well(self, reference: str) -> ChannelBooking:
        """Looks for a booking, and expects it to be found."""
        booking = await self.find(reference)
        assert booking is not None, "a booking that the platform has is not found"
        assert booking.reference == reference, "another booking than the one asked for"
        return booking

    async def list(self, query: BookingQuery) -> list[ChannelBooking]:
        """All pages."""
        found: list[ChannelBooking] = []
        cursor: str | None = None
        for _ in range(LONGEST_LIST):
            page = await self.call(
                self.reservations.list_bookings(self.session, BookingQuery(query.since, query.until, cursor))
            )
            check_page(page)
            found += page.bookings
            cursor = page.next_cursor
            if cursor is None:
                return found
        raise AssertionError("the list has no end")

    async def decide(self, reference: str, *, accept: bool = True) -> BookingAnswer:
        answer = await self.call(
            self.reservations.decide(self.session, reference, accept=accept, reason="no room")
        )
        check_answer(answer)
        return answer

    async def report(self, reference: str, status: BookingStatus) -> BookingAnswer:
        answer = await self.call(self.reservations.report(self.session, reference, status, "shop is closed"))
        check_answer(answer)
        return answer

    async def place(self, order: BookingOrder) -> BookingAnswer:
        answer = await self.call(self.reservations.place(self.session, order))
        check_answer(answer)
        return answer

    async def move(self, reference: str, order: BookingOrder) -> BookingAnswer:
        answer = await self.call(self.reservations.move(self.session, reference, order))
        check_answer(answer)
        return answer

    def order(self, hours: float = 24) -> BookingOrder:
        """A reservation of ours."""
        start = self.now + timedelta(hours=hours)
        return BookingOrder(
            str(new_id()), start, start + timedelta(hours=1), 1, self.platform.service,
            customer_name="Lin", phone="+8613900139000", note="by the window",
        )  # fmt: skip

    async def tell(self) -> BookingAnswer:
        """Tells the platform something that it has to do: whatever this channel can tell."""
        return await self.start_telling()

    def start_telling(self) -> Coroutine[Any, Any, BookingAnswer]:
        if self.behaviour.awaits_decision:
            return self.decide(self.make(BookingStatus.REQUESTED))
        if self.behaviour.reports:
            return self.report(self.make(), min(self.behaviour.reports))
        return self.place(self.order())

    @property
    def tells(self) -> bool:
        """Whether the channel tells its platform anything at all."""
        behaviour = self.behaviour
        return bool(behaviour.awaits_decision or behaviour.reports or behaviour.takes_ours)

    def status_of(self, reference: str) -> BookingStatus:
        return self.platform.read_booking(reference).status


def check_page(page: object) -> None:
    assert isinstance(page, BookingPage), f"list_bookings answered {type(page).__name__}"
    check_text(page.next_cursor, "next_cursor", optional=True)
    for booking in page.bookings:
        check_booking(booking)


def check_booking(booking: object) -> None:
    assert isinstance(booking, ChannelBooking), f"the booking is a {type(booking).__name__}"
    check_text(booking.reference, "reference")
    assert isinstance(booking.status, BookingStatus), f"status is {booking.status!r}"
    for name in ("start", "updated_at"):
        assert getattr(booking, name) is not None, f"{name} is missing"
        check_instant(getattr(booking, name), name)
    check_instant(booking.end, "end")
    assert type(booking.party_size) is int, f"party_size is {booking.party_size!r}"
    assert booking.party_size >= 1, f"party_size is {booking.party_size!r}"
    for name in ("external_store_id", "service_reference", "staff_reference", "order_reference", "token"):
        check_text(getattr(booking, name), name, optional=True)
    assert booking.phone is None or booking.phone.startswith("+"), "a phone is in E.164, or None"
    check_fen(booking.paid_amount, "paid_amount")
    check_raw(booking.raw, "the booking")


def check_answer(answer: object) -> None:
    if isinstance(answer, BookingTaken):
        check_text(answer.reference, "reference")
        return
    assert isinstance(answer, BookingRefused), f"answered {type(answer).__name__}"
    check_text(answer.platform_code, "platform_code", optional=True)
    assert isinstance(answer.message, str), "the words are no text"
