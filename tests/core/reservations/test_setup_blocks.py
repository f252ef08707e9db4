"""Blocking time: it meets the same guard as bookings, and says what is in its way."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from salon import MORNING

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate
from core.errors import Forbidden, NotFound
from core.reservations.guard import Span
from core.reservations.setup.blocks import BlockRefused, BlockView, block_time, list_blocks, unblock_time
from core.reservations.values import (
    ReservationErrorCode,
    ReservationStatus,
    ReservationView,
    ServiceKind,
    TakenKind,
)

DAY = Span(MORNING, MORNING + timedelta(days=1))
NOON = Span(MORNING + timedelta(hours=1), MORNING + timedelta(hours=2))


async def block(salon, span=NOON, reason=None, actor=None, kind=TakenKind.STAFF, target=None, store_id=None):
    return await block_time(
        salon.runtime,
        actor or salon.owner,
        store_id or salon.store_id,
        kind,
        target or salon.anna,
        span,
        reason,
    )


async def test_blocked_time_cannot_be_booked(salon):
    service = await salon.add_service()
    view = await block(salon, reason=" Dentist ")
    assert (view.reason, view.active) == ("Dentist", True)
    refused = await salon.book(salon.slot(service))
    assert refused.code is ReservationErrorCode.SLOT_TAKEN
    assert await list_blocks(salon.staff, salon.store_id, DAY) == (view,)
    assert await salon.count("audit_entry", "action = 'blockTime'") == 1


async def test_blocked_room(salon):
    room = await salon.add_room()
    service = await salon.add_service(ServiceKind.ROOM)
    await block(salon, kind=TakenKind.RESOURCE, target=room)
    refused = await salon.book(salon.slot(service, rooms=(room,)))
    assert refused.code is ReservationErrorCode.SLOT_TAKEN


async def test_bookings_in_the_way_are_listed(salon):
    service = await salon.add_service(duration_minutes=30)
    later = await salon.book(salon.slot(service, 1.5))
    sooner = await salon.book(salon.slot(service, 1))
    gone = await salon.book(salon.slot(service, 3))
    await salon.cancel(gone.id)
    before = await salon.snapshot()
    answer = await block(salon, DAY)
    assert answer.problem.code is ReservationErrorCode.SLOT_TAKEN
    assert answer.reservation_ids == (sooner.id, later.id)
    assert await salon.snapshot() == before
    assert await list_blocks(salon.owner, salon.store_id, DAY) == ()


async def test_bookings_of_a_class_in_the_way(salon):
    from core.reservations.setup.classes import schedule_class

    service = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3)
    view = await schedule_class(salon.runtime, salon.owner, service.id, NOON.start, salon.anna)
    booked = await salon.book(view.slot)
    assert (await block(salon)).reservation_ids == (booked.id,)


async def test_beside_a_booking(salon):
    """Buffers belong to the booking."""
    service = await salon.add_service(buffer_after_minutes=10)
    booked = await salon.book(salon.slot(service))
    assert isinstance(await block(salon, Span(booked.end, booked.end + timedelta(hours=1))), BlockRefused)
    free = booked.end + timedelta(minutes=10)
    assert isinstance(await block(salon, Span(free, free + timedelta(hours=1))), BlockView)


async def test_blocks_do_not_overlap(salon):
    await block(salon)
    again = await block(salon)
    assert (again.problem.code, again.reservation_ids) == (ReservationErrorCode.SLOT_TAKEN, ())
    assert await salon.count("time_block") == await salon.count("booking_allocation") == 1


async def test_block_or_booking_never_both(salon):
    service = await salon.add_service()
    calls = [call for _ in range(10) for call in (salon.book(salon.slot(service), salon.staff), block(salon))]
    answers = await asyncio.gather(*calls)
    taken = [answer for answer in answers if isinstance(answer, (BlockView, ReservationView))]
    assert len(taken) == 1
    assert await salon.taken() == ["CONFIRMED"]


async def test_unblocked_time_is_free(salon):
    service = await salon.add_service()
    view = await block(salon)
    for _ in range(2):
        assert (await unblock_time(salon.owner, view.id)).active is False
    booked = await salon.book(salon.slot(service))
    assert booked.status is ReservationStatus.CONFIRMED
    assert await list_blocks(salon.owner, salon.store_id, DAY) == ()
    assert await salon.count("audit_entry", "action = 'unblockTime'") == 1


@pytest.mark.parametrize(
    ("span", "reason", "field"),
    [
        (Span(NOON.start, NOON.start), None, "end"),
        (Span(NOON.end, NOON.start), None, "end"),
        (Span(NOON.start, NOON.start + timedelta(days=367)), None, "end"),
        (NOON, "r" * 201, "reason"),
    ],
)
async def test_wrong_block_is_named(salon, span, reason, field):
    answer = await block(salon, span, reason)
    assert (answer.problem.code, answer.problem.field) == (ReservationErrorCode.INVALID, (field,))
    assert await salon.count("time_block") == 0


async def test_blocks_are_not_for_guests(salon):
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    view = await block(salon)
    free = Span(NOON.end, NOON.end + timedelta(hours=1))
    for actor, fault in ((rival, NotFound), (salon.customer, Forbidden)):
        with pytest.raises(fault):
            await block(salon, free, actor=actor)
        with pytest.raises(fault):
            await unblock_time(actor, view.id)
    with pytest.raises(Forbidden):
        await list_blocks(salon.customer, salon.store_id, DAY)
    assert await salon.taken() == ["CONFIRMED"]


async def test_staff_block_and_unblock(salon):
    view = await block(salon, actor=salon.staff)
    assert await salon.taken() == ["CONFIRMED"]
    await unblock_time(salon.staff, view.id)
    assert await salon.taken() == ["RELEASED"]


async def test_staff_of_another_store(salon):
    other = await create_store(salon.owner, "Second")
    with pytest.raises(NotFound):
        await block(salon, store_id=other.id)
