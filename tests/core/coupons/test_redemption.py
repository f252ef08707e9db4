"""Redeeming: what a basket of codes does, when all goes well and when a platform says no."""

from __future__ import annotations

import asyncio

import pytest
from scripted import Fault

from core.channels.contract import Refusal
from core.coupons.values import RedeemOutcome, RedemptionStatus
from core.errors import BadInput, IdempotencyKeyReused


async def test_code_is_redeemed_once(shop):
    ticket = shop.paper.add("P1")
    result = await shop.redeem("P1")
    assert result.outcome is RedeemOutcome.REDEEMED
    assert [each.status for each in result.redemptions] == [RedemptionStatus.SUCCEEDED]
    assert result.redemptions[0].discount == 5000
    assert result.redemptions[0].channel_reference == "P1-0"
    assert len(ticket.living) == 1
    assert await shop.events() == 1


async def test_typed_code_is_cleaned(shop):
    ticket = shop.paper.add("P123")
    assert (await shop.redeem(" ｐ１-２ ３ ")).outcome is RedeemOutcome.REDEEMED
    assert len(ticket.living) == 1


async def test_same_key_gives_first_answer(shop):
    ticket = shop.paper.add("P1")
    first = await shop.redeem("P1", key="k")
    again = await shop.redeem("P1", key="k")
    assert again == first
    assert len(ticket.uses) == 1


async def test_same_key_with_other_input_is_refused(shop):
    shop.paper.add("P1")
    other = shop.paper.add("P2")
    await shop.redeem("P1", key="k")
    with pytest.raises(IdempotencyKeyReused):
        await shop.redeem("P2", key="k")
    assert other.uses == []


async def test_used_code_tells_when_and_where(shop):
    shop.paper.add("P1")
    first = await shop.redeem("P1")
    result = await shop.redeem("P1")
    [problem] = result.problems
    assert (result.outcome, problem.code) == (RedeemOutcome.DECLINED, Refusal.ALREADY_REDEEMED)
    assert problem.redeemed_at == first.redemptions[0].redeemed_at
    assert problem.store_id == shop.store_id
    assert await shop.ledger() == [RedemptionStatus.SUCCEEDED]


async def test_customer_learns_less(shop):
    shop.paper.add("P1")
    await shop.redeem("P1")
    [problem] = (await shop.redeem("P1", actor=shop.customer)).problems
    assert problem.code is Refusal.ALREADY_REDEEMED
    assert (problem.redeemed_at, problem.store_id, problem.channel_code) == (None, None, None)


async def test_unknown_code_writes_no_redemption(shop):
    result = await shop.redeem("P404")
    assert [each.code for each in result.problems] == [Refusal.UNKNOWN_CODE]
    assert result.problems[0].field == ("codes", "0")
    assert await shop.ledger() == []


async def test_refusal_at_submit_is_kept_for_the_key(shop):
    first = await shop.redeem("P9", key="k")
    shop.paper.add("P9")
    assert await shop.redeem("P9", key="k") == first
    assert shop.paper.tickets["P9"].uses == []


async def test_refused_second_code_takes_first_back(shop):
    first = shop.paper.add("P1")
    shop.paper.add("P2", refusal=Refusal.WRONG_STORE)
    result = await shop.redeem("P1", "P2")
    assert result.outcome is RedeemOutcome.DECLINED
    assert [(each.code, each.field) for each in result.problems] == [(Refusal.WRONG_STORE, ("codes", "1"))]
    assert await shop.ledger() == [RedemptionStatus.REVERSED, RedemptionStatus.DECLINED]
    assert (len(first.uses), first.living, await shop.claims()) == (1, [], 0)


async def test_final_coupon_goes_last(shop):
    final = shop.final.add("F1")
    shop.paper.add("P2", refusal=Refusal.EXPIRED)
    result = await shop.redeem("F1", "P2")
    assert result.outcome is RedeemOutcome.DECLINED
    assert final.uses == []
    assert set(await shop.ledger()) == {RedemptionStatus.DECLINED}


async def test_two_final_coupons_do_not_stack(shop):
    shop.final.add("F1"), shop.final.add("F2")
    result = await shop.redeem("F1", "F2")
    assert [(each.code, each.field) for each in result.problems] == [(Refusal.NOT_STACKABLE, ("codes", "1"))]
    assert shop.final.calls.count("redeem") == 0


