"""What platforms are told: how bookings go on here, and our own reservations; and no echo of it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hall import Booked, Hall, S, open_hall
from salon import MORNING

from core.channels.contract import (
    BookingRefused,
    ChannelUnavailable,
    OutcomeUnknown,
    ReservationBehaviour,
)
from core.db.statements import as_uuid, execute
from core.reservations.channel.links import LinkInput, link_service, list_links, unlink_service
from core.reservations.visits.check_in import CheckInInput, check_in_reservation
from core.reservations.visits.no_shows import mark_no_shows
from core.settings import Settings

TEN, ELEVEN = (MORNING + timedelta(hours=each) for each in (1, 2))


@pytest.fixture
async def booked(database: Settings) -> AsyncIterator[Booked]:
    async with open_hall(database) as opened:
        yield opened


async def _import(booked: Booked) -> str:
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    [code] = await booked.salon.list("reservation", "code")
    return str(code)


async def _find_own(booked: Booked) -> object:
    [found] = await booked.salon.list("reservation", "id")
    return as_uuid(found)


# ------------------------------------------------------------------------------------------------------------ reporting
async def test_check_in_is_reported_once(booked):
    code = await _import(booked)
    wanted = CheckInInput(booked.salon.store_id, booked.salon.key(), code=code)
    await check_in_reservation(booked.salon.runtime, booked.salon.staff, wanted)
    await booked.work()
    assert booked.hall.calls == [("report", "b1", S.ARRIVED)]
    await booked.sync()
    await booked.work()
    assert [call for call in booked.hall.calls if call[0] == "report"] == [("report", "b1", S.ARRIVED)]


async def test_our_cancellation_is_reported(booked):
    await _import(booked)
    await booked.salon.cancel(await _find_own(booked), booked.salon.staff)
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.CANCELLED
    await booked.sync()
    assert await booked.visits() == [("CANCELLED_BY_STORE", 1.0)]


async def test_no_show_is_reported(booked):
    await _import(booked)
    booked.salon.clock.advance(timedelta(hours=5))
    await mark_no_shows(booked.salon.runtime)
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.NO_SHOW


async def test_platform_that_cannot_be_told_needs_a_person(booked, monkeypatch):
    monkeypatch.setattr(Hall, "behaviour", ReservationBehaviour(awaits_decision=True, takes_ours=True))
    await _import(booked)
    await booked.salon.cancel(await _find_own(booked), booked.salon.staff)
    await booked.work()
    assert booked.hall.calls == []
    assert await booked.outcome("b1") == ("CONFLICT", "CANNOT_REPORT")
    await booked.take(booked.hall.change("b1", status=S.CANCELLED))
    assert await booked.outcome("b1") == ("ENDED", None)


async def test_refused_report_needs_a_person(booked):
    await _import(booked)
    await booked.salon.cancel(await _find_own(booked), booked.salon.staff)

    async def refuse(*_: object, **__: object) -> BookingRefused:
        return BookingRefused("too late", "1234")

    booked.hall.report = refuse
    await booked.work()
    assert await booked.told() == [("REPORT", "REFUSED")]
    assert await booked.outcome("b1") == ("CONFLICT", "REFUSED_BY_CHANNEL")


async def test_nothing_is_told_for_ever(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    await execute("UPDATE booking_message SET attempts = 60")
    booked.hall.break_next(ChannelUnavailable("down"))
    await booked.work()
    assert await booked.told() == [("DECIDE", "FAILED")]
    assert await booked.outcome("b1") == ("CONFLICT", "CHANNEL_UNAVAILABLE")


# ----------------------------------------------------------------------------------------------------------------- ours
async def test_ours_is_placed_and_comes_back_as_itself(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.work()
    [placed] = booked.hall.bookings.values()
    assert (placed.token, placed.start, placed.service_reference) == (str(made.id), TEN, "cut")
    await booked.sync()
    assert await booked.visits() == [("CONFIRMED", 1.0)]
    assert await booked.salon.list("channel_booking", "origin", "outcome") == [("OURS", "PLACED")]


async def test_ours_of_a_service_without_link_stays_here(booked):
    other = await booked.salon.add_service()
    await booked.salon.book(booked.salon.slot(other, 1))
    await booked.work()
    assert booked.hall.calls == []


async def test_lost_placing_is_found_by_its_token(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    booked.hall.break_next(OutcomeUnknown("no answer"), after=True)
    await booked.work()
    await booked.sync()
    assert await booked.visits() == [("CONFIRMED", 1.0)]
    await booked.work()
    assert len(booked.hall.bookings) == 1
    assert [call[0] for call in booked.hall.calls].count("place") == 1
    assert await booked.told() == [("PLACE", "DONE")]


async def test_ours_is_moved_there(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.work()
    await booked.salon.move(made.id, booked.salon.slot(booked.service, 2), booked.salon.staff)
    await booked.sync()
    assert await booked.visits() == [("CONFIRMED", 2.0)]
    await booked.work()
    assert [each.start for each in booked.hall.bookings.values()] == [ELEVEN]
    await booked.sync()
    assert await booked.visits() == [("CONFIRMED", 2.0)]


async def test_ours_is_cancelled_there(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.work()
    await booked.salon.cancel(made.id, booked.salon.staff)
    await booked.work()
    assert [each.status for each in booked.hall.bookings.values()] == [S.CANCELLED]


async def test_ours_cancelled_before_it_got_there_never_gets_there(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.salon.cancel(made.id, booked.salon.staff)
    await booked.work()
    assert booked.hall.bookings == {}


async def test_ours_cancelled_while_nobody_knows_whether_it_got_there(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    booked.hall.break_next(OutcomeUnknown("no answer"), after=True)
    await booked.work()
    await booked.salon.cancel(made.id, booked.salon.staff)
    booked.salon.clock.advance(timedelta(minutes=5))
    await booked.work()
    assert [each.status for each in booked.hall.bookings.values()] == [S.CANCELLED]


async def test_guest_moves_ours_there(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.work()
    [reference] = booked.hall.bookings
    booked.hall.change(reference, start=ELEVEN)
    await booked.sync()
    await booked.work()
    assert await booked.visits() == [("CONFIRMED", 2.0)]
    assert [call[0] for call in booked.hall.calls].count("move") == 0


async def test_guest_cancels_ours_there(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.work()
    [reference] = booked.hall.bookings
    booked.hall.change(reference, status=S.CANCELLED)
    await booked.sync()
    assert await booked.visits() == [("CANCELLED_BY_CUSTOMER", 1.0)]


# -------------------------------------------------------------------------------------------------------------- linking
async def test_linking_places_what_is_coming(booked):
    salon, account = booked.salon, booked.account.account_id
    other = await salon.add_service()
    await salon.book(salon.slot(other, 1))
    await booked.work()
    made = await link_service(
        salon.runtime, salon.owner, LinkInput(account, salon.store_id, "trim", other.id)
    )
    await booked.work()
    assert [each.service_reference for each in booked.hall.bookings.values()] == ["trim"]
    assert made in await list_links(salon.owner, account)
    await unlink_service(salon.runtime, salon.owner, made.id)
    assert made not in await list_links(salon.owner, account)


async def test_linking_again_corrects(booked):
    salon, account = booked.salon, booked.account.account_id
    other = await salon.add_service()
    await link_service(salon.runtime, salon.owner, LinkInput(account, salon.store_id, "cut", other.id))
    assert [link.service_id for link in await list_links(salon.owner, account)] == [other.id]


# -------------------------------------------------------------------------------------------------------------- reading
async def test_list_is_read_to_its_end(booked):
    for number in range(5):
        booked.hall.put(f"b{number}", S.CONFIRMED, MORNING + timedelta(hours=number + 1))
    assert await booked.sync() == 1
    assert len(await booked.visits()) == 5
    [finished] = await booked.salon.list("booking_sync", "finished_at")
    assert finished is not None


async def test_broken_list_is_not_finished_and_comes_again(booked):
    booked.hall.put("b1", S.CONFIRMED, TEN)
    booked.hall.break_next(ChannelUnavailable("down"))
    assert await booked.sync() == 0
    assert await booked.salon.list("booking_sync", "finished_at", "attempts") == [(None, 1)]
    assert await booked.sync() == 1
    assert await booked.visits() == [("CONFIRMED", 1.0)]


async def test_list_is_not_read_all_the_time(booked):
    await booked.sync()
    before = len(booked.hall.calls)
    from core.reservations.channel.sync import sync_bookings

    await sync_bookings(booked.salon.runtime)
    assert len(booked.hall.calls) == before


async def test_booking_left_out_of_the_list_is_asked_for(booked):
    booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.sync()
    booked.hall.change("b1", status=S.CANCELLED)
    booked.hall.hidden.add("b1")
    await booked.sync()
    assert await booked.visits() == [("CANCELLED_BY_CUSTOMER", 1.0)]


async def test_booking_that_is_gone_is_for_a_person(booked):
    booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.sync()
    kept = booked.hall.bookings.pop("b1")
    await booked.sync()
    assert await booked.outcome("b1") == ("CONFLICT", "GONE")
    assert await booked.visits() == [("CONFIRMED", 1.0)]
    booked.hall.bookings["b1"] = kept
    booked.hall.change("b1")
    await booked.sync()
    assert await booked.outcome("b1") == ("PLACED", None)


async def test_delivery_is_looked_up(booked):
    from core.work.inbox import handle_inbox

    booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.salon.add(
        "inbox_event", account_id=booked.account.account_id, event_id="e1", kind="booking.changed", subject="b1",
        next_attempt_at=booked.salon.clock.now(), attempts=0, raw={},
    )  # fmt: skip
    booked.hall.break_next(ChannelUnavailable("down"))
    await handle_inbox(booked.salon.runtime)
    assert await booked.visits() == []
    booked.salon.clock.advance(timedelta(minutes=1))
    assert await handle_inbox(booked.salon.runtime) == 1
    assert await booked.visits() == [("CONFIRMED", 1.0)]
    assert booked.hall.calls[-1] == ("find", "b1")
