"""Offered seats: taken once, given back once, and told of only while they stand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from course import Course, code
from salon import GUEST

from core.access.values import Role
from core.db.statements import fetch_rows
from core.errors import Forbidden, NotFound
from core.ids import new_id
from core.notifications.validity import is_still_valid
from core.notifications.values import NotificationKind
from core.reservations.setup.classes import cancel_class
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.reservations.waitlist import promotion
from core.reservations.waitlist.joining import list_own_waitlist, list_waitlist
from core.reservations.waitlist.promotion import promote_waitlist
from core.reservations.waitlist.rows import EntryView, WaitlistStatus, find_entry, load_open_entries

WAITING, OFFERED, PROMOTED = WaitlistStatus.WAITING, WaitlistStatus.OFFERED, WaitlistStatus.PROMOTED
EXPIRED, LEFT = WaitlistStatus.EXPIRED, WaitlistStatus.LEFT


# ---------------------------------------------------------------------------------------------------------- accepting
async def test_accepted_offer_becomes_a_reservation(course: Course) -> None:
    guest, entry = await course.offer(2)
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
    guest, entry = await course.offer()
    made = await course.accept(guest, entry)
    await course.salon.cancel(made.id, guest)
    assert await course.seats() == 2


async def test_accepting_twice(course: Course) -> None:
    guest, entry = await course.offer()
    first, twin = await asyncio.gather(course.accept(guest, entry, "k"), course.accept(guest, entry, "k"))
    assert first.id == twin.id == (await course.accept(guest, entry, "k")).id
    assert code(await course.accept(guest, entry)) == ("INVALID", "promoted")
    assert await course.salon.count("reservation", f"customer_id = '{guest.customer_id}'") == 1


async def test_several_keys_at_once_make_one_reservation(course: Course) -> None:
    guest, entry = await course.offer()
    answers = await asyncio.gather(*(course.accept(guest, entry) for _ in range(5)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert await course.seats() == 3


async def test_too_late(course: Course) -> None:
    guest, entry = await course.offer()
    course.salon.clock.advance(timedelta(minutes=30))
    answer = await course.accept(guest, entry)
    assert (answer.code, answer.field) == (ReservationErrorCode.HOLD_EXPIRED, ("entryId",))
    assert await course.salon.count("reservation", f"customer_id = '{guest.customer_id}'") == 0


async def test_accepting_and_running_out_at_once(course: Course) -> None:
    """One of the two wins, and the seats count once."""
    guest, entry = await course.offer()
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
    guest, entry = await course.offer()
    assert course.slot.session_id
    await cancel_class(course.salon.runtime, course.salon.owner, course.slot.session_id, "ill")
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.HOLD_EXPIRED
    assert await course.status(entry) is OFFERED


async def test_own_time_is_taken_with_the_seat(course: Course) -> None:
    guest, entry = await course.offer()
    other = await course.salon.add_service(name="Massage")
    anna_two = await course.salon.add_member()
    booked = await course.salon.book(course.salon.slot(other, 5, anna_two), guest, contact=GUEST)
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.OVERLAPS_OWN_RESERVATION
    assert await course.status(entry) is OFFERED
    await course.salon.cancel(booked.id, guest)
    assert isinstance(await course.accept(guest, entry), ReservationView)


async def test_visit_is_drawn_from_a_package(course: Course) -> None:
    guest, entry = await course.offer()
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
    guest, entry = await course.offer()
    await course.salon.book(course.salon.slot(await course.salon.add_service(), 1), guest, contact=GUEST)
    answer = await course.accept(guest, entry)
    assert answer.code is ReservationErrorCode.CUSTOMER_LIMIT_REACHED
    assert await course.status(entry) is OFFERED


async def test_staff_accept_for_the_customer(course: Course) -> None:
    guest, entry = await course.offer()
    made = await course.accept(course.salon.staff, entry)
    assert made.customer_id == guest.customer_id


# ----------------------------------------------------------------------------------------------------------- leaving
async def test_leaving_an_offer_frees_its_seats_for_the_next(course: Course) -> None:
    guest, entry = await course.offer()
    second = await course.join(await course.newcomer())
    left = await course.leave(guest, entry)
    assert (left.status, await course.status(entry)) == (LEFT, LEFT)
    assert await course.seats() == 2
    await course.promote()
    assert await course.status(second) is OFFERED


async def test_leaving_twice_changes_nothing_more(course: Course) -> None:
    guest, entry = await course.offer()
    await asyncio.gather(*(course.leave(guest, entry) for _ in range(4)))
    assert (await course.leave(guest, entry)).status is LEFT
    assert await course.seats() == 2
    assert await course.salon.count("audit_entry", "action = 'leaveWaitlist'") == 1


async def test_leaving_and_accepting_at_once(course: Course) -> None:
    guest, entry = await course.offer()
    made, left = await asyncio.gather(course.accept(guest, entry), course.leave(guest, entry))
    booked = isinstance(made, ReservationView)
    assert booked == isinstance(left, ReservationProblem)
    assert await course.seats() == (3 if booked else 2)


async def test_who_leaves_while_offers_are_made_gets_none(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await course.newcomer()
    entry, second = await course.join(guest), await course.join(await course.newcomer())
    await course.free()

    async def leave_meanwhile(*wanted: UUID) -> list[EntryView]:
        found = await load_open_entries(*wanted)
        await course.leave(guest, entry)
        return found

    monkeypatch.setattr(promotion, "load_open_entries", leave_meanwhile)
    assert await course.promote() == 1
    assert (await course.status(entry), await course.status(second)) == (LEFT, OFFERED)
    assert await course.seats() == 3


async def test_what_became_a_reservation_cannot_be_left(course: Course) -> None:
    guest, entry = await course.offer()
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
    guest, entry = await course.offer()
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


async def test_seats_add_up_whatever_happens_at_once(course: Course) -> None:
    """Every seat that counts as taken is somebody's: a reservation's or an offer's."""
    salon = course.salon
    waiting = [await course.newcomer() for _ in range(5)]
    entries = [await course.join(guest, 1 + number % 2) for number, guest in enumerate(waiting)]
    pairs = list(zip(waiting, entries, strict=True))
    for number in range(3):
        gone = course.booked.pop(), course.guests.pop()
        await asyncio.gather(
            salon.cancel(gone[0].id, gone[1]),
            course.promote(),
            *(course.accept(guest, entry) for guest, entry in pairs[number:]),
            course.leave(*pairs[-number - 1]),
            salon.book(course.slot, await course.newcomer(), contact=GUEST),
            course.promote(),
        )
        taken = (
            "SELECT (SELECT coalesce(sum(party_size), 0) FROM reservation WHERE status = 'CONFIRMED') AS booked,"
            " (SELECT coalesce(sum(party_size), 0) FROM waitlist_entry WHERE status = 'OFFERED') AS offered"
        )
        (row,) = await fetch_rows(taken)
        assert await course.seats() == int(row["booked"]) + int(row["offered"]) <= 3