async def test_same_coupon_twice_does_not_stack(shop):
    ticket = shop.paper.add("P1")
    result = await shop.redeem("P1", "P1")
    assert [each.code for each in result.problems] == [Refusal.NOT_STACKABLE]
    assert ticket.uses == []


async def test_card_is_used_several_times(shop):
    card = shop.paper.add("P7", times=10, face_value=100_00)
    result = await shop.redeem("P7", count=3)
    assert [(each.times, each.discount) for each in result.redemptions] == [(3, 3000)]
    assert len(card.living) == 3
    assert (await shop.redeem("P7", count=2)).outcome is RedeemOutcome.REDEEMED
    assert (len(card.living), await shop.claims()) == (5, 5)


async def test_card_with_too_few_uses_is_left_alone(shop):
    card = shop.paper.add("P7", times=2)
    result = await shop.redeem("P7", count=3)
    assert [each.code for each in result.problems] == [Refusal.TIMES_USED_UP]
    assert card.uses == []


async def test_part_of_an_order_is_redeemed(shop):
    tickets = [shop.paper.add(f"P{n}", order="PORDER") for n in range(3)]
    result = await shop.redeem("PORDER", count=2)
    assert [len(each.living) for each in tickets] == [1, 1, 0]
    assert len(result.redemptions) == 2
    assert shop.paper.calls.count("redeem") == 1


async def test_fifty_at_once_redeem_one_code_once(shop):
    ticket = shop.paper.add("P1")
    results = await asyncio.gather(*(shop.redeem("P1") for _ in range(50)))
    outcomes = [each.outcome for each in results]
    assert outcomes.count(RedeemOutcome.REDEEMED) == 1
    refusals = [problem.code for each in results for problem in each.problems]
    assert refusals == [Refusal.ALREADY_REDEEMED] * 49
    assert len(ticket.uses) == 1


async def test_fifty_repeats_of_one_key_agree(shop):
    ticket = shop.paper.add("P1")
    results = await asyncio.gather(*(shop.redeem("P1", key="k") for _ in range(50)))
    assert {each.outcome for each in results} == {RedeemOutcome.REDEEMED}
    assert len({each.redemptions[0].id for each in results}) == 1
    assert len(ticket.uses) == 1


async def test_crossed_baskets_end(shop):
    tickets = [shop.paper.add("P1"), shop.paper.add("P2")]
    results = await asyncio.gather(*(shop.redeem(*pair) for pair in [("P1", "P2"), ("P2", "P1")] * 5))
    assert [each.outcome for each in results].count(RedeemOutcome.REDEEMED) == 1
    assert [len(each.living) for each in tickets] == [1, 1]


async def test_unreachable_platform_declines(shop):
    ticket = shop.paper.add("P1")
    shop.paper.faults["redeem"].append(Fault.REFUSED_CONNECTION)
    result = await shop.redeem("P1")
    assert [each.code for each in result.problems] == [Refusal.CHANNEL_UNAVAILABLE]
    assert (ticket.uses, await shop.claims()) == ([], 0)


async def test_gone_client_stops_nothing(shop):
    ticket = shop.paper.add("P1")
    shop.paper.faults["redeem"].append(Fault.HANGS)
    waiting = asyncio.create_task(shop.redeem("P1", key="k"))
    while "redeem" not in shop.paper.calls:
        await asyncio.sleep(0.01)
    waiting.cancel()
    shop.paper.release.set()
    assert (await shop.redeem("P1", key="k")).outcome is RedeemOutcome.REDEEMED
    assert len(ticket.uses) == 1


@pytest.mark.parametrize(
    ("codes", "key", "field"),
    [
        ([], "k", ("codes",)),
        (["P1"] * 21, "k", ("codes",)),
        (["  "], "k", ("codes", "0", "code")),
        (["P1", "x" * 3000], "k", ("codes", "1", "code")),
        (["P1"], " ", ("idempotencyKey",)),
        (["P1"], "k" * 256, ("idempotencyKey",)),
    ],
)
async def test_wrong_input_names_its_place(shop, codes, key, field):
    with pytest.raises(BadInput) as caught:
        await shop.redeem(*codes, key=key)
    assert caught.value.field == field
    assert shop.paper.calls == []
