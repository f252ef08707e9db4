"""Which slots come first, and why."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from core.access.values import Actor, Role
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.reservations.slots.availability import suggest_slots
from core.reservations.values import SlotReason
from tests.core.reservations.diary import Diary


@pytest.fixture
async def diary(database, tenant_id, clock):
    return await Diary(tenant_id, clock).open()


async def find_reasons(diary, service, wall, day=1, **changes):
    slots = await diary.list(service, wall, "23:59", day=day, **changes)
    return slots[0].reasons


async def test_slot_that_exactly_fills_a_gap_comes_first(diary):
    """One staff member, no history; the gap is on the last day of the fortnight, the days before are free."""
    anna = await diary.staff()
    for day in range(1, 14):
        await diary.shift(anna, diary.at("10:00", day), diary.at("20:00", day))
    await diary.take(anna, "12:00", "14:10", day=13)
    await diary.take(anna, "15:10", "18:00", day=13)
    slots = await diary.recommend(await diary.service())
    assert (slots[0].start, slots[0].reasons) == (diary.at("14:10", 13), (SlotReason.FILLS_GAP,))


async def test_slot_that_fills_a_gap_stands_above_the_popular_hour(diary, clock):
    """Everybody comes at half past twelve; the gap is in the evening."""
    service = await diary.service()
    for week in range(1, 13):
        await diary.visit(new_id(), service, diary.at("12:30", -7 * week))
    anna = await diary.staff(("10:00", "22:00"), day=1)
    await diary.take(anna, "18:00", "20:00", day=1)
    await diary.take(anna, "21:00", "22:00", day=1)
    slots = await diary.recommend(service)
    assert diary.show(slots)[0] == "20:00"


async def test_buffers_belong_to_what_fills_a_gap(diary):
    anna = await diary.staff(("10:00", "20:00"), day=1)
    service = await diary.service(buffer_before_minutes=10, buffer_after_minutes=5)
    await diary.take(anna, "12:00", "14:00", day=1)
    await diary.take(anna, "15:15", "18:00", day=1)
    slots = await diary.recommend(service)
    assert (diary.show(slots)[0], slots[0].reasons) == ("14:10", (SlotReason.FILLS_GAP,))


async def test_best_first_and_no_more_than_asked_for(diary):
    await diary.staff(("10:00", "20:00"), day=1)
    service = await diary.service()
    for limit in (1, 3, 5):
        slots = await diary.recommend(service, limit=limit)
        assert len(slots) == limit
        assert [slot.score for slot in slots] == sorted((slot.score for slot in slots), reverse=True)


async def test_recommendations_lie_apart(diary):
    await diary.staff(("10:00", "20:00"), day=1)
    await diary.staff(("10:00", "20:00"), day=1)
    slots = await diary.recommend(await diary.service(), limit=4)
    starts = sorted(slot.start for slot in slots)
    assert all(later - earlier >= timedelta(hours=1) for earlier, later in pairwise(starts))


async def test_close_ones_where_there_are_no_others(diary):
    await diary.staff(("10:00", "11:30"), day=1)
    assert sorted(diary.show(await diary.recommend(await diary.service(), limit=5))) == [
        "10:00",
        "10:15",
        "10:30",
    ]


async def test_leaves_no_gap_that_nothing_fits_in(diary):
    """Between two bookings lie two hours: the middle would leave twice half an hour, and the shortest takes a whole."""
    anna = await diary.staff(("10:00", "14:00"), day=1)
    await diary.take(anna, "10:00", "11:00", day=1)
    await diary.take(anna, "13:00", "14:00", day=1)
    slots = await diary.recommend(await diary.service(), limit=9)
    assert {diary.show(slots)[0], diary.show(slots)[1]} == {"11:00", "12:00"}
    by_start = dict(zip(diary.show(slots), (slot.score for slot in slots), strict=True))
    assert by_start["11:30"] < by_start["11:00"]


async def test_shorter_services_make_a_gap_worth_leaving(diary):
    anna = await diary.staff(("10:00", "14:00"), day=1)
    await diary.take(anna, "10:00", "11:00", day=1)
    await diary.take(anna, "13:00", "14:00", day=1)
    service = await diary.service()
    before = {slot.start: slot.score for slot in await diary.list(service, day=1)}
    await diary.service(duration_minutes=30)
    after = {slot.start: slot.score for slot in await diary.list(service, day=1)}
    assert after[diary.at("11:30", 1)] > before[diary.at("11:30", 1)]
    assert after[diary.at("11:00", 1)] == before[diary.at("11:00", 1)]


async def test_usual_time_of_the_customer(diary):
    """Twice on a Tuesday at half past five; the next Tuesday is tomorrow."""
    service = await diary.service()
    for week in (1, 2):
        await diary.visit(diary.customer.customer_id, service, diary.at("17:30", 1 - 7 * week))
    anna = await diary.staff(("10:00", "22:00"), day=1)
    await diary.shift(anna, diary.at("10:00", 2), diary.at("22:00", 2))
    slots = await diary.recommend(service)
    assert slots[0].start == diary.at("17:30", 1)
    assert slots[0].reasons == (SlotReason.USUAL_TIME,)
    stranger = await diary.recommend(service, actor=diary.manager)
    assert SlotReason.USUAL_TIME not in {reason for slot in stranger for reason in slot.reasons}


async def test_staff_ask_for_a_customer(diary):
    service = await diary.service()
    await diary.visit(diary.customer.customer_id, service, diary.at("17:30", -6))
    await diary.staff(("10:00", "22:00"), day=1)
    own = await diary.recommend(service)
    assert await diary.recommend(service, actor=diary.manager, customer_id=diary.customer.customer_id) == own
    assert await diary.recommend(service, actor=diary.manager) != own


async def test_customers_do_not_learn_others_habits(diary):
    service, other = await diary.service(), new_id()
    await diary.visit(other, service, diary.at("17:30", -6))
    await diary.staff(("10:00", "22:00"), day=1)
    assert await diary.recommend(service, customer_id=other) == await diary.recommend(service)


@pytest.mark.parametrize("status", ["CONFIRMED", "CANCELLED_BY_CUSTOMER", "NO_SHOW"])
async def test_visits_that_did_not_happen_are_no_habit(diary, status):
    service = await diary.service()
    await diary.visit(diary.customer.customer_id, service, diary.at("17:30", -6), status=status)
    await diary.staff(("10:00", "22:00"), day=1)
    assert SlotReason.USUAL_TIME not in await find_reasons(diary, service, "17:30")


async def test_usual_staff_member(diary):
    service = await diary.service()
    anna, bea = [await diary.staff(("10:00", "20:00"), day=1) for _ in range(2)]
    for week, staff_id in ((1, anna), (2, bea), (3, bea)):
        await diary.visit(
            diary.customer.customer_id, service, diary.at("15:00", 1 - 7 * week), staff_id=staff_id
        )
    slots = await diary.recommend(service)
    assert slots[0].staff_id == bea
    assert slots[0].reasons == (SlotReason.USUAL_TIME, SlotReason.USUAL_STAFF)


async def test_least_busy_staff_member(diary):
    anna, bea = [await diary.staff(("10:00", "20:00"), day=1) for _ in range(2)]
    await diary.take(anna, "16:00", "20:00", day=1)
    service = await diary.service()
    slots = {slot.staff_id: slot for slot in await diary.list(service, "10:00", "10:01", day=1)}
    assert SlotReason.LEAST_BUSY in slots[bea].reasons
    assert SlotReason.LEAST_BUSY not in slots[anna].reasons
    assert slots[bea].score > slots[anna].score


async def test_store_may_fill_up_those_who_are_busy(diary):
    await diary.policy(spread_load=False)
    anna, bea = [await diary.staff(("10:00", "20:00"), day=1) for _ in range(2)]
    await diary.take(anna, "16:00", "20:00", day=1)
    slots = {slot.staff_id: slot for slot in await diary.list(await diary.service(), "10:00", "10:01", day=1)}
    assert slots[anna].score > slots[bea].score


async def test_earliest_is_marked(diary):
    await diary.staff(("10:00", "20:00"), day=1)
    service = await diary.service()
    marked = [slot.start for slot in await diary.list(service, day=1) if SlotReason.EARLIEST in slot.reasons]
    assert marked == [diary.at("10:00", 1)]
    assert [
        slot.start for slot in await diary.recommend(service) if SlotReason.EARLIEST in slot.reasons
    ] == marked


async def test_earliest_is_one_that_can_be_had(diary):
    """At ten every bed is taken."""
    await diary.staff(("10:00", "20:00"), day=1)
    for _ in range(2):
        bed = await diary.resource("bed")
        await diary.take(bed, "10:00", "10:10", day=1, taken_kind="RESOURCE")
    service = await diary.service(required_resource_kinds=["bed"])
    slots = await diary.list(service, day=1)
    assert (slots[0].start, slots[0].reasons) == (diary.at("10:15", 1), (SlotReason.EARLIEST,))
    assert diary.at("10:00", 1) not in {slot.start for slot in await diary.recommend(service, limit=50)}


async def test_own_reservations_are_not_recommended_over(diary):
    await diary.staff(("10:00", "12:00"), day=1)
    own = diary.customer.customer_id
    await diary.take(own, "10:30", "10:40", day=1, taken_kind="CUSTOMER", store_id=new_id())
    service = await diary.service()
    assert {slot.start for slot in await diary.recommend(service, limit=9)} == {
        diary.at("10:45", 1), diary.at("11:00", 1)
    }  # fmt: skip
    assert len(await diary.list(service, day=1)) == 5
    assert len(await diary.recommend(service, limit=9, actor=diary.manager)) == 5


async def test_looks_on_where_a_fortnight_has_nothing(diary):
    await diary.staff(("10:00", "11:00"), day=50)
    service = await diary.service()
    assert [slot.start for slot in await diary.recommend(service)] == [diary.at("10:00", 50)]
    await diary.policy(horizon_days=49)
    assert await diary.recommend(service) == ()


async def test_near_a_time(diary):
    anna = await diary.staff()
    for day in range(1, 6):
        await diary.shift(anna, diary.at("10:00", day), diary.at("20:00", day))
    slots = await diary.recommend(await diary.service(), near=diary.at("14:00", 3))
    assert all(abs(slot.start - diary.at("14:00", 3)) <= timedelta(hours=2) for slot in slots)


async def test_classes_with_seats_left(diary):
    service = await diary.service(kind="GROUP_CLASS", capacity=10)
    await diary.session(service, "18:00", "19:00", booked=10)
    session_id = await diary.session(service, "20:00", "21:00", booked=3)
    (slot,) = await diary.recommend(service)
    assert (slot.session_id, slot.reasons) == (session_id, (SlotReason.EARLIEST,))


async def test_same_question_same_answer(diary):
    for _ in range(3):
        await diary.staff(("10:00", "20:00"), day=1)
    service = await diary.service()
    first = await diary.recommend(service, limit=9)
    assert all([await diary.recommend(service, limit=9) == first for _ in range(3)])


@pytest.mark.parametrize("limit", [0, -1, 51])
async def test_limit_has_limits(diary, limit):
    service = await diary.service()
    with pytest.raises(BadInput) as refusal:
        await diary.recommend(service, limit=limit)
    assert refusal.value.field == ("limit",)


async def test_unknown_service(diary):
    service = await diary.service(store_id=new_id())
    with pytest.raises(NotFound):
        await diary.recommend(service)


# -------------------------------------------------------------------------------------------------------- suggestions
async def test_suggestions_are_near_and_with_the_same_staff_member(diary):
    anna, bea = [await diary.staff(("10:00", "20:00"), day=1) for _ in range(2)]
    service = await diary.service()
    refused = next(slot for slot in await diary.list(service, "14:00", day=1) if slot.staff_id == anna)
    await diary.take(anna, "14:00", "15:00", day=1)
    found = await suggest_slots(diary.runtime, diary.customer, refused, 1)
    assert len(found) == 3
    assert refused not in found
    assert all(abs(slot.start - refused.start) <= timedelta(minutes=90) for slot in found)
    assert {(slot.start, slot.staff_id) for slot in found} >= {
        (refused.start, bea),
        (diary.at("13:00", 1), anna),
    }


async def test_suggestions_where_nothing_is_left(diary):
    anna = await diary.staff(("10:00", "11:00"), day=1)
    service = await diary.service()
    (refused,) = await diary.list(service, day=1)
    await diary.take(anna, "10:00", "11:00", day=1)
    assert await suggest_slots(diary.runtime, diary.customer, refused, 1) == ()


async def test_suggestions_raise_nothing(diary):
    await diary.staff(("10:00", "11:00"), day=1)
    service = await diary.service()
    (slot,) = await diary.list(service, day=1)
    stranger = Actor(new_id(), new_id(), new_id(), Role.OWNER)
    assert await suggest_slots(diary.runtime, stranger, slot, 1) == ()
    assert await suggest_slots(diary.runtime, diary.customer, slot, 0) == ()
