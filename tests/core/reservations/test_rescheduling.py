"""Moving: one transaction, the same reservation, and nothing changed where the new time cannot be had."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.access.values import Role
from core.db.statements import execute, fetch_row
from core.ids import new_id
from core.reservations.values import ReservationErrorCode, ReservationStatus, ReservationView, ServiceKind

CODE = ReservationErrorCode


async def read_reservation_row(made):
    row = await fetch_row("SELECT * FROM reservation WHERE id = $1", made.id)
    return {name: str(value) for name, value in row.items()}


async def test_moves_all_of_it(salon):
    service, other = await salon.add_service(), await salon.add_member()
    made = await salon.book(salon.slot(service, 3))
    moved = await salon.move(made.id, salon.slot(service, 6, other))
    assert (moved.id, moved.code, moved.calendar_key) == (made.id, made.code, made.calendar_key)
    assert (moved.start, moved.staff_id, moved.sequence, moved.version) == (
        made.start + timedelta(hours=3), other, 1, 2,
    )  # fmt: skip
    assert sorted(await salon.taken()) == ["CONFIRMED", "CONFIRMED", "MOVED", "MOVED"]
    assert await salon.list("reservation_revision", "version", "action") == [
        (1, "bookReservation"), (2, "rescheduleReservation"),
    ]  # fmt: skip
    assert isinstance(await salon.book(salon.slot(service, 3), await salon.enlist()), ReservationView)


async def test_may_overlap_its_own_time(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    room = await salon.add_room()
    made = await salon.book(salon.slot(service, 3, rooms=(room,)))
    moved = await salon.move(made.id, salon.slot(service, 3.5, rooms=(room,)))
    assert moved.start == made.start + timedelta(minutes=30)
    assert moved.resource_ids == (room,)


async def test_taken_time_changes_nothing(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await salon.book(salon.slot(service, 6), await salon.enlist())
    row, before = await read_reservation_row(made), await salon.snapshot()
    problem = await salon.move(made.id, salon.slot(service, 6.5))
    assert (problem.code, problem.field) == (CODE.SLOT_TAKEN, ("slotToken",))
    assert problem.suggestions
    assert (await read_reservation_row(made), await salon.snapshot()) == (row, before)
    assert set(await salon.taken()) == {"CONFIRMED"}


async def test_another_room_where_its_own_is_taken(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    one, two = await salon.add_room(), await salon.add_room()
    made = await salon.book(salon.slot(service, 3, rooms=(one,)))
    await salon.book(salon.slot(service, 6, rooms=(one,)), salon.staff)
    assert (await salon.move(made.id, salon.slot(service, 6, rooms=(one,)))).resource_ids == (two,)


async def test_own_other_visit_is_in_the_way(salon):
    service, other = await salon.add_service(), await salon.add_member()
    made = await salon.book(salon.slot(service, 3))
    await salon.book(salon.slot(service, 6))
    problem = await salon.move(made.id, salon.slot(service, 6, other))
    assert problem.code is CODE.OVERLAPS_OWN_RESERVATION


async def test_change_window_binds_customers(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    salon.clock.advance(3600)
    assert isinstance(await salon.move(made.id, salon.slot(service, 4)), ReservationView)
    salon.clock.advance(3601)
    problem = await salon.move(made.id, salon.slot(service, 6))
    assert (problem.code, problem.field, problem.values) == (
        CODE.OUTSIDE_CHANGE_WINDOW, ("reservationId",), {"minutes": 120},
    )  # fmt: skip
    for role in (Role.STAFF, Role.MANAGER):
        assert isinstance(
            await salon.move(made.id, salon.slot(service, 6), await salon.enlist(role)), ReservationView
        )


async def test_service_has_its_own_window(salon):
    service = await salon.add_service(change_minutes=240)
    made = await salon.book(salon.slot(service, 3))
    assert (await salon.move(made.id, salon.slot(service, 6))).code is CODE.OUTSIDE_CHANGE_WINDOW


async def test_other_service(salon):
    made = await salon.book(salon.slot(await salon.add_service(), 3))
    problem = await salon.move(made.id, salon.slot(await salon.add_service(), 6))
    assert (problem.code, problem.field) == (CODE.INVALID, ("slotToken",))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ReservationStatus.CHECKED_IN, CODE.INVALID),
        (ReservationStatus.COMPLETED, CODE.INVALID),
        (ReservationStatus.NO_SHOW, CODE.INVALID),
        (ReservationStatus.CANCELLED_BY_STORE, CODE.ALREADY_CANCELLED),
    ],
)
async def test_visit_that_is_not_open(salon, status, code):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await execute("UPDATE reservation SET status = $1 WHERE id = $2", status.value, made.id)
    problem = await salon.move(made.id, salon.slot(service, 6))
    assert (problem.code, problem.field) == (code, ("reservationId",))
    assert set(await salon.taken()) == {"CONFIRMED"}


async def test_unknown_and_somebody_elses(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    slot = salon.slot(service, 6)
    assert (await salon.move(new_id(), slot)).code is CODE.UNKNOWN_RESERVATION
    assert (await salon.move(made.id, slot, await salon.enlist())).code is CODE.UNKNOWN_RESERVATION


async def test_same_key_moves_once(salon):
    from core.reservations.rescheduling import reschedule_reservation

    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    token = salon.token(salon.slot(service, 6))
    answers = await asyncio.gather(
        *(reschedule_reservation(salon.runtime, salon.customer, made.id, token, "k") for _ in range(3))
    )
    assert {each.version for each in answers} == {2}
    assert sorted(await salon.taken()) == ["CONFIRMED", "CONFIRMED", "MOVED", "MOVED"]


async def test_two_change_places_at_once(salon):
    """Each wants the other's time: none may be lost, whoever wins."""
    service = await salon.add_service()
    one = await salon.book(salon.slot(service, 3), salon.staff)
    two = await salon.book(salon.slot(service, 6), salon.staff)
    await asyncio.gather(
        salon.move(one.id, salon.slot(service, 6), salon.staff),
        salon.move(two.id, salon.slot(service, 3), salon.staff),
    )
    rows = await salon.list("reservation", "start_at")
    assert (await salon.taken()).count("CONFIRMED") == 2
    assert len(set(map(str, rows))) == 2


