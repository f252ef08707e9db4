"""Orders of every channel: what they are, listing them, and what has happened to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.access.values import Role
from core.channels.contract import OrderStatus, OrderType, RefundStatus
from core.orders.ledger import OrderFilter as CoreFilter
from core.orders.ledger import OrderPage, OrderPosition, count_orders, list_orders
from core.orders.sealed import open_document
from core.orders.timeline import TimelinePosition, describe_entry, list_timeline
from core.orders.values import (
    FulfilmentRisk,
    LineView,
    OrderView,
    RefundView,
    ShipmentView,
    TimelineView,
)
from schema import order_enums as order_enums
from schema.channels import Channel, find_channel
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import resolved
from schema.ids import Node, read_optional_id, show_id
from schema.money import Money, show_money
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.places import read_place, write_place
from schema.redemptions import Redemption, show_redemption
from schema.stores import Store, show_store

CURSOR: Final = "orders"
TIMELINE: Final = "timeline"
_MANAGEMENT: Final = (Role.OWNER, Role.MANAGER)


# --------------------------------------------------------------------------------------------------------------- parts
@strawberry.type(description="One line of an order.")
class OrderLine:
    id: strawberry.ID = strawberry.field(description="Of the line; stable.")
    sku_id: strawberry.ID | None = strawberry.field(
        description="What of ours it is; null where the channel does not say."
    )
    external_sku_id: str | None = strawberry.field(description="The channel's id of what was bought.")
    title: str = strawberry.field(description="What it was called when it was bought.")
    quantity: int = strawberry.field(description="How many were bought.")
    unit_price: Money = strawberry.field(description="What one cost, before discounts.")
    total: Money = strawberry.field(description="What the line costs after its discounts.")
    presale: bool = strawberry.field(description="Whether it was sold to be shipped later.")
    promised_ship_at: datetime | None = strawberry.field(
        description="By when it must be shipped: the channel's own date, else our wave's, else 48 hours after payment."
    )
    fulfilment_risk: FulfilmentRisk = strawberry.field(description="How it stands to that.")
    refunded_quantity: int = strawberry.field(description="How many of it were refunded.")
    shipped_quantity: int = strawberry.field(description="How many of it were shipped.")


def show_line(view: LineView) -> OrderLine:
    return OrderLine(
        id=show_id("OrderLine", view.id),
        sku_id=show_id("Sku", view.sku_id) if view.sku_id else None,
        external_sku_id=view.external_sku_id,
        title=view.title,
        quantity=view.quantity,
        unit_price=show_money(view.unit_price),
        total=show_money(view.total),
        presale=view.presale,
        promised_ship_at=view.promised_ship_at,
        fulfilment_risk=view.fulfilment_risk,
        refunded_quantity=view.refunded_quantity,
        shipped_quantity=view.shipped_quantity,
    )


@strawberry.type(description="One parcel of an order.")
class Shipment:
    view: strawberry.Private[ShipmentView]
    id: strawberry.ID = strawberry.field(description="Of the parcel; stable.")
    carrier: str | None = strawberry.field(description="Who carries it.")
    tracking_number: str | None = strawberry.field(description="The carrier's number.")
    shipped_at: datetime | None = strawberry.field(description="When it left.")
    delivered_at: datetime | None = strawberry.field(description="When the buyer had it.")

    @resolved(description="The lines of which something is in it.")
    async def lines(self, info: Info) -> list[OrderLine]:
        lines = await _load_lines(info, self.view.order_id)
        return [show_line(line) for line in lines if not self.view.lines or line.line_key in self.view.lines]


def show_shipment(view: ShipmentView) -> Shipment:
    return Shipment(
        view=view,
        id=show_id("Shipment", view.id),
        carrier=view.carrier,
        tracking_number=view.tracking_number,
        shipped_at=view.shipped_at,
        delivered_at=view.delivered_at,
    )


@strawberry.type(description="One request for money back.")
class Refund:
    id: strawberry.ID = strawberry.field(description="Of the request; stable.")
    amount: Money = strawberry.field(description="How much is asked for.")
    status: RefundStatus = strawberry.field(description="How far it has come.")
    reason: str | None = strawberry.field(description="Why, as the buyer said it.")
    requested_at: datetime | None = strawberry.field(description="When it was asked for.")
    decided_at: datetime | None = strawberry.field(description="When it was decided.")


def show_refund(view: RefundView) -> Refund:
    return Refund(
        id=show_id("Refund", view.id),
        amount=show_money(view.amount),
        status=view.status,
        reason=view.reason,
        requested_at=view.requested_at,
        decided_at=view.decided_at,
    )


@strawberry.type(description="One thing that happened to an order.")
class TimelineEntry:
    at: datetime = strawberry.field(description="When.")
    kind: str = strawberry.field(description="What, as in `paid`; an open set.")
    message: str = strawberry.field(description="For people, in the language of Accept-Language.")


@strawberry.type(description="An entry in its timeline.")
class TimelineEdge:
    cursor: str = strawberry.field(description="Where it lies in the timeline.")
    node: TimelineEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of a timeline, oldest first.")
class TimelineConnection:
    edges: list[TimelineEdge] = strawberry.field(description="The entries of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


def show_entry(view: TimelineView) -> TimelineEntry:
    return TimelineEntry(at=view.at, kind=view.kind, message=describe_entry(view))


# --------------------------------------------------------------------------------------------------------------- order
@strawberry.type(description="One order, of whatever channel.")
class Order(Node):
    view: strawberry.Private[OrderView]
    external_id: str | None = strawberry.field(description="The channel's id of it; null for our own.")
    number: str = strawberry.field(description="What people call it; unique for the merchant.")
    type: OrderType = strawberry.field(description="How it reaches its buyer.")
    status: OrderStatus = strawberry.field(description="How far it has come.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    paid_at: datetime | None = strawberry.field(description="When it was paid.")
    subtotal: Money = strawberry.field(description="What its lines cost.")
    discount: Money = strawberry.field(description="What comes off that: coupons and offers.")
    shipping: Money = strawberry.field(description="What the way to the buyer costs.")
    total: Money = strawberry.field(description="What the buyer pays in all.")
    paid: Money = strawberry.field(description="What has been paid so far.")
    refunded: Money = strawberry.field(description="What has gone back.")
    contact_name: str | None = strawberry.field(description="Who bought, as the channel shows it.")
    phone_tail: str | None = strawberry.field(description="The last four digits of the contact's phone.")
    note: str | None = strawberry.field(description="What the buyer wished for.")
    promised_ship_at: datetime | None = strawberry.field(
        description="By when the earliest of its open lines must be shipped; null where nothing is open or promised."
    )
    fulfilment_risk: FulfilmentRisk = strawberry.field(description="The worst of its lines.")

    @resolved(description="Where it was bought; `house` is our own.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(description="What was bought.")
    async def lines(self, info: Info) -> list[OrderLine]:
        return [show_line(line) for line in await _load_lines(info, self.view.id)]

    @resolved(description="Its parcels, earliest first.")
    async def shipments(self, info: Info) -> list[Shipment]:
        found = await (await info.context.load()).order_shipments.load(self.view.id)
        return [show_shipment(view) for view in found or ()]

    @resolved(description="The requests for money back, oldest first.")
    async def refunds(self, info: Info) -> list[Refund]:
        found = await (await info.context.load()).order_refunds.load(self.view.id)
        return [show_refund(view) for view in found or ()]

    @resolved(description="The coupons redeemed with it, oldest first.")
    async def redemptions(self, info: Info) -> list[Redemption]:
        found = await (await info.context.load()).order_redemptions.load(self.view.id)
        return [show_redemption(view) for view in found or ()]

    @resolved(description="Whose it is; null where the channel's store is bound to none of ours.")
    async def store(self, info: Info) -> Store | None:
        if self.view.store_id is None:
            return None
        store = await (await info.context.load()).stores.load(self.view.store_id)
        return show_store(store) if store else None

    @resolved(description="Who bought it; null for a buyer nobody knows.")
    async def customer(self, info: Info) -> Customer | None:
        if self.view.customer_id is None:
            return None
        view = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(view) if view else None

    @resolved(description="What has happened to it, oldest first.")
    async def timeline(self, info: Info, first: First = 50, after: After = None) -> TimelineConnection:
        context = info.context
        size, place = read_first(first), read_place(context, TIMELINE, after)
        position = TimelinePosition(*place) if place else None
        page = await list_timeline(self.view, size, position)
        cursors = [write_place(context, TIMELINE, view.at, view.id) for view in page.entries]
        return TimelineConnection(
            edges=[
                TimelineEdge(cursor=cursor, node=show_entry(view))
                for cursor, view in zip(cursors, page.entries, strict=True)
            ],
            page_info=show_page_info(cursors, has_more=page.has_more, continued=after is not None),
        )

    @resolved(
        description="The channel's own document of it, as it came. It is personal: null unless the token is an owner's or"
        " manager's with the scope phones."
    )
    async def channel_document(self, info: Info) -> JSON | None:
        actor = await info.context.sign_in()
        if actor.role not in _MANAGEMENT or "phones" not in actor.scopes:
            return None
        document = await open_document(info.context.runtime.keys, self.view.tenant_id, self.view.id)
        return JSON(document) if document is not None else None


def show_order(view: OrderView) -> Order:
    return Order(
        id=show_id("Order", view.id),
        view=view,
        external_id=view.external_id,
        number=view.number,
        type=view.type,
        status=view.status,
        placed_at=view.placed_at,
        paid_at=view.paid_at,
        subtotal=show_money(view.subtotal),
        discount=show_money(view.discount),
        shipping=show_money(view.shipping),
        total=show_money(view.total),
        paid=show_money(view.paid),
        refunded=show_money(view.refunded),
        contact_name=view.contact_name,
        phone_tail=view.phone_tail,
        note=view.note,
        promised_ship_at=view.promised_ship_at,
        fulfilment_risk=view.fulfilment_risk,
    )


async def find_visible_order(context: Context, row_id: UUID) -> Order | None:
    """An order that the caller may see."""
    view = await (await context.load()).orders.load(row_id)
    return show_order(view) if view else None


async def _load_lines(info: Info, order_id: UUID) -> tuple[LineView, ...]:
    return await (await info.context.load()).order_lines.load(order_id) or ()


# ------------------------------------------------------------------------------------------------------------- listing
@strawberry.input(description="Which orders to list; what is given must all hold.")
class OrderFilter:
    store_id: strawberry.ID | None = strawberry.field(default=None, description="Of this store.")
    channel: str | None = strawberry.field(default=None, description="Of this channel's code.")
    status: list[OrderStatus] | None = strawberry.field(default=None, description="In one of these states.")
    fulfilment_risk: list[FulfilmentRisk] | None = strawberry.field(
        default=None, description="Which stand so to the promised day."
    )
    placed_since: datetime | None = strawberry.field(
        default=None, description="Placed at this instant or later."
    )
    placed_until: datetime | None = strawberry.field(default=None, description="Placed before this instant.")
    external_id: str | None = strawberry.field(default=None, description="Of this id of the channel.")


@strawberry.type(description="An order in a list.")
class OrderEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: Order = strawberry.field(description="The order.")


@strawberry.type(description="A page of orders, those placed last first.")
class OrderConnection:
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[OrderEdge] = strawberry.field(description="The orders of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many there are in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await self.count()


def read_order_position(context: Context, after: str | None, kind: str = CURSOR) -> OrderPosition | None:
    """Where a list goes on. `kind` names the list. Raises BadInput for another list's cursor."""
    place = read_place(context, kind, after)
    return OrderPosition(*place) if place else None


