"""When staff work: spans replaced, weeks set and copied in the store's own time, and nobody at work twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate
from core.errors import BadInput, Forbidden, NotFound
from core.reservations.guard import Span
from core.reservations.setup.shifts import list_shifts, set_shifts
from core.reservations.setup.staff import StaffDraft, create_staff_member, update_staff_member
from core.reservations.setup.store_weeks import (
    WeekLine,
    copy_store_week,
    list_following,
    set_store_week,
)
from core.reservations.setup.wall_times import Weekday, find_instant
from core.reservations.values import ReservationErrorCode

# Far from the shifts that a salon begins with.
MONDAY = date(2027, 3, 1)
MIDNIGHT = datetime(2027, 2, 28, 16, tzinfo=UTC)  # of that Monday in Shanghai
BERLIN = ZoneInfo("Europe/Berlin")


def at(hour):
    """`hour` hours after midnight of the Monday."""
    return MIDNIGHT + timedelta(hours=hour)


def span(start, end):
    return Span(at(start), at(end))


DAY = span(0, 24)


def read_problems(answer):
    return [(problem.code.value, ".".join(problem.field)) for problem in answer]


async def read_hours(salon, staff_id=None, store_id=None, zone=None):
    """`(start, end)` of every shift of the week, in hours after midnight of the Monday."""
    found = await list_shifts(salon.owner, store_id or salon.store_id, span(-24, 24 * 40))
    hours = [
        ((shift.start - MIDNIGHT) / timedelta(hours=1), (shift.end - MIDNIGHT) / timedelta(hours=1))
        for shift in found
        if staff_id in (None, shift.staff_id)
    ]
    return sorted(hours)


# ------------------------------------------------------------------------------------------------ one person
async def test_shifts_are_set(salon):
    answer = await set_shifts(salon.owner, salon.anna, DAY, [span(14, 18), span(9, 12)])
    assert [(shift.start, shift.end) for shift in answer] == [(at(9), at(12)), (at(14), at(18))]
    assert await read_hours(salon) == [(9, 12), (14, 18)]
    assert await salon.count("audit_entry", "action = 'setShifts'") == 1


async def test_shifts_are_replaced_inside_only(salon):
    await set_shifts(salon.owner, salon.anna, span(0, 48), [span(9, 18), span(33, 42)])
    await set_shifts(salon.owner, salon.anna, DAY, [span(12, 20)])
    assert await read_hours(salon) == [(12, 20), (33, 42)]


@pytest.mark.parametrize(
    ("window", "left"),
    [
        (span(0, 12), [(12, 18)]),
        (span(12, 24), [(9, 12)]),
        (span(12, 14), [(9, 12), (14, 18)]),
        (span(9, 18), []),
        (span(18, 24), [(9, 18)]),
    ],
)
async def test_shift_over_an_edge_keeps_what_is_outside(salon, window, left):
    await set_shifts(salon.owner, salon.anna, DAY, [span(9, 18)])
    await set_shifts(salon.owner, salon.anna, window, [])
    assert await read_hours(salon) == left


async def test_others_keep_their_shifts(salon):
    bo = await create_staff_member(salon.owner, salon.store_id, StaffDraft("Bo"))
    await set_shifts(salon.owner, bo.id, DAY, [span(9, 18)])
    await set_shifts(salon.owner, salon.anna, DAY, [])
    assert await read_hours(salon) == [(9, 18)]


@pytest.mark.parametrize(
    ("window", "shifts", "code", "field"),
    [
        (DAY, [span(9, 12), span(11, 14)], "CONFLICT", "shifts.1"),
        (DAY, [span(9, 12), span(9, 12)], "CONFLICT", "shifts.1"),
        (DAY, [span(-1, 12)], "TOO_SMALL", "shifts.0.start"),
        (DAY, [span(9, 12), span(22, 25)], "TOO_LARGE", "shifts.1.end"),
        (DAY, [span(12, 12)], "TOO_SMALL", "shifts.0.end"),
        (DAY, [span(12, 9)], "TOO_SMALL", "shifts.0.end"),
        (span(24, 0), [], "TOO_SMALL", "to"),
        (span(0, 24 * 367), [], "TOO_LARGE", "to"),
        (span(0, 501), [span(n, n + 1) for n in range(501)], "TOO_LONG", "shifts"),
    ],
)
async def test_wrong_shifts_are_named(salon, window, shifts, code, field):
    await set_shifts(salon.owner, salon.anna, DAY, [span(8, 9)])
    assert read_problems(await set_shifts(salon.owner, salon.anna, window, shifts)) == [(code, field)]
    assert await read_hours(salon) == [(8, 9)]


async def test_who_left_works_no_more(salon):
    await update_staff_member(salon.owner, salon.anna, {"active": False})
    answer = await set_shifts(salon.owner, salon.anna, DAY, [span(9, 18)])
    assert read_problems(answer) == [("NOT_ALLOWED", "staffId")]


async def test_bookings_stay(salon):
    """Shifts say what can be booked from now on."""
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service))
    window = Span(salon.clock.now(), salon.clock.now() + timedelta(days=1))
    assert await set_shifts(salon.owner, salon.anna, window, []) == ()
    assert await salon.list("reservation", "status") == [booked.status.value]
    refused = await salon.book(salon.slot(service, 3))
    assert refused.code is ReservationErrorCode.OUTSIDE_HOURS


async def test_many_at_once_double_nothing(salon):
    """Everybody sets the same day; whoever is last has the say."""
    days = [[span(9, 10 + hour)] for hour in range(12)]
    answers = await asyncio.gather(*(set_shifts(salon.owner, salon.anna, DAY, day) for day in days))
    assert [len(answer) for answer in answers] == [1] * 12
    (left,) = await read_hours(salon)
    assert left in [(9, 10 + hour) for hour in range(12)]


async def test_only_management_of_the_merchant(salon):
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    with pytest.raises(NotFound):
        await set_shifts(rival, salon.anna, DAY, [])
    for actor in (salon.staff, salon.customer):
        with pytest.raises(Forbidden):
            await set_shifts(actor, salon.anna, DAY, [])
    with pytest.raises(NotFound):
        await list_shifts(rival, salon.store_id, DAY)


async def test_list_has_an_end(salon):
    for wrong in (span(0, 0), span(0, 24 * 92 + 1)):
        with pytest.raises(BadInput):
            await list_shifts(salon.owner, salon.store_id, wrong)


# ------------------------------------------------------------------------------------------------ a whole week
@pytest.fixture
async def bo(salon):
    return (await create_staff_member(salon.owner, salon.store_id, StaffDraft("Bo"))).id


async def test_week_is_replaced_for_all(salon, bo):
    await set_shifts(salon.owner, bo, DAY, [span(1, 2)])
    lines = [
        WeekLine(salon.anna, Weekday.MONDAY, "10:00", "19:00"),
        WeekLine(bo, Weekday.MONDAY, "10:00", "14:00"),
        WeekLine(bo, Weekday.TUESDAY, "00:00", "24:00"),
    ]
    week = await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    assert await read_hours(salon, salon.anna) == [(10, 19)]
    assert await read_hours(salon, bo) == [(10, 14), (24, 48)]
    assert (week.monday, len(week.shifts)) == (MONDAY, 3)
    emptied = await set_store_week(salon.owner, salon.store_id, MONDAY, [])
    assert emptied.shifts == ()
    assert await read_hours(salon) == []


async def test_night_shift_ends_on_the_next_day(salon):
    lines = [WeekLine(salon.anna, Weekday.SUNDAY, "22:00", "02:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    assert await read_hours(salon) == [(166, 170)]


async def test_night_of_the_week_before_stays(salon):
    night = [WeekLine(salon.anna, Weekday.SUNDAY, "22:00", "02:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY, night)
    next_monday = MONDAY + timedelta(days=7)
    lines = [WeekLine(salon.anna, Weekday.MONDAY, "02:00", "06:00")]
    await set_store_week(salon.owner, salon.store_id, next_monday, lines)
    assert await read_hours(salon) == [(166, 170), (170, 174)]


@pytest.mark.parametrize(("start", "end"), [("00:00", "06:00"), ("01:59", "06:00")])
async def test_clash_with_the_week_before_is_named(salon, start, end):
    night = [WeekLine(salon.anna, Weekday.SUNDAY, "22:00", "02:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY, night)
    lines = [
        WeekLine(salon.anna, Weekday.FRIDAY, "10:00", "12:00"),
        WeekLine(salon.anna, Weekday.MONDAY, start, end),
    ]
    answer = await set_store_week(salon.owner, salon.store_id, MONDAY + timedelta(days=7), lines)
    assert read_problems(answer) == [("CONFLICT", "shifts.1")]
    assert await read_hours(salon) == [(166, 170)]


async def test_clash_with_the_week_after_is_named(salon):
    after = [WeekLine(salon.anna, Weekday.MONDAY, "00:00", "06:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY + timedelta(days=7), after)
    night = [WeekLine(salon.anna, Weekday.SUNDAY, "22:00", "00:30")]
    answer = await set_store_week(salon.owner, salon.store_id, MONDAY, night)
    assert read_problems(answer) == [("CONFLICT", "shifts.0")]
    assert await read_hours(salon) == [(168, 174)]


async def test_wrong_week_is_named(salon):
    stranger = salon.store_id
    lines = [
        WeekLine(salon.anna, Weekday.MONDAY, "10:00", "10:00"),
        WeekLine(salon.anna, Weekday.MONDAY, "24:00", "25:00"),
        WeekLine(stranger, Weekday.MONDAY, "10:00", "12:00"),
    ]
    answer = await set_store_week(salon.owner, salon.store_id, MONDAY + timedelta(days=1), lines)
    assert read_problems(answer) == [
        ("INVALID", "weekStart"),
        ("INVALID", "shifts.0.end"),
        ("INVALID", "shifts.1.start"),
        ("INVALID", "shifts.1.end"),
        ("NOT_FOUND", "shifts.2.staffId"),
    ]
    assert await read_hours(salon) == []


async def test_week_with_a_clash_of_its_own(salon):
    lines = [
        WeekLine(salon.anna, Weekday.MONDAY, "22:00", "06:00"),
        WeekLine(salon.anna, Weekday.TUESDAY, "05:00", "09:00"),
    ]
    answer = await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    assert read_problems(answer) == [("CONFLICT", "shifts.1")]
    assert await read_hours(salon) == []


async def test_weeks_and_shifts_at_once(salon, bo):
    """One row lock orders them: nobody works twice, and nothing fails."""
    lines = [WeekLine(each, Weekday.MONDAY, "10:00", "19:00") for each in (salon.anna, bo)]
    calls = [
        call
        for _ in range(5)
        for call in (
            set_store_week(salon.owner, salon.store_id, MONDAY, lines),
            set_shifts(salon.owner, bo, DAY, [span(9, 20)]),
        )
    ]
    answers = await asyncio.gather(*calls)
    assert not any(isinstance(answer, list) for answer in answers)
    assert await read_hours(salon, salon.anna) == [(10, 19)]
    assert await read_hours(salon, bo) in ([(10, 19)], [(9, 20)])


# ------------------------------------------------------------------------------------------------ copying weeks
async def test_week_is_copied(salon, bo):
    lines = [
        WeekLine(salon.anna, Weekday.MONDAY, "10:00", "19:00"),
        WeekLine(bo, Weekday.SUNDAY, "22:00", "02:00"),
    ]
    await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    await set_shifts(salon.owner, salon.anna, span(168, 192), [span(168, 170)])
    weeks = await copy_store_week(salon.owner, salon.store_id, MONDAY, list_following(MONDAY, 2))
    assert [week.monday for week in weeks] == [date(2027, 3, 8), date(2027, 3, 15)]
    assert await read_hours(salon, salon.anna) == [(10, 19), (178, 187), (346, 355)]
    assert await read_hours(salon, bo) == [(166, 170), (334, 338), (502, 506)]
    assert await salon.count("audit_entry", "action = 'copyStoreWeek'") == 1


async def test_who_left_is_not_copied(salon, bo):
    lines = [WeekLine(each, Weekday.MONDAY, "10:00", "19:00") for each in (salon.anna, bo)]
    await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    await update_staff_member(salon.owner, bo, {"active": False})
    await copy_store_week(salon.owner, salon.store_id, MONDAY, list_following(MONDAY, 1))
    assert await read_hours(salon, bo) == [(10, 19)]
    assert await read_hours(salon, salon.anna) == [(10, 19), (178, 187)]


async def test_copy_that_clashes_writes_nothing(salon):
    lines = [WeekLine(salon.anna, Weekday.SUNDAY, "22:00", "02:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY, lines)
    third = [WeekLine(salon.anna, Weekday.MONDAY, "01:00", "03:00")]
    await set_store_week(salon.owner, salon.store_id, MONDAY + timedelta(days=21), third)
    answer = await copy_store_week(salon.owner, salon.store_id, MONDAY, list_following(MONDAY, 2))
    assert read_problems(answer) == [("CONFLICT", "toWeeks.1")]
    assert await read_hours(salon) == [(166, 170), (505, 507)]


@pytest.mark.parametrize(
    ("targets", "code", "field"),
    [
        ((), "REQUIRED", "toWeeks"),
        ((MONDAY,), "INVALID", "toWeeks.0"),
        ((date(2027, 3, 8), date(2027, 3, 8)), "INVALID", "toWeeks.1"),
        ((date(2027, 3, 9),), "INVALID", "toWeeks.0"),
        (list_following(MONDAY, 27), "TOO_LONG", "toWeeks"),
    ],
)
async def test_wrong_targets_are_named(salon, targets, code, field):
    answer = await copy_store_week(salon.owner, salon.store_id, MONDAY, targets)
    assert read_problems(answer) == [(code, field)]


async def test_weeks_are_managements(salon):
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    for actor, fault in ((rival, NotFound), (salon.staff, Forbidden), (salon.customer, Forbidden)):
        with pytest.raises(fault):
            await set_store_week(actor, salon.store_id, MONDAY, [])
        with pytest.raises(fault):
            await copy_store_week(actor, salon.store_id, MONDAY, list_following(MONDAY, 1))


# ------------------------------------------------------------------------------------------------ clocks that change
@pytest.fixture
async def berlin(salon):
    """`(store, staff member)` where the clocks go forward on 28 March 2027 and back on 31 October."""
    store = await create_store(salon.owner, "Mitte", "Europe/Berlin")
    member = await create_staff_member(salon.owner, store.id, StaffDraft("Eva"))
    return store.id, member.id


@pytest.mark.parametrize(
    ("monday", "start", "end", "begins", "ends"),
    [
        # Wall times stay what they are, whatever the clocks do in between.
        (date(2027, 3, 22), "22:00", "06:00", "2027-03-28T20:00Z", "2027-03-29T04:00Z"),
        # 02:30 does not exist on 28 March: it is the moment of the jump, 03:00.
        (date(2027, 3, 22), "02:30", "10:00", "2027-03-28T01:00Z", "2027-03-28T08:00Z"),
        (date(2027, 3, 22), "00:00", "02:30", "2027-03-27T23:00Z", "2027-03-28T01:00Z"),
        # 02:30 comes twice on 31 October: a shift begins at the first and ends at the second.
        (date(2027, 10, 25), "02:30", "10:00", "2027-10-31T00:30Z", "2027-10-31T09:00Z"),
        (date(2027, 10, 25), "00:00", "02:30", "2027-10-30T22:00Z", "2027-10-31T01:30Z"),
    ],
)
async def test_days_on_which_clocks_change(salon, berlin, monday, start, end, begins, ends):
    store_id, eva = berlin
    week = await set_store_week(salon.owner, store_id, monday, [WeekLine(eva, Weekday.SUNDAY, start, end)])
    (shift,) = week.shifts
    assert (shift.start, shift.end) == (datetime.fromisoformat(begins), datetime.fromisoformat(ends))


async def test_shift_that_the_clocks_skip_is_refused(salon, berlin):
    store_id, eva = berlin
    lines = [WeekLine(eva, Weekday.SUNDAY, "02:10", "02:50")]
    answer = await set_store_week(salon.owner, store_id, date(2027, 3, 22), lines)
    assert read_problems(answer) == [("INVALID", "shifts.0")]


async def test_copy_keeps_wall_times(salon, berlin):
    """From a week of winter time to one of summer time."""
    store_id, eva = berlin
    lines = [WeekLine(eva, Weekday.TUESDAY, "10:00", "19:00")]
    await set_store_week(salon.owner, store_id, date(2027, 3, 22), lines)
    (copied,) = await copy_store_week(salon.owner, store_id, date(2027, 3, 22), [date(2027, 3, 29)])
    (shift,) = copied.shifts
    local = [instant.astimezone(BERLIN).strftime("%d %H:%M") for instant in (shift.start, shift.end)]
    assert local == ["30 10:00", "30 19:00"]
    assert shift.start == datetime(2027, 3, 30, 8, tzinfo=UTC)


async def test_copied_gap_is_left_out(salon, berlin):
    """What lies in the hour that the clocks skip has no place in that week; the rest has."""
    store_id, eva = berlin
    lines = [
        WeekLine(eva, Weekday.SUNDAY, "02:10", "02:50"),
        WeekLine(eva, Weekday.SUNDAY, "10:00", "12:00"),
    ]
    await set_store_week(salon.owner, store_id, date(2027, 3, 15), lines)
    (copied,) = await copy_store_week(salon.owner, store_id, date(2027, 3, 15), [date(2027, 3, 22)])
    assert [shift.start for shift in copied.shifts] == [datetime(2027, 3, 28, 8, tzinfo=UTC)]


def test_whole_days_can_be_missing():
    """Samoa had no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    noon = find_instant(date(2011, 12, 30), 720, apia)
    assert noon == datetime(2011, 12, 30, 10, tzinfo=UTC)
