"""Listing orders by when they were placed, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.access.visibility import build_visible
from core.channels.contract.orders import OrderStatus
from core.db.conditions import Where
from core.db.statements import fetch_row, fetch_rows
from core.orders.order_rows import ORDER_COLUMNS, read_order
from core.orders.values import FulfilmentRisk, OrderView


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; what is given must all hold. `since <= placed_at < until`."""

    store_id: UUID | None = None
    channel: str | None = None
    statuses: tuple[OrderStatus, ...] = ()
    risks: tuple[FulfilmentRisk, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderPosition:
    """Where an order lies in the list."""

    placed_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class OrderPage:
    orders: tuple[OrderView, ...]
    has_more: bool


async def list_orders(
    actor: Actor | None, wanted: OrderFilter, first: int, after: OrderPosition | None
) -> OrderPage:
    """At most `first` orders, those placed last first, older than `after`.

    Raises Unauthenticated, Forbidden, and NotFound for a store in the filter that is not the actor's.
    """
    where = await _select(actor, wanted)
    if after is not None:
        where.values += [after.placed_at, after.id]
        last = len(where.values)
        where.conditions.append(f"(placed_at, id) < (${last - 1}, ${last})")
    rows = await fetch_rows(
        f"SELECT {ORDER_COLUMNS} FROM customer_order WHERE {where}"
        f" ORDER BY placed_at DESC, id DESC LIMIT {first + 1:d}",
        *where.values,
    )
    return OrderPage(tuple(map(read_order, rows[:first])), has_more=len(rows) > first)


async def count_orders(actor: Actor | None, wanted: OrderFilter) -> int:
    """How many orders the filter meets."""
    where = await _select(actor, wanted)
    row = await fetch_row(f"SELECT count(*) AS total FROM customer_order WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def _select(actor: Actor | None, wanted: OrderFilter) -> Where:
    actor = require(actor, Action.LIST_ORDERS)
    where = build_visible(actor)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
        where.add("store_id = ?", wanted.store_id)
    if wanted.channel is not None:
        where.add("channel = ?", wanted.channel)
    if wanted.statuses:
        where.add_any("status", [status.value for status in wanted.statuses])
    if wanted.risks:
        where.add_any("fulfilment_risk", [risk.value for risk in wanted.risks])
    if wanted.since is not None:
        where.add("placed_at >= ?", wanted.since)
    if wanted.until is not None:
        where.add("placed_at < ?", wanted.until)
    if wanted.external_id is not None:
        where.add("external_id = ?", wanted.external_id)
    return where
