"""Reading a platform's orders of a month for the first time: how fast, and in how much memory.

`python -m tests.benchmarks.backfill [--orders N]` prints orders per second and the growth of the process, on SQLite and,
where one answers, on PostgreSQL.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import structlog
import uvloop

from core.access.merchants import create_merchant
from core.channels.bindings import BoundAccount
from core.channels.contract import (
    Capability,
    Channel,
    ChannelLine,
    ChannelOrder,
    ChannelShipment,
    OrderBehaviour,
    OrderPage,
    OrderQuery,
    Orders,
    OrderStatus,
    OrderType,
    Recognition,
    Scanned,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.inserts import insert_row
from core.db.lifecycle import opened_database
from core.db.migrate import migrate
from core.db.statements import Json, execute, write_together
from core.ids import new_id
from core.orders.polling import HISTORY, OrderCounts, sync_orders
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
PAGE = 100


class Archive(Orders):
    """`total` orders, spread evenly over the history that is read first. Each is made up when it is asked for."""

    behaviour: ClassVar[OrderBehaviour] = OrderBehaviour(
        longest_window=timedelta(days=1), overlap=timedelta(0)
    )

    def __init__(self, total: int) -> None:
        self.total = total
        self.step = HISTORY / total

    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        first = max(0, -int((NOW - HISTORY - query.since) // self.step))
        at = int(query.cursor) if query.cursor else first
        page = [
            order for number in range(at, at + PAGE) if (order := self.make(number)).updated_at < query.until
        ]
        page = [
            order for order in page if order.updated_at >= query.since and int(order.reference) < self.total
        ]
        more = len(page) == PAGE
        return OrderPage(tuple(page), next_cursor=str(at + PAGE) if more else None)

    async def find_orders(self, session: Any, references: Sequence[str]) -> Sequence[ChannelOrder]:
        return [self.make(int(each)) for each in references]

    def make(self, number: int) -> ChannelOrder:
        at = NOW - HISTORY + number * self.step
        lines = tuple(ChannelLine(str(line), f"Tea {line}", 1, 4400, 4400) for line in range(2))
        return ChannelOrder(
            f"{number:09d}", OrderType.SHIPPED, OrderStatus.COMPLETED, at, at, lines, 8800, 0, 600, 9400, 9400,
            paid_at=at, external_store_id="archive", shipments=(ChannelShipment("p", "SF", "1", at),),
            raw={"number": number, "lines": [{"title": "Tea", "price": 4400}] * 2, "address": "x" * 400},
        )  # fmt: skip


class ArchiveChannel(Channel):
    code = "archive"
    name = "Archive"
    capabilities = frozenset({Capability.ORDERS})

    def __init__(self, total: int) -> None:
        self.orders = Archive(total)

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a reading took. Memory: how much the peak of the process grew while it lasted, in MB."""

    orders: int
    seconds: float
    memory: float

    @property
    def rate(self) -> float:
        return self.orders / self.seconds


async def measure_backfill(settings: Settings, total: int) -> tuple[Backfill, Backfill]:
    """The first reading of `total` orders, and the reading of a day of them again."""

    class Plugin:
        @hookimpl
        def register_channels(self, register: Any) -> None:
            register(ArchiveChannel(total))

    async with opened_database(settings), Network(settings) as network:
        registry = build_registry(only=["house"], plugins=[Plugin()])
        runtime = build_runtime(settings, network, registry=registry, clock=ManualClock(NOW))
        account = await _open_account(runtime)
        first = await _read(runtime, account)
        await _turn_back(account)
        return first, await _read(runtime, account)


async def _read(runtime: Runtime, account: BoundAccount) -> Backfill:
    before, start, seen = _peak(), time.perf_counter(), 0
    counts = OrderCounts()
    while not counts.finished:
        counts = await sync_orders(runtime, account, 3600)
        seen += counts.created + counts.updated + counts.unchanged
    return Backfill(seen, time.perf_counter() - start, _peak() - before)


async def _turn_back(account: BoundAccount) -> None:
    await execute("UPDATE order_cursor SET watermark = $1", NOW - timedelta(days=1))


async def _open_account(runtime: Runtime) -> BoundAccount:
    merchant = await create_merchant("Teahouse", "Bund")
    account_id = new_id()
    rows = {
        "channel_account": {"id": account_id, "channel": "archive", "name": "A", "status": "ACTIVE", "settings": Json({})},
        "channel_store": {
            "id": new_id(), "account_id": account_id, "store_id": merchant.store_id, "external_store_id": "archive",
        },
    }  # fmt: skip
    for table, columns in rows.items():
        await write_together([insert_row(table, tenant_id=merchant.merchant_id, **columns)])
    account = await runtime.accounts.find_delivery_account("archive", account_id)
    assert account is not None
    return account


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _main(total: int, url: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=url or f"sqlite://{Path(folder)}/orders.sqlite3",
            secret_key="a secret key for the benchmark, long",
        )
        await migrate(settings)
        first, again = await measure_backfill(settings, total)
    kind = "PostgreSQL" if url else "SQLite"
    for name, found in (("first reading", first), ("a day again", again)):
        print(
            f"{kind}, {name}: {found.orders} orders in {found.seconds:.1f} s, {found.rate:.0f}/s, +{found.memory:.0f} MB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument(
        "--url", help="postgres://…; an empty database. SQLite in a temporary folder unless given."
    )
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with suppress(KeyboardInterrupt):
        uvloop.run(_main(given.orders, given.url))
