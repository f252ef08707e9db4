"""Reading: amounts to the fen, instants in UTC, words that nobody listed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.youzan.parse import (
    Handle,
    Shown,
    clean_message,
    find_obstacle,
    parse_handle,
    parse_shown,
    read_id,
    read_time,
)
from adapters.youzan.tables import Kind
from core.channels.contract import CouponKind, CouponStatus, ProtocolFailure, Refusal
from core.channels.wire import (
    read_number,
    read_yuan,
)
from core.money import format_yuan

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
NUMBER = "E20260301100000000000003"


def show_ticket(state: Any, **changes: Any) -> Shown:
    row = {"ticket_code": "276600000001", "ticket_state": state, "verify_time": ""}
    (shown,) = parse_shown(Kind.TICKET, "Q", {"tid": "E1", "tickets": [row], **changes}, NOW)
    return shown


def show_code(status: Any = 1, /, **trade: Any) -> Shown:
    (shown,) = parse_shown(Kind.CODE, NUMBER, {"tid": NUMBER, "status": status, "trade": trade}, NOW)
    return shown


def show_coupon(group: Any, **changes: Any) -> Shown:
    body = {"status": 0, "promocard_id": 10600001, "coupon": group, **changes}
    (shown,) = parse_shown(Kind.COUPON, "4932", body, NOW)
    return shown


# ------------------------------------------------------------------------------------------------------------- money
@given(st.integers(0, 10**11 - 1))
def test_yuan_text_is_the_same_fen(fen: int) -> None:
    assert show_coupon({"preferential_type": 1, "value": format_yuan(fen)}).coupon.face_value == fen


@given(st.integers(0, 10**9))
def test_yuan_number_is_the_same_fen(fen: int) -> None:
    price = orjson.loads(str(Decimal(fen) / 100))
    assert show_ticket("NOT_VERIFIED", item_price=price).coupon.face_value == fen


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_order_amounts_are_the_same_fen(total: int, paid: int) -> None:
    coupon = show_code(total_fee=format_yuan(total), payment=format_yuan(paid)).coupon
    assert (coupon.face_value, coupon.paid_amount) == (total, paid)


@given(st.integers(1, 10**9))
def test_used_value_is_fen_already(fen: int) -> None:
    assert show_coupon({}, status=1, used_value=str(fen)).used_value == fen


@pytest.mark.parametrize(
    "value", ["0.001", "-1.00", "1e3", "１.00", "abc", "1,00", True, [], 1e300, 0.001, -5]
)
def test_what_is_no_amount(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_yuan(value, "coupon.value")
    assert caught.value.path == "coupon.value"


def test_goods_are_counted_where_there_is_no_total() -> None:
    orders = [{"price": "10.00", "num": "2"}, {"price": 5.5, "num": 1}]
    assert show_code(orders=orders).coupon.face_value == 2550
    assert show_code(orders=[*orders, {"price": "1.00"}]).coupon.face_value is None
    assert show_code().coupon.face_value is None


@pytest.mark.parametrize(
    ("group", "kind", "value"),
    [
        ({"preferential_type": 1, "value": "10.00", "is_random": 0}, CouponKind.CASH_VOUCHER, 1000),
        ({"preferential_type": 1, "value": "10.00", "is_random": 1}, CouponKind.CASH_VOUCHER, None),
        ({"preferential_type": 2, "value": "8.80", "discount": 88}, CouponKind.DISCOUNT, None),
        ({"preferential_type": 3, "value": "10.00"}, CouponKind.UNRECOGNISED, None),
        ({"value": "10.00"}, CouponKind.UNRECOGNISED, None),
    ],
)
def test_value_of_a_coupon(group: Any, kind: CouponKind, value: int | None) -> None:
    coupon = show_coupon(group).coupon
    assert (coupon.kind, coupon.face_value) == (kind, value)


# -------------------------------------------------------------------------------------------------------------- time
def test_times_are_of_beijing() -> None:
    assert read_time("2026-03-01 00:00:00", "t") == datetime(2026, 2, 28, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "0000-00-00 00:00:00"])
def test_no_time(value: Any) -> None:
    assert read_time(value, "t") is None


@pytest.mark.parametrize("value", ["2026-03-01", "2026-13-01 00:00:00", "0001-01-01 00:00:00", 5, {}])
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_time(value, "t")


@pytest.mark.parametrize(
    ("group", "status"),
    [
        ({"date_type": 1, "end_at": "2026-03-02 11:59:59"}, CouponStatus.EXPIRED),
        ({"date_type": 1, "end_at": "2026-03-02 12:00:00"}, CouponStatus.AVAILABLE),
        ({"date_type": 1, "start_at": "2026-03-02 12:00:01"}, CouponStatus.NOT_YET_VALID),
        ({"date_type": 2, "end_at": "2026-03-01 00:00:00"}, CouponStatus.AVAILABLE),
    ],
)
def test_dates_count_where_they_are_fixed(group: Any, status: CouponStatus) -> None:
    assert show_coupon(group).coupon.status is status
    assert (show_coupon({**group, "date_type": 2}).coupon.valid_until) is None


# ------------------------------------------------------------------------------------------------------------- words
@pytest.mark.parametrize(
    ("state", "status", "obstacle"),
    [
        ("NOT_VERIFIED", CouponStatus.AVAILABLE, None),
        ("NOT_VERIFY", CouponStatus.AVAILABLE, None),
        ("VERIFIED", CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ("EXPIRED", CouponStatus.EXPIRED, Refusal.EXPIRED),
        ("REFUNDING", CouponStatus.LOCKED, Refusal.LOCKED),
        ("REFUNDED", CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
        (None, CouponStatus.UNRECOGNISED, Refusal.REFUSED_BY_CHANNEL),
    ],
)
def test_ticket_states(state: Any, status: CouponStatus, obstacle: Refusal | None) -> None:
    shown = show_ticket(state)
    assert (shown.coupon.status, find_obstacle(shown)) == (status, obstacle)


@pytest.mark.parametrize(
    ("status", "trade", "expected"),
    [
        (1, {}, CouponStatus.AVAILABLE),
        ("2", {}, CouponStatus.REDEEMED),
        (2, {"refund_state": "FULL_REFUNDED"}, CouponStatus.REDEEMED),
        (3, {}, CouponStatus.UNRECOGNISED),
        (None, {}, CouponStatus.UNRECOGNISED),
        (1, {"refund_state": "FULL_REFUNDED"}, CouponStatus.REFUNDED),
        (1, {"refund_state": "FULL_REFUNDING"}, CouponStatus.LOCKED),
        (1, {"refund_state": "PARTIAL_REFUNDING"}, CouponStatus.LOCKED),
        (1, {"refund_state": "PARTIAL_REFUNDED"}, CouponStatus.AVAILABLE),
        (1, {"refund_state": "FULL_REFUND_FAILED"}, CouponStatus.AVAILABLE),
        (1, {"refund_state": "SOMETHING_NEW"}, CouponStatus.UNRECOGNISED),
        (1, {"status": "TRADE_CLOSED", "refund_state": "NO_REFUND"}, CouponStatus.REFUNDED),
        (1, {"status": "TRADE_CLOSED_BY_USER"}, CouponStatus.CANCELLED),
        (1, {"status": "TRADE_BUYER_SIGNED"}, CouponStatus.AVAILABLE),
        (1, {"orders": [{"item_refund_state": "FULL_REFUNDED"}]}, CouponStatus.REFUNDED),
        (1, {"orders": [{"item_refund_state": "FULL_REFUNDED"}, {}]}, CouponStatus.AVAILABLE),
    ],
)
def test_code_states(status: Any, trade: Any, expected: CouponStatus) -> None:
    assert show_code(status, **trade).coupon.status is expected


@pytest.mark.parametrize("status", [2, -1, None])
def test_unlisted_coupon_status(status: Any) -> None:
    shown = show_coupon({}, status=status)
    assert shown.coupon.status is CouponStatus.UNRECOGNISED
    assert find_obstacle(shown) is Refusal.REFUSED_BY_CHANNEL


def test_promotion_code_has_its_own_ids() -> None:
    assert show_coupon({}).coupon.reference == "10600001"
    promocode = show_coupon({}, promocard_id=None, promocode_id="10600001", promocode="SPRING")
    assert promocode.coupon.reference == "promocode-10600001"
    assert "promocode" not in promocode.coupon.raw


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        (Kind.TICKET, {"tid": "E1"}, "tickets"),
        (Kind.TICKET, {"tid": "E1", "tickets": [1]}, "tickets"),
        (Kind.TICKET, {"tid": "E1", "tickets": [{}]}, "tickets[0].ticket_code"),
        (Kind.CODE, {"status": 1}, "tid"),
        (Kind.CODE, {"tid": "E1", "status": 1, "trade": []}, "trade"),
        (Kind.CODE, {"tid": "E1", "status": 1, "trade": {"orders": {}}}, "trade.orders"),
        (Kind.COUPON, {"status": 0}, "promocard_id"),
        (Kind.COUPON, {"status": True, "promocard_id": 1}, "status"),
    ],
)
def test_broken_answers_name_the_place(kind: Kind, body: Any, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_shown(kind, "c", body, NOW)
    assert caught.value.path == path


# ------------------------------------------------------------------------------------------------------- single values
@given(st.sampled_from(list(Kind)), st.from_regex(r"[A-Z0-9]{1,24}", fullmatch=True), st.integers(1, 99))
def test_handle_comes_back(kind: Kind, code: str, tickets: int) -> None:
    handle = Handle(kind, code, "276600000001", tickets)
    assert parse_handle(handle.write()) == handle
    assert repr(handle) == f"Handle({kind})"


@pytest.mark.parametrize(("value", "expected"), [(5, "5"), ("x", "x"), (2**60, str(2**60))])
def test_ids_are_text(value: Any, expected: str) -> None:
    assert read_id(value, "id") == expected


@pytest.mark.parametrize("value", [None, "", 0, -1, True, 1.5, [], "x" * 129])
def test_what_is_no_id(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_id(value, "id")


@pytest.mark.parametrize("value", [1.5, "1.5", "x", True, [], "1" * 20, "９"])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_number(value, "n")


def test_messages_lose_codes_and_phones() -> None:
    said = clean_message("券 SEVJXOPD86096935 属于 13800000000, 订单 E20260301100000000000003 不存在")
    assert said == "券 … 属于 …, 订单 … 不存在"
