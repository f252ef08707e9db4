"""How fast a shop ships: working time from payment to parcel, of the spot lines shipped in the last 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.cache import ExpiringCache
from core.db.statements import as_instant, fetch_rows
from core.presale.working_calendar import WorkingCalendar, load_calendar

WINDOW: Final = timedelta(days=30)
# Fewer say nothing; the latest of more say enough.
FEWEST: Final = 20
_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Pace:
    """Half of the parcels leave within `p50` of working time, nine of ten within `p90`. `samples` 0: assumed."""

    p50: timedelta
    p90: timedelta
    samples: int = 0


# Four hours and one working day.
DEFAULT_PACE: Final = Pace(timedelta(hours=4), timedelta(hours=9))

_paces: ExpiringCache[tuple[UUID, UUID], Pace] = ExpiringCache(lifetime=300, capacity=10_000)


def measure_pace(handled: Sequence[timedelta]) -> Pace:
    """The pace of these handling times by nearest rank; DEFAULT_PACE where there are fewer than 20. Pure."""
    if len(handled) < FEWEST:
        return DEFAULT_PACE
    ranked = sorted(handled)
    return Pace(_rank(ranked, 50), _rank(ranked, 90), len(ranked))


async def load_pace(tenant_id: UUID, store_id: UUID, now: datetime) -> Pace:
    """The store's own pace; up to five minutes old."""
    known = _paces.get((tenant_id, store_id))
    if known is None:
        known = await _read_pace(tenant_id, store_id, now)
        _paces.put((tenant_id, store_id), known)
    return known


def forget_pace(tenant_id: UUID, store_id: UUID) -> None:
    """The next reading is a fresh one."""
    _paces.drop((tenant_id, store_id))


async def _read_pace(tenant_id: UUID, store_id: UUID, now: datetime) -> Pace:
    rows = await fetch_rows(
        "SELECT o.paid_at, l.shipped_at FROM customer_order o JOIN order_line l ON l.tenant_id = o.tenant_id"
        " AND l.order_id = o.id WHERE o.tenant_id = $1 AND o.store_id = $2 AND o.paid_at >= $3 AND o.type = 'SHIPPED'"
        f" AND l.shipped_at >= $4 AND NOT l.presale ORDER BY o.paid_at DESC LIMIT {_MOST}",
        tenant_id,
        store_id,
        # What was shipped in the window may have been paid for before it.
        now - 2 * WINDOW,
        now - WINDOW,
    )
    if len(rows) < FEWEST:
        return DEFAULT_PACE
    calendar = await load_calendar(tenant_id, store_id, now, back=2 * WINDOW)
    return measure_pace([_count_handling(calendar, row["paid_at"], row["shipped_at"]) for row in rows])


def _count_handling(calendar: WorkingCalendar, paid_at: object, shipped_at: object) -> timedelta:
    return calendar.count_worked(as_instant(paid_at), as_instant(shipped_at))


def _rank(ranked: Sequence[timedelta], percent: int) -> timedelta:
    """The nearest rank: the smallest value that so many per cent do not exceed."""
    return ranked[-(-len(ranked) * percent // 100) - 1]
