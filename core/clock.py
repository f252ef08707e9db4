"""Time. All instants inside are aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the code that must be testable takes its time from."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return utc_now()


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def to_utc(instant: datetime) -> datetime:
    """`instant` in UTC. Raises ValueError for a naive one: nobody knows which zone was meant."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line; give it an offset")
    return instant.astimezone(UTC)


def from_epoch(seconds: int | float | str) -> datetime:
    """The instant of a Unix time stamp given in seconds."""
    return datetime.fromtimestamp(float(seconds), UTC)
