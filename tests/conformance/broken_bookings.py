"""Adapters that take bookings and break one rule each, and platforms that forget."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import orjson

from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    ChannelBooking,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    OutcomeUnknown,
    ReservationBehaviour,
)
from core.testing.paper import fetch_token, make_request
from core.testing.paper_bookings import PaperBookings
from core.testing.paper_reservations import PaperReservations, WireBooking, WireBookings
from tests.conformance.mutants import breaks

log = logging.getLogger(__name__)


@breaks("test_bookings_are_as_declared", "reports what no shop can report")
class ReportsRequests(PaperReservations):
    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(
        reports=frozenset({BookingStatus.REQUESTED})
    )


@breaks("test_booking_is_found", "begins")
class ReadsLocalTime(PaperReservations):
    def parse(self, wire: WireBooking) -> ChannelBooking:
        booking = super().parse(wire)
        return replace(booking, start=booking.start + timedelta(hours=8))


@breaks("test_every_booking_status_is_read", "is read as")
class TakesAllForConfirmed(PaperReservations):
    def parse(self, wire: WireBooking) -> ChannelBooking:
        return replace(super().parse(wire), status=BookingStatus.CONFIRMED)


@breaks("test_unknown_booking_is_none", "ProtocolFailure")
@breaks("test_report_on_unknown_is_refused", "there is not")
class KnowsEverything(PaperReservations):
    async def find_booking(self, session: Any, reference: str) -> ChannelBooking | None:
        found = await super().find_booking(session, reference)
        if found is None:
            raise AssertionError("ProtocolFailure: no booking")
        return found

    async def report(
        self, session: Any, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        await super().report(session, reference, status, reason)
        return BookingTaken(reference)


@breaks("test_bookings_are_listed", "missing from the list")
class ReadsOnePage(PaperReservations):
    async def list_bookings(self, session: Any, query: BookingQuery) -> BookingPage:
        return replace(await super().list_bookings(session, query), next_cursor=None)


@breaks("test_list_agrees_with_look", "list and look")
class ListsWithoutPeople(PaperReservations):
    async def list_bookings(self, session: Any, query: BookingQuery) -> BookingPage:
        page = await super().list_bookings(session, query)
        return replace(page, bookings=tuple(replace(each, party_size=1) for each in page.bookings))


@breaks("test_other_store_has_its_own_bookings")
class ListsEveryStore(PaperReservations):
    async def list_bookings(self, session: Any, query: BookingQuery) -> BookingPage:
        return await super().list_bookings(replace(session, external_store_id="shop-1"), query)


@breaks("test_booking_is_accepted", "a yes did not arrive")
@breaks("test_booking_is_rejected", "a no did not arrive")
class SwapsAnswers(PaperReservations):
    async def decide(self, session: Any, reference: str, *, accept: bool, reason: str = "") -> BookingAnswer:
        return await super().decide(session, reference, accept=not accept, reason=reason)


@breaks("test_repeated_decision_is_harmless", "a repeat of what was done is refused")
@breaks("test_repeated_report_is_harmless", "a repeat of what was done is refused")
class KnowsNoRepeats(PaperReservations):
    async def tell(self, session: Any, operation: str, body: Mapping[str, Any]) -> BookingAnswer:
        answer = await super().tell(session, operation, body)
        return replace(answer, settled=False) if isinstance(answer, BookingRefused) else answer


@breaks("test_cancelled_booking_is_not_accepted", "is called accepted")
@breaks("test_unlisted_booking_code_is_no_yes", "read a yes")
class TakesEveryRefusalForDone(PaperReservations):
    async def tell(self, session: Any, operation: str, body: Mapping[str, Any]) -> BookingAnswer:
        answer = await super().tell(session, operation, body)
        return replace(answer, settled=True) if isinstance(answer, BookingRefused) else answer


@breaks("test_reports_are_told", "was reported, and the platform has")
class ReportsArrivalsOnly(PaperReservations):
    async def report(
        self, session: Any, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        return await super().report(session, reference, BookingStatus.ARRIVED, reason)


@breaks("test_ours_is_placed", "known by its token")
class LosesTokens(PaperReservations):
    def parse(self, wire: WireBooking) -> ChannelBooking:
        return replace(super().parse(wire), token=None)


@breaks("test_ours_is_placed_once", "another booking")
class PlacesAfresh(PaperReservations):
    async def place(self, session: Any, order: BookingOrder) -> BookingAnswer:
        self.turn = getattr(self, "turn", 0) + 1
        return await super().place(session, replace(order, token=f"{order.token}/{self.turn}"))


@breaks("test_ours_is_moved", "not moved")
class MovesNothing(PaperReservations):
    async def move(self, session: Any, reference: str, order: BookingOrder) -> BookingAnswer:
        return BookingTaken(reference)


# ----------------------------------------------------------------------------------------------------------- failures
class Mistakes(PaperReservations):
    """What a subclass makes of a failed call."""

    async def call(
        self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]
    ) -> WireBookings:
        try:
            return await super().call(session, operation, effect, body)
        except ChannelFailure as failure:
            return await self.mistake(failure, body)

    async def mistake(self, failure: ChannelFailure, body: Mapping[str, Any]) -> WireBookings:
        raise NotImplementedError


@breaks("test_lost_booking_call_is_unknown", "sent and unanswered")
class CallsSilenceUnavailable(Mistakes):
    async def mistake(self, failure: ChannelFailure, body: Mapping[str, Any]) -> WireBookings:
        raise ChannelUnavailable("try again")


@breaks("test_unsent_booking_call_sent_nothing", "nothing was sent")
@breaks("test_lost_booking_list_is_a_failure", "a reading without an answer")
class CallsEverythingUnknown(Mistakes):
    async def mistake(self, failure: ChannelFailure, body: Mapping[str, Any]) -> WireBookings:
        raise OutcomeUnknown("who knows")


@breaks("test_rubbish_is_no_yes")
@breaks("test_rubbish_is_no_booking_list")
@breaks("test_server_error_is_no_yes")
class TakesRubbishForNothing(Mistakes):
    async def mistake(self, failure: ChannelFailure, body: Mapping[str, Any]) -> WireBookings:
        return WireBookings(code=0, bookings=[], id=str(body.get("id", "paper")))


@breaks("test_wrong_credentials_read_no_bookings", "a list of 0 was read")
class HidesWrongCredentials(Mistakes):
    async def mistake(self, failure: ChannelFailure, body: Mapping[str, Any]) -> WireBookings:
        if isinstance(failure, CredentialsRefused):
            return WireBookings(code=0, bookings=[])
        raise failure


@breaks("test_spoilt_booking_is_no_crash", "which is no ChannelFailure")
class ReadsTrustingly(PaperReservations):
    async def call(
        self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]
    ) -> WireBookings:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = await session.http.send(make_request(operation, effect, body, {"access-token": token}))
        document = orjson.loads(answer.content)
        wire = document.get("booking")
        document["booking"] = WireBooking(**wire) if wire else None
        return WireBookings.model_construct(**{"next": None, **document})


@breaks("test_cancelled_booking_call", "the cancellation was swallowed")
class SwallowsCancellation(PaperReservations):
    async def tell(self, session: Any, operation: str, body: Mapping[str, Any]) -> BookingAnswer:
        try:
            return await super().tell(session, operation, body)
        except asyncio.CancelledError:
            return BookingRefused("cancelled")


@breaks("test_bookings_say_nothing", "said aloud")
class LogsBookings(PaperReservations):
    def parse(self, wire: WireBooking) -> ChannelBooking:
        log.warning("a booking of %s", wire.phone)
        return super().parse(wire)


# ---------------------------------------------------------------------------------------------------------- platforms
@breaks("test_ours_is_placed_once", "another booking")
class ForgetsTokens(PaperBookings):
    """And makes another booking of every repeat."""

    def answer_place(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for each in self.bookings.values():
            each.token = None
        return super().answer_place(body)
