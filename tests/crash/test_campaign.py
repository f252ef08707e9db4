"""Servers killed at random while tills repeat themselves and the platform misbehaves.

HEXIAO_CAMPAIGN_KILLS makes it longer, HEXIAO_CAMPAIGN_SEED repeats the baskets, faults and victims of a run;
what exactly is under way when a kill falls differs from run to run.
"""

from __future__ import annotations

import os

import pytest

from tests.crash.audit import describe, find_violations, read_books, wait_until_quiet
from tests.crash.campaign import BASKETS_BETWEEN_KILLS, Campaign, pick_seed
from tests.crash.platform import PlatformControl
from tests.crash.processes import Servers
from tests.crash.shop import open_shop

pytestmark = [pytest.mark.crash, pytest.mark.slow]

KILLS = int(os.environ.get("HEXIAO_CAMPAIGN_KILLS", "20"))


async def test_random_kills(servers: Servers, platform: PlatformControl) -> None:
    seed = pick_seed(os.environ.get("HEXIAO_CAMPAIGN_SEED"))
    shop = await open_shop(servers.settings, platform, own=KILLS * BASKETS_BETWEEN_KILLS // 4)
    campaign = Campaign(seed, KILLS, shop, servers, platform)
    print(f"HEXIAO_CAMPAIGN_SEED={seed} HEXIAO_CAMPAIGN_KILLS={KILLS}")

    await campaign.run()
    await campaign.finish()

    await wait_until_quiet(shop.settings, within=60)
    await campaign.finish()
    books = await read_books(shop.settings)
    violations = find_violations(books, platform.uses(), campaign.times)
    violations += campaign.find_contradictions()
    report = describe(books, violations)
    print(report)
    assert not violations, f"seed {seed}\n{report}"
    assert {request["idempotency_key"] for request in books.requests} >= {
        wish.key for wish in campaign.wishes
    }
    assert campaign.kills_done == KILLS
