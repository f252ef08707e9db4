"""When staff work: setting and reading it. A break is the gap between two shifts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.access.audit import record
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor
from core.db.transactions import run_in_transaction
from core.errors import BadInput
from core.messages import text
from core.reservations.guard import Span
from core.reservations.setup.access import find_row
from core.reservations.setup.rota import (
    ShiftView,
    delete_shifts,
    find_clash,
    insert_shifts,
    lock_rota,
    select_shifts,
)
from core.reservations.setup.rows import read_staff
from core.reservations.values import StaffView

MAX_SHIFTS: Final = 500
_LONGEST_WINDOW: Final = timedelta(days=366)
_LONGEST_LIST: Final = timedelta(days=92)


async def set_shifts(
    actor: Actor, staff_id: UUID, window: Span, shifts: Sequence[Span]
) -> tuple[ShiftView, ...] | list[UserProblem]:
    """Replaces when somebody works in `window`: afterwards they work `shifts` in it, and nothing else.

    Shifts must lie inside the window. Of an earlier shift that reaches over an edge of the window, the part
    outside stays. Bookings already made stay valid. Answers the shifts, or everything that is wrong with
    them. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.SET_SHIFTS)
    staff = read_staff(await find_row(actor, "staff_member", staff_id))
    problems = check_shifts(window, shifts)
    if not staff.active:
        problems.append(UserProblem(ProblemCode.NOT_ALLOWED, ("staffId",), "set_up.retired"))
    if problems:
        return problems
    return await run_in_transaction(lambda: _replace(actor, staff, window, shifts))


async def list_shifts(actor: Actor, store_id: UUID, span: Span) -> tuple[ShiftView, ...]:
    """The shifts of a store that lie in `span` or reach into it, 92 days at most.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for a span that ends too early or too late.
    """
    require(actor, Action.LIST_SHIFTS)
    await find_store(actor, store_id)
    check_list_span(span)
    return tuple(await select_shifts(actor.tenant_id, store_id, span))


def check_list_span(span: Span) -> None:
    """Raises BadInput where a list of a calendar would end before it begins, or is longer than 92 days."""
    if not timedelta(0) < span.end - span.start <= _LONGEST_LIST:
        raise BadInput(text("set_up.list_span", days=_LONGEST_LIST.days), ("to",))


def check_shifts(window: Span, shifts: Sequence[Span]) -> list[UserProblem]:
    """What is wrong with shifts for a window; empty where nothing is. Pure."""
    if window.end <= window.start:
        limit = window.start.isoformat()
        return [UserProblem(ProblemCode.TOO_SMALL, ("to",), values={"limit": limit})]
    if window.end - window.start > _LONGEST_WINDOW:
        limit = (window.start + _LONGEST_WINDOW).isoformat()
        return [UserProblem(ProblemCode.TOO_LARGE, ("to",), values={"limit": limit})]
    if len(shifts) > MAX_SHIFTS:
        return [UserProblem(ProblemCode.TOO_LONG, ("shifts",), "set_up.too_many", {"limit": MAX_SHIFTS})]
    problems = [
        problem for index, shift in enumerate(shifts) for problem in _check_shift(window, shift, index)
    ]
    clash = find_clash([(UUID(int=0), shift) for shift in shifts])
    if clash is not None and not problems:
        problems.append(UserProblem(ProblemCode.CONFLICT, ("shifts", str(clash)), "set_up.shifts_overlap"))
    return problems


def _check_shift(window: Span, shift: Span, index: int) -> list[UserProblem]:
    path, problems = ("shifts", str(index)), []
    if shift.start < window.start:
        values = {"limit": window.start.isoformat()}
        problems.append(UserProblem(ProblemCode.TOO_SMALL, (*path, "start"), values=values))
    if shift.end <= shift.start:
        values = {"limit": shift.start.isoformat()}
        problems.append(UserProblem(ProblemCode.TOO_SMALL, (*path, "end"), values=values))
    elif shift.end > window.end:
        values = {"limit": window.end.isoformat()}
        problems.append(UserProblem(ProblemCode.TOO_LARGE, (*path, "end"), values=values))
    return problems


async def _replace(
    actor: Actor, staff: StaffView, window: Span, shifts: Sequence[Span]
) -> tuple[ShiftView, ...]:
    await lock_rota(staff.tenant_id, staff.store_id)
    earlier = await select_shifts(staff.tenant_id, staff.store_id, window, staff.id)
    await delete_shifts(staff.tenant_id, earlier)
    outside = [part for shift in earlier for part in _cut_away(shift.span, window)]
    spans = [(staff.id, span) for span in (*shifts, *outside)]
    written = await insert_shifts(staff.tenant_id, staff.store_id, spans)
    details = {"from": window.start.isoformat(), "to": window.end.isoformat(), "shifts": len(shifts)}
    await record(actor, "setShifts", "StaffMember", staff.id, details)
    return tuple(sorted(written[: len(shifts)], key=lambda shift: shift.start))


def _cut_away(shift: Span, window: Span) -> list[Span]:
    """What is left of a shift without the window."""
    parts = (Span(shift.start, window.start), Span(window.end, shift.end))
    return [part for part in parts if part.start < part.end]
