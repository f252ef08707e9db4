"""A store bound to an account whose platform is a list of uses, and a ledger that is written as a test wants it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor, StoreView
from core.channels.bindings import BoundAccount
from core.channels.contract import (
    Capability,
    Channel,
    CouponBehaviour,
    Coupons,
    Idempotency,
    Recognition,
    RecordedUse,
    Reversibility,
    StatusBy,
    UsePage,
    UseQuery,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.coupons import house
from core.coupons.reconciliation.listing import list_differences
from core.coupons.reconciliation.service import reconcile_day
from core.coupons.reconciliation.values import DifferenceView, RunView
from core.coupons.values import coupon_id
from core.db.inserts import insert_row
from core.db.statements import Json, execute, fetch_rows, write_together
from core.ids import new_id
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock
from core.work.pruning import oldest_id

DAY = date(2026, 3, 2)
SINCE, UNTIL = datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


@dataclass
class Record:
    """The platform's own record. `faults` maps the number of a call to what it raises; `repeats` shows each page's last
    use on the next page again."""

    uses: list[RecordedUse] = field(default_factory=list)
    page_size: int = 50
    faults: dict[int, Exception] = field(default_factory=dict)
    repeats: bool = False
    on_call: Callable[[], Any] | None = None
    queries: list[UseQuery] = field(default_factory=list)
    stuck: bool = False


class ListedCoupons(Coupons):
    behaviour = CouponBehaviour(
        Idempotency.TOKEN,
        StatusBy.TOKEN,
        Reversibility(True),
        lists_uses=True,
        list_delay=timedelta(minutes=10),
    )

    def __init__(self) -> None:
        self.record = Record()

    async def look_up(self, session: Any, scanned: Any) -> Any:
        raise NotImplementedError

    redeem = status = reverse = look_up

    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        record = self.record
        record.queries.append(query)
        if record.on_call is not None:
            await record.on_call()
        if fault := record.faults.get(len(record.queries)):
            raise fault
        shown = [use for use in record.uses if query.since <= use.used_at < query.until]
        first = int(query.cursor or 0)
        page = shown[max(0, first - record.repeats) : first + record.page_size]
        more = first + record.page_size < len(shown)
        return UsePage(tuple(page), str(first + record.page_size) if more else "0" if record.stuck else None)


class MallChannel(Channel):
    code = "mall"
    name = "Mall"
    capabilities = frozenset({Capability.COUPONS})

    def __init__(self) -> None:
        self.coupons: ListedCoupons = ListedCoupons()

    def recognise(self, scanned: Any) -> Recognition:
        return Recognition.NO


class MutedChannel(MallChannel):
    """Lists nothing."""

    code = "muted"

    class _Coupons(ListedCoupons):
        behaviour = replace(ListedCoupons.behaviour, lists_uses=False)
        list_uses = Coupons.list_uses

    def __init__(self) -> None:
        self.coupons = self._Coupons()


class _Plugin:
    def __init__(self, *channels: Channel) -> None:
        self.channels = channels

    @hookimpl
    def register_channels(self, register: Any) -> None:
        for channel in self.channels:
            register(channel)


@dataclass(repr=False)
class Books:
    runtime: Runtime
    clock: ManualClock
    owner: Actor
    store: StoreView
    account: BoundAccount
    record: Record

    def __repr__(self) -> str:
        return "Books()"

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    async def redeem(
        self, receipt: str | Sequence[str], at: datetime = NOON, status: str = "SUCCEEDED", **changes: Any
    ) -> UUID:
        """A redemption of our ledger; `reference` is the coupon's, `asked_at` when it was asked for."""
        receipts = [receipt] if isinstance(receipt, str) else receipt
        asked_at = changes.pop("asked_at", at)
        reference = changes.pop("reference", f"certificate of {receipts[0] if receipts else 'nothing'}")
        row_id = UUID(int=oldest_id(asked_at).int + secrets.randbits(70))
        used = bool(receipts)
        columns: dict[str, Any] = {
            "id": row_id,
            "tenant_id": self.tenant_id,
            "created_at": asked_at,
            "request_id": new_id(),
            "leg_id": new_id(),
            "store_id": self.store.id,
            "coupon_id": coupon_id(self.tenant_id, self.account.account_id, "mall", reference),
            "account_id": self.account.account_id,
            "channel": "mall",
            "actor_id": new_id(),
            "status": status,
            "times": max(1, len(receipts)),
            "discount": 5000,
            "paid_amount": 4000,
            "receipts": Json([{"reference": each, "redeemed_at": at.isoformat()} for each in receipts]),
            "attribution": "CONFIRMED",
            "redeemed_at": at if used else None,
            **changes,
        }
        await write_together([insert_row("redemption", **columns)])
        return row_id

    def use(self, receipt: str, at: datetime = NOON, **changes: Any) -> RecordedUse:
        """A use in the platform's record, by default as `redeem` has it."""
        given = {"reference": f"certificate of {receipt}", "face_value": 5000, "paid_amount": 4000, **changes}
        use = RecordedUse(receipt, at, **given)
        self.record.uses.append(use)
        return use

    async def settle(self, redemption_id: UUID, status: str) -> None:
        """The redemption has another state from now on."""
        await execute("UPDATE redemption SET status=$1 WHERE id=$2", status, redemption_id)

    async def reconcile(self, day: date = DAY) -> RunView:
        run = await reconcile_day(self.runtime, self.account, self.store, day)
        assert run is not None
        return run

    async def differences(self, run: RunView, *, with_resolved: bool = False) -> list[DifferenceView]:
        return list((await list_differences(run, (), 100, None, with_resolved=with_resolved)).differences)

    async def kinds(self, run: RunView) -> list[tuple[str, str]]:
        """(kind, receipt) of the open differences."""
        return [(each.kind.value, each.receipt) for each in await self.differences(run)]

    async def add_store(self, time_zone: str, opened_at: datetime) -> StoreView:
        """Another store, bound to the account under its own name."""
        store = StoreView(new_id(), self.tenant_id, "Branch", time_zone)
        columns = {"tenant_id": self.tenant_id, "created_at": opened_at}
        await write_together(
            [
                insert_row("store", id=store.id, name=store.name, time_zone=time_zone, **columns),
                insert_row(
                    "channel_store",
                    id=new_id(),
                    account_id=self.account.account_id,
                    store_id=store.id,
                    external_store_id=f"shop of {store.id}",
                    **columns,
                ),
            ]
        )
        return store

    async def count_rows(self, table: str) -> int:
        return len(await fetch_rows(f"SELECT id FROM {table}"))


