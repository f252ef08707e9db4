"""The lines of a platform's order as ours: what has been shipped of each, when it is promised, how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from core.channels.contract import ChannelLine, ChannelOrder, ChannelShipment, OrderStatus
from core.ids import decode_id, new_id
from core.orders.states import MAX_TITLE
from core.orders.values import ENDED_STATUSES, FulfilmentRisk, LineView

_SHIPPED: Final = (OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED)
_NOTHING_TO_SHIP: Final = (*ENDED_STATUSES, *_SHIPPED, OrderStatus.PENDING_PAYMENT)
_GRAVITY: Final = tuple(FulfilmentRisk)


def derive_lines(
    order: ChannelOrder, tenant_id: UUID, order_id: UUID, known: Mapping[str, LineView]
) -> tuple[LineView, ...]:
    """The lines of a state. `known`: those that are stored, by key; they keep their ids, waves and risks."""
    return tuple(
        _derive_line(order, line, position, tenant_id, order_id, known.get(line.reference))
        for position, line in enumerate(order.lines)
    )


def find_promise(status: OrderStatus, lines: Sequence[LineView]) -> datetime | None:
    """The earliest promised day of the lines that are still open."""
    open_lines = [line for line in lines if is_open(status, line)]
    return min((line.promised_ship_at for line in open_lines if line.promised_ship_at), default=None)


def find_worst(lines: Sequence[LineView]) -> FulfilmentRisk:
    """The worst risk of an order's lines."""
    return max((line.fulfilment_risk for line in lines), key=_GRAVITY.index, default=FulfilmentRisk.NONE)


def is_open(status: OrderStatus, line: LineView) -> bool:
    """Whether the line is paid for and something of it is still to be shipped."""
    return status not in _NOTHING_TO_SHIP and line.shipped_at is None and line.open_quantity > 0


def _derive_line(
    order: ChannelOrder,
    line: ChannelLine,
    position: int,
    tenant_id: UUID,
    order_id: UUID,
    known: LineView | None,
) -> LineView:
    quantity, shipped_at = _count_shipped(order, line, known)
    return LineView(
        id=known.id if known else new_id(),
        tenant_id=tenant_id,
        order_id=order_id,
        line_key=line.reference,
        position=position,
        title=line.title.replace("\x00", "")[:MAX_TITLE],
        quantity=line.quantity,
        unit_price=line.unit_price,
        total=line.total,
        sku_id=_read_sku(line.merchant_sku),
        external_sku_id=line.sku_reference,
        presale=line.presale,
        wave_id=known.wave_id if known else None,
        promised_ship_at=line.promised_ship_at,
        fulfilment_risk=known.fulfilment_risk if known else FulfilmentRisk.NONE,
        refunded_quantity=line.refunded_quantity,
        shipped_quantity=quantity,
        shipped_at=shipped_at,
    )


def _count_shipped(
    order: ChannelOrder, line: ChannelLine, known: LineView | None
) -> tuple[int, datetime | None]:
    """How many were shipped, and when the last of them was; None while some are still to be.

    A platform that says "shipped" and not when: the first time that it was seen to say so.
    """
    parcels = [(parcel, _count_in(parcel, line)) for parcel in order.shipments if parcel.shipped_at]
    shipped = min(line.quantity, sum(count for _, count in parcels))
    if shipped + line.refunded_quantity >= line.quantity and shipped:
        return shipped, max(parcel.shipped_at for parcel, count in parcels if count and parcel.shipped_at)
    if order.status in _SHIPPED:
        seen = known.shipped_at if known and known.shipped_at else order.updated_at
        return line.quantity - line.refunded_quantity, min(seen, order.updated_at)
    return shipped, None


def _count_in(parcel: ChannelShipment, line: ChannelLine) -> int:
    """A parcel that names no lines has all of the order in it."""
    return max(0, parcel.lines.get(line.reference, 0)) if parcel.lines else line.quantity


def _read_sku(merchant_sku: str | None) -> UUID | None:
    """The variant of ours whose id the merchant gave to the platform as its own number of the goods."""
    try:
        return decode_id(merchant_sku, "Sku") if merchant_sku else None
    except ValueError:
        return None
