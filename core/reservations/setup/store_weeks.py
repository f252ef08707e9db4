"""A whole store's week in one call: when all of its staff work, in the store's own time, set or copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.audit import record
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor, StoreView
from core.db.transactions import run_in_transaction
from core.reservations.guard import Span
from core.reservations.setup.access import list_of_store
from core.reservations.setup.checks import check_times
from core.reservations.setup.rota import (
    ShiftView,
    delete_shifts,
    find_clash,
    insert_shifts,
    lock_rota,
    select_shifts,
)
from core.reservations.setup.rows import read_staff
from core.reservations.setup.wall_times import (
    Weekday,
    find_instant,
    find_week,
    read_span,
    read_wall,
)

MAX_LINES: Final = 1000
MAX_WEEKS: Final = 26
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One shift of a week in the store's own time: "22:00" to "02:00" ends on the next day."""

    staff_id: UUID
    weekday: Weekday
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class StoreWeek:
    """The shifts that begin in one week of a store. `monday` is a local date."""

    monday: date
    shifts: tuple[ShiftView, ...]


class _Clash(Exception):
    """Somebody would work twice; `index` counts the shifts of the week that was to be written."""

    def __init__(self, monday: date, index: int) -> None:
        super().__init__(f"shift {index} of the week of {monday} overlaps another")
        self.monday = monday
        self.index = index


async def set_store_week(
    actor: Actor, store_id: UUID, monday: date, lines: Sequence[WeekLine]
) -> StoreWeek | list[UserProblem]:
    """Replaces the shifts of all staff that begin in a week. Those of the weeks around it stay.

    A night shift belongs to the week in which it begins. Bookings already made stay valid. Answers the week, or
    everything that is wrong with it. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.SET_STORE_WEEK)
    store = await find_store(actor, store_id)
    problems = [*_check_monday(monday, ("weekStart",)), *await _check_lines(actor, store, lines)]
    if problems:
        return problems
    shifts = [(line.staff_id, _place(line, monday, ZoneInfo(store.time_zone))) for line in lines]
    empty = [index for index, (_, span) in enumerate(shifts) if span.start >= span.end]
    if empty:
        path = ("shifts", str(empty[0]))
        return [UserProblem(ProblemCode.INVALID, path, "set_up.skipped_by_clock")]

    async def write() -> StoreWeek:
        await lock_rota(actor.tenant_id, store.id)
        week = await _replace_week(store, monday, shifts)
        await _record(actor, "setStoreWeek", store, {"week": monday.isoformat(), "shifts": len(shifts)})
        return week

    try:
        return await run_in_transaction(write)
    except _Clash as clash:
        path = ("shifts", str(clash.index))
        return [UserProblem(ProblemCode.CONFLICT, path, "set_up.shifts_overlap")]


async def copy_store_week(
    actor: Actor, store_id: UUID, source: date, targets: Sequence[date], path: str = "toWeeks"
) -> tuple[StoreWeek, ...] | list[UserProblem]:
    """Replaces the shifts of several weeks by those of another, at the same times on the wall; all weeks or none.

    Shifts of people who have retired meanwhile are left out. `path` names the targets in problems. Answers the weeks,
    or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.COPY_STORE_WEEK)
    store = await find_store(actor, store_id)
    problems = [*_check_monday(source, ("fromWeek",)), *_check_targets(source, targets, path)]
    if problems:
        return problems

    async def write() -> tuple[StoreWeek, ...]:
        await lock_rota(actor.tenant_id, store.id)
        pattern = await _read_pattern(actor, store, source)
        zone = ZoneInfo(store.time_zone)
        weeks = [await _replace_week(store, each, _unfold(pattern, each, zone)) for each in targets]
        details = {"from": source.isoformat(), "to": [each.isoformat() for each in targets]}
        await _record(actor, "copyStoreWeek", store, details)
        return tuple(weeks)

    try:
        return await run_in_transaction(write)
    except _Clash as clash:
        place = (path, str(targets.index(clash.monday))) if path == "toWeeks" else (path,)
        values = {"week": clash.monday.isoformat()}
        return [UserProblem(ProblemCode.CONFLICT, place, "set_up.weeks_overlap", values)]


# ------------------------------------------------------------------------------------------------ checking
def _check_monday(day: date, path: tuple[str, ...]) -> list[UserProblem]:
    return [] if day.weekday() == 0 else [UserProblem(ProblemCode.INVALID, path, "set_up.no_monday")]


