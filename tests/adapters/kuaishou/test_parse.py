"""The documents of Kuaishou, as they come, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kuaishou.parse import (
    Grant,
    Handle,
    find_obstacle,
    parse_coupon,
    parse_coupons,
    parse_grant,
)
from core.channels.contract import ChannelCoupon, CouponKind, CouponStatus, ProtocolFailure, Refusal
from core.channels.wire import (
    clean_message,
    read_epoch,
    read_number,
)

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
QUERY = {"code": "880260412345"}


def make_certificate(**changes: Any) -> dict[str, Any]:
    return {
        "encrypted_code": "enc",
        "certificate_id": 500000000000001,
        "start_time": 1772330000,
        "expire_time": 1774922399,
        "sku": {"title": "测试双人餐", "groupon_type": 1},
        "amount": {"original_amount": 19900, "coupon_pay_amount": 9900},
        **changes,
    }


def parse(**changes: Any) -> ChannelCoupon:
    return parse_coupon(make_certificate(**changes), QUERY, NOW, "here")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- examples
def test_example_of_prepare(read_payload: Any) -> None:
    (coupon,) = parse_coupons(read_payload("certificate_prepare_ok")["data"], QUERY, NOW)
    assert (coupon.reference, coupon.title) == ("500000000000001", "测试双人餐")
    assert Handle.unpack(coupon.handle) == Handle("TESTENC0001", QUERY)
    assert (coupon.kind, coupon.status) == (CouponKind.SET_MEAL, CouponStatus.AVAILABLE)
    assert (coupon.face_value, coupon.paid_amount) == (19900, 9900)
    assert coupon.valid_from == datetime(2026, 3, 1, 2, 0, 10, tzinfo=UTC)
    assert coupon.valid_until == datetime(2026, 3, 31, 1, 59, 59, tzinfo=UTC)
    assert (coupon.times_total, coupon.times_remaining) == (1, 1)


@pytest.mark.parametrize("name", ["oauth_refresh_ok", "oauth_access_token_ok"])
def test_examples_of_grants(read_payload: Any, name: str) -> None:
    grant = parse_grant(read_payload(name), "old", NOW)
    assert grant is not None
    assert (grant.access_token[:12], grant.refresh_token[:13]) == ("TESTKSACCESS", "TESTKSREFRESH")
    assert grant.due_at == datetime(2026, 3, 3, 2, 50, tzinfo=UTC)
    assert Grant.unpack(grant.pack()) == grant


def test_refused_grant_is_none(read_payload: Any) -> None:
    assert parse_grant(read_payload("oauth_error"), "old", NOW) is None


# --------------------------------------------------------------------------------------------------------- states
@pytest.mark.parametrize(
    ("changes", "status", "obstacle"),
    [
        ({}, CouponStatus.AVAILABLE, None),
        ({"status": 0}, CouponStatus.AVAILABLE, None),
        ({"status": 1}, CouponStatus.AVAILABLE, None),
        ({"status": 2}, CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ({"status": 3}, CouponStatus.LOCKED, Refusal.LOCKED),
        ({"status": 4}, CouponStatus.REFUNDED, Refusal.REFUNDED),
        ({"status": 5}, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        ({"status": 6}, CouponStatus.LOCKED, Refusal.LOCKED),
        ({"status": 77}, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        ({"expire_time": 1772330001}, CouponStatus.EXPIRED, Refusal.EXPIRED),
        ({"expire_time": 1772330001000}, CouponStatus.EXPIRED, Refusal.EXPIRED),
        ({"start_time": 1772400000}, CouponStatus.NOT_YET_VALID, Refusal.NOT_YET_VALID),
        ({"time_card": {"times_count": 3, "times_used": 3}}, CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ({"time_card": {"times_count": 3, "times_used": 2}}, CouponStatus.PARTLY_REDEEMED, None),
        ({"time_card": {"times_count": 0}}, CouponStatus.AVAILABLE, None),
    ],
)
def test_status_and_obstacle(changes: Any, status: CouponStatus, obstacle: Refusal | None) -> None:
    coupon = parse(**changes)
    assert (coupon.status, find_obstacle(coupon)) == (status, obstacle)


@pytest.mark.parametrize(
    ("groupon_type", "kind"),
    [
        (1, CouponKind.SET_MEAL),
        (2, CouponKind.CASH_VOUCHER),
        ("3", CouponKind.TIMES_CARD),
        (4, CouponKind.UNRECOGNISED),
        (None, CouponKind.UNRECOGNISED),
    ],
)
def test_kinds(groupon_type: Any, kind: CouponKind) -> None:
    assert parse(sku={"groupon_type": groupon_type}).kind is kind


def test_code_is_not_kept_in_the_document() -> None:
    coupon = parse(code="880260412345", buyer={"phone": "13800000000"})
    assert set(coupon.raw) == {"certificate_id", "start_time", "expire_time", "sku", "amount"}


# --------------------------------------------------------------------------------------------------- single values
@given(original=st.integers(0, 10**12), paid=st.integers(0, 10**12), as_text=st.booleans())
def test_amounts_stay_the_same_fen(original: int, paid: int, as_text: bool) -> None:
    write: Any = str if as_text else int
    coupon = parse(
        amount={"original_amount": write(original), "coupon_pay_amount": write(paid), "pay_amount": 1}
    )
    assert (coupon.face_value, coupon.paid_amount) == (original, paid)
    assert type(coupon.face_value) is int


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({"pay_amount": 9600}, (None, 9600)),
        ({"pay_amount": 9600, "coupon_pay_amount": 0}, (None, 0)),
        ({"market_price": 19900}, (None, None)),
        (None, (None, None)),
    ],
)
def test_amounts_that_are_left_out(amount: Any, expected: Any) -> None:
    coupon = parse(amount=amount)
    assert (coupon.face_value, coupon.paid_amount) == expected


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "x", [], {}, "9" * 20, "٣"])
def test_no_whole_number(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_number(value, "data.here")
    assert caught.value.path == "data.here"


def test_seconds_and_milliseconds_agree() -> None:
    assert (
        read_epoch(1772330005, "here") == read_epoch("1772330005000", "here") != read_epoch(0, "here") is None
    )


def test_time_out_of_range() -> None:
    with pytest.raises(ProtocolFailure, match="not a time"):
        read_epoch(10**18, "here")


def test_long_numbers_leave_messages() -> None:
    assert clean_message("券880260412345已核销,电话13800000000") == "券…已核销,电话…"
    assert clean_message("") is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"certificate_id": None}, "here.certificate_id"),
        ({"certificate_id": 5.0e14}, "here.certificate_id"),
        ({"encrypted_code": ""}, "here.encrypted_code"),
        ({"status": "used"}, "here.status"),
        ({"expire_time": "tomorrow"}, "here.expire_time"),
        ({"amount": {"original_amount": 88.5}}, "here.amount.original_amount"),
        ({"amount": {"coupon_pay_amount": -1}}, "here.amount.coupon_pay_amount"),
        ({"amount": [1]}, "here.amount"),
        ({"sku": "tea"}, "here.sku"),
        ({"time_card": {"times_count": "many"}}, "here.time_card.times_count"),
    ],
)
def test_malformed_certificate_names_the_place(changes: Any, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse(**changes)
    assert caught.value.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(key=st.sampled_from([*make_certificate(), "status", "time_card"]), value=JSON)
def test_any_value_is_read_or_refused(key: str, value: Any) -> None:
    path = "nowhere"
    try:
        find_obstacle(parse(**{key: value}))
    except ProtocolFailure as failure:
        path = failure.path
    assert path
