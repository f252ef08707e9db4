"""Single values as platforms write them: numbers and their digits, ids, money, times. Pure.

What every adapter needs, and what differs from platform to platform only in its name. A reader answers what the value
means in our terms: instants in UTC, money in fen, ids as text, None where the platform left it out. For anything else
it raises ProtocolFailure naming the place (`path`), and never quotes the value: it may be a code or a phone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from core.channels.contract import ProtocolFailure
from core.clock import from_epoch
from core.money import parse_yuan

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991

_LONG_NUMBER = re.compile(r"\d{7,}")
_LONGEST_MESSAGE = 200
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)
_YUAN = re.compile(r"\d{1,12}(\.\d{1,8})?", re.ASCII)
# E.164: at most 15 digits, the country code among them. Some write an area into it, such as 1242 for the Bahamas.
_COUNTRY = re.compile(r"[1-9]\d{0,3}", re.ASCII)
_SUBSCRIBER = re.compile(r"\d{4,14}", re.ASCII)
_LONGEST_PHONE = 15
_LATEST_SECONDS = 10**11  # the year 5138: greater time stamps are in milliseconds
_LOCAL_TIME = "%Y-%m-%d %H:%M:%S"


# ------------------------------------------------------------------------------------------------------- words
def clean_message(text: object) -> str | None:
    """The platform's own words without long numbers, which may be codes or phones; None for what is no text."""
    return _LONG_NUMBER.sub("…", text)[:_LONGEST_MESSAGE] if isinstance(text, str) and text else None


# ------------------------------------------------------------------------------------------------------- parts
def read_part(wire: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    """The object under `key`, empty where it is null or missing. `path` is that of `wire`, "" for the whole."""
    part = wire.get(key)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise ProtocolFailure("not an object", path=_join(path, key))
    return part


def read_list(wire: Mapping[str, Any], key: str, path: str) -> list[Any]:
    """The list under `key`, empty where it is null or missing; `path` as in `read_part`."""
    values = wire.get(key)
    if values is None:
        return []
    if not isinstance(values, list):
        raise ProtocolFailure("not a list", path=_join(path, key))
    return values


def read_rows(wire: Mapping[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """The list of objects under `key`, as `read_list`."""
    rows = read_list(wire, key, path)
    if not all(isinstance(row, dict) for row in rows):
        raise ProtocolFailure("not a list of objects", path=_join(path, key))
    return rows


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# --------------------------------------------------------------------------------------------- numbers and ids
def read_number(value: object, path: str) -> int | None:
    """A whole number of at most 64 bits, which comes as such or as its digits. True is no number, 1.0 is none."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise ProtocolFailure("not a whole number", path=path)


def read_id(value: object, path: str) -> str:
    """An id as text, whether it came as text or as a number. Raises ProtocolFailure where there is none, too."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    raise ProtocolFailure("an id is missing", path=path)


# ------------------------------------------------------------------------------------------------------ phones
def read_phone(country: object, number: object, path: str) -> str:
    """A phone number in E.164, of its country code ("86", "+86" or 86) and the digits that follow it.

    Raises ProtocolFailure where they are no phone number.
    """
    digits = f"{country}".removeprefix("+"), f"{number}"
    sane = _COUNTRY.fullmatch(digits[0]) and _SUBSCRIBER.fullmatch(digits[1])
    if not sane or sum(map(len, digits)) > _LONGEST_PHONE:
        raise ProtocolFailure("no phone number", path=path)
    return "+" + "".join(digits)


# ------------------------------------------------------------------------------------------------------- money
def read_fen(value: object, path: str) -> int | None:
    """An amount that comes in fen; never a negative one."""
    fen = read_number(value, path)
    if fen is not None and fen < 0:
        raise ProtocolFailure("a negative amount", path=path)
    return fen


def read_yuan(value: object, path: str) -> int | None:
    """An amount that comes in yuan, as text or as a number, in fen; never negative, and never finer than one fen."""
    if value is None or value == "":
        return None
    # The shortest text of a float is the number that was sent; the float itself is not.
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _YUAN.fullmatch(text):
        raise ProtocolFailure("not an amount in yuan", path=path)
    try:
        return parse_yuan(text)
    except ValueError:
        raise ProtocolFailure("an amount finer than one fen", path=path) from None


# ------------------------------------------------------------------------------------------------------- times
def read_epoch(value: object, path: str) -> datetime | None:
    """A time stamp in seconds or in milliseconds, told apart by its size; 0 is none."""
    number = read_number(value, path)
    if not number:
        return None
    try:
        return from_epoch(number / 1000 if number > _LATEST_SECONDS else number)
    except (OverflowError, OSError, ValueError):
        raise ProtocolFailure("not a time", path=path) from None


def read_china_time(value: object, path: str) -> datetime | None:
    """A Beijing time such as "2026-03-02 12:00:05"."""
    if value is None or value == "":
        return None
    try:
        return datetime.strptime(str(value), _LOCAL_TIME).replace(tzinfo=CHINA).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ProtocolFailure("not a time", path=path) from None


def write_china_time(instant: datetime) -> str:
    """The instant in Beijing, to the second, in the form that `read_china_time` reads."""
    return instant.astimezone(CHINA).strftime(_LOCAL_TIME)
