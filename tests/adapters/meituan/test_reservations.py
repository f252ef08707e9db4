"""Tables booked on Meituan: documented answers, and what no answer says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.meituan.channel import MeituanChannel
from adapters.meituan.reservations import parse_booking
from adapters.meituan.simulator import CateringSimulator
from core.channels.contract import (
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    Misconfigured,
    ProtocolFailure,
)
from core.testing.clock import ManualClock
from core.testing.sessions import make_session

SEEN = datetime(2026, 11, 23, tzinfo=UTC)
DOCUMENTED = {
    "orderSerializedId": "R20231115000001", "status": 40, "bookingTime": 1700046000, "number": 4, "name": "张",
    "gender": 20, "phone": "<encrypted>", "requirements": {"tableType": 1, "tableTypeName": "包间", "remark": "靠窗"},
    "recepts": [], "deposit": {"payAmount": "50.00", "payStatus": 2},
}  # fmt: skip


def test_documented_booking() -> None:
    booking = parse_booking(DOCUMENTED, SEEN)
    assert (booking.reference, booking.status, booking.party_size) == (
        "R20231115000001", BookingStatus.CONFIRMED, 4,
    )  # fmt: skip
    assert booking.start == datetime(2023, 11, 15, 11, tzinfo=UTC)
    assert (booking.service_reference, booking.note, booking.paid_amount) == ("1", "靠窗", 5000)
    assert (booking.phone, booking.updated_at) == (None, SEEN)
    assert "name" not in booking.raw


@pytest.mark.parametrize("number", [0, 120, 999, None])
def test_number_without_meaning_is_unrecognised(number: int | None) -> None:
    assert parse_booking({**DOCUMENTED, "status": number}, SEEN).status is BookingStatus.UNRECOGNISED


@pytest.mark.parametrize("missing", ["orderSerializedId", "bookingTime"])
def test_booking_without_what_it_needs(missing: str) -> None:
    with pytest.raises(ProtocolFailure):
        parse_booking({key: value for key, value in DOCUMENTED.items() if key != missing}, SEEN)


async def test_account_without_token_asks_nothing() -> None:
    simulator, channel = CateringSimulator(ManualClock()), MeituanChannel()
    session: Any = make_session(channel, simulator, credentials={"reservationToken": None})
    page = await channel.reservations.list_bookings(session, BookingQuery(SEEN, SEEN + timedelta(days=1)))
    assert (page.bookings, page.next_cursor, session.http.requests) == ((), None, [])
    assert await channel.reservations.find_booking(session, "R1") is None
    with pytest.raises(Misconfigured):
        await channel.reservations.decide(session, "R1", accept=True)


async def test_arrival_of_what_was_not_accepted_is_refused() -> None:
    simulator, channel = CateringSimulator(ManualClock()), MeituanChannel()
    session: Any = make_session(channel, simulator)
    reference = simulator.make_booking(BookingStatus.REQUESTED, simulator.clock.now() + timedelta(hours=2))
    answer = await channel.reservations.report(session, reference, BookingStatus.ARRIVED)
    assert isinstance(answer, BookingRefused)
    assert not answer.settled
    assert isinstance(await channel.reservations.decide(session, reference, accept=True), BookingTaken)
