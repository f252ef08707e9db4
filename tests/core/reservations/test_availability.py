"""What is offered, and what is not: hours, buffers, skills, resources, seats, holds, blocks, rules."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.access.values import Actor, Role
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.reservations.slots.availability import SlotQuery, list_slots
from tests.core.reservations.diary import Diary

# The clock stands at noon of Monday 2 March in Shanghai; the tests look at the day after unless they say otherwise.
TOMORROW = 1


@pytest.fixture
async def diary(database, tenant_id, clock):
    return await Diary(tenant_id, clock).open()


def quarters(first, last):
    """ "10:00", "10:15", … up to and with `last`."""
    minutes = [int(hour) * 60 + int(minute) for hour, minute in (first.split(":"), last.split(":"))]
    return [f"{at // 60:02d}:{at % 60:02d}" for at in range(minutes[0], minutes[1] + 1, 15)]


async def test_offers_every_quarter_until_the_end_of_the_shift(diary):
    anna = await diary.staff(("10:00", "12:00"), day=TOMORROW)
    service = await diary.service()
    slots = await diary.list(service, day=TOMORROW)
    assert diary.show(slots) == quarters("10:00", "11:00")
    assert {slot.staff_id for slot in slots} == {anna}
    assert {(slot.end - slot.start, slot.seats, slot.resource_ids, slot.session_id) for slot in slots} == {
        (timedelta(hours=1), 1, (), None)
    }


async def test_grid_begins_with_the_shift(diary):
    await diary.staff(("10:10", "12:00"), day=TOMORROW)
    slots = await diary.list(await diary.service(), day=TOMORROW)
    assert diary.show(slots) == ["10:10", "10:25", "10:40", "10:55", "11:00"]


async def test_one_slot_for_each_staff_member(diary):
    both = {await diary.staff(("10:00", "11:00"), day=TOMORROW) for _ in range(2)}
    slots = await diary.list(await diary.service(), day=TOMORROW)
    assert diary.show(slots) == ["10:00", "10:00"]
    assert {slot.staff_id for slot in slots} == both


async def test_window_is_from_and_before(diary):
    await diary.staff(("10:00", "20:00"), day=TOMORROW)
    slots = await diary.list(await diary.service(), "11:00", "12:00", day=TOMORROW)
    assert diary.show(slots) == ["11:00", "11:15", "11:30", "11:45"]


async def test_starts_touch_bookings_with_the_buffers_of_both(diary):
    """The other takes 12:05 to 13:05 with its own buffers; mine are 10 before and 5 after."""
    anna = await diary.staff(("10:00", "15:00"), day=TOMORROW)
    service = await diary.service(buffer_before_minutes=10, buffer_after_minutes=5)
    await diary.take(anna, "12:05", "13:05", day=TOMORROW)
    slots = await diary.list(service, day=TOMORROW)
    assert diary.show(slots) == [*quarters("10:00", "11:00"), "13:15", "13:30", "13:45", "14:00"]


async def test_touching_starts_lie_off_the_grid(diary):
    anna = await diary.staff(("10:00", "14:00"), day=TOMORROW)
    service = await diary.service(buffer_before_minutes=10, buffer_after_minutes=5)
    await diary.take(anna, "11:22", "11:57", day=TOMORROW)
    slots = await diary.list(service, day=TOMORROW)
    assert diary.show(slots) == ["10:00", "10:15", "10:17", "12:07", "12:15", "12:30", "12:45", "13:00"]


async def test_buffers_may_lie_outside_of_the_shift(diary):
    await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service(buffer_before_minutes=30, buffer_after_minutes=30)
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["10:00"]


async def test_buffer_keeps_away_from_a_booking_outside_of_the_shift(diary):
    """Somebody stays on after the shift: the buffer after would be in their time."""
    anna = await diary.staff(("10:00", "11:30"), day=TOMORROW)
    service = await diary.service(buffer_after_minutes=30)
    await diary.take(anna, "11:40", "12:30", day=TOMORROW)
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["10:00", "10:10"]


async def test_breaks_are_free_of_slots(diary):
    await diary.staff(("10:00", "11:00"), ("11:30", "12:30"), day=TOMORROW)
    assert diary.show(await diary.list(await diary.service(), day=TOMORROW)) == ["10:00", "11:30"]


async def test_shifts_that_touch_are_one(diary):
    await diary.staff(("10:00", "11:00"), ("11:00", "12:00"), day=TOMORROW)
    assert diary.show(await diary.list(await diary.service(), day=TOMORROW)) == quarters("10:00", "11:00")


async def test_shift_goes_on_past_midnight(diary):
    anna = await diary.staff()
    await diary.shift(anna, diary.at("23:00", 1), diary.at("01:00", 2))
    service = await diary.service()
    assert diary.show(await diary.list(service, day=1)) == ["23:00", "23:15", "23:30", "23:45"]
    assert diary.show(await diary.list(service, day=2)) == ["00:00"]


async def test_blocked_time_is_not_offered(diary):
    anna = await diary.staff(("10:00", "12:00"), day=TOMORROW)
    await diary.take(anna, "10:00", "11:00", day=TOMORROW, owner_kind="BLOCK")
    assert diary.show(await diary.list(await diary.service(), day=TOMORROW)) == ["11:00"]


@pytest.mark.parametrize("state", ["RELEASED", "MOVED"])
async def test_released_time_is_offered(diary, state):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    await diary.take(anna, "10:00", "11:00", day=TOMORROW, state=state)
    assert diary.show(await diary.list(await diary.service(), day=TOMORROW)) == ["10:00"]


async def test_hold_keeps_its_time_until_it_runs_out(diary, clock):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service()
    expiry = clock.now() + timedelta(minutes=5)
    await diary.take(
        anna, "10:00", "11:00", day=TOMORROW, owner_kind="HOLD", state="HELD", hold_expires_at=expiry
    )
    clock.advance(299)
    assert await diary.list(service, day=TOMORROW) == ()
    clock.advance(1)
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["10:00"]


async def test_own_time_counts_as_free_when_it_will_move(diary):
    anna = await diary.staff(("10:00", "12:00"), day=TOMORROW)
    service = await diary.service()
    own = await diary.take(anna, "10:00", "11:00", day=TOMORROW)
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["11:00"]
    assert diary.show(await diary.list(service, day=TOMORROW, ignoring=own)) == quarters("10:00", "11:00")


async def test_another_merchants_bookings_do_not_count(diary):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service()
    tenant, diary.tenant_id = diary.tenant_id, new_id()
    await diary.take(anna, "10:00", "11:00", day=TOMORROW)
    diary.tenant_id = tenant
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["10:00"]


# ------------------------------------------------------------------------------------------------------ staff, skills
async def test_only_who_has_every_skill(diary):
    await diary.staff(("10:00", "11:00"), skills=("cut",), day=TOMORROW)
    anna = await diary.staff(("10:00", "11:00"), skills=("cut", "colour", "wash"), day=TOMORROW)
    service = await diary.service(required_skills=["cut", "colour"])
    assert [slot.staff_id for slot in await diary.list(service, day=TOMORROW)] == [anna]


async def test_staff_filter(diary):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    unskilled = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service()
    assert [slot.staff_id for slot in await diary.list(service, day=TOMORROW, staff_id=anna)] == [anna]
    assert await diary.list(service, day=TOMORROW, staff_id=new_id()) == ()
    skilled = await diary.service(required_skills=["cut"])
    assert await diary.list(skilled, day=TOMORROW, staff_id=unskilled) == ()


async def test_what_nobody_gives_is_given_by_no_staff_member(diary):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    await diary.resource("room")
    for kind in ("ROOM", "PICKUP"):
        service = await diary.service(kind=kind)
        assert await diary.list(service, day=TOMORROW)
        assert await diary.list(service, day=TOMORROW, staff_id=anna) == ()


async def test_retired_staff_are_not_offered(diary):
    gone = await diary.add("staff_member", store_id=diary.store_id, name="Bo", skills=[], active=False)
    await diary.shift(gone, diary.at("10:00", 1), diary.at("11:00", 1))
    assert await diary.list(await diary.service(), day=TOMORROW) == ()


# ---------------------------------------------------------------------------------------------------------- resources
async def test_takes_one_free_resource_of_each_kind(diary):
    await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service(required_resource_kinds=["bed", "laser"])
    taken, free, laser = [await diary.resource(kind) for kind in ("bed", "bed", "laser")]
    await diary.take(taken, "10:30", "11:30", day=TOMORROW, taken_kind="RESOURCE")
    (slot,) = await diary.list(service, day=TOMORROW)
    assert slot.resource_ids == (free, laser)


async def test_two_of_one_kind_are_two_resources(diary):
    await diary.staff(("10:00", "11:00"), day=TOMORROW)
    service = await diary.service(required_resource_kinds=["bed", "bed"])
    beds = [await diary.resource("bed")]
    assert await diary.list(service, day=TOMORROW) == ()
    beds.append(await diary.resource("bed"))
    (slot,) = await diary.list(service, day=TOMORROW)
    assert slot.resource_ids == tuple(beds)


async def test_nothing_without_the_resource(diary):
    await diary.staff(("10:00", "11:00"), day=TOMORROW)
    assert await diary.list(await diary.service(required_resource_kinds=["bed"]), day=TOMORROW) == ()


async def test_nothing_while_every_resource_is_taken(diary):
    await diary.staff(("10:00", "12:00"), day=TOMORROW)
    service = await diary.service(required_resource_kinds=["bed"])
    for _ in range(2):
        bed = await diary.resource("bed")
        await diary.take(bed, "10:00", "11:00", day=TOMORROW, taken_kind="RESOURCE")
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["11:00"]


async def test_starts_touch_the_bookings_of_the_only_resource(diary):
    await diary.staff(("10:00", "13:00"), day=TOMORROW)
    service = await diary.service(required_resource_kinds=["bed"])
    bed = await diary.resource("bed")
    await diary.take(bed, "10:00", "11:07", day=TOMORROW, taken_kind="RESOURCE")
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["11:07", *quarters("11:15", "12:00")]


# --------------------------------------------------------------------------------------------------- rooms, pick-ups
async def test_room_is_open_at_all_hours(diary):
    room = await diary.resource("room", capacity=4)
    service = await diary.service(kind="ROOM", duration_minutes=120)
    slots = await diary.list(service, day=TOMORROW)
    assert diary.show(slots) == quarters("00:00", "23:45")
    assert {(slot.staff_id, slot.resource_ids, slot.seats) for slot in slots} == {(None, (room,), 4)}


async def test_room_is_open_at_the_hours_of_its_week(diary):
    await diary.policy(weekly_hours={"1": [["10:10", "12:30"]]})
    await diary.resource("room")
    service = await diary.service(kind="ROOM", duration_minutes=120)
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["10:10", "10:25", "10:30"]
    assert await diary.list(service, day=2) == ()


async def test_hours_go_on_past_midnight(diary):
    await diary.policy(weekly_hours={"1": [["22:00", "02:00"]]})
    await diary.resource("room")
    service = await diary.service(kind="ROOM", duration_minutes=120)
    assert diary.show(await diary.list(service, day=1)) == quarters("22:00", "23:45")
    assert diary.show(await diary.list(service, day=2)) == ["00:00"]


async def test_smallest_room_that_fits_the_party(diary):
    small, large, middle = [await diary.resource("room", capacity=size) for size in (2, 8, 6)]
    service = await diary.service(kind="ROOM")
    one = {"start": diary.at("10:00", 1), "end": diary.at("10:01", 1)}
    rooms = {size: await diary.list(service, party_size=size, **one) for size in (1, 2, 3, 6, 8, 9)}
    assert {size: [slot.resource_ids for slot in slots] for size, slots in rooms.items()} == {
        1: [(small,)], 2: [(small,)], 3: [(middle,)], 6: [(middle,)], 8: [(large,)], 9: [],
    }  # fmt: skip


async def test_taken_room_gives_way_to_the_next_larger(diary):
    small, large = [await diary.resource("room", capacity=size) for size in (2, 8)]
    await diary.take(small, "10:00", "11:00", day=TOMORROW, taken_kind="RESOURCE")
    service = await diary.service(kind="ROOM")
    slots = await diary.list(service, "10:00", "11:01", day=TOMORROW)
    assert [slot.resource_ids for slot in slots] == [(large,)] * 4 + [(small,)]


async def test_room_with_other_resources(diary):
    room, microphone = await diary.resource("room", capacity=6), await diary.resource("microphone")
    service = await diary.service(kind="ROOM", required_resource_kinds=["microphone", "room"])
    slots = await diary.list(service, "10:00", "10:01", day=TOMORROW, party_size=5)
    assert [slot.resource_ids for slot in slots] == [(microphone, room)]


async def test_pick_up_times_have_the_seats_that_are_left(diary):
    await diary.policy(weekly_hours={"0": [["13:00", "14:00"]]})
    service = await diary.service(kind="PICKUP", duration_minutes=15, capacity=3)
    half = await diary.session(service, "13:15", "13:30", capacity=3, booked=2)
    await diary.session(service, "13:30", "13:45", capacity=3, booked=3)
    slots = await diary.list(service)
    assert [
        (wall, slot.seats, slot.session_id) for wall, slot in zip(diary.show(slots), slots, strict=True)
    ] == [("13:00", 3, None), ("13:15", 1, half), ("13:45", 3, None)]
    assert diary.show(await diary.list(service, party_size=2)) == ["13:00", "13:45"]


# ------------------------------------------------------------------------------------------------------------ classes
async def test_class_is_offered_while_it_has_seats(diary):
    anna = await diary.staff()
    service = await diary.service(kind="GROUP_CLASS", capacity=10)
    room = new_id()
    open_id = await diary.session(
        service, "18:00", "19:00", booked=8, staff_id=anna, resource_ids=[str(room)]
    )
    await diary.session(service, "19:00", "20:00", booked=10)
    await diary.session(service, "20:00", "21:00", status="CANCELLED")
    (slot,) = await diary.list(service)
    assert (slot.session_id, slot.seats, slot.staff_id, slot.resource_ids) == (open_id, 2, anna, (room,))
    assert len(await diary.list(service, party_size=2)) == 1
    assert await diary.list(service, party_size=3) == ()
    assert await diary.list(service, staff_id=new_id()) == ()


async def test_seats_of_a_hold_that_has_run_out_are_free(diary, clock):
    service = await diary.service(kind="GROUP_CLASS", capacity=10)
    session_id = await diary.session(service, "18:00", "19:00", booked=10)
    await diary.add(
        "slot_hold",
        store_id=diary.store_id, service_id=service.id, session_id=session_id, actor_id=new_id(), slot={},
        party_size=3, status="HELD", expires_at=clock.now() + timedelta(minutes=5), extended=False,
    )  # fmt: skip
    assert await diary.list(service) == ()
    clock.advance(300)
    assert [slot.seats for slot in await diary.list(service)] == [3]


# ------------------------------------------------------------------------------------------- special days, holidays
async def test_special_day_is_closed_for_all(diary):
    anna = await diary.staff(("10:00", "11:00"), day=TOMORROW)
    await diary.shift(anna, diary.at("10:00", 2), diary.at("11:00", 2))
    await diary.resource("room")
    await diary.special_day(TOMORROW)
    service, room = await diary.service(), await diary.service(kind="ROOM")
    assert await diary.list(service, day=TOMORROW) == await diary.list(room, day=TOMORROW) == ()
    assert diary.show(await diary.list(service, day=2)) == ["10:00"]


async def test_special_hours_cut_shifts_and_replace_the_week(diary):
    await diary.policy(weekly_hours={"1": [["08:00", "22:00"]]})
    await diary.staff(("10:00", "18:00"), day=TOMORROW)
    await diary.resource("room")
    await diary.special_day(TOMORROW, ("16:30", "17:45"), ("20:00", "21:00"))
    service, room = await diary.service(), await diary.service(kind="ROOM")
    assert diary.show(await diary.list(service, day=TOMORROW)) == ["16:30", "16:45"]
    assert diary.show(await diary.list(room, day=TOMORROW)) == ["16:30", "16:45", "20:00"]


async def test_room_over_midnight_needs_both_days_open(diary):
    await diary.resource("room")
    await diary.special_day(2)
    service = await diary.service(kind="ROOM", duration_minutes=90)
    assert diary.show(await diary.list(service, "22:00", day=TOMORROW)) == ["22:00", "22:15", "22:30"]


async def test_class_of_a_closed_day_is_not_offered(diary):
    service = await diary.service(kind="GROUP_CLASS", capacity=10)
    await diary.session(service, "18:00", "19:00")
    await diary.special_day(0, ("10:00", "18:30"))
    assert await diary.list(service) == ()


async def test_holidays_are_closed_where_the_store_says_so(diary):
    """Labour Day 2026 is a Friday."""
    holiday = (date(2026, 5, 1) - diary.monday).days
    await diary.staff(("10:00", "11:00"), day=holiday)
    service = await diary.service()
    assert len(await diary.list(service, day=holiday)) == 1
    await diary.policy(close_on_holidays=True)
    assert await diary.list(service, day=holiday) == ()


async def test_week_does_not_bind_shifts(diary):
    await diary.policy(weekly_hours={"1": [["12:00", "13:00"]]})
    await diary.staff(("10:00", "11:00"), day=TOMORROW)
    assert diary.show(await diary.list(await diary.service(), day=TOMORROW)) == ["10:00"]


# -------------------------------------------------------------------------------------------------------------- rules
async def test_the_past_is_never_offered(diary, clock):
    await diary.staff(("10:00", "14:00"))
    service = await diary.service()
    assert diary.show(await diary.list(service, actor=diary.manager)) == quarters("12:00", "13:00")
    clock.advance(1)
    assert diary.show(await diary.list(service, actor=diary.manager)) == quarters("12:15", "13:00")


async def test_lead_time_binds_customers_only(diary):
    await diary.policy(lead_minutes=50)
    await diary.staff(("10:00", "14:00"))
    service = await diary.service()
    assert diary.show(await diary.list(service)) == ["13:00"]
    assert diary.show(await diary.list(service, actor=diary.manager))[0] == "12:00"
    own_rule = await diary.service(lead_minutes=20)
    assert diary.show(await diary.list(own_rule))[0] == "12:30"


async def test_horizon_binds_customers_only(diary):
    """Two days from Monday noon: until Wednesday noon."""
    await diary.policy(horizon_days=2)
    anna = await diary.staff()
    await diary.shift(anna, diary.at("11:00", 2), diary.at("14:00", 2))
    service = await diary.service()
    assert diary.show(await diary.list(service, day=2)) == quarters("11:00", "12:00")
    assert diary.show(await diary.list(service, day=2, actor=diary.manager))[-1] == "13:00"


@pytest.mark.parametrize(
    ("days", "hours"),
    [(0, 0), (0, -1), (31, 1), (400, 0)],
    ids=["empty", "backwards", "longer", "far longer"],
)
async def test_window_is_a_month_at_most(diary, days, hours):
    service = await diary.service()
    start = diary.at("00:00")
    with pytest.raises(BadInput) as refusal:
        await diary.list(service, start=start, end=start + timedelta(days=days, hours=hours))
    assert refusal.value.field == ("to",)
    assert await diary.list(service, start=start, end=start + timedelta(days=31)) == ()


@pytest.mark.parametrize("party_size", [0, -1, 501])
async def test_party_is_of_somebody(diary, party_size):
    service = await diary.service()
    with pytest.raises(BadInput) as refusal:
        await diary.list(service, party_size=party_size)
    assert refusal.value.field == ("partySize",)


async def test_unknown_services_and_stores_are_not_found(diary, database):
    service, retired = await diary.service(), await diary.service(active=False)
    elsewhere = await diary.service(store_id=new_id())
    for each in (retired, elsewhere):
        with pytest.raises(NotFound):
            await diary.list(each)
    stranger = Actor(new_id(), new_id(), new_id(), Role.OWNER)
    bound = Actor(diary.tenant_id, new_id(), new_id(), Role.STAFF, store_ids=frozenset({new_id()}))
    for actor in (stranger, bound):
        with pytest.raises(NotFound):
            await diary.list(service, actor=actor)
    query = SlotQuery(diary.store_id, new_id(), diary.at("10:00"), diary.at("11:00"))
    with pytest.raises(NotFound):
        await list_slots(diary.runtime, diary.manager, query)
