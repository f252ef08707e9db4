"""When a shop packs and ships: its working time on the time line, and counting in it.

Working time comes from the store's own week where it set one (with its rule for holidays), else it is 09:00 to 18:00 on
China's working days: Monday to Friday, no public holidays, make-up days included. The store's special days go above both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.stores import load_store
from core.reservations.setup.rows import load_policy, load_special_days
from core.reservations.slots.calendar import Calendar, Hours, Opening, from_minute, to_minute
from core.reservations.values import Policy

# Minutes of the day.
_OFFICE: Final[Hours] = ((540, 1080),)
_OFFICE_WEEK: Final = (_OFFICE,) * 5 + ((),) * 2
# The longest holidays last nine days; promises lie at most some months ahead.
REACH: Final = timedelta(days=60)


class WorkingCalendar:
    """Working time between two instants. Outside of them nothing is known, and counts as not worked."""

    def __init__(self, opening: Opening, zone: ZoneInfo, first: datetime, last: datetime) -> None:
        runs = Calendar(zone, to_minute(first), to_minute(last)).list_open(opening)
        self._starts = [from_minute(run.start) for run in runs]
        self._ends = [from_minute(run.end) for run in runs]
        spans = zip(self._starts, self._ends, strict=True)
        self._before = list(accumulate((end - start for start, end in spans), initial=timedelta(0)))

    def count_worked(self, since: datetime, until: datetime) -> timedelta:
        """The working time from `since` to `until`; zero where `until` is no later."""
        return max(timedelta(0), self._worked_until(until) - self._worked_until(since))

    def add_worked(self, since: datetime, worked: timedelta) -> datetime:
        """The earliest instant by which so much has been worked since then; the end of the calendar if it is never."""
        goal = self._worked_until(since) + worked
        if worked <= timedelta(0):
            return since
        for index, end in enumerate(self._ends):
            if self._before[index + 1] >= goal:
                return end - (self._before[index + 1] - goal)
        return self._ends[-1] if self._ends else datetime.max.replace(tzinfo=UTC)

    def _worked_until(self, instant: datetime) -> timedelta:
        index = bisect_right(self._starts, instant)
        if index == 0:
            return timedelta(0)
        return self._before[index - 1] + min(instant, self._ends[index - 1]) - self._starts[index - 1]


def build_opening(policy: Policy, special: Mapping[date, Hours]) -> Opening:
    """The working time of a store that takes reservations like this; without a week of its own, office hours."""
    if policy.weekly_hours is None:
        policy = replace(policy, weekly_hours=_OFFICE_WEEK, close_on_holidays=True)
    return Opening(policy, special)


async def load_calendar(
    tenant_id: UUID, store_id: UUID, now: datetime, back: timedelta = timedelta(0)
) -> WorkingCalendar:
    """The store's working time from `back` before `now` until `REACH` after it; a known store's zone, else Shanghai's."""
    store = await load_store(tenant_id, store_id)
    policy = await load_policy(tenant_id, store_id)
    opening = build_opening(policy, await load_special_days(tenant_id, store_id))
    zone = find_zone(store.time_zone if store else "Asia/Shanghai")
    return WorkingCalendar(opening, zone, now - back, now + REACH)


@lru_cache(maxsize=64)
def find_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name."""
    return ZoneInfo(name)
