"""Holds: for some minutes, extended once, one's own, and proved when booked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.db.statements import execute
from core.errors import IdempotencyKeyReused
from core.ids import new_id
from core.reservations.holds import HoldView, extend_hold, release_hold, sweep_holds
from core.reservations.values import ReservationErrorCode, ReservationView, ServiceKind

CODE = ReservationErrorCode


async def test_keeps_others_out(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    assert hold.count_seconds(salon.clock.now()) == 300
    problem = await salon.book(salon.slot(service), await salon.enlist())
    assert problem.code is CODE.SLOT_TAKEN
    assert await salon.taken() == ["HELD"]


async def test_becomes_the_reservation(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    room = await salon.add_room()
    hold = await salon.hold(salon.slot(service, rooms=(room,)), party_size=3)
    made = await salon.book(None, hold_id=hold.id)
    assert (made.resource_ids, made.party_size, made.start) == ((room,), 3, hold.slot.start)
    assert await salon.list("slot_hold", "status") == ["USED"]
    assert await salon.taken() == ["CONFIRMED"] * 2


async def test_runs_out(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    salon.clock.advance(300)
    problem = await salon.book(None, hold_id=hold.id)
    assert (problem.code, problem.field) == (CODE.HOLD_EXPIRED, ("holdId",))
    assert problem.suggestions
    assert await salon.count("reservation") == 0
    assert isinstance(await salon.book(salon.slot(service), await salon.enlist()), ReservationView)


async def test_lives_to_its_last_second(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    salon.clock.advance(299.9)
    assert isinstance(await salon.book(None, hold_id=hold.id), ReservationView)


async def test_runs_out_between_look_and_commit(salon):
    """The clock says it lives; the row says it does not any more."""
    from core.db.statements import execute

    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    await execute("UPDATE booking_allocation SET state = 'RELEASED' WHERE owner_id = $1", hold.id)
    assert (await salon.book(None, hold_id=hold.id)).code is CODE.HOLD_EXPIRED
    assert await salon.list("slot_hold", "status") == ["HELD"]


async def test_somebody_elses(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    problem = await salon.book(None, salon.staff, hold_id=hold.id)
    assert (problem.code, problem.suggestions) == (CODE.HOLD_EXPIRED, ())
    assert (await extend_hold(salon.runtime, salon.staff, hold.id)).code is CODE.HOLD_EXPIRED
    assert (await release_hold(salon.runtime, salon.staff, hold.id)).code is CODE.HOLD_EXPIRED
    assert await salon.list("slot_hold", "status") == ["HELD"]


async def test_used_once(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    answers = await asyncio.gather(*(salon.book(None, hold_id=hold.id) for _ in range(4)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert {each.code for each in answers if not isinstance(each, ReservationView)} == {CODE.HOLD_EXPIRED}
    assert await salon.count("reservation") == 1


async def test_extended_once(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    salon.clock.advance(240)
    longer = await extend_hold(salon.runtime, salon.customer, hold.id)
    assert (longer.expires_at, longer.extended) == (hold.expires_at + timedelta(minutes=5), True)
    again = await extend_hold(salon.runtime, salon.customer, hold.id)
    assert (again.code, again.field) == (CODE.INVALID, ("holdId",))
    salon.clock.advance(300)
    assert (await salon.book(salon.slot(service), await salon.enlist())).code is CODE.SLOT_TAKEN
    assert isinstance(await salon.book(None, hold_id=hold.id), ReservationView)


async def test_extended_too_late(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    salon.clock.advance(300)
    assert (await extend_hold(salon.runtime, salon.customer, hold.id)).code is CODE.HOLD_EXPIRED


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (10, 600), (30, 600)])
async def test_policy_says_how_long(salon, minutes, seconds):
    await salon.set_policy(hold_minutes=minutes)
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    assert hold.count_seconds(salon.clock.now()) == seconds


async def test_given_up(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    assert await release_hold(salon.runtime, salon.customer, hold.id) is None
    assert await release_hold(salon.runtime, salon.customer, hold.id) is None
    assert isinstance(await salon.book(salon.slot(service), await salon.enlist()), ReservationView)
    assert (await salon.book(None, hold_id=hold.id)).code is CODE.HOLD_EXPIRED


async def test_used_hold_cannot_be_given_up(salon):
    service = await salon.add_service()
    hold = await salon.hold(salon.slot(service))
    await salon.book(None, hold_id=hold.id)
    assert (await release_hold(salon.runtime, salon.customer, hold.id)).code is CODE.HOLD_EXPIRED
    assert await salon.taken() == ["CONFIRMED"] * 2


async def test_same_key_same_hold(salon):
    service = await salon.add_service()
    token = salon.token(salon.slot(service))
    from core.reservations.holds import hold_slot

    answers = await asyncio.gather(
        *(hold_slot(salon.runtime, salon.customer, token, 1, "k") for _ in range(3))
    )
    assert len({each.id for each in answers}) == 1
    assert await salon.count("slot_hold") == 1
    with pytest.raises(IdempotencyKeyReused):
        await hold_slot(salon.runtime, salon.customer, token, 2, "k")


async def test_another_room_is_held(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    one, two = await salon.add_room(), await salon.add_room()
    slot = salon.slot(service, rooms=(one,))
    holds = [await salon.hold(slot, salon.staff) for _ in range(3)]
    assert [each.slot.resource_ids for each in holds[:2]] == [(one,), (two,)]
    assert holds[2].code is CODE.SLOT_TAKEN


async def test_party_of_the_hold_counts(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    room = await salon.add_room()
    hold = await salon.hold(salon.slot(service, rooms=(room,)), party_size=3)
    problem = await salon.book(None, hold_id=hold.id, party_size=2)
    assert (problem.code, problem.field) == (CODE.INVALID, ("partySize",))
    assert (await salon.book(None, hold_id=hold.id, party_size=3)).party_size == 3


async def test_customers_hold_five_at_most(salon):
    service = await salon.add_service()
    for hour in range(5):
        assert isinstance(await salon.hold(salon.slot(service, hour)), HoldView)
    problem = await salon.hold(salon.slot(service, 6))
    assert (problem.code, problem.values["reason"]) == (CODE.CUSTOMER_LIMIT_REACHED, "holds")
    assert isinstance(await salon.hold(salon.slot(service, 6), salon.staff), HoldView)
    salon.clock.advance(300)
    assert isinstance(await salon.hold(salon.slot(service, 7)), HoldView)


async def test_unknown_hold(salon):
    assert (await salon.book(None, hold_id=new_id())).code is CODE.HOLD_EXPIRED


async def test_sweep_lets_go(salon):
    service = await salon.add_service()
    await salon.hold(salon.slot(service))
    living = await salon.hold(salon.slot(service, 3))
    await extend_hold(salon.runtime, salon.customer, living.id)
    salon.clock.advance(300)
    assert await sweep_holds(salon.runtime) == 1
    assert await salon.list("slot_hold", "status") == ["EXPIRED", "HELD"]
    assert await salon.taken() == ["RELEASED", "HELD"]
    assert await sweep_holds(salon.runtime) == 0


async def test_seat_of_cancelled_class_is_not_booked(salon):
    """Also where the hold came to be in the very moment of the cancellation, which did not see it."""
    seat = await salon.add_class(await salon.add_service(ServiceKind.GROUP_CLASS))
    held = await salon.hold(seat)
    await execute("UPDATE class_session SET status = 'CANCELLED' WHERE id = $1", seat.session_id)
    assert (await salon.book(None, hold_id=held.id)).code is CODE.HOLD_EXPIRED
    assert await salon.count("reservation") == 0


async def test_party_gets_a_room_that_it_fits_into(salon):
    """The slot was offered to a smaller one."""
    service = await salon.add_service(ServiceKind.ROOM)
    small, large = await salon.add_room(2), await salon.add_room(4)
    held = await salon.hold(salon.slot(service, rooms=(small,)), party_size=3)
    assert held.slot.resource_ids == (large,)
    assert (await salon.hold(salon.slot(service, rooms=(small,)), party_size=4)).code is CODE.SLOT_TAKEN
    assert (await salon.hold(salon.slot(service, rooms=(small,)), party_size=2)).slot.resource_ids == (small,)
