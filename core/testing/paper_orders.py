"""The paper channel with orders: reading them, shipping, and deciding about refunds, as small as it can be.

It has all that a platform of orders may have: pages that move, masked phones, parcels and decisions that are taken once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, Field

from core.channels.contract import (
    Capability,
    ChannelLine,
    ChannelOrder,
    ChannelRefund,
    ChannelSession,
    ChannelShipment,
    CredentialsRefused,
    Effect,
    OrderAnswer,
    OrderBehaviour,
    OrderPage,
    OrderQuery,
    OrderRefused,
    Orders,
    OrderStatus,
    OrderTaken,
    OrderType,
    ProtocolFailure,
    RefundDecision,
    RefundStatus,
    ShipmentOrder,
)
from core.testing.paper import (
    PaperChannel,
    WireModel,
    check_http,
    fetch_token,
    make_request,
    parse_time,
    read_answer,
)

WireT = TypeVar("WireT", bound=BaseModel)

ORDER_STATUSES: Mapping[str, OrderStatus] = {
    "waiting": OrderStatus.PENDING_PAYMENT,
    "paid": OrderStatus.PAID,
    "sent": OrderStatus.SHIPPED,
    "done": OrderStatus.COMPLETED,
    "off": OrderStatus.CANCELLED,
}
REFUND_STATUSES: Mapping[str, RefundStatus] = {
    "asked": RefundStatus.REQUESTED,
    "yes": RefundStatus.APPROVED,
    "no": RefundStatus.REJECTED,
}


class WireLine(WireModel):
    id: str = Field(min_length=1)
    title: str
    count: int = Field(ge=1)
    each: int = Field(ge=0)


class WireParcel(WireModel):
    number: str = Field(min_length=1)
    carrier: str
    at: int = Field(ge=0, le=2**33)


class WireRefund(WireModel):
    id: str = Field(min_length=1)
    amount: int = Field(ge=0)
    state: str
    at: int = Field(ge=0, le=2**33)


class WireOrder(WireModel):
    id: str = Field(min_length=1, max_length=128)
    state: str
    placed: int = Field(ge=0, le=2**33)
    changed: int = Field(ge=0, le=2**33)
    off: int = Field(ge=0)
    carriage: int = Field(ge=0)
    paid: int = Field(ge=0)
    buyer: str
    phone: str
    lines: list[WireLine] = Field(min_length=1)
    parcels: list[WireParcel]
    refunds: list[WireRefund]


class WireOrders(WireModel):
    """`code` is 0 where all went well; the list is missing where it did not."""

    code: int
    orders: list[WireOrder] | None = None
    next: str | None = Field(None, min_length=1)


class WireDone(WireModel):
    """`done` is there only where the platform has done it."""

    code: int
    done: bool | None = None


class PaperOrders(Orders):
    behaviour: ClassVar[OrderBehaviour] = OrderBehaviour(
        longest_window=timedelta(days=7), overlap=timedelta(minutes=1), ships=True, decides=True
    )

    async def list_orders(self, session: ChannelSession[Any, Any], query: OrderQuery) -> OrderPage:
        # The platform counts in whole seconds: what lies before `since` within its second is left out here.
        body = {
            "since": int(query.since.timestamp()),
            "until": math.ceil(query.until.timestamp()),
            "cursor": query.cursor,
        }
        answer = await self.read(session, "orders", body)
        found = (self.parse(wire) for wire in answer.orders or ())
        within = tuple(order for order in found if query.since <= order.updated_at < query.until)
        return OrderPage(within, next_cursor=answer.next)

    async def find_orders(
        self, session: ChannelSession[Any, Any], references: Sequence[str]
    ) -> Sequence[ChannelOrder]:
        answer = await self.read(session, "order", {"ids": list(references)})
        return [self.parse(wire) for wire in answer.orders or () if wire.id in references]

    async def ship(self, session: ChannelSession[Any, Any], order: ShipmentOrder) -> OrderAnswer:
        body = {
            "token": order.token,
            "id": order.order_reference,
            "carrier": order.carrier,
            "number": order.tracking_number,
        }
        return await self.write(session, "ship", body)

    async def decide_refund(self, session: ChannelSession[Any, Any], decision: RefundDecision) -> OrderAnswer:
        body = {
            "token": decision.token,
            "id": decision.order_reference,
            "refund": decision.refund_reference,
            "yes": decision.approve,
        }
        return await self.write(session, "decide", body)

    async def read(
        self, session: ChannelSession[Any, Any], operation: str, body: Mapping[str, Any]
    ) -> WireOrders:
        answer = await self.call(session, WireOrders, operation, Effect.READ, body)
        if answer.code or answer.orders is None:
            raise ProtocolFailure("no orders", operation=operation, platform_code=str(answer.code))
        return answer

    async def write(
        self, session: ChannelSession[Any, Any], operation: str, body: Mapping[str, Any]
    ) -> OrderAnswer:
        answer = await self.call(session, WireDone, operation, Effect.WRITE, body)
        if answer.code == 0 and answer.done:
            return OrderTaken()
        return OrderRefused("the platform did not take it", str(answer.code))

    async def call(
        self,
        session: ChannelSession[Any, Any],
        model: type[WireT],
        operation: str,
        effect: Effect,
        body: Mapping[str, Any],
    ) -> WireT:
        """One call of the platform. Raises every failure of the contract."""
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = await session.http.send(make_request(operation, effect, body, {"access-token": token}))
        if answer.status == 401:
            raise CredentialsRefused("the platform does not know the token", operation=operation)
        check_http(answer, effect)
        return read_answer(model, answer, effect)

    def parse(self, wire: WireOrder) -> ChannelOrder:
        lines = tuple(
            ChannelLine(each.id, each.title, each.count, each.each, each.count * each.each)
            for each in wire.lines
        )
        subtotal = sum(line.total for line in lines)
        if wire.off > subtotal:
            raise ProtocolFailure("more comes off than it costs", operation="orders", path="orders.off")
        return ChannelOrder(
            reference=wire.id,
            type=OrderType.SHIPPED,
            status=ORDER_STATUSES.get(wire.state, OrderStatus.UNRECOGNISED),
            placed_at=parse_time(wire.placed),
            updated_at=parse_time(wire.changed),
            lines=lines,
            subtotal=subtotal,
            discount=wire.off,
            shipping=wire.carriage,
            total=subtotal - wire.off + wire.carriage,
            paid=wire.paid,
            buyer_name=wire.buyer,
            phone=None if "*" in wire.phone else f"+86{wire.phone}",
            refunds=tuple(self.parse_refund(each) for each in wire.refunds),
            shipments=tuple(
                ChannelShipment(each.number, each.carrier, each.number, parse_time(each.at))
                for each in wire.parcels
            ),
            raw=wire.model_dump(),
        )

    def parse_refund(self, wire: WireRefund) -> ChannelRefund:
        status = REFUND_STATUSES.get(wire.state, RefundStatus.UNRECOGNISED)
        return ChannelRefund(wire.id, wire.amount, status, parse_time(wire.at))


class PaperOrderChannel(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities | {Capability.ORDERS}
    orders: Orders | None = PaperOrders()
