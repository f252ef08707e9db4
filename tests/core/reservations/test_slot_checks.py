"""What the rules refuse of a slot that somebody wants, and which resources are picked for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.ids import new_id
from core.reservations.slots.availability import check_slot, pick_resources
from core.reservations.values import ReservationErrorCode as Code
from core.reservations.values import Slot
from tests.core.reservations.diary import Diary


@pytest.fixture
async def diary(database, tenant_id, clock):
    return await Diary(tenant_id, clock).open()


def make_slot(diary, service, wall, day=1, **changes):
    start = diary.at(wall, day)
    end = start + timedelta(minutes=service.duration_minutes)
    return Slot(service.id, service.store_id, start, end, **changes)


async def check(diary, service, slot, party_size=1, *, customer_rules=True):
    """The code of the problem, or None."""
    problem = await check_slot(diary.runtime, service, slot, party_size, customer_rules=customer_rules)
    return problem and problem.code


@pytest.mark.parametrize(
    ("wall", "code"),
    [
        ("10:00", None),
        ("11:00", None),
        ("10:37", None),
        ("09:59", Code.OUTSIDE_HOURS),
        ("11:01", Code.OUTSIDE_HOURS),
    ],
)
async def test_shift(diary, wall, code):
    anna = await diary.staff(("10:00", "12:00"), day=1)
    service = await diary.service()
    slot = make_slot(diary, service, wall, staff_id=anna)
    assert await check(diary, service, slot) == code
    assert await check(diary, service, slot, customer_rules=False) == code


async def test_everything_listed_passes(diary):
    anna = await diary.staff(("10:07", "12:00"), ("13:00", "14:50"), day=1)
    await diary.take(anna, "10:50", "10:58", day=1)
    await diary.resource("room", 4)
    for service in (
        await diary.service(),
        await diary.service(kind="ROOM"),
        await diary.service(kind="PICKUP"),
    ):
        slots = await diary.list(service, day=1)
        assert slots
        assert [await check(diary, service, slot) for slot in slots] == [None] * len(slots)


async def test_taken_is_for_the_database_to_say(diary):
    anna = await diary.staff(("10:00", "12:00"), day=1)
    service = await diary.service()
    await diary.take(anna, "10:00", "12:00", day=1)
    assert await check(diary, service, make_slot(diary, service, "10:00", staff_id=anna)) is None


async def test_skills(diary):
    anna = await diary.staff(("10:00", "12:00"), skills=("cut",), day=1)
    service = await diary.service(required_skills=["colour"])
    for staff_id in (anna, new_id(), None):
        slot = make_slot(diary, service, "10:00", staff_id=staff_id)
        assert await check(diary, service, slot) is Code.STAFF_NOT_QUALIFIED


async def test_lead_time_and_horizon_bind_customers(diary):
    await diary.policy(lead_minutes=60, horizon_days=1)
    anna = await diary.staff(("12:00", "20:00"))
    await diary.shift(anna, diary.at("10:00", 1), diary.at("20:00", 1))
    service = await diary.service()
    soon, right = [make_slot(diary, service, wall, 0, staff_id=anna) for wall in ("12:59", "13:00")]
    last, far = [make_slot(diary, service, wall, 1, staff_id=anna) for wall in ("12:00", "12:01")]
    assert [await check(diary, service, slot) for slot in (soon, right, last, far)] == [
        Code.TOO_SOON, None, None, Code.TOO_FAR_AHEAD
    ]  # fmt: skip
    assert [await check(diary, service, slot, customer_rules=False) for slot in (soon, far)] == [None, None]


async def test_staff_may_take_what_has_begun_until_it_is_over(diary):
    anna = await diary.staff(("10:00", "20:00"))
    service = await diary.service()
    begun, over = [make_slot(diary, service, wall, 0, staff_id=anna) for wall in ("11:01", "11:00")]
    assert await check(diary, service, begun, customer_rules=False) is None
    assert await check(diary, service, begun) is Code.TOO_SOON
    assert await check(diary, service, over, customer_rules=False) is Code.TOO_SOON


async def test_closed_day(diary):
    anna = await diary.staff(("10:00", "12:00"), day=1)
    await diary.resource("room")
    await diary.special_day(1)
    service, room, pick_up = [await diary.service(kind=kind) for kind in ("COURSE", "ROOM", "PICKUP")]
    assert (
        await check(diary, service, make_slot(diary, service, "10:00", staff_id=anna)) is Code.OUTSIDE_HOURS
    )
    assert await check(diary, room, make_slot(diary, room, "10:00")) is Code.OUTSIDE_HOURS
    assert await check(diary, pick_up, make_slot(diary, pick_up, "10:00")) is Code.OUTSIDE_HOURS


async def test_party_in_a_room(diary):
    service = await diary.service(kind="ROOM")
    slot = make_slot(diary, service, "10:00")
    assert await check(diary, service, slot) is Code.RESOURCE_UNAVAILABLE
    await diary.resource("room", 4)
    assert await check(diary, service, slot, 4) is None
    assert await check(diary, service, slot, 5) is Code.PARTY_TOO_LARGE


async def test_party_at_a_pick_up(diary):
    service = await diary.service(kind="PICKUP", capacity=2)
    slot = make_slot(diary, service, "10:00")
    assert await check(diary, service, slot, 2) is None
    assert await check(diary, service, slot, 3) is Code.PARTY_TOO_LARGE


async def test_class(diary):
    service = await diary.service(kind="GROUP_CLASS")
    session_id = await diary.session(service, "18:00", "19:00", booked=10)
    slot = make_slot(diary, service, "18:00", 0, session_id=session_id)
    assert await check(diary, service, slot) is None
    assert await check(diary, service, slot, 11) is Code.PARTY_TOO_LARGE
    cancelled = await diary.session(service, "20:00", "21:00", status="CANCELLED")
    for other in (cancelled, new_id(), None):
        assert await check(diary, service, replace(slot, session_id=other)) is Code.SLOT_TAKEN


async def test_retired_service_and_another_services_slot(diary):
    anna = await diary.staff(("10:00", "12:00"), day=1)
    service = await diary.service()
    slot = make_slot(diary, service, "10:00", staff_id=anna)
    assert await check(diary, replace(service, active=False), slot) is Code.INVALID
    assert await check(diary, await diary.service(), slot) is Code.INVALID


# ---------------------------------------------------------------------------------------------------- picked resources
@pytest.fixture
async def beds(diary):
    return [await diary.resource("bed") for _ in range(3)]


async def test_keeps_the_resources_of_the_slot(diary, beds):
    service = await diary.service(required_resource_kinds=["bed"])
    assert await pick_resources(service, make_slot(diary, service, "10:00"), 1) == (beds[0],)
    slot = make_slot(diary, service, "10:00", resource_ids=(beds[2],))
    assert await pick_resources(service, slot, 1) == (beds[2],)


async def test_picks_others_where_those_are_taken(diary, beds):
    service = await diary.service(required_resource_kinds=["bed"], buffer_after_minutes=10)
    slot = make_slot(diary, service, "10:00", resource_ids=(beds[2],))
    await diary.take(beds[2], "11:09", "12:00", day=1, taken_kind="RESOURCE")
    await diary.take(beds[0], "09:00", "10:01", day=1, taken_kind="RESOURCE")
    await diary.take(beds[1], "11:10", "12:00", day=1, taken_kind="RESOURCE")
    assert await pick_resources(service, slot, 1) == (beds[1],)


async def test_none_where_all_are_taken(diary, beds):
    service = await diary.service(required_resource_kinds=["bed"])
    owners = [await diary.take(bed, "10:00", "11:00", day=1, taken_kind="RESOURCE") for bed in beds]
    slot = make_slot(diary, service, "10:00")
    assert await pick_resources(service, slot, 1) is None
    assert await pick_resources(service, slot, 1, ignoring=owners[1]) == (beds[1],)
    assert await pick_resources(await diary.service(), slot, 1) == ()
    assert await pick_resources(await diary.service(required_resource_kinds=["sauna"]), slot, 1) is None


async def test_hold_that_has_run_out_takes_nothing(diary, clock):
    bed = await diary.resource("bed")
    service = await diary.service(required_resource_kinds=["bed"])
    slot = make_slot(diary, service, "10:00")
    expiry = clock.now() + timedelta(minutes=5)
    await diary.take(
        bed,
        "10:00",
        "11:00",
        day=1,
        taken_kind="RESOURCE",
        state="HELD",
        owner_kind="HOLD",
        hold_expires_at=expiry,
    )
    assert await pick_resources(service, slot, 1, now=clock.now()) is None
    assert await pick_resources(service, slot, 1, now=expiry) == (bed,)


async def test_smallest_room_that_fits(diary):
    large, small = [await diary.resource("room", size) for size in (8, 4)]
    service = await diary.service(kind="ROOM")
    slot = make_slot(diary, service, "10:00")
    assert [await pick_resources(service, slot, size) for size in (4, 5, 9)] == [(small,), (large,), None]
    assert await pick_resources(service, replace(slot, resource_ids=(small,)), 5) == (large,)
