"""What the shop does not have is sold beforehand, from the earliest wave, and given back with the order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from till import TEA_STOCK

from core.channels.contract import Refusal
from core.channels.contract.orders import OrderType
from core.db.statements import fetch_rows
from core.orders.order_rows import load_lines
from core.orders.quoting import quote_order
from core.orders.values import OrderErrorCode
from core.presale.campaigns import create_campaign
from core.presale.values import CampaignDraft, Disclosures, PresaleMode, Wave

TEXTS = Disclosures("【预售】春茶", "本品为预售,12月10日前发货", "直播间预售,付款后按批次发货")
WAVE = 6


@pytest.fixture
async def presale(till):
    """Tea is sold beforehand: one wave of six, which ships in fifteen days."""
    now = till.runtime.clock.now()
    campaign = await create_campaign(
        till.runtime,
        till.shop.owner,
        CampaignDraft(
            store_id=till.shop.store_id,
            name="Spring tea",
            mode=PresaleMode.TIERED,
            sku_ids=(till.tea,),
            starts_at=now - timedelta(minutes=1),
            ends_at=now + timedelta(days=10),
            waves=(Wave(WAVE, now + timedelta(days=15)),),
            disclosures=TEXTS,
        ),
    )
    assert not isinstance(campaign, list), campaign
    return campaign


async def sold() -> int:
    [row] = await fetch_rows("SELECT sold FROM presale_wave")
    return int(row["sold"])


async def test_spot_stock_goes_first(till, presale):
    order = (await till.place(tea=TEA_STOCK)).order
    assert (await till.stock(), await sold(), order.type) == (0, 0, OrderType.IN_STORE)


async def test_what_is_short_is_sold_beforehand(till, presale):
    await till.place(tea=TEA_STOCK)
    order = (await till.place(tea=4)).order
    [line] = (await load_lines(order.tenant_id, [order.id]))[order.id]
    assert (line.presale, line.wave_id is not None, order.type) == (True, True, OrderType.PICKUP)
    assert line.promised_ship_at > till.runtime.clock.now() + timedelta(days=14)
    assert (await till.stock(), await sold(), order.total) == (0, 4, 12000)


async def test_a_wave_that_is_sold_out_says_so(till, presale):
    await till.place(tea=TEA_STOCK)
    await till.place(tea=4)
    refused = await till.place(tea=3)
    assert [(each.code, each.field) for each in refused.problems] == [
        (OrderErrorCode.PRESALE_SOLD_OUT, ("lines", "0", "quantity"))
    ]
    quote = await quote_order(
        till.runtime, till.shop.customer, till.shop.store_id, till.order(tea=3).lines, till.order().codes
    )
    assert [each.code for each in quote.problems] == [OrderErrorCode.PRESALE_SOLD_OUT]
    assert await sold() == 4


async def test_waves_are_never_oversold(till, presale):
    await till.place(tea=TEA_STOCK)
    answers = await asyncio.gather(*(till.place(tea=2) for _ in range(6)))
    assert (sum(answer.order is not None for answer in answers), await sold()) == (3, WAVE)


async def test_a_refused_coupon_gives_the_wave_back(till, presale):
    await till.place(tea=TEA_STOCK)
    till.shop.paper.add("P1", refusal=Refusal.EXPIRED)
    assert (await till.place("P1", tea=4)).order is None
    assert (await sold(), len(await till.orders())) == (0, 1)


async def test_cancelling_gives_the_wave_back(till, presale):
    await till.place(tea=TEA_STOCK)
    order = (await till.place(tea=4)).order
    await till.cancel(order.id)
    assert (await till.stock(), await sold()) == (0, 0)
