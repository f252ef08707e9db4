"""Single values that Dianping alone writes so. Pure.

All raise ProtocolFailure, naming the place, for what is not of the documented form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    CHINA,
    read_id,
)
from core.clock import from_epoch, to_utc

_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)


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