def _check_targets(source: date, targets: Sequence[date], path: str) -> list[UserProblem]:
    if not targets:
        return [UserProblem(ProblemCode.REQUIRED, (path,))]
    if len(targets) > MAX_WEEKS:
        return [UserProblem(ProblemCode.TOO_LONG, (path,), "set_up.too_many", {"limit": MAX_WEEKS})]
    problems = []
    for index, target in enumerate(targets):
        place = (path, str(index))
        problems += _check_monday(target, place)
        if target == source or target in targets[:index]:
            problems.append(UserProblem(ProblemCode.INVALID, place, "set_up.week_twice"))
    return problems


async def _check_lines(actor: Actor, store: StoreView, lines: Sequence[WeekLine]) -> list[UserProblem]:
    if len(lines) > MAX_LINES:
        return [UserProblem(ProblemCode.TOO_LONG, ("shifts",), "set_up.too_many", {"limit": MAX_LINES})]
    working = await _list_working(actor, store)
    problems = []
    for index, line in enumerate(lines):
        path = ("shifts", str(index))
        if line.staff_id not in working:
            problems.append(UserProblem(ProblemCode.NOT_FOUND, (*path, "staffId")))
        problems += check_times(line.start, line.end, path)
    return problems


async def _list_working(actor: Actor, store: StoreView) -> frozenset[UUID]:
    staff = await list_of_store(actor, "staff_member", store.id, read_staff, retired=False)
    return frozenset(each.id for each in staff)


# ------------------------------------------------------------------------------------------------ weeks
def _place(line: WeekLine, monday: date, zone: ZoneInfo) -> Span:
    day = monday + timedelta(days=line.weekday.number)
    start, end = read_span(line.start, line.end)
    return Span(find_instant(day, start, zone), find_instant(day, end, zone, last=True))


async def _replace_week(store: StoreView, monday: date, shifts: Sequence[tuple[UUID, Span]]) -> StoreWeek:
    """Writes one week, in a transaction that has the lock. Raises _Clash."""
    week = find_week(monday, ZoneInfo(store.time_zone))
    reach = max([week.end, *(span.end for _, span in shifts)])
    around = await select_shifts(store.tenant_id, store.id, Span(week.start, reach))
    inside = [shift for shift in around if week.start <= shift.start < week.end]
    staying = [shift for shift in around if not week.start <= shift.start < week.end]
    clash = find_clash(shifts, staying)
    if clash is not None:
        raise _Clash(monday, clash)
    await delete_shifts(store.tenant_id, inside)
    written = await insert_shifts(store.tenant_id, store.id, shifts)
    return StoreWeek(monday, tuple(sorted(written, key=lambda shift: (shift.start, shift.id))))


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A shift of a week as the wall showed it, counted from the week's Monday."""

    staff_id: UUID
    start: timedelta
    end: timedelta


async def _read_pattern(actor: Actor, store: StoreView, monday: date) -> list[_Pattern]:
    zone = ZoneInfo(store.time_zone)
    week, midnight = find_week(monday, zone), datetime.combine(monday, time())
    working = await _list_working(actor, store)
    return [
        _Pattern(
            shift.staff_id, read_wall(shift.start, zone) - midnight, read_wall(shift.end, zone) - midnight
        )
        for shift in await select_shifts(store.tenant_id, store.id, week)
        if shift.start >= week.start and shift.staff_id in working
    ]


def _unfold(pattern: Sequence[_Pattern], monday: date, zone: ZoneInfo) -> list[tuple[UUID, Span]]:
    """The same week somewhere else. What a change of clocks leaves nothing of is left out."""
    spans = [
        (
            each.staff_id,
            Span(
                find_instant(monday, each.start // timedelta(minutes=1), zone),
                find_instant(monday, each.end // timedelta(minutes=1), zone, last=True),
            ),
        )
        for each in pattern
    ]
    return [(staff_id, span) for staff_id, span in spans if span.start < span.end]


def list_following(monday: date, weeks: int) -> tuple[date, ...]:
    """The Mondays of the next `weeks` weeks."""
    return tuple(monday + _WEEK * number for number in range(1, weeks + 1))


async def _record(actor: Actor, action: str, store: StoreView, details: Mapping[str, object]) -> None:
    await record(actor, action, "Store", store.id, details)
