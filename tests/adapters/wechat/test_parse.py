"""WeChat's shapes become core's values, to the fen and to the second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wechat.codes import CouponKey, VoucherKey
from adapters.wechat.parse import (
    clean_message,
    parse_consumed,
    parse_coupon,
    parse_coupon_state,
    parse_envelope,
    parse_failed,
    parse_use,
    parse_voucher,
    parse_voucher_state,
    read_rfc3339,
    read_seconds,
)
from core.channels.contract import (
    CouponKind,
    CouponStatus,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemRefused,
    Refusal,
)
from core.channels.wire import (
    read_id,
)

NOW = datetime(2026, 3, 1, 2, 1, tzinfo=UTC)
VALID = datetime(2026, 3, 15, tzinfo=UTC)
OPENID = "oTESTopenid"
KEY = VoucherKey("TESTVOUCHER0001", "20000002")
FEN = st.integers(0, 10**12)


@pytest.fixture
def voucher(read_payload: Any) -> dict[str, Any]:
    wire: dict[str, Any] = read_payload("channels_voucher_get_valid")[1]["voucher"]
    return wire


@pytest.fixture
def coupon(read_payload: Any) -> dict[str, Any]:
    wire: dict[str, Any] = read_payload("pay_user_coupon_sended")[1]
    return wire


# ---------------------------------------------------------------------------------------------------------- vouchers
def test_voucher_is_read(voucher: Any) -> None:
    read = parse_voucher(voucher, VALID, "voucher")
    assert (read.face_value, read.paid_amount) == (19900, 9900)
    assert (read.status, read.kind) == (CouponStatus.AVAILABLE, CouponKind.CASH_VOUCHER)
    assert read.valid_from == datetime(2026, 3, 1, 2, 0, 10, tzinfo=UTC)
    assert read.valid_until == datetime(2026, 3, 31, 1, 59, 59, tzinfo=UTC)
    assert (read.handle, read.reference) == (KEY.write_handle(), KEY.reference)
    assert (read.times_total, read.times_remaining) == (1, 1)


def test_raw_keeps_no_person(voucher: Any) -> None:
    raw = parse_voucher(voucher, VALID, "voucher").raw
    assert raw["order_id"] == "3700000000000000003"
    assert not raw.keys() & {"code", "openid", "telphone_no"}


@given(worth=FEN, price=FEN, as_text=st.booleans())
def test_voucher_money_is_carried(worth: int, price: int, as_text: bool) -> None:
    write = str if as_text else int
    wire: Any = {
        "code": "A",
        "sku_id": 1,
        "status": 1,
        "voucher_actual_amount": write(worth),
        "voucher_buy_amount": write(price),
    }
    read = parse_voucher(wire, VALID, "voucher")
    assert (read.face_value, read.paid_amount) == (worth, price)


@pytest.mark.parametrize("amount", [1.5, "12.30", -1, True, [], "９"])
def test_odd_amount_is_unreadable(voucher: Any, amount: Any) -> None:
    with pytest.raises(ProtocolFailure):
        parse_voucher({**voucher, "voucher_buy_amount": amount}, VALID, "voucher")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": 1}, CouponStatus.AVAILABLE),
        ({"status": 2}, CouponStatus.REDEEMED),
        ({"status": 3}, CouponStatus.REFUNDED),
        ({"status": 4}, CouponStatus.EXPIRED),
        ({"status": 5}, CouponStatus.UNRECOGNISED),
        ({"status": None}, CouponStatus.UNRECOGNISED),
        ({"end_time": 1772330411}, CouponStatus.EXPIRED),
        ({"start_time": 1803866410}, CouponStatus.NOT_YET_VALID),
        ({"last_consume_no": "A"}, CouponStatus.PARTLY_REDEEMED),
        ({"last_consume_no": "A", "last_withdraw_consume_no": "B"}, CouponStatus.AVAILABLE),
    ],
)
def test_voucher_status(voucher: Any, change: Any, status: CouponStatus) -> None:
    assert parse_voucher({**voucher, **change}, VALID, "voucher").status is status


def test_used_voucher_shows_its_use(read_payload: Any) -> None:
    wire = read_payload("channels_voucher_consume_ok")[1]["voucher_list"][0]
    state = parse_voucher_state(wire, KEY.reference, VALID)
    (use,) = state.uses
    assert state.status is CouponStatus.REDEEMED
    assert (use.receipt, use.token) == ("CON202603010001", "CON202603010001")
    assert use.used_at == datetime(2026, 3, 1, 2, 1, 40, tzinfo=UTC)
    assert use.external_store_id == "S001"


def test_state_of_another_voucher(voucher: Any) -> None:
    with pytest.raises(ProtocolFailure):
        parse_voucher_state(voucher, VoucherKey("TESTVOUCHER0001", "1").reference, VALID)


def test_consumed_is_redeemed(read_payload: Any) -> None:
    document = read_payload("channels_voucher_consume_ok")[1]
    (outcome,) = parse_consumed(document, "CON202603010001", [KEY])
    used_at = datetime(2026, 3, 1, 2, 1, 40, tzinfo=UTC)
    assert outcome == Redeemed(KEY.reference, (Receipt("CON202603010001", used_at),))


@pytest.mark.parametrize("token", ["CON202603010002", ""])
def test_consumed_under_another_number(read_payload: Any, token: str) -> None:
    with pytest.raises(ProtocolFailure):
        parse_consumed(read_payload("channels_voucher_consume_ok")[1], token, [KEY])


def test_refused_is_quoted(read_payload: Any) -> None:
    document, second = (
        read_payload("channels_voucher_consume_fail")[1],
        VoucherKey("TESTVOUCHER0002", "20000002"),
    )
    outcomes = parse_consumed(document, "CON", [KEY, second])
    assert [type(outcome) for outcome in outcomes] == [RedeemRefused, RedeemRefused]
    refused = parse_failed(document)["TESTVOUCHER0002"]
    assert (refused.reason, refused.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "10020000/10020001")
    assert refused.platform_message == "券已使用"


def test_voucher_left_out_is_unreadable(read_payload: Any) -> None:
    document = read_payload("channels_voucher_consume_ok")[1]
    with pytest.raises(ProtocolFailure):
        parse_consumed(document, "CON202603010001", [KEY, VoucherKey("TESTVOUCHER0002", "20000002")])


@pytest.mark.parametrize("document", [None, [], {}, {"errcode": None}, {"errcode": "x"}, {"errcode": 1.5}])
def test_answer_without_errcode(document: Any) -> None:
    with pytest.raises(ProtocolFailure):
        parse_envelope(document, "consume")


# --------------------------------------------------------------------------------------------------- merchant coupons
def test_coupon_is_read(coupon: Any) -> None:
    read = parse_coupon(coupon, OPENID, VALID)
    assert (read.face_value, read.paid_amount) == (1000, None)
    assert (read.kind, read.title) == (CouponKind.CASH_VOUCHER, "测试商家券")
    assert read.valid_from == datetime(2026, 2, 28, 16, 0, tzinfo=UTC)
    assert read.valid_until == datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)
    assert read.handle == "coupon_code=TESTCODE0001&stock_id=1290000000000001&openid=oTESTopenid"
    assert "coupon_code" not in read.raw


@given(off=FEN)
def test_coupon_money_is_carried(off: int) -> None:
    rule = {"fixed_normal_coupon": {"discount_amount": off}}
    wire: Any = {"coupon_code": "A", "stock_id": "1", "coupon_state": "SENDED", "coupon_use_rule": rule}
    assert parse_coupon(wire, OPENID, VALID).face_value == off


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("pay_user_coupon_sended", CouponStatus.AVAILABLE),
        ("pay_user_coupon_used", CouponStatus.REDEEMED),
        ("pay_user_coupon_expired", CouponStatus.EXPIRED),
        ("pay_user_coupon_deactivated", CouponStatus.CANCELLED),
    ],
)
def test_coupon_status(read_payload: Any, name: str, status: CouponStatus) -> None:
    assert parse_coupon(read_payload(name)[1], OPENID, VALID).status is status


@pytest.mark.parametrize("state", ["FROZEN", "", None, 1])
def test_unknown_coupon_state(coupon: Any, state: Any) -> None:
    assert parse_coupon({**coupon, "coupon_state": state}, OPENID, VALID).status is CouponStatus.UNRECOGNISED


@pytest.mark.parametrize(
    ("stock_type", "kind"),
    [("DISCOUNT", CouponKind.DISCOUNT), ("EXCHANGE", CouponKind.EXCHANGE), ("X", CouponKind.UNRECOGNISED)],
)
def test_coupon_kind(coupon: Any, stock_type: str, kind: CouponKind) -> None:
    read = parse_coupon({**coupon, "stock_type": stock_type, "coupon_use_rule": {}}, OPENID, VALID)
    assert (read.kind, read.face_value) == (kind, None)


def test_used_coupon_shows_its_use(read_payload: Any) -> None:
    key = CouponKey("TESTCODE0001", "1290000000000001", OPENID)
    (use,) = parse_coupon_state(read_payload("pay_user_coupon_used")[1], key, VALID).uses
    assert (use.receipt, use.token) == ("USE202603010001", "USE202603010001")
    assert use.used_at == datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)


def test_state_of_another_coupon(coupon: Any) -> None:
    for key in (
        CouponKey("TESTCODE0002", "1290000000000001", OPENID),
        CouponKey("TESTCODE0001", "2", OPENID),
    ):
        with pytest.raises(ProtocolFailure):
            parse_coupon_state(coupon, key, VALID)


def test_use_names_its_stock(read_payload: Any) -> None:
    document = read_payload("pay_coupon_use_ok")[1]
    key = CouponKey("TESTCODE0001", "1290000000000001", OPENID)
    used_at = datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)
    assert parse_use(document, "leg", key) == Redeemed(key.reference, (Receipt("leg", used_at),))
    with pytest.raises(ProtocolFailure):
        parse_use(document, "leg", CouponKey("TESTCODE0001", "2", OPENID))


# ------------------------------------------------------------------------------------------------------ single values
@pytest.mark.parametrize("text", ["2026-03-01T10:00:05", "2026-03-01", "x", 1, "2026-13-01T00:00:00+08:00"])
def test_time_without_offset(text: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_rfc3339(text, "use_time")


def test_times_become_utc() -> None:
    assert read_rfc3339("2026-03-01T10:01:00+08:00", "use_time") == NOW
    assert read_seconds(1772330460, "consume_time") == NOW
    assert (read_seconds(0, "x"), read_rfc3339("", "x")) == (None, None)


@pytest.mark.parametrize("value", [None, "", 0, -1, True, 1.5, []])
def test_id_is_missing(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_id(value, "sku_id")


def test_words_carry_no_numbers() -> None:
    words = "code 370000000000001 of 13800000000 used rid: 66b5fb8f-5e3c0071-3d7f539a"
    assert clean_message(words) == "code … of … used"
    assert (clean_message(""), clean_message(7)) == (None, None)
