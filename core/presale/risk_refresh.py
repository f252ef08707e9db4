"""Keeps `fulfilment_risk` of orders and lines what it is by now. Writes, and tells of, changes of level only."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from core.db.statements import (
    GuardFailed,
    Write,
    as_optional_uuid,
    as_uuid,
    fetch_rows,
    write_together,
)
from core.events.outbox import outbox_write
from core.orders.announcing import ORDER_CHANGED, add_timeline, update_order
from core.orders.line_states import find_promise, find_worst
from core.orders.order_rows import load_lines, load_order
from core.orders.values import FulfilmentRisk, LineView, OrderView
from core.presale.promises import assess_line, load_horizon
from core.presale.risk import Horizon
from core.runtime import Runtime

_PORTION: Final = 200
_KINDS: Final = {FulfilmentRisk.AT_RISK: "at_risk", FulfilmentRisk.LATE: "late"}

# Lines that are still to be shipped: the same as `core.orders.line_states.is_open`.
SETTLED: Final = "'PENDING_PAYMENT', 'SHIPPED', 'DELIVERED', 'COMPLETED', 'CANCELLED', 'CLOSED'"
_OPEN: Final = (
    "l.promised_ship_at IS NOT NULL AND l.shipped_at IS NULL"
    " AND l.quantity > l.shipped_quantity + l.refunded_quantity"
    f" AND o.status NOT IN ({SETTLED})"
)
_JOINED: Final = "order_line l JOIN customer_order o ON o.tenant_id = l.tenant_id AND o.id = l.order_id"

# From the lines that wait, of which there are few, to their orders, of which there are many.
_STORES_SQL: Final = (
    "WITH waiting AS (SELECT DISTINCT tenant_id, order_id FROM order_line WHERE promised_ship_at IS NOT NULL"
    " AND shipped_at IS NULL) SELECT DISTINCT o.tenant_id, o.store_id FROM waiting CROSS JOIN customer_order o"
    f" WHERE o.tenant_id = waiting.tenant_id AND o.id = waiting.order_id AND o.status NOT IN ({SETTLED})"
)


async def refresh_risk(runtime: Runtime) -> int:
    """Brings the risk of every open line up to date. Answers how many orders changed."""
    now, changed = runtime.clock.now(), 0
    for row in await fetch_rows(_STORES_SQL):
        tenant_id, store_id = as_uuid(row["tenant_id"]), as_optional_uuid(row["store_id"])
        horizon = await load_horizon(tenant_id, store_id, now)
        changed += await _refresh_store(tenant_id, store_id, horizon)
    changed += await _settle_ended(now)
    if changed:
        runtime.events.wake()
    return changed


async def _refresh_store(tenant_id: UUID, store_id: UUID | None, horizon: Horizon) -> int:
    """A portion at a time. Ends where a whole portion could not be written: others are at work there."""
    changed = 0
    while True:
        order_ids = await _find_stale(tenant_id, store_id, horizon)
        written = sum([await refresh_order(tenant_id, order_id, horizon) for order_id in order_ids])
        changed += written
        if len(order_ids) < _PORTION or not written:
            return changed


async def _settle_ended(now: datetime) -> int:
    """Takes the risk from orders of which nothing is to be shipped any more. Any horizon will do for them."""
    changed = 0
    while True:
        rows = await fetch_rows(
            "SELECT tenant_id, id FROM customer_order WHERE fulfilment_risk <> 'NONE'"
            f" AND status IN ({SETTLED}) LIMIT {_PORTION}"
        )
        ended = [(as_uuid(row["tenant_id"]), as_uuid(row["id"])) for row in rows]
        written = sum([await refresh_order(*each, Horizon(now, now)) for each in ended])
        changed += written
        if len(rows) < _PORTION or not written:
            return changed


async def _find_stale(tenant_id: UUID, store_id: UUID | None, horizon: Horizon) -> list[UUID]:
    """Orders with a line at another level than it should be, the most urgent first."""
    of_store = "o.store_id IS NULL" if store_id is None else "o.store_id = $5"
    level = (
        "CASE WHEN l.promised_ship_at <= $2 THEN 'LATE' WHEN l.promised_ship_at < $3 THEN 'AT_RISK'"
        " ELSE 'ON_TRACK' END"
    )
    values = [tenant_id, horizon.now, horizon.safe_from, _PORTION, *([store_id] if store_id else [])]
    rows = await fetch_rows(
        f"SELECT l.order_id, MIN(l.promised_ship_at) AS earliest FROM {_JOINED} WHERE l.tenant_id = $1"
        f" AND {of_store} AND {_OPEN} AND l.fulfilment_risk <> {level}"
        " GROUP BY l.order_id ORDER BY earliest, l.order_id LIMIT $4",
        *values,
    )
    return [as_uuid(row["order_id"]) for row in rows]


async def refresh_order(tenant_id: UUID, order_id: UUID, horizon: Horizon) -> bool:
    """Writes the levels of one order's lines, its own, and what tells of it.

    False where all was right already, and where others changed it meanwhile.
    """
    present = await load_order(tenant_id, order_id)
    if present is None:
        return False
    stored = (await load_lines(tenant_id, [order_id]))[order_id]
    lines = [assess_line(line, present.status, horizon) for line in stored]
    moved = [new for old, new in zip(stored, lines, strict=True) if old != new]
    risk, promised = find_worst(lines), find_promise(present.status, lines)
    if not moved and risk is present.fulfilment_risk:
        return False
    writes = [
        update_order(present, fulfilment_risk=risk.value, promised_ship_at=promised),
        *map(_update_line, moved),
        outbox_write(tenant_id, present.store_id, ORDER_CHANGED, order_id),
        *_tell(present, risk, promised, horizon.now),
    ]
    try:
        await write_together(writes)
    except GuardFailed:
        return False
    return True


def _tell(present: OrderView, risk: FulfilmentRisk, promised: datetime | None, now: datetime) -> list[Write]:
    """The entry of the timeline, where the order itself is at risk or late only now."""
    if risk is present.fulfilment_risk or risk not in _KINDS or promised is None:
        return []
    kind, date = _KINDS[risk], promised.isoformat()
    # Once for each promise: a new date may be missed anew.
    key = f"{kind}:{date}"
    return [add_timeline(present.tenant_id, present.id, now, kind, key, {"promised": date})]


def _update_line(line: LineView) -> Write:
    return Write(
        "UPDATE order_line SET fulfilment_risk = $1 WHERE tenant_id = $2 AND id = $3",
        (line.fulfilment_risk.value, line.tenant_id, line.id),
        expects=1,
    )
