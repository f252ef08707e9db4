"""Bookings of services in the Douyin app (到综预约): the merchant's list, and our yes or no.

Source: developer.open-douyin.com, local-life, integrated-order-query (the list), and a public test of
comprehensive/trade/order/confirm (the answer), read 2025-10. The numbers of `status` and of `confirm_result` are
documented nowhere that could be read: those in `tables` are INFERRED, and all others are no success. So an account
takes bookings only where its setting `bookings` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.douyin.client import DouyinClient
from adapters.douyin.parse import quote_code, read_code
from adapters.douyin.tables import (
    BOOKING_STATUS,
    CONFIRM_ACCEPT,
    CONFIRM_REJECT,
    FULFIL_TYPE,
    LONGEST_BOOKING_PAGE,
)
from adapters.douyin.wire import Envelope
from core.channels.contract import (
    BookingAnswer,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    ChannelBooking,
    ChannelSession,
    Misconfigured,
    ProtocolFailure,
    ReservationBehaviour,
    Reservations,
)
from core.channels.wire import (
    clean_message,
    read_epoch,
    read_fen,
    read_id,
    read_list,
    read_number,
    read_part,
    read_rows,
)

if TYPE_CHECKING:
    from adapters.douyin.channel import DouyinCredentials, DouyinSettings

    Session = ChannelSession[DouyinCredentials, DouyinSettings]

# A booking is asked for by its id and by a time that it lies in: the list wants both.
_BEHIND, _AHEAD = timedelta(days=31), timedelta(days=180)
_MOST_NOTES = 100
# What of a booking is kept: not who comes.
_KEPT = ("book_id", "status", "book_time", "book_taking_time", "products")


class DouyinReservations(Reservations):
    """Nothing is asked for an account that takes no bookings."""

    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(awaits_decision=True)

    async def list_bookings(self, session: Session, query: BookingQuery) -> BookingPage:
        """See `Reservations.list_bookings`. That start and end are those of the visit is INFERRED."""
        if not session.settings.bookings:
            return BookingPage(())
        page, seen_at = int(query.cursor or 1), session.clock.now()
        span = _write_span(query.since, query.until, page)
        data = _expect(await DouyinClient(session).query_bookings(_require_store(session), span))
        if not isinstance(data.get("order_list"), list):
            raise ProtocolFailure("the list is missing", operation="bookings", path="data.order_list")
        rows = read_rows(data, "order_list", "data")
        total = read_number(read_part(data, "page", "data").get("total"), "data.page.total") or 0
        following = str(page + 1) if rows and page * LONGEST_BOOKING_PAGE < total else None
        bookings = (parse_booking(row, seen_at) for row in rows)
        return BookingPage(
            tuple(each for each in bookings if query.since <= each.start < query.until), following
        )

    async def find_booking(self, session: Session, reference: str) -> ChannelBooking | None:
        """See `Reservations.find_booking`."""
        if not session.settings.bookings:
            return None
        now = session.clock.now()
        span = {**_write_span(now - _BEHIND, now + _AHEAD, 1), "book_id": reference}
        data = _expect(await DouyinClient(session).query_bookings(_require_store(session), span))
        if not isinstance(data.get("order_list"), list):
            raise ProtocolFailure("the list is missing", operation="bookings", path="data.order_list")
        found = (parse_booking(row, now) for row in read_rows(data, "order_list", "data"))
        return next((each for each in found if each.reference == reference), None)

    async def decide(
        self, session: Session, reference: str, *, accept: bool, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.decide`. Looks first: no code tells a repeat from another refusal."""
        if not session.settings.bookings:
            raise Misconfigured("the account takes no bookings", setting="bookings", operation="confirm")
        booking = await self.find_booking(session, reference)
        if booking is None:
            return BookingRefused("Douyin does not know the booking")
        if booking.status is (BookingStatus.CONFIRMED if accept else BookingStatus.REJECTED):
            return BookingRefused("it stands so already", settled=True)
        body = {
            "book_id": reference,
            "confirm_result": CONFIRM_ACCEPT if accept else CONFIRM_REJECT,
            "fulfil_type": FULFIL_TYPE,
            "merchant_notes": "" if accept else reason[:_MOST_NOTES],
        }
        envelope = await DouyinClient(session).confirm_booking(body)
        if read_code(envelope) == 0:
            return BookingTaken(reference)
        words = clean_message(envelope["data"].get("description"))
        return BookingRefused(words or "refused", quote_code(envelope))

    async def report(
        self, session: Session, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.report`. Nothing is sent: a visit shows by the coupon that is redeemed for it."""
        return BookingRefused("Douyin is told of visits by the coupon alone")


def parse_booking(wire: Mapping[str, Any], seen_at: datetime) -> ChannelBooking:
    """A booking as it stood at `seen_at`: no time of its last change is documented.

    `book_taking_time` is when it takes place, `book_time` when it was made (INFERRED from the sample). Name and phone
    come masked.
    """
    starts = read_epoch(wire.get("book_taking_time"), "book_taking_time")
    if starts is None:
        raise ProtocolFailure("a booking without a time", path="book_taking_time")
    info = read_part(wire, "booking_info", "")
    products, people = read_rows(wire, "products", ""), read_rows(wire, "user_infos", "")
    product = products[0] if products else {}
    name = people[0].get("name") if people else None
    notes = info.get("user_notes")
    items = read_list(info, "item_ids", "booking_info")
    poi, sku = info.get("poi_id"), product.get("sku_id")
    return ChannelBooking(
        reference=read_id(wire.get("book_id"), "book_id"),
        status=BOOKING_STATUS.get(read_number(wire.get("status"), "status") or 0, BookingStatus.UNRECOGNISED),
        start=starts,
        updated_at=seen_at,
        external_store_id=read_id(poi, "booking_info.poi_id") if poi else None,
        party_size=max(1, read_number(info.get("count"), "booking_info.count") or 1),
        service_reference=read_id(sku, "products[0].sku_id") if sku else None,
        customer_name=name if isinstance(name, str) and name else None,
        note=notes if isinstance(notes, str) and notes else None,
        order_reference=read_id(items[0], "booking_info.item_ids[0]") if items else None,
        paid_amount=read_fen(product.get("original_amount"), "products[0].original_amount"),
        raw={key: wire[key] for key in _KEPT if key in wire},
    )


def _write_span(since: datetime, until: datetime, page: int) -> dict[str, Any]:
    return {
        "start_time": int(since.timestamp()),
        "end_time": int(until.timestamp()) - 1,
        "page_num": page,
        "page_size": LONGEST_BOOKING_PAGE,
    }


def _require_store(session: Session) -> str:
    if session.external_store_id:
        return session.external_store_id
    message = "the store has no Douyin shop id (poi_id)"
    raise Misconfigured(message, setting="externalStoreId", operation="bookings")


def _expect(envelope: Envelope) -> Mapping[str, Any]:
    if read_code(envelope) != 0:
        raise ProtocolFailure(
            "Douyin tells nothing", operation="bookings", platform_code=quote_code(envelope)
        )
    return envelope["data"]
