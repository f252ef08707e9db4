"""Tables that people book on Meituan (餐饮预订, businessId 7): read, accepted or refused, and how the visit went.

Source: the field comments of the official Go SDK (model/resv2) as copied in LycEcho/meituan-api-php-sdk @cff15626. The
shop's calendar is not kept there: our own reservations are not written to it. No push of this product is documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.meituan.client import MeituanClient
from adapters.meituan.tables import (
    BOOKING_STATUS,
    LONGEST_BOOKING_PAGE,
    MISSING_BOOKING_WORDS,
    OPERATION_ACCEPT,
    OPERATION_BY_STATUS,
    OPERATION_REJECT,
    OTHER_REASON,
    RESERVATION_PRODUCT,
    SUCCESS,
)
from adapters.meituan.wire import Envelope
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
    read_id,
    read_number,
    read_part,
    read_rows,
    read_yuan,
)

if TYPE_CHECKING:
    from adapters.meituan.channel import MeituanCredentials, MeituanSettings

    Session = ChannelSession[MeituanCredentials, MeituanSettings]

_ORDER = "/resv2/order"
# A table is asked for until so long after the start; INFERRED, Meituan knows the start only.
_SITTING = timedelta(hours=2)
# What of a booking is kept: not who comes.
_KEPT = ("orderSerializedId", "status", "bookingTime", "number", "requirements", "deposit")


class MeituanReservations(Reservations):
    """An account without `reservationToken` has no bookings: nothing is asked."""

    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(
        awaits_decision=True, reports=frozenset({BookingStatus.ARRIVED, BookingStatus.NO_SHOW})
    )

    async def list_bookings(self, session: Session, query: BookingQuery) -> BookingPage:
        """See `Reservations.list_bookings`. The token names the restaurant; the cursor is the page's number."""
        client = _open_client(session)
        if client is None:
            return BookingPage(())
        page, seen_at = int(query.cursor or 1), session.clock.now()
        biz = {
            "pageNo": page,
            "pageSize": LONGEST_BOOKING_PAGE,
            "bookingTimeGe": int(query.since.timestamp()),
            # "Le" takes in its own second.
            "bookingTimeLe": int(query.until.timestamp()) - 1,
        }
        data = _expect(await client.read_booking("batchQuery", f"{_ORDER}/batchQuery", biz), "batchQuery")
        if not isinstance(data.get("orders"), list):
            raise ProtocolFailure("the list is missing", operation="batchQuery", path="data.orders")
        rows = read_rows(data, "orders", "data")
        total = read_number(data.get("total"), "data.total") or 0
        following = str(page + 1) if rows and page * LONGEST_BOOKING_PAGE < total else None
        return BookingPage(tuple(parse_booking(row, seen_at) for row in rows), following)

    async def find_booking(self, session: Session, reference: str) -> ChannelBooking | None:
        """See `Reservations.find_booking`."""
        client = _open_client(session)
        return await _find(client, reference, session.clock.now()) if client else None

    async def decide(
        self, session: Session, reference: str, *, accept: bool, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.decide`. Looks first: the call itself does not tell a repeat from another refusal."""
        wanted = BookingStatus.CONFIRMED if accept else BookingStatus.REJECTED
        return await _operate(session, reference, wanted, reason)

    async def report(
        self, session: Session, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.report`."""
        return await _operate(session, reference, status, reason)


async def _operate(session: Session, reference: str, wanted: BookingStatus, reason: str) -> BookingAnswer:
    client = _open_client(session)
    if client is None:
        raise Misconfigured("bookings need the token of the product 7", setting="reservationToken")
    booking = await _find(client, reference, session.clock.now())
    if booking is None:
        return BookingRefused("Meituan does not know the booking")
    if booking.status is wanted:
        return BookingRefused("it stands so already", settled=True)
    biz = {"data": {"orderSerializedId": reference, **_describe(booking, wanted, reason)}}
    envelope = await client.write_booking("operation", f"{_ORDER}/operation", biz)
    if envelope["code"] == SUCCESS:
        return BookingTaken(reference)
    return BookingRefused(clean_message(envelope["msg"]) or "refused", envelope["code"])


def _describe(booking: ChannelBooking, wanted: BookingStatus, reason: str) -> dict[str, Any]:
    if wanted is BookingStatus.CONFIRMED:
        ends = booking.start + _SITTING
        return {
            "operationType": OPERATION_ACCEPT,
            "startTime": int(booking.start.timestamp()),
            "endTime": int(ends.timestamp()),
        }
    if wanted is BookingStatus.REJECTED:
        return {"operationType": OPERATION_REJECT, "rejectReason": OTHER_REASON, "otherReason": reason[:50]}
    operation: dict[str, Any] = {"operationType": OPERATION_BY_STATUS[wanted]}
    # What was spent is not known when somebody arrives; that 0 may stand there is INFERRED.
    return operation | ({"consume": "0", "originPrice": "0"} if wanted is BookingStatus.ARRIVED else {})


def _open_client(session: Session) -> MeituanClient | None:
    token = session.credentials.reservation_token
    return MeituanClient(session, RESERVATION_PRODUCT, token) if token else None


async def _find(client: MeituanClient, reference: str, seen_at: datetime) -> ChannelBooking | None:
    envelope = await client.read_booking("order", f"{_ORDER}/queryById", {"orderSerializedId": reference})
    if envelope["code"] != SUCCESS and any(word in envelope["msg"] for word in MISSING_BOOKING_WORDS):
        return None
    return parse_booking(_expect(envelope, "order"), seen_at)


def _expect(envelope: Envelope, operation: str) -> Mapping[str, Any]:
    if envelope["code"] != SUCCESS:
        raise ProtocolFailure("Meituan tells nothing", operation=operation, platform_code=envelope["code"])
    return envelope["data"]


def parse_booking(wire: Mapping[str, Any], seen_at: datetime) -> ChannelBooking:
    """A booking as it stood at `seen_at`: no time of its last change is documented.

    The phone is left out by Meituan, or sealed with a key that no document gives.
    """
    starts = read_epoch(wire.get("bookingTime"), "data.bookingTime")
    if starts is None:
        raise ProtocolFailure("a booking without a time", path="data.bookingTime")
    requirements = read_part(wire, "requirements", "data")
    table = read_number(requirements.get("tableType"), "data.requirements.tableType")
    name, remark = wire.get("name"), requirements.get("remark")
    deposit = read_part(wire, "deposit", "data")
    return ChannelBooking(
        reference=read_id(wire.get("orderSerializedId"), "data.orderSerializedId"),
        status=BOOKING_STATUS.get(
            read_number(wire.get("status"), "data.status") or 0, BookingStatus.UNRECOGNISED
        ),
        start=starts,
        updated_at=seen_at,
        party_size=max(1, read_number(wire.get("number"), "data.number") or 1),
        service_reference=None if table is None else str(table),
        customer_name=name if isinstance(name, str) and name else None,
        note=remark if isinstance(remark, str) and remark else None,
        paid_amount=read_yuan(deposit.get("payAmount"), "data.deposit.payAmount"),
        raw={key: wire[key] for key in _KEPT if key in wire},
    )
