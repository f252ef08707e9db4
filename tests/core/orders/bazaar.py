"""A made-up platform that sells, in memory, its channel, and a shop with an account there."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from core.access.merchants import create_merchant
from core.access.tokens import authenticate, create_token
from core.access.values import Actor, Role
from core.channels.bindings import BoundAccount
from core.channels.contract import (
    Capability,
    Channel,
    ChannelLine,
    ChannelOrder,
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
from core.db.statements import Json, fetch_rows, write_together
from core.ids import new_id
from core.orders.ingest import ingest_order
from core.orders.polling import poll_orders
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
S = OrderStatus
STORE = "stall-1"
PHONE = "+8613800138000"


class Bazaar(Orders):
    """`troubles`: what the next calls raise. `before_page`: run before each page is made, as others buy meanwhile."""

    behaviour: ClassVar[OrderBehaviour] = OrderBehaviour(longest_window=timedelta(days=40))

    def __init__(self) -> None:
        self.orders: dict[str, ChannelOrder] = {}
        self.queries: list[OrderQuery] = []
        self.found: list[tuple[str, ...]] = []
        self.troubles: deque[BaseException | None] = deque()
        self.before_page: Any = None
        self.page_size = 3
        self.references_only = False
        self.clock: Any = None

    # ------------------------------------------------------------------------------------------------ what people do
    def sell(self, reference: str, status: OrderStatus = S.PAID, **changes: Any) -> ChannelOrder:
        """Somebody buys, or what they bought changes."""
        self.orders[reference] = make_order(reference, status, **{"updated_at": self.clock.now()} | changes)
        return self.orders[reference]

    def change(self, reference: str, **changes: Any) -> ChannelOrder:
        self.clock.advance(timedelta(seconds=1))
        old = self.orders[reference]
        self.orders[reference] = replace(old, **{"updated_at": self.clock.now()} | changes)
        return self.orders[reference]

    # ---------------------------------------------------------------------------------------------------- the channel
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        self.queries.append(query)
        self._stumble()
        if self.before_page:
            self.before_page()
        # By the time of change and then by id, as of after the cursor: what moves, moves behind.
        found = sorted(
            (each.updated_at, each.reference)
            for each in self.orders.values()
            if query.since <= each.updated_at < query.until
        )
        rest = [each for each in found if f"{each[0].isoformat()}|{each[1]}" > (query.cursor or "")]
        page, more = rest[: self.page_size], len(rest) > self.page_size
        cursor = f"{page[-1][0].isoformat()}|{page[-1][1]}" if more else None
        names = tuple(reference for _, reference in page)
        if self.references_only:
            return OrderPage(references=names, next_cursor=cursor)
        return OrderPage(tuple(self.orders[name] for name in names), next_cursor=cursor)

    async def find_orders(self, session: Any, references: Sequence[str]) -> Sequence[ChannelOrder]:
        self.found.append(tuple(references))
        self._stumble()
        assert len(references) <= 20
        return [self.orders[each] for each in references if each in self.orders]

    def _stumble(self) -> None:
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble:
            raise trouble


class BazaarChannel(Channel):
    code = "bazaar"
    name = "Bazaar"
    capabilities = frozenset({Capability.ORDERS})

    def __init__(self, bazaar: Bazaar) -> None:
        self.orders = bazaar

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


def make_line(reference: str = "l1", quantity: int = 2, price: int = 4400, **changes: Any) -> ChannelLine:
    values: dict[str, Any] = {"title": "Tea", "unit_price": price, "total": quantity * price}
    return ChannelLine(reference=reference, quantity=quantity, **values | changes)


def make_order(reference: str = "o1", status: OrderStatus = S.PAID, **changes: Any) -> ChannelOrder:
    """An order of two teas for 88.00 and 6.00 of shipping, less 4.00; its money fits its lines unless said otherwise."""
    lines = changes.pop("lines", (make_line(),))
    subtotal = sum(line.total for line in lines)
    values: dict[str, Any] = {
        "type": OrderType.SHIPPED, "placed_at": NOON, "updated_at": NOON, "paid_at": NOON, "lines": lines,
        "subtotal": subtotal, "discount": 400, "shipping": 600, "total": subtotal + 200, "paid": subtotal + 200,
        "external_store_id": STORE, "raw": {"id": reference},
    } | changes  # fmt: skip
    return ChannelOrder(reference=reference, status=status, **values)


class Stall:
    """A shop with an account at the bazaar. The clock stands at noon."""

    def __init__(
        self, runtime: Runtime, clock: ManualClock, bazaar: Bazaar, owner: Actor, store_id: UUID
    ) -> None:
        self.runtime, self.clock, self.bazaar = runtime, clock, bazaar
        self.owner, self.store_id = owner, store_id
        self.account: BoundAccount

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    async def take(self, order: ChannelOrder, account: BoundAccount | None = None) -> Any:
        """A state of an order comes in."""
        return await ingest_order(self.runtime, account or self.account, order)

    async def poll(self, later: timedelta = timedelta(minutes=2)) -> int:
        self.clock.advance(later)
        return await poll_orders(self.runtime)

    async def add(self, table: str, **columns: Any) -> UUID:
        columns.setdefault("id", new_id())
        bound = {
            name: Json(each) if isinstance(each, (list, dict)) else each for name, each in columns.items()
        }
        await write_together([insert_row(table, tenant_id=self.tenant_id, **bound)])
        return columns["id"]

    async def enlist(self, role: Role, **options: Any) -> Actor:
        if role in (Role.STAFF, Role.POS):
            options.setdefault("store_ids", [self.store_id])
        return await authenticate(await create_token(self.tenant_id, role, **options))

    async def list(self, table: str, *columns: str, where: str = "1 = 1") -> list[Any]:
        """The columns of all rows, as drivers give them; one column alone without a tuple."""
        rows = await fetch_rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY id")
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]

    async def count(self, table: str) -> int:
        [row] = await fetch_rows(f"SELECT count(*) AS total FROM {table}")
        return int(row["total"])

    async def snapshot(self) -> dict[str, Any]:
        """Everything that is kept of orders, without ids, versions, times of writing and what is sealed anew."""
        return {table: await self._read(table) for table in TABLES}

    async def _read(self, table: str) -> list[Any]:
        rows = [
            {name: str(value) for name, value in row.items() if name not in UNSTEADY}
            for row in await fetch_rows(f"SELECT * FROM {table}")
        ]
        return sorted(sorted(row.items()) for row in rows)


TABLES = ("customer_order", "order_line", "order_refund", "order_shipment")
UNSTEADY = {"id", "created_at", "order_id", "version", "phone_sealed", "document_sealed", "customer_id"}


async def open_account(stall: Stall, store: str | None = STORE) -> BoundAccount:
    account_id = await stall.add(
        "channel_account", channel="bazaar", name="Bazaar", status="ACTIVE", settings={}
    )
    if store:
        await stall.add(
            "channel_store", account_id=account_id, store_id=stall.store_id, external_store_id=store
        )
    account = await stall.runtime.accounts.find_delivery_account("bazaar", account_id)
    assert account is not None
    return account


@asynccontextmanager
async def open_stall(settings: Settings) -> AsyncIterator[Stall]:
    """A shop on a fresh database that is open already."""
    bazaar, clock = Bazaar(), ManualClock(NOON)
    bazaar.clock = clock

    class Plugin:
        @hookimpl
        def register_channels(self, register: Any) -> None:
            register(BazaarChannel(bazaar))

    async with Network(settings) as network:
        registry = build_registry(only=["house"], plugins=[Plugin()])
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        merchant = await create_merchant("Teahouse", "Bund")
        owner = await authenticate(merchant.token)
        stall = Stall(runtime, clock, bazaar, owner, merchant.store_id)
        stall.account = await open_account(stall)
        yield stall


@asynccontextmanager
async def open_own_stall(settings: Settings) -> AsyncIterator[Stall]:
    """The same, with its database."""
    async with opened_database(settings), open_stall(settings) as stall:
        yield stall
