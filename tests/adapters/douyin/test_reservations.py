"""Bookings of the Douyin app: the documented list, and what no answer says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.douyin.channel import DouyinChannel
from adapters.douyin.reservations import parse_booking
from adapters.douyin.simulator import DouyinSimulator
from core.channels.contract import BookingQuery, BookingStatus, Misconfigured, ProtocolFailure
from core.testing.clock import ManualClock
from core.testing.sessions import make_session

SEEN = datetime(2026, 11, 23, tzinfo=UTC)
DOCUMENTED = {
    "book_id": "8000000000000000001", "status": 1, "book_time": 1760002000, "book_taking_time": 1760090400,
    "products": [{"sku_id": "1800000000000001", "original_amount": 9900}],
    "booking_info": {"count": 2, "user_notes": "靠窗", "poi_id": "7100000000000000009",
                     "item_ids": ["1093000000000000124"]},
    "user_infos": [{"name": "张*", "phone": "138****8000"}],
}  # fmt: skip


def test_documented_booking() -> None:
    booking = parse_booking(DOCUMENTED, SEEN)
    assert (booking.reference, booking.status) == ("8000000000000000001", BookingStatus.REQUESTED)
    assert booking.start == datetime(2025, 10, 10, 10, tzinfo=UTC)
    assert (booking.party_size, booking.service_reference, booking.phone) == (2, "1800000000000001", None)
    assert (booking.external_store_id, booking.paid_amount) == ("7100000000000000009", 9900)


def test_number_without_meaning_is_unrecognised() -> None:
    assert parse_booking({**DOCUMENTED, "status": 77}, SEEN).status is BookingStatus.UNRECOGNISED


def test_booking_without_a_time() -> None:
    with pytest.raises(ProtocolFailure):
        parse_booking({**DOCUMENTED, "book_taking_time": 0}, SEEN)


async def test_account_that_takes_none_asks_nothing() -> None:
    channel = DouyinChannel()
    session: Any = make_session(channel, DouyinSimulator(ManualClock()), settings={"bookings": False})
    page = await channel.reservations.list_bookings(session, BookingQuery(SEEN, SEEN + timedelta(days=1)))
    assert (page.bookings, session.http.requests) == ((), [])
    with pytest.raises(Misconfigured):
        await channel.reservations.decide(session, "8000000000000000001", accept=True)
