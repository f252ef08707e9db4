"""Bookings of Youzan's beauty trade: documented answers, our mark, and what no answer says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.youzan.channel import YouzanChannel
from adapters.youzan.reservations import parse_booking
from adapters.youzan.simulator import YouzanSimulator
from adapters.youzan.simulator.bookings import SERVICE
from core.channels.contract import (
    BookingOrder,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    Misconfigured,
)
from core.testing.clock import ManualClock
from core.testing.sessions import make_session

SEEN = datetime(2026, 11, 23, tzinfo=UTC)
TOKEN = "01935b1e-0000-7000-8000-000000000001"  # an id, not a secret
DOCUMENTED = {
    "order_no": "R20260301100000000000001", "reservation_status": 10, "customer_name": "测试顾客",
    "mobile": "13800000000", "remark": "", "arrange_at": 1772416800000, "dept_id": 21000001, "real_pay": 0,
    "trade_order_no": "", "reservation_items": [
        {"reservation_item_id": "RT1", "goods_id": 330000001, "sku_id": 36000001, "resource_type": 1,
         "resource_id": 795000001}
    ],
}  # fmt: skip


def test_documented_booking() -> None:
    booking = parse_booking(DOCUMENTED, SEEN)
    assert (booking.status, booking.start) == (BookingStatus.CONFIRMED, datetime(2026, 3, 2, 2, tzinfo=UTC))
    assert (booking.service_reference, booking.staff_reference) == ("330000001/36000001", "795000001")
    assert (booking.external_store_id, booking.phone, booking.token) == ("21000001", "+8613800000000", None)


@pytest.mark.parametrize(
    ("number", "status"),
    [(97, BookingStatus.CANCELLED), (98, BookingStatus.CANCELLED), (77, BookingStatus.UNRECOGNISED)],
)
def test_words_of_status(number: int, status: BookingStatus) -> None:
    assert parse_booking({**DOCUMENTED, "reservation_status": number}, SEEN).status is status


def test_our_mark_is_read_and_hidden() -> None:
    booking = parse_booking({**DOCUMENTED, "remark": f"by the window [#{TOKEN}]"}, SEEN)
    assert (booking.token, booking.note) == (TOKEN, "by the window")


def test_masked_phone_is_none() -> None:
    assert parse_booking({**DOCUMENTED, "mobile": "138****0000"}, SEEN).phone is None


async def test_account_without_beauty_token_asks_nothing() -> None:
    channel = YouzanChannel()
    session: Any = make_session(channel, YouzanSimulator(ManualClock()), credentials={"beautyToken": None})
    page = await channel.reservations.list_bookings(session, BookingQuery(SEEN, SEEN + timedelta(days=1)))
    assert (page.bookings, session.http.requests) == ((), [])
    order = BookingOrder(TOKEN, SEEN, SEEN + timedelta(hours=1), 1, SERVICE)
    with pytest.raises(Misconfigured):
        await channel.reservations.place(session, order)


async def test_unknown_service_is_refused() -> None:
    simulator, channel = YouzanSimulator(ManualClock()), YouzanChannel()
    order = BookingOrder(TOKEN, SEEN, SEEN + timedelta(hours=1), 1, "1/2")
    answer = await channel.reservations.place(make_session(channel, simulator), order)
    assert isinstance(answer, BookingRefused)
    assert (answer.platform_code, simulator.count_bookings()) == ("233001021", 0)
