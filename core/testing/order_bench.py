"""The bench on which reading orders, shipping and deciding are tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from core.channels.contract import (
    Channel,
    ChannelOrder,
    OrderAnswer,
    OrderBehaviour,
    OrderPage,
    OrderQuery,
    OrderRefused,
    Orders,
    OrderStatus,
    OrderTaken,
    OrderType,
    RefundDecision,
    RefundStatus,
    ShipmentOrder,
)
from core.testing.checks import check_fen, check_instant, check_raw, check_text
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import OrderPlatform
from core.testing.transcript import Transcript

A_MOMENT = timedelta(minutes=1)
HOUR = timedelta(hours=1)
_MOST_PAGES = 400


class OrderBench(PlatformBench[OrderPlatform]):
    """The steps of whoever reads a platform's orders."""

    def __init__(self, channel: Channel, platform: OrderPlatform, transcript: Transcript) -> None:
        super().__init__(channel, platform, transcript)
        self._made: list[str] = []

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def orders(self) -> Orders:
        assert self.channel.orders is not None, "the channel declares ORDERS and brings none"
        return self.channel.orders

    @property
    def behaviour(self) -> OrderBehaviour:
        return self.orders.behaviour

    def holds(self, state: str) -> bool:
        return state not in self.platform.cannot_hold

    def platform_secrets(self) -> set[str]:
        """The phones of those who bought, in both spellings."""
        phones = {phone for each in self._made if (phone := self.platform.read_order(each).phone)}
        return phones | {phone.removeprefix("+86") for phone in phones}

    # ------------------------------------------------------------------------------------------------ steps
    def make(self, status: OrderStatus = OrderStatus.PAID) -> str:
        """Somebody buys something; the order's reference."""
        reference = self.platform.make_order(status)
        self._made.append(reference)
        return reference

    def around(self) -> tuple[datetime, datetime]:
        """A window that holds everything that a rule has done."""
        now = self.session.clock.now()
        return now - min(2 * HOUR, self.behaviour.longest_window / 2), now + A_MOMENT

    async def read_page(self, since: datetime, until: datetime, cursor: str | None = None) -> OrderPage:
        page = await self.call(self.orders.list_orders(self.session, OrderQuery(since, until, cursor)))
        check_order_page(page, since, until)
        return page

    async def read_all(
        self, window: tuple[datetime, datetime] | None = None, cursor: str | None = None
    ) -> set[str]:
        """The references of all orders of a window, from a page on."""
        found: set[str] = set()
        since, until = window or self.around()
        for _ in range(_MOST_PAGES):
            page = await self.read_page(since, until, cursor)
            found |= name_orders(page)
            cursor = page.next_cursor
            if cursor is None:
                return found
        raise AssertionError("the list of orders has no end")

    async def find(self, *references: str) -> Sequence[ChannelOrder]:
        found = await self.call(self.orders.find_orders(self.session, references))
        for order in found:
            check_channel_order(order)
        strange = {order.reference for order in found} - set(references)
        assert not strange, f"was asked for other orders than {strange}"
        return found

    async def find_one(self, reference: str) -> ChannelOrder:
        found = await self.find(reference)
        assert [order.reference for order in found] == [reference], (
            "an order that there is was not found once"
        )
        return found[0]

    async def ship(self, order: ShipmentOrder) -> OrderAnswer:
        answer = await self.call(self.orders.ship(self.session, order))
        check_order_answer(answer)
        return answer

    async def decide(self, decision: RefundDecision) -> OrderAnswer:
        answer = await self.call(self.orders.decide_refund(self.session, decision))
        check_order_answer(answer)
        return answer


def make_parcel(reference: str) -> ShipmentOrder:
    return ShipmentOrder(str(uuid4()), reference, "SF", "SF1000200030004")


def name_orders(page: OrderPage) -> set[str]:
    return {order.reference for order in page.orders} | set(page.references)


# --------------------------------------------------------------------------------------------------------- validators
def check_order_page(page: object, since: datetime, until: datetime) -> None:
    assert isinstance(page, OrderPage), f"list_orders answered {type(page).__name__}"
    check_text(page.next_cursor, "next_cursor", optional=True)
    for reference in page.references:
        check_text(reference, "reference")
    for order in page.orders:
        check_channel_order(order)
        assert since <= order.updated_at < until, (
            f"an order changed {order.updated_at}, outside of the window"
        )


def check_channel_order(order: object) -> None:
    assert isinstance(order, ChannelOrder), f"an order is a {type(order).__name__}"
    check_text(order.reference, "reference")
    assert isinstance(order.type, OrderType), f"type is {order.type!r}"
    assert isinstance(order.status, OrderStatus), f"status is {order.status!r}"
    assert order.placed_at is not None
    assert order.updated_at is not None
    for name in ("placed_at", "updated_at", "paid_at"):
        check_instant(getattr(order, name), name)
    check_order_money(order)
    check_parts(order)
    check_raw(order.raw, "an order")
    assert order.phone is None or order.phone.startswith("+"), "the phone is not in E.164: hide it then"


def check_order_money(order: ChannelOrder) -> None:
    """Integer fen, and sums that fit."""
    for name in ("subtotal", "discount", "shipping", "total", "paid", "refunded"):
        assert getattr(order, name) is not None, f"{name} is missing"
        check_fen(getattr(order, name), name)
    assert order.total == order.subtotal - order.discount + order.shipping, (
        "the total is not the sum of its parts"
    )


def check_parts(order: ChannelOrder) -> None:
    for parts, kind in ((order.lines, "lines"), (order.refunds, "refunds"), (order.shipments, "parcels")):
        references = [part.reference for part in parts]
        assert len(set(references)) == len(references), f"two {kind} have one reference"
        for reference in references:
            check_text(reference, f"reference of {kind}")
    for line in order.lines:
        check_fen(line.unit_price, "unit_price")
        check_fen(line.total, "total of a line")
        assert type(line.quantity) is int, f"quantity is {line.quantity!r}"
        assert line.quantity >= 1, f"quantity is {line.quantity}"
        assert 0 <= line.refunded_quantity <= line.quantity, "more was refunded than was bought"
        check_instant(line.promised_ship_at, "promised_ship_at")
    for refund in order.refunds:
        check_fen(refund.amount, "amount of a refund")
        assert isinstance(refund.status, RefundStatus), f"status of a refund is {refund.status!r}"
        check_instant(refund.requested_at, "requested_at")
        check_instant(refund.decided_at, "decided_at")
    for parcel in order.shipments:
        check_instant(parcel.shipped_at, "shipped_at")
        check_instant(parcel.delivered_at, "delivered_at")


def check_order_answer(answer: object) -> None:
    if isinstance(answer, OrderTaken):
        return
    assert isinstance(answer, OrderRefused), f"answered {type(answer).__name__}"
    check_text(answer.message, "message")
    check_text(answer.platform_code, "platform_code", optional=True)
