"""Killed at every dangerous point: after the next start everything is settled, and nothing happened twice."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

from tests.crash.audit import Books, describe, find_violations, read_books, wait_until_quiet
from tests.crash.platform import PlatformControl
from tests.crash.processes import Server, Servers
from tests.crash.shop import Answer, Basket, Reversal, Shop, Till

pytestmark = pytest.mark.crash

SLOW = {"kind": "DELAY", "seconds": 0.5}

# Where the process dies, and what the platform does meanwhile. Basket a has two platform orders and an own
# coupon, basket b a third code that is refused, and then a use of basket a is taken back.
CASES = {
    "after_intent:1": {},
    "after_sent_commit:1": {},
    "redeem_after_send:1": {"redeem": [SLOW]},
    "redeem_after_send:2": {"redeem": [None, SLOW]},
    "after_reply_before_commit:1": {},
    "after_reply_before_commit:3": {},
    "after_leg_commit:1": {},
    "before_finish:1": {},
    "after_finish_before_reply:1": {},
    "after_compensating:1": {},
    "after_reversing_commit:1": {},
    "reverse_after_send:1": {"reverse": [SLOW]},
    "after_reverse_reply:1": {},
    "after_reverse_commit:1": {},
    "after_reversal_intent:1": {},
    "after_reverse_reply:3": {},
    "after_reverse_commit:3": {},
    "after_token_fetch:2": {"redeem": ["EXPIRE_TOKEN"]},
    "while_numbering_events:2": {},
}


class Day:
    """What a till wants on one day, in this order: basket a, basket b, and a use of a taken back."""

    def __init__(self, shop: Shop, platform: PlatformControl) -> None:
        sold = platform.seed(usable=4, snatched=1)
        good, self.snatched = sold["usable"], sold["snatched"][0]
        self.shop = shop
        self.good = [each["reference"] for each in good]
        own = shop.own_codes[0]
        self.basket_a = Basket("a", ((good[0]["code"], 1), (good[1]["code"], 1), (own, 1)))
        self.basket_b = Basket("b", ((good[2]["code"], 1), (good[3]["code"], 1), (self.snatched["code"], 1)))

    async def spend(self, server: Server) -> dict[str, Answer]:
        """The final answers."""
        async with Till(server.address, self.shop) as till:
            a = await till.settle(self.basket_a)
            b = await till.settle(self.basket_b)
            c = await till.settle(Reversal("c", a.redemptions[0]))
        return {"a": a, "b": b, "c": c}

    def check(self, books: Books, platform: PlatformControl) -> None:
        """Every coupon was consumed exactly once, and what was to be taken back is."""
        uses = platform.uses()
        times = dict.fromkeys([*self.good, self.snatched["reference"]], 1)
        violations = find_violations(books, uses, times)
        assert not violations, describe(books, violations)
        assert [len(uses[reference]) for reference in self.good] == [1, 1, 1, 1]
        living = [sum(use["reversed_at"] is None for use in uses[reference]) for reference in self.good]
        assert living == [0, 1, 0, 0]
        left = {each["reference"]: each["times_remaining"] for each in books.coupons}
        assert [left[reference] for reference in self.good] == [1, 0, 1, 1]
        statuses = {each["idempotency_key"]: each["status"] for each in books.requests}
        assert statuses == {"a": "SUCCEEDED", "b": "FAILED", "c": "SUCCEEDED"}


@pytest.mark.parametrize("point", CASES)
async def test_settled_after_kill(
    point: str, shop: Shop, servers: Servers, platform: PlatformControl
) -> None:
    day = Day(shop, platform)
    platform.plan({"script": CASES[point]})
    doomed = servers.start(crash=point)
    with suppress(httpx.TransportError):
        await day.spend(doomed)
    assert doomed.is_killed()

    survivor = servers.start()
    answers = await day.spend(survivor)

    await wait_until_quiet(shop.settings)
    assert await day.spend(survivor) == answers
    assert answers["a"].outcome == "REDEEMED"
    assert (answers["b"].outcome, answers["b"].errors) == ("DECLINED", (("ALREADY_REDEEMED", "codes.2"),))
    assert answers["c"].errors == ()
    day.check(await read_books(shop.settings), platform)
