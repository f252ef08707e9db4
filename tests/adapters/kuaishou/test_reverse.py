"""Taking uses back, on a platform that shows no uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.kuaishou.parse import Handle
from core.channels.contract import (
    ChannelUnavailable,
    OutcomeUnknown,
    Refusal,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)
from core.testing.faults import FaultKind

REFERENCE = "500000000000001"
HANDLE = Handle("TESTENC0001", {"code": "880260412345"}).pack()


@pytest.fixture
def redeem(channel: Any, session: Any, simulator: Any, find: Any, order_of: Any) -> Any:
    """Redeems a new coupon and answers what takes it back."""

    async def run(state: str = "usable", times: int = 1) -> ReversalOrder:
        found = await find(simulator.make(state).code)
        (outcome,) = await channel.coupons.redeem(session, order_of(found, times=times))
        receipts = tuple(receipt.reference for receipt in outcome.receipts)
        coupon = found.coupons[0]
        return ReversalOrder("r1", coupon.reference, coupon.handle, receipts, found.order_reference)

    return run


def make_order(attempt: int = 1) -> ReversalOrder:
    return ReversalOrder("r1", REFERENCE, HANDLE, ("700000000000001",), None, attempt)


def refuse(code: int, words: str) -> Any:
    return {"result": 1, "data": {"error_code": code, "description": words}}


def count_living(simulator: Any) -> int:
    return sum(each.living for each in simulator.consumptions())


async def test_use_is_taken_back(channel: Any, session: Any, simulator: Any, redeem: Any, find: Any) -> None:
    order = await redeem()
    assert await channel.coupons.reverse(session, order) == Reversed()
    assert count_living(simulator) == 0
    assert (await find(simulator.consumptions()[0].code)).coupons[0].reference == order.reference


async def test_body_of_a_cancel(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("certificate_cancel_ok"))
    assert await channel.coupons.reverse(session, make_order()) == Reversed()
    (sent,) = session.http.requests
    assert sent.content == b'{"verify_id":"700000000000001","certificate_id":"500000000000001"}'
    assert sent.url == "http://simulator.test/goodlife/v1/fulfilment/certificate/cancel"


async def test_only_named_uses_are_taken_back(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem("times_card", times=3)
    order = replace(order, receipts=order.receipts[:2])
    assert await channel.coupons.reverse(session, order) == Reversed()
    assert (simulator.calls["cancel"], count_living(simulator)) == (2, 2)


@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500_AFTER_APPLY, FaultKind.GARBAGE, FaultKind.LOSE]
)
async def test_repeat_after_a_lost_answer(
    channel: Any, session: Any, simulator: Any, redeem: Any, kind: FaultKind
) -> None:
    order = await redeem()
    simulator.faults.script("reverse", kind)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert await channel.coupons.reverse(session, replace(order, attempt=2)) == Reversed()
    assert count_living(simulator) == 0


async def test_half_reversed_card_is_finished(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem("times_card", times=2)
    simulator.faults.script("reverse", None, FaultKind.LOSE)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert count_living(simulator) == 2
    assert await channel.coupons.reverse(session, replace(order, attempt=2)) == Reversed()
    assert count_living(simulator) == 1


async def test_taken_back_by_somebody_else(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    answer = await channel.coupons.reverse(session, order)
    assert isinstance(answer, ReversalRefused)
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.ALREADY_REVERSED, "3000001")
    assert count_living(simulator) == 0


async def test_newer_use_is_spared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, redeem: Any
) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    await channel.coupons.redeem(session, order_of(await find(simulator.consumptions()[0].code)))
    assert await channel.coupons.reverse(session, replace(order, attempt=2)) == Reversed()
    assert count_living(simulator) == 1


# ---------------------------------------------------------------------------------------------------- other refusals
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("已超过可撤销时限,无法撤销核销", Refusal.REVERSAL_WINDOW_CLOSED),
        ("该商品不可撤销", Refusal.NOT_REVERSIBLE),
        ("该券不能撤销核销", Refusal.NOT_REVERSIBLE),
        ("该核销记录已撤销", Refusal.ALREADY_REVERSED),
        ("该券未核销", Refusal.ALREADY_REVERSED),
    ],
)
async def test_words_of_a_first_refusal(channel: Any, canned: Any, words: str, reason: Refusal) -> None:
    session = canned(refuse(3000001, words))
    answer = await channel.coupons.reverse(session, make_order())
    assert (answer.refusal.reason, answer.refusal.platform_message) == (reason, words)
    assert len(session.http.requests) == 1


@pytest.mark.parametrize(
    ("attempt", "words", "listed", "expected"),
    [
        (1, "?", True, Refusal.ALREADY_REVERSED),
        (1, "?", False, Refusal.REFUSED_BY_CHANNEL),
        (2, "?", True, None),
        (2, "?", False, OutcomeUnknown),
        (2, "撤销时限", True, None),
        (2, "撤销时限", False, Refusal.REVERSAL_WINDOW_CLOSED),
    ],
)
async def test_prepare_tells_whether_it_is_gone(
    channel: Any, canned: Any, read_payload: Any, attempt: int, words: str, listed: bool, expected: Any
) -> None:
    looked = read_payload("certificate_prepare_ok" if listed else "certificate_prepare_empty")
    session = canned(refuse(98765, words), looked)
    reversing = channel.coupons.reverse(session, make_order(attempt))
    if expected is OutcomeUnknown:
        with pytest.raises(OutcomeUnknown):
            await reversing
    elif expected is None:
        assert await reversing == Reversed()
    else:
        assert (await reversing).refusal.reason is expected
    assert session.http.requests[-1].params == {"code": "880260412345"}


async def test_coupon_that_cannot_be_looked_at(channel: Any, canned: Any) -> None:
    session = canned(refuse(98765, "?"), (502, b"bad gateway"))
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.reverse(session, make_order())
    assert isinstance(caught.value.__cause__, ChannelUnavailable)


async def test_busy_platform_leaves_it_open(channel: Any, canned: Any) -> None:
    session = canned(refuse(2100004, "系统繁忙"))
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.reverse(session, make_order())
    assert caught.value.platform_code == "2100004"
