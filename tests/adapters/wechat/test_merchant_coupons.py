"""WeChat Pay's merchant coupons: found, used once, returned, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from core.channels.contract import (
    CouponStatus,
    Effect,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    Redeemed,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalRefused,
    Reversed,
    StatusQuery,
)
from core.testing.faults import FaultKind

LEG = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER = "01890a5d-ac96-774b-bcce-b302099a8058"
OPENID = "oSiMuLaTeD_openid-0000000001"


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("merchant_coupon_used", Refusal.ALREADY_REDEEMED),
        ("merchant_coupon_expired", Refusal.EXPIRED),
        ("merchant_coupon_early", Refusal.NOT_YET_VALID),
        ("merchant_coupon_off", Refusal.CANCELLED),
    ],
)
async def test_unusable_coupon(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal
) -> None:
    answer = await channel.coupons.look_up(session, scan(simulator.make(state).code))
    assert isinstance(answer, Refused)
    assert answer.reason is reason
    assert (answer.redeemed_at is not None) == (reason is Refusal.ALREADY_REDEEMED)


async def test_coupon_of_another_customer(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    reference = simulator.make("merchant_coupon").reference
    answer = await channel.coupons.look_up(session, scan(f"coupon_code={reference}&openid=oSomebodyElse"))
    assert answer == NotMine()


async def test_coupon_is_used(channel: Any, session: Any, simulator: Any, find: Any, order_of: Any) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    (outcome,) = await channel.coupons.redeem(session, order)
    (use,) = simulator.consumptions()[0].uses
    assert isinstance(outcome, Redeemed)
    assert [(each.reference, each.redeemed_at) for each in outcome.receipts] == [(LEG, use.used_at)]
    sent = session.http.requests[-1]
    assert (sent.operation, sent.effect) == ("coupon_use", Effect.WRITE)
    assert orjson.loads(sent.content) == {
        "coupon_code": simulator.coupons[0].code,
        "stock_id": "1290000000000001",
        "appid": "wx5a1b2c3d4e5f6071",
        "use_time": "2026-03-02T12:00:00+08:00",
        "use_request_no": LEG,
        "openid": OPENID,
    }


async def test_repeat_is_the_same_later(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    """`use_time` is when the leg was made, so that a repeat carries the identical body."""
    order = order_of(await find(simulator.make("merchant_coupon").code))
    first = await channel.coupons.redeem(session, order)
    sent = session.http.requests[-1].content
    session.clock.advance(90)
    assert await channel.coupons.redeem(session, replace(order, attempt=2)) == first
    assert session.http.requests[-1].content == sent
    assert count_living(simulator) == [1]


async def test_used_by_another_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    await channel.coupons.redeem(session, replace(order, token=OTHER))
    (outcome,) = await channel.coupons.redeem(session, order)
    assert isinstance(outcome, RedeemRefused)
    assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
    assert outcome.refusal.platform_code == "RESOURCE_ALREADY_EXISTS"
    assert count_living(simulator) == [1]


async def test_general_refusal_is_explained(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    simulator.coupons[0].recipe = replace(simulator.coupons[0].recipe, status="DEACTIVATED")
    (outcome,) = await channel.coupons.redeem(session, order)
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.CANCELLED, "INVALID_REQUEST")


async def test_refused_repeat_finds_our_use(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, read_payload: Any
) -> None:
    """If WeChat Pay should forget request numbers, the coupon still shows ours."""
    order = order_of(await find(simulator.make("merchant_coupon").code))
    (first,) = await channel.coupons.redeem(session, order)
    refusal = read_payload("pay_coupon_use_already_by_other")
    assert await channel.coupons.redeem(canned("coupon_use", refusal), replace(order, attempt=2)) == [first]
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned("coupon_use", refusal), order)


@pytest.mark.parametrize("items", [0, 1])
async def test_one_coupon_a_call(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, items: int
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    item = order.items[0]
    too_much = (item, item) if items else (replace(item, times=2),)
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(order, items=too_much))
    assert count_living(simulator) == [0]


async def test_lost_answer_is_shown_later(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    simulator.faults.script("coupon_use", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    item = order.items[0]
    state = await channel.coupons.status(session, StatusQuery(item.reference, item.handle, ""))
    assert state.status is CouponStatus.REDEEMED
    assert [use.token for use in state.uses] == [LEG]


async def test_no_certificates_no_use(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    """An answer that could not be believed is not asked for."""
    order = order_of(await find(simulator.make("merchant_coupon").code))
    session.tokens._tokens.clear()
    simulator.faults.script("certificates", FaultKind.ERROR_500)
    with pytest.raises(Exception, match="without a code"):
        await channel.coupons.redeem(session, order)
    assert (simulator.calls["coupon_use"], count_living(simulator)) == (0, [0])


# ------------------------------------------------------------------------------------------------------------ reverse
async def test_use_is_returned(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    await channel.coupons.redeem(session, order)
    assert await channel.coupons.reverse(session, reversal_of(order)) == Reversed()
    assert orjson.loads(session.http.requests[-1].content) == {
        "coupon_code": simulator.coupons[0].code,
        "stock_id": "1290000000000001",
        "return_request_no": "back-1",
    }
    assert count_living(simulator) == [0]


async def test_use_of_others_is_spared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    await channel.coupons.redeem(session, replace(order, token=OTHER))
    answer = await channel.coupons.reverse(session, reversal_of(order))
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    assert (simulator.calls["coupon_return"], count_living(simulator)) == (0, [1])


async def test_refused_return_is_told(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, reversal_of: Any,
    read_payload: Any,
) -> None:  # fmt: skip
    order = order_of(await find(simulator.make("merchant_coupon").code))
    await channel.coupons.redeem(session, order)
    refusing = canned("coupon_return", read_payload("pay_coupon_no_auth"))
    answer = await channel.coupons.reverse(refusing, reversal_of(order))
    assert isinstance(answer, ReversalRefused)
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "NOAUTH")
    assert count_living(simulator) == [1]


async def test_unreadable_return_is_unknown(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, reversal_of: Any,
    read_payload: Any,
) -> None:  # fmt: skip
    order = order_of(await find(simulator.make("merchant_coupon").code))
    await channel.coupons.redeem(session, order)
    unsigned = canned("coupon_return", read_payload("pay_coupon_return_ok"))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(unsigned, reversal_of(order))
