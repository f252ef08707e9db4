"""Asking for a coupon's state, and taking uses back."""

from __future__ import annotations

from datetime import timedelta
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

VAGUE = {"data": {"error_code": 3000001, "description": "业务处理失败"}, "extra": {"sub_error_code": 7}}


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


def again(order: ReversalOrder) -> ReversalOrder:
    return ReversalOrder("r1", order.reference, order.handle, order.receipts, order.order_reference, 2)


def query(order: ReversalOrder, handle: str | None = None) -> StatusQuery:
    given = order.handle if handle is None else handle
    return StatusQuery(order.reference, given, "", order.order_reference)


def count_living(simulator: Any) -> int:
    return sum(each.living for each in simulator.consumptions())


# ------------------------------------------------------------------------------------------------------------ status
async def test_redeemed_coupon_shows_its_use(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    state = await channel.coupons.status(session, query(order))
    assert (state.reference, state.status) == (order.reference, CouponStatus.REDEEMED)
    (use,) = state.uses
    assert (use.receipt, use.by_merchant_api) == (order.receipts[0], True)
    assert (use.used_at, use.external_store_id) == (simulator.clock.now(), session.external_store_id)


async def test_state_by_order_where_no_handle(channel: Any, session: Any, redeem: Any) -> None:
    order = await redeem()
    by_handle = await channel.coupons.status(session, query(order))
    assert await channel.coupons.status(session, query(order, handle="")) == by_handle


async def test_times_card_shows_all_living_uses(channel: Any, session: Any, redeem: Any) -> None:
    order = await redeem("times_card", times=2)
    state = await channel.coupons.status(session, query(order))
    assert state.status is CouponStatus.PARTLY_REDEEMED
    assert [use.by_merchant_api for use in state.uses] == [False, False, False, True, True]
    assert tuple(use.receipt for use in state.uses[-2:]) == order.receipts


async def test_unknown_coupon_has_no_state(channel: Any, session: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.status(session, StatusQuery("755", "nobody's", ""))
    assert caught.value.platform_code == "1250"


# ----------------------------------------------------------------------------------------------------------- reverse
async def test_use_is_taken_back(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    assert await channel.coupons.reverse(session, order) == Reversed()
    state = await channel.coupons.status(session, query(order))
    assert (state.status, state.uses) == (CouponStatus.AVAILABLE, ())
    assert count_living(simulator) == 0


async def test_only_named_uses_are_taken_back(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem("times_card", times=2)
    assert await channel.coupons.reverse(session, order) == Reversed()
    assert simulator.calls["cancel"] == 2
    assert count_living(simulator) == 3


async def test_an_hour_is_not_too_late(
    channel: Any, session: Any, clock: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem()
    clock.advance(timedelta(hours=1))
    assert await channel.coupons.reverse(session, order) == Reversed()


async def test_more_than_an_hour_is(
    channel: Any, session: Any, clock: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem()
    clock.advance(timedelta(hours=1, seconds=1))
    answer = await channel.coupons.reverse(session, order)
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
    assert answer.refusal.platform_code == "3000001/2034000910"
    assert count_living(simulator) == 1


async def test_nothing_to_take_back(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    answer = await channel.coupons.reverse(session, order)
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    assert count_living(simulator) == 0


async def test_card_shows_that_the_uses_are_gone(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem("times_card", times=2)
    await channel.coupons.reverse(session, order)
    assert await channel.coupons.reverse(session, order) == Reversed()
    assert count_living(simulator) == 3


@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500_AFTER_APPLY, FaultKind.GARBAGE]
)
async def test_repeat_meets_our_own_reversal(
    channel: Any, session: Any, simulator: Any, redeem: Any, kind: FaultKind
) -> None:
    order = await redeem()
    simulator.faults.script("reverse", kind)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert await channel.coupons.reverse(session, again(order)) == Reversed()
    assert count_living(simulator) == 0


async def test_repeat_after_the_window(
    channel: Any, session: Any, simulator: Any, clock: Any, redeem: Any
) -> None:
    order = await redeem()
    simulator.faults.script("reverse", FaultKind.LOSE)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    clock.advance(timedelta(hours=2))
    answer = await channel.coupons.reverse(session, again(order))
    assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
    assert count_living(simulator) == 1


async def test_half_reversed_card_is_finished(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem("times_card", times=2)
    simulator.faults.script("reverse", None, FaultKind.LOSE)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert count_living(simulator) == 4
    assert await channel.coupons.reverse(session, again(order)) == Reversed()
    assert count_living(simulator) == 3


async def test_coupon_used_again_keeps_the_new_use(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, redeem: Any
) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    await channel.coupons.redeem(session, order_of(await find(simulator.consumptions()[0].code)))
    assert await channel.coupons.reverse(session, again(order)) == Reversed()
    assert count_living(simulator) == 1


# --------------------------------------------------------------------------------------------------- vague answers
def make_order(attempt: int = 1) -> ReversalOrder:
    return ReversalOrder("r1", "7550000000000000456", "enc", ("7551000000000000901",), None, attempt)


async def test_vague_answer_and_living_use(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(VAGUE, read_payload("life-certificate-get-used"))
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.reverse(session, make_order())
    assert caught.value.platform_code == "3000001/7"


async def test_unlisted_code_and_living_use(channel: Any, canned: Any, read_payload: Any) -> None:
    refused = {"data": {"error_code": 987654, "description": "不可撤销"}}
    session = canned(refused, read_payload("life-certificate-get-used"))
    answer = await channel.coupons.reverse(session, make_order())
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "987654")
    assert answer.refusal.platform_message == "不可撤销"


async def test_used_coupon_without_record_proves_nothing(
    channel: Any, canned: Any, read_payload: Any
) -> None:
    state = read_payload("life-certificate-get-used")
    state["data"]["certificate"]["verify"] = None
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(canned(VAGUE, state), make_order(attempt=2))


async def test_state_that_cannot_be_asked(channel: Any, canned: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.reverse(canned(VAGUE, (502, b"bad gateway")), make_order())
    assert isinstance(caught.value.__cause__, ChannelUnavailable)


@pytest.mark.parametrize("attempt", [1, 2])
async def test_window_closed_over_our_own_reversal(
    channel: Any, canned: Any, read_payload: Any, attempt: int
) -> None:
    unused = read_payload("life-certificate-get-used")
    unused["data"]["certificate"].update(status=1, verify=None)
    answer = await channel.coupons.reverse(
        canned(read_payload("life-cancel-too-late"), unused), make_order(attempt)
    )
    if attempt == 1:
        assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
    else:
        assert answer == Reversed()


async def test_refused_item_of_a_cancel(channel: Any, canned: Any, read_payload: Any) -> None:
    results = [{"verify_id": "7551000000000000901", "result_code": 5, "result_msg": "失败"}]
    done = {"data": {"error_code": 0, "cancel_results": results}}
    session = canned(done, read_payload("life-certificate-get-used"))
    answer = await channel.coupons.reverse(session, make_order())
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "5")


async def test_body_of_a_cancel(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("life-cancel-ok"))
    assert await channel.coupons.reverse(session, make_order()) == Reversed()
    (sent,) = session.http.requests
    assert sent.content == b'{"verify_id":"7551000000000000901","certificate_id":"7550000000000000456"}'
    assert sent.url == "http://simulator.test/goodlife/v1/fulfilment/certificate/cancel/"
