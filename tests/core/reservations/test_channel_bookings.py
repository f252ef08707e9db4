"""Bookings of a platform: in the same calendar, once, whatever comes first; and nobody is booked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hall import Booked, S, open_hall
from salon import MORNING

from core.access.privacy import open_phone
from core.channels.contract import ChannelUnavailable, OutcomeUnknown
from core.db.statements import as_uuid, execute, fetch_row
from core.reservations.channel.conflicts import list_conflicts, resolve_conflict
from core.reservations.channel.values import ConflictReason, Noted
from core.reservations.values import ReservationErrorCode, ReservationStatus, ServiceKind
from core.settings import Settings

NINE, TEN, ELEVEN, NOON = (MORNING + timedelta(hours=each) for each in range(4))


@pytest.fixture
async def booked(database: Settings) -> AsyncIterator[Booked]:
    async with open_hall(database) as opened:
        yield opened


# ------------------------------------------------------------------------------------------------------------- arriving
async def test_confirmed_booking_takes_time(booked):
    booking = booked.hall.put(
        "b1", S.CONFIRMED, TEN, customer_name="Lin", phone="+8613800138000", note="window seat"
    )
    assert await booked.take(booking) is Noted.CREATED
    [row] = await booked.salon.list(
        "reservation", "source_channel", "external_id", "contact_name", "phone_tail", "note", "status"
    )
    assert row == ("hall", "b1", "Lin", "8000", "window seat", "CONFIRMED")
    assert await booked.salon.taken() == ["CONFIRMED"]
    assert await booked.outcome("b1") == ("PLACED", None)
    problem = await booked.salon.book(booked.salon.slot(booked.service, 1))
    assert problem.code is ReservationErrorCode.SLOT_TAKEN


async def test_phone_is_sealed_to_the_reservation(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, phone="+8613800138000"))
    row = await fetch_row("SELECT id, phone_sealed, customer_id FROM reservation")
    keys, tenant = booked.salon.runtime.keys, booked.salon.tenant_id
    assert open_phone(keys, tenant, row["id"], bytes(row["phone_sealed"])) == "+8613800138000"
    assert row["customer_id"] is not None


async def test_hidden_phone_is_nobody_known(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, phone="138****8000", customer_name="L*"))
    row = await fetch_row("SELECT phone_sealed, customer_id, contact_name FROM reservation")
    assert (row["phone_sealed"], row["customer_id"], row["contact_name"]) == (None, None, "L*")


async def test_repeat_changes_nothing(booked):
    booking = booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.take(booking)
    before = await booked.salon.snapshot()
    assert await booked.take(booking) is Noted.UNCHANGED
    assert await booked.salon.snapshot() == before


async def test_ten_at_once_are_one(booked):
    booking = booked.hall.put("b1", S.CONFIRMED, TEN)
    await asyncio.gather(*(booked.take(booking) for _ in range(10)))
    assert await booked.visits() == [("CONFIRMED", 1.0)]


async def test_older_state_is_left_aside(booked):
    old = booked.hall.put("b1", S.CONFIRMED, TEN)
    new = booked.hall.change("b1", start=ELEVEN)
    await booked.take(new)
    assert await booked.take(old) is Noted.UNCHANGED
    assert await booked.visits() == [("CONFIRMED", 2.0)]


async def test_booking_of_an_unbound_store_is_left_alone(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, external_store_id="elsewhere"))
    assert await booked.salon.count("channel_booking") == 0
    assert await booked.salon.count("reservation") == 0


async def test_linked_person_is_booked(booked):
    bella = await booked.salon.add_member()
    await booked.link("t7", bella, "STAFF")
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, staff_reference="t7"))
    assert [str(each) for each in await booked.salon.list("reservation", "staff_id")] == [str(bella)]


async def test_class_seats_are_taken(booked):
    service = await booked.salon.add_service(ServiceKind.GROUP_CLASS)
    slot = await booked.salon.add_class(service, capacity=3, hour=3)
    await booked.link("yoga", service.id)
    await booked.take(booked.hall.put("b1", S.CONFIRMED, NOON, service_reference="yoga", party_size=2))
    await booked.take(booked.hall.put("b2", S.CONFIRMED, NOON, service_reference="yoga", party_size=2))
    assert await booked.salon.seats(slot) == 2
    assert await booked.outcome("b2") == ("CONFLICT", "CLASS_FULL")


# ------------------------------------------------------------------------------------------------------------- deciding
async def test_request_is_placed_then_accepted(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    assert booked.hall.calls == []
    assert await booked.told() == [("DECIDE", "DUE")]
    await booked.work()
    assert booked.hall.calls == [("decide", "b1", True)]
    assert booked.hall.bookings["b1"].status is S.CONFIRMED
    assert await booked.visits() == [("CONFIRMED", 1.0)]


async def test_request_that_does_not_fit_is_rejected(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.REJECTED
    assert await booked.salon.count("reservation", "external_id IS NOT NULL") == 0
    assert await booked.outcome("b1") == ("REFUSED", "SLOT_TAKEN")


async def test_request_outside_of_hours_is_rejected(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, MORNING + timedelta(hours=13)))
    await booked.work()
    assert booked.hall.calls == [("decide", "b1", False)]
    assert await booked.outcome("b1") == ("REFUSED", "OUTSIDE_HOURS")


async def test_lost_yes_is_looked_at(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    booked.hall.break_next(OutcomeUnknown("no answer"), after=True)
    await booked.work()
    assert await booked.told() == [("DECIDE", "SENDING")]
    booked.salon.clock.advance(timedelta(minutes=2))
    await booked.work()
    assert [call[0] for call in booked.hall.calls] == ["decide", "find"]
    assert await booked.told() == [("DECIDE", "DONE")]


async def test_lost_yes_that_never_arrived_is_sent_again(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    booked.hall.break_next(OutcomeUnknown("no answer"))
    await booked.work()
    booked.salon.clock.advance(timedelta(minutes=2))
    await booked.work()
    assert [call[0] for call in booked.hall.calls] == ["decide", "find", "decide"]
    assert booked.hall.bookings["b1"].status is S.CONFIRMED


async def test_crash_after_placing_is_repaired_by_the_sweep(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    # The process dies while the yes is on its way.
    await execute("UPDATE booking_message SET state = 'SENDING', attempts = 1")
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.CONFIRMED
    assert await booked.told() == [("DECIDE", "DONE")]


async def test_unreachable_platform_is_told_later(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    booked.hall.break_next(ChannelUnavailable("down"))
    await booked.work()
    assert await booked.told() == [("DECIDE", "DUE")]
    booked.salon.clock.advance(timedelta(minutes=1))
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.CONFIRMED


async def test_yes_to_what_the_guest_has_cancelled(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN))
    booked.hall.change("b1", status=S.CANCELLED)
    await booked.work()
    assert await booked.visits() == [("CANCELLED_BY_CUSTOMER", 1.0)]
    assert await booked.outcome("b1") == ("ENDED", None)
    assert await booked.salon.taken() == ["RELEASED"]


# ------------------------------------------------------------------------------------------------------------ conflicts
async def test_confirmed_but_taken_is_kept_for_a_person(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, customer_name="Lin", phone="+8613800138000"))
    [conflict] = await list_conflicts(booked.salon.staff, booked.salon.store_id)
    assert (conflict.reason, conflict.start, conflict.contact_name, conflict.phone_tail) == (
        ConflictReason.SLOT_TAKEN, TEN, "Lin", "8000",
    )  # fmt: skip
    assert await booked.salon.count("reservation") == 1


async def test_another_person_is_tried_first(booked):
    bella = await booked.salon.add_member()
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    [staff] = await booked.salon.list("reservation", "staff_id", where="external_id = 'b1'")
    assert str(staff) == str(bella)


async def test_conflict_is_placed_once_there_is_room(booked):
    made = await booked.salon.book(booked.salon.slot(booked.service, 1))
    booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.sync()
    assert await booked.outcome("b1") == ("CONFLICT", "SLOT_TAKEN")
    await booked.salon.cancel(made.id, booked.salon.staff)
    await booked.sync()
    assert await booked.outcome("b1") == ("PLACED", None)


async def test_unmapped_waits_for_its_link(booked):
    booking = booked.hall.put("b1", S.REQUESTED, TEN, service_reference="nails")
    await booked.take(booking)
    assert await booked.outcome("b1") == ("CONFLICT", "UNMAPPED")
    assert await booked.told() == []
    await booked.link("nails", booked.service.id)
    await booked.sync()
    await booked.work()
    assert await booked.outcome("b1") == ("PLACED", None)
    assert booked.hall.bookings["b1"].status is S.CONFIRMED


async def test_star_links_what_has_no_other_link(booked):
    await booked.link("*", booked.service.id)
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN, service_reference=None))
    assert await booked.visits() == [("CONFIRMED", 1.0)]


async def test_dismissed_request_is_rejected_at_the_platform(booked):
    await booked.take(booked.hall.put("b1", S.REQUESTED, TEN, service_reference="nails"))
    [conflict] = await list_conflicts(booked.salon.staff, booked.salon.store_id)
    resolved = await resolve_conflict(booked.salon.runtime, booked.salon.staff, conflict.id, "no nails here")
    assert (resolved.resolved, resolved.resolution) == (True, "no nails here")
    await booked.work()
    assert booked.hall.bookings["b1"].status is S.REJECTED
    assert await list_conflicts(booked.salon.staff, booked.salon.store_id) == ()


async def test_resolved_stays_resolved(booked):
    await booked.salon.book(booked.salon.slot(booked.service, 1))
    booked.hall.put("b1", S.CONFIRMED, TEN)
    await booked.sync()
    [conflict] = await list_conflicts(booked.salon.staff, booked.salon.store_id)
    await resolve_conflict(booked.salon.runtime, booked.salon.staff, conflict.id, "called the guest")
    await booked.sync()
    assert await booked.outcome("b1") == ("RESOLVED", "SLOT_TAKEN")


# ------------------------------------------------------------------------------------------------------------ following
async def test_moved_there_is_moved_here(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    [before] = await booked.salon.list("reservation", "id")
    await booked.take(booked.hall.change("b1", start=TEN + timedelta(minutes=30)))
    assert await booked.visits() == [("CONFIRMED", 1.5)]
    assert await booked.salon.list("reservation", "id") == [before]
    assert sorted(await booked.salon.taken()) == ["CONFIRMED", "MOVED"]


async def test_moved_to_a_taken_time_stays_and_is_told(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    await booked.salon.book(booked.salon.slot(booked.service, 3))
    await booked.take(booked.hall.change("b1", start=NOON))
    assert ("CONFIRMED", 1.0) in await booked.visits()
    assert await booked.outcome("b1") == ("CONFLICT", "SLOT_TAKEN")


async def test_conflict_ends_when_a_person_moves_it(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    other = await booked.salon.book(booked.salon.slot(booked.service, 3))
    await booked.take(booked.hall.change("b1", start=NOON))
    await booked.salon.cancel(other.id, booked.salon.staff)
    [own] = await booked.salon.list("reservation", "id", where="external_id = 'b1'")
    moved = await booked.salon.move(as_uuid(own), booked.salon.slot(booked.service, 3), booked.salon.staff)
    assert moved.status is ReservationStatus.CONFIRMED
    await booked.work()
    assert await booked.outcome("b1") == ("PLACED", None)


async def test_cancelled_there_is_cancelled_here(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    await booked.take(booked.hall.change("b1", status=S.CANCELLED))
    assert await booked.visits() == [("CANCELLED_BY_CUSTOMER", 1.0)]
    assert await booked.salon.taken() == ["RELEASED"]
    await booked.work()
    assert booked.hall.calls == []


async def test_cancelled_before_it_was_known(booked):
    await booked.take(booked.hall.put("b1", S.CANCELLED, TEN))
    assert await booked.salon.count("reservation") == 0
    assert await booked.outcome("b1") == ("ENDED", None)


@pytest.mark.parametrize(
    ("status", "ours"), [(S.ARRIVED, "CHECKED_IN"), (S.COMPLETED, "COMPLETED"), (S.NO_SHOW, "NO_SHOW")]
)
async def test_visit_is_followed(booked, status, ours):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    await booked.take(booked.hall.change("b1", status=status))
    assert await booked.visits() == [(ours, 1.0)]
    await booked.work()
    assert booked.hall.calls == []


async def test_arrived_before_it_was_known(booked):
    await booked.take(booked.hall.put("b1", S.ARRIVED, NINE))
    assert await booked.visits() == [("CHECKED_IN", 0.0)]


async def test_unknown_word_is_no_success(booked):
    await booked.take(booked.hall.put("b1", S.UNRECOGNISED, TEN))
    assert await booked.salon.count("reservation") == 0
    assert await booked.outcome("b1") == ("CONFLICT", "UNRECOGNISED")
    await booked.take(booked.hall.change("b1", status=S.CONFIRMED))
    assert await booked.visits() == [("CONFIRMED", 1.0)]


async def test_reopened_booking_is_for_a_person(booked):
    await booked.take(booked.hall.put("b1", S.CONFIRMED, TEN))
    await booked.take(booked.hall.change("b1", status=S.CANCELLED))
    await booked.take(booked.hall.change("b1", status=S.CONFIRMED))
    assert await booked.visits() == [("CANCELLED_BY_CUSTOMER", 1.0)]
    assert await booked.outcome("b1") == ("CONFLICT", "REOPENED")
