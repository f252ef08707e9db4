"""What the order services take and answer. Money in fen, instants in UTC."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.channels.contract.orders import OrderStatus, OrderType, RefundStatus

HOUSE: Final = "house"

# What nothing happens to any more.
ENDED_STATUSES: Final = (OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.CLOSED)


class FulfilmentRisk(StrEnum):
    """How an order or a line stands to its promised day. NONE: nothing is left to be shipped.

    AT_RISK: the time left is shorter than the shop's own p90 handling time, in working hours.
    """

    NONE = "NONE"
    ON_TRACK = "ON_TRACK"
    AT_RISK = "AT_RISK"
    LATE = "LATE"


class OrderErrorCode(StrEnum):
    """Why an order is not placed or changed: the closed set that clients see."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    PRESALE_CLOSED = "PRESALE_CLOSED"
    PRESALE_SOLD_OUT = "PRESALE_SOLD_OUT"
    COUPON_REFUSED = "COUPON_REFUSED"
    COUPON_OUTCOME_UNKNOWN = "COUPON_OUTCOME_UNKNOWN"
    PAYMENT_UNAVAILABLE = "PAYMENT_UNAVAILABLE"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """Why something was not done. `field` is the path inside the input.

    coupon_code  why a coupon was refused (a `core.channels.contract.Refusal`), beside COUPON_REFUSED
    values       fill in the text `order.<code>` of `core.messages`
    """

    code: OrderErrorCode
    field: tuple[str, ...] = ()
    coupon_code: str | None = None
    values: dict[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order, without its lines. `channel` is "house" for our own, which have neither account nor external id."""

    id: UUID
    tenant_id: UUID
    channel: str
    number: str
    type: OrderType
    status: OrderStatus
    version: int
    placed_at: datetime
    created_at: datetime
    subtotal: int
    discount: int
    shipping: int
    total: int
    paid: int
    refunded: int
    store_id: UUID | None = None
    account_id: UUID | None = None
    external_id: str | None = None
    paid_at: datetime | None = None
    external_updated_at: datetime | None = None
    customer_id: UUID | None = None
    contact_name: str | None = dataclasses.field(default=None, repr=False)
    phone_tail: str | None = dataclasses.field(default=None, repr=False)
    note: str | None = dataclasses.field(default=None, repr=False)
    promised_ship_at: datetime | None = None
    fulfilment_risk: FulfilmentRisk = FulfilmentRisk.NONE
    actor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LineView:
    """One line. `line_key` is the platform's id of it, or its position in an order of our own."""

    id: UUID
    tenant_id: UUID
    order_id: UUID
    line_key: str
    position: int
    title: str
    quantity: int
    unit_price: int
    total: int
    sku_id: UUID | None = None
    external_sku_id: str | None = None
    presale: bool = False
    wave_id: UUID | None = None
    promised_ship_at: datetime | None = None
    fulfilment_risk: FulfilmentRisk = FulfilmentRisk.NONE
    refunded_quantity: int = 0
    shipped_quantity: int = 0
    shipped_at: datetime | None = None

    @property
    def open_quantity(self) -> int:
        """How many are still to be shipped."""
        return max(0, self.quantity - max(self.shipped_quantity, 0) - self.refunded_quantity)


@dataclass(frozen=True, slots=True)
class RefundView:
    """One request for money back. `lines`: line key → how many; empty: the order as a whole."""

    id: UUID
    order_id: UUID
    refund_key: str
    amount: int
    status: RefundStatus
    reason: str | None = None
    lines: Mapping[str, int] = dataclasses.field(default_factory=dict)
    requested_at: datetime | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShipmentView:
    """One parcel. `lines`: line key → how many; empty: the order as a whole."""

    id: UUID
    order_id: UUID
    shipment_key: str
    carrier: str | None = None
    tracking_number: str | None = None
    lines: Mapping[str, int] = dataclasses.field(default_factory=dict)
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimelineView:
    """One thing that happened. `kind` names the text `timeline.<kind>`, which `details` fill in."""

    id: UUID
    order_id: UUID
    at: datetime
    kind: str
    details: Mapping[str, object] = dataclasses.field(default_factory=dict)
