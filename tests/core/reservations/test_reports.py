"""How a calendar was used, in rows ready to plot."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import BadInput, Forbidden
from core.ids import new_id
from core.reservations.reports import ReportBy, Visit, _Tally, add_shift, add_visit, report_reservations
from core.reservations.visits.check_in import CheckInInput, check_in_reservation
from core.reservations.visits.no_shows import mark_no_shows
from core.reservations.visits.ratings import rate_reservation
from core.reservations.visits.settling import SettleInput, settle_reservation

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


async def report(salon, by, since=MONDAY, until=TUESDAY, actor=None):
    rows = await report_reservations(actor or salon.owner, salon.store_id, since, until, by)
    return {row.label: row for row in rows}


@pytest.fixture
async def busy(salon):
    """Monday: one came (and gave four stars), one did not, one cancelled. Tuesday: one is booked."""
    service = await salon.add_service()
    came = await salon.book(salon.slot(service, 1))
    await salon.book(salon.slot(service, 3))
    gone = await salon.book(salon.slot(service, 9))
    await salon.cancel(gone.id)
    await salon.book(salon.slot(service, 26))
    shown = CheckInInput(salon.store_id, salon.key(), code=came.code)
    await check_in_reservation(salon.runtime, salon.staff, shown)
    await settle_reservation(salon.runtime, salon.staff, SettleInput(came.id, salon.key()))
    await rate_reservation(salon.runtime, salon.customer, came.id, 4, None)
    salon.clock.advance(timedelta(hours=8))
    await mark_no_shows(salon.runtime)
    return salon


async def test_by_day(busy):
    rows = await report(busy, ReportBy.DAY)
    monday, tuesday = rows["2026-11-23"], rows["2026-11-24"]
    assert (monday.booked, monday.cancelled, monday.came, monday.no_shows) == (2, 1, 1, 1)
    assert (monday.minutes_booked, monday.minutes_offered, monday.minutes_came) == (120, 720, 60)
    assert (monday.booking_rate, monday.utilisation) == (0.1667, 0.0833)
    assert (monday.check_in_rate, monday.no_show_rate, monday.average_stars) == (0.5, 0.5, 4.0)
    assert (tuesday.booked, tuesday.check_in_rate, tuesday.average_stars) == (1, None, None)


async def test_lead_time_is_the_median(busy):
    rows = await report(busy, ReportBy.DAY, until=MONDAY)
    assert rows["2026-11-23"].lead_hours == 2.0


async def test_by_staff_and_service_with_names(busy):
    [staff] = (await report(busy, ReportBy.STAFF)).values()
    [service] = (await report(busy, ReportBy.SERVICE)).values()
    assert (staff.label, staff.booked, staff.minutes_offered) == ("Anna", 3, 1440)
    assert (service.label, service.booked, service.minutes_offered) == ("Cut", 3, None)


async def test_by_hour_of_the_store(busy):
    rows = await report(busy, ReportBy.HOUR)
    assert {hour: row.booked for hour, row in rows.items() if row.booked} == {"10": 1, "11": 1, "12": 1}
    assert {row.minutes_offered for row in rows.values()} == {120}


async def test_by_source(busy):
    assert [*(await report(busy, ReportBy.SOURCE))] == ["house"]


async def test_other_days_stay_out(busy):
    assert await report(busy, ReportBy.DAY, date(2026, 11, 20), date(2026, 11, 22)) == {}


@pytest.mark.parametrize(("since", "until"), [(TUESDAY, MONDAY), (MONDAY, MONDAY + timedelta(days=366))])
async def test_wrong_days(salon, since, until):
    with pytest.raises(BadInput):
        await report(salon, ReportBy.DAY, since, until)


async def test_staff_need_the_scope(salon):
    with pytest.raises(Forbidden):
        await report(salon, ReportBy.DAY, actor=salon.staff)


def make_visit(start, minutes, status="COMPLETED"):
    return Visit(start, start + timedelta(minutes=minutes), start, status, new_id(), None, (), "house", None)


def test_minutes_lie_where_they_lie():
    """From 23:30 to 00:45: half an hour of one day, three quarters of the next."""
    tallies = defaultdict(_Tally)
    add_visit(tallies, make_visit(datetime(2026, 11, 23, 23, 30, tzinfo=SHANGHAI), 75), ReportBy.DAY)
    assert {key: tally.minutes_booked for key, tally in tallies.items()} == {
        "2026-11-23": 30,
        "2026-11-24": 45,
    }
    assert {key: tally.booked for key, tally in tallies.items()} == {"2026-11-23": 1, "2026-11-24": 0}


def test_hours_of_a_short_day():
    """Berlin, 29 March 2026: there is no hour between two and three."""
    tallies = defaultdict(_Tally)
    day = [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)]
    add_shift(tallies, new_id(), *day, ReportBy.HOUR)
    assert len(tallies) == 23
    assert "02" not in tallies
    assert sum(tally.minutes_offered for tally in tallies.values()) == 23 * 60
