"""Reconciling by itself, each night of each store. What is due is found by queries, so that a restart forgets nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog

from core.access.values import StoreView
from core.channels.contract import Channel
from core.coupons.reconciliation.days import CATCH_UP_DAYS, list_due_days
from core.coupons.reconciliation.service import find_pair, reconcile_day
from core.coupons.reconciliation.values import DayWindow
from core.db.statements import as_optional_uuid, as_uuid, fetch_rows
from core.errors import NotFound
from core.runtime import Runtime

log = structlog.get_logger(__name__)

_BATCH = 100
_AT_ONCE = 4
_NO_ACCOUNT = "'00000000-0000-0000-0000-000000000000'"


@dataclass(frozen=True, slots=True)
class _Due:
    store: StoreView
    account_id: UUID | None
    channel: str
    day: date


async def reconcile_days(runtime: Runtime) -> int:
    """Reconciles what is due, and answers how many days that were. Several processes may do it at the same time."""
    due = [each async for each in _find_due(runtime)]
    gate = asyncio.Semaphore(_AT_ONCE)
    done = await asyncio.gather(*(_reconcile(runtime, gate, each) for each in due))
    return sum(done)


async def _reconcile(runtime: Runtime, gate: asyncio.Semaphore, due: _Due) -> bool:
    """One that cannot be worked on must not keep the others from it."""
    async with gate:
        try:
            account = await find_pair(runtime, due.store, due.account_id, due.channel)
            run = await reconcile_day(runtime, account, due.store, due.day, only_due=True)
        except NotFound:
            return False
        except Exception:
            log.exception("a day could not be reconciled", channel=due.channel, day=due.day.isoformat())
            return False
    return run is not None


async def _find_due(runtime: Runtime) -> AsyncIterator[_Due]:
    """At most a batch: days never read, then those to be read again."""
    left = _BATCH
    for channel, window, zone in [each async for each in _list_days(runtime)]:
        if left <= 0:
            return
        for row in await _find_unread(channel.code, channel.needs_account, window, zone, left):
            left -= 1
            yield _read_due(row, channel.code, window.day)
    for row in await _find_again(runtime, left):
        yield _read_due(row, row["channel"], date.fromisoformat(row["day"]))


async def _list_days(runtime: Runtime) -> AsyncIterator[tuple[Channel, DayWindow, str]]:
    """Every channel that lists uses × every time zone with a store × every day that is due there."""
    now = runtime.clock.now()
    zones = [row["time_zone"] for row in await fetch_rows("SELECT DISTINCT time_zone FROM store")]
    for channel in runtime.registry.all():
        if channel.coupons is None or not channel.coupons.behaviour.lists_uses:
            continue
        for zone in zones:
            for window in list_due_days(zone, channel.coupons.behaviour.list_delay, now):
                yield channel, window, zone


async def _find_unread(
    channel: str, needs_account: bool, window: DayWindow, zone: str, limit: int
) -> list[dict[str, Any]]:
    """Stores of the zone that were bound before the day was over, and whose day nobody has read."""
    source = _BOUND_STORES if needs_account else _ALL_STORES
    return await fetch_rows(
        f"{source} AND NOT EXISTS (SELECT 1 FROM reconciliation_run r WHERE r.tenant_id = s.tenant_id"
        f" AND coalesce(r.account_id, {_NO_ACCOUNT}) = {'a.id' if needs_account else _NO_ACCOUNT}"
        f" AND r.channel = $1 AND r.store_id = s.id AND r.day = $4) ORDER BY s.id LIMIT {limit:d}",
        channel, zone, window.until, window.day.isoformat(),
    )  # fmt: skip


_STORE = "s.tenant_id, s.id AS store_id, s.name, s.time_zone"
_BOUND_STORES = (
    f"SELECT {_STORE}, a.id AS account_id FROM channel_account a"
    " JOIN channel_store b ON b.tenant_id = a.tenant_id AND b.account_id = a.id"
    " JOIN store s ON s.tenant_id = b.tenant_id AND s.id = b.store_id"
    " WHERE a.channel = $1 AND a.status <> 'DISABLED' AND s.time_zone = $2 AND b.created_at < $3"
)
_ALL_STORES = f"SELECT {_STORE}, NULL AS account_id FROM store s WHERE $1 <> '' AND s.time_zone = $2 AND s.created_at < $3"


async def _find_again(runtime: Runtime, limit: int) -> list[dict[str, Any]]:
    """Days that failed, that had differences, or whose reader gave no sign."""
    now = runtime.clock.now()
    # A day more than the catching up, because the day is the store's and the clock is not.
    oldest = (now - timedelta(days=CATCH_UP_DAYS + 1)).date().isoformat()
    return await fetch_rows(
        f"SELECT {_STORE}, r.account_id, r.channel, r.day FROM reconciliation_run r"
        " JOIN store s ON s.tenant_id = r.tenant_id AND s.id = r.store_id"
        " WHERE r.next_attempt_at <= $1 AND r.day >= $2 ORDER BY r.next_attempt_at LIMIT $3",
        now, oldest, max(limit, 0),
    )  # fmt: skip


def _read_due(row: Mapping[str, Any], channel: str, day: date) -> _Due:
    store = StoreView(as_uuid(row["store_id"]), as_uuid(row["tenant_id"]), row["name"], row["time_zone"])
    return _Due(store, as_optional_uuid(row["account_id"]), channel, day)
