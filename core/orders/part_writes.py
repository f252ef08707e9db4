"""Writing the parts of a platform's order: its lines, refunds, parcels and timeline become those of the new state.

Only together with an UPDATE or INSERT of the order itself: that one decides who may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from core.channels.contract import ChannelOrder, OrderStatus, RefundStatus
from core.clock import utc_now
from core.db.statements import Json, Write
from core.ids import new_id
from core.money import format_yuan
from core.orders.states import MAX_REASON, MAX_SHORT
from core.orders.values import LineView

Row = Mapping[str, Any]

_OF_ROW: Final = ("id", "tenant_id", "created_at", "order_id")
# What the times of payment, parcels and refunds tell by themselves.
_TOLD_OTHERWISE: Final = (OrderStatus.PENDING_PAYMENT, OrderStatus.PAID)


def write_parts(
    order: ChannelOrder, tenant_id: UUID, order_id: UUID, lines: Sequence[LineView], *, new: bool
) -> list[Write]:
    """The writes that make an order's parts those of the state. `new`: the order is written for the first time."""
    parts = (
        ("order_line", "line_key", [_show_line(line) for line in lines]),
        ("order_refund", "refund_key", list(_list_refunds(order, tenant_id, order_id))),
        ("order_shipment", "shipment_key", list(_list_shipments(order, tenant_id, order_id))),
    )
    writes = [_write_rows(table, key, rows) for table, key, rows in parts if rows]
    if not new:
        writes += [_drop_others(table, key, tenant_id, order_id, rows) for table, key, rows in parts]
    return [*writes, _write_timeline(order, tenant_id, order_id)]


# --------------------------------------------------------------------------------------------------------------- parts
def _show_line(line: LineView) -> Row:
    return {
        "id": line.id,
        "tenant_id": line.tenant_id,
        "created_at": utc_now(),
        "order_id": line.order_id,
        "line_key": line.line_key,
        "position": line.position,
        "sku_id": line.sku_id,
        "external_sku_id": line.external_sku_id,
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "total": line.total,
        "presale": line.presale,
        "wave_id": line.wave_id,
        "promised_ship_at": line.promised_ship_at,
        "fulfilment_risk": line.fulfilment_risk.value,
        "refunded_quantity": line.refunded_quantity,
        "shipped_quantity": line.shipped_quantity,
        "shipped_at": line.shipped_at,
    }


def _list_refunds(order: ChannelOrder, tenant_id: UUID, order_id: UUID) -> Iterator[Row]:
    for refund in order.refunds:
        yield {
            **_begin_row(tenant_id, order_id),
            "refund_key": refund.reference,
            "amount": refund.amount,
            "status": refund.status.value,
            "reason": _shorten(refund.reason, MAX_REASON),
            "lines": Json(dict(refund.lines)),
            "requested_at": refund.requested_at,
            "decided_at": refund.decided_at,
        }


def _list_shipments(order: ChannelOrder, tenant_id: UUID, order_id: UUID) -> Iterator[Row]:
    for parcel in order.shipments:
        yield {
            **_begin_row(tenant_id, order_id),
            "shipment_key": parcel.reference,
            "carrier": _shorten(parcel.carrier, MAX_SHORT),
            "tracking_number": _shorten(parcel.tracking_number, MAX_SHORT),
            "lines": Json(dict(parcel.lines)),
            "shipped_at": parcel.shipped_at,
            "delivered_at": parcel.delivered_at,
        }


def _begin_row(tenant_id: UUID, order_id: UUID) -> dict[str, Any]:
    return dict(zip(_OF_ROW, (new_id(), tenant_id, utc_now(), order_id), strict=True))


def _shorten(text: str | None, limit: int) -> str | None:
    return text.replace("\x00", "")[:limit] if text else None


# ------------------------------------------------------------------------------------------------------------ timeline
def _write_timeline(order: ChannelOrder, tenant_id: UUID, order_id: UUID) -> Write:
    """What the state tells of the past. What is told already stays as it is told."""
    rows = [
        {
            **_begin_row(tenant_id, order_id),
            "at": at,
            "kind": kind,
            "entry_key": key,
            "details": Json(details),
        }
        for at, kind, key, details in _tell(order)
    ]
    return _insert_rows("timeline_entry", rows, "ON CONFLICT (tenant_id, order_id, entry_key) DO NOTHING")


def _tell(order: ChannelOrder) -> Iterator[tuple[datetime, str, str, dict[str, object]]]:
    yield order.placed_at, "placed", "placed", {}
    if order.paid_at is not None:
        yield order.paid_at, "paid", "paid", {}
    yield from _tell_parcels(order)
    yield from _tell_refunds(order)
    if order.status not in _TOLD_OTHERWISE:
        yield order.updated_at, order.status.value.lower(), f"status:{order.status}", {}


def _tell_parcels(order: ChannelOrder) -> Iterator[tuple[datetime, str, str, dict[str, object]]]:
    for parcel in order.shipments:
        if parcel.shipped_at is not None:
            details: dict[str, object] = {
                "carrier": _shorten(parcel.carrier, MAX_SHORT) or "",
                "tracking": _shorten(parcel.tracking_number, MAX_SHORT) or "",
            }
            yield parcel.shipped_at, "parcel", f"parcel:{parcel.reference}", details
        if parcel.delivered_at is not None:
            yield parcel.delivered_at, "parcel_delivered", f"delivered:{parcel.reference}", {}


def _tell_refunds(order: ChannelOrder) -> Iterator[tuple[datetime, str, str, dict[str, object]]]:
    for refund in order.refunds:
        details: dict[str, object] = {"amount": format_yuan(refund.amount)}
        if refund.requested_at is not None:
            yield refund.requested_at, "refund_requested", f"refund:{refund.reference}", details
        if refund.decided_at is not None and refund.status is not RefundStatus.REQUESTED:
            key = f"refund:{refund.reference}:{refund.status}"
            yield refund.decided_at, f"refund_{refund.status.value.lower()}", key, details


# ------------------------------------------------------------------------------------------------------------- writing
def _write_rows(table: str, key: str, rows: Sequence[Row]) -> Write:
    """Inserts the rows, or makes those with the same keys like them. They keep their ids."""
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in rows[0] if name not in _OF_ROW and name != key
    )
    return _insert_rows(table, rows, f"ON CONFLICT (tenant_id, order_id, {key}) DO UPDATE SET {changes}")


def _insert_rows(table: str, rows: Sequence[Row], conflict: str) -> Write:
    sql = _build_insert(table, tuple(rows[0]), len(rows), conflict)
    return Write(sql, tuple(value for row in rows for value in row.values()))


@lru_cache(maxsize=512)
def _build_insert(table: str, names: tuple[str, ...], count: int, conflict: str) -> str:
    width = len(names)
    places = ", ".join(
        "(" + ", ".join(f"${start + number}" for number in range(1, width + 1)) + ")"
        for start in range(0, count * width, width)
    )
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES {places} {conflict}"  # our own names only


def _drop_others(table: str, key: str, tenant_id: UUID, order_id: UUID, rows: Sequence[Row]) -> Write:
    """Parts that the state does not have any more are gone."""
    kept = [row[key] for row in rows]
    places = ", ".join(f"${number}" for number in range(3, len(kept) + 3))
    among = f" AND {key} NOT IN ({places})" if kept else ""
    return Write(
        f"DELETE FROM {table} WHERE tenant_id = $1 AND order_id = $2{among}", (tenant_id, order_id, *kept)
    )
