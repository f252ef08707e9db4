"""Single values of Meituan's answers, read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.channels.contract import ProtocolFailure
from core.channels.wire import CHINA, read_epoch, read_number

_MOST_USES = 10_000
_END_OF_DAY = timedelta(days=1, seconds=-1)
_PERSONAL = frozenset({"receiptCode", "couponCode", "mobile", "receiptInfoMap"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def check_code(value: object, code: str, path: str) -> None:
    """Raises ProtocolFailure where an answer is about another code than the one asked about."""
    if value != code:
        raise ProtocolFailure("the answer is not about the code asked for", path=path)


def keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The document without codes and phones."""
    return {key: value for key, value in wire.items() if key not in _PERSONAL}


def read_count(value: object, path: str) -> int:
    """How many. Raises ProtocolFailure where it is missing, negative or beyond belief."""
    number = read_number(value, path)
    if number is None or not 0 <= number <= _MOST_USES:
        raise ProtocolFailure("not a count", path=path)
    return number


def read_time(value: object, path: str, *, end_of_day: bool = False) -> datetime | None:
    """A Beijing time or day as text, or a time stamp in seconds or milliseconds; 0 and null are none.

    A day is its first second, or its last with `end_of_day`. Raises ProtocolFailure for others.
    """
    if isinstance(value, str) and "-" in value[1:]:
        moment = _read_local_time(value, path)
        return moment + _END_OF_DAY if end_of_day and _DAY.fullmatch(value) else moment
    return read_epoch(value, path)


def _read_local_time(text: str, path: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=CHINA).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise ProtocolFailure("not a time", path=path)
