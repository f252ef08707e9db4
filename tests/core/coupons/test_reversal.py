"""Taking a redemption back on request."""

from __future__ import annotations

import asyncio

import pytest
from scripted import Fault

from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.channels.contract import Refusal, Refused, ReversalRefused
from core.coupons.reversal import reverse_redemption
from core.coupons.values import RedeemOutcome, RedemptionStatus
from core.errors import BadInput, Forbidden, IdempotencyKeyReused, NotFound


@pytest.fixture(autouse=True)
def _hurry(shop):
    shop.hurry()


async def _redeemed(shop, code="P1"):
    return (await shop.redeem(code)).redemptions[0]


async def _reverse(shop, redemption_id, key="r", actor=None, reason="wrong table"):
    return await reverse_redemption(shop.runtime, actor or shop.owner, redemption_id, reason, key)


async def test_reversal_frees_the_coupon(shop):
    ticket = shop.paper.add("P1")
    redemption = await _redeemed(shop)
    result = await _reverse(shop, redemption.id)
    assert (result.problems, result.redemption.status) == ((), RedemptionStatus.REVERSED)
    assert result.redemption.reversed_at is not None
    assert (ticket.living, await shop.claims()) == ([], 0)
    assert (await shop.redeem("P1")).outcome is RedeemOutcome.REDEEMED


async def test_same_key_reverses_once(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    first = await _reverse(shop, redemption.id)
    assert await _reverse(shop, redemption.id) == first
    assert shop.paper.calls.count("reverse") == 1


async def test_second_reversal_says_already_reversed(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    await _reverse(shop, redemption.id)
    [problem] = (await _reverse(shop, redemption.id, key="other")).problems
    assert problem.code is Refusal.ALREADY_REVERSED
    assert shop.paper.calls.count("reverse") == 1


async def test_ten_reversals_at_once_reverse_once(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    results = await asyncio.gather(*(_reverse(shop, redemption.id, key=f"r{n}") for n in range(10)))
    assert sum(not each.problems for each in results) == 1
    assert {each.redemption.status for each in results} == {RedemptionStatus.REVERSED}
    assert shop.paper.calls.count("reverse") == 1


async def test_closed_window_leaves_redemption(shop):
    ticket = shop.paper.add("P1")
    redemption = await _redeemed(shop)
    shop.paper.take_back = lambda order: ReversalRefused(Refused(Refusal.REVERSAL_WINDOW_CLOSED))
    result = await _reverse(shop, redemption.id)
    assert [each.code for each in result.problems] == [Refusal.REVERSAL_WINDOW_CLOSED]
    assert result.redemption.status is RedemptionStatus.SUCCEEDED
    assert (len(ticket.living), await shop.claims()) == (1, 1)


async def test_final_coupon_is_not_reversible(shop):
    shop.final.add("F1")
    redemption = await _redeemed(shop, "F1")
    result = await _reverse(shop, redemption.id)
    assert [each.code for each in result.problems] == [Refusal.NOT_REVERSIBLE]
    assert shop.final.calls.count("reverse") == 0


async def test_declined_redemption_is_not_reversible(shop):
    shop.paper.add("P1", refusal=Refusal.EXPIRED)
    redemption = await _redeemed(shop)
    [problem] = (await _reverse(shop, redemption.id)).problems
    assert problem.code is Refusal.NOT_REVERSIBLE


async def test_lost_reversal_settles_by_itself(shop):
    ticket = shop.paper.add("P1")
    redemption = await _redeemed(shop)
    shop.paper.faults["reverse"].append(Fault.ANSWER_LOST)
    result = await _reverse(shop, redemption.id)
    assert [each.code for each in result.problems] == [Refusal.OUTCOME_UNKNOWN]
    assert result.redemption.status is RedemptionStatus.REVERSING
    await shop.settle(seconds=3)
    assert (await _reverse(shop, redemption.id)).redemption.status is RedemptionStatus.REVERSED
    assert (ticket.living, shop.paper.calls.count("reverse")) == ([], 1)


async def test_lost_before_effect_is_sent_again(shop):
    ticket = shop.paper.add("P1")
    redemption = await _redeemed(shop)
    shop.paper.faults["reverse"].append(Fault.LOST)
    await _reverse(shop, redemption.id)
    await shop.settle(seconds=3)
    assert (ticket.living, shop.paper.calls.count("reverse")) == ([], 2)
    assert await shop.ledger() == [RedemptionStatus.REVERSED]


async def test_unreachable_platform_leaves_redemption(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    shop.paper.faults["reverse"].append(Fault.REFUSED_CONNECTION)
    result = await _reverse(shop, redemption.id)
    assert [each.code for each in result.problems] == [Refusal.CHANNEL_UNAVAILABLE]
    assert await shop.ledger() == [RedemptionStatus.SUCCEEDED]


async def test_key_with_other_reason_is_refused(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    await _reverse(shop, redemption.id)
    with pytest.raises(IdempotencyKeyReused):
        await _reverse(shop, redemption.id, reason="another reason")


async def test_blank_reason_is_refused(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    with pytest.raises(BadInput) as caught:
        await _reverse(shop, redemption.id, reason="  ")
    assert caught.value.field == ("reason",)


async def test_staff_needs_the_scope(shop):
    shop.paper.add("P1")
    redemption = await _redeemed(shop)
    with pytest.raises(Forbidden):
        await _reverse(shop, redemption.id, actor=shop.staff)
    token = await create_token(
        shop.owner.tenant_id, Role.STAFF, store_ids=[shop.store_id], scopes=["reverse"]
    )
    allowed = await authenticate(token)
    assert (await _reverse(shop, redemption.id, actor=allowed)).problems == ()


async def test_unknown_redemption_is_not_found(shop):
    with pytest.raises(NotFound):
        await _reverse(shop, shop.store_id)
