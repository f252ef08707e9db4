"""Booking: what the platform has is read whole and right, and what it is told happens there, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.channels.contract import (
    BookingAnswer,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    Capability,
    ReservationBehaviour,
)
from core.testing.booking_bench import REPORTED, BookingBench

STATES = tuple(each for each in BookingStatus if each is not BookingStatus.UNRECOGNISED)


class BookingRules:
    """What `Reservations` promises while the platform works."""

    async def test_bookings_are_as_declared(self, bench: BookingBench) -> None:
        declared = Capability.RESERVATIONS in bench.channel.capabilities
        assert declared, "the suite is for channels that declare RESERVATIONS"
        assert isinstance(bench.behaviour, ReservationBehaviour)
        assert bench.behaviour.reports <= REPORTED, "reports what no shop can report"

    # --------------------------------------------------------------------------------------------- reading
    async def test_booking_is_found(self, bench: BookingBench) -> None:
        reference = bench.make()
        booking, facts = await bench.find_well(reference), bench.platform.read_booking(reference)
        assert booking.start == facts.start, f"begins {booking.start}, the platform has {facts.start}"
        for name in ("party_size", "service_reference", "phone", "customer_name"):
            if getattr(facts, name) is not None:
                assert getattr(booking, name) == getattr(facts, name), f"another {name} than the platform has"

    async def test_every_booking_status_is_read(self, bench: BookingBench) -> None:
        for status in STATES:
            if bench.holds(status):
                found = (await bench.find_well(bench.make(status))).status
                assert found is status, f"{status} is read as {found}"

    async def test_unknown_booking_is_none(self, bench: BookingBench) -> None:
        assert await bench.find(bench.platform.unknown) is None, "found what the platform does not have"

    async def test_bookings_are_listed(self, bench: BookingBench) -> None:
        inside = {bench.make(hours=24 + hours) for hours in range(7)}
        outside = {bench.make(hours=hours) for hours in (23, 31)}
        query = BookingQuery(bench.now + timedelta(hours=24), bench.now + timedelta(hours=31))
        listed = [each.reference for each in await bench.list(query)]
        assert set(listed) >= inside, "bookings are missing from the list"
        assert not outside & set(listed), "bookings outside of the window are listed"
        assert len(set(listed)) == len(listed), "a booking is listed twice"

    async def test_list_agrees_with_look(self, bench: BookingBench) -> None:
        reference = bench.make()
        query = BookingQuery(bench.now + timedelta(hours=24), bench.now + timedelta(hours=25))
        [listed] = [each for each in await bench.list(query) if each.reference == reference]
        found = await bench.find_well(reference)
        for name in ("status", "start", "end", "party_size", "service_reference", "staff_reference", "token"):
            assert getattr(listed, name) == getattr(found, name), f"list and look have another {name}"

    async def test_other_store_has_its_own_bookings(self, bench: BookingBench) -> None:
        if not bench.holds("other_store"):
            return
        reference = bench.make()
        other = bench.platform.open_other_session()
        bench.session = replace(bench.session, external_store_id=other.external_store_id)
        query = BookingQuery(bench.now + timedelta(hours=24), bench.now + timedelta(hours=25))
        assert reference not in [each.reference for each in await bench.list(query)]

    # -------------------------------------------------------------------------------------------- deciding
    async def test_booking_is_accepted(self, bench: BookingBench) -> None:
        if bench.behaviour.awaits_decision:
            reference = bench.make(BookingStatus.REQUESTED)
            expect_taken(await bench.decide(reference))
            assert bench.status_of(reference) is BookingStatus.CONFIRMED, "a yes did not arrive"

    async def test_booking_is_rejected(self, bench: BookingBench) -> None:
        if bench.behaviour.awaits_decision:
            reference = bench.make(BookingStatus.REQUESTED)
            expect_taken(await bench.decide(reference, accept=False))
            assert bench.status_of(reference) is BookingStatus.REJECTED, "a no did not arrive"

    async def test_repeated_decision_is_harmless(self, bench: BookingBench) -> None:
        if not bench.behaviour.awaits_decision:
            return
        for accept in (True, False):
            reference = bench.make(BookingStatus.REQUESTED)
            expect_taken(await bench.decide(reference, accept=accept))
            expect_settled(await bench.decide(reference, accept=accept))

    async def test_cancelled_booking_is_not_accepted(self, bench: BookingBench) -> None:
        if not bench.behaviour.awaits_decision:
            return
        reference = bench.make(BookingStatus.REQUESTED)
        bench.platform.cancel_booking(reference)
        answer = await bench.decide(reference)
        assert isinstance(answer, BookingRefused), "a cancelled booking was accepted"
        assert not answer.settled, "a cancelled booking is called accepted"
        assert bench.status_of(reference) is BookingStatus.CANCELLED

    # ------------------------------------------------------------------------------------------- reporting
    async def test_reports_are_told(self, bench: BookingBench) -> None:
        for status in sorted(bench.behaviour.reports):
            reference = bench.make()
            expect_taken(await bench.report(reference, status))
            told = bench.status_of(reference)
            assert told is status, f"{status} was reported, and the platform has {told}"

    async def test_repeated_report_is_harmless(self, bench: BookingBench) -> None:
        for status in sorted(bench.behaviour.reports):
            reference = bench.make()
            expect_taken(await bench.report(reference, status))
            expect_settled(await bench.report(reference, status))
            assert bench.status_of(reference) is status

    async def test_report_on_unknown_is_refused(self, bench: BookingBench) -> None:
        for status in sorted(bench.behaviour.reports):
            answer = await bench.report(bench.platform.unknown, status)
            assert isinstance(answer, BookingRefused), "reported on a booking that there is not"
            assert not answer.settled, "a booking that there is not stands as told"

    # ----------------------------------------------------------------------------------------------- ours
    async def test_ours_is_placed(self, bench: BookingBench) -> None:
        if not bench.behaviour.takes_ours:
            return
        order = bench.order()
        booking = await bench.find_well(expect_taken(await bench.place(order)))
        assert (booking.token, booking.start) == (order.token, order.start), "ours is not known by its token"
        assert booking.service_reference == order.service_reference

    async def test_ours_is_placed_once(self, bench: BookingBench) -> None:
        if not bench.behaviour.takes_ours:
            return
        order = bench.order()
        first = expect_taken(await bench.place(order))
        made = bench.platform.count_bookings()
        assert expect_taken(await bench.place(order)) == first, "a repeat was another booking"
        assert bench.platform.count_bookings() == made, "a repeat was another booking"

    async def test_ours_is_moved(self, bench: BookingBench) -> None:
        if not bench.behaviour.takes_ours:
            return
        order = bench.order()
        reference = expect_taken(await bench.place(order))
        later = replace(order, start=order.start + timedelta(hours=2), end=order.end + timedelta(hours=2))
        for _ in range(2):
            expect_settled(await bench.move(reference, later))
            assert bench.platform.read_booking(reference).start == later.start, "it was not moved"


def expect_taken(answer: BookingAnswer) -> str:
    assert isinstance(answer, BookingTaken), f"a good call was refused: {answer!r}"
    return answer.reference


def expect_settled(answer: BookingAnswer) -> None:
    """What stands as told is no refusal that anybody has to look at."""
    settled = isinstance(answer, BookingTaken) or answer.settled
    assert settled, f"a repeat of what was done is refused: {answer!r}"
