"""Reading orders. Every query begins with the tenant; those for an actor end with what the actor may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.access.visibility import build_visible
from core.channels.contract.orders import OrderStatus, OrderType, RefundStatus
from core.db.conditions import Where
from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.orders.values import FulfilmentRisk, LineView, OrderView, RefundView, ShipmentView

_Part = TypeVar("_Part", LineView, RefundView, ShipmentView)

# All but what is sealed.
ORDER_COLUMNS: Final = (
    "id, tenant_id, store_id, account_id, channel, external_id, number, type, status, version, placed_at, paid_at,"
    " created_at, external_updated_at, subtotal, discount, shipping, total, paid, refunded, customer_id,"
    " contact_name, phone_tail, note, promised_ship_at, fulfilment_risk, actor_id"
)


async def load_order(tenant_id: UUID, order_id: UUID) -> OrderView | None:
    """The order, whoever asks; None where the merchant has none of this id."""
    row = await fetch_row(
        f"SELECT {ORDER_COLUMNS} FROM customer_order WHERE tenant_id = $1 AND id = $2", tenant_id, order_id
    )
    return read_order(row) if row else None


async def load_orders(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, OrderView]:
    """Those of `ids` that the actor may see."""
    where = build_visible(require(actor, Action.LIST_ORDERS))
    where.add_any("id", ids)
    rows = await fetch_rows(f"SELECT {ORDER_COLUMNS} FROM customer_order WHERE {where}", *where.values)
    return {view.id: view for view in map(read_order, rows)}


async def find_own_order(actor: Actor, order_id: UUID) -> OrderView | None:
    """The order; None where there is none that the actor may see."""
    return (await load_orders(actor, [order_id])).get(order_id)


# --------------------------------------------------------------------------------------------------------------- parts
async def load_lines(tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, tuple[LineView, ...]]:
    """The lines of each order, as the order has them."""
    return await _load_parts("order_line", "position, id", read_line, tenant_id, order_ids)


async def load_refunds(tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, tuple[RefundView, ...]]:
    """The refunds of each order, oldest first."""
    return await _load_parts("order_refund", "requested_at, id", read_refund, tenant_id, order_ids)


async def load_shipments(tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, tuple[ShipmentView, ...]]:
    """The parcels of each order, earliest first."""
    return await _load_parts("order_shipment", "shipped_at, id", read_shipment, tenant_id, order_ids)


async def _load_parts(
    table: str,
    sequence: str,
    read: Callable[[Mapping[str, Any]], _Part],
    tenant_id: UUID,
    ids: Sequence[UUID],
) -> dict[UUID, tuple[_Part, ...]]:
    where = Where(tenant_id)
    where.add_any("order_id", ids)
    rows = await fetch_rows(f"SELECT * FROM {table} WHERE {where} ORDER BY {sequence}", *where.values)
    found: dict[UUID, tuple[_Part, ...]] = dict.fromkeys(ids, ())
    for part in map(read, rows):
        found[part.order_id] += (part,)
    return found


# ---------------------------------------------------------------------------------------------------------------- rows
def read_order(row: Mapping[str, Any]) -> OrderView:
    """A row of `customer_order`."""
    return OrderView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        channel=row["channel"],
        number=row["number"],
        type=OrderType(row["type"]),
        status=OrderStatus(row["status"]),
        version=row["version"],
        placed_at=as_instant(row["placed_at"]),
        created_at=as_instant(row["created_at"]),
        subtotal=row["subtotal"],
        discount=row["discount"],
        shipping=row["shipping"],
        total=row["total"],
        paid=row["paid"],
        refunded=row["refunded"],
        store_id=as_optional_uuid(row["store_id"]),
        account_id=as_optional_uuid(row["account_id"]),
        external_id=row["external_id"],
        paid_at=as_optional_instant(row["paid_at"]),
        external_updated_at=as_optional_instant(row["external_updated_at"]),
        customer_id=as_optional_uuid(row["customer_id"]),
        contact_name=row["contact_name"],
        phone_tail=row["phone_tail"],
        note=row["note"],
        promised_ship_at=as_optional_instant(row["promised_ship_at"]),
        fulfilment_risk=FulfilmentRisk(row["fulfilment_risk"]),
        actor_id=as_optional_uuid(row["actor_id"]),
    )


def read_line(row: Mapping[str, Any]) -> LineView:
    """A row of `order_line`."""
    return LineView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        order_id=as_uuid(row["order_id"]),
        line_key=row["line_key"],
        position=row["position"],
        title=row["title"],
        quantity=row["quantity"],
        unit_price=row["unit_price"],
        total=row["total"],
        sku_id=as_optional_uuid(row["sku_id"]),
        external_sku_id=row["external_sku_id"],
        presale=bool(row["presale"]),
        wave_id=as_optional_uuid(row["wave_id"]),
        promised_ship_at=as_optional_instant(row["promised_ship_at"]),
        fulfilment_risk=FulfilmentRisk(row["fulfilment_risk"]),
        refunded_quantity=row["refunded_quantity"],
        shipped_quantity=row["shipped_quantity"],
        shipped_at=as_optional_instant(row["shipped_at"]),
    )


def read_refund(row: Mapping[str, Any]) -> RefundView:
    """A row of `order_refund`."""
    return RefundView(
        id=as_uuid(row["id"]),
        order_id=as_uuid(row["order_id"]),
        refund_key=row["refund_key"],
        amount=row["amount"],
        status=RefundStatus(row["status"]),
        reason=row["reason"],
        lines=as_json(row["lines"]),
        requested_at=as_optional_instant(row["requested_at"]),
        decided_at=as_optional_instant(row["decided_at"]),
    )


def read_shipment(row: Mapping[str, Any]) -> ShipmentView:
    """A row of `order_shipment`."""
    return ShipmentView(
        id=as_uuid(row["id"]),
        order_id=as_uuid(row["order_id"]),
        shipment_key=row["shipment_key"],
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        lines=as_json(row["lines"]),
        shipped_at=as_optional_instant(row["shipped_at"]),
        delivered_at=as_optional_instant(row["delivered_at"]),
    )