@pytest.fixture
async def books(database: Settings) -> AsyncIterator[Books]:
    """The day after DAY, four hours past midnight at the store."""
    clock = ManualClock(UNTIL + timedelta(hours=4))
    mall = MallChannel()
    registry = build_registry(load_entry_points=False, plugins=[_Plugin(mall, MutedChannel()), house])
    async with Network(database) as network:
        runtime = build_runtime(database, network, registry=registry, clock=clock)
        merchant = await create_merchant("Tea House", "Lane 1")
        owner = await authenticate(merchant.token)
        await execute("UPDATE store SET created_at=$1", SINCE)
        for channel in ("mall", "muted"):
            await _bind(owner.tenant_id, merchant.store_id, channel)
        bindings = await runtime.accounts.load_bindings(owner.tenant_id, merchant.store_id)
        account = next(each for each in bindings if each.channel.code == "mall")
        store = StoreView(merchant.store_id, owner.tenant_id, "Lane 1", "Asia/Shanghai")
        yield Books(runtime, clock, owner, store, account, mall.coupons.record)


async def _bind(tenant_id: UUID, store_id: UUID, channel: str) -> None:
    account_id = new_id()
    columns = {"tenant_id": tenant_id, "created_at": SINCE}
    await write_together(
        [
            insert_row(
                "channel_account",
                id=account_id,
                channel=channel,
                name=channel.title(),
                status="ACTIVE",
                settings=Json({}),
                **columns,
            ),
            insert_row(
                "channel_store",
                id=new_id(),
                account_id=account_id,
                store_id=store_id,
                external_store_id="shop-1",
                **columns,
            ),
        ]
    )
