"""The shop's uses of a day, of both products, as they come and page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meituan.parse import parse_envelope
from adapters.meituan.parse_lists import parse_listed_coupons, parse_listed_receipts
from core.channels.contract import ProtocolFailure, RecordedUse, UseQuery
from core.channels.day_lists import DayRows
from tests.adapters.conftest import read_uses
from tests.adapters.meituan.conftest import take_back

HOUR = timedelta(hours=1)
CODE, COUPON = "0332808512", "123456789012"
USED_AT = datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)
QUERY = UseQuery(USED_AT - HOUR, USED_AT + HOUR)


def make_record(**changes: Any) -> dict[str, Any]:
    return {
        "receiptCode": CODE,
        "dealMarketPrice": 168.0,
        "bizType": 0,
        "verifyChannel": "15",
        "verifyTime": "2023-11-15 12:00:05",
        "flowId": 880001,
        "refundStatus": 1,
        **changes,
    }


def make_coupon(**changes: Any) -> dict[str, Any]:
    return {
        "couponCode": COUPON,
        "couponStatusDesc": "已使用",
        "couponUseTime": "2023-11-15 12:00:05",
        "couponBuyPrice": 83.5,
        "dealValue": 100.0,
        "verifyType": "第三方验证",
        **changes,
    }


def wrap(**data: Any) -> Any:
    return {"code": "OP_SUCCESS", "msg": "success", "data": data}


def read_receipts(*records: Any) -> DayRows:
    return parse_listed_receipts(parse_envelope(wrap(records=list(records)), "querylistbydate"))


def read_coupons(*coupons: Any) -> DayRows:
    return parse_listed_coupons(parse_envelope(wrap(couponCodes=list(coupons)), "queryListByDate"))


def read_receipt(**changes: Any) -> RecordedUse:
    (use,) = read_receipts(make_record(**changes)).uses
    assert isinstance(use, RecordedUse)
    return use


def read_coupon(**changes: Any) -> RecordedUse:
    (use,) = read_coupons(make_coupon(**changes)).uses
    assert isinstance(use, RecordedUse)
    return use


def read_biz(request: Any) -> Any:
    return orjson.loads(parse_qs(request.content.decode())["biz"][0])


# ----------------------------------------------------------------------------------------------------- general services
def test_receipt_of_the_sdk(read_payload: Any) -> None:
    record = {**read_payload("10_ddzh_getconsumed_ok")["data"], "flowId": 880001, "refundStatus": 1}
    (use,) = read_receipts(record).uses
    assert isinstance(use, RecordedUse)
    assert (use.receipt, use.reference, use.used_at) == (f"{CODE}/880001", CODE, USED_AT)
    assert (use.face_value, use.paid_amount, use.payout, use.fee) == (16800, None, None, None)
    assert (use.reversed, use.by_merchant_api) == (False, True)
    assert not {"receiptCode", "mobile"} & use.raw.keys()


@pytest.mark.parametrize(
    ("status", "taken_back"), [(1, False), (6, False), (None, False), (0, True), (4, True)]
)
def test_receipts_taken_back(status: Any, taken_back: bool) -> None:
    use = read_receipt(refundStatus=status)
    assert use.reversed is taken_back


@pytest.mark.parametrize("status", [0, 4])
def test_receipt_taken_back_without_a_time_is_no_use(status: int) -> None:
    assert read_receipts(make_record(refundStatus=status, verifyTime=None)).uses == [f"{CODE}/880001"]


@pytest.mark.parametrize("status", [1, 6, None])
def test_standing_receipt_needs_a_time(status: int | None) -> None:
    with pytest.raises(ProtocolFailure, match="without a time"):
        read_receipt(refundStatus=status, verifyTime=None)


@pytest.mark.parametrize(("channel", "expected"), [("15", True), (15, True), ("1", False), (None, None)])
def test_where_a_receipt_came_in(channel: Any, expected: bool | None) -> None:
    use = read_receipt(verifyChannel=channel)
    assert use.by_merchant_api is expected


@pytest.mark.parametrize("changes", [{"bizType": 201}, {"bizType": 205}, {"tgTimesCardFlag": True}])
def test_card_is_listed_at_no_single_price(changes: Any) -> None:
    use = read_receipt(**changes)
    assert use.face_value is None


@pytest.mark.parametrize(
    "changes",
    [
        {"receiptCode": ""},
        {"flowId": []},
        {"verifyTime": "yesterday"},
        {"refundStatus": 5},
        {"refundStatus": "used"},
        {"dealMarketPrice": 1.005},
        {"bizType": "card"},
    ],
)
def test_receipts_that_cannot_be_read(changes: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_receipt(**changes)


@given(st.integers(0, 10**9), st.booleans())
def test_amounts_are_exact(fen: int, as_text: bool) -> None:
    text = f"{fen // 100}.{fen % 100:02d}"
    amount = text if as_text else float(text)
    receipt, coupon = (
        read_receipt(dealMarketPrice=amount),
        read_coupon(dealValue=amount, couponBuyPrice=amount),
    )
    assert (receipt.face_value, coupon.face_value, coupon.paid_amount) == (fen, fen, fen)


# -------------------------------------------------------------------------------------------------------------- catering
def test_coupon_of_the_sdk(read_payload: Any) -> None:
    (use,) = read_coupons(read_payload("20_catering_queryById_used")["data"]).uses
    assert isinstance(use, RecordedUse)
    assert (use.receipt, use.reference, use.used_at) == (COUPON, COUPON, USED_AT)
    assert (use.face_value, use.paid_amount) == (10000, 8350)
    assert (use.reversed, use.by_merchant_api) == (False, True)
    assert "couponCode" not in use.raw


@pytest.mark.parametrize(
    ("words", "taken_back"), [("已使用", False), ("已退款", False), ("作弊已冻结", False), ("未使用", True)]
)
def test_coupons_taken_back(words: str, taken_back: bool) -> None:
    use = read_coupon(couponStatusDesc=words)
    assert use.reversed is taken_back


def test_unused_coupon_without_a_time_is_no_use() -> None:
    assert read_coupons(make_coupon(couponStatusDesc="未使用", couponUseTime="")).uses == [COUPON]


def test_unlisted_till_is_unknown() -> None:
    use = read_coupon(verifyType="商家验证", couponBuyPrice=-1)
    assert (use.by_merchant_api, use.paid_amount) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"couponCode": None},
        {"couponStatusDesc": "已转赠"},
        {"couponStatusDesc": []},
        {"couponUseTime": None},
        {"couponBuyPrice": -2},
        {"dealValue": {}},
    ],
)
def test_coupons_that_cannot_be_read(changes: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_coupon(**changes)


# ----------------------------------------------------------------------------------------------- against the platform
async def redeem_many(till: Any, simulator: Any, count: int) -> list[str]:
    """Redeems so many coupons, each by a leg of its own; their receipts."""
    receipts = []
    for _ in range(count):
        order = await till.prepare(simulator.make("usable").code)
        order = replace(order, token=f"leg-{order.code}")
        (outcome,) = await till.redeem(order)
        receipts.append(outcome.receipts[0].reference)
    return receipts


async def list_all(till: Any, since: datetime, until: datetime, meanwhile: Any = None) -> list[RecordedUse]:
    class Channel:
        coupons = till.coupons

    return await read_uses(Channel, till.session, since, until, meanwhile)


async def test_every_receipt_is_listed_once(till: Any, general: Any, clock: Any) -> None:
    receipts = await redeem_many(till, general, 305)
    before = len(till.session.http.requests)
    uses = await list_all(till, clock.now() - HOUR, clock.now() + HOUR)
    assert sorted(use.receipt for use in uses) == sorted(receipts)
    asked = [read_biz(request) for request in till.session.http.requests[before:]]
    assert [(each["bizType"], each["offset"]) for each in asked] == [(0, 0), (0, 295), (201, 0), (203, 0)]
    assert {(each["date"], each["limit"], each["type"]) for each in asked} == {("2026-03-02", 300, 0)}


async def test_every_coupon_is_listed_once(waiter: Any, catering: Any, clock: Any) -> None:
    receipts = await redeem_many(waiter, catering, 120)
    before = len(waiter.session.http.requests)
    uses = await list_all(waiter, clock.now() - HOUR, clock.now() + HOUR)
    assert sorted(use.receipt for use in uses) == sorted(receipts)
    asked = [read_biz(request) for request in waiter.session.http.requests[before:]]
    assert [each["offset"] for each in asked] == [0, 95]


@pytest.mark.parametrize("product", ["general", "catering"])
async def test_use_taken_back_meanwhile_hides_no_other(
    product: str, till: Any, waiter: Any, general: Any, catering: Any, clock: Any
) -> None:
    person, simulator = (till, general) if product == "general" else (waiter, catering)
    order = await person.prepare(simulator.make("usable").code)
    (first,) = await person.redeem(order)
    receipts = await redeem_many(person, simulator, 310)

    async def change_mind() -> None:
        await person.reverse(take_back(order, first))

    uses = await list_all(person, clock.now() - HOUR, clock.now() + HOUR, change_mind)
    assert simulator.consumptions()[0].living == 0
    assert {use.receipt for use in uses} == {first.receipts[0].reference, *receipts}


async def test_all_codes_of_one_call_are_listed(till: Any, general: Any, clock: Any) -> None:
    outcomes = await till.redeem(await till.prepare(general.make("two_coupons").code))
    uses = await list_all(till, clock.now() - HOUR, clock.now() + HOUR)
    assert {use.receipt for use in uses} == {each.receipts[0].reference for each in outcomes}


async def test_card_shows_each_use(till: Any, general: Any, clock: Any) -> None:
    (outcome,) = await till.redeem(await till.prepare(general.make("times_card").code, times=2))
    uses = await list_all(till, clock.now(), clock.now() + HOUR)
    assert {use.receipt for use in uses} == {receipt.reference for receipt in outcome.receipts}
    earlier = await list_all(till, clock.now() - 3 * HOUR, clock.now())
    assert [(use.by_merchant_api, use.face_value) for use in earlier] == [(False, None)] * 3


@pytest.mark.parametrize("product", ["general", "catering"])
async def test_window_over_midnight(
    product: str, till: Any, waiter: Any, general: Any, catering: Any, clock: Any
) -> None:
    person, simulator = (till, general) if product == "general" else (waiter, catering)
    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    clock.set(midnight - timedelta(seconds=1))
    before = await redeem_many(person, simulator, 1)
    clock.set(midnight)
    after = await redeem_many(person, simulator, 1)
    assert [use.receipt for use in await list_all(person, midnight - HOUR, midnight)] == before
    assert [use.receipt for use in await list_all(person, midnight, midnight + HOUR)] == after
    both = await list_all(person, midnight - HOUR, midnight + HOUR)
    assert [use.receipt for use in both] == before + after


async def test_refusal_is_no_empty_list(canned: Any, catering: Any) -> None:
    words = {"code": "OP_BIZ_ERROR", "msg": "查询日期过早", "data": None}
    below_success = wrap(result=7, message="查询日期过早")
    for body, code, simulator in ((words, "OP_BIZ_ERROR", None), (below_success, "result=7", catering)):
        till = canned(body, simulator=simulator)
        with pytest.raises(ProtocolFailure, match="lists no uses") as caught:
            await till.coupons.list_uses(till.session, QUERY)
        assert (caught.value.platform_code, caught.value.platform_message) == (code, "查询日期过早")
