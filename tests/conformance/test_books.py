"""The books of every channel that lists uses: what is redeemed here is found in the platform's own record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from core.access.stores import find_store
from core.coupons.reconciliation.days import find_day
from core.coupons.reconciliation.planning import load_all_differences
from core.coupons.reconciliation.service import lists_uses, reconcile_day
from core.coupons.reconciliation.values import RunStatus, RunView
from core.coupons.values import RedeemOutcome
from core.settings import Settings
from core.testing.faults import Fault, FaultKind
from tests.conformance.market import Market, load_channels, open_market

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
LISTING = [
    channel.code
    for channel in load_channels().all()
    if channel.coupons is not None and channel.coupons.behaviour.lists_uses
]


class Books:
    """The day on which the test runs, of one channel. Samples that were used beforehand are in the record as well."""

    def __init__(self, market: Market, channel: str) -> None:
        self.market = market
        self.channel = channel
        self.now = market.clock.now()

    async def reconcile(self) -> tuple[RunView, list[Any]]:
        coupons = self.market.runtime.registry.get(self.channel).coupons
        assert coupons is not None
        self.market.clock.advance(coupons.behaviour.list_delay + timedelta(seconds=1))
        store = await find_store(self.market.clerk, self.market.store_id)
        bindings = await self.market.runtime.accounts.load_bindings(store.tenant_id, store.id)
        account = next(each for each in bindings if each.channel.code == self.channel and lists_uses(each))
        day = find_day(store.time_zone, self.now)
        run = await reconcile_day(self.market.runtime, account, store, day)
        assert run is not None
        return run, [(each.kind.value, each.receipt) for each in await load_all_differences(run)]


@pytest.fixture
async def market(database: Settings) -> AsyncIterator[Market]:
    async with open_market(database) as market:
        yield market


@pytest.mark.parametrize("channel", LISTING)
async def test_redeemed_coupons_agree(market: Market, channel: str) -> None:
    books = Books(market, channel)
    before, known = await books.reconcile()
    for _ in range(2):
        assert (await market.redeem(await market.sell(channel))).outcome is RedeemOutcome.REDEEMED
    after, found = await books.reconcile()
    assert (before.status, after.status) == (RunStatus.DONE, RunStatus.DONE)
    assert before.totals is not None
    assert after.totals is not None
    assert after.totals.matched_count == before.totals.matched_count + 2
    assert found == known


@pytest.mark.parametrize("channel", [code for code in LISTING if code != "house"])
async def test_silent_platform_leaves_no_half_day(market: Market, channel: str) -> None:
    books = Books(market, channel)
    market.simulators[channel].faults.mix("*", 1.0, [Fault(FaultKind.LOSE)])
    run, found = await books.reconcile()
    assert (run.status, run.failure, run.totals, found) == (
        RunStatus.FAILED,
        "reconciliation.unavailable",
        None,
        [],
    )
