"""Local-life vouchers: found, used once, given back, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from core.channels.contract import (
    ChannelUnavailable,
    CouponStatus,
    Effect,
    Found,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    Redeemed,
    RedeemItem,
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
SYSTEM = (200, {"errcode": 98765, "errmsg": "system failure"})


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


# ------------------------------------------------------------------------------------------------------------ look up
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("used", Refusal.ALREADY_REDEEMED),
        ("expired", Refusal.EXPIRED),
        ("refunded", Refusal.REFUNDED),
        ("not_yet_valid", Refusal.NOT_YET_VALID),
    ],
)
async def test_unusable_voucher(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal
) -> None:
    answer = await channel.coupons.look_up(session, scan(simulator.make(state).code))
    assert isinstance(answer, Refused)
    assert (answer.reason, len(answer.coupons)) == (reason, 1)
    assert (answer.redeemed_at is not None) == (state == "used")


async def test_two_vouchers_of_one_page(simulator: Any, find: Any) -> None:
    sample = simulator.make("two_coupons")
    found = await find(sample.link)
    assert len(found.coupons) == 2
    assert found.order_reference == "3700000000000000001"
    assert simulator.calls["voucher_get"] == 2


async def test_vouchers_of_two_orders(simulator: Any, find: Any) -> None:
    codes = [simulator.make("usable").code.replace("+", "%2B") for _ in range(2)]
    found = await find(f"pages/v?encrypted_codes={','.join(codes)}")
    assert [each.raw["order_id"] for each in found.coupons] == [found.order_reference]


async def test_by_code_and_sku(simulator: Any, find: Any) -> None:
    sample = simulator.make("usable")
    by_code, by_secret = await find(f"code={sample.reference}&sku_id=20000002"), await find(sample.code)
    assert by_code.coupons[0].reference == by_secret.coupons[0].reference


async def test_list_is_turned_over(simulator: Any, find: Any) -> None:
    samples = [simulator.make("usable") for _ in range(60)]
    await find(f"code={samples[-1].reference}&openid=oSiMuLaTeD_openid-0000000001")
    assert simulator.calls["voucher_list"] == 2


@pytest.mark.parametrize(
    "text", ["bm8tc3VjaC12b3VjaGVyLWF0LWFsbA==", "code=WXV9&sku_id=1", "code=WXV99&openid=oNobody"]
)
async def test_unknown_voucher(channel: Any, session: Any, scan: Any, text: str) -> None:
    assert await channel.coupons.look_up(session, scan(text)) == NotMine()


# ------------------------------------------------------------------------------------------------------------- redeem
async def test_one_call_for_one_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("two_coupons").link))
    outcomes = await channel.coupons.redeem(session, order)
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert {receipt.reference for each in outcomes for receipt in each.receipts} == {LEG}
    sent = session.http.requests[-1]
    assert (sent.operation, sent.effect) == ("consume", Effect.WRITE)
    assert orjson.loads(sent.content) == {
        "consume_request_no": LEG,
        "codes": [each.code for each in simulator.consumptions()],
        "sku_id": "20000002",
        "out_store_id": "WXS001",
    }


async def test_repeat_has_no_effect(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    first = await channel.coupons.redeem(session, order)
    assert await channel.coupons.redeem(session, replace(order, attempt=2)) == first
    assert count_living(simulator) == [1]


async def test_one_used_spares_the_other(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    both = order_of(await find(simulator.make("two_coupons").link))
    await channel.coupons.redeem(session, replace(both, token=OTHER, items=both.items[:1]))
    first, second = await channel.coupons.redeem(session, both)
    assert isinstance(first, RedeemRefused)
    assert isinstance(second, RedeemRefused)
    assert (first.refusal.reason, second.refusal.reason) == (
        Refusal.ALREADY_REDEEMED,
        Refusal.REFUSED_BY_CHANNEL,
    )
    assert first.refusal.platform_code == "10020000/10020001"
    assert count_living(simulator) == [1, 0]


async def test_open_error_is_unknown(
    channel: Any, simulator: Any, canned: Any, find: Any, order_of: Any
) -> None:
    """WeChat: after a system failure the first number may still succeed."""
    order = order_of(await find(simulator.make("usable").code))
    with pytest.raises(OutcomeUnknown) as unknown:
        await channel.coupons.redeem(canned("consume", SYSTEM), order)
    assert unknown.value.platform_code == "98765"


async def test_open_error_on_used_voucher(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, replace(order, token=OTHER))
    (outcome,) = await channel.coupons.redeem(canned("consume", SYSTEM), order)
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.ALREADY_REDEEMED, "98765")


async def test_refused_repeat_finds_our_use(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    (first,) = await channel.coupons.redeem(session, order)
    assert await channel.coupons.redeem(canned("consume", SYSTEM), replace(order, attempt=2)) == [first]


async def test_refused_and_used_is_unknown(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned("consume", SYSTEM), order)


async def test_refused_and_silent_is_unknown(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, replace(order, token=OTHER))
    simulator.faults.script("voucher_get", FaultKind.ERROR_500)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)


@pytest.mark.parametrize(("fault", "living"), [(FaultKind.LOSE, 0), (FaultKind.DROP_AFTER_APPLY, 1)])
async def test_lost_answer_is_unknown(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, fault: FaultKind, living: int
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    simulator.faults.script("consume", fault)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    assert count_living(simulator) == [living]
    (outcome,) = await channel.coupons.redeem(session, replace(order, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert count_living(simulator) == [1]


@pytest.mark.parametrize("count", [1, 11])
async def test_too_much_for_one_call(
    channel: Any, session: Any, simulator: Any, order_of: Any, count: int
) -> None:
    order = order_of(Found(()))
    skus = [f"{number if count == 1 else 2}" for number in range(max(2, count))]
    items = tuple(RedeemItem(f"r{n}", f"code=WXV{n}&sku_id={sku}") for n, sku in enumerate(skus))
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(order, items=items))
    assert simulator.calls["consume"] == 0


async def test_products_do_not_mix(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    coupon = (await find(simulator.make("merchant_coupon").code)).coupons[0]
    mixed = (*order.items, RedeemItem(coupon.reference, coupon.handle))
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(order, items=mixed))
    assert count_living(simulator) == [0, 0]


# ------------------------------------------------------------------------------------------------------------- status
async def test_status_shows_our_number(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    item = order.items[0]
    state = await channel.coupons.status(session, StatusQuery(item.reference, item.handle, "", None, LEG))
    assert state.status is CouponStatus.REDEEMED
    assert [(use.token, use.external_store_id) for use in state.uses] == [(LEG, "WXS001")]


# ------------------------------------------------------------------------------------------------------------ reverse
async def test_use_is_taken_back(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    assert await channel.coupons.reverse(session, reversal_of(order)) == Reversed()
    assert orjson.loads(session.http.requests[-1].content) == {
        "revoke_request_no": "back-1",
        "reovke_vouchers": [{"code": simulator.vouchers[0].code, "sku_id": "20000002"}],
        "consume_request_no": LEG,
    }
    assert count_living(simulator) == [0]


async def test_use_of_others_is_spared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, replace(order, token=OTHER))
    answer = await channel.coupons.reverse(session, reversal_of(order))
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    assert (simulator.calls["revoke"], count_living(simulator)) == (0, [1])


async def test_nothing_to_take_back(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    answer = await channel.coupons.reverse(session, reversal_of(order))
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    assert await channel.coupons.reverse(session, reversal_of(order, attempt=2)) == Reversed()


async def test_settled_voucher_stays_used(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    row = {"code": simulator.vouchers[0].code, "sku_id": 20000002, "ret_code": "7", "ret_msg": "已结算"}
    refusal = {"errcode": 1, "errmsg": "x", "fail_voucher_list": [row]}
    answer = await channel.coupons.reverse(canned("revoke", (200, refusal)), reversal_of(order))
    assert isinstance(answer, ReversalRefused)
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "1/7")
    assert answer.refusal.platform_message == "已结算"
    assert count_living(simulator) == [1]


async def test_open_error_on_revoke(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    with pytest.raises(OutcomeUnknown) as unknown:
        await channel.coupons.reverse(canned("revoke", SYSTEM), reversal_of(order))
    assert unknown.value.platform_code == "98765"


async def test_card_is_taken_back_by_number(
    channel: Any, session: Any, simulator: Any, canned: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    """A card stands used, and tells no time: its newer use hides ours, which the number still names."""
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    card = {"code": simulator.vouchers[0].code, "sku_id": 20000002, "status": 2, "last_consume_no": OTHER}
    shown = canned("voucher_get", (200, {"errcode": 0, "voucher": card}))
    assert await channel.coupons.reverse(shown, reversal_of(order)) == Reversed()
    assert count_living(simulator) == [0]


@pytest.mark.parametrize(("attempt", "failure"), [(1, ChannelUnavailable), (2, OutcomeUnknown)])
async def test_cannot_look_before(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any,
    attempt: int, failure: type[Exception],
) -> None:  # fmt: skip
    order = order_of(await find(simulator.make("usable").code))
    await channel.coupons.redeem(session, order)
    simulator.faults.script("voucher_get", FaultKind.ERROR_500)
    with pytest.raises(failure):
        await channel.coupons.reverse(session, reversal_of(order, attempt=attempt))
    assert count_living(simulator) == [1]
