"""The calls of bookings (comprehensive/trade). What the numbers of `status` mean is INFERRED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.douyin.simulator.state import ACCOUNT_ID, POI_ID, PlatformError
from adapters.douyin.tables import BOOKING_STATUS, CONFIRM_ACCEPT, CONFIRM_REJECT
from core.channels.contract import BookingStatus
from core.clock import from_epoch
from core.testing.platforms import BookingFacts
from core.testing.simulator import SimulatorClock

SKU = "1800000000000001"
_NUMBERS = {status: number for number, status in BOOKING_STATUS.items()}
_BAD_PARAMETER, _BAD_STATE = 2119001, 3000001


@dataclass(slots=True)
class Booking:
    """One booking."""

    number: int
    status: int
    made_at: int
    starts_at: int
    poi_id: str = POI_ID
    people: int = 2


class BookingDesk:
    """Answers the calls."""

    def __init__(self, clock: SimulatorClock) -> None:
        self.bookings: dict[str, Booking] = {}
        self._clock = clock

    def make(self, status: BookingStatus, start: datetime) -> str:
        """A new booking in this state; its number."""
        number = 8_000_000_000_000_000_001 + len(self.bookings)
        now = int(self._clock.now().timestamp())
        self.bookings[str(number)] = Booking(number, _NUMBERS[status], now, int(start.timestamp()))
        return str(number)

    def cancel(self, number: str) -> None:
        """The guest calls it off."""
        self.bookings[number].status = _NUMBERS[BookingStatus.CANCELLED]

    def read(self, number: str) -> BookingFacts:
        """What the books say; phones are masked, so nothing of them is told."""
        each = self.bookings[number]
        return BookingFacts(BOOKING_STATUS[each.status], from_epoch(each.starts_at), each.people, SKU)

    def query(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A page of those of one shop and time, or one of them."""
        needed = ("account_id", "poi_id", "start_time", "end_time", "page_num", "page_size")
        if any(given.get(name) is None for name in needed) or given["page_size"] > 50:
            raise PlatformError(_BAD_PARAMETER)
        if given["account_id"] != ACCOUNT_ID:
            raise PlatformError(2119005)
        page, size, wanted = given["page_num"], given["page_size"], given.get("book_id")
        found = [
            each
            for number, each in self.bookings.items()
            if each.poi_id == given["poi_id"]
            and given["start_time"] <= each.starts_at <= given["end_time"]
            and wanted in (None, number)
        ]
        shown = [_write(each) for each in found[(page - 1) * size : page * size]]
        return {"order_list": shown, "page": {"page_num": page, "page_size": size, "total": len(found)}}

    def confirm(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Yes or no."""
        booking, answer = self.bookings.get(str(given.get("book_id"))), given.get("confirm_result")
        if booking is None or answer not in (CONFIRM_ACCEPT, CONFIRM_REJECT):
            raise PlatformError(_BAD_PARAMETER)
        if booking.status != _NUMBERS[BookingStatus.REQUESTED]:
            raise PlatformError(2100005)
        accepted = answer == CONFIRM_ACCEPT
        booking.status = _NUMBERS[BookingStatus.CONFIRMED if accepted else BookingStatus.REJECTED]
        return {}


def _write(booking: Booking) -> dict[str, Any]:
    return {
        "book_id": str(booking.number),
        "status": booking.status,
        "book_time": booking.made_at,
        "book_taking_time": booking.starts_at,
        "products": [{"sku_id": SKU, "original_amount": 9900}],
        "booking_info": {
            "count": booking.people,
            "user_notes": "靠窗",
            "poi_id": booking.poi_id,
            "item_ids": ["1093000000000000124"],
        },
        "user_infos": [{"name": "张*", "phone": "138****8000"}],
    }
