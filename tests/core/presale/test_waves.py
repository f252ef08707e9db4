"""Waves: the earliest with room, never oversold, given back once; spot stock comes first."""

from __future__ import annotations

import asyncio
import random

import pytest
from presale_shop import DAY

from core.db.statements import GuardFailed, write_together
from core.ids import new_id
from core.orders.values import OrderErrorCode
from core.presale.campaigns import close_campaign, pause_campaign
from core.presale.values import Wave
from core.presale.waves import (
    WaveClaim,
    WaveWant,
    claim_wave,
    claim_waves,
    find_presale_lines,
    return_waves,
    sell_waves,
)


def show(answer):
    return [(problem.code, ".".join(problem.field)) for problem in answer]


async def test_earliest_wave_first(shop):
    campaign, sku_id = await shop.open_campaign(2, 3)
    positions = [(await shop.sell(sku_id)).position for _ in range(5)]
    assert positions == [0, 0, 1, 1, 1]
    assert await shop.sold(campaign.id) == [2, 3]


async def test_wave_that_has_all_of_it(shop):
    """Two pieces do not come from two waves; what is left of the first goes to somebody who wants one."""
    campaign, sku_id = await shop.open_campaign(3, 3)
    waves = [(await shop.sell(sku_id, quantity)).position for quantity in (2, 2, 1)]
    assert waves == [0, 1, 0]
    assert await shop.sold(campaign.id) == [3, 2]


async def test_sold_out(shop):
    campaign, sku_id = await shop.open_campaign(2)
    assert show(await shop.sell(sku_id, 3)) == [(OrderErrorCode.PRESALE_SOLD_OUT, "lines.0")]
    await shop.sell(sku_id, 2)
    assert show(await shop.sell(sku_id)) == [(OrderErrorCode.PRESALE_SOLD_OUT, "lines.0")]
    assert await shop.sold(campaign.id) == [2]
    assert await shop.count("wave_sale") == 1


@pytest.mark.parametrize("ends", ["paused", "closed", "over", "draft", "future", "none", "shipped"])
async def test_closed(shop, ends):
    campaign, sku_id = await shop.open_campaign(5, publish=ends != "draft")
    if ends == "paused":
        await pause_campaign(shop.owner, campaign.id)
    if ends == "closed":
        await close_campaign(shop.owner, campaign.id)
    if ends == "over":
        shop.clock.set(campaign.ends_at)
    if ends == "future":
        shop.clock.set(campaign.starts_at - DAY)
    if ends == "shipped":
        # A wave of which the day has come is not sold any more, though the presale goes on.
        sku_id = await shop.add_sku()
        await shop.create(sku_id, waves=(Wave(5, shop.now + DAY),))
        shop.clock.advance(DAY)
    wanted = new_id() if ends == "none" else sku_id
    assert show(await shop.sell(wanted)) == [(OrderErrorCode.PRESALE_CLOSED, "lines.0")]
    assert await shop.count("wave_sale") == 0


async def test_never_oversold(shop):
    """Forty buyers of one to three pieces at once: what they got is what was sold, and no wave has more than it has."""
    campaign, sku_id = await shop.open_campaign(7, 5, 9)
    chance = random.Random(7)
    wanted = [chance.randint(1, 3) for _ in range(40)]
    answers = await asyncio.gather(*(shop.sell(sku_id, quantity) for quantity in wanted))
    got = sum(q for q, answer in zip(wanted, answers, strict=True) if not isinstance(answer, list))
    sold = await shop.sold(campaign.id)
    assert got == sum(sold) <= 21
    assert all(most >= count for most, count in zip((7, 5, 9), sold, strict=True))
    refused = [answer for answer in answers if isinstance(answer, list)]
    assert {code for answer in refused for code, _ in show(answer)} == {OrderErrorCode.PRESALE_SOLD_OUT}
    # Nobody was turned away who wanted no more than what is left now.
    turned = [q for q, answer in zip(wanted, answers, strict=True) if isinstance(answer, list)]
    assert min(turned) > max(most - count for most, count in zip((7, 5, 9), sold, strict=True))


async def test_stale_claim_is_refused(shop):
    """The write decides, not the look before it."""
    campaign, sku_id = await shop.open_campaign(1)
    claims = [
        await claim_wave(shop.tenant_id, shop.store_id, WaveWant(new_id(), sku_id, 1), shop.now)
        for _ in range(2)
    ]
    await write_together(claims[0].writes)
    with pytest.raises(GuardFailed):
        await write_together(claims[1].writes)
    assert await shop.sold(campaign.id) == [1]


async def test_claim_of_a_paused_campaign_is_refused(shop):
    campaign, sku_id = await shop.open_campaign(1)
    claim = await claim_wave(shop.tenant_id, shop.store_id, WaveWant(new_id(), sku_id, 1), shop.now)
    await pause_campaign(shop.owner, campaign.id)
    with pytest.raises(GuardFailed):
        await write_together(claim.writes)
    assert await shop.sold(campaign.id) == [0]
    assert await shop.count("wave_sale") == 0


async def test_variants_share_the_waves(shop):
    """Two lines of one order out of one wave are one write to it."""
    one, two = await shop.add_sku(), await shop.add_sku()
    created = await shop.create(one, two, waves=(Wave(3, shop.now + 15 * DAY), Wave(3, shop.now + 20 * DAY)))
    wants = [WaveWant(new_id(), one, 2), WaveWant(new_id(), two, 1), WaveWant(new_id(), two, 2)]
    waves = await sell_waves(shop.tenant_id, shop.store_id, wants, shop.now)
    assert [waves[want.order_line_id].position for want in wants] == [0, 0, 1]
    assert await shop.sold(created.campaign.id) == [3, 2]


async def test_all_lines_or_none(shop):
    campaign, sku_id = await shop.open_campaign(3)
    wants = [WaveWant(new_id(), sku_id, 2), WaveWant(new_id(), sku_id, 2, ("lines", "1"))]
    answer = await claim_waves(shop.tenant_id, shop.store_id, wants, shop.now)
    assert not isinstance(answer, WaveClaim)
    assert show(answer) == [(OrderErrorCode.PRESALE_SOLD_OUT, "lines.1")]
    assert await shop.sold(campaign.id) == [0]


async def test_returned_once(shop):
    campaign, sku_id = await shop.open_campaign(2, 2)
    lines = [new_id(), new_id()]
    for line_id in lines:
        await shop.sell(sku_id, 2, line_id)
    writes = await return_waves(shop.tenant_id, lines)
    await write_together(writes)
    assert await shop.sold(campaign.id) == [0, 0]
    assert await return_waves(shop.tenant_id, lines) == []
    with pytest.raises(GuardFailed):
        await write_together(writes)
    assert await shop.sold(campaign.id) == [0, 0]
    assert (await shop.sell(sku_id, 2)).position == 0


async def test_spot_stock_comes_first(shop):
    ample, short = await shop.add_sku(stock=3), await shop.add_sku(stock=1)
    uncounted, plain = await shop.add_sku(stock=None), await shop.add_sku(stock=0)
    await shop.create(ample, short, uncounted)
    lines = [(ample, 2), (short, 1), (short, 1), (uncounted, 1), (plain, 1), (ample, 1)]
    stocks = {ample: 3, short: 1, uncounted: None, plain: 0}
    found = await find_presale_lines(shop.tenant_id, shop.store_id, lines, stocks, shop.now)
    assert found == {1, 2, 3}
