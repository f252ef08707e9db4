"""The paper channel with bookings: reading, deciding, reporting and placing, as small as it can be while it keeps every
rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    Capability,
    ChannelBooking,
    ChannelSession,
    CredentialsRefused,
    Effect,
    OutcomeUnknown,
    ProtocolFailure,
    ReservationBehaviour,
    Reservations,
)
from core.testing.paper import (
    PaperChannel,
    WireModel,
    check_http,
    fetch_token,
    make_request,
    parse_time,
    read_answer,
)

UNKNOWN_BOOKING, SETTLED = 404, 208
STATUSES: Mapping[str, BookingStatus] = {
    "asked": BookingStatus.REQUESTED,
    "agreed": BookingStatus.CONFIRMED,
    "refused": BookingStatus.REJECTED,
    "off": BookingStatus.CANCELLED,
    "here": BookingStatus.ARRIVED,
    "done": BookingStatus.COMPLETED,
    "missed": BookingStatus.NO_SHOW,
}
WORDS: Mapping[BookingStatus, str] = {status: word for word, status in STATUSES.items()}


class WireBooking(WireModel):
    id: str = Field(min_length=1)
    state: str
    begins: int = Field(ge=0, le=2**33)
    changed: int = Field(ge=0, le=2**33)
    people: int = Field(ge=1)
    what: str = Field(min_length=1)
    who: str
    phone: str = Field(pattern=r"^\+\d+$")
    token: str | None = Field(None, min_length=1)


class WireBookings(WireModel):
    """`code` is 0 where all went well."""

    code: int
    booking: WireBooking | None = None
    bookings: list[WireBooking] | None = None
    next: str | None = Field(None, min_length=1)
    id: str | None = Field(None, min_length=1)


class PaperReservations(Reservations):
    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(
        awaits_decision=True,
        reports=frozenset(
            {BookingStatus.ARRIVED, BookingStatus.COMPLETED, BookingStatus.NO_SHOW, BookingStatus.CANCELLED}
        ),
        takes_ours=True,
    )

    async def list_bookings(self, session: ChannelSession[Any, Any], query: BookingQuery) -> BookingPage:
        body = {
            "shop": session.external_store_id,
            "since": query.since.timestamp(),
            "until": query.until.timestamp(),
            "cursor": query.cursor,
        }
        answer = await self.call(session, "bookings", Effect.READ, body)
        if answer.code or answer.bookings is None:
            raise ProtocolFailure("no list", operation="bookings", platform_code=str(answer.code))
        return BookingPage(tuple(self.parse(each) for each in answer.bookings), answer.next)

    async def find_booking(self, session: ChannelSession[Any, Any], reference: str) -> ChannelBooking | None:
        answer = await self.call(session, "booking", Effect.READ, {"id": reference})
        if answer.code == UNKNOWN_BOOKING:
            return None
        if answer.code or answer.booking is None:
            raise ProtocolFailure("no booking", operation="booking", platform_code=str(answer.code))
        return self.parse(answer.booking)

    async def decide(
        self, session: ChannelSession[Any, Any], reference: str, *, accept: bool, reason: str = ""
    ) -> BookingAnswer:
        word = WORDS[BookingStatus.CONFIRMED if accept else BookingStatus.REJECTED]
        return await self.tell(session, "decide", {"id": reference, "state": word, "why": reason})

    async def report(
        self, session: ChannelSession[Any, Any], reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        return await self.tell(session, "report", {"id": reference, "state": WORDS[status], "why": reason})

    async def place(self, session: ChannelSession[Any, Any], order: BookingOrder) -> BookingAnswer:
        return await self.tell(session, "place", {"shop": session.external_store_id, **write_order(order)})

    async def move(
        self, session: ChannelSession[Any, Any], reference: str, order: BookingOrder
    ) -> BookingAnswer:
        return await self.tell(session, "move", {"id": reference, **write_order(order)})

    def parse(self, wire: WireBooking) -> ChannelBooking:
        return ChannelBooking(
            reference=wire.id,
            status=STATUSES.get(wire.state, BookingStatus.UNRECOGNISED),
            start=parse_time(wire.begins),
            updated_at=parse_time(wire.changed),
            party_size=wire.people,
            service_reference=wire.what,
            customer_name=wire.who,
            phone=wire.phone,
            token=wire.token,
            raw=wire.model_dump(exclude={"phone", "who"}),
        )

    async def tell(
        self, session: ChannelSession[Any, Any], operation: str, body: Mapping[str, Any]
    ) -> BookingAnswer:
        answer = await self.call(session, operation, Effect.WRITE, body)
        if answer.code:
            return BookingRefused("refused", str(answer.code), settled=answer.code == SETTLED)
        if answer.id is None:
            raise OutcomeUnknown("a success without an id", operation=operation)
        return BookingTaken(answer.id)

    async def call(
        self, session: ChannelSession[Any, Any], operation: str, effect: Effect, body: Mapping[str, Any]
    ) -> WireBookings:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = await session.http.send(make_request(operation, effect, body, {"access-token": token}))
        if answer.status == 401:
            raise CredentialsRefused("the platform does not know the token", operation=operation)
        check_http(answer, effect)
        return read_answer(WireBookings, answer, effect)


def write_order(order: BookingOrder) -> dict[str, Any]:
    return {
        "token": order.token,
        "begins": write_time(order.start),
        "people": order.party_size,
        "what": order.service_reference,
        "who": order.customer_name,
        "phone": order.phone,
    }


def write_time(instant: datetime) -> int:
    return int(instant.timestamp())


class PaperBookingChannel(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities | {Capability.RESERVATIONS}
    reservations: Reservations | None = PaperReservations()
