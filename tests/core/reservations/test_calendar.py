"""A store's days and hours on the time line: clocks that change, nights, holidays and make-up working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.reservations.setup.holidays import is_holiday, is_make_up_day, last_known_year
from core.reservations.slots.calendar import (
    Calendar,
    Opening,
    from_minute,
    place_hours,
    to_minute,
    to_minute_after,
)
from core.reservations.values import Policy
from tests.core.reservations.diary import Diary

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
WEEK = (((540, 1080),),) * 5 + ((), ())


def utc(*when):
    return datetime(*when, tzinfo=UTC)


def span(start, end):
    return to_minute(start), to_minute(end)


# ------------------------------------------------------------------------------------------------------- the time line
def test_minutes_are_rounded_to_the_safe_side():
    odd = utc(2026, 3, 2, 10, 0, 1)
    assert from_minute(to_minute(odd)) == utc(2026, 3, 2, 10)
    assert from_minute(to_minute_after(odd)) == utc(2026, 3, 2, 10, 1)
    whole = utc(2026, 3, 2, 10)
    assert to_minute(whole) == to_minute_after(whole)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [(BERLIN, SPRING, 23), (BERLIN, AUTUMN, 25), (BERLIN, date(2026, 3, 30), 24), (SHANGHAI, SPRING, 24)],
)
def test_days_are_as_long_as_they_are(zone, day, hours):
    noon = to_minute(datetime(day.year, day.month, day.day, 12, tzinfo=zone))
    found = Calendar(zone, noon, noon).find_day(noon)
    assert found.day == day
    assert found.end - found.start == hours * 60


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@pytest.mark.parametrize("hour", [1, 5, 12, 23])
def test_time_on_the_wall_when_clocks_change(day, hour):
    minute = to_minute(datetime(day.year, day.month, day.day, hour, 30, tzinfo=BERLIN))
    calendar = Calendar(BERLIN, minute, minute)
    assert calendar.find_wall(calendar.find_day(minute), minute) == hour * 60 + 30


def test_hours_that_the_clocks_leave_out():
    """From two to three there is nothing: who opens at half past two opens at three."""
    assert place_hours(BERLIN, SPRING, ((150, 240),)) == [span(utc(2026, 3, 29, 1), utc(2026, 3, 29, 2))]


def test_hours_that_come_twice_are_open_twice():
    assert place_hours(BERLIN, AUTUMN, ((120, 150),)) == [
        span(utc(2026, 10, 25, 0), utc(2026, 10, 25, 1, 30))
    ]


def test_hours_past_midnight_end_on_the_next_day():
    friday = date(2026, 3, 6)
    assert place_hours(SHANGHAI, friday, ((1320, 120),)) == [span(utc(2026, 3, 6, 14), utc(2026, 3, 6, 18))]
    assert place_hours(SHANGHAI, friday, ((1320, 1440),)) == [span(utc(2026, 3, 6, 14), utc(2026, 3, 6, 16))]


# ------------------------------------------------------------------------------------------------------------ holidays
def test_holidays_of_2026():
    """国务院办公厅关于2026年部分节假日安排的通知: the Spring Festival is 15 to 23 February, 14 and 28 are worked."""
    assert [day for day in range(10, 29) if is_holiday(date(2026, 2, day))] == list(range(15, 24))
    assert [day for day in range(1, 29) if is_make_up_day(date(2026, 2, day))] == [14, 28]
    assert not is_holiday(date(2026, 3, 7))


def test_years_that_are_not_announced_have_ordinary_weeks():
    later = last_known_year() + 1
    days = [date(later, 1, 1) + timedelta(days=number) for number in range(365)]
    assert not any(map(is_holiday, days))
    assert not any(map(is_make_up_day, days))


def find_hours(day, **policy):
    special = policy.pop("special", {})
    return Opening(Policy(weekly_hours=WEEK, **policy), special).find_hours(day)


def test_holiday_has_no_hours_where_the_store_closes():
    assert find_hours(date(2026, 5, 1)) == ((540, 1080),)
    assert find_hours(date(2026, 5, 1), close_on_holidays=True) == ()


def test_make_up_working_day_has_the_hours_of_a_working_day():
    saturday = date(2026, 5, 9)
    assert find_hours(saturday) == ()
    assert find_hours(saturday, close_on_holidays=True) == ((540, 1080),)
    assert find_hours(date(2026, 5, 16), close_on_holidays=True) == ()


def test_special_day_stands_above_holidays():
    day = date(2026, 5, 1)
    assert find_hours(day, close_on_holidays=True, special={day: ((600, 700),)}) == ((600, 700),)
    assert Opening(Policy(), {day: ()}).find_hours(day) == ()


def test_what_begins_on_a_day_belongs_to_it():
    """Friday is cut, Saturday is closed; Friday's shift until two at night goes on."""
    friday = date(2026, 3, 6)
    opening = Opening(Policy(), {friday: ((1380, 60),), friday + timedelta(days=1): ()})
    friday_night = span(utc(2026, 3, 6, 14), utc(2026, 3, 6, 18))
    saturday = span(utc(2026, 3, 7, 2), utc(2026, 3, 7, 10))
    runs = Calendar(SHANGHAI, *friday_night).list_worked(opening, [friday_night, saturday])
    assert [run[:2] for run in runs] == [span(utc(2026, 3, 6, 15), utc(2026, 3, 6, 17))]


