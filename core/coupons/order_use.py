"""Coupons that are redeemed for an order: whether it may be, and what must still hold when the intent is written."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.access.values import Actor
from core.db.statements import Write
from core.errors import BadInput, NotFound
from core.messages import text
from core.orders.order_rows import find_own_order


@dataclass(frozen=True, slots=True)
class OrderUse:
    """The order that coupons are redeemed for.

    spend   its total before coupons, in fen
    guards  are written with the intent: where one of them is not met, nothing is sent
    """

    order_id: UUID
    spend: int
    guards: tuple[Write, ...]


class OrderOver(BadInput):
    """The order was cancelled: no coupon is redeemed for it."""

    def __init__(self) -> None:
        super().__init__(text("fault.order_over"), ("orderId",))


async def find_order_use(actor: Actor, store_id: UUID, order_id: UUID) -> OrderUse:
    """An order of this store that the actor may see. Raises NotFound."""
    order = await find_own_order(actor, order_id)
    if order is None or order.store_id not in (None, store_id):
        raise NotFound(text("fault.order_not_found"))
    return OrderUse(order_id, order.subtotal, (hold_order(actor.tenant_id, order_id),))


def hold_order(tenant_id: UUID, order_id: UUID) -> Write:
    """Meets no row where the order was cancelled. A cancellation at the same time comes before this write or sees it."""
    return Write(
        "UPDATE customer_order SET version = version WHERE tenant_id = $1 AND id = $2"
        " AND status NOT IN ('CANCELLED', 'CLOSED')",
        (tenant_id, order_id),
        expects=1,
    )
