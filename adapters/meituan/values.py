"""Single values of Meituan's answers, read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from core.channels.contract import ProtocolFailure
from core.clock import from_epoch
from core.money import parse_yuan

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991
_LATEST_SECONDS = 10**11  # greater time stamps are in milliseconds
_MOST_FEN = 10**11
_MOST_USES = 10_000
_END_OF_DAY = timedelta(days=1, seconds=-1)
_PERSONAL = frozenset({"receiptCode", "couponCode", "mobile", "receiptInfoMap"})
_LONG_NUMBER = re.compile(r"\d{7,}")
_YUAN = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def clean_message(text: object) -> str | None:
    """The platform's own words without long numbers, which may be codes or phones."""
    return _LONG_NUMBER.sub("…", text)[:200] if isinstance(text, str) and text else None


def check_code(value: object, code: str, path: str) -> None:
    """Raises ProtocolFailure where an answer is about another code than the one asked about."""
    if value != code:
        raise ProtocolFailure("the answer is not about the code asked for", path=path)


def keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The document without codes and phones."""
    return {key: value for key, value in wire.items() if key not in _PERSONAL}


def read_list(wire: Mapping[str, Any], key: str, path: str) -> list[Any]:
    """The list under `key`, empty where it is null or missing. Raises ProtocolFailure for anything else."""
    values = wire.get(key)
    if values is None:
        return []
    if not isinstance(values, list):
        raise ProtocolFailure("not a list", path=f"{path}.{key}")
    return values


def read_rows(wire: Mapping[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """The list of objects under `key`, as `read_list`."""
    rows = read_list(wire, key, path)
    if not all(isinstance(row, dict) for row in rows):
        raise ProtocolFailure("not a list of objects", path=f"{path}.{key}")
    return rows


def read_number(value: object, path: str) -> int | None:
    """A whole number, or its digits. Raises ProtocolFailure for anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        return int(value)
    raise ProtocolFailure("not a whole number", path=path)


def read_count(value: object, path: str) -> int:
    """How many. Raises ProtocolFailure where it is missing, negative or beyond belief."""
    number = read_number(value, path)
    if number is None or not 0 <= number <= _MOST_USES:
        raise ProtocolFailure("not a count", path=path)
    return number


def read_id(value: object, path: str) -> str:
    """An id as text, whether it came as text or as a number. Raises ProtocolFailure where there is none."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    raise ProtocolFailure("an id is missing", path=path)


def read_yuan(value: object, path: str) -> int | None:
    """Yuan, as a number or as text, in fen. Raises ProtocolFailure for anything else, and for fractions of fen."""
    if value is None or value == "":
        return None
    # The number's shortest text is what Meituan wrote: no arithmetic is done on the float.
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not _YUAN.fullmatch(text):
        raise ProtocolFailure("not an amount in yuan", path=path)
    try:
        fen = parse_yuan(text)
    except ValueError:
        raise ProtocolFailure("an amount finer than one fen", path=path) from None
    if fen > _MOST_FEN:
        raise ProtocolFailure("an amount beyond belief", path=path)
    return fen


def read_time(value: object, path: str, *, end_of_day: bool = False) -> datetime | None:
    """A Beijing time or day as text, or a time stamp in seconds or milliseconds; 0 and null are none.

    A day is its first second, or its last with `end_of_day`. Raises ProtocolFailure for others.
    """
    if isinstance(value, str) and "-" in value[1:]:
        moment = _read_local_time(value, path)
        return moment + _END_OF_DAY if end_of_day and _DAY.fullmatch(value) else moment
    number = read_number(value, path)
    if not number:
        return None
    try:
        return from_epoch(number / 1000 if number > _LATEST_SECONDS else number)
    except (OverflowError, OSError, ValueError):
        raise ProtocolFailure("not a time", path=path) from None


def _read_local_time(text: str, path: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=CHINA).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise ProtocolFailure("not a time", path=path)
