"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.clock import to_utc

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class ManualClock:
    """A `core.clock.Clock` for tests. It starts at noon of a Monday in Shanghai."""

    def __init__(self, start: datetime = START) -> None:
        self._now = to_utc(start)

    def now(self) -> datetime:
        """The instant it was set to, aware, in UTC."""
        return self._now

    def advance(self, step: timedelta | float) -> datetime:
        """Moves on by a timedelta or by seconds, and answers the new instant."""
        self._now += step if isinstance(step, timedelta) else timedelta(seconds=step)
        return self._now

    def set(self, instant: datetime) -> None:
        """Jumps to an instant. Raises ValueError for a naive one."""
        self._now = to_utc(instant)
