"""Single values as Dianping writes them: numbers, ids, yuan, Beijing time. Pure.

All raise ProtocolFailure, naming the place, for what is not of the documented form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from core.channels.contract import ProtocolFailure
from core.clock import from_epoch, to_utc
from core.money import parse_yuan

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)


def read_amount(value: object, path: str) -> int | None:
    """Yuan, as a number or as text, in fen. Raises ProtocolFailure for what is no amount, or less than nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            # The shortest text of a float is the number that was sent; the float itself is not.
            fen = parse_yuan(Decimal(str(value)))
        except (ValueError, ArithmeticError):
            fen = -1
        if fen >= 0:
            return fen
    raise ProtocolFailure("not an amount in yuan", path=path)


def read_deal_id(wire: Mapping[str, Any], path: str) -> str:
    """The deal's id as the reversal wants it; "" where there is none."""
    value = wire.get("deal_id")
    return read_id(value, f"{path}.deal_id") if value not in (None, "", 0) else ""


def read_object(value: object, path: str) -> dict[str, Any]:
    """An object. Raises ProtocolFailure for anything else."""
    if not isinstance(value, dict):
        raise ProtocolFailure("not an object", path=path)
    return value


def read_rows(value: object, path: str) -> list[dict[str, Any]]:
    """A list of objects, empty where it is null. Raises ProtocolFailure for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ProtocolFailure("not a list of objects", path=path)
    return value


def read_number(value: object, path: str) -> int | None:
    """A whole number, which may come as its digits. Raises ProtocolFailure for anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        return int(value)
    raise ProtocolFailure("not a whole number", path=path)


def read_id(value: object, path: str) -> str:
    """An id as text, whether it came as text or as a number. Raises ProtocolFailure where there is none."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    raise ProtocolFailure("an id is missing", path=path)


def read_end(wire: Mapping[str, Any], path: str) -> datetime | None:
    """Until when the coupon is good: `receipt_end_date`, or `receiptEndDate` as a captured answer spells it."""
    key = "receipt_end_date" if wire.get("receipt_end_date") else "receiptEndDate"
    return read_time(wire.get(key), f"{path}.{key}", whole_day=True)


def read_time(value: object, path: str, *, whole_day: bool = False) -> datetime | None:
    """Epoch milliseconds, or Beijing time as text; null and 0 are none. Raises ProtocolFailure for others.

    With `whole_day` a date without a time means the end of that day (INFERRED).
    """
    if value is None or value == "" or (value == 0 and not isinstance(value, bool)):
        return None
    text = str(value)
    try:
        if _MILLISECONDS.fullmatch(text):
            return from_epoch(int(text) / 1000)
        if isinstance(value, str) and not text.isdigit():
            return _read_china(text, whole_day)
    except (OverflowError, OSError, ValueError):
        pass
    raise ProtocolFailure("not a time", path=path)


def _read_china(text: str, whole_day: bool) -> datetime:
    moment = datetime.fromisoformat(text)
    if whole_day and len(text) == len("2023-12-31"):
        moment += timedelta(days=1, seconds=-1)
    return to_utc(moment if moment.tzinfo else moment.replace(tzinfo=CHINA))
