"""The port for orders that a platform took, and the values that pass through it. Money in fen, instants in UTC."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from core.channels.contract.accounts import ChannelSession


class OrderType(StrEnum):
    """How an order reaches its buyer."""

    SHIPPED = "SHIPPED"
    TAKEAWAY = "TAKEAWAY"
    IN_STORE = "IN_STORE"
    PICKUP = "PICKUP"
    VOUCHER = "VOUCHER"
    UNRECOGNISED = "UNRECOGNISED"


class OrderStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    PREPARING = "PREPARING"
    PARTLY_SHIPPED = "PARTLY_SHIPPED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    UNRECOGNISED = "UNRECOGNISED"


class RefundStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    UNRECOGNISED = "UNRECOGNISED"


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One line of an order.

    reference         the platform's id of the line, the same for ever
    sku_reference     the platform's id of what was bought; merchant_sku is the merchant's own number, if it shows it
    total             what the buyer pays for the line, after discounts
    presale           whether the platform says that it ships later
    promised_ship_at  the platform's own last day for shipping; None where it names none
    """

    reference: str
    title: str
    quantity: int
    unit_price: int
    total: int
    sku_reference: str | None = None
    merchant_sku: str | None = None
    presale: bool = False
    promised_ship_at: datetime | None = None
    refunded_quantity: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRefund:
    """One request for money back. `lines`: line reference → how many; empty: the order as a whole."""

    reference: str
    amount: int
    status: RefundStatus
    requested_at: datetime | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelShipment:
    """One parcel. `lines`: line reference → how many; empty: the order as a whole."""

    reference: str
    carrier: str | None = None
    tracking_number: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """One order as the platform has it now.

    reference    the platform's id of the order
    updated_at   the platform's time of the last change: of two states the later one counts
    total        what the buyer pays in all: subtotal − discount + shipping
    paid         what the buyer has paid so far; refunded: what went back
    phone        E.164 where it is one; None where the platform hides it or shows a relay number
    raw          the platform's own document, kept sealed for disputes
    """

    reference: str
    type: OrderType
    status: OrderStatus
    placed_at: datetime
    updated_at: datetime
    lines: tuple[ChannelLine, ...]
    subtotal: int
    discount: int
    shipping: int
    total: int
    paid: int = 0
    refunded: int = 0
    paid_at: datetime | None = None
    external_store_id: str | None = None
    buyer_reference: str | None = None
    buyer_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)
    refunds: tuple[ChannelRefund, ...] = ()
    shipments: tuple[ChannelShipment, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Orders changed from `since` until before `until`, by the platform's clock; a page at a time."""

    since: datetime
    until: datetime
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of changed orders, in any order: whole ones, or only the `references` of those to ask for.

    next_cursor  None on the last page
    """

    orders: tuple[ChannelOrder, ...] = ()
    references: tuple[str, ...] = ()
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ShipmentOrder:
    """A parcel to tell the platform of. `token` is stable across repeats."""

    token: str
    order_reference: str
    carrier: str
    tracking_number: str
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundDecision:
    """What the shop decided about a request. `reason` is for the buyer."""

    token: str
    order_reference: str
    refund_reference: str
    approve: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderTaken:
    """The platform did as told, or it was so already."""


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """The platform's no, with its own code and words."""

    message: str
    platform_code: str | None = None


OrderAnswer = OrderTaken | OrderRefused


@dataclass(frozen=True, slots=True)
class OrderBehaviour:
    """How the platform lists and takes.

    longest_window  the longest window one query may have; core cuts longer ones
    overlap         how much of the past is read again each time: how late a change may become visible
    ships, decides  whether shipments and decisions about refunds can be told to it
    """

    longest_window: timedelta = timedelta(days=1)
    overlap: timedelta = timedelta(minutes=5)
    ships: bool = False
    decides: bool = False


class Orders(ABC):
    """Orders of a platform. Each method is one piece of work there and may raise any ChannelFailure."""

    behaviour: ClassVar[OrderBehaviour]

    @abstractmethod
    async def list_orders(self, session: ChannelSession[Any, Any], query: OrderQuery) -> OrderPage:
        """A page of the orders changed in the window. One that moves between pages may come twice; none may be left out
        that is unchanged during the whole reading."""

    @abstractmethod
    async def find_orders(
        self, session: ChannelSession[Any, Any], references: Sequence[str]
    ) -> Sequence[ChannelOrder]:
        """These orders as they stand now, 20 at most; those that the platform does not know are missing."""

    async def ship(self, session: ChannelSession[Any, Any], order: ShipmentOrder) -> OrderAnswer:
        """Tells of a parcel. Only where `behaviour.ships`. Repeats must be harmless."""
        raise NotImplementedError("this channel takes no shipments")

    async def decide_refund(self, session: ChannelSession[Any, Any], decision: RefundDecision) -> OrderAnswer:
        """Approves or rejects a refund. Only where `behaviour.decides`. Repeats must be harmless."""
        raise NotImplementedError("this channel takes no decisions about refunds")
