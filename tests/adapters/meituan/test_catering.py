"""Catering (businessId 1): no key for repeats, so repeats look first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from adapters.meituan.parse_catering import parse_coupon_state, parse_coupons
from core.channels.contract import (
    CouponKind,
    CouponStatus,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    Refusal,
    Refused,
    ReversalOrder,
    Reversed,
)
from core.testing.clock import START
from core.testing.faults import FaultKind
from tests.adapters.meituan.conftest import take_back

CODE = "123456789012"
IN_2023 = datetime(2023, 11, 15, tzinfo=UTC)
ITEM = RedeemItem(CODE, f"{CODE}:51000001:1:1")
ORDER = RedeemOrder("leg", (ITEM,), CODE, at=START)
REVERSAL = ReversalOrder("r", CODE, ITEM.handle, (CODE,))


def living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


def read_biz(till: Any) -> Any:
    return orjson.loads(parse_qs(till.session.http.requests[-1].content.decode())["biz"][0])


@pytest.fixture
def prepared(read_payload: Any) -> Any:
    return read_payload("16_catering_msprepare_ok")["data"]


# ---------------------------------------------------------------------------------------------------------- look-ups
def test_example_of_two_coupons(prepared: Any) -> None:
    first, second = parse_coupons(prepared, CODE, IN_2023)
    assert (first.reference, second.reference) == (CODE, f"{CODE}#2")
    assert (first.kind, first.status, first.title) == (
        CouponKind.CASH_VOUCHER,
        CouponStatus.AVAILABLE,
        "100元代金券",
    )
    assert (first.face_value, first.paid_amount) == (10000, None)
    assert first.valid_from == datetime(2022, 12, 31, 16, tzinfo=UTC)
    assert first.valid_until == datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC)
    assert "couponCode" not in first.raw


@pytest.mark.parametrize(
    ("price", "expected"), [(83.5, 8350), (-1, None), (-1.0, None), ("-1", None), (None, None)]
)
def test_price_of_a_single_coupon(prepared: Any, price: Any, expected: Any) -> None:
    (coupon,) = parse_coupons({**prepared, "count": 1, "couponBuyPrice": price}, CODE, IN_2023)
    assert coupon.paid_amount == expected


def test_deal_of_many_pieces(prepared: Any) -> None:
    wire = {**prepared, "volume": 1, "singleValue": 10.5, "vourcher": False}
    coupon = parse_coupons(wire, CODE, IN_2023)[0]
    assert (coupon.face_value, coupon.kind) == (1050, CouponKind.SET_MEAL)


@pytest.mark.parametrize(
    ("year", "status"), [(2022, CouponStatus.NOT_YET_VALID), (2024, CouponStatus.EXPIRED)]
)
def test_dates_make_the_state(prepared: Any, year: int, status: CouponStatus) -> None:
    assert parse_coupons(prepared, CODE, datetime(year, 6, 1, tzinfo=UTC))[0].status is status


async def test_coming_coupon_is_shown(waiter: Any, catering: Any, clock: Any) -> None:
    refused = await waiter.look_up(catering.make("not_yet_valid").code)
    assert refused.reason is Refusal.NOT_YET_VALID
    assert refused.coupons[0].valid_from > clock.now()


async def test_refusal_below_a_success(canned: Any, catering: Any) -> None:
    body = {"code": "OP_SUCCESS", "data": {"result": 4, "message": "该券已过期"}}
    refused = await canned(body, simulator=catering).look_up(CODE)
    assert refused == Refused(Refusal.EXPIRED, "result=4", "该券已过期")


async def test_used_coupon_tells_when(waiter: Any, catering: Any, clock: Any) -> None:
    refused = await waiter.look_up(catering.make("used").code)
    assert (refused.reason, refused.redeemed_at) == (
        Refusal.ALREADY_REDEEMED,
        clock.now() - timedelta(hours=2),
    )


async def test_code_of_nobody(waiter: Any, catering: Any) -> None:
    assert await waiter.look_up("589999999999") == NotMine()
    assert catering.calls == {"msprepare": 1}


# --------------------------------------------------------------------------------------------------------- redeeming
async def test_coupon_is_redeemed(waiter: Any, catering: Any, clock: Any) -> None:
    order = await waiter.prepare(catering.make("usable").code)
    (outcome,) = await waiter.redeem(order)
    assert [receipt.reference for receipt in outcome.receipts] == [order.code]
    assert (outcome.receipts[0].redeemed_at, outcome.reversible_until) == (clock.now(), None)
    assert (read_biz(waiter), living(catering)) == ({"code": order.code, "num": 1}, [1])


async def test_one_call_for_one_order(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("two_coupons").code)
    first, second = await waiter.redeem(order)
    codes = [each.code for each in catering.consumptions()]
    assert (first.reference, second.reference) == (codes[0], f"{codes[0]}#2")
    assert [first.receipts[0].reference, second.receipts[0].reference] == codes
    assert (catering.calls["msconsume"], living(catering)) == (1, [1, 1])


async def test_example_of_success(canned: Any, read_payload: Any, catering: Any) -> None:
    (outcome,) = await canned(read_payload("17_catering_msconsume_ok"), simulator=catering).redeem(ORDER)
    assert isinstance(outcome, Redeemed)
    assert outcome.receipts[0].reference == CODE


@pytest.mark.parametrize("codes", [None, [], "x", [CODE, CODE], [CODE, "2"], [None], [{}]])
async def test_answer_that_leaves_it_open(canned: Any, catering: Any, codes: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await canned({"code": "OP_SUCCESS", "data": {"couponCodes": codes}}, simulator=catering).redeem(ORDER)


async def test_repeat_looks_first(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("two_coupons").code, first=1)
    catering.faults.script("redeem", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await waiter.redeem(order)
    (outcome,) = await waiter.redeem(replace(order, attempt=2))
    assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
    assert (catering.calls["msconsume"], living(catering)) == (1, [1, 0])


async def test_repeat_of_a_lost_request(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("usable").code)
    catering.faults.script("redeem", FaultKind.LOSE)
    with pytest.raises(OutcomeUnknown):
        await waiter.redeem(order)
    (outcome,) = await waiter.redeem(replace(order, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert living(catering) == [1]


async def test_too_many_coupons(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("two_coupons").code)
    await waiter.redeem(await waiter.prepare(catering.shop.orders[0].coupons[1].code, first=1))
    for outcome in await waiter.redeem(order):
        assert outcome.refusal.reason is Refusal.TIMES_USED_UP
    assert living(catering) == [0, 1]


# ------------------------------------------------------------------------------------------------------------ status
async def test_use_is_shown(waiter: Any, catering: Any, clock: Any) -> None:
    order = await waiter.prepare(catering.make("usable").code)
    before = await waiter.status(order)
    await waiter.redeem(order)
    after = await waiter.status(order)
    assert (before.status, before.uses) == (CouponStatus.AVAILABLE, ())
    assert after.status is CouponStatus.REDEEMED
    assert [(use.receipt, use.used_at) for use in after.uses] == [(order.code, clock.now())]


@pytest.mark.parametrize(
    ("words", "status", "uses"),
    [
        ("未使用", CouponStatus.AVAILABLE, 0),
        ("已使用", CouponStatus.REDEEMED, 1),
        ("已冻结", CouponStatus.LOCKED, 1),
        ("作弊已冻结", CouponStatus.LOCKED, 1),
        ("已退款", CouponStatus.REFUNDED, 1),
        ("已赠送", CouponStatus.UNRECOGNISED, 1),
    ],
)
def test_words_of_states(read_payload: Any, words: str, status: CouponStatus, uses: int) -> None:
    wire = {**read_payload("20_catering_queryById_used")["data"], "couponStatusDesc": words}
    state = parse_coupon_state(wire, "ref", CODE)
    assert (state.reference, state.status, len(state.uses)) == ("ref", status, uses)


def test_unlisted_state_without_a_use(read_payload: Any) -> None:
    wire = {
        **read_payload("20_catering_queryById_used")["data"],
        "couponStatusDesc": "?",
        "couponUseTime": None,
    }
    with pytest.raises(ProtocolFailure, match="an unlisted state"):
        parse_coupon_state(wire, CODE, CODE)


async def test_unused_coupon_has_its_state(waiter: Any, catering: Any) -> None:
    for name, status in (("expired", CouponStatus.EXPIRED), ("refunded", CouponStatus.REFUNDED)):
        code = catering.make(name).code
        told = await waiter.status(RedeemOrder("t", (RedeemItem(code, f"{code}:1:1:1"),), code, at=START))
        assert (told.status, told.uses) == (status, ())


async def test_other_coupon_of_the_order(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("two_coupons").code)
    assert (await waiter.status(order, 1)).status is CouponStatus.AVAILABLE
    await waiter.redeem(order)
    with pytest.raises(ProtocolFailure):
        await waiter.status(order, 1)


@pytest.mark.parametrize("words", [("该券未使用", "该券已使用"), ("系统繁忙", "该券已过期")])
async def test_contradictions_tell_no_state(canned: Any, catering: Any, words: Any) -> None:
    answers = [{"code": "OP_BIZ_ERROR", "msg": each, "data": None} for each in words]
    with pytest.raises(ProtocolFailure):
        await canned(*answers, simulator=catering).status(ORDER)


# --------------------------------------------------------------------------------------------------------- reversing
async def test_use_is_taken_back(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("two_coupons").code)
    _, second = await waiter.redeem(order)
    assert await waiter.reverse(take_back(order, second)) == Reversed()
    assert living(catering) == [1, 0]
    assert read_biz(waiter) == {
        "couponCode": catering.consumptions()[1].code,
        "type": 1,
        "eId": "hexiao",
        "eName": "Hexiao",
    }


async def test_repeat_is_harmless(waiter: Any, catering: Any) -> None:
    order = await waiter.prepare(catering.make("usable").code)
    (outcome,) = await waiter.redeem(order)
    await waiter.reverse(take_back(order, outcome))
    assert await waiter.reverse(take_back(order, outcome, attempt=2)) == Reversed()
    answer = await waiter.reverse(take_back(order, outcome))
    assert (answer.refusal.reason, living(catering)) == (Refusal.ALREADY_REVERSED, [0])


async def test_meituan_says_how_long(waiter: Any, catering: Any, clock: Any) -> None:
    order = await waiter.prepare(catering.make("usable").code)
    (outcome,) = await waiter.redeem(order)
    clock.advance(timedelta(minutes=11))
    answer = await waiter.reverse(take_back(order, outcome))
    assert (answer.refusal.reason, answer.refusal.platform_code) == (Refusal.NOT_REVERSIBLE, "result=1")
    assert living(catering) == [1]


async def test_example_of_a_cancel(canned: Any, read_payload: Any, catering: Any) -> None:
    till = canned(read_payload("18_catering_cancel_ok"), simulator=catering)
    assert await till.reverse(REVERSAL) == Reversed()


async def test_example_of_a_refused_cancel(canned: Any, read_payload: Any, catering: Any) -> None:
    refused, used = read_payload("19_catering_cancel_refused"), read_payload("20_catering_queryById_used")
    answer = await canned(refused, used, simulator=catering).reverse(REVERSAL)
    assert (answer.refusal.reason, answer.refusal.platform_message) == (
        Refusal.NOT_REVERSIBLE,
        "该券不可撤销",
    )


async def test_refused_cancel_without_a_state(canned: Any, read_payload: Any, catering: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await canned(read_payload("19_catering_cancel_refused"), (500, b""), simulator=catering).reverse(
            REVERSAL
        )


@pytest.mark.parametrize("data", [{}, {"result": None}, {"result": ""}, {"result": "x"}, {"result": True}])
async def test_cancel_that_proves_nothing(canned: Any, catering: Any, data: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await canned({"code": "OP_SUCCESS", "data": data}, simulator=catering).reverse(REVERSAL)
