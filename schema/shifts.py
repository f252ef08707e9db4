"""When staff work: by person, and by the week of a whole store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from core.access.problems import ProblemCode, UserProblem
from core.errors import NotFound
from core.messages import text
from core.reservations.guard import Span
from core.reservations.setup.checks import check_range
from core.reservations.setup.rota import ShiftView
from core.reservations.setup.shifts import list_shifts, set_shifts
from core.reservations.setup.store_weeks import (
    MAX_WEEKS,
    WeekLine,
    copy_store_week,
    list_following,
    set_store_week,
)
from core.reservations.setup.store_weeks import StoreWeek as StoreWeekView
from core.reservations.setup.wall_times import Weekday
from schema import enums as enums
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import read_id
from schema.problems import UserError, show_problems
from schema.staff import StaffMember, show_staff_member


@strawberry.type(description="When somebody works. A break is the gap between two shifts.")
class Shift:
    view: strawberry.Private[ShiftView]
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends.")

    @resolved(description="Who works.")
    async def staff(self, info: Info) -> StaffMember:
        view = await (await info.context.load()).staff.load(self.view.staff_id)
        if view is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return show_staff_member(view)


def show_shift(view: ShiftView) -> Shift:
    return Shift(view=view, start=view.start, end=view.end)


@strawberry.type(description="The shifts of a store that begin in one week.")
class StoreWeek:
    week_start: date = strawberry.field(description="Its Monday, by the store's calendar.")
    shifts: list[Shift] = strawberry.field(description="Earliest first.")


def show_week(week: StoreWeekView) -> StoreWeek:
    return StoreWeek(week_start=week.monday, shifts=[show_shift(shift) for shift in week.shifts])


@strawberry.input(description="From when until when somebody works.")
class ShiftInput:
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends.")


@strawberry.input(
    description="Somebody's shifts in a span of time: they work `shifts` then, and nothing else. Of an earlier shift"
    " that reaches over an edge of the span the part outside stays. Bookings already made stay valid."
)
class SetShiftsInput:
    staff_id: strawberry.ID = strawberry.field(description="Who works.")
    from_: datetime = strawberry.field(name="from", description="Where the span begins.")
    to: datetime = strawberry.field(description="Where it ends, 366 days later at most.")
    shifts: list[ShiftInput] = strawberry.field(
        description="The shifts, all inside the span, without overlaps, 500 at most."
    )


@strawberry.type(description="The answer to setShifts.")
class SetShiftsPayload:
    staff_member: StaffMember | None = strawberry.field(description="Who works, null if nothing was changed.")
    shifts: list[Shift] = strawberry.field(description="The shifts, earliest first.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.input(description="One shift of a week, in the store's own time.")
class WeekShiftInput:
    staff_id: strawberry.ID = strawberry.field(description="Who works.")
    weekday: Weekday = strawberry.field(description="The day on which it begins.")
    start: str = strawberry.field(description="When it begins, as in 10:00.")
    end: str = strawberry.field(
        description="When it ends, as in 19:00 or 24:00; on the next day where it is earlier than the start."
    )


@strawberry.input(
    description="The shifts of all staff that begin in one week, instead of those that are there. A time that the"
    " clocks skip is the moment of the jump; of one that comes twice, shifts begin at the first and end at the second."
)
class SetStoreWeekInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    week_start: date = strawberry.field(description="The week's Monday, by the store's calendar.")
    shifts: list[WeekShiftInput] = strawberry.field(description="The shifts, 1,000 at most.")


@strawberry.type(description="The answer to setStoreWeek.")
class SetStoreWeekPayload:
    store_week: StoreWeek | None = strawberry.field(description="The week, null if nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.input(
    description="The shifts of one week for others, at the same times of day, instead of those that are there."
    " Give either `toWeeks` or `weeks`. People who have left are passed over."
)
class CopyStoreWeekInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    from_week: date = strawberry.field(description="The Monday of the week to copy.")
    to_weeks: list[date] | None = strawberry.field(
        default=None, description="The Mondays of the weeks to set, 26 at most."
    )
    weeks: int | None = strawberry.field(
        default=None, description="How many weeks after it to set, 26 at most."
    )


@strawberry.type(description="The answer to copyStoreWeek.")
class CopyStoreWeekPayload:
    store_weeks: list[StoreWeek] = strawberry.field(
        description="The weeks that were set; empty if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


From = Annotated[datetime, strawberry.argument(name="from", description="Where the span begins.")]
To = Annotated[datetime, strawberry.argument(description="Where it ends, 92 days later at most.")]


@strawberry.type
class ShiftQueries:
    @resolved(
        description="The shifts of a store that lie in a span of time or reach into it, earliest first."
    )
    async def shifts(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        from_: From,
        to: To,
    ) -> list[Shift]:
        actor = await info.context.sign_in()
        found = await list_shifts(actor, read_id(store_id, "Store", "storeId"), Span(from_, to))
        return [show_shift(shift) for shift in found]


@strawberry.type
class ShiftMutations:
    @mutation(description="Replaces when somebody works in a span of time. May: owner, manager.")
    async def set_shifts(
        self,
        info: Info,
        given: Annotated[SetShiftsInput, strawberry.argument(name="input", description="The shifts.")],
    ) -> SetShiftsPayload:
        context = info.context
        staff_id = read_id(given.staff_id, "StaffMember", "staffId")
        spans = [Span(shift.start, shift.end) for shift in given.shifts]
        answer = await set_shifts(await context.sign_in(), staff_id, Span(given.from_, given.to), spans)
        if isinstance(answer, list):
            return SetShiftsPayload(staff_member=None, shifts=[], user_errors=show_problems(answer))
        view = await (await context.load()).staff.load(staff_id)
        return SetShiftsPayload(
            staff_member=show_staff_member(view) if view else None,
            shifts=[show_shift(shift) for shift in answer],
            user_errors=[],
        )

    @mutation(description="Replaces the shifts of a whole store that begin in one week. May: owner, manager.")
    async def set_store_week(
        self,
        info: Info,
        given: Annotated[SetStoreWeekInput, strawberry.argument(name="input", description="The week.")],
    ) -> SetStoreWeekPayload:
        actor = await info.context.sign_in()
        store_id = read_id(given.store_id, "Store", "storeId")
        answer = await set_store_week(actor, store_id, given.week_start, _read_lines(given.shifts))
        if isinstance(answer, StoreWeekView):
            return SetStoreWeekPayload(store_week=show_week(answer), user_errors=[])
        return SetStoreWeekPayload(store_week=None, user_errors=show_problems(answer))

    @mutation(
        description="Copies a week of a store's shifts to other weeks, all or none. May: owner, manager."
    )
    async def copy_store_week(
        self,
        info: Info,
        given: Annotated[CopyStoreWeekInput, strawberry.argument(name="input", description="The weeks.")],
    ) -> CopyStoreWeekPayload:
        actor = await info.context.sign_in()
        store_id = read_id(given.store_id, "Store", "storeId")
        problems = _check_weeks(given)
        if problems:
            return CopyStoreWeekPayload(store_weeks=[], user_errors=show_problems(problems))
        targets = given.to_weeks or list_following(given.from_week, given.weeks or 0)
        path = "toWeeks" if given.weeks is None else "weeks"
        answer = await copy_store_week(actor, store_id, given.from_week, targets, path)
        if isinstance(answer, tuple):
            return CopyStoreWeekPayload(store_weeks=[show_week(week) for week in answer], user_errors=[])
        return CopyStoreWeekPayload(store_weeks=[], user_errors=show_problems(answer))


def _read_lines(shifts: Sequence[WeekShiftInput]) -> list[WeekLine]:
    return [
        WeekLine(
            read_id(shift.staff_id, "StaffMember", "shifts", str(index), "staffId"),
            shift.weekday,
            shift.start,
            shift.end,
        )
        for index, shift in enumerate(shifts)
    ]


def _check_weeks(given: CopyStoreWeekInput) -> list[UserProblem]:
    """Either the weeks or how many of them."""
    if (given.weeks is None) == (given.to_weeks is None):
        return [UserProblem(ProblemCode.INVALID, ("weeks",), "set_up.weeks_or_list")]
    return [] if given.weeks is None else check_range(("weeks",), given.weeks, 1, MAX_WEEKS)
