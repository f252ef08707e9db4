"""China's public holidays and the weekend days that are worked instead, as the State Council announces them yearly.

The days come from the package chinesecalendar, which gets a release when a year is announced (usually in
November of the year before). A year that it does not know has neither: its weeks are ordinary ones.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Final

from chinese_calendar import constants

HOLIDAYS: Final[frozenset[date]] = frozenset(constants.holidays)
MAKE_UP_DAYS: Final[frozenset[date]] = frozenset(constants.workdays)


def is_holiday(day: date) -> bool:
    """Whether a public holiday makes this day free; an ordinary weekend is none."""
    return day in HOLIDAYS


def is_make_up_day(day: date) -> bool:
    """Whether this is a Saturday or Sunday that is worked for a bridge day."""
    return day in MAKE_UP_DAYS


@cache
def last_known_year() -> int:
    """The last year whose holidays are known here."""
    return max(HOLIDAYS).year
