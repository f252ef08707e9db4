"""The waitlist of a full class: whoever has waited longest is offered what comes free, and nobody can take it from them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from course import Course, code
from salon import GUEST

from core.errors import IdempotencyKeyReused, NotFound
from core.ids import new_id
from core.reservations.holds import release_hold, sweep_holds
from core.reservations.setup.classes import cancel_class
from core.reservations.values import ReservationErrorCode, ReservationView, ServiceKind
from core.reservations.waitlist.joining import JoinInput, join_waitlist
from core.reservations.waitlist.rows import WaitlistStatus, find_entry

WAITING, OFFERED, EXPIRED = WaitlistStatus.WAITING, WaitlistStatus.OFFERED, WaitlistStatus.EXPIRED


# ------------------------------------------------------------------------------------------------------------ joining
async def test_joining_tells_the_position(course: Course) -> None:
    first, second = await course.join(await course.newcomer()), await course.join(await course.newcomer(), 2)
    assert (first.status, first.position, first.party_size) == (WAITING, 1, 1)
    assert (second.status, second.position, second.party_size) == (WAITING, 2, 2)
    assert await course.salon.count("audit_entry", "action = 'joinWaitlist'") == 2


async def test_class_with_seats_is_booked_instead(course: Course) -> None:
    await course.free()
    answer = await course.join(await course.newcomer())
    assert code(answer) == ("INVALID", "seats_left")
    assert [slot.session_id for slot in answer.suggestions] == [course.slot.session_id]
    assert await course.salon.count("waitlist_entry") == 0


async def test_party_larger_than_what_is_left_waits(course: Course) -> None:
    await course.free()
    assert (await course.join(await course.newcomer(), 2)).status is WAITING


async def test_once_a_person(course: Course) -> None:
    guest = await course.newcomer()
    await course.join(guest)
    answers = await asyncio.gather(*(course.join(guest) for _ in range(5)))
    assert {code(answer) for answer in answers} == {("INVALID", "waiting")}
    assert await course.salon.count("waitlist_entry") == 1


async def test_who_has_a_seat_does_not_wait(course: Course) -> None:
    answer = await course.join(course.guests[0])
    assert answer.code is ReservationErrorCode.OVERLAPS_OWN_RESERVATION
    assert await course.salon.count("waitlist_entry") == 0


async def test_repeat_answers_the_same_entry(course: Course) -> None:
    guest = await course.newcomer()
    first, twin = await asyncio.gather(course.join(guest, key="k"), course.join(guest, key="k"))
    assert first.id == twin.id == (await course.join(guest, key="k")).id
    with pytest.raises(IdempotencyKeyReused):
        await course.join(guest, 2, key="k")


async def test_repeat_of_a_refusal_suggests_what_is_free_then(course: Course) -> None:
    guest = await course.newcomer()
    await course.free()
    await course.join(guest, key="k")
    await course.salon.book(course.slot, await course.newcomer(), contact=GUEST)
    again = await course.join(guest, key="k")
    assert code(again) == ("INVALID", "seats_left")
    assert again.suggestions == ()


@pytest.mark.parametrize(
    ("hours", "party_size", "expected"),
    [
        (4, 1, ("INVALID", "waitlist_closed")),
        (5, 1, ("INVALID", "class_over")),
        (0, 4, ("PARTY_TOO_LARGE", None)),
        (0, 0, ("INVALID", "party_size")),
    ],
)
async def test_waiting_in_vain_is_refused(
    course: Course, hours: int, party_size: int, expected: tuple[str, Any]
) -> None:
    course.salon.clock.advance(timedelta(hours=hours))
    assert code(await course.join(await course.newcomer(), party_size)) == expected
    assert await course.salon.count("waitlist_entry") == 0


async def test_cancelled_class_has_no_waitlist(course: Course) -> None:
    assert course.slot.session_id
    await cancel_class(course.salon.runtime, course.salon.owner, course.slot.session_id, "ill")
    assert code(await course.join(await course.newcomer())) == ("INVALID", "class_over")


async def test_staff_name_the_customer(course: Course) -> None:
    assert code(await course.join(course.salon.staff)) == ("INVALID", "required")
    entry = await course.join(course.salon.staff, contact=GUEST)
    again = await course.join(course.salon.staff, customer_id=entry.customer_id)
    assert code(again) == ("INVALID", "waiting")
    assert code(await course.join(course.salon.staff, customer_id=new_id())) == ("INVALID", "customer")


async def test_pick_up_times_have_no_waitlist(course: Course) -> None:
    salon = course.salon
    service = await salon.add_service(ServiceKind.PICKUP, capacity=1)
    booked = await salon.book(salon.slot(service), contact=GUEST)
    wanted = JoinInput(booked.session_id, 1, "k")
    with pytest.raises(NotFound):
        await join_waitlist(salon.runtime, salon.customer, wanted)


# ---------------------------------------------------------------------------------------------------------- promoting
async def test_freed_seat_is_offered_to_who_waited_longest(course: Course) -> None:
    first, second = await course.join(await course.newcomer()), await course.join(await course.newcomer())
    await course.free()
    assert await course.promote() == 1
    assert (await course.status(first), await course.status(second)) == (OFFERED, WAITING)
    assert await course.seats() == 3
    assert await course.salon.list("notification", "kind", where="subject_type = 'WaitlistEntry'") == [
        "WAITLIST_OFFERED"
    ]
    assert await course.salon.count("audit_entry", "action = 'offerWaitlistSeats'") == 1


async def test_offered_seat_can_be_booked_by_nobody_else(course: Course) -> None:
    await course.join(await course.newcomer())
    await course.free()
    await course.promote()
    answer = await course.salon.book(course.slot, await course.newcomer(), contact=GUEST)
    assert answer.code is ReservationErrorCode.CLASS_FULL


async def test_large_party_keeps_no_seat_empty(course: Course) -> None:
    large, small = await course.join(await course.newcomer(), 2), await course.join(await course.newcomer())
    await course.free()
    await course.promote()
    assert (await course.status(large), await course.status(small)) == (WAITING, OFFERED)
    await course.free(2)
    await course.promote()
    assert await course.status(large) is OFFERED
    assert await course.seats() == 3


async def test_nothing_free_offers_nothing(course: Course) -> None:
    entry = await course.join(await course.newcomer())
    assert await course.promote() == 0
    assert await course.status(entry) is WAITING


async def test_workers_at_once_offer_each_seat_once(course: Course) -> None:
    entries = [await course.join(await course.newcomer()) for _ in range(4)]
    await course.free(2)
    changed = await asyncio.gather(*(course.promote() for _ in range(6)))
    assert sum(changed) == 2
    assert [await course.status(each) for each in entries] == [OFFERED, OFFERED, WAITING, WAITING]
    assert await course.seats() == 3


async def test_cancelling_and_promoting_at_once_lose_no_seat(course: Course) -> None:
    entries = [await course.join(await course.newcomer()) for _ in range(3)]
    cancelled = [
        course.salon.cancel(each.id, guest) for each, guest in zip(course.booked, course.guests, strict=True)
    ]
    await asyncio.gather(*cancelled, *(course.promote() for _ in range(4)))
    await course.promote()
    assert [await course.status(each) for each in entries] == [OFFERED] * 3
    assert await course.seats() == 3


async def test_booking_and_promoting_at_once_never_overfill(course: Course) -> None:
    entry = await course.join(await course.newcomer())
    others = [await course.newcomer() for _ in range(5)]
    await course.free()
    booked, _ = await asyncio.gather(
        asyncio.gather(*(course.salon.book(course.slot, each, contact=GUEST) for each in others)),
        course.promote(),
    )
    won = sum(isinstance(each, ReservationView) for each in booked)
    assert won + (await course.status(entry) is OFFERED) == 1
    assert await course.seats() == 3


async def test_offer_lasts_as_long_as_the_store_says(course: Course) -> None:
    await course.salon.set_policy(offer_minutes=10)
    entry = await course.join(await course.newcomer())
    await course.free()
    await course.promote()
    found = await find_entry(course.salon.owner, entry.id)
    assert found is not None
    assert found.offer_expires_at == course.salon.clock.now() + timedelta(minutes=10)


async def test_offer_ends_at_the_cut_off(course: Course) -> None:
    entry = await course.join(await course.newcomer())
    await course.free()
    course.salon.clock.advance(timedelta(hours=3, minutes=50))
    await course.promote()
    found = await find_entry(course.salon.owner, entry.id)
    assert found is not None
    assert found.offer_expires_at == course.slot.start - timedelta(hours=1)


async def test_after_the_cut_off_nothing_is_offered(course: Course) -> None:
    entry = await course.join(await course.newcomer())
    await course.free()
    course.salon.clock.advance(timedelta(hours=4))
    assert await course.promote() == 0
    assert await course.status(entry) is WAITING
    assert await course.seats() == 2


async def test_offer_that_runs_out_goes_to_the_next(course: Course) -> None:
    first, second = await course.join(await course.newcomer()), await course.join(await course.newcomer())
    await course.free()
    await course.promote()
    course.salon.clock.advance(timedelta(minutes=30))
    assert await course.promote() == 2
    assert (await course.status(first), await course.status(second)) == (EXPIRED, OFFERED)
    assert await course.seats() == 3


async def test_offer_that_runs_out_gives_its_seats_back(course: Course) -> None:
    await course.join(await course.newcomer(), 2)
    await course.free(2)
    await course.promote()
    assert await course.seats() == 3
    course.salon.clock.advance(timedelta(minutes=30))
    await course.promote()
    await course.promote()
    assert await course.seats() == 1


async def test_who_let_an_offer_run_out_may_join_again(course: Course) -> None:
    guest, other = await course.newcomer(), await course.newcomer()
    await course.join(guest)
    await course.join(other)
    await course.free()
    await course.promote()
    course.salon.clock.advance(timedelta(minutes=30))
    await course.promote()
    assert (await course.join(guest)).position == 1


async def test_waiting_ends_when_the_class_begins(course: Course) -> None:
    waiting, offered = (
        await course.join(await course.newcomer(), 3),
        await course.join(await course.newcomer()),
    )
    await course.free()
    await course.promote()
    course.salon.clock.advance(timedelta(hours=5))
    await course.promote()
    assert (await course.status(waiting), await course.status(offered)) == (EXPIRED, EXPIRED)
    assert await course.seats() == 2


async def test_waiting_ends_when_the_class_is_cancelled(course: Course) -> None:
    waiting, offered = (
        await course.join(await course.newcomer(), 3),
        await course.join(await course.newcomer()),
    )
    await course.free()
    await course.promote()
    assert course.slot.session_id
    await cancel_class(course.salon.runtime, course.salon.owner, course.slot.session_id, "ill")
    await course.promote()
    assert (await course.status(waiting), await course.status(offered)) == (EXPIRED, EXPIRED)


async def test_seats_of_a_hold_that_is_given_up_or_runs_out_are_offered(course: Course) -> None:
    salon = course.salon
    await course.free(2)
    await course.promote()
    keeping = [await salon.hold(course.slot, await course.newcomer()) for _ in range(1)]
    giving = await course.newcomer()
    hold = await salon.hold(course.slot, giving)
    entries = [await course.join(await course.newcomer()) for _ in range(2)]
    await release_hold(salon.runtime, giving, hold.id)
    await course.promote()
    assert [await course.status(each) for each in entries] == [OFFERED, WAITING]
    assert keeping
    salon.clock.advance(timedelta(minutes=5))
    await sweep_holds(salon.runtime)
    await course.promote()
    assert [await course.status(each) for each in entries] == [OFFERED, OFFERED]


async def test_freed_seats_kick_the_promotion(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    kicked: list[str] = []

    async def kick(name: str) -> None:
        kicked.append(name)

    monkeypatch.setattr(course.salon.runtime.work, "kick", kick)
    await course.free()
    assert "promote_waitlist" in kicked
