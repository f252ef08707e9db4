"""How a store takes reservations: setting and reading its policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import Json, Write, fetch_row, write_together
from core.ids import new_id
from core.reservations.setup.checks import check_range, check_ranges, check_times, spell
from core.reservations.setup.rows import forget_setup, read_policy
from core.reservations.setup.wall_times import (
    DAY_MINUTES,
    WEEKDAYS,
    Weekday,
    format_minutes,
    overlaps,
    read_span,
)
from core.reservations.values import Policy

MAX_REMINDERS: Final = 5
_MAX_HOURS: Final = 50
_REMINDER_LIMITS: Final = (5, 20_160)
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "hold_minutes": (1, 10),
    "lead_minutes": (0, 43_200),
    "horizon_days": (1, 365),
    "change_minutes": (0, 43_200),
    "grace_minutes": (0, 1440),
    "limit_per_customer": (1, 100),
    "check_in_before_minutes": (0, 1440),
    "check_in_after_minutes": (0, 1440),
    "points_per_yuan": (0, 1000),
    "offer_minutes": (1, 1440),
    "waitlist_cutoff_minutes": (0, 43_200),
}


@dataclass(frozen=True, slots=True)
class OpenHours:
    """When a store is open on a day of the week, in its own time. An `end` before `start` is on the next day."""

    weekday: Weekday
    start: str
    end: str


async def set_store_policy(
    actor: Actor, store_id: UUID, changes: Mapping[str, Any]
) -> Policy | list[UserProblem]:
    """Changes what `changes` names of a Policy; `weekly_hours` is a list of OpenHours, or None: at all hours.

    Answers the whole policy, or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.SET_STORE_POLICY)
    await find_store(actor, store_id)
    problems = check_policy(changes)
    if problems:
        return problems
    columns = _build_columns(changes)
    if columns:
        details = {spell(name): _plain(value) for name, value in columns.items()}
        entry = build_entry(actor, "setStorePolicy", "Store", store_id, details)
        await write_together([_upsert(actor.tenant_id, store_id, columns), entry])
        forget_setup(actor.tenant_id, store_id)
    return await _read_fresh(actor.tenant_id, store_id)


async def find_store_policy(actor: Actor, store_id: UUID) -> Policy:
    """How the store takes reservations now. Raises Unauthenticated, Forbidden and NotFound."""
    require(actor, Action.READ_STORE_POLICY)
    await find_store(actor, store_id)
    return await _read_fresh(actor.tenant_id, store_id)


def list_open_hours(policy: Policy) -> tuple[OpenHours, ...] | None:
    """A policy's weekly hours as they are shown, Monday first. None: at all hours."""
    if policy.weekly_hours is None:
        return None
    return tuple(
        OpenHours(weekday, format_minutes(start), format_minutes(end))
        for weekday, hours in zip(WEEKDAYS, policy.weekly_hours, strict=True)
        for start, end in hours
    )


# ------------------------------------------------------------------------------------------------ checking
def check_policy(changes: Mapping[str, Any]) -> list[UserProblem]:
    """What is wrong with these changes; empty where nothing is. Pure."""
    problems = check_ranges({name: changes.get(name) for name in _LIMITS}, _LIMITS)
    return [
        *problems,
        *_check_reminders(changes.get("reminder_minutes") or ()),
        *_check_week(changes.get("weekly_hours") or ()),
    ]


def _check_reminders(reminders: Sequence[int]) -> list[UserProblem]:
    if len(reminders) > MAX_REMINDERS:
        values = {"limit": MAX_REMINDERS}
        return [UserProblem(ProblemCode.TOO_LONG, ("reminderMinutes",), "set_up.too_many", values)]
    return [
        problem
        for index, minutes in enumerate(reminders)
        for problem in check_range(("reminderMinutes", str(index)), minutes, *_REMINDER_LIMITS)
    ]


def _check_week(hours: Sequence[OpenHours]) -> list[UserProblem]:
    if len(hours) > _MAX_HOURS:
        return [UserProblem(ProblemCode.TOO_LONG, ("weeklyHours",), "set_up.too_many", {"limit": _MAX_HOURS})]
    problems = [
        problem
        for index, each in enumerate(hours)
        for problem in check_times(each.start, each.end, ("weeklyHours", str(index)))
    ]
    if not problems and overlaps(_place_hours(hours)):
        problems.append(UserProblem(ProblemCode.CONFLICT, ("weeklyHours",), "set_up.hours_overlap"))
    return problems


def _place_hours(hours: Sequence[OpenHours]) -> list[tuple[int, int]]:
    """Minutes since Monday's midnight, with a Sunday before it: its night goes on into Monday."""
    spans = [
        (start + each.weekday.number * DAY_MINUTES, end + each.weekday.number * DAY_MINUTES)
        for each in hours
        for start, end in [read_span(each.start, each.end)]
    ]
    week = 7 * DAY_MINUTES
    return [*spans, *((start - week, end - week) for start, end in spans if end > week)]


# ------------------------------------------------------------------------------------------------ rows
def _build_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(changes)
    if columns.get("weekly_hours") is not None:
        columns["weekly_hours"] = Json(_write_week(columns["weekly_hours"]))
    if columns.get("reminder_minutes") is not None:
        columns["reminder_minutes"] = Json(sorted(set(columns["reminder_minutes"]), reverse=True))
    return columns


def _write_week(hours: Sequence[OpenHours]) -> dict[str, list[list[str]]]:
    """{"0": [["10:00", "22:00"]], …}, Monday first, in the order of the day."""
    week: dict[str, list[list[str]]] = {str(weekday.number): [] for weekday in WEEKDAYS}
    for each in sorted(hours, key=lambda each: each.start):
        week[str(each.weekday.number)].append([each.start, each.end])
    return week


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Json) else value


def _upsert(tenant_id: UUID, store_id: UUID, changes: Mapping[str, Any]) -> Write:
    """One row a store. Of a row that is there only what changes is set, whoever changes the rest."""
    columns = {
        "id": new_id(),
        "created_at": utc_now(),
        "tenant_id": tenant_id,
        "store_id": store_id,
        **_list_defaults(),
        **changes,
    }
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in changes)
    sql = (
        f"INSERT INTO store_policy ({', '.join(columns)}) VALUES ({places})"
        f" ON CONFLICT (tenant_id, store_id) DO UPDATE SET {updates}"
    )
    return Write(sql, tuple(columns.values()), expects=1)


def _list_defaults() -> dict[str, Any]:
    policy = Policy()
    plain = (*_LIMITS, "keep_deposit", "spread_load", "close_on_holidays")
    return {**{name: getattr(policy, name) for name in plain}, "reminder_minutes": None, "weekly_hours": None}


async def _read_fresh(tenant_id: UUID, store_id: UUID) -> Policy:
    row = await fetch_row(
        "SELECT * FROM store_policy WHERE tenant_id = $1 AND store_id = $2", tenant_id, store_id
    )
    return read_policy(row) if row else Policy()