async def test_many_want_the_same_time(salon):
    service = await salon.add_service()
    made = [await salon.book(salon.slot(service, hour), salon.staff) for hour in range(1, 7)]
    answers = await asyncio.gather(
        *(salon.move(each.id, salon.slot(service, 9), salon.staff) for each in made)
    )
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert (await salon.taken()).count("CONFIRMED") == 6


async def test_reminders_move_along(salon):
    await salon.set_policy(reminder_minutes=[60])
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await salon.move(made.id, salon.slot(service, 6))
    planned = await salon.list("notification", "kind", "version", "status")
    assert sorted(planned) == [
        ("RESERVATION_CONFIRMED", 0, "CANCELLED"),
        ("RESERVATION_REMINDER", 0, "CANCELLED"),
        ("RESERVATION_REMINDER", 1, "DUE"),
        ("RESERVATION_RESCHEDULED", 1, "DUE"),
    ]


async def test_package_must_be_valid_then(salon):
    service = await salon.add_service()
    package = await salon.add(
        "customer_package", customer_id=salon.customer.customer_id, name="Ten", service_ids=[str(service.id)],
        sessions_total=1, sessions_left=1, active=True, valid_until=salon.clock.now() + timedelta(hours=5),
    )  # fmt: skip
    made = await salon.book(salon.slot(service, 3), package_id=package)
    assert (await salon.move(made.id, salon.slot(service, 6))).code is CODE.PACKAGE_NOT_VALID
    assert isinstance(await salon.move(made.id, salon.slot(service, 4)), ReservationView)


async def test_party_moves_to_a_room_that_it_fits_into(salon):
    """The slot was offered to a smaller one; its own room may be the only one that is large enough."""
    service = await salon.add_service(ServiceKind.ROOM)
    small, large = await salon.add_room(2), await salon.add_room(4)
    made = await salon.book(salon.slot(service, 5, rooms=(large,)), party_size=3)
    moved = await salon.move(made.id, salon.slot(service, 5.5, rooms=(small,)))
    assert (moved.resource_ids, moved.start) == ((large,), salon.slot(service, 5.5).start)
