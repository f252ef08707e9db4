"""Listing: the platform's own record of uses, whole, of one store, and in no doubt about what it could not read."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    Coupons,
    Effect,
    ProtocolFailure,
    RecordedUse,
    Redeemed,
    RedeemOrder,
    Reversed,
)
from core.testing.bench import Bench, Rule, make_reversal, over_the_network
from core.testing.checks import check_near
from core.testing.garbage import HOPELESS, spoil_answer
from core.testing.rules.failing import read_answer, survive
from core.testing.wire import answer_with, lose_request

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(minutes=1)
MOST_USES = 384


def where_listed(rule: Rule) -> Rule:
    """A rule about the list. Where none is declared there is nothing to try: core never asks for it."""

    @functools.wraps(rule)
    async def run(suite: Any, bench: Bench) -> None:
        if bench.lists_uses:
            await rule(suite, bench)

    return run


class ListingRules:
    """What `Coupons.list_uses` promises where `behaviour.lists_uses` declares it."""

    async def test_listing_is_as_declared(self, bench: Bench) -> None:
        implemented = type(bench.coupons).list_uses is not Coupons.list_uses
        assert implemented == bench.lists_uses, "`lists_uses` and `list_uses` go together"

    @where_listed
    async def test_redeemed_use_is_listed(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        redeemed = (await bench.redeem_well(order))[0]
        now = bench.session.clock.now()
        for receipt in redeemed.receipts:
            use = await find_use(bench, receipt.reference)
            assert use is not None, "a use that was redeemed here is not listed under its receipt"
            assert use.reference in {None, redeemed.reference}, "the use is listed with another certificate"
            assert not use.reversed, "the use is listed as taken back"
            check_near(use.used_at, now, "used_at")

    @where_listed
    async def test_listed_money_is_fen(self, bench: Bench) -> None:
        redeemed = (await bench.redeem_well(await bench.prepare(first=1)))[0]
        use = await find_use(bench, redeemed.receipts[0].reference)
        assert use is not None, "a use that was redeemed here is not listed under its receipt"
        facts = bench.platform.facts
        assert use.paid_amount in {None, facts.paid_amount}, f"paid_amount is {use.paid_amount}"
        assert use.face_value in {None, facts.face_value}, f"face_value is {use.face_value}"

    @where_listed
    async def test_list_keeps_to_its_window(self, bench: Bench) -> None:
        """`since` is included, `until` is not; a use of another time is not listed."""
        first = await use_and_find(bench)
        bench.platform.advance(HOUR / 2)
        second = await use_and_find(bench)
        assert second.used_at > first.used_at
        assert name_uses(await list_around(bench)) >= {first.receipt, second.receipt}
        within = await bench.list_uses(first.used_at, first.used_at + A_MOMENT)
        assert first.receipt in name_uses(within), "a use at `since` belongs to the window"
        assert second.receipt not in name_uses(within)
        before = await bench.list_uses(first.used_at - HOUR, first.used_at)
        assert first.receipt not in name_uses(before), "a use at `until` belongs to the next window"

    @where_listed
    async def test_list_has_every_page(self, bench: Bench) -> None:
        made = name_receipts(await fill_pages(bench))
        listed = [use for use in await list_around(bench) if use.receipt in made]
        assert name_uses(listed) == made, f"{len(made - name_uses(listed))} of {len(made)} uses are left out"
        assert len(listed) == len(made), "one use is listed with several times"

    @where_listed
    async def test_list_survives_changes(self, bench: Bench) -> None:
        """Between two pages a use is taken back and another made; no other may be left out for that."""
        done = await fill_pages(bench)
        since, until = around(bench)
        page = await bench.list_page(since, until)
        shown = name_uses(page.uses)
        gone = await reverse_one(bench, done, shown)
        await bench.redeem_new()
        if page.next_cursor is not None:
            shown |= name_uses(await bench.list_uses(since, until, page.next_cursor))
        missing = name_receipts(done) - gone - shown
        assert not missing, f"{len(missing)} uses were skipped while the list moved"

    @where_listed
    async def test_reversed_use_is_marked_or_gone(self, bench: Bench) -> None:
        if not bench.behaviour.reversal.possible:
            return
        order = await bench.prepare(first=1)
        redeemed = (await bench.redeem_well(order))[0]
        assert isinstance(await bench.reverse(make_reversal(order, redeemed)), Reversed)
        use = await find_use(bench, redeemed.receipts[0].reference)
        assert use is None or use.reversed, "a use that was taken back is listed as if it stood"

    @where_listed
    async def test_listing_again_agrees(self, bench: Bench) -> None:
        await bench.redeem_well(await bench.prepare(first=1))
        before = await bench.uses()
        first, second = await list_around(bench), await list_around(bench)
        assert name_uses(first) == name_uses(second)
        assert await bench.uses() == before, "listing changed what it lists"

    @where_listed
    async def test_list_is_of_one_store(self, bench: Bench) -> None:
        use, other = await use_and_find(bench), bench.platform.open_other_session()
        if other is None:
            return
        bench.session = replace(bench.session, external_store_id=other.external_store_id)
        assert use.receipt not in name_uses(await list_around(bench)), "lists the uses of another store"

    # --------------------------------------------------------------------------------------------- failures
    @over_the_network
    @where_listed
    async def test_lost_list_is_unavailable(self, bench: Bench) -> None:
        await list_around(bench)
        failure = await bench.fail(list_around(bench), Effect.READ, lose_request)
        assert isinstance(failure, ChannelUnavailable), f"a lost page is {failure!r}"
        await list_around(bench)

    @over_the_network
    @where_listed
    async def test_rubbish_list_is_a_failure(self, bench: Bench) -> None:
        """Never an empty day: every redemption of ours would be missing at the platform."""
        await list_around(bench)
        for content in HOPELESS.values():
            failure = await bench.fail(list_around(bench), Effect.READ, answer_with(content))
            assert isinstance(failure, ChannelUnavailable | ProtocolFailure), (
                f"{content[:40]!r} is {failure!r}"
            )

    @over_the_network
    @where_listed
    async def test_unknown_list_answer_is_a_failure(self, bench: Bench) -> None:
        await list_around(bench)
        operation = bench.wire.last_request(Effect.READ).operation
        strange = answer_with(bench.platform.strange_answer(operation))
        with suppress(ChannelFailure):
            bench.wire.break_next(Effect.READ, strange)
            uses = await list_around(bench)
            raise AssertionError(f"read {len(uses)} uses out of an unlisted platform code")
        assert not bench.wire.disarm()

    @over_the_network
    @where_listed
    async def test_spoilt_list_is_no_crash(self, bench: Bench) -> None:
        await use_and_find(bench)
        await bench.list_page(*around(bench))
        for content in spoil_answer(await read_answer(bench)):
            await survive(bench, bench.list_page(*around(bench)), Effect.READ, content)

    @where_listed
    async def test_cancelled_list(self, bench: Bench) -> None:
        use = await use_and_find(bench)
        await bench.cancel_midway(bench.list_page(*around(bench)), Effect.READ)
        assert use.receipt in name_uses(await list_around(bench))


def around(bench: Bench) -> tuple[datetime, datetime]:
    """A window that holds everything that a rule has done."""
    now = bench.session.clock.now()
    return now - 2 * HOUR - 3 * bench.behaviour.list_delay, now + A_MOMENT


async def list_around(bench: Bench) -> list[RecordedUse]:
    return await bench.list_uses(*around(bench))


async def find_use(bench: Bench, receipt: str) -> RecordedUse | None:
    """The use in the list, once the declared delay is over."""
    bench.platform.advance(bench.behaviour.list_delay)
    found = [use for use in await list_around(bench) if use.receipt == receipt]
    assert len(found) < 2, "one use is listed with several times"
    return found[0] if found else None


async def use_and_find(bench: Bench) -> RecordedUse:
    """Redeems a new coupon, and answers it as it is listed."""
    [(_, redeemed)] = await bench.redeem_new()
    use = await find_use(bench, redeemed.receipts[0].reference)
    assert use is not None, "a use that was redeemed here is not listed under its receipt"
    return use


async def fill_pages(bench: Bench) -> list[tuple[RedeemOrder, Redeemed]]:
    """Redeems new coupons until the list has two pages, or all of a few hundred are on one."""
    done: list[tuple[RedeemOrder, Redeemed]] = []
    portion = 3
    while len(done) < MOST_USES:
        done += await bench.redeem_new(portion)
        page = await bench.list_page(*around(bench))
        if page.next_cursor is not None and len(done) > len(page.uses):
            break
        portion = len(done)
    bench.platform.advance(bench.behaviour.list_delay)
    return done


async def reverse_one(
    bench: Bench, done: Sequence[tuple[RedeemOrder, Redeemed]], shown: set[str]
) -> set[str]:
    """Takes back one of the uses already shown, where that is possible; its receipts."""
    if not bench.behaviour.reversal.possible:
        return set()
    for order, redeemed in done:
        receipts = {receipt.reference for receipt in redeemed.receipts}
        if receipts <= shown:
            await bench.reverse(make_reversal(order, redeemed))
            return receipts
    return set()


def name_uses(uses: Sequence[RecordedUse]) -> set[str]:
    return {use.receipt for use in uses}


def name_receipts(done: Sequence[tuple[RedeemOrder, Redeemed]]) -> set[str]:
    return {receipt.reference for _, redeemed in done for receipt in redeemed.receipts}
