"""The states of a platform's order: what one must be like, and which of two is the newer.

States of one order are totally ordered: by the platform's time, then by how far the order has come, then by how much
went back, then by their content. So whoever sees the same states, in whatever order, ends with the same one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import orjson

from core.channels.contract import ChannelOrder, OrderStatus, ProtocolFailure
from core.keys import KeyRing

MAX_REFERENCE: Final = 128
MAX_TITLE: Final = 300
MAX_NAME: Final = 120
MAX_NOTE: Final = 500
MAX_REASON: Final = 300
MAX_SHORT: Final = 64
# An order is written in one statement, which takes 32,767 values on PostgreSQL.
MAX_LINES: Final = 500
MAX_EVENTS: Final = 200
# What fits the columns: 21 million yuan.
_MOST: Final = 2**31 - 1
_FINALITY: Final = {
    OrderStatus.UNRECOGNISED: 0,
    OrderStatus.PENDING_PAYMENT: 1,
    OrderStatus.PAID: 2,
    OrderStatus.PREPARING: 3,
    OrderStatus.PARTLY_SHIPPED: 4,
    OrderStatus.SHIPPED: 5,
    OrderStatus.DELIVERED: 6,
    OrderStatus.COMPLETED: 7,
    OrderStatus.CANCELLED: 8,
    OrderStatus.CLOSED: 9,
}


def write_key(keys: KeyRing, order: ChannelOrder) -> str:
    """Where a state lies among the states of its order: 63 letters of [0-9a-f], so that every collation agrees.

    Equal for equal states, whatever documents they came in. The content is hashed with a key: a phone is a part of it.
    """
    content = dataclasses.replace(
        order,
        raw={},
        refunds=tuple(sorted(order.refunds, key=lambda refund: refund.reference)),
        shipments=tuple(sorted(order.shipments, key=lambda shipment: shipment.reference)),
    )
    told = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z).decode()
    at = order.updated_at.astimezone(UTC)
    return f"{at:%Y%m%d%H%M%S%f}{_FINALITY[order.status]}{order.refunded:010d}" + keys.fingerprint(
        "order-state", told
    )


def check_order(order: ChannelOrder) -> None:
    """Raises ProtocolFailure, naming the path, for a state that cannot be kept as it is."""
    _check_reference(order.reference, "reference")
    for name in ("external_store_id", "buyer_reference"):
        if (value := getattr(order, name)) is not None:
            _check_reference(value, name)
    for name in ("subtotal", "discount", "shipping", "total", "paid", "refunded"):
        _check_amount(getattr(order, name), name)
    _check_instants(order, ("placed_at", "updated_at", "paid_at"), "")
    _check_lines(order)
    _check_refunds(order)
    _check_shipments(order)


def _check_lines(order: ChannelOrder) -> None:
    _check_distinct((line.reference for line in order.lines), "lines", MAX_LINES)
    for line in order.lines:
        if type(line.quantity) is not int or not 1 <= line.quantity <= _MOST:
            raise _refuse("an order has a line of no quantity", "lines.quantity")
        if not 0 <= line.refunded_quantity <= line.quantity:
            raise _refuse("more of a line was refunded than there is", "lines.refunded_quantity")
        _check_amount(line.unit_price, "lines.unit_price")
        _check_amount(line.total, "lines.total")
        _check_instants(line, ("promised_ship_at",), "lines.")
        if line.sku_reference is not None:
            _check_reference(line.sku_reference, "lines.sku_reference")


def _check_refunds(order: ChannelOrder) -> None:
    _check_distinct((refund.reference for refund in order.refunds), "refunds", MAX_EVENTS)
    for refund in order.refunds:
        _check_amount(refund.amount, "refunds.amount")
        _check_instants(refund, ("requested_at", "decided_at"), "refunds.")


def _check_shipments(order: ChannelOrder) -> None:
    _check_distinct((shipment.reference for shipment in order.shipments), "shipments", MAX_EVENTS)
    for shipment in order.shipments:
        _check_instants(shipment, ("shipped_at", "delivered_at"), "shipments.")


def _check_distinct(references: Iterable[str], path: str, most: int) -> None:
    known: set[str] = set()
    for reference in references:
        _check_reference(reference, path)
        if reference in known:
            raise _refuse("two parts of an order have one id", path)
        known.add(reference)
    if len(known) > most:
        raise _refuse(f"an order has more than {most} parts", path)


def _check_reference(value: object, path: str) -> None:
    # PostgreSQL holds no NUL in a text.
    if not isinstance(value, str) or not 0 < len(value) <= MAX_REFERENCE or "\x00" in value:
        raise _refuse("an id is none, or too long", path)


def _check_amount(value: object, path: str) -> None:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise _refuse("an amount is none", path)


def _check_instants(owner: object, names: Iterable[str], prefix: str) -> None:
    for name in names:
        value: datetime | None = getattr(owner, name)
        if value is not None and value.tzinfo is None:
            raise _refuse("an instant has no zone", f"{prefix}{name}")


def _refuse(problem: str, path: str) -> ProtocolFailure:
    return ProtocolFailure(problem, operation="orders", path=path)
