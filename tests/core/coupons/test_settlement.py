"""Lost answers: what a platform did is found out by itself, and nothing is used twice."""

from __future__ import annotations

import pytest
from scripted import Fault

from core.channels.contract import Refusal
from core.coupons.values import RedeemOutcome, RedemptionStatus


@pytest.fixture(autouse=True)
def _hurry(shop):
    shop.hurry()


SUCCEEDED, DECLINED, UNKNOWN = RedemptionStatus.SUCCEEDED, RedemptionStatus.DECLINED, RedemptionStatus.UNKNOWN


async def test_repeat_with_token_finds_lost_answer(shop):
    ticket = shop.paper.add("P1")
    shop.paper.faults["redeem"].append(Fault.ANSWER_LOST)
    result = await shop.redeem("P1")
    assert result.outcome is RedeemOutcome.REDEEMED
    assert (len(ticket.uses), shop.paper.calls.count("redeem")) == (1, 2)


async def test_state_finds_lost_answer_without_token(shop):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    result = await shop.redeem("Q1")
    assert result.outcome is RedeemOutcome.REDEEMED
    assert result.redemptions[0].channel_reference == "Q1-0"
    assert (len(ticket.uses), shop.plain.calls.count("redeem")) == (1, 1)


async def test_lost_call_without_token_waits_for_settle_time(shop):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LOST)
    result = await shop.redeem("Q1")
    assert (result.outcome, result.problems[0].code) == (RedeemOutcome.UNKNOWN, Refusal.OUTCOME_UNKNOWN)
    await shop.settle(seconds=5)
    assert (shop.plain.calls.count("redeem"), await shop.ledger()) == (1, [UNKNOWN])
    await shop.settle(seconds=31)
    assert (len(ticket.uses), await shop.ledger()) == (1, [SUCCEEDED])


async def test_late_landing_is_found_not_doubled(shop):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LATE)
    assert (await shop.redeem("Q1")).outcome is RedeemOutcome.UNKNOWN
    shop.plain.land()
    await shop.settle(seconds=5)
    assert (len(ticket.uses), await shop.ledger()) == (1, [SUCCEEDED])


async def test_key_of_unknown_answers_present_state(shop):
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LATE)
    assert (await shop.redeem("Q1", key="k")).outcome is RedeemOutcome.UNKNOWN
    shop.plain.land()
    await shop.settle(seconds=5)
    again = await shop.redeem("Q1", key="k")
    assert (again.outcome, again.redemptions[0].status) == (RedeemOutcome.REDEEMED, SUCCEEDED)


async def test_silent_platform_keeps_being_asked(shop):
    ticket = shop.paper.add("P1")
    shop.paper.faults["redeem"].extend([Fault.LOST] * 4)
    assert (await shop.redeem("P1")).outcome is RedeemOutcome.UNKNOWN
    await shop.settle(seconds=20, sweeps=4)
    assert (len(ticket.uses), await shop.ledger()) == (1, [SUCCEEDED])


async def test_first_call_taken_by_another_is_declined(shop):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LOST)
    await shop.redeem("Q1")
    ticket.uses.append(_foreign_use(shop))
    await shop.settle(seconds=40)
    assert await shop.ledger() == [DECLINED]
    assert await shop.claims() == 0


async def test_late_landing_after_decline_is_taken_back(shop):
    """Sent, lost, the person gave up after ten minutes; then it lands all the same."""
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LATE)
    await shop.redeem("Q1")
    await shop.settle(seconds=660)
    assert await shop.ledger() == [DECLINED]
    shop.plain.land()
    await shop.settle(seconds=31, sweeps=2)
    assert (len(ticket.uses), ticket.living) == (1, [])
    assert await shop.ledger() == [RedemptionStatus.REVERSED]


async def test_unasked_platform_needs_a_person(shop):
    shop.blind.add("B1")
    shop.blind.faults["redeem"].append(Fault.LOST)
    assert (await shop.redeem("B1")).outcome is RedeemOutcome.UNKNOWN
    await shop.settle(seconds=31)
    assert await shop.ledger() == [RedemptionStatus.NEEDS_ATTENTION]
    assert await shop.claims() == 1


async def test_needing_a_person_blocks_the_coupon(shop):
    shop.blind.add("B1")
    shop.blind.faults["redeem"].append(Fault.LOST)
    await shop.redeem("B1")
    await shop.settle(seconds=31)
    result = await shop.redeem("B1")
    assert [each.code for each in result.problems] == [Refusal.ALREADY_REDEEMED]
    assert shop.blind.calls.count("redeem") == 1


async def test_rival_of_an_unknown_is_told_to_wait(shop):
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LOST)
    await shop.redeem("Q1")
    [problem] = (await shop.redeem("Q1", key="rival")).problems
    assert (problem.code, problem.retry_after) == (Refusal.LOCKED, 2)
    await shop.settle(seconds=40)
    [problem] = (await shop.redeem("Q1", key="rival")).problems
    assert problem.code is Refusal.ALREADY_REDEEMED


async def test_unknown_middle_leg_holds_the_basket(shop):
    first, last = shop.paper.add("P1"), shop.paper.add("P3")
    shop.plain.add("Q2")
    shop.plain.faults["redeem"].append(Fault.LOST)
    result = await shop.redeem("P1", "Q2", "P3")
    assert result.outcome is RedeemOutcome.UNKNOWN
    assert (len(first.living), last.uses) == (1, [])
    await shop.settle(seconds=40)
    assert await shop.ledger() == [SUCCEEDED] * 3
    assert len(last.living) == 1


async def test_lost_reversal_of_a_basket_is_finished(shop):
    first = shop.paper.add("P1")
    shop.paper.add("P2", refusal=Refusal.EXPIRED)
    shop.paper.faults["reverse"].append(Fault.ANSWER_LOST)
    assert (await shop.redeem("P1", "P2")).outcome is RedeemOutcome.UNKNOWN
    await shop.settle(seconds=5)
    assert await shop.ledger() == [RedemptionStatus.REVERSED, DECLINED]
    assert (first.living, await shop.claims()) == ([], 0)


async def test_basket_that_cannot_be_taken_back_needs_a_person(shop):
    shop.paper.add("P1")
    shop.paper.add("P2", refusal=Refusal.EXPIRED)
    shop.paper.take_back = lambda order: _too_late()
    result = await shop.redeem("P1", "P2", key="k")
    assert result.outcome is RedeemOutcome.UNKNOWN
    assert await shop.ledger() == [RedemptionStatus.NEEDS_ATTENTION, DECLINED]
    assert (await shop.redeem("P1", "P2", key="k")).outcome is RedeemOutcome.UNKNOWN


@pytest.mark.parametrize("code", ["P1", "Q1"])
async def test_observers_hear_of_settled_redemptions(shop, code):
    platform = shop.paper if code == "P1" else shop.plain
    platform.add(code)
    platform.faults["redeem"].append(Fault.ANSWER_LOST)
    await shop.redeem(code)
    assert [type(event).__name__ for event in shop.seen] == ["CouponRedeemed"]


def _foreign_use(shop):
    from scripted import Use

    return Use("somebody", "other", shop.clock.now().replace(year=2020))


def _too_late():
    from core.channels.contract import Refused, ReversalRefused

    return ReversalRefused(Refused(Refusal.REVERSAL_WINDOW_CLOSED))
