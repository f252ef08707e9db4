"""Calendar files: one entry a visit for ever, moved by its sequence, readable by whoever has the address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar
from salon import GUEST

from core.errors import Forbidden, NotFound
from core.ids import new_id
from core.keys import KeyRing
from core.reservations.calendars import find_calendar, find_feed, find_feed_name, sign_feed


async def read_entry(reservation):
    content = await find_calendar(reservation.calendar_key)
    [event] = Calendar.from_ical(content).walk("VEVENT")
    return event


async def read_feed(salon, staff_id=None):
    name = await find_feed_name(salon.runtime.keys, salon.staff, salon.store_id, staff_id)
    content = await find_feed(salon.runtime.keys, name, salon.clock.now())
    return Calendar.from_ical(content).walk("VEVENT")


async def test_entry_tells_when_and_where(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service), contact=GUEST)
    event = await read_entry(booked)
    assert (event["UID"], event["SEQUENCE"]) == (f"{booked.id}@hexiao", 0)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (booked.start, booked.end)
    assert (event["SUMMARY"], event["STATUS"]) == ("Cut · Lane 1", "CONFIRMED")


async def test_moved_keeps_its_uid_and_raises_the_sequence(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service, 5))
    moved = await salon.move(booked.id, salon.slot(service, 7))
    event = await read_entry(booked)
    assert (event["UID"], event["SEQUENCE"], event["DTSTART"].dt) == (f"{booked.id}@hexiao", 1, moved.start)


async def test_cancelled_stays_readable(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service, 5))
    await salon.cancel(booked.id)
    event = await read_entry(booked)
    assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)


async def test_nothing_personal_in_the_guests_file(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service), contact=GUEST, note="allergic to nuts")
    content = await find_calendar(booked.calendar_key)
    assert b"Lin" not in content
    assert b"8000" not in content
    assert b"nuts" not in content


async def test_unknown_address(database):
    assert await find_calendar("c" * 43) is None


async def test_feed_of_the_store_and_of_one_person(salon):
    service = await salon.add_service()
    bert = await salon.add_member()
    await salon.book(salon.slot(service), contact=GUEST)
    await salon.book(salon.slot(service, 3, bert), salon.staff)
    assert [event["SUMMARY"] for event in await read_feed(salon)] == ["Cut · Lin", "Cut · Lane 1"]
    assert len(await read_feed(salon, bert)) == 1


async def test_feed_begins_a_month_ago(salon):
    service = await salon.add_service()
    await salon.book(salon.slot(service))
    salon.clock.advance(timedelta(days=29))
    assert len(await read_feed(salon)) == 1
    salon.clock.advance(timedelta(days=2))
    assert await read_feed(salon) == []


async def test_forged_feed(salon):
    other = KeyRing("another secret key, just as long as the first")
    for name in ("", "nonsense", "预约", sign_feed(other, salon.tenant_id, salon.store_id)):
        assert await find_feed(salon.runtime.keys, name, salon.clock.now()) is None


async def test_feeds_are_for_staff(salon):
    with pytest.raises(Forbidden):
        await find_feed_name(salon.runtime.keys, salon.customer, salon.store_id, None)
    with pytest.raises(NotFound):
        await find_feed_name(salon.runtime.keys, salon.staff, salon.store_id, new_id())
