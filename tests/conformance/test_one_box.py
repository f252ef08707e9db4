"""One box for every code: whoever sold it, the channel is found, and nobody else's coupon is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.channels.contract import Refusal
from core.coupons.values import ProbeOutcome, RedeemOutcome
from core.settings import Settings
from core.testing.faults import Fault, FaultKind
from tests.conformance.market import CODES, Market, open_market

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
OUTSIDE = tuple(code for code in CODES if code != "house")


@pytest.fixture
async def market(database: Settings) -> AsyncIterator[Market]:
    async with open_market(database) as market:
        yield market


@pytest.mark.parametrize("channel", CODES)
async def test_every_code_finds_its_channel(market: Market, channel: str) -> None:
    before = market.living_uses()
    found = await market.look_up(await market.sell(channel))
    assert {coupon.channel for coupon in found.coupons} == {channel}
    claimed = [each.channel for each in found.probes if each.outcome is not ProbeOutcome.NOT_MINE]
    assert (claimed, found.problems) == ([channel], ())
    assert market.living_uses() == before


@pytest.mark.parametrize("channel", CODES)
async def test_every_code_is_redeemed_there(market: Market, channel: str) -> None:
    before = market.living_uses()
    result = await market.redeem(await market.sell(channel))
    assert (result.outcome, result.problems) == (RedeemOutcome.REDEEMED, ())
    assert {each.channel for each in result.redemptions} == {channel}
    assert market.living_uses() == before + (channel != "house")


@pytest.mark.parametrize("first", CODES)
async def test_any_two_channels_share_a_basket(market: Market, first: str) -> None:
    for second in CODES:
        codes, before = [await market.sell(first), await market.sell(second)], market.living_uses()
        result = await market.redeem(*codes)
        if market.is_final(first) and market.is_final(second):
            assert [each.code for each in result.problems] == [Refusal.NOT_STACKABLE], (first, second)
            assert market.living_uses() == before
            continue
        assert (result.outcome, result.problems) == (RedeemOutcome.REDEEMED, ()), (first, second)
        assert market.living_uses() - before == [first, second].count("house") * -1 + 2, (first, second)


@pytest.mark.parametrize("good", CODES)
async def test_refused_partner_leaves_no_use(market: Market, good: str) -> None:
    for bad in CODES:
        refused = await market.sell(bad, market.refused_state(bad))
        before = market.living_uses()
        result = await market.redeem(await market.sell(good), refused)
        assert result.outcome is RedeemOutcome.DECLINED, (good, bad)
        assert [each.field for each in result.problems] == [("codes", "1")], (good, bad)
        assert market.living_uses() == before, (good, bad)


@pytest.mark.parametrize("silent", OUTSIDE)
async def test_silent_platform_is_named_and_delays_nobody(market: Market, silent: str) -> None:
    market.simulators[silent].faults.mix("look_up", 1.0, [Fault(FaultKind.LOSE)])
    own = await market.look_up(await market.sell("house"))
    assert own.problems == ()
    [problem] = (await market.look_up(await market.sell(silent))).problems
    assert problem.code is Refusal.CHANNEL_UNAVAILABLE
