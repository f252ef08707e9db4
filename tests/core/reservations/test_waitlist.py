"""The waitlist of a full class: whoever has waited longest is offered what comes free, and nobody can take it from them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from salon import GUEST, Salon

from core.access.values import Role
from core.errors import Forbidden, IdempotencyKeyReused, NotFound
from core.ids import new_id
from core.notifications.validity import is_still_valid
from core.notifications.values import NotificationKind
from core.reservations.classes import cancel_class
from core.reservations.holds import release_hold, sweep_holds
from core.reservations.promotion import promote_waitlist
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
    ServiceKind,
    ServiceView,
    Slot,
)
from core.reservations.waitlist import (
    JoinInput,
    join_waitlist,
    leave_waitlist,
    list_own_waitlist,
    list_waitlist,
)
from core.reservations.waitlist_offers import AcceptInput, accept_offer
from core.reservations.waitlist_rows import EntryView, WaitlistStatus, find_entry

WAITING, OFFERED, PROMOTED = WaitlistStatus.WAITING, WaitlistStatus.OFFERED, WaitlistStatus.PROMOTED
EXPIRED, LEFT = WaitlistStatus.EXPIRED, WaitlistStatus.LEFT


@dataclass
class Course:
    """A class of three seats at 14:00 in which all are taken; the clock stands at 09:00."""

    salon: Salon
    service: ServiceView
    slot: Slot
    guests: list[Any]
    booked: list[ReservationView]

    async def newcomer(self) -> Any:
        return await self.salon.enlist()

    async def join(self, actor: Any, party_size: int = 1, key: str | None = None, **changes: Any) -> Any:
        assert self.slot.session_id
        wanted = JoinInput(self.slot.session_id, party_size, key or self.salon.key(), **changes)
        return await join_waitlist(self.salon.runtime, actor, wanted)

    async def accept(self, actor: Any, entry: EntryView, key: str | None = None, **changes: Any) -> Any:
        wanted = AcceptInput(entry.id, key or self.salon.key(), **changes)
        return await accept_offer(self.salon.runtime, actor, wanted)

    async def leave(self, actor: Any, entry: EntryView) -> Any:
        return await leave_waitlist(self.salon.runtime, actor, entry.id)

    async def free(self, number: int = 1) -> None:
        """So many guests cancel. The clock is moved by nobody, and nobody promotes yet."""
        for _ in range(number):
            reservation = self.booked.pop()
            await self.salon.cancel(reservation.id, self.guests.pop())

    async def promote(self) -> int:
        return await promote_waitlist(self.salon.runtime)

    async def status(self, entry: EntryView) -> WaitlistStatus:
        found = await find_entry(self.salon.owner, entry.id)
        assert found is not None
        return found.status

    async def seats(self) -> int:
        return await self.salon.seats(self.slot)


@pytest.fixture
async def course(salon: Salon) -> Course:
    service = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3)
    slot = await salon.add_class(service, capacity=3, hour=5)
    guests = [await salon.enlist() for _ in range(3)]
    booked = [await salon.book(slot, guest, contact=GUEST) for guest in guests]
    assert all(isinstance(each, ReservationView) for each in booked)
    return Course(salon, service, slot, guests, booked)


def code(answer: Any) -> tuple[str, Any]:
    assert isinstance(answer, ReservationProblem), answer
    return answer.code, answer.values.get("reason")


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


# ---------------------------------------------------------------------------------------------------------- accepting
async def offer(course: Course, party_size: int = 1) -> tuple[Any, EntryView]:
    """Somebody new who is offered seats."""
    guest = await course.newcomer()
    entry = await course.join(guest, party_size)
    await course.free(party_size)
    await course.promote()
    assert await course.status(entry) is OFFERED
    return guest, entry


async def test_accepted_offer_becomes_a_reservation(course: Course) -> None:
    guest, entry = await offer(course, 2)
    made = await course.accept(guest, entry, contact=GUEST)
    assert (made.status, made.party_size, made.session_id) == (
        ReservationStatus.CONFIRMED,
        2,
        course.slot.session_id,
    )
    assert (made.customer_id, made.contact_name) == (guest.customer_id, "Lin")
    found = await find_entry(guest, entry.id)
    assert found is not None
    assert (found.status, found.reservation_id) == (PROMOTED, made.id)
    assert await course.seats() == 3
    assert await course.salon.count("notification", "kind = 'WAITLIST_PROMOTED'") == 1
    assert await course.salon.list("notification", "status", where="kind = 'WAITLIST_OFFERED'") == [
        "CANCELLED"
    ]


async def test_cancelling_what_was_accepted_frees_its_seats(course: Course) -> None:
    guest, entry = await offer(course)
    made = await course.accept(guest, entry)
    await course.salon.cancel(made.id, guest)
    assert await course.seats() == 2


async def test_accepting_twice(course: Course) -> None:
    guest, entry = await offer(course)
    first, twin = await asyncio.gather(course.accept(guest, entry, "k"), course.accept(guest, entry, "k"))
    assert first.id == twin.id == (await course.accept(guest, entry, "k")).id
    assert code(await course.accept(guest, entry)) == ("INVALID", "promoted")
    assert await course.salon.count("reservation", f"customer_id = '{guest.customer_id}'") == 1


async def test_several_keys_at_once_make_one_reservation(course: Course) -> None:
    guest, entry = await offer(course)
    answers = await asyncio.gather(*(course.accept(guest, entry) for _ in range(5)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert await course.seats() == 3


async def test_too_late(course: Course) -> None:
    guest, entry = await offer(course)
    course.salon.clock.advance(timedelta(minutes=30))
    answer = await course.accept(guest, entry)
    assert (answer.code, answer.field) == (ReservationErrorCode.HOLD_EXPIRED, ("entryId",))
    assert await course.salon.count("reservation", f"customer_id = '{guest.customer_id}'") == 0


async def test_accepting_and_running_out_at_once(course: Course) -> None:
    """One of the two wins, and the seats count once."""
    guest, entry = await offer(course)
    clock, runtime = course.salon.clock, course.salon.runtime
    accepting = asyncio.create_task(course.accept(guest, entry))
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=30))
    _, answer = await asyncio.gather(promote_waitlist(runtime), accepting)
    booked = isinstance(answer, ReservationView)
    assert await course.status(entry) is (PROMOTED if booked else EXPIRED)
    assert await course.seats() == (3 if booked else 2)


async def test_nothing_offered_yet(course: Course) -> None:
    guest = await course.newcomer()
    entry = await course.join(guest)
    assert code(await course.accept(guest, entry)) == ("INVALID", "no_offer")


async def test_offer_of_a_cancelled_class(course: Course) -> None:
    guest, entry = await offer(course)
    assert course.slot.session_id
    await cancel_class(course.salon.runtime, course.salon.owner, course.slot.session_id, "ill")
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.HOLD_EXPIRED
    assert await course.status(entry) is OFFERED


async def test_own_time_is_taken_with_the_seat(course: Course) -> None:
    guest, entry = await offer(course)
    other = await course.salon.add_service(name="Massage")
    anna_two = await course.salon.add_member()
    booked = await course.salon.book(course.salon.slot(other, 5, anna_two), guest, contact=GUEST)
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.OVERLAPS_OWN_RESERVATION
    assert await course.status(entry) is OFFERED
    await course.salon.cancel(booked.id, guest)
    assert isinstance(await course.accept(guest, entry), ReservationView)


async def test_visit_is_drawn_from_a_package(course: Course) -> None:
    guest, entry = await offer(course)
    package_id = await course.salon.add(
        "customer_package", customer_id=guest.customer_id, store_id=None, name="Ten lessons",
        service_ids=[str(course.service.id)], sessions_total=10, sessions_left=1, valid_from=None,
        valid_until=None, active=True,
    )  # fmt: skip
    answer = await course.accept(guest, entry, package_id=new_id())
    assert (answer.code, answer.field) == (ReservationErrorCode.PACKAGE_NOT_VALID, ("packageId",))
    made = await course.accept(guest, entry, package_id=package_id)
    assert made.package_id == package_id
    assert await course.salon.list("customer_package", "sessions_left") == [0]


async def test_limit_of_a_customer_binds(course: Course) -> None:
    await course.salon.set_policy(limit_per_customer=1)
    guest, entry = await offer(course)
    await course.salon.book(course.salon.slot(await course.salon.add_service(), 1), guest, contact=GUEST)
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.CUSTOMER_LIMIT_REACHED
    assert await course.status(entry) is OFFERED


async def test_staff_accept_for_the_customer(course: Course) -> None:
    guest, entry = await offer(course)
    made = await course.accept(course.salon.staff, entry)
    assert made.customer_id == guest.customer_id


# ----------------------------------------------------------------------------------------------------------- leaving
async def test_leaving_an_offer_frees_its_seats_for_the_next(course: Course) -> None:
    guest, entry = await offer(course)
    second = await course.join(await course.newcomer())
    left = await course.leave(guest, entry)
    assert (left.status, await course.status(entry)) == (LEFT, LEFT)
    assert await course.seats() == 2
    await course.promote()
    assert await course.status(second) is OFFERED


async def test_leaving_twice_changes_nothing_more(course: Course) -> None:
    guest, entry = await offer(course)
    await asyncio.gather(*(course.leave(guest, entry) for _ in range(4)))
    assert (await course.leave(guest, entry)).status is LEFT
    assert await course.seats() == 2
    assert await course.salon.count("audit_entry", "action = 'leaveWaitlist'") == 1


async def test_leaving_and_accepting_at_once(course: Course) -> None:
    guest, entry = await offer(course)
    made, left = await asyncio.gather(course.accept(guest, entry), course.leave(guest, entry))
    booked = isinstance(made, ReservationView)
    assert booked == isinstance(left, ReservationProblem)
    assert await course.seats() == (3 if booked else 2)


async def test_what_became_a_reservation_cannot_be_left(course: Course) -> None:
    guest, entry = await offer(course)
    await course.accept(guest, entry)
    assert code(await course.leave(guest, entry)) == ("INVALID", "promoted")


# ------------------------------------------------------------------------------------------------------------ reading
async def test_who_sees_what(course: Course) -> None:
    salon, guest, other = course.salon, await course.newcomer(), await course.newcomer()
    entry = await course.join(guest)
    theirs = await course.join(other)
    assert course.slot.session_id
    listed = await list_waitlist(salon.staff, course.slot.session_id)
    assert [each.id for each in listed] == [entry.id, theirs.id]
    assert [each.id for each in await list_own_waitlist(guest)] == [entry.id]
    with pytest.raises(Forbidden):
        await list_waitlist(guest, course.slot.session_id)
    other_store = await salon.add("store", name="Second", time_zone="Asia/Shanghai")
    elsewhere = await salon.enlist(Role.STAFF, store_ids=[other_store])
    for actor in (other, elsewhere):
        with pytest.raises(NotFound):
            await course.leave(actor, entry)
        with pytest.raises(NotFound):
            await course.accept(actor, entry)
    assert await course.status(entry) is WAITING


async def test_offer_that_is_over_is_not_told_any_more(course: Course) -> None:
    guest, entry = await offer(course)
    subject = "WaitlistEntry", course.salon.tenant_id, entry.id
    assert await is_still_valid(*subject, NotificationKind.WAITLIST_OFFERED, 0)
    made = await course.accept(guest, entry)
    assert not await is_still_valid(*subject, NotificationKind.WAITLIST_OFFERED, 0)
    assert await is_still_valid(*subject, NotificationKind.WAITLIST_PROMOTED, 0)
    await course.salon.cancel(made.id, guest)
    assert not await is_still_valid(*subject, NotificationKind.WAITLIST_PROMOTED, 0)


async def test_who_only_waits_takes_nobodys_time(course: Course) -> None:
    before = await course.salon.snapshot()
    await course.join(await course.newcomer())
    assert await course.salon.snapshot() == before
