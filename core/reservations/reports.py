"""How a store's calendar was used, as rows ready to plot: by day, weekday, hour, staff member, resource, service, source.

Figures over reservations that start in the window, days and hours in the store's own time:

    came            checked in or completed
    check-in rate   came ÷ (came + no-shows)
    booking rate    minutes booked (cancelled ones apart) ÷ minutes offered in shifts
    utilisation     minutes of guests who came ÷ minutes offered in shifts
    lead            hours from booking to start, the median
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor, StoreView
from core.db.statements import as_instant, as_json, as_optional_uuid, as_uuid, fetch_rows
from core.errors import BadInput
from core.messages import text

MAX_DAYS: Final = 366
_PORTION: Final = 2000
_CAME: Final = frozenset({"CHECKED_IN", "COMPLETED"})
_CANCELLED: Final = frozenset({"CANCELLED_BY_CUSTOMER", "CANCELLED_BY_STORE"})
_HOUR: Final = timedelta(hours=1)


class ReportBy(StrEnum):
    """What the rows of a report stand for."""

    DAY = "DAY"
    WEEKDAY = "WEEKDAY"
    HOUR = "HOUR"
    STAFF = "STAFF"
    RESOURCE = "RESOURCE"
    SERVICE = "SERVICE"
    SOURCE = "SOURCE"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One bar of a plot. `key` sorts and stays the same; `label` is for people. None where there is nothing to divide."""

    key: str
    label: str
    booked: int
    cancelled: int
    came: int
    no_shows: int
    minutes_booked: int
    minutes_came: int
    minutes_offered: int | None
    lead_hours: float | None
    average_stars: float | None

    @property
    def check_in_rate(self) -> float | None:
        return _divide(self.came, self.came + self.no_shows)

    @property
    def no_show_rate(self) -> float | None:
        return _divide(self.no_shows, self.came + self.no_shows)

    @property
    def booking_rate(self) -> float | None:
        return _divide(self.minutes_booked, self.minutes_offered or 0)

    @property
    def utilisation(self) -> float | None:
        return _divide(self.minutes_came, self.minutes_offered or 0)


@dataclass(frozen=True, slots=True)
class Visit:
    """What a report needs of one reservation; `start` and `end` in the store's own time."""

    start: datetime
    end: datetime
    created_at: datetime
    status: str
    service_id: UUID
    staff_id: UUID | None
    resource_ids: tuple[UUID, ...]
    source: str
    stars: int | None


@dataclass(slots=True)
class _Tally:
    booked: int = 0
    cancelled: int = 0
    came: int = 0
    no_shows: int = 0
    minutes_booked: float = 0
    minutes_came: float = 0
    minutes_offered: float = 0
    leads: list[float] = field(default_factory=list)
    stars: list[int] = field(default_factory=list)


async def report_reservations(
    actor: Actor | None, store_id: UUID, since: date, until: date, by: ReportBy
) -> tuple[ReportRow, ...]:
    """The rows of the store's days from `since` to `until`, both included, by their keys.

    Raises Unauthenticated, Forbidden, NotFound for a store that the actor may not enter, and BadInput for days in the
    wrong order or more than a year.
    """
    actor = require(actor, Action.READ_REPORTS)
    store = await find_store(actor, store_id)
    if not since <= until < since + timedelta(days=MAX_DAYS):
        raise BadInput(text("fault.report_days", most=MAX_DAYS), ("until",))
    zone = ZoneInfo(store.time_zone)
    window = tuple(datetime.combine(day, time(), zone) for day in (since, until + timedelta(days=1)))
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    async for visit in _read_visits(store, zone, window[0], window[1]):
        add_visit(tallies, visit, by)
    async for staff_id, start, end in _read_shifts(store, zone, window[0], window[1]):
        add_shift(tallies, staff_id, start, end, by)
    labels = await _load_labels(store, by)
    return tuple(_show_row(key, labels.get(key, key), tallies[key], by) for key in sorted(tallies))


def add_visit(tallies: Mapping[str, _Tally], visit: Visit, by: ReportBy) -> None:
    """Counts one reservation under each key it belongs to; minutes under the hours they lie in."""
    for key in _list_keys(visit, by):
        tally = tallies[key]
        if visit.status in _CANCELLED:
            tally.cancelled += 1
            continue
        tally.booked += 1
        tally.came += visit.status in _CAME
        tally.no_shows += visit.status == "NO_SHOW"
        tally.leads.append(max(0.0, (visit.start - visit.created_at) / _HOUR))
        if visit.stars is not None:
            tally.stars.append(visit.stars)
    if visit.status in _CANCELLED:
        return
    for key, minutes in _spread(visit.start, visit.end, by, lambda: _list_keys(visit, by)):
        tallies[key].minutes_booked += minutes
        if visit.status in _CAME:
            tallies[key].minutes_came += minutes


def add_shift(
    tallies: Mapping[str, _Tally], staff_id: UUID, start: datetime, end: datetime, by: ReportBy
) -> None:
    """Counts the minutes a shift offers. Neither resources, services nor sources have shifts."""
    if by in (ReportBy.RESOURCE, ReportBy.SERVICE, ReportBy.SOURCE):
        return
    for key, minutes in _spread(start, end, by, lambda: [str(staff_id)]):
        tallies[key].minutes_offered += minutes


