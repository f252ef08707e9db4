"""Walk-ins: whoever is free, there at once, and through the same guard as bookings on line."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from salon import GUEST, MORNING

from core.errors import Forbidden
from core.reservations.values import ReservationErrorCode, ReservationStatus, ReservationView, ServiceKind
from core.reservations.walk_ins import WalkInInput, book_walk_in, floor_instant

CODE = ReservationErrorCode


async def walk_in(salon, service, actor=None, **changes):
    given = {"idempotency_key": salon.key(), **changes}
    return await book_walk_in(
        salon.runtime, actor or salon.staff, WalkInInput(salon.store_id, service.id, **given)
    )


async def test_is_there_at_once(salon):
    service = await salon.add_service(deposit=5000)
    salon.clock.advance(7 * 60 + 30)
    made = await walk_in(salon, service, contact=GUEST)
    assert (made.status, made.walk_in, made.staff_id) == (ReservationStatus.CHECKED_IN, True, salon.anna)
    assert (made.start, made.checked_in_at) == (MORNING + timedelta(minutes=5), salon.clock.now())
    assert (made.phone_tail, made.deposit_status) == ("8000", "NONE")
    assert await salon.list("check_in", "method") == ["STAFF"]
    assert await salon.list("reservation_revision", "action") == ["bookWalkIn"]
    assert await salon.count("notification") == 0


async def test_later_is_expected_only(salon):
    service = await salon.add_service()
    made = await walk_in(salon, service, start=MORNING + timedelta(hours=2))
    assert made.status is ReservationStatus.CONFIRMED
    assert await salon.count("check_in") == 0


async def test_whoever_is_free(salon):
    service, bea = await salon.add_service(), await salon.add_member()
    made = [await walk_in(salon, service) for _ in range(3)]
    assert {made[0].staff_id, made[1].staff_id} == {salon.anna, bea}
    assert made[2].code is CODE.SLOT_TAKEN


async def test_one_of_many_at_once(salon):
    service = await salon.add_service()
    answers = await asyncio.gather(*(walk_in(salon, service) for _ in range(8)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1


async def test_booked_time_is_not_free(salon):
    service = await salon.add_service()
    await salon.book(salon.slot(service, 0.5))
    problem = await walk_in(salon, service)
    assert (problem.code, problem.field) == (CODE.SLOT_TAKEN, ("start",))
    assert problem.suggestions
    assert await salon.count("check_in") == 0


async def test_taken_says_more_than_off_duty(salon):
    """Anna has a guest, and Bea is not at work: somebody could give it at another time."""
    service = await salon.add_service()
    await walk_in(salon, service)
    await salon.add("staff_member", store_id=salon.store_id, name="Bea", skills=[], active=True)
    assert (await walk_in(salon, service)).code is CODE.SLOT_TAKEN


async def test_named_staff_member_only(salon):
    service, bea = await salon.add_service(), await salon.add_member()
    assert (await walk_in(salon, service, staff_id=bea)).staff_id == bea
    assert (await walk_in(salon, service, staff_id=bea)).code is CODE.SLOT_TAKEN


async def test_nobody_has_the_skill(salon):
    service = await salon.add_service(required_skills=["perm"])
    assert (await walk_in(salon, service)).code is CODE.RESOURCE_UNAVAILABLE
    assert (await walk_in(salon, service, staff_id=salon.anna)).code is CODE.STAFF_NOT_QUALIFIED


async def test_free_room(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    rooms = [await salon.add_room(capacity=2), await salon.add_room(capacity=6)]
    made = [await walk_in(salon, service, party_size=2) for _ in range(3)]
    assert [each.resource_ids for each in made[:2]] == [(rooms[0],), (rooms[1],)]
    assert made[2].code is CODE.RESOURCE_UNAVAILABLE


async def test_class_that_is_next(salon):
    service = await salon.add_service(ServiceKind.GROUP_CLASS)
    slot = await salon.add_class(service, capacity=1, hour=0.2)
    later = await salon.add_class(service, hour=4)
    made = await walk_in(salon, service)
    assert (made.session_id, made.status) == (slot.session_id, ReservationStatus.CHECKED_IN)
    assert (await walk_in(salon, service)).code is CODE.CLASS_FULL
    named = await walk_in(salon, service, start=later.start)
    assert (named.session_id, named.status) == (later.session_id, ReservationStatus.CONFIRMED)


async def test_after_closing_time(salon):
    service = await salon.add_service()
    salon.clock.advance(11.5 * 3600)
    assert (await walk_in(salon, service)).code is CODE.OUTSIDE_HOURS


async def test_the_past(salon):
    service = await salon.add_service()
    salon.clock.advance(3 * 3600)
    problem = await walk_in(salon, service, start=MORNING + timedelta(hours=1))
    assert (problem.code, problem.field) == (CODE.TOO_SOON, ("start",))


async def test_same_key_one_visit(salon):
    service = await salon.add_service()
    one, two = await asyncio.gather(*(walk_in(salon, service, idempotency_key="k") for _ in range(2)))
    assert one.id == two.id
    assert await salon.count("check_in") == 1


async def test_customers_may_not(salon):
    service = await salon.add_service()
    with pytest.raises(Forbidden):
        await walk_in(salon, service, salon.customer)


def test_the_last_five_minutes_mark():
    assert floor_instant(MORNING + timedelta(minutes=9, seconds=59, microseconds=5)) == MORNING + timedelta(
        minutes=5
    )
    assert floor_instant(MORNING) == MORNING
