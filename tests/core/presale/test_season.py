"""A season in small: whoever will be late is known before, and the guard stops presales that go wrong."""

from __future__ import annotations

import pytest
from season import Plan, simulate_season

SMALL = Plan(days=22, orders_a_day=5, campaign_days=10, quantity=24, late_from=5, late_to=13)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_small_season(shop):
    season = await simulate_season(shop, SMALL)
    assert (season.oversold, season.sold_while_paused) == (0, 0)
    # What a late wave promised is late; every one of these orders was at risk some hours before.
    assert season.late > 5
    assert season.warned_share == 1
    assert min(season.lead_hours) >= 3
    # The late wave was due on day 6 and was shipped on day 8: its buyers' reviews paused the presale.
    assert season.paused_on
    assert 8 <= season.paused_on[0] <= 9
    assert season.closed > 0
    assert season.levels["DANGER"] > 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_season_without_delays(shop):
    """Nobody is late, so nothing is paused: the guard leaves good presales alone."""
    plan = Plan(days=14, orders_a_day=4, campaign_days=14, late_from=99, late_to=99, open_daily=True)
    season = await simulate_season(shop, plan)
    assert (season.late, season.paused_on, season.closed) == (0, [], 0)
    assert season.presales > 5
    assert season.warned_share == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_weekends_are_seen_coming(shop):
    """Office hours only: what is paid for on Friday evening is at risk before the weekend is over."""
    season = await simulate_season(
        shop, Plan(days=14, orders_a_day=4, campaign_days=14, late_from=99, late_to=99)
    )
    assert season.late > 0
    assert season.warned_share == 1
    assert min(season.lead_hours) > 24
