"""Looking a code up: every channel is asked, nothing is used up, and the answer says who was down."""

from __future__ import annotations

import pytest
from scripted import Fault

from core.channels.contract import CouponStatus, Refusal
from core.coupons.lookup import look_up_code
from core.coupons.values import Probe, ProbeOutcome
from core.errors import BadInput, NotFound


async def _look(shop, code, actor=None):
    return await look_up_code(shop.runtime, actor or shop.staff, shop.store_id, code)


async def test_found_coupon_is_shown_unused(shop):
    ticket = shop.paper.add("P1", times=3)
    result = await _look(shop, "p-1")
    [coupon] = result.coupons
    assert (coupon.code, coupon.title, coupon.status) == ("p-1", "Afternoon tea", CouponStatus.AVAILABLE)
    assert (coupon.face_value, coupon.paid_amount, coupon.times_remaining) == (5000, 4000, 3)
    assert (result.problems, ticket.uses) == ((), [])


async def test_id_is_the_same_at_every_look(shop):
    shop.paper.add("P1")
    first, second = await _look(shop, "P1"), await _look(shop, "P1")
    assert first.coupons[0].id == second.coupons[0].id


async def test_coupon_id_chooses_one_of_an_order(shop):
    from core.coupons.values import CodeInput

    tickets = [shop.paper.add(f"P{n}", order="PORDER") for n in range(3)]
    last = (await _look(shop, "PORDER")).coupons[2]
    await shop.redeem(CodeInput("PORDER", coupon_ids=(last.id,)))
    assert [len(each.uses) for each in tickets] == [0, 0, 1]


async def test_two_claims_are_ambiguous(shop):
    shop.paper.add("PQ")
    shop.runtime.registry.get("plain").letter = "P"
    shop.plain.add("PQ")
    result = await _look(shop, "PQ")
    assert [each.code for each in result.problems] == [Refusal.AMBIGUOUS_CODE]
    assert {each.channel for each in result.probes if each.outcome is ProbeOutcome.FOUND} == {
        "paper",
        "plain",
    }
    assert {coupon.channel for coupon in result.coupons} == {"paper", "plain"}


async def test_channel_hint_decides(shop):
    from core.coupons.values import CodeInput, RedeemOutcome

    shop.runtime.registry.get("plain").letter = "P"
    paper, plain = shop.paper.add("PQ"), shop.plain.add("PQ")
    assert (await shop.redeem("PQ")).problems[0].code is Refusal.AMBIGUOUS_CODE
    result = await shop.redeem(CodeInput("PQ", channel="plain"))
    assert result.outcome is RedeemOutcome.REDEEMED
    assert (paper.uses, len(plain.uses)) == ([], 1)


async def test_found_wins_over_a_channel_that_is_down(shop):
    shop.runtime.registry.get("plain").letter = "P"
    shop.paper.add("P1")
    shop.plain.faults["look_up"].append(Fault.LOST)
    result = await _look(shop, "P1")
    assert result.problems == ()
    assert Probe("plain", None, ProbeOutcome.UNAVAILABLE, Refusal.CHANNEL_UNAVAILABLE) in result.probes


async def test_down_channel_is_not_an_unknown_code(shop):
    shop.paper.faults["look_up"].append(Fault.LOST)
    result = await _look(shop, "P1")
    [problem] = result.problems
    assert (problem.code, problem.channel) == (Refusal.CHANNEL_UNAVAILABLE, "paper")


async def test_slow_channel_is_given_up(shop):
    shop.paper.faults["look_up"].append(Fault.HANGS)
    result = await _look(shop, "P1")
    assert [each.code for each in result.problems] == [Refusal.CHANNEL_UNAVAILABLE]


async def test_customer_gets_no_probes(shop):
    shop.paper.add("P1")
    result = await _look(shop, "P1", shop.customer)
    assert (result.probes, len(result.coupons)) == ((), 1)


async def test_fifth_unknown_code_locks_a_customer(shop):
    for n in range(5):
        assert (await _look(shop, f"P{n}", shop.customer)).problems[0].code is Refusal.UNKNOWN_CODE
    asked = len(shop.paper.calls)
    [problem] = (await _look(shop, "P9", shop.customer)).problems
    assert problem.code is Refusal.TOO_MANY_ATTEMPTS
    assert problem.retry_after == 15 * 60
    assert len(shop.paper.calls) == asked


async def test_good_codes_never_lock(shop):
    shop.paper.add("P1")
    for _ in range(8):
        assert (await _look(shop, "P1", shop.customer)).problems == ()


async def test_empty_code_is_bad_input(shop):
    with pytest.raises(BadInput):
        await _look(shop, " - ")


async def test_unknown_store_is_not_found(shop):
    with pytest.raises(NotFound):
        await look_up_code(shop.runtime, shop.staff, shop.owner.tenant_id, "P1")


async def test_known_coupon_tells_its_real_state(shop):
    """The platform's refusal may mean several things; a coupon that was seen before is asked about."""
    ticket = shop.plain.add("Q1")
    await _look(shop, "Q1")
    ticket.times = 0
    shop.plain.show = lambda query: _state(query, CouponStatus.REFUNDED)
    [problem] = (await _look(shop, "Q1")).problems
    assert problem.code is Refusal.REFUNDED


def _state(query, status):
    from core.channels.contract import CouponState

    return CouponState(query.reference, status)
