"""Bookings of Youzan's beauty trade (有赞美业, youzan.mei.reservation.*), both ways: theirs come in, ours are written there.

Source: the official pages of version 3.0.0 as scraped in nest-mods/youzan @3143134 (docs/mei). The merchant's staff accept
bookings in Youzan's own programs: no call does. Of the shop, its customers and our reservations the call knows the
branch (`dept_id`, our external store id) and needs the beauty token (`m_token`).

A reservation of ours is known again by a mark in its remark, for no field is documented that would take our id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.youzan.client import YouzanClient
from adapters.youzan.parse import Answer, clean_message, read_id
from adapters.youzan.tables import (
    BOOKING_CANCELLED,
    BOOKING_STATUS,
    LONGEST_BOOKING_PAGE,
    MISSING_BOOKING,
    TECHNICIAN,
)
from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    ChannelBooking,
    ChannelSession,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    ReservationBehaviour,
    Reservations,
)
from core.channels.wire import read_epoch, read_fen, read_number, read_rows

if TYPE_CHECKING:
    from adapters.youzan.channel import YouzanCredentials, YouzanSettings

    Session = ChannelSession[YouzanCredentials, YouzanSettings]

_API = "youzan.mei.reservation."
_MARK = re.compile(r"\s*\[#([0-9a-f-]{36})\]")
_CHINESE_PHONE = re.compile(r"1\d{10}", re.ASCII)
# What of a booking is kept: not who comes.
_KEPT = (
    "order_no",
    "reservation_status",
    "arrange_at",
    "created_at",
    "cancel_at",
    "cancel_source",
    "dept_id",
)


class YouzanReservations(Reservations):
    """An account without `beautyToken` has no bookings: nothing is asked.

    A reference to what can be booked is "goods_id/sku_id". A booking is one person: its items are one after the other,
    and the first one names service and technician.
    """

    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(
        awaits_decision=False, reports=frozenset({BookingStatus.CANCELLED}), takes_ours=True
    )

    async def list_bookings(self, session: Session, query: BookingQuery) -> BookingPage:
        """See `Reservations.list_bookings`. The cursor is the page's number."""
        if session.credentials.beauty_token is None:
            return BookingPage(())
        page, seen_at = int(query.cursor or 1), session.clock.now()
        parameters = {
            "arrive_at_start": _write_time(query.since),
            "arrive_at_end": _write_time(query.until) - 1,
            "page_no": page,
            "page_size": LONGEST_BOOKING_PAGE,
        }
        body = _expect(await _call(session, "list", parameters, Effect.READ))
        if not isinstance(body.get("items"), list):
            raise ProtocolFailure("the list is missing", operation="list", path="response.items")
        rows = read_rows(body, "items", "response")
        following = str(page + 1) if len(rows) == LONGEST_BOOKING_PAGE else None
        bookings = (parse_booking(row, seen_at) for row in rows)
        return BookingPage(
            tuple(each for each in bookings if query.since <= each.start < query.until), following
        )

    async def find_booking(self, session: Session, reference: str) -> ChannelBooking | None:
        """See `Reservations.find_booking`."""
        if session.credentials.beauty_token is None:
            return None
        row = await _find(session, reference)
        return parse_booking(row, session.clock.now()) if row else None

    async def decide(
        self, session: Session, reference: str, *, accept: bool, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.decide`. Nothing is sent: no call decides."""
        return BookingRefused("Youzan's bookings are accepted in its own programs")

    async def report(
        self, session: Session, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        """See `Reservations.report`: the shop cancels. Looks first, for the call does not tell a repeat."""
        booking = await self.find_booking(session, reference)
        if booking is None:
            return BookingRefused("Youzan does not know the booking")
        if booking.status is status:
            return BookingRefused("it stands so already", settled=True)
        return _read_done(await _call(session, "cancel", {"order_no": reference}, Effect.WRITE), reference)

    async def place(self, session: Session, order: BookingOrder) -> BookingAnswer:
        """See `Reservations.place`. Looks first for its mark: the call knows no repeats."""
        query: BookingQuery | None = BookingQuery(order.start, order.end)
        while query is not None:
            page = await self.list_bookings(session, query)
            placed = next((each for each in page.bookings if each.token == order.token), None)
            if placed is not None:
                return BookingTaken(placed.reference)
            query = BookingQuery(query.since, query.until, page.next_cursor) if page.next_cursor else None
        parameters = {
            "arrive_at": _write_time(order.start),
            "customer_name": order.customer_name or "",
            "mobile": (order.phone or "").removeprefix("+86"),
            "remark": f"{order.note or ''} [#{order.token}]".strip(),
            "reservation_items": [_write_item(order)],
        }
        answer = await _call(session, "create", parameters, Effect.WRITE)
        if answer.code:
            return _refuse(answer)
        try:
            return BookingTaken(read_id(answer.body.get("order_no"), "response.order_no"))
        except ProtocolFailure as failure:
            raise OutcomeUnknown("a success without a number", operation="create") from failure

    async def move(self, session: Session, reference: str, order: BookingOrder) -> BookingAnswer:
        """See `Reservations.move`. Its item has a number of its own, which is looked up first."""
        row = await _find(session, reference)
        if row is None:
            return BookingRefused("Youzan does not know the booking")
        items = read_rows(row, "reservation_items", "response")
        number = read_id(items[0].get("reservation_item_id"), "reservation_item_id") if items else ""
        parameters = {
            "reservation_order_no": reference,
            "arrive_at": _write_time(order.start),
            "reservation_items": [{"reserve_item_id": number, **_write_item(order)}],
        }
        return _read_done(await _call(session, "update", parameters, Effect.WRITE), reference)


async def _call(session: Session, name: str, parameters: Mapping[str, Any], effect: Effect) -> Answer:
    token, branch = session.credentials.beauty_token, session.external_store_id
    if token is None:
        raise Misconfigured("bookings need the beauty token", setting="beautyToken", operation=name)
    if branch is None:
        raise Misconfigured("bookings need a branch: bind the store", operation=name)
    body = {**parameters, "m_token": token.get_secret_value(), "dept_id": branch}
    return await YouzanClient(session).call_booking(f"{_API}{name}", body, effect)


async def _find(session: Session, reference: str) -> Mapping[str, Any] | None:
    answer = await _call(session, "get", {"order_no": reference}, Effect.READ)
    return None if answer.code == MISSING_BOOKING else _expect(answer)


def _expect(answer: Answer) -> Mapping[str, Any]:
    if answer.code:
        raise ProtocolFailure("Youzan tells nothing", operation="get", platform_code=str(answer.code))
    return answer.body


def _refuse(answer: Answer) -> BookingRefused:
    return BookingRefused(clean_message(answer.message) or "refused", str(answer.code))


def _read_done(answer: Answer, reference: str) -> BookingAnswer:
    """`{"response": true}`, which the client passes on as {"done": true}."""
    if answer.code:
        return _refuse(answer)
    if answer.body.get("done") is not True:
        raise OutcomeUnknown("neither a success nor a refusal", operation="reservation")
    return BookingTaken(reference)


def _write_item(order: BookingOrder) -> dict[str, str]:
    goods, _, sku = order.service_reference.partition("/")
    technician = {"technician_id": order.staff_reference} if order.staff_reference else {}
    return {"goods_id": goods, "sku_id": sku, **technician}


def _write_time(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def parse_booking(wire: Mapping[str, Any], seen_at: datetime) -> ChannelBooking:
    """A booking as it stood at `seen_at`: no time of its last change is documented."""
    starts = read_epoch(wire.get("arrange_at"), "response.arrange_at")
    if starts is None:
        raise ProtocolFailure("a booking without a time", path="response.arrange_at")
    items = read_rows(wire, "reservation_items", "response")
    item = items[0] if items else {}
    remark, name = wire.get("remark"), wire.get("customer_name")
    mark = _MARK.search(remark) if isinstance(remark, str) else None
    note = _MARK.sub("", remark).strip() if isinstance(remark, str) else ""
    branch = read_number(wire.get("dept_id"), "response.dept_id")
    return ChannelBooking(
        reference=read_id(wire.get("order_no"), "response.order_no"),
        status=_read_status(wire),
        start=starts,
        updated_at=seen_at,
        external_store_id=str(branch) if branch else None,
        service_reference=_read_service(item),
        staff_reference=_read_technician(item),
        customer_name=name if isinstance(name, str) and name else None,
        phone=_read_phone(wire.get("mobile")),
        note=note or None,
        order_reference=str(wire["trade_order_no"]) if wire.get("trade_order_no") else None,
        paid_amount=read_fen(wire.get("real_pay"), "response.real_pay"),
        token=mark[1] if mark else None,
        raw={key: wire[key] for key in _KEPT if key in wire},
    )


def _read_status(wire: Mapping[str, Any]) -> BookingStatus:
    number = read_number(wire.get("reservation_status"), "response.reservation_status")
    if number in BOOKING_CANCELLED:
        return BookingStatus.CANCELLED
    return BOOKING_STATUS.get(number or 0, BookingStatus.UNRECOGNISED)


def _read_service(item: Mapping[str, Any]) -> str | None:
    goods = read_number(item.get("goods_id"), "goods_id")
    sku = read_number(item.get("sku_id"), "sku_id")
    return f"{goods}/{sku or ''}" if goods else None


def _read_technician(item: Mapping[str, Any]) -> str | None:
    if read_number(item.get("resource_type"), "resource_type") != TECHNICIAN:
        return None
    number = read_number(item.get("resource_id"), "resource_id")
    return str(number) if number else None


def _read_phone(value: object) -> str | None:
    """In E.164; Youzan's are Chinese numbers. A masked one is none."""
    return f"+86{value}" if isinstance(value, str) and _CHINESE_PHONE.fullmatch(value) else None
