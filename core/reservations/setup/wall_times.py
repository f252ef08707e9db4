"""Times of day on a store's wall, and the instants they are. Pure.

Where the clocks go forward, a time that they skip is the moment of the jump. Where they go back and a time comes
twice, a beginning is the first and an end is the second: whoever works "until 02:30" works the longer night.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from core.reservations.guard import Span

DAY_MINUTES = 1440
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


class Weekday(StrEnum):
    """A day of the week; weeks begin on Monday."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"

    @property
    def number(self) -> int:
        """0 is Monday."""
        return WEEKDAYS.index(self)


WEEKDAYS: Sequence[Weekday] = tuple(Weekday)


def read_minutes(text: str) -> int | None:
    """ "HH:MM" as minutes of the day, "24:00" as 1440; None for anything else."""
    if not _TIME_OF_DAY.fullmatch(text):
        return None
    return int(text[:2]) * 60 + int(text[3:])


def format_minutes(minutes: int) -> str:
    """600 → "10:00", 1440 → "24:00"."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def read_span(start: str, end: str) -> tuple[int, int]:
    """Two times of day in minutes; an end that is no later than the start is on the next day, beyond 1440."""
    begins, ends = read_minutes(start) or 0, read_minutes(end) or 0
    return begins, ends if ends > begins else ends + DAY_MINUTES


def overlaps(spans: Iterable[tuple[int, int]]) -> bool:
    """Whether two of them overlap; those that touch do not."""
    return any(later[0] < earlier[1] for earlier, later in pairwise(sorted(spans)))


def find_instant(day: date, minutes: int, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The instant of a wall time of a local day; `minutes` beyond 1440 are on the next day.

    Of a time that comes twice the second if `last`, else the first.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    while True:
        instant = wall.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
        if read_wall(instant, zone) == wall:
            return instant
        # Skipped by the clock: a few minutes on there is one that it shows again.
        wall += timedelta(minutes=1)


def read_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the store's clock shows, as a naive time."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def find_week(monday: date, zone: ZoneInfo) -> Span:
    """A store's week in UTC: seven days of its own, so an hour longer or shorter where clocks change."""
    return Span(find_instant(monday, 0, zone), find_instant(monday + timedelta(days=7), 0, zone))
