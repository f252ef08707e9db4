"""A store's own days. They begin and end at its midnight, so that one has 23 or 25 hours where clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.coupons.reconciliation.values import DayWindow

# After the platform's own delay: late corrections, and the peak of everybody's nightly jobs, are over by then.
SETTLING_TIME = timedelta(hours=3)
CATCH_UP_DAYS = 7


def find_window(time_zone: str, day: date) -> DayWindow:
    """The local day in UTC. `time_zone` is an IANA name."""
    return DayWindow(day, _begin(time_zone, day), _begin(time_zone, day + timedelta(days=1)))


def find_day(time_zone: str, instant: datetime) -> date:
    """The local day that an instant lies in."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def is_listed(window: DayWindow, delay: timedelta, now: datetime) -> bool:
    """Whether the platform's record of the day is complete by now; `delay` is what it declares."""
    return window.until + delay <= now


def list_due_days(time_zone: str, delay: timedelta, now: datetime) -> Iterator[DayWindow]:
    """The days that are due by themselves, the latest first; at most a week back."""
    latest = find_day(time_zone, now - SETTLING_TIME - delay) - timedelta(days=1)
    for back in range(CATCH_UP_DAYS):
        yield find_window(time_zone, latest - timedelta(days=back))


def _begin(time_zone: str, day: date) -> datetime:
    # Where midnight itself is left out, this is the instant at which it would have been, by the clock before.
    return datetime.combine(day, time.min, ZoneInfo(time_zone)).astimezone(UTC)
