"""When a customer usually comes and to whom; where nothing is known of them, when the store's guests come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.cache import ExpiringCache
from core.db.statements import as_instant, as_optional_uuid, fetch_rows

_VISITS: Final = 10
_HALF_LIFE_DAYS: Final = 90
_SAMPLE: Final = 200
_SMALLEST_SAMPLE: Final = 10
_SATURDAY: Final = 5

_popular_hours: ExpiringCache[tuple[UUID, UUID], dict[str, int]] = ExpiringCache(lifetime=600, capacity=2_000)


@dataclass(frozen=True, slots=True)
class Habits:
    """What is known. An empty one wishes for nothing.

    hours     the usual time in minutes of the day; for weekdays (False) and for weekends (True)
    weekdays  how much of the visits fall on each weekday, 0 … 1, Monday is 0
    popular   the hour at which most of the store's guests come, in minutes of the day
    """

    hours: Mapping[bool, int] = field(default_factory=dict)
    weekdays: Mapping[int, float] = field(default_factory=dict)
    staff_id: UUID | None = None
    popular: int | None = None

    def find_hour(self, weekday: int) -> tuple[int, float, bool] | None:
        """`(preferred minute of the day, how much it counts, whether it is the customer's usual one)`."""
        own = self.hours.get(weekday >= _SATURDAY)
        if own is not None:
            return own, 1.0, True
        return None if self.popular is None else (self.popular, 0.5, False)


@dataclass(frozen=True, slots=True)
class Visit:
    start: datetime
    staff_id: UUID | None


async def load_habits(
    tenant_id: UUID, store_id: UUID, zone: ZoneInfo, now: datetime, customer_id: UUID | None
) -> Habits:
    """The customer's habits at this store, from the last ten visits that took place."""
    visits = await _load_visits(tenant_id, store_id, customer_id) if customer_id else []
    popular = await _find_popular_hour(tenant_id, store_id, zone, now)
    return learn_habits(visits, zone, now, popular)


def learn_habits(visits: Sequence[Visit], zone: ZoneInfo, now: datetime, popular: int | None) -> Habits:
    """Habits from visits; one of three months ago counts half as much as one of today."""
    times: dict[bool, list[tuple[int, float]]] = defaultdict(list)
    days: dict[int, float] = defaultdict(float)
    staff: dict[UUID, float] = defaultdict(float)
    for visit in visits:
        local = visit.start.astimezone(zone)
        weight = 0.5 ** ((now - visit.start).total_seconds() / 86400 / _HALF_LIFE_DAYS)
        times[local.weekday() >= _SATURDAY].append((local.hour * 60 + local.minute, weight))
        days[local.weekday()] += weight
        if visit.staff_id:
            staff[visit.staff_id] += weight
    total = sum(days.values())
    return Habits(
        {weekend: _find_median(known) for weekend, known in times.items()},
        {day: weight / total for day, weight in days.items()},
        max(staff, key=lambda staff_id: (staff[staff_id], staff_id), default=None),
        popular,
    )


async def _load_visits(tenant_id: UUID, store_id: UUID, customer_id: UUID) -> list[Visit]:
    rows = await fetch_rows(
        "SELECT start_at, staff_id FROM reservation WHERE tenant_id = $1 AND customer_id = $2"
        " AND store_id = $3 AND status IN ('CHECKED_IN', 'COMPLETED') ORDER BY start_at DESC LIMIT $4",
        tenant_id, customer_id, store_id, _VISITS,
    )  # fmt: skip
    return [Visit(as_instant(row["start_at"]), as_optional_uuid(row["staff_id"])) for row in rows]


async def _find_popular_hour(tenant_id: UUID, store_id: UUID, zone: ZoneInfo, now: datetime) -> int | None:
    """The middle of the hour in which most of the last 200 visits began; None before there were ten. Kept 10 minutes."""
    known = _popular_hours.get((tenant_id, store_id))
    if known is None:
        rows = await fetch_rows(
            "SELECT start_at FROM reservation WHERE tenant_id = $1 AND store_id = $2 AND start_at <= $3"
            " AND status IN ('CHECKED_IN', 'COMPLETED') ORDER BY start_at DESC LIMIT $4",
            tenant_id, store_id, now, _SAMPLE,
        )  # fmt: skip
        known = _count_hours([as_instant(row["start_at"]) for row in rows], zone)
        _popular_hours.put((tenant_id, store_id), known)
    return known.get("popular")


def _count_hours(starts: Sequence[datetime], zone: ZoneInfo) -> dict[str, int]:
    if len(starts) < _SMALLEST_SAMPLE:
        return {}
    counts = Counter(start.astimezone(zone).hour for start in starts)
    return {"popular": max(counts, key=lambda hour: (counts[hour], -hour)) * 60 + 30}


def _find_median(known: Sequence[tuple[int, float]]) -> int:
    """The minute at which half of the weight is reached."""
    half, reached = sum(weight for _, weight in known) / 2, 0.0
    for minute, weight in sorted(known):
        reached += weight
        if reached >= half:
            return minute
    return known[-1][0]