def show_orders(
    context: Context,
    page: OrderPage,
    count: Callable[[], Awaitable[int]],
    *,
    continued: bool,
    kind: str = CURSOR,
) -> OrderConnection:
    """A page of orders. `count` is asked only for the total."""
    cursors = [write_place(context, kind, view.placed_at, view.id) for view in page.orders]
    edges = [
        OrderEdge(cursor=cursor, node=show_order(view))
        for cursor, view in zip(cursors, page.orders, strict=True)
    ]
    info = show_page_info(cursors, has_more=page.has_more, continued=continued)
    return OrderConnection(count=count, edges=edges, page_info=info)


@strawberry.type
class OrderQueries:
    @resolved(
        description="Orders of every channel, those placed last first. May: owner, manager, staff, pos (their stores),"
        " customer (their own)."
    )
    async def orders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        given: Annotated[
            OrderFilter | None, strawberry.argument(name="filter", description="Which ones.")
        ] = None,
    ) -> OrderConnection:
        context, actor = info.context, await info.context.sign_in()
        size, position = read_first(first), read_order_position(context, after)
        wanted = _read_filter(given)
        page = await list_orders(actor, wanted, size, position)
        return show_orders(context, page, lambda: count_orders(actor, wanted), continued=after is not None)


def _read_filter(given: OrderFilter | None) -> CoreFilter:
    if given is None:
        return CoreFilter()
    return CoreFilter(
        store_id=read_optional_id(given.store_id, "Store", "filter", "storeId"),
        channel=given.channel,
        statuses=tuple(given.status or ()),
        risks=tuple(given.fulfilment_risk or ()),
        since=given.placed_since,
        until=given.placed_until,
        external_id=given.external_id,
    )
