"""Single values as platforms write them: what they mean, and what they never mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    clean_message,
    read_china_time,
    read_epoch,
    read_fen,
    read_id,
    read_list,
    read_number,
    read_part,
    read_phone,
    read_rows,
    read_yuan,
    write_china_time,
)
from core.testing.garbage import WRONG_VALUES

NOON = datetime(2026, 3, 2, 4, 0, 5, tzinfo=UTC)
READERS: list[Callable[[object, str], object]] = [
    read_number, read_id, read_fen, read_yuan, read_epoch, read_china_time,
]  # fmt: skip


def fails(reader: Callable[[object, str], object], value: object) -> bool:
    try:
        reader(value, "data.place")
    except ProtocolFailure as failure:
        return failure.path == "data.place"
    return False


# --------------------------------------------------------------------------------------------------------------- parts
def test_parts_are_given() -> None:
    wire = {"part": {"a": 1}, "list": [1, "x"], "rows": [{"a": 1}]}
    assert read_part(wire, "part", "data") == {"a": 1}
    assert read_list(wire, "list", "data") == [1, "x"]
    assert read_rows(wire, "rows", "data") == [{"a": 1}]


@pytest.mark.parametrize("wire", [{}, {"key": None}])
def test_missing_parts_are_empty(wire: dict[str, Any]) -> None:
    assert (read_part(wire, "key", ""), read_list(wire, "key", ""), read_rows(wire, "key", "")) == (
        {},
        [],
        [],
    )


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (read_part, []),
        (read_part, ""),
        (read_part, 0),
        (read_list, {}),
        (read_list, ""),
        (read_rows, {}),
        (read_rows, [1]),
        (read_rows, [{}, None]),
    ],
)
def test_parts_of_another_type(reader: Any, value: Any) -> None:
    for path, named in (("data", "data.key"), ("", "key")):
        with pytest.raises(ProtocolFailure) as caught:
            reader({"key": value}, "key", path)
        assert caught.value.path == named


# ------------------------------------------------------------------------------------------------------------- numbers
@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_as_such_or_as_digits(number: int) -> None:
    assert read_number(number, "n") == read_number(str(number), "n") == number


@pytest.mark.parametrize("value", [True, 1.0, "1.0", "+1", " 1", "１", "1" * 20, "-", [], {}, "x"])
def test_other_things_are_no_numbers(value: object) -> None:
    assert fails(read_number, value)


@pytest.mark.parametrize(
    ("value", "expected"), [("a1", "a1"), (7, "7"), ("0", "0"), (2**63 - 1, str(2**63 - 1))]
)
def test_ids_are_text(value: object, expected: str) -> None:
    assert read_id(value, "id") == expected


@pytest.mark.parametrize("value", [None, "", 0, -1, True, 1.0, [], {}])
def test_missing_ids(value: object) -> None:
    assert fails(read_id, value)


# --------------------------------------------------------------------------------------------------------------- money
@given(st.integers(0, 10**13))
def test_yuan_are_exact(fen: int) -> None:
    text = f"{fen // 100}.{fen % 100:02d}"
    assert read_yuan(text, "amount") == read_yuan(float(text), "amount") == fen
    assert read_fen(fen, "amount") == read_fen(str(fen), "amount") == fen


@pytest.mark.parametrize(
    ("value", "fen"), [(88, 8800), ("88", 8800), (0.1, 10), ("8.80000000", 880), (0, 0), ("0", 0)]
)
def test_yuan_in_every_form(value: object, fen: int) -> None:
    assert read_yuan(value, "amount") == fen


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-1",
        "1.005",
        0.001,
        1e300,
        1e-9,
        float("nan"),
        float("inf"),
        True,
        "1,00",
        "1 000",
        "１",
        "9" * 13,
    ],
)
def test_other_things_are_no_yuan(value: object) -> None:
    assert fails(read_yuan, value)


@pytest.mark.parametrize("value", [-1, "-1", 0.5, "0.5"])
def test_other_things_are_no_fen(value: object) -> None:
    assert fails(read_fen, value)


# --------------------------------------------------------------------------------------------------------------- times
@pytest.mark.parametrize("value", [1772424005, "1772424005", 1772424005000, "1772424005000"])
def test_time_stamps(value: object) -> None:
    assert read_epoch(value, "at") == NOON


def test_zero_is_no_time() -> None:
    assert read_epoch(0, "at") is None
    assert read_epoch("0", "at") is None


@pytest.mark.parametrize("value", [2**63 - 1, -(10**15), 1.5, "noon", True])
def test_other_things_are_no_time_stamps(value: object) -> None:
    assert fails(read_epoch, value)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1)))  # noqa: DTZ001  # made aware below
def test_beijing_time_there_and_back(naive: datetime) -> None:
    instant = naive.replace(microsecond=0, tzinfo=UTC)
    read = read_china_time(write_china_time(instant), "at")
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value", ["2026-03-02", "2026-02-30 00:00:00", "0000-00-00 00:00:00", 5, True, "2026-03-02T12:00:05"]
)
def test_other_things_are_no_beijing_time(value: object) -> None:
    assert fails(read_china_time, value)


# ----------------------------------------------------------------------------------------------------------------- all
@pytest.mark.parametrize("reader", [read_number, read_fen, read_yuan, read_epoch, read_china_time])
def test_left_out_is_none(reader: Any) -> None:
    assert (reader(None, "x"), reader("", "x")) == (None, None)


@pytest.mark.parametrize("reader", READERS)
def test_strange_values_raise_nothing_else(reader: Any) -> None:
    for value in WRONG_VALUES:
        fails(reader, value)


@pytest.mark.parametrize("reader", READERS)
def test_failures_never_quote_the_value(reader: Any) -> None:
    secret = "x13800138000"
    if not fails(reader, secret):
        return
    with pytest.raises(ProtocolFailure) as caught:
        reader(secret, "phone")
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("券104686126200130已使用", "券…已使用"),
        ("错误 123456", "错误 123456"),
        ("", None),
        (None, None),
        (5, None),
        ("字" * 300, "字" * 200),
    ],
)
def test_words_without_long_numbers(text: object, expected: str | None) -> None:
    assert clean_message(text) == expected


# ------------------------------------------------------------------------------------------------------------ phones
@pytest.mark.parametrize(
    ("country", "number", "phone"),
    [
        ("86", "13800000000", "+8613800000000"),
        ("+86", "13800000000", "+8613800000000"),
        (86, 13800000000, "+8613800000000"),
        ("1", "2025550123", "+12025550123"),
        ("1242", "3220000", "+12423220000"),
    ],
)
def test_phones_are_of_one_form(country: object, number: object, phone: str) -> None:
    assert read_phone(country, number, "here") == phone


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("86", None),
        (None, "13800000000"),
        ("", "13800000000"),
        ("086", "13800000000"),
        ("++86", "13800000000"),
        ("86", "138****0000"),
        ("86", "138"),
        ("86", "12345678901234"),
        ("８６", "13800000000"),
        (True, "13800000000"),
        ("86", ["13800000000"]),
    ],
)
def test_what_is_no_phone(country: object, number: object) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_phone(country, number, "here")
    assert (caught.value.path, caught.value.message) == ("here", "no phone number")
