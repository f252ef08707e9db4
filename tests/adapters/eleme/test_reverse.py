"""Asking for a voucher's state, and taking uses back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.channels.contract import (
    ChannelUnavailable,
    CouponStatus,
    OutcomeUnknown,
    ProtocolFailure,
    Refusal,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    StatusQuery,
)
from core.testing.faults import FaultKind

TICKET = "2208211121312608720"
ROOT = "alibaba_alsc_daodian_ticket_reserve_response"
DONE = {ROOT: {"result": {"success": True}}}


def refuse(code: str, words: str = "?", **more: Any) -> Any:
    return {ROOT: {"result": {"success": False, "error_code": code, "error_msg": words, **more}}}


def make_order(*receipts: str, total: int = 1, attempt: int = 1) -> ReversalOrder:
    return ReversalOrder("r1", TICKET, f"{TICKET}*{total}", receipts or ("T1",), None, attempt)


@pytest.fixture
def redeem(channel: Any, session: Any, simulator: Any, find: Any, order_of: Any) -> Any:
    """Redeems a new voucher and answers what takes it back, and its code."""

    async def run(state: str = "usable", times: int = 1) -> tuple[ReversalOrder, str]:
        code = simulator.make(state).code
        found = await find(code)
        outcomes = await channel.coupons.redeem(session, order_of(found, code, times=times))
        receipts = tuple(receipt.reference for receipt in outcomes[0].receipts)
        coupon = found.coupons[0]
        return ReversalOrder("r1", coupon.reference, coupon.handle, receipts, found.order_reference), code

    return run


def count_living(simulator: Any) -> int:
    return sum(each.living for each in simulator.consumptions())


# ------------------------------------------------------------------------------------------------------------ status
async def test_unused_voucher_has_a_state(channel: Any, session: Any, simulator: Any, find: Any) -> None:
    sample = simulator.make("two_coupons")
    second = (await find(sample.code)).coupons[1]
    query = StatusQuery(second.reference, second.handle, sample.code)
    state = await channel.coupons.status(session, query)
    assert (state.reference, state.status, state.uses) == (second.reference, CouponStatus.AVAILABLE, ())


@pytest.mark.parametrize("state", ["usable", "times_card", "two_coupons"])
async def test_used_voucher_is_not_unused(
    channel: Any, session: Any, simulator: Any, redeem: Any, state: str
) -> None:
    order, code = await redeem(state)
    told = await channel.coupons.status(session, StatusQuery(order.reference, order.handle, code))
    assert told.status is not CouponStatus.AVAILABLE
    assert told.uses == ()
    assert simulator.calls == {"consult": 2, "use": 1}


async def test_refused_question_tells_a_state(channel: Any, session: Any, simulator: Any) -> None:
    sample = simulator.make("refunded")
    told = await channel.coupons.status(session, StatusQuery(sample.reference, "", sample.code))
    assert (told.status, told.uses) == (CouponStatus.REFUNDED, ())


async def test_refused_question_keeps_its_code(channel: Any, session: Any, simulator: Any) -> None:
    sample = simulator.make("wrong_store")
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.status(session, StatusQuery(sample.reference, "", sample.code))
    assert (caught.value.platform_code, caught.value.operation) == ("SHOP_NOT_MATCH", "status")


async def test_lost_question_is_unavailable(channel: Any, session: Any, simulator: Any) -> None:
    sample = simulator.make("usable")
    simulator.faults.script("consult", FaultKind.LOSE)
    with pytest.raises(ChannelUnavailable):
        await channel.coupons.status(session, StatusQuery(sample.reference, "", sample.code))


# ---------------------------------------------------------------------------------------------------------- reversals
async def test_use_is_taken_back(
    channel: Any, session: Any, simulator: Any, redeem: Any, find: Any, read_request: Any
) -> None:
    order, code = await redeem()
    assert await channel.coupons.reverse(session, order) == Reversed()
    sent = read_request(session.http.requests[-1])["ticket_reverse_top_request"]
    assert (len(sent.pop("request_id")), count_living(simulator)) == (32, 0)
    assert sent == {"ticket_id": order.reference, "ticket_use_trans_id": order.receipts[0]}
    assert len((await find(code)).coupons) == 1


async def test_one_call_for_each_use(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order, _ = await redeem("times_card", times=3)
    assert await channel.coupons.reverse(session, order) == Reversed()
    assert (simulator.calls["reverse"], count_living(simulator)) == (3, 3)


async def test_call_numbers_are_stable(channel: Any, session: Any, redeem: Any, read_request: Any) -> None:
    order, _ = await redeem("times_card", times=2)
    await channel.coupons.reverse(session, order)
    await channel.coupons.reverse(session, replace(order, attempt=2))
    sent = [read_request(each)["ticket_reverse_top_request"] for each in session.http.requests[-4:]]
    numbers = [each["request_id"] for each in sent]
    assert numbers[:2] == numbers[2:]
    assert numbers[0] != numbers[1]


async def test_documented_answer(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("29_alsc_ticket_reverse_ok"))
    assert await channel.coupons.reverse(session, make_order()) == Reversed()


async def test_retryable_example_is_unknown(channel: Any, canned: Any, read_payload: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.reverse(canned(read_payload("30_alsc_ticket_reverse_retryable")), make_order())
    assert caught.value.platform_code == "SYSTEM_ERROR"


@pytest.mark.parametrize(
    ("receipts", "total", "sent"),
    [
        (("T1", "T2"), 10, ["T1", "T2"]),
        (("T1#1/2", "T1#2/2"), 10, ["T1"]),
        (("T1#1/1",), 10, ["T1"]),
        (("request.r#1/1",), 1, [None]),
    ],
)
async def test_receipts_and_calls(
    channel: Any, canned: Any, read_request: Any, receipts: Any, total: int, sent: Any
) -> None:
    session = canned(*[DONE] * len(sent))
    assert await channel.coupons.reverse(session, make_order(*receipts, total=total)) == Reversed()
    asked = [read_request(each)["ticket_reverse_top_request"] for each in session.http.requests]
    assert [each.get("ticket_use_trans_id") for each in asked] == sent


@pytest.mark.parametrize(
    ("receipts", "total"),
    [
        (("T1#1/2",), 10),
        (("T1#1/3", "T1#3/3"), 10),
        (("T2", "T1#1/2"), 10),
        (("request.r#1/1",), 10),
        (("request.r#1/1",), 11),
    ],
)
async def test_other_uses_are_spared(channel: Any, canned: Any, receipts: Any, total: int) -> None:
    session = canned()
    answer = await channel.coupons.reverse(session, make_order(*receipts, total=total))
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.NOT_REVERSIBLE
    assert session.http.requests == []


@pytest.mark.parametrize(
    ("words", "first", "repeat"),
    [
        ("该核销流水已冲正", Refusal.ALREADY_REVERSED, None),
        ("凭证未核销", Refusal.ALREADY_REVERSED, None),
        ("超过可冲正时间", Refusal.REVERSAL_WINDOW_CLOSED, Refusal.REVERSAL_WINDOW_CLOSED),
        ("该券不支持冲正", Refusal.NOT_REVERSIBLE, Refusal.NOT_REVERSIBLE),
        ("参数错误", Refusal.REFUSED_BY_CHANNEL, OutcomeUnknown),
    ],
)
async def test_refused_reversals(channel: Any, canned: Any, words: str, first: Any, repeat: Any) -> None:
    body = refuse("SOMETHING_NEW", words)
    answer = await channel.coupons.reverse(canned(body), make_order())
    assert (answer.refusal.reason, answer.refusal.platform_code) == (first, "SOMETHING_NEW")
    again = channel.coupons.reverse(canned(body), make_order(attempt=2))
    if repeat is OutcomeUnknown:
        with pytest.raises(OutcomeUnknown):
            await again
    else:
        answer = await again
        assert answer == Reversed() if repeat is None else answer.refusal.reason is repeat


async def test_repeat_goes_on_where_the_first_ended(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order, _ = await redeem("times_card", times=2)
    simulator.faults.script("reverse", None, FaultKind.LOSE)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert count_living(simulator) == 3 + 1
    assert await channel.coupons.reverse(session, replace(order, attempt=2)) == Reversed()
    assert count_living(simulator) == 3


async def test_reversal_by_somebody_else(channel: Any, session: Any, redeem: Any) -> None:
    order, _ = await redeem()
    await channel.coupons.reverse(session, order)
    answer = await channel.coupons.reverse(session, replace(order, token="r2"))
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED


async def test_use_that_never_was(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order, _ = await redeem()
    answer = await channel.coupons.reverse(session, replace(order, receipts=("T404",)))
    assert (answer.refusal.reason, answer.refusal.platform_code) == ("REFUSED_BY_CHANNEL", "TRANS_NOT_EXIST")
    assert count_living(simulator) == 1
