from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from core.errors import BadInput
from schema.money import show_money
from schema.scalars import format_decimal, format_instant, parse_decimal, parse_instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-01T10:00:00+08:00", datetime(2026, 5, 1, 2, tzinfo=UTC)),
        ("2026-05-01T02:00:00Z", datetime(2026, 5, 1, 2, tzinfo=UTC)),
        ("2026-05-01T02:00Z", datetime(2026, 5, 1, 2, tzinfo=UTC)),
        ("2026-05-01T02:00:00.25-0130", datetime(2026, 5, 1, 3, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_instants_become_utc(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-01T10:00:00",
        "2026-05-01",
        "10:00:00+08:00",
        "2026-13-01T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "2026-W01-1T10:00:00Z",
        "２０２６-05-01T10:00:00Z",
        " 2026-05-01T10:00:00Z",
        "",
        1_777_600_000,
        None,
        ["2026-05-01T10:00:00Z"],
    ],
)
def test_other_instants_refused(value: Any) -> None:
    with pytest.raises(BadInput):
        parse_instant(value)


def test_instants_leave_in_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert format_instant(datetime(2026, 5, 1, 10, tzinfo=shanghai)) == "2026-05-01T02:00:00Z"


@pytest.mark.parametrize(
    ("value", "amount"), [("88.00", "88.00"), ("-0.5", "-0.5"), (88, "88"), (0.1, "0.1"), ("007", "7")]
)
def test_decimals_read_exactly(value: Any, amount: str) -> None:
    assert parse_decimal(value) == Decimal(amount)


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "1e9", "1e999999999", "", ".", "1,000", "٣", True, None, 1e300, {}, "9" * 5_000],
)
def test_other_decimals_refused(value: Any) -> None:
    with pytest.raises(BadInput):
        parse_decimal(value)


@pytest.mark.parametrize(
    ("fen", "yuan"),
    [(8800, "88.00"), (5, "0.05"), (0, "0.00"), (-150, "-1.50"), (10**14, "1000000000000.00")],
)
def test_money_has_two_decimals(fen: int, yuan: str) -> None:
    money = show_money(fen)
    assert format_decimal(money.amount) == yuan
    assert money.currency_code == "CNY"