def _list_keys(visit: Visit, by: ReportBy) -> list[str]:
    match by:
        case ReportBy.STAFF:
            return [str(visit.staff_id)] if visit.staff_id else []
        case ReportBy.RESOURCE:
            return [str(each) for each in visit.resource_ids]
        case ReportBy.SERVICE:
            return [str(visit.service_id)]
        case ReportBy.SOURCE:
            return [visit.source]
        case _:
            return [_name_time(visit.start, by)]


def _name_time(instant: datetime, by: ReportBy) -> str:
    if by is ReportBy.HOUR:
        return f"{instant.hour:02d}"
    return str(instant.weekday() + 1) if by is ReportBy.WEEKDAY else instant.date().isoformat()


def _spread(
    start: datetime, end: datetime, by: ReportBy, list_keys: Callable[[], Iterable[str]]
) -> list[tuple[str, float]]:
    """`(key, minutes)`: under hours, weekdays and days each minute counts where it lies."""
    if by not in (ReportBy.HOUR, ReportBy.WEEKDAY, ReportBy.DAY):
        minutes = (end.astimezone(UTC) - start.astimezone(UTC)) / timedelta(minutes=1)
        return [(key, minutes) for key in list_keys()]
    parts = []
    zone, at, last = start.tzinfo, start.astimezone(UTC), end.astimezone(UTC)
    while at < last:
        # Every zone's hours begin on a quarter of an hour of UTC.
        following = min(last, at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0) + _HOUR / 4)
        parts.append((_name_time(at.astimezone(zone), by), (following - at) / timedelta(minutes=1)))
        at = following
    return parts


# -------------------------------------------------------------------------------------------------------------- reading
async def _read_visits(
    store: StoreView, zone: ZoneInfo, since: datetime, until: datetime
) -> AsyncIterator[Visit]:
    """A portion at a time: a year of a busy store does not lie in memory."""
    position: tuple[Any, ...] = (since, UUID(int=0))
    while True:
        rows = await fetch_rows(
            "SELECT r.id, r.start_at, r.end_at, r.created_at, r.status, r.service_id, r.staff_id, r.resource_ids,"
            " r.source_channel, rating.stars FROM reservation r LEFT JOIN rating ON rating.tenant_id = r.tenant_id"
            " AND rating.reservation_id = r.id WHERE r.tenant_id = $1 AND r.store_id = $2"
            " AND (r.start_at > $3 OR (r.start_at = $3 AND r.id > $4)) AND r.start_at < $5"
            f" ORDER BY r.start_at, r.id LIMIT {_PORTION}",
            store.tenant_id, store.id, *position, until,
        )  # fmt: skip
        for row in rows:
            yield _read_visit(row, zone)
        if len(rows) < _PORTION:
            return
        position = (as_instant(rows[-1]["start_at"]), as_uuid(rows[-1]["id"]))


def _read_visit(row: Mapping[str, Any], zone: ZoneInfo) -> Visit:
    return Visit(
        start=as_instant(row["start_at"]).astimezone(zone),
        end=as_instant(row["end_at"]).astimezone(zone),
        created_at=as_instant(row["created_at"]),
        status=row["status"],
        service_id=as_uuid(row["service_id"]),
        staff_id=as_optional_uuid(row["staff_id"]),
        resource_ids=tuple(UUID(each) for each in as_json(row["resource_ids"])),
        source=row["source_channel"],
        stars=row["stars"],
    )


async def _read_shifts(
    store: StoreView, zone: ZoneInfo, since: datetime, until: datetime
) -> AsyncIterator[tuple[UUID, datetime, datetime]]:
    """The parts of shifts that lie in the window."""
    rows = await fetch_rows(
        "SELECT staff_id, start_at, end_at FROM shift WHERE tenant_id = $1 AND store_id = $2 AND end_at > $3"
        " AND start_at < $4",
        store.tenant_id, store.id, since, until,
    )  # fmt: skip
    for row in rows:
        start, end = max(as_instant(row["start_at"]), since), min(as_instant(row["end_at"]), until)
        yield as_uuid(row["staff_id"]), start.astimezone(zone), end.astimezone(zone)


_NAMED: Final = {
    ReportBy.STAFF: "staff_member",
    ReportBy.RESOURCE: "resource",
    ReportBy.SERVICE: "service",
}


async def _load_labels(store: StoreView, by: ReportBy) -> dict[str, str]:
    """Key → name, also of those who are no longer there."""
    table = _NAMED.get(by)
    if table is None:
        return {}
    rows = await fetch_rows(
        f"SELECT id, name FROM {table} WHERE tenant_id = $1 AND store_id = $2", store.tenant_id, store.id
    )
    return {str(as_uuid(row["id"])): row["name"] for row in rows}


def _show_row(key: str, label: str, tally: _Tally, by: ReportBy) -> ReportRow:
    has_shifts = by not in (ReportBy.RESOURCE, ReportBy.SERVICE, ReportBy.SOURCE)
    return ReportRow(
        key=key,
        label=label,
        booked=tally.booked,
        cancelled=tally.cancelled,
        came=tally.came,
        no_shows=tally.no_shows,
        minutes_booked=round(tally.minutes_booked),
        minutes_came=round(tally.minutes_came),
        minutes_offered=round(tally.minutes_offered) if has_shifts else None,
        lead_hours=round(median(tally.leads), 2) if tally.leads else None,
        average_stars=round(sum(tally.stars) / len(tally.stars), 2) if tally.stars else None,
    )


def _divide(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
