"""The calls of bookings (youzan.mei.reservation.*)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.youzan.simulator.state import OFFLINE_ID, BusinessError
from core.channels.contract import BookingStatus
from core.clock import from_epoch
from core.testing.platforms import BookingFacts
from core.testing.simulator import SimulatorClock

BEAUTY_TOKEN = "simulated-beauty-token-01"  # noqa: S105  # made up, known to everybody
GOODS, SKU, TECHNICIAN_ID = 330000001, 36000001, 795000001
SERVICE = f"{GOODS}/{SKU}"
MISSING_BOOKING = (230100013, "数据不存在")
BAD_GOODS = (233001021, "GOODS_ID无效")
BAD_ITEM = (233001028, "RESERVE_ITEM_ID无效")
WRONG_STATE = (233099301, "预约单状态不允许该操作")
_NUMBERS: Mapping[BookingStatus, int] = {
    BookingStatus.CONFIRMED: 10,
    BookingStatus.ARRIVED: 20,
    BookingStatus.COMPLETED: 30,
    BookingStatus.CANCELLED: 98,
}
_STATUSES = {number: status for status, number in _NUMBERS.items()}


@dataclass(slots=True)
class Booking:
    """One booking."""

    number: str
    item: str
    branch: str
    status: int
    arrive_at: int
    name: str = "测试顾客"
    mobile: str = "13600136000"
    remark: str = ""
    technician: int = TECHNICIAN_ID


class BookingDesk:
    """Answers the calls, each with the branch and the beauty token."""

    def __init__(self, clock: SimulatorClock) -> None:
        self.bookings: dict[str, Booking] = {}
        self._clock = clock

    def make(self, status: BookingStatus, start: datetime, **details: Any) -> str:
        """A new booking in this state; its number."""
        count = len(self.bookings) + 1
        number = f"R{self._clock.now():%Y%m%d%H%M%S}{count:09d}"
        moment = int(start.timestamp() * 1000)
        details.setdefault("branch", OFFLINE_ID)
        self.bookings[number] = Booking(
            number, f"RT{count:09d}", status=_NUMBERS[status], arrive_at=moment, **details
        )
        return number

    def read(self, number: str) -> BookingFacts:
        """What the books say."""
        each = self.bookings[number]
        start = from_epoch(each.arrive_at / 1000)
        return BookingFacts(_STATUSES[each.status], start, 1, SERVICE, f"+86{each.mobile}", each.name)

    def get(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """One booking."""
        return _write(self._find(given, "order_no"))

    def list(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A page of those that arrive in a time. That they stand in `items` is INFERRED."""
        since, until = int(given["arrive_at_start"]), int(given["arrive_at_end"])
        page, size = int(given["page_no"]), min(int(given["page_size"]), 200)
        found = [
            each
            for each in self.bookings.values()
            if each.branch == str(given.get("dept_id")) and since <= each.arrive_at <= until
        ]
        return {"items": [_write(each) for each in found[(page - 1) * size : page * size]]}

    def create(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A booking of the shop's."""
        [item] = given["reservation_items"]
        if str(item.get("goods_id")) != str(GOODS) or str(item.get("sku_id")) != str(SKU):
            raise BusinessError(BAD_GOODS)
        start = from_epoch(int(given["arrive_at"]) / 1000)
        details = {name: str(given.get(key) or "") for name, key in _WRITTEN.items()}
        technician = int(item.get("technician_id") or 0)
        number = self.make(BookingStatus.CONFIRMED, start, technician=technician, **details)
        return {"order_no": number}

    def update(self, given: Mapping[str, Any]) -> bool:
        """Another time."""
        booking = self._find(given, "reservation_order_no")
        [item] = given["reservation_items"]
        if item.get("reserve_item_id") != booking.item:
            raise BusinessError(BAD_ITEM)
        if booking.status != _NUMBERS[BookingStatus.CONFIRMED]:
            raise BusinessError(WRONG_STATE)
        booking.arrive_at = int(given["arrive_at"])
        return True

    def cancel(self, given: Mapping[str, Any]) -> bool:
        """The shop calls it off."""
        booking = self._find(given, "order_no")
        if booking.status != _NUMBERS[BookingStatus.CONFIRMED]:
            raise BusinessError(WRONG_STATE)
        booking.status = _NUMBERS[BookingStatus.CANCELLED]
        return True

    def _find(self, given: Mapping[str, Any], key: str) -> Booking:
        booking = self.bookings.get(str(given.get(key)))
        if booking is None or booking.branch != str(given.get("dept_id")):
            raise BusinessError(MISSING_BOOKING)
        return booking


_WRITTEN = {"name": "customer_name", "mobile": "mobile", "remark": "remark", "branch": "dept_id"}


def _write(booking: Booking) -> dict[str, Any]:
    item = {
        "reservation_item_id": booking.item,
        "goods_id": GOODS,
        "sku_id": SKU,
        "item_name": "测试美甲",
        "num": 1,
        "origin_price": 19900,
        "real_pay": 0,
        "resource_type": 1 if booking.technician else 0,
        "resource_id": booking.technician,
        "resource_name": "测试技师",
    }
    return {
        "order_no": booking.number,
        "reservation_status": booking.status,
        "pay_status": 20,
        "real_pay": 0,
        "customer_name": booking.name,
        "mobile": booking.mobile,
        "remark": booking.remark,
        "arrange_at": booking.arrive_at,
        "dept_id": int(booking.branch),
        "trade_order_no": "",
        "reservation_items": [item],
    }
