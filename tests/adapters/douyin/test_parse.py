"""The documents of Douyin, as they come, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.douyin.parse import (
    find_obstacle,
    parse_coupon,
    parse_coupons,
    parse_envelope,
    parse_state,
    quote_code,
    read_amounts,
    read_code,
    read_object_id,
)
from core.channels.contract import CouponKind, CouponStatus, ProtocolFailure, Refusal
from core.channels.wire import (
    clean_message,
    read_epoch,
    read_number,
)

NOW = datetime(2025, 10, 10, 10, 0, tzinfo=UTC)


def make_certificate(**changes: Any) -> dict[str, Any]:
    return {
        "encrypted_code": "enc",
        "certificate_id": 7550000000000000456,
        "status": 1,
        "start_time": 1759300000,
        "expire_time": 1767196799,
        "sku": {"title": "双人下午茶套餐", "groupon_type": 1},
        "amount": {"original_amount": 9900, "coupon_pay_amount": 9100},
        **changes,
    }


# ------------------------------------------------------------------------------------------------------- examples
def test_single_coupon(read_payload: Any) -> None:
    (coupon,) = parse_coupons(read_payload("life-prepare-ok-single")["data"], NOW)
    assert coupon.reference == "7550000000000000456"
    assert coupon.kind is CouponKind.SET_MEAL
    assert coupon.status is CouponStatus.AVAILABLE
    assert (coupon.face_value, coupon.paid_amount) == (9900, 9100)
    assert coupon.valid_until == datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)
    assert (coupon.times_total, coupon.times_remaining) == (1, 1)


def test_three_coupons_one_order(read_payload: Any) -> None:
    coupons = parse_coupons(read_payload("life-prepare-multi-cert")["data"], NOW)
    assert [coupon.reference[-3:] for coupon in coupons] == ["456", "457", "458"]
    assert len({coupon.handle for coupon in coupons}) == 3


def test_times_card(read_payload: Any) -> None:
    (card,) = parse_coupons(read_payload("life-prepare-times-card")["data"], NOW)
    assert card.kind is CouponKind.TIMES_CARD
    assert card.status is CouponStatus.PARTLY_REDEEMED
    assert (card.times_total, card.times_remaining) == (3, 2)
    assert (card.face_value, card.paid_amount) == (30000, 27000)


def test_used_certificate(read_payload: Any) -> None:
    state = parse_state(read_payload("life-certificate-get-used")["data"], "7550000000000000456", NOW)
    assert state.status is CouponStatus.REDEEMED
    (use,) = state.uses
    assert (use.receipt, use.by_merchant_api) == ("7551000000000000901", True)
    assert use.used_at == datetime(2025, 10, 10, 7, 6, 40, tzinfo=UTC)
    assert "104686126200130" not in str(state.raw)


@pytest.mark.parametrize(
    ("reference", "status", "uses"),
    [
        ("7550000000000000456", CouponStatus.REDEEMED, 1),
        ("7550000000000000457", CouponStatus.AVAILABLE, 0),
        ("7550000000000000458", CouponStatus.REFUNDED, 0),
    ],
)
def test_one_of_an_order(read_payload: Any, reference: str, status: CouponStatus, uses: int) -> None:
    state = parse_state(read_payload("life-certificate-query")["data"], reference, NOW)
    assert (state.reference, state.status, len(state.uses)) == (reference, status, uses)


def test_another_certificate_is_no_answer(read_payload: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_state(read_payload("life-certificate-get-used")["data"], "7550000000000000999", NOW)
    assert caught.value.path == "data.certificate"


# --------------------------------------------------------------------------------------------------------- states
@pytest.mark.parametrize(
    ("changes", "status", "obstacle"),
    [
        ({}, CouponStatus.AVAILABLE, None),
        ({"status": 0}, CouponStatus.AVAILABLE, None),
        ({"status": 2}, CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ({"status": 3}, CouponStatus.LOCKED, Refusal.LOCKED),
        ({"status": 4}, CouponStatus.REFUNDED, Refusal.REFUNDED),
        ({"status": 5}, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        ({"status": 6}, CouponStatus.LOCKED, Refusal.LOCKED),
        ({"status": 77}, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        ({"status": None}, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        ({"expire_time": 1760000000}, CouponStatus.EXPIRED, Refusal.EXPIRED),
        ({"expire_time": 1760000000000}, CouponStatus.EXPIRED, Refusal.EXPIRED),
        ({"start_time": 1760200000}, CouponStatus.NOT_YET_VALID, Refusal.NOT_YET_VALID),
        ({"time_card": {"times_count": 3, "times_used": 3}}, CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ({"time_card": {"times_count": 3, "times_used": 2}}, CouponStatus.PARTLY_REDEEMED, None),
        ({"not_available_poi_list": [71]}, CouponStatus.AVAILABLE, Refusal.WRONG_STORE),
    ],
)
def test_status_and_obstacle(changes: Any, status: CouponStatus, obstacle: Refusal | None) -> None:
    coupon = parse_coupon(make_certificate(**changes), NOW, "here")  # type: ignore[arg-type]
    assert coupon.status is status
    assert find_obstacle(coupon, NOW, "71") is obstacle


@pytest.mark.parametrize(
    ("day", "obstacle"),
    [
        (datetime(2025, 10, 10, 15, 59, tzinfo=UTC), None),  # Friday, 23:59 in Shanghai
        (datetime(2025, 10, 10, 16, 0, tzinfo=UTC), Refusal.NOT_YET_VALID),  # Saturday, 00:00
        (datetime(2025, 12, 31, 1, 0, tzinfo=UTC), Refusal.NOT_YET_VALID),  # Wednesday, but in the date list
    ],
)
def test_excluded_days(read_payload: Any, day: datetime, obstacle: Refusal | None) -> None:
    (coupon,) = parse_coupons(read_payload("life-prepare-voucher-restricted-time")["data"], day)
    assert coupon.kind is CouponKind.CASH_VOUCHER
    assert find_obstacle(coupon, day, None) is obstacle


def test_days_only_advised_against() -> None:
    info = {"fulfil_enable": True, "can_no_use_week_day": [1, 2, 3, 4, 5, 6, 7]}
    coupon = parse_coupon(make_certificate(not_available_time_info=info), NOW, "here")  # type: ignore[arg-type]
    assert find_obstacle(coupon, NOW, None) is None


def test_cancelled_use_is_no_use() -> None:
    records = [
        {"verify_id": "3", "verify_time": 1760080300, "verify_type": 2},
        {"verify_id": "2", "verify_time": 1760080200, "status": 2, "cancel_time": 1760080250},
        {"verify_id": "1", "verify_time": 1760080100},
    ]
    card = make_certificate(time_card={"times_count": 5, "times_used": 2}, verify_records=records)
    state = parse_state({"certificate": card}, "7550000000000000456", NOW)
    assert [(use.receipt, use.by_merchant_api) for use in state.uses] == [("1", None), ("3", False)]


# --------------------------------------------------------------------------------------------------- single values
@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({"original_amount": 9900, "coupon_pay_amount": 9100}, (9900, 9100)),
        ({"original_amount": "9900", "coupon_pay_amount": "9100"}, (9900, 9100)),
        ({"original_amount": 9900, "pay_amount": 8800, "payment_discount_amount": 300}, (9900, 9100)),
        ({"pay_amount": 8800}, (None, 8800)),
        ({}, (None, None)),
    ],
)
def test_amounts(amount: Any, expected: Any) -> None:
    assert read_amounts({"amount": amount}, "here") == expected


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "x", [], {}, "9" * 20, "٣"])
def test_no_whole_number(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_number(value, "data.here")
    assert caught.value.path == "data.here"


def test_seconds_and_milliseconds_agree() -> None:
    assert read_epoch(1682265599, "here") == read_epoch(1682265599000, "here")
    assert read_epoch(0, "here") is None


def test_time_out_of_range() -> None:
    with pytest.raises(ProtocolFailure):
        read_epoch(10**18, "here")


def test_error_code_of_either_half_counts() -> None:
    envelope = parse_envelope({"data": {"error_code": 0}, "extra": {"error_code": 2100004}}, "verify")
    assert read_code(envelope) == 2100004


def test_sub_code_is_quoted(read_payload: Any) -> None:
    assert quote_code(parse_envelope(read_payload("life-cancel-too-late"), "cancel")) == "3000001/2034000910"


def test_plus_sign_survives_the_link() -> None:
    link = urlsplit("https://www.iesdouyin.com/share/?schema_type=13&object_id=ab+c%2Fd%3D%3D&utm=x")
    assert read_object_id(link) == "ab+c/d=="


def test_long_numbers_leave_messages() -> None:
    assert clean_message("券104686126200130已核销,电话13800000000") == "券…已核销,电话…"
    assert clean_message("") is None


def test_personal_data_is_not_kept() -> None:
    person = {"order_reserve_user_info_list": [{"name": "张三", "phone": "13800000000"}]}
    coupon = parse_coupon(make_certificate(code="104686126200130", reserve_info=person), NOW, "here")  # type: ignore[arg-type]
    assert set(coupon.raw) == {"certificate_id", "status", "start_time", "expire_time", "sku", "amount"}


# ------------------------------------------------------------------------------------------------- malformed answers
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"certificate_id": None}, "here.certificate_id"),
        ({"certificate_id": 7.55e18}, "here.certificate_id"),
        ({"encrypted_code": ""}, "here.encrypted_code"),
        ({"status": "used"}, "here.status"),
        ({"expire_time": "tomorrow"}, "here.expire_time"),
        ({"amount": {"original_amount": 88.5}}, "here.amount.original_amount"),
        ({"amount": [1]}, "here.amount"),
        ({"sku": "tea"}, "here.sku"),
        ({"time_card": {"times_count": "many"}}, "here.time_card.times_count"),
    ],
)
def test_malformed_certificate_names_the_place(changes: Any, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_coupon(make_certificate(**changes), NOW, "here")  # type: ignore[arg-type]
    assert caught.value.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
KEYS = [*make_certificate(), "time_card", "verify", "verify_records", "not_available_time_info"]


@given(key=st.sampled_from(KEYS), value=JSON)
def test_any_value_is_read_or_refused(key: str, value: Any) -> None:
    certificate = make_certificate(**{key: value})
    path = "nowhere"
    try:
        coupon = parse_coupon(certificate, NOW, "here")  # type: ignore[arg-type]
        find_obstacle(coupon, NOW + timedelta(days=1), "71")
        parse_state({"certificate": certificate}, "7550000000000000456", NOW)
    except ProtocolFailure as failure:
        path = failure.path
    assert path
