"""Days of a store that are unlike its week: setting, removing and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import GuardFailed, Json, Write, as_json, as_uuid, fetch_rows, write_together
from core.errors import BadInput
from core.ids import new_id
from core.messages import text
from core.reservations.setup.checks import check_times
from core.reservations.setup.rows import forget_setup
from core.reservations.setup.wall_times import overlaps, read_span

MAX_HOURS: Final = 10
_NOTE_LENGTH: Final = 120
_LONGEST_LIST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class SpecialDayView:
    """A day of a store. `hours` are "HH:MM" in its own time; none: it is closed."""

    store_id: UUID
    day: date
    hours: tuple[tuple[str, str], ...]
    note: str | None = None


async def set_special_day(
    actor: Actor, store_id: UUID, day: date, hours: Sequence[tuple[str, str]], note: str | None = None
) -> SpecialDayView | list[UserProblem]:
    """Sets the hours of one day, whatever the week and the holidays say; none: it is closed.

    Hours that end no later than they begin go on into the next day, and belong to this one. Answers
    the day, or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.SET_SPECIAL_DAY)
    await find_store(actor, store_id)
    note = note.strip() or None if note else None
    problems = _check_day(hours, note)
    if problems:
        return problems
    written = [[start, end] for start, end in sorted(hours)]
    details = {"day": day.isoformat(), "hours": written}
    entry = build_entry(actor, "setSpecialDay", "Store", store_id, details)
    await write_together([_upsert(actor.tenant_id, store_id, day, written, note), entry])
    forget_setup(actor.tenant_id, store_id)
    return SpecialDayView(store_id, day, tuple((start, end) for start, end in written), note)


async def remove_special_day(actor: Actor, store_id: UUID, day: date) -> list[UserProblem]:
    """Makes the day one like others of its week. Answers a problem where it was one already.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.REMOVE_SPECIAL_DAY)
    await find_store(actor, store_id)
    delete = Write(
        "DELETE FROM special_day WHERE tenant_id = $1 AND store_id = $2 AND day = $3",
        (actor.tenant_id, store_id, day),
        expects=1,
    )
    details = {"day": day.isoformat()}
    try:
        await write_together(
            [delete, build_entry(actor, "removeSpecialDay", "Store", store_id, details)],
        )
    except GuardFailed:
        return [UserProblem(ProblemCode.NOT_FOUND, ("day",))]
    forget_setup(actor.tenant_id, store_id)
    return []


async def list_special_days(
    actor: Actor, store_id: UUID, first: date, until: date
) -> tuple[SpecialDayView, ...]:
    """The special days from `first` until before `until`, 366 days at most.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for a span that ends too early or too late.
    """
    require(actor, Action.LIST_SPECIAL_DAYS)
    await find_store(actor, store_id)
    if not timedelta(0) < until - first <= _LONGEST_LIST:
        raise BadInput(text("set_up.list_span", days=_LONGEST_LIST.days), ("to",))
    rows = await fetch_rows(
        "SELECT * FROM special_day WHERE tenant_id = $1 AND store_id = $2 AND day >= $3 AND day < $4 ORDER BY day",
        actor.tenant_id,
        store_id,
        first,
        until,
    )
    return tuple(_read_day(row) for row in rows)


def _check_day(hours: Sequence[tuple[str, str]], note: str | None) -> list[UserProblem]:
    if len(hours) > MAX_HOURS:
        return [UserProblem(ProblemCode.TOO_LONG, ("hours",), "set_up.too_many", {"limit": MAX_HOURS})]
    problems = check_text(note, ("note",), _NOTE_LENGTH) if note else []
    for index, (start, end) in enumerate(hours):
        problems += check_times(start, end, ("hours", str(index)))
    if problems:
        return problems
    if overlaps(read_span(start, end) for start, end in hours):
        problems.append(UserProblem(ProblemCode.CONFLICT, ("hours",), "set_up.hours_overlap"))
    return problems


def _upsert(tenant_id: UUID, store_id: UUID, day: date, hours: list[list[str]], note: str | None) -> Write:
    sql = (
        "INSERT INTO special_day (id, created_at, tenant_id, store_id, day, hours, note)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, store_id, day)"
        " DO UPDATE SET hours = excluded.hours, note = excluded.note"
    )
    return Write(sql, (new_id(), utc_now(), tenant_id, store_id, day, Json(hours), note), expects=1)


def _read_day(row: Mapping[str, Any]) -> SpecialDayView:
    day = row["day"]
    return SpecialDayView(
        as_uuid(row["store_id"]),
        # SQLite keeps it as text.
        date.fromisoformat(day) if isinstance(day, str) else day,
        tuple((start, end) for start, end in as_json(row["hours"])),
        row["note"],
    )