# -------------------------------------------------------------------------------------------------- offered to guests
@pytest.fixture
async def berlin(database, tenant_id, clock):
    diary = await Diary(tenant_id, clock, "Europe/Berlin").open()
    await diary.resource("room")
    return diary


async def offered(diary, day, **policy):
    """The UTC hours and minutes of what is offered from midnight until four."""
    if policy:
        await diary.policy(**policy)
    diary.monday = day
    clock_start = diary.at("00:00") - timedelta(days=1)
    diary.clock.set(clock_start)
    slots = await diary.list(await diary.service(kind="ROOM"), "00:00", "04:00")
    return [f"{slot.start:%d %H:%M}" for slot in slots]


async def test_spring_night_is_an_hour_shorter(berlin):
    found = await offered(berlin, SPRING)
    assert found[0] == "28 23:00"
    assert len(found) == 3 * 4


async def test_autumn_night_is_an_hour_longer(berlin):
    found = await offered(berlin, AUTUMN)
    assert found[0] == "24 22:00"
    assert len(found) == 5 * 4
    assert len(set(found)) == 5 * 4


async def test_hours_over_the_change(berlin):
    """Open from one to four: three hours on the wall, two in spring, four in autumn."""
    hours = {str(day): [["01:00", "04:00"]] for day in range(7)}
    assert await offered(berlin, SPRING, weekly_hours=hours) == [
        "29 00:00", "29 00:15", "29 00:30", "29 00:45", "29 01:00",
    ]  # fmt: skip
    assert len(await offered(berlin, AUTUMN)) == 3 * 4 + 1


async def test_shift_over_the_change_is_what_it_lasts(berlin):
    """From midnight to four in the autumn there are five hours to work."""
    berlin.monday = AUTUMN
    berlin.clock.set(berlin.at("00:00") - timedelta(days=1))
    await berlin.staff(("00:00", "04:00"))
    service = await berlin.service()
    assert len(await berlin.list(service)) == 4 * 4 + 1


async def test_month_in_which_the_clocks_go_back_is_a_month(berlin):
    service = await berlin.service()
    start = datetime(2026, 10, 1, tzinfo=BERLIN)
    end = datetime(2026, 11, 1, tzinfo=BERLIN)
    assert await berlin.list(service, start=start.astimezone(UTC), end=end.astimezone(UTC)) == ()


async def test_shanghai_knows_no_summer_time(database, tenant_id, clock):
    diary = await Diary(tenant_id, clock).open()
    await diary.resource("room")
    assert len(await offered(diary, SPRING)) == len(await offered(diary, AUTUMN)) == 4 * 4
