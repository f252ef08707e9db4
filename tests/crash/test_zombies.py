"""A process thought dead comes back to life after another has taken its work over: it writes nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.crash.audit import describe, find_violations, read_books, wait_until_quiet
from tests.crash.platform import PlatformControl
from tests.crash.processes import Server, Servers
from tests.crash.shop import Basket, Reversal, Shop, Till

pytestmark = pytest.mark.crash

SLOW = {"kind": "DELAY", "seconds": 0.5}


async def test_late_redeemer_writes_nothing(shop: Shop, servers: Servers, platform: PlatformControl) -> None:
    coupon = platform.seed(usable=1)["usable"][0]
    basket, reference = Basket("a", ((coupon["code"], 1), (shop.own_codes[0], 1))), coupon["reference"]
    platform.plan({"script": {"redeem": [SLOW]}})
    zombie, heir = servers.start(), servers.start()
    async with Till(zombie.address, shop) as late, Till(heir.address, shop) as till:
        asked = asyncio.create_task(late.submit(basket))
        await _stop_once(zombie, lambda: bool(platform.uses()[reference]))

        inherited = await till.settle(basket)
        zombie.go_on()

        assert await asked == inherited
        assert inherited.outcome == "REDEEMED"
    await _check_fence(shop, platform, reference, fence=2)
    assert [bool(use["reversed_at"]) for use in platform.uses()[reference]] == [False]


async def test_late_reverser_writes_nothing(shop: Shop, servers: Servers, platform: PlatformControl) -> None:
    coupon = platform.seed(usable=1)["usable"][0]
    basket, reference = Basket("a", ((coupon["code"], 1),)), coupon["reference"]
    platform.plan({"script": {"reverse": [SLOW]}})
    zombie, heir = servers.start(), servers.start()
    async with Till(zombie.address, shop) as late, Till(heir.address, shop) as till:
        reversal = Reversal("b", (await late.settle(basket)).redemptions[0])
        asked = asyncio.create_task(late.submit(reversal))
        await _stop_once(zombie, lambda: platform.uses()[reference][0]["reversed_at"] is not None)

        inherited = await till.settle(reversal)
        zombie.go_on()

        assert await asked == inherited
        assert inherited.errors == ()
    await _check_fence(shop, platform, reference, fence=2)
    assert [bool(use["reversed_at"]) for use in platform.uses()[reference]] == [True]


async def _stop_once(server: Server, has_happened: object) -> None:
    """Holds the server still once the platform has done its part, and before it has told so."""
    assert callable(has_happened)
    async with asyncio.timeout(5):
        while not await asyncio.to_thread(has_happened):
            await asyncio.sleep(0.01)
    server.stop()


async def _check_fence(shop: Shop, platform: PlatformControl, reference: str, fence: int) -> None:
    """Somebody did take over, exactly once, and the books are right."""
    await wait_until_quiet(shop.settings)
    books = await read_books(shop.settings)
    violations = find_violations(books, platform.uses(), {reference: 1})
    assert not violations, describe(books, violations)
    assert max(request["fence"] for request in books.requests) == fence
