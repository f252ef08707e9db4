"""A store's days and hours on the time line. Times here are whole minutes since 1970 in UTC, unless they say otherwise.

An opening interval belongs to the local day on which it begins: Friday's shift until two at night is cut by what is
special about Friday, not by what is special about Saturday.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from core.reservations.setup.holidays import is_holiday, is_make_up_day
from core.reservations.setup.wall_times import find_instant
from core.reservations.values import Policy

DAY: Final = 1440
Hours = tuple[tuple[int, int], ...]
Span = tuple[int, int]


class Run(NamedTuple):
    """Time without a break. `grids` are the intervals that it is made of; the grid of starts begins with each anew."""

    start: int
    end: int
    grids: tuple[Span, ...]


class LocalDay(NamedTuple):
    """One day of a store."""

    start: int
    end: int
    day: date


@dataclass(frozen=True, slots=True)
class Opening:
    """When a store is open. `special`: the hours of its special days."""

    policy: Policy
    special: Mapping[date, Hours]

    def find_exception(self, day: date) -> Hours | None:
        """The hours of a special day, none of a holiday that is closed; None: a day like others."""
        if day in self.special:
            return self.special[day]
        return () if self.policy.close_on_holidays and is_holiday(day) else None

    def find_hours(self, day: date) -> Hours | None:
        """The hours of a day in minutes of the day; None: at all hours.

        A make-up working day on which the store is closed by its week has the hours of its first open weekday.
        """
        exception = self.find_exception(day)
        week = self.policy.weekly_hours
        if exception is not None or week is None:
            return exception
        hours = week[day.weekday()]
        if hours or not (self.policy.close_on_holidays and is_make_up_day(day)):
            return hours
        return next(filter(None, week), ())

    @property
    def has_exceptions(self) -> bool:
        return bool(self.special) or self.policy.close_on_holidays


class Calendar:
    """The local days from the one before `first` to the one after `last`."""

    def __init__(self, zone: ZoneInfo, first: int, last: int) -> None:
        self.zone = zone
        self.days = tuple(_list_days(zone, find_date(zone, first - DAY), find_date(zone, last + DAY)))
        self._starts = [day.start for day in self.days]

    def find_day(self, minute: int) -> LocalDay:
        """The day of a minute inside of the calendar."""
        return self.days[max(0, bisect_right(self._starts, minute) - 1)]

    def find_wall(self, day: LocalDay, minute: int) -> int:
        """The local time of a minute of this day, in minutes of the day."""
        if day.end - day.start == DAY:
            return minute - day.start
        local = datetime.fromtimestamp(minute * 60, self.zone)
        return local.hour * 60 + local.minute

    def list_open(self, opening: Opening) -> list[Run]:
        """When the store is open; each day's hours are a grid of their own."""
        spans: list[Span] = []
        for day in self.days:
            hours = opening.find_hours(day.day)
            spans += [(day.start, day.end)] if hours is None else place_hours(self.zone, day.day, hours)
        return join_spans(spans)

    def list_worked(self, opening: Opening, shifts: Iterable[Span]) -> list[Run]:
        """When somebody works: the shifts, cut to the hours of special days and holidays."""
        if not opening.has_exceptions:
            return join_spans(shifts)
        spans: list[Span] = []
        for shift in shifts:
            day = find_date(self.zone, shift[0])
            hours = opening.find_exception(day)
            spans += [shift] if hours is None else _cut(shift, place_hours(self.zone, day, hours))
        return join_spans(spans)


def to_minute(instant: datetime) -> int:
    """The minute that an instant lies in."""
    return int(instant.timestamp() // 60)


def to_minute_after(instant: datetime) -> int:
    """The first whole minute that is not before an instant."""
    return -int(-instant.timestamp() // 60)


def from_minute(minute: int) -> datetime:
    """The instant at which a minute begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


def find_date(zone: ZoneInfo, minute: int) -> date:
    """The local date of a minute."""
    return datetime.fromtimestamp(minute * 60, zone).date()


def place_hours(zone: ZoneInfo, day: date, hours: Hours) -> list[Span]:
    """Hours of a local day on the time line. Those that end no later than they begin go on past midnight."""
    spans = [(start, end if end > start else end + DAY) for start, end in hours]
    return [
        (to_minute(find_instant(day, start, zone)), to_minute(find_instant(day, end, zone, last=True)))
        for start, end in spans
    ]


def join_spans(spans: Iterable[Span]) -> list[Run]:
    """Intervals as runs: those that touch or overlap are one."""
    runs: list[Run] = []
    for start, end in sorted(spans):
        if runs and start <= runs[-1].end:
            last = runs[-1]
            runs[-1] = Run(last.start, max(last.end, end), (*last.grids, (start, end)))
        elif end > start:
            runs.append(Run(start, end, ((start, end),)))
    return runs


def _list_days(zone: ZoneInfo, first: date, last: date) -> Iterable[LocalDay]:
    day, start = first, to_minute(find_instant(first, 0, zone))
    while day <= last:
        tomorrow = day + timedelta(days=1)
        end = to_minute(find_instant(tomorrow, 0, zone))
        yield LocalDay(start, end, day)
        day, start = tomorrow, end


def _cut(span: Span, limits: Iterable[Span]) -> list[Span]:
    cuts = [(max(span[0], start), min(span[1], end)) for start, end in limits]
    return [(start, end) for start, end in cuts if start < end]
