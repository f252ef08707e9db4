"""Reversing: gives the coupon back, can be repeated, and knows when it is too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from core.channels.contract import (
    CouponStatus,
    Effect,
    Found,
    OutcomeUnknown,
    RedeemOrder,
    Refusal,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)
from core.testing.bench import Bench, make_reversal, over_the_network
from core.testing.platforms import Uses
from core.testing.wire import lose_answer, lose_request

A_MOMENT = timedelta(minutes=1)


class ReversingRules:
    """What `Coupons.reverse` promises. Where nothing can be reversed, each rule proves that nothing is."""

    async def test_reversal_gives_back(self, bench: Bench) -> None:
        order, reversal = await use_coupon(bench)
        answer = await bench.reverse(reversal)
        if not bench.behaviour.reversal.possible:
            return await expect_kept(bench, answer, Refusal.NOT_REVERSIBLE)
        assert isinstance(answer, Reversed), f"within the window, but {answer!r}"
        assert await bench.uses() == Uses(1, 0)
        assert isinstance(await bench.look_up(), Found), "the coupon can be used again"
        if bench.tells_status:
            state = await bench.status(order)
            assert (state.uses, state.status) == ((), CouponStatus.AVAILABLE)
        return None

    async def test_reversal_can_be_repeated(self, bench: Bench) -> None:
        if not bench.behaviour.reversal.possible:
            return
        _, reversal = await use_coupon(bench)
        await bench.reverse(reversal)
        expect_gone(await bench.reverse(replace(reversal, attempt=2)))
        expect_gone(await bench.reverse(replace(reversal, token=str(uuid4()))))
        assert await bench.uses() == Uses(1, 0)

    async def test_old_reversal_spares_new_use(self, bench: Bench) -> None:
        """A late repeat names the old receipt, and so must not touch the use that came after it."""
        if not bench.behaviour.reversal.possible:
            return
        _, reversal = await use_coupon(bench)
        await bench.reverse(reversal)
        await bench.redeem_well(await bench.prepare(first=1))
        await bench.reverse(replace(reversal, attempt=2))
        assert await bench.uses() == Uses(2, 1), "the repeat of an old reversal took back a newer use"

    async def test_reversal_takes_one_of_several(self, bench: Bench) -> None:
        if not bench.holds("times_card") or not bench.behaviour.reversal.possible:
            return
        before = await bench.uses("times_card")
        order = await bench.prepare("times_card", times=2, first=1)
        reversal = make_reversal(order, (await bench.redeem_well(order))[0])
        answer = await bench.reverse(replace(reversal, receipts=reversal.receipts[:1]))
        assert isinstance(answer, Reversed)
        assert await bench.uses("times_card") == Uses(before.made + 2, before.living + 1)

    async def test_reversal_window_is_true(self, bench: Bench) -> None:
        window = bench.behaviour.reversal.window
        if window is None:
            return
        _, reversal = await use_coupon(bench)
        bench.platform.advance(window - A_MOMENT)
        assert isinstance(await bench.reverse(reversal), Reversed), "refused within the declared window"

    async def test_late_reversal_is_refused(self, bench: Bench) -> None:
        window = bench.behaviour.reversal.window
        if window is None:
            return
        _, reversal = await use_coupon(bench)
        bench.platform.advance(window + A_MOMENT)
        await expect_kept(bench, await bench.reverse(reversal), Refusal.REVERSAL_WINDOW_CLOSED)

    async def test_reversible_until_is_true(self, bench: Bench) -> None:
        reversal = bench.behaviour.reversal
        redeemed = (await bench.redeem_well(await bench.prepare(first=1)))[0]
        if redeemed.reversible_until is None:
            return
        assert reversal.possible, "tells until when, but declares that nothing can be reversed"
        latest = bench.session.clock.now() + (reversal.window or timedelta.max / 2**30)
        assert redeemed.reversible_until <= latest + timedelta(minutes=5)

    @over_the_network
    async def test_lost_reversal_is_unknown(self, bench: Bench) -> None:
        if not bench.behaviour.reversal.possible:
            return
        _, reversal = await use_coupon(bench)
        for fault, living in ((lose_request, 1), (lose_answer, 0)):
            failure = await bench.fail(bench.reverse(reversal), Effect.WRITE, fault)
            assert isinstance(failure, OutcomeUnknown), f"a reversal without an answer is {failure!r}"
            assert (await bench.uses()).living == living
        expect_gone(await bench.reverse(replace(reversal, attempt=2)))


async def use_coupon(bench: Bench) -> tuple[RedeemOrder, ReversalOrder]:
    """Redeems one usable coupon, and gives the order to take it back."""
    order = await bench.prepare(first=1)
    return order, make_reversal(order, (await bench.redeem_well(order))[0])


async def expect_kept(bench: Bench, answer: ReversalAnswer, reason: Refusal) -> None:
    """The reversal was refused for this reason, and the use stands."""
    assert isinstance(answer, ReversalRefused), f"should be refused with {reason}, but {answer!r}"
    assert answer.refusal.reason is reason
    assert await bench.uses() == Uses(1, 1)


def expect_gone(answer: ReversalAnswer) -> None:
    """A repeated reversal: done, or nothing left to do."""
    if isinstance(answer, ReversalRefused):
        assert answer.refusal.reason is Refusal.ALREADY_REVERSED, f"a repeated reversal is {answer!r}"
    else:
        assert isinstance(answer, Reversed), f"reverse answered {type(answer).__name__}"
