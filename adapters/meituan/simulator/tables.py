"""The calls of table bookings (businessId 7): paths below /resv2. Words of refusals are made up (INFERRED)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.meituan.simulator.state import PlatformError
from core.channels.contract import BookingStatus
from core.clock import from_epoch
from core.testing.platforms import BookingFacts

_NUMBERS: Mapping[BookingStatus, int] = {
    BookingStatus.REQUESTED: 10,
    BookingStatus.CANCELLED: 70,
    BookingStatus.REJECTED: 30,
    BookingStatus.CONFIRMED: 40,
    BookingStatus.ARRIVED: 50,
    BookingStatus.NO_SHOW: 60,
}
_STATUSES = {number: status for status, number in _NUMBERS.items()}
# `operationType` → from which status to which.
_STEPS: Mapping[int, tuple[int, int]] = {1: (10, 40), 2: (10, 30), 3: (40, 50), 4: (40, 60)}


@dataclass(slots=True)
class TableBooking:
    """One booking of a table."""

    number: str
    status: int
    time: int
    people: int = 4
    name: str = "张"
    table_type: int = 1


class TableDesk:
    """Answers the calls."""

    def __init__(self) -> None:
        self.bookings: dict[str, TableBooking] = {}

    def make(self, status: BookingStatus, start: datetime) -> str:
        """A new booking in this state; its number."""
        number = f"R2026{len(self.bookings) + 1:010d}"
        self.bookings[number] = TableBooking(number, _NUMBERS[status], int(start.timestamp()))
        return number

    def cancel(self, number: str) -> None:
        """The guest calls it off."""
        self.bookings[number].status = 70

    def read(self, number: str) -> BookingFacts:
        """What the books say. The phone is sealed, so it is nobody's secret here."""
        each = self.bookings[number]
        status = _STATUSES[each.status]
        return BookingFacts(status, from_epoch(each.time), each.people, str(each.table_type), None, each.name)

    def query(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """One booking."""
        return _write(self._find(biz.get("orderSerializedId")))

    def list(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """A page of those of a time."""
        page, size = biz.get("pageNo"), biz.get("pageSize")
        since, until = biz.get("bookingTimeGe"), biz.get("bookingTimeLe")
        if not all(isinstance(each, int) for each in (page, size, since, until)):
            raise PlatformError("参数错误")
        found = [each for each in self.bookings.values() if int(since or 0) <= each.time <= int(until or 0)]
        at = (int(page or 1) - 1) * int(size or 1)
        return {"orders": [_write(each) for each in found[at : at + int(size or 1)]], "total": len(found)}

    def operate(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Accept, refuse, arrived, not come."""
        data = biz.get("data")
        if not isinstance(data, dict) or data.get("operationType") not in _STEPS:
            raise PlatformError("参数错误")
        booking = self._find(data.get("orderSerializedId"))
        allowed, following = _STEPS[data["operationType"]]
        if data["operationType"] == 2 and (data.get("rejectReason") != 5 or not data.get("otherReason")):
            raise PlatformError("参数错误")
        if booking.status != allowed:
            raise PlatformError("订单状态不允许该操作")
        booking.status = following
        return {}

    def _find(self, number: object) -> TableBooking:
        booking = self.bookings.get(str(number))
        if booking is None:
            raise PlatformError("预订单不存在")
        return booking


def _write(booking: TableBooking) -> dict[str, Any]:
    return {
        "orderSerializedId": booking.number,
        "status": booking.status,
        "bookingTime": booking.time,
        "number": booking.people,
        "name": booking.name,
        "gender": 20,
        "phone": "" if booking.status in (10, 20, 30, 80) else "c2VhbGVk",
        "requirements": {"tableType": booking.table_type, "tableTypeName": "包间", "remark": "靠窗"},
        "recepts": [],
        "deposit": {"payAmount": "50.00", "payStatus": 2, "refundAmount": "0.00"},
    }
