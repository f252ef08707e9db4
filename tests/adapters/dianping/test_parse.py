"""The documents of Dianping, as they come, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dianping.parse import (
    parse_coupon,
    parse_envelope,
    parse_prepared,
    parse_refusal,
    parse_scanned,
    parse_used,
    read_amounts,
    split_receipt,
    write_receipt,
)
from adapters.dianping.values import (
    read_deal_id,
    read_time,
)
from core.channels.contract import CouponKind, CouponStatus, ProtocolFailure, Refusal, StatusQuery
from core.channels.wire import clean_message, read_id, read_number, read_yuan
from core.money import format_yuan

NOW = datetime(2023, 11, 15, 4, 0, tzinfo=UTC)
CODE = "0332808512"
END = datetime(2023, 12, 30, 15, 59, 59, tzinfo=UTC)


def make_receipt(**changes: Any) -> Any:
    return {"receipt_code": CODE, "deal_id": 993500001, "deal_title": "双人下午茶", "biz_type": 0, **changes}


def pay(*payments: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"amount": amount, "amount_type": kind} for amount, kind in payments]


# ------------------------------------------------------------------------------------------------------- examples
def test_single_coupon(read_payload: Any) -> None:
    coupon = parse_prepared(parse_envelope(read_payload("01_prepare_ok"), "prepare"), CODE, NOW)
    assert (coupon.reference, coupon.handle, coupon.title) == (CODE, CODE, "双人下午茶")
    assert (coupon.kind, coupon.status) == (CouponKind.SET_MEAL, CouponStatus.AVAILABLE)
    assert (coupon.face_value, coupon.paid_amount) == (16800, 7800)
    assert (coupon.valid_from, coupon.valid_until) == (None, END)
    assert (coupon.times_total, coupon.times_remaining) == (1, 1)


def test_count_names_no_other_coupon(read_payload: Any) -> None:
    coupon = parse_prepared(parse_envelope(read_payload("02_prepare_multi_count"), "prepare"), CODE, NOW)
    assert (coupon.times_total, coupon.times_remaining, coupon.raw["count"]) == (1, 1, 3)


def test_scanned_coupon(read_payload: Any) -> None:
    (coupon,) = parse_scanned(parse_envelope(read_payload("03_scanprepare_ok"), "scanprepare"), NOW)
    assert (coupon.reference, coupon.status) == (CODE, CouponStatus.AVAILABLE)
    assert (coupon.face_value, coupon.paid_amount, coupon.valid_until) == (None, None, None)


def test_used_coupon(read_payload: Any) -> None:
    envelope = parse_envelope(read_payload("13_getconsumed_ok"), "getconsumed")
    state = parse_used(envelope, StatusQuery(CODE, CODE, CODE, token="leg-1"))
    (use,) = state.uses
    assert (state.status, use.by_merchant_api) == (CouponStatus.REDEEMED, True)
    assert use.used_at == datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)
    # An account that is no mark of ours: it counts as the asking leg's, and proves no token.
    assert (use.receipt, use.token) == ("993500001:leg-1", None)


@pytest.mark.parametrize(
    ("changes", "receipt", "token", "by_api"),
    [
        ({"verify_account": "hexiao-leg-9", "verify_channel": "15"}, "993500001:leg-9", "leg-9", True),
        ({"verify_account": "hexiao-leg-9"}, "993500001:leg-9", "leg-9", None),
        ({"verify_account": "boss", "verify_channel": "1"}, "993500001@1700020805", None, False),
        ({"verify_account": "boss", "verify_channel": 15}, "993500001:leg-1", None, True),
        ({"verify_account": None}, "993500001:leg-1", None, None),
        ({"verify_account": "hexiao-", "verify_channel": "1"}, "993500001@1700020805", None, False),
    ],
)
def test_whose_use(changes: Any, receipt: str, token: Any, by_api: Any) -> None:
    data = make_receipt(verify_time="2023-11-15 12:00:05", **changes)
    state = parse_used({"code": 200, "msg": "", "data": data}, StatusQuery(CODE, CODE, CODE, token="leg-1"))
    (use,) = state.uses
    assert (use.receipt, use.token, use.by_merchant_api) == (receipt, token, by_api)


@pytest.mark.parametrize("code", [CODE.lstrip("0"), int(CODE), "9999999999", None, ""])
def test_another_code_is_no_answer(code: Any) -> None:
    envelope: Any = {"code": 200, "msg": "", "data": make_receipt(receipt_code=code)}
    for work in (
        lambda: parse_prepared(envelope, CODE, NOW),
        lambda: parse_used(envelope, StatusQuery(CODE, CODE, CODE)),
    ):
        with pytest.raises(ProtocolFailure) as caught:
            work()
        assert caught.value.path == "data.receipt_code"


def test_one_code_twice_is_no_answer() -> None:
    with pytest.raises(ProtocolFailure, match="listed twice"):
        parse_scanned({"code": 200, "msg": "", "data": [make_receipt(), make_receipt(deal_id=2)]}, NOW)


def test_deal_without_coupons_left() -> None:
    rows = [make_receipt(available_count=0), make_receipt(receipt_code="1", available_count=1)]
    coupons = parse_scanned({"code": 200, "msg": "", "data": rows}, NOW)
    assert [coupon.reference for coupon in coupons] == ["1"]


def test_raw_keeps_nothing_personal(read_payload: Any) -> None:
    coupon = parse_prepared(parse_envelope(read_payload("01_prepare_ok"), "prepare"), CODE, NOW)
    assert coupon.raw["dealgroup_id"] == 794400001
    assert CODE not in str(coupon.raw)
    assert "138****" not in str(coupon.raw)


# ---------------------------------------------------------------------------------------------------------- kinds
@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, CouponKind.SET_MEAL),
        ({"biz_type": 203}, CouponKind.SET_MEAL),
        ({"biz_type": 217}, CouponKind.SET_MEAL),
        ({"biz_type": 205}, CouponKind.TIMES_CARD),
        ({"biz_type": 201}, CouponKind.TIMES_CARD),
        ({"deal_title": "100元代金券"}, CouponKind.CASH_VOUCHER),
        ({"deal_title": "代金券10次卡", "biz_type": 205}, CouponKind.TIMES_CARD),
        ({"biz_type": 999}, CouponKind.UNRECOGNISED),
        ({"biz_type": 999, "deal_title": "100元代金券"}, CouponKind.UNRECOGNISED),
        ({"biz_type": None}, CouponKind.UNRECOGNISED),
    ],
)
def test_kinds(changes: Any, kind: CouponKind) -> None:
    assert parse_coupon(make_receipt(**changes), NOW, "data").kind is kind


# -------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("04_prepare_already_used", Refusal.ALREADY_REDEEMED),
        ("05_prepare_expired", Refusal.EXPIRED),
        ("06_prepare_wrong_shop", Refusal.WRONG_STORE),
        ("07_prepare_not_found", Refusal.UNKNOWN_CODE),
        ("10_consume_new_requestid_already_used", Refusal.ALREADY_REDEEMED),
    ],
)
def test_refusal_examples(read_payload: Any, payload: str, reason: Refusal) -> None:
    wire = read_payload(payload)
    refused = parse_refusal(wire["code"], wire["msg"])
    assert (refused.reason, refused.platform_code) == (reason, str(wire["code"]))
    assert refused.platform_message == wire["msg"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("该券已核销", Refusal.ALREADY_REDEEMED),
        ("券已消费", Refusal.ALREADY_REDEEMED),
        ("该券已验证过", Refusal.ALREADY_REDEEMED),
        ("该券退款中", Refusal.LOCKED),
        ("用户已申请退款", Refusal.LOCKED),
        ("该券已退款", Refusal.REFUNDED),
        ("该券已冻结", Refusal.LOCKED),
        ("命中风控", Refusal.RISK_BLOCKED),
        ("该券已作废", Refusal.CANCELLED),
        ("该券未到使用时间", Refusal.NOT_YET_VALID),
        ("该券已失效", Refusal.EXPIRED),
        ("券码无效", Refusal.UNKNOWN_CODE),
        ("参数无效", Refusal.REFUSED_BY_CHANNEL),
        ("验证成功", Refusal.REFUSED_BY_CHANNEL),
        ("success", Refusal.REFUSED_BY_CHANNEL),
        ("", Refusal.REFUSED_BY_CHANNEL),
    ],
)
def test_words_of_refusals(words: str, reason: Refusal) -> None:
    assert parse_refusal(850, words).reason is reason


def test_message_loses_long_numbers() -> None:
    assert clean_message(f"券{CODE}属于13800000000，共10张") == "券…属于…，共10张"


# ---------------------------------------------------------------------------------------------------------- amounts
@given(st.integers(0, 10**13))
def test_amounts_survive_to_the_fen(fen: int) -> None:
    text = format_yuan(fen)
    number, quoted = orjson.loads(f'{{"n": {text}, "s": "{text}"}}').values()
    assert read_yuan(number, "") == read_yuan(quoted, "") == fen


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_documents_carry_amounts_unchanged(market: int, paid: int, cut: int) -> None:
    price = format_yuan(paid + cut)
    payments = (
        f'[{{"amount":{format_yuan(paid)},"amount_type":10}},{{"amount":{format_yuan(cut)},"amount_type":6}}]'
    )
    document = (
        f'{{"deal_marketprice":{format_yuan(market)},"deal_price":{price},"payment_detail":{payments}}}'
    )
    assert read_amounts(orjson.loads(document), "data") == (market, paid)


@pytest.mark.parametrize(
    ("payments", "paid"),
    [
        (pay((88.05, 10)), 8805),
        (pay((78.05, 10), (10, 6)), 7805),
        (pay(("78.05", 10), ("10.00", 2)), 7805),
        (pay((60, 26), (20, 25), (8.05, 10)), 8805),
        (pay((88.05, 6)), 0),
        # Of an order of two coupons, of money whose payer nobody knows, and of nothing at all.
        (pay((156.1, 10), (20, 6)), None),
        (pay((78.05, 10), (10, 21)), None),
        (pay((78.05, 10), (10, 999)), None),
        (pay((78.05, 10), (10, None)), None),
        ([], None),
        (None, None),
    ],
)
def test_paid_amount(payments: Any, paid: int | None) -> None:
    wire = {"deal_price": 88.05, "deal_marketprice": 168.5, "payment_detail": payments}
    assert read_amounts(wire, "data") == (16850, paid)


@pytest.mark.parametrize("value", [0.005, "1.001", -1, "-0.01", True, "x", [], {}, float("nan"), "Infinity"])
def test_amounts_that_are_none(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_amounts({"deal_marketprice": value}, "data")
    assert caught.value.path == "data.deal_marketprice"


# ------------------------------------------------------------------------------------------------------------ times
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1703951999000, END),
        ("1703951999000", END),
        ("2023-12-30 23:59:59", END),
        ("2023-12-30 23:59", datetime(2023, 12, 30, 15, 59, tzinfo=UTC)),
        ("2023-12-30", END),
        (None, None),
        ("", None),
        (0, None),
    ],
)
def test_times(value: Any, expected: datetime | None) -> None:
    assert read_time(value, "", whole_day=True) == expected
    coupon = parse_coupon(make_receipt(receipt_end_date=value, receiptEndDate=value), NOW, "data")
    assert coupon.valid_until == expected


def test_day_without_whole_day_begins_it() -> None:
    assert read_time("2023-12-30", "") == datetime(2023, 12, 29, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["soon", 17, "17", True, 1.5, [], {}, "2023-13-01", "0001-01-01 00:00:00", 10**20]
)
def test_times_that_are_none(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_time(value, "data.x", whole_day=True)
    assert caught.value.path == "data.x"


@pytest.mark.parametrize(("later", "status"), [(0, CouponStatus.AVAILABLE), (1, CouponStatus.EXPIRED)])
def test_end_is_still_valid(later: int, status: CouponStatus) -> None:
    now = END.replace(microsecond=later)
    assert parse_coupon(make_receipt(receiptEndDate=1703951999000), now, "data").status is status


# -------------------------------------------------------------------------------------------------------------- ids
@pytest.mark.parametrize(("value", "expected"), [("7", "7"), (7, "7"), (2**60, "1152921504606846976")])
def test_ids_are_text(value: Any, expected: str) -> None:
    assert read_id(value, "") == read_deal_id({"deal_id": value}, "") == expected


@pytest.mark.parametrize("value", [None, "", 0, -1, True, 1.5, [], {}])
def test_ids_that_are_none(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_id(value, "data.id")


@pytest.mark.parametrize("value", [None, "", 0])
def test_deal_without_id(value: Any) -> None:
    assert read_deal_id({"deal_id": value}, "") == ""


@pytest.mark.parametrize("value", [True, 1.0, "1.0", "１", [], {}])
def test_numbers_that_are_none(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_number(value, "code")


@given(st.from_regex(r"[0-9]{0,19}", fullmatch=True), st.from_regex(r"[0-9a-f\-:@]{1,40}", fullmatch=True))
def test_receipts_come_apart_again(deal_id: str, token: str) -> None:
    assert split_receipt(write_receipt(deal_id, token)) == (deal_id, token)


def test_receipt_of_a_foreign_use() -> None:
    assert split_receipt("993500001@1700020805") == ("993500001", None)
