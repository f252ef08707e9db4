"""Seats of classes and pick-ups: never above the capacity, given back exactly once."""

from __future__ import annotations

import asyncio

from core.db.statements import execute
from core.reservations.holds import extend_hold, release_hold, sweep_holds
from core.reservations.values import ReservationErrorCode, ReservationView, ServiceKind, Slot

CODE = ReservationErrorCode


async def open_class(salon, capacity=3, hour=3):
    return await salon.add_class(await salon.add_service(ServiceKind.GROUP_CLASS), capacity, hour)


async def test_party_takes_its_seats(salon):
    slot = await open_class(salon)
    made = await salon.book(slot, party_size=2)
    assert (made.session_id, made.staff_id, made.party_size) == (slot.session_id, salon.anna, 2)
    assert await salon.seats(slot) == 2


async def test_full(salon):
    slot = await open_class(salon)
    await salon.book(slot, party_size=2)
    problem = await salon.book(slot, await salon.enlist(), party_size=2)
    assert (problem.code, problem.field) == (CODE.CLASS_FULL, ("slotToken",))
    assert await salon.seats(slot) == 2
    assert await salon.count("reservation") == 1


async def test_party_above_the_capacity(salon):
    slot = await open_class(salon)
    assert (await salon.book(slot, party_size=4)).code is CODE.PARTY_TOO_LARGE


async def test_exactly_as_many_as_there_are(salon):
    slot = await open_class(salon, capacity=7)
    people = [await salon.enlist() for _ in range(20)]
    answers = await asyncio.gather(*(salon.book(slot, each) for each in people))
    assert sum(isinstance(each, ReservationView) for each in answers) == 7
    assert {each.code for each in answers if not isinstance(each, ReservationView)} == {CODE.CLASS_FULL}
    assert await salon.seats(slot) == 7


async def test_one_guest_once(salon):
    slot = await open_class(salon)
    await salon.book(slot)
    assert (await salon.book(slot)).code is CODE.OVERLAPS_OWN_RESERVATION
    assert await salon.seats(slot) == 1


async def test_cancelled_class(salon):
    slot = await open_class(salon)
    token = salon.token(slot)
    await execute("UPDATE class_session SET status = 'CANCELLED' WHERE id = $1", slot.session_id)
    problem = await salon.book(None, slot_token=token)
    assert problem.code is CODE.SLOT_TAKEN
    assert await salon.seats(slot) == 0


async def test_held_seats_count(salon):
    slot = await open_class(salon)
    hold = await salon.hold(slot, party_size=2)
    assert await salon.seats(slot) == 2
    assert (await salon.book(slot, await salon.enlist(), party_size=2)).code is CODE.CLASS_FULL
    made = await salon.book(None, hold_id=hold.id)
    assert (made.party_size, await salon.seats(slot)) == (2, 2)


async def test_stale_hold_gives_way(salon):
    slot = await open_class(salon)
    await salon.hold(slot, party_size=3)
    salon.clock.advance(300)
    assert isinstance(await salon.book(slot, await salon.enlist(), party_size=2), ReservationView)
    assert await salon.seats(slot) == 2
    assert await sweep_holds(salon.runtime) == 0
    assert await salon.seats(slot) == 2


async def test_seats_of_a_hold_come_back_once(salon):
    slot = await open_class(salon)
    one, two = await salon.hold(slot), await salon.hold(slot, salon.staff)
    await release_hold(salon.runtime, salon.customer, one.id)
    await release_hold(salon.runtime, salon.customer, one.id)
    assert await salon.seats(slot) == 1
    salon.clock.advance(300)
    assert await asyncio.gather(*(sweep_holds(salon.runtime) for _ in range(3))) != [0, 0, 0]
    assert await salon.seats(slot) == 0
    assert await release_hold(salon.runtime, salon.staff, two.id) is None
    assert await salon.seats(slot) == 0


async def test_held_seats_are_extended(salon):
    slot = await open_class(salon)
    hold = await salon.hold(slot)
    assert (await extend_hold(salon.runtime, salon.customer, hold.id)).extended
    salon.clock.advance(300)
    assert await sweep_holds(salon.runtime) == 0
    assert await salon.seats(slot) == 1


async def test_cancelling_frees_them(salon):
    slot = await open_class(salon)
    made = await salon.book(slot, party_size=2)
    await salon.cancel(made.id)
    assert await salon.seats(slot) == 0
    assert (await salon.cancel(made.id)).code is CODE.ALREADY_CANCELLED
    assert await salon.seats(slot) == 0


async def test_moving_to_another_class(salon):
    service = await salon.add_service(ServiceKind.GROUP_CLASS)
    early, late = await salon.add_class(service, hour=3), await salon.add_class(service, 2, hour=6)
    made = await salon.book(early, party_size=2)
    moved = await salon.move(made.id, late)
    assert moved.session_id == late.session_id
    assert (await salon.seats(early), await salon.seats(late)) == (0, 2)


async def test_full_class_is_not_moved_to(salon):
    service = await salon.add_service(ServiceKind.GROUP_CLASS)
    early, late = await salon.add_class(service, hour=3), await salon.add_class(service, 2, hour=6)
    made = await salon.book(early, party_size=2)
    await salon.book(late, salon.staff)
    problem = await salon.move(made.id, late)
    assert problem.code is CODE.CLASS_FULL
    assert (await salon.seats(early), await salon.seats(late)) == (2, 1)


async def test_moving_to_the_same_class(salon):
    slot = await open_class(salon, capacity=2)
    made = await salon.book(slot, party_size=2)
    assert (await salon.move(made.id, slot)).sequence == 1
    assert await salon.seats(slot) == 2


# ----------------------------------------------------------------------------------------------------------- pick-ups
async def test_pick_up_time_comes_into_being(salon):
    service = await salon.add_service(ServiceKind.PICKUP, capacity=3, duration_minutes=15)
    slot = Slot(service.id, salon.store_id, salon.slot(service).start, salon.slot(service).end)
    people = [await salon.enlist() for _ in range(5)]
    answers = await asyncio.gather(*(salon.book(slot, each) for each in people))
    made = [each for each in answers if isinstance(each, ReservationView)]
    assert len(made) == 3
    assert {each.code for each in answers if not isinstance(each, ReservationView)} == {CODE.CLASS_FULL}
    assert len({each.session_id for each in made}) == 1
    assert await salon.list("class_session", "booked", "capacity") == [(3, 3)]


async def test_pick_up_is_held_and_moved(salon):
    service = await salon.add_service(ServiceKind.PICKUP, capacity=1, duration_minutes=15)
    first, second = (
        Slot(service.id, salon.store_id, each.start, each.end)
        for each in (salon.slot(service, 3), salon.slot(service, 4))
    )
    hold = await salon.hold(first)
    made = await salon.book(None, hold_id=hold.id)
    moved = await salon.move(made.id, second)
    assert moved.start == second.start
    assert sorted(await salon.list("class_session", "booked")) == [0, 1]
