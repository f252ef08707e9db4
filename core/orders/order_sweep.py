"""Finishing what a crash, an unknown outcome or an unpaid order left open. Any process may do it, at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from core.db.statements import GuardFailed, as_uuid, fetch_rows
from core.orders.cancelling import drive_cancelling, expire_order
from core.orders.order_rows import load_order
from core.orders.placements import Placement, PlacementStatus, take_over
from core.orders.settling import drive_placement
from core.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PORTION: Final = 50
_AT_ONCE: Final = 8


async def settle_orders(runtime: Runtime) -> int:
    """Drives every order of our own that is due. Answers how many."""
    rows = await fetch_rows(
        "SELECT tenant_id, id FROM order_placement WHERE next_attempt_at IS NOT NULL AND next_attempt_at <= $1"
        f" ORDER BY next_attempt_at LIMIT {_PORTION}",
        runtime.clock.now(),
    )
    gate = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(_settle_row(runtime, gate, row) for row in rows))
    return len(rows)


async def _settle_row(runtime: Runtime, gate: asyncio.Semaphore, row: Mapping[str, Any]) -> None:
    """One broken case must not keep the others from being finished."""
    async with gate:
        try:
            hold = timedelta(seconds=runtime.settings.lease_seconds)
            tenant_id, id_ = as_uuid(row["tenant_id"]), as_uuid(row["id"])
            placement = await take_over(tenant_id, id_, runtime.clock.now(), hold, runtime.keys)
            if placement is not None:
                await _drive(runtime, placement)
        except GuardFailed:
            log.info("an order was changed meanwhile", placement=str(row["id"]))
        except Exception:
            log.exception("an order could not be settled", placement=str(row["id"]))


async def _drive(runtime: Runtime, placement: Placement) -> None:
    match placement.status:
        case PlacementStatus.PLACING:
            await drive_placement(runtime, placement)
        case PlacementStatus.CANCELLING:
            await drive_cancelling(runtime, placement)
        case PlacementStatus.AWAITING:
            order = await load_order(placement.tenant_id, placement.order_id)
            if order is not None:
                await expire_order(runtime, placement, order)
        case _:
            pass
