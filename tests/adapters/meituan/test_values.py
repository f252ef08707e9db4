"""Single values: yuan to fen without loss, Beijing time to UTC, nothing guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meituan.parse_catering import parse_coupons
from adapters.meituan.parse_general import parse_receipts
from adapters.meituan.values import (
    read_count,
    read_time,
)
from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    clean_message,
    read_id,
    read_yuan,
)
from core.money import format_yuan

NOW = datetime(2023, 11, 1, tzinfo=UTC)
FEN = st.integers(1, 10**9)
RECEIPT = {"receiptCode": "5807000001", "dealId": 1, "count": 1, "bizType": 0}
COUPON = {"couponCode": "580100000001", "dealId": 1, "count": 1}


def as_number(fen: int) -> Any:
    """The amount as a JSON number that has been read."""
    return orjson.loads(format_yuan(fen))


@given(FEN)
def test_yuan_arrive_to_the_fen(fen: int) -> None:
    assert read_yuan(as_number(fen), "x") == fen
    assert read_yuan(format_yuan(fen), "x") == fen


@given(
    face=FEN,
    price=FEN,
    platform=st.integers(0, 10**6),
    merchant=st.integers(0, 10**6),
    size=st.integers(1, 9),
)
def test_receipt_keeps_its_amounts(face: int, price: int, platform: int, merchant: int, size: int) -> None:
    whole = price + platform + merchant
    (coupon,) = parse_receipts(
        {
            **RECEIPT,
            "dealPrice": as_number(whole),
            "dealMarketPrice": as_number(face),
            "paymentDetail": [{"amount": format_yuan(price * size), "amountType": 10}],
            "platformAmount": format_yuan(platform * size),
            "merchantAmount": format_yuan(merchant * size),
        },
        "5807000001",
        NOW,
    )
    assert (coupon.face_value, coupon.paid_amount) == (face, price)


@pytest.mark.parametrize(
    ("price", "details", "expected"),
    [
        (88.0, [("88.00", 10)], 8800),
        (88.0, [("80.00", 10), ("8.00", 15)], 8000),
        (88.0, [("80.00", 10), ("96.00", 6)], 4000),
        (88.0, [("78.00", 10)], None),
        (88.0, [], None),
        (0, [("88.00", 10)], None),
        (None, [("88.00", 10)], None),
        (0.01, [("0.01", 10), ("0.01", 6)], None),
    ],
)
def test_payments_that_add_up(price: Any, details: Any, expected: int | None) -> None:
    rows = [{"amount": amount, "amountType": kind} for amount, kind in details]
    assert (
        parse_receipts({**RECEIPT, "dealPrice": price, "platformAmount": price}, "5807000001", NOW)[
            0
        ].paid_amount
        is None
    )
    (coupon,) = parse_receipts({**RECEIPT, "dealPrice": price, "paymentDetail": rows}, "5807000001", NOW)
    assert coupon.paid_amount == expected


@given(value=FEN, bought=FEN)
def test_coupon_keeps_its_amounts(value: int, bought: int) -> None:
    wire = {**COUPON, "dealValue": as_number(value), "couponBuyPrice": as_number(bought)}
    (coupon,) = parse_coupons(wire, "580100000001", NOW)
    assert (coupon.face_value, coupon.paid_amount) == (value, bought)


@pytest.mark.parametrize("value", [True, "1e3", "-1", -1, "８", 1e300, "88.005", 88.005, {}, [], "NaN", "1 "])
def test_no_amount(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_yuan(value, "data.dealPrice")
    assert caught.value.path == "data.dealPrice"


@pytest.mark.parametrize("value", [None, ""])
def test_amount_that_is_not_told(value: Any) -> None:
    assert read_yuan(value, "x") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-11-15 12:00:05", datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)),
        ("2023-11-15 12:00", datetime(2023, 11, 15, 4, 0, tzinfo=UTC)),
        ("2023-11-15", datetime(2023, 11, 14, 16, 0, tzinfo=UTC)),
        (1703951999000, datetime(2023, 12, 30, 15, 59, 59, tzinfo=UTC)),
        ("1703951999000", datetime(2023, 12, 30, 15, 59, 59, tzinfo=UTC)),
        (1703951999, datetime(2023, 12, 30, 15, 59, 59, tzinfo=UTC)),
        (0, None),
        (None, None),
        ("", None),
    ],
)
def test_times_are_beijings(value: Any, expected: datetime | None) -> None:
    assert read_time(value, "x") == expected


def test_day_ends_at_its_last_second() -> None:
    assert read_time("2023-12-31", "x", end_of_day=True) == datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("value", ["tomorrow", "2023-13-01", "0001-01-01", 2**60, 1.5, True, []])
def test_no_time(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_time(value, "x")


@pytest.mark.parametrize("value", [None, -1, 10_001, 2**53, "x", 1.0, True])
def test_no_count(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_count(value, "x")


def test_ids_are_text() -> None:
    assert (read_id(993500001, "x"), read_id("0332808512", "x")) == ("993500001", "0332808512")
    for value in (None, "", 0, True, 1.5, []):
        with pytest.raises(ProtocolFailure):
            read_id(value, "x")


def test_messages_lose_long_numbers() -> None:
    assert clean_message("券5807000001不存在，13800000000，10分钟") == "券…不存在，…，10分钟"
    assert clean_message({}) is None
