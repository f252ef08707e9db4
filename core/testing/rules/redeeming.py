"""Redeeming: exactly once, with a receipt for every use."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from core.channels.contract import (
    CouponBehaviour,
    CouponState,
    CouponStatus,
    Effect,
    Found,
    Idempotency,
    OutcomeUnknown,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    StatusBy,
)
from core.testing.behaviours import find_broken_promises, find_contradiction
from core.testing.bench import Bench, over_the_network
from core.testing.checks import check_near
from core.testing.platforms import Uses
from core.testing.wire import answer_with


class RedeemingRules:
    """What `Coupons.redeem` and `Coupons.status` promise while all goes well."""

    async def test_redeems_once(self, bench: Bench) -> None:
        order = await bench.prepare()
        redeemed = await bench.redeem_well(order)
        assert len(redeemed) == len(order.items)
        assert await bench.uses() == Uses(len(order.items), len(order.items))

    async def test_receipt_tells_when(self, bench: Bench) -> None:
        now = bench.session.clock.now()
        for redeemed in await bench.redeem_well(await bench.prepare()):
            for receipt in redeemed.receipts:
                if receipt.redeemed_at is not None:
                    check_near(receipt.redeemed_at, now, "redeemed_at")

    async def test_second_token_is_refused(self, bench: Bench) -> None:
        first, second = await bench.prepare(), await bench.prepare()
        if second.token == first.token:
            second = replace(second, token=str(uuid4()))
        await bench.redeem_well(first)
        used = await bench.uses()
        for outcome in await bench.redeem(second):
            assert isinstance(outcome, RedeemRefused), "a used coupon was redeemed again"
            assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
        assert await bench.uses() == used

    async def test_used_coupon_is_refused(self, bench: Bench) -> None:
        await bench.redeem_well(await bench.prepare())
        answer = await bench.look_up()
        assert isinstance(answer, Refused), f"a used coupon is answered with {answer!r}"
        assert answer.reason is Refusal.ALREADY_REDEEMED

    async def test_repeat_consumes_once(self, bench: Bench) -> None:
        order = await bench.prepare()
        first = await bench.redeem_well(order)
        used = await bench.uses()
        outcomes = await bench.redeem(replace(order, attempt=2))
        assert await bench.uses() == used, "the repeat was counted as another use"
        for outcome in outcomes:
            check_repeat(bench, outcome, first)

    @over_the_network
    async def test_repeat_sends_identical_body(self, bench: Bench) -> None:
        order = await bench.prepare()
        await bench.redeem_well(order)
        sent = bench.wire.last_request(Effect.WRITE)
        await bench.redeem(replace(order, attempt=2))
        again = bench.wire.last_request(Effect.WRITE)
        assert again.url == sent.url
        assert again.content == sent.content, "a repeat must carry the identical body"

    @over_the_network
    async def test_unknown_redeem_answer_is_no_success(self, bench: Bench) -> None:
        order = await bench.prepare()
        await bench.redeem_well(order)
        operation = bench.wire.last_request(Effect.WRITE).operation
        bench.wire.break_next(Effect.WRITE, answer_with(bench.platform.strange_answer(operation)))
        try:
            outcomes = await bench.redeem(order)
        except OutcomeUnknown:
            return
        for outcome in outcomes:
            assert isinstance(outcome, RedeemRefused), "read a success out of an unlisted platform code"
            assert outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL

    async def test_times_card_counts_down(self, bench: Bench) -> None:
        if not bench.holds("times_card"):
            return
        before = (await bench.find("times_card")).coupons[0]
        used = await bench.uses("times_card")
        assert before.times_remaining >= 2, "the times card of the kit has at least two uses left"
        await bench.redeem_well(await bench.prepare("times_card", first=1))
        after = (await bench.find("times_card")).coupons[0]
        assert (after.times_total, after.times_remaining) == (before.times_total, before.times_remaining - 1)
        assert await bench.uses("times_card") == Uses(used.made + 1, used.living + 1)

    async def test_times_card_takes_several(self, bench: Bench) -> None:
        if not bench.holds("times_card"):
            return
        used = await bench.uses("times_card")
        order = await bench.prepare("times_card", times=2, first=1)
        await bench.redeem_well(order)
        assert await bench.uses("times_card") == Uses(used.made + 2, used.living + 2)
        await bench.redeem(replace(order, attempt=2))
        if bench.behaviour.idempotency is Idempotency.TOKEN:
            assert await bench.uses("times_card") == Uses(used.made + 2, used.living + 2)

    async def test_code_of_several_coupons(self, bench: Bench) -> None:
        if not bench.holds("two_coupons"):
            return
        found = await bench.find("two_coupons")
        assert len(found.coupons) >= 2, "one code, several coupons: list all that can be used"
        await bench.redeem_well(await bench.prepare("two_coupons", first=1))
        rest = await bench.look_up("two_coupons")
        assert isinstance(rest, Found), "the other coupons of the code can still be used"
        assert len(rest.coupons) == len(found.coupons) - 1
        assert (await bench.uses("two_coupons")).living == 1

    async def test_partial_success_is_told(self, bench: Bench) -> None:
        if not bench.holds("two_coupons"):
            return
        both, one = await bench.prepare("two_coupons"), await bench.prepare("two_coupons", first=1)
        if both.token == one.token:
            one = replace(one, token=str(uuid4()))
        await bench.redeem_well(one)
        outcomes = await bench.redeem(both)
        told = 1 + sum(isinstance(outcome, Redeemed) for outcome in outcomes)
        assert (await bench.uses("two_coupons")).living == told
        assert told == 1 or not bench.behaviour.batch_atomic, "declared all or nothing, and it is not"

    async def test_status_before_and_after(self, bench: Bench) -> None:
        if not bench.tells_status:
            return
        order = await bench.prepare(first=1)
        before = await bench.status(order)
        assert (before.uses, before.status) == ((), CouponStatus.AVAILABLE)
        receipts = [receipt.reference for receipt in (await bench.redeem_well(order))[0].receipts]
        after = await expect_used(bench, order, len(receipts))
        shown = [use.receipt for use in after.uses]
        assert shown in (receipts, [None] * len(shown)), "a use is shown under another receipt"
        assert (await bench.uses()).made == 1, "asking for the state consumed something"

    async def test_status_shows_what_is_declared(self, bench: Bench) -> None:
        if not bench.shows_uses:
            return
        order = await bench.prepare(first=1)
        await bench.redeem_well(order)
        use = (await bench.status(order)).uses[-1]
        if bench.behaviour.status_by is StatusBy.TOKEN:
            assert use.token == order.token, "status_by is TOKEN, so a use shows the leg's token"
        if use.used_at is not None:
            check_near(use.used_at, bench.session.clock.now(), "used_at")

    async def test_account_behaves_as_declared(self, bench: Bench) -> None:
        """`behaviour` is what every account keeps; `behave` may say more of this one, and never less."""
        declared, own = bench.coupons.behaviour, bench.behaviour
        assert isinstance(own, CouponBehaviour), f"behave answered {type(own).__name__}"
        assert find_contradiction(own) is None, find_contradiction(own)
        lists = (own.lists_uses, own.list_delay)
        assert lists == (declared.lists_uses, declared.list_delay), "uses are listed for all accounts or none"
        assert not (broken := find_broken_promises(declared, own)), f"declared for all accounts: {broken}"


async def expect_used(bench: Bench, order: RedeemOrder, times: int = 1) -> CouponState:
    """The state of a coupon that was used so often, as far as the platform tells: never that it is unused."""
    state = await bench.status(order)
    if bench.shows_uses:
        assert (len(state.uses), state.status) == (times, CouponStatus.REDEEMED), "the use is not shown"
    else:
        assert state.uses == (), "status_by is UNUSED_ONLY, and uses are shown"
        assert state.status is not CouponStatus.AVAILABLE, "a used coupon is shown as unused"
    return state


def check_repeat(bench: Bench, outcome: Redeemed | RedeemRefused, first: list[Redeemed]) -> None:
    """A repeat answers Redeemed with the first receipts; without a token at the platform it may not know."""
    if isinstance(outcome, Redeemed):
        receipts = {receipt.reference for redeemed in first for receipt in redeemed.receipts}
        assert {receipt.reference for receipt in outcome.receipts} <= receipts, (
            "a repeat has the first receipts"
        )
        return
    declared = bench.behaviour.idempotency
    assert declared is not Idempotency.TOKEN, "idempotency is TOKEN, but the repeat is refused"
    assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
