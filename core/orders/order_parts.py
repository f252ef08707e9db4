"""The parts of orders for readers: of those orders that the actor may see, in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from core.access.values import Actor
from core.orders.order_rows import load_lines, load_orders, load_refunds, load_shipments
from core.orders.values import LineView, RefundView, ShipmentView

_Part = TypeVar("_Part")
_Load = Callable[[UUID, Sequence[UUID]], Awaitable[dict[UUID, tuple[_Part, ...]]]]


async def load_order_lines(actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, tuple[LineView, ...]]:
    """The lines of each order, as the order has them."""
    return await _load_visible(actor, ids, load_lines)


async def load_order_refunds(actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, tuple[RefundView, ...]]:
    """The refunds of each order, oldest first."""
    return await _load_visible(actor, ids, load_refunds)


async def load_order_shipments(actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, tuple[ShipmentView, ...]]:
    """The parcels of each order, earliest first."""
    return await _load_visible(actor, ids, load_shipments)


async def _load_visible(
    actor: Actor, ids: Sequence[UUID], load: _Load[_Part]
) -> Mapping[UUID, tuple[_Part, ...]]:
    seen = await load_orders(actor, ids)
    return await load(actor.tenant_id, list(seen))
