"""Scheduling classes, which takes everything they need or nothing, and cancelling them for everybody."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from salon import GUEST, MORNING

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.db.statements import execute
from core.errors import Forbidden, NotFound
from core.reservations.guard import Span
from core.reservations.setup.classes import cancel_class, cancel_class_bookings, list_classes, schedule_class
from core.reservations.setup.resources import update_resource
from core.reservations.setup.services import update_service
from core.reservations.setup.staff import update_staff_member
from core.reservations.values import (
    ReservationErrorCode,
    ReservationStatus,
    ServiceKind,
)

TEN = MORNING + timedelta(hours=1)
DAY = Span(MORNING, MORNING + timedelta(days=1))


def read_problems(answer):
    return [(problem.code.value, ".".join(problem.field)) for problem in answer]


@pytest.fixture
async def yoga(salon):
    return await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3)


async def schedule(salon, service, start=TEN, staff_id=None, capacity=None, actor=None):
    return await schedule_class(salon.runtime, actor or salon.owner, service.id, start, staff_id, capacity)


async def cancel(salon, session_id, reason="Teacher ill", actor=None):
    return await cancel_class(salon.runtime, actor or salon.owner, session_id, reason)


# ------------------------------------------------------------------------------------------------ scheduling
async def test_class_is_scheduled(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    assert (view.start, view.end, view.staff_id) == (TEN, TEN + timedelta(hours=1), salon.anna)
    assert (view.slot.session_id, view.slot.seats) == (view.id, 3)
    assert await list_classes(salon.customer, salon.store_id, DAY) == (view,)
    assert await salon.list("booking_allocation", "owner_kind", "taken_kind") == [("SESSION", "STAFF")]
    assert await salon.count("audit_entry", "action = 'scheduleClass'") == 1


async def test_class_can_be_booked(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna, capacity=1)
    booked = await salon.book(view.slot)
    assert booked.session_id == view.id
    full = await salon.book(view.slot, await salon.enlist())
    assert full.code is ReservationErrorCode.CLASS_FULL


async def test_class_takes_buffers_and_a_room(salon):
    room = await salon.add_room(capacity=10)
    await salon.add_room(capacity=20)
    service = await salon.add_service(
        ServiceKind.GROUP_CLASS, capacity=3, required_resource_kinds=["room"], buffer_after_minutes=15
    )
    view = await schedule(salon, service, staff_id=salon.anna)
    assert view.resource_ids == (room,)
    ends = await salon.list("booking_allocation", "end_at")
    assert len(ends) == 2
    early = await schedule(salon, service, view.end + timedelta(minutes=14), salon.anna)
    assert read_problems(early) == [("CONFLICT", "staffId")]
    assert not isinstance(await schedule(salon, service, view.end + timedelta(minutes=15), salon.anna), list)


async def test_smallest_room_that_fits_all(salon):
    await salon.add_room(capacity=2)
    large = await salon.add_room(capacity=30)
    fitting = await salon.add_room(capacity=12)
    service = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=10, required_resource_kinds=["room"])
    assert (await schedule(salon, service)).resource_ids == (fitting,)
    assert (await schedule(salon, service, staff_id=salon.anna)).resource_ids == (large,)


async def test_no_room_left(salon):
    await salon.add_room()
    service = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3, required_resource_kinds=["room"])
    other = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3, required_resource_kinds=["room"])
    await schedule(salon, service)
    refused = await schedule(salon, other, TEN + timedelta(minutes=30))
    assert read_problems(refused) == [("CONFLICT", "")]
    assert "room" in refused[0].message("en")
    assert await salon.count("class_session") == await salon.count("booking_allocation") == 1


async def test_busy_teacher(salon, yoga):
    service = await salon.add_service()
    await salon.book(salon.slot(service))
    refused = await schedule(salon, yoga, TEN + timedelta(minutes=30), salon.anna)
    assert read_problems(refused) == [("CONFLICT", "staffId")]
    assert await salon.count("class_session") == 0
    assert await salon.taken() == ["CONFIRMED"] * 2


async def test_teacher_of_a_class_is_taken(salon, yoga):
    await schedule(salon, yoga, staff_id=salon.anna)
    service = await salon.add_service()
    assert (await salon.book(salon.slot(service))).code is ReservationErrorCode.SLOT_TAKEN


async def test_hold_that_ran_out_gives_way(salon, yoga):
    service = await salon.add_service()
    await salon.hold(salon.slot(service))
    salon.clock.advance(timedelta(minutes=6))
    view = await schedule(salon, yoga, staff_id=salon.anna)
    assert view.staff_id == salon.anna


async def test_same_class_twice(salon, yoga):
    await schedule(salon, yoga)
    assert read_problems(await schedule(salon, yoga)) == [("CONFLICT", "start")]
    assert await salon.count("class_session") == 1


async def test_twenty_at_once_schedule_one(salon, yoga):
    answers = await asyncio.gather(*(schedule(salon, yoga, staff_id=salon.anna) for _ in range(20)))
    refused = [read_problems(answer) for answer in answers if isinstance(answer, list)]
    assert len(refused) == 19
    assert {code for problems in refused for code, _ in problems} == {"CONFLICT"}
    assert await salon.count("class_session") == await salon.count("booking_allocation") == 1


async def test_classes_at_once_share_the_rooms(salon):
    """Three rooms, five classes: three find one, whoever was faster."""
    rooms = {await salon.add_room() for _ in range(3)}
    services = [
        await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3, required_resource_kinds=["room"])
        for _ in range(5)
    ]
    answers = await asyncio.gather(*(schedule(salon, service) for service in services))
    scheduled = [answer for answer in answers if not isinstance(answer, list)]
    assert {view.resource_ids[0] for view in scheduled} == rooms
    assert len(scheduled) == 3


@pytest.mark.parametrize(
    ("kind", "start", "capacity", "code", "field"),
    [
        (ServiceKind.APPOINTMENT, TEN, None, "NOT_ALLOWED", "serviceId"),
        (ServiceKind.PICKUP, TEN, None, "NOT_ALLOWED", "serviceId"),
        (ServiceKind.GROUP_CLASS, MORNING - timedelta(minutes=1), None, "TOO_SMALL", "start"),
        (ServiceKind.GROUP_CLASS, TEN, 0, "TOO_SMALL", "capacity"),
        (ServiceKind.GROUP_CLASS, TEN, 501, "TOO_LARGE", "capacity"),
    ],
)
async def test_wrong_class_is_named(salon, kind, start, capacity, code, field):
    service = await salon.add_service(kind)
    assert read_problems(await schedule(salon, service, start, capacity=capacity)) == [(code, field)]
    assert await salon.count("class_session") == 0


async def test_teacher_must_be_able_and_there(salon):
    service = await salon.add_service(ServiceKind.GROUP_CLASS, required_skills=["yoga"])
    unable = await schedule(salon, service, staff_id=salon.anna)
    assert read_problems(unable) == [("NOT_ALLOWED", "staffId")]
    await update_staff_member(salon.owner, salon.anna, {"skills": ("yoga",), "active": False})
    left = await schedule(salon, service, staff_id=salon.anna)
    assert read_problems(left) == [("NOT_FOUND", "staffId")]


async def test_retired_service_and_room(salon):
    room = await salon.add_room()
    service = await salon.add_service(ServiceKind.GROUP_CLASS, required_resource_kinds=["room"])
    await update_resource(salon.owner, room, {"active": False})
    assert read_problems(await schedule(salon, service)) == [("CONFLICT", "")]
    await update_service(salon.owner, service.id, {"active": False})
    assert read_problems(await schedule(salon, service)) == [("NOT_ALLOWED", "serviceId")]


async def test_classes_are_managements(salon, yoga):
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    view = await schedule(salon, yoga)
    for actor, fault in ((rival, NotFound), (salon.staff, Forbidden), (salon.customer, Forbidden)):
        with pytest.raises(fault):
            await schedule(salon, yoga, TEN + timedelta(hours=2), actor=actor)
        with pytest.raises(fault):
            await cancel(salon, view.id, actor=actor)
    assert await list_classes(salon.owner, salon.store_id, DAY) == (view,)


# ------------------------------------------------------------------------------------------------ cancelling
async def test_cancelling_frees_and_tells_everybody(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    first = await salon.book(view.slot)
    second = await salon.book(view.slot, await salon.enlist())
    cancelled = await cancel(salon, view.id)
    assert (cancelled.open, cancelled.cancel_reason) == (False, "Teacher ill")
    statuses = await salon.list("reservation", "id", "status", "cancel_reason")
    assert {status for _, status, _ in statuses} == {ReservationStatus.CANCELLED_BY_STORE.value}
    assert {reason for *_, reason in statuses} == {"Teacher ill"}
    assert len(statuses) == len({first.id, second.id})
    assert await salon.seats(view.slot) == 0
    assert await salon.count("booking_allocation", "state = 'CONFIRMED'") == 0


async def test_cancelled_class_cannot_be_booked(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    held = await salon.hold(view.slot)
    await cancel(salon, view.id)
    refused = await salon.book(view.slot)
    assert isinstance(refused.code, ReservationErrorCode)
    by_hold = await salon.book(None, hold_id=held.id)
    assert by_hold.code is ReservationErrorCode.HOLD_EXPIRED
    assert await salon.count("reservation") == 0


async def test_time_of_a_cancelled_class_is_free(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    await cancel(salon, view.id)
    again = await schedule(salon, yoga, staff_id=salon.anna)
    assert again.open
    assert [each.open for each in await list_classes(salon.owner, salon.store_id, DAY)] == [False, True]


async def test_guest_who_is_in_stays(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    inside = await salon.book(view.slot, contact=GUEST, actor=salon.staff)
    await execute("UPDATE reservation SET status = 'CHECKED_IN' WHERE id = $1", inside.id)
    await cancel(salon, view.id)
    assert await salon.list("reservation", "status") == ["CHECKED_IN"]


async def test_repeat_changes_nothing(salon, yoga):
    view = await schedule(salon, yoga, staff_id=salon.anna)
    await salon.book(view.slot)
    first = await cancel(salon, view.id)
    before = await salon.snapshot()
    assert await cancel(salon, view.id, "Another reason") == first
    assert await salon.snapshot() == before
    assert await salon.count("audit_entry", "action = 'cancelClass'") == 1


@pytest.mark.parametrize(("reason", "code"), [(" ", "REQUIRED"), ("r" * 201, "TOO_LONG")])
async def test_guests_are_owed_a_reason(salon, yoga, reason, code):
    view = await schedule(salon, yoga)
    assert read_problems(await cancel(salon, view.id, reason)) == [(code, "reason")]
    assert await list_classes(salon.owner, salon.store_id, DAY) == (view,)


async def test_what_a_crash_left_is_cancelled_later(salon, yoga, monkeypatch):
    """The class is closed in one commit, its bookings after it."""
    view = await schedule(salon, yoga, staff_id=salon.anna)
    await salon.book(view.slot)

    async def die(*_):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("core.reservations.setup.classes._cancel_bookings", die)
        with pytest.raises(ConnectionError):
            await cancel(salon, view.id)
    assert await salon.list("reservation", "status") == ["CONFIRMED"]
    assert await cancel_class_bookings(salon.runtime) == 1
    assert await salon.list("reservation", "status", "cancel_reason") == [
        ("CANCELLED_BY_STORE", "Teacher ill")
    ]
    assert await cancel_class_bookings(salon.runtime) == 0


async def test_pick_up_times_are_no_classes(salon):
    service = await salon.add_service(ServiceKind.PICKUP, capacity=3)
    booked = await salon.book(salon.slot(service))
    with pytest.raises(NotFound):
        await cancel(salon, booked.session_id)
    assert await list_classes(salon.owner, salon.store_id, DAY) == ()
