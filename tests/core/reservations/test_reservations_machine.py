"""Whatever guests and staff do, in whatever order: the database says what a simple model says, and nothing is lost.

`HEXIAO_MACHINE_EXAMPLES` asks for more examples than a run of all tests has time for.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from salon import MORNING
from shop_model import (
    CHANGE,
    CODE,
    CUTOFF,
    GRACE,
    HOLD,
    MOST_HOLDS,
    STATUS,
    Block,
    Entry,
    Hold,
    Visit,
)
from shop_rows import find_broken_rules, read_quotas, read_shop
from shop_world import World

from core.coupons.detached import drain_detached
from core.reservations.cancelling import cancel_as
from core.reservations.guard import Span
from core.reservations.holds import extend_hold, release_hold, sweep_holds
from core.reservations.preorders import LineInput
from core.reservations.setup.blocks import BlockRefused, block_time, unblock_time
from core.reservations.setup.classes import cancel_class
from core.reservations.values import (
    OPEN_STATUSES,
    ReservationProblem,
    ReservationView,
    Slot,
    TakenKind,
)
from core.reservations.visits.check_in import CheckInInput, check_in_reservation, undo_check_in
from core.reservations.visits.no_shows import mark_no_shows
from core.reservations.visits.settling import SettleInput, settle_reservation
from core.reservations.waitlist.joining import JoinInput, join_waitlist, leave_waitlist
from core.reservations.waitlist.offers import AcceptInput, accept_offer
from core.reservations.waitlist.promotion import promote_waitlist
from core.reservations.walk_ins import WalkInInput, book_walk_in
from core.settings import Settings

EXAMPLES = {"sqlite": 60, "postgres": 25}
STEPS = 60
T = TypeVar("T")

KINDS = st.sampled_from(["cut", "cut", "care", "care", "party", "yoga", "takeaway"])
QUARTERS = st.integers(4, 18)
PARTIES = st.sampled_from([1, 1, 1, 2, 3, 5])
GUESTS = st.integers(0, 2)
# Three guests; the staff, for nobody, or for one of the guests.
WHO = st.sampled_from([0, 1, 2, "staff", "staff for 0", "staff for 1"])
# Mostly whoever has the reservation.
CHANGER = st.sampled_from(["owner", "owner", "staff", 0, 1])
TWO = st.integers(0, 1)
ANY = st.integers(0, 30)


class Machine(RuleBasedStateMachine):
    """Every rule does one thing to the shop and to the model, and compares what was answered."""

    world: World

    @initialize()
    def open(self) -> None:
        self.shop = self.run(self.world.reset())
        self.salon, self.again = self.world.salon, None

    def run(self, work: Awaitable[T]) -> T:
        return self.world.run(work)

    # --------------------------------------------------------------------------------------------------------- choosing
    def slot(self, kind: str, quarter: int, member: int, room: int) -> Slot:
        service = self.world.services[kind]
        if kind == "yoga":
            return self.shop.lesson
        rooms = (list(self.world.rooms)[room],) if service.required_resource_kinds else ()
        return self.salon.slot(service, quarter / 4, self.world.staff[member], rooms)

    def actor(self, who: Any) -> Any:
        return self.world.guests[who] if isinstance(who, int) else self.salon.staff

    def guest(self, who: Any) -> int | None:
        if isinstance(who, int):
            return who
        return int(who[-1]) if who != "staff" else None

    def visit(self, which: int, *statuses: Any) -> Visit:
        """Mostly one that is in one of `statuses`, so that something comes of it."""
        fitting = [visit for visit in self.shop.visits if visit.status in statuses]
        chosen = fitting if fitting and which % 5 else self.shop.visits
        return chosen[which % len(chosen)]

    def changer(self, visit: Visit, who: Any) -> Any:
        if who != "owner":
            return who
        return "staff" if visit.guest is None else visit.guest

    def judge(self, answer: Any, reasons: set[Any]) -> bool:
        """Whether it was done; exactly where nothing stands against it, and else for one of the reasons."""
        if isinstance(answer, ReservationProblem):
            assert answer.code in reasons, (answer, reasons)
            return False
        assert not reasons, (answer, reasons)
        return True

    def keep(self, made: ReservationView, **known: Any) -> Visit:
        """The new visit in the model, in the room that it got."""
        slot = Slot(
            made.service_id, made.store_id, made.start, made.end, made.staff_id, made.resource_ids, made.session_id
        )  # fmt: skip
        visit = Visit(
            made.id, made.code, slot=slot, party=made.party_size, status=made.status,
            no_show_at=made.start + GRACE, **known,
        )  # fmt: skip
        self.shop.visits.append(visit)
        return visit

    def check_room(self, made: ReservationView, wanted: Slot, party: int, free: list[Any]) -> None:
        """That which was wanted, if it is free and large enough; else another that is."""
        if wanted.resource_ids:
            assert made.resource_ids[0] in free, "a room that is taken, or too small"
            if wanted.resource_ids[0] in free:
                assert made.resource_ids == wanted.resource_ids

    # ------------------------------------------------------------------------------------------------------------- holds
    @rule(kind=KINDS, quarter=QUARTERS, member=TWO, room=TWO, party=PARTIES, who=WHO)
    def hold(self, kind: str, quarter: int, member: int, room: int, party: int, who: Any) -> None:
        slot, actor, key = self.slot(kind, quarter, member, room), self.actor(who), self.salon.key()
        who = who if isinstance(who, int) else None
        reasons = self.shop.refuse_rules(slot, party, customer=who is not None)
        reasons |= self.shop.refuse_place(slot, party)
        if who is not None and [h.guest for h in self.shop.living_holds()].count(who) >= MOST_HOLDS:
            reasons.add(CODE.CUSTOMER_LIMIT_REACHED)
        free = self.shop.list_free_rooms(slot, party)
        answer = self.run(self.salon.hold(slot, actor, party, key))
        if self.judge(answer, reasons):
            self.check_room(answer.slot, slot, party, free)
            held = Hold(
                answer.id, who, replace(slot, resource_ids=answer.slot.resource_ids), party, answer.expires_at
            )
            assert held.expires == self.shop.now + HOLD
            self.shop.holds.append(held)

    @precondition(lambda self: self.shop.holds)
    @rule(which=ANY)
    def extend(self, which: int) -> None:
        hold = self.shop.holds[which % len(self.shop.holds)]
        reasons = set() if hold in self.shop.living_holds() else {CODE.HOLD_EXPIRED}
        if hold.extended and not reasons:
            reasons = {CODE.INVALID}
        answer = self.run(extend_hold(self.salon.runtime, self.holder(hold), hold.id))
        if self.judge(answer, reasons):
            hold.extended, hold.expires = True, hold.expires + HOLD
            assert answer.expires_at == hold.expires

    @precondition(lambda self: self.shop.holds)
    @rule(which=ANY)
    def release(self, which: int) -> None:
        hold = self.shop.holds[which % len(self.shop.holds)]
        answer = self.run(release_hold(self.salon.runtime, self.holder(hold), hold.id))
        if hold.status == "USED":
            assert getattr(answer, "code", None) is CODE.HOLD_EXPIRED
            return
        assert answer is None
        hold.status = "RELEASED"

    @precondition(lambda self: self.shop.holds)
    @rule(which=ANY, thief=GUESTS)
    def steal(self, which: int, thief: int) -> None:
        hold = self.shop.holds[which % len(self.shop.holds)]
        if hold.guest != thief:
            actor = self.world.guests[thief]
            for answer in (
                self.run(self.salon.book(None, actor, hold_id=hold.id)),
                self.run(extend_hold(self.salon.runtime, actor, hold.id)),
                self.run(release_hold(self.salon.runtime, actor, hold.id)),
            ):
                assert getattr(answer, "code", None) is CODE.HOLD_EXPIRED

    def holder(self, hold: Hold) -> Any:
        return self.salon.staff if hold.guest is None else self.world.guests[hold.guest]

    # ----------------------------------------------------------------------------------------------------------- booking
    @rule(
        kind=KINDS, quarter=QUARTERS, member=TWO, room=TWO, party=PARTIES, who=WHO, package=st.booleans(),
        fish=st.sampled_from([0, 0, 1, 2]), coupon=st.sampled_from([None, None, 0, 1]),
    )  # fmt: skip
    def book(
        self, kind: str, quarter: int, member: int, room: int, party: int, who: Any, package: bool, fish: int,
        coupon: int | None,
    ) -> None:  # fmt: skip
        slot = self.slot(kind, quarter, member, room)
        reasons = self.shop.refuse_rules(slot, party, customer=isinstance(who, int))
        reasons |= self.shop.refuse_place(slot, party)
        free = self.shop.list_free_rooms(slot, party)
        made = self.place(who, slot, party, reasons, package, fish, coupon, slot_token=self.salon.token(slot))
        if made is not None:
            self.check_room(made, slot, party, free)

    @precondition(lambda self: self.shop.holds)
    @rule(which=ANY, package=st.booleans(), fish=st.sampled_from([0, 2]))
    def book_hold(self, which: int, package: bool, fish: int) -> None:
        hold = self.shop.holds[which % len(self.shop.holds)]
        living = hold in self.shop.living_holds()
        reasons = set() if living else {CODE.HOLD_EXPIRED}
        who = "staff" if hold.guest is None else hold.guest
        made = self.place(who, hold.slot, hold.party, reasons, package, fish, None, hold_id=hold.id)
        if made is not None:
            hold.status = "USED"
            assert made.resource_ids == hold.slot.resource_ids

    def place(
        self, who: Any, slot: Slot, party: int, reasons: set[Any], package: bool, fish: int, coupon: int | None,
        **chosen: Any,
    ) -> ReservationView | None:  # fmt: skip
        """Books with extras, for whom it is. `reasons` are those against the place."""
        shop, guest, own = self.shop, self.guest(who), isinstance(who, int)
        owner = guest if guest is not None else 0
        reasons = set(reasons)
        if own:
            reasons |= shop.refuse_own(who, slot) | shop.refuse_quota(who, slot.service_id)
        if package:
            reasons |= shop.refuse_package(guest, slot)
        if fish > shop.stock:
            reasons.add(CODE.OUT_OF_STOCK)
        given: dict[str, Any] = {
            "party_size": party if "slot_token" in chosen else 1, "idempotency_key": self.salon.key(), **chosen,
            "package_id": self.world.packages[owner] if package else None,
            "preorder": (LineInput(self.world.sku, fish),) if fish else (),
            "coupon_codes": (self.world.coupons[coupon],) if coupon is not None else (),
            "customer_id": None if own or guest is None else shop.guests[guest],
        }  # fmt: skip
        actor = self.actor(who)
        answer = self.run(self.salon.book(None, actor, **given))
        self.again = lambda: self.salon.book(None, actor, **given), answer
        if not self.judge(answer, reasons):
            return None
        self.keep(
            answer, guest=guest, own=own, draw="DRAWN" if package else None, stock=fish, coupon=coupon,
            coupon_status="ATTACHED" if coupon is not None else None,
        )  # fmt: skip
        return answer

    @rule(kind=KINDS, member=TWO, party=PARTIES)
    def walk_in(self, kind: str, member: int, party: int) -> None:
        """Now, with one of the staff; classes are walked into by booking them."""
        if kind == "yoga":
            return
        slot = self.slot(kind, 0, member, 0)
        start = self.shop.now - timedelta(seconds=self.shop.now.timestamp() % 300)
        slot = replace(slot, start=start, end=start + (slot.end - slot.start))
        reasons = self.shop.refuse_rules(slot, party, customer=False) | self.shop.refuse_place(slot, party)
        if CODE.SLOT_TAKEN in reasons:
            reasons.add(CODE.RESOURCE_UNAVAILABLE)
        free = self.shop.list_free_rooms(slot, party)
        wanted = WalkInInput(
            self.salon.store_id, slot.service_id, self.salon.key(), staff_id=slot.staff_id, party_size=party
        )
        answer = self.run(book_walk_in(self.salon.runtime, self.salon.staff, wanted))
        self.again = lambda: book_walk_in(self.salon.runtime, self.salon.staff, wanted), answer
        if self.judge(answer, reasons):
            assert answer.status is STATUS.CHECKED_IN
            assert not free or not answer.resource_ids or answer.resource_ids[0] in free
            self.keep(answer, guest=None, own=False)

    # ---------------------------------------------------------------------------------------------------------- changing
    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY, quarter=QUARTERS, member=TWO, room=TWO, who=CHANGER)
    def reschedule(self, which: int, quarter: int, member: int, room: int, who: Any) -> None:
        visit, shop = self.visit(which, *OPEN_STATUSES), self.shop
        who = self.changer(visit, who)
        kind = next(name for name, each in self.world.services.items() if each.id == visit.slot.service_id)
        slot, key = self.slot(kind, quarter, member, room), self.salon.key()
        reasons = self.refuse_change(visit, who)
        customer = isinstance(who, int)
        reasons |= shop.refuse_rules(slot, visit.party, customer=customer)
        stays = slot.service_id == shop.lesson.service_id
        reasons |= set() if stays else shop.refuse_place(slot, visit.party, visit.id)
        if visit.own and visit.guest is not None:
            reasons |= shop.refuse_own(visit.guest, slot, visit.id)
        free = shop.list_free_rooms(slot, visit.party, visit.id)
        answer = self.run(self.salon.move(visit.id, slot, self.actor(who), key))
        if not self.judge(answer, reasons):
            return
        self.check_room(answer, slot, visit.party, free)
        visit.slot = replace(slot, resource_ids=answer.resource_ids, session_id=answer.session_id)
        visit.version, visit.sequence = visit.version + 1, visit.sequence + 1
        visit.no_show_at = slot.start + GRACE
        assert (answer.id, answer.code) == (visit.id, visit.code)

    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY, who=CHANGER)
    def cancel(self, which: int, who: Any) -> None:
        visit, key = self.visit(which, *OPEN_STATUSES), self.salon.key()
        who = self.changer(visit, who)
        actor = self.actor(who)
        reasons = self.refuse_change(visit, who)
        answer = self.run(self.salon.cancel(visit.id, actor, key))
        self.again = lambda: self.salon.cancel(visit.id, actor, key), answer
        if self.judge(answer, reasons):
            by_guest = isinstance(who, int)
            self.shop.cancel(visit, STATUS.CANCELLED_BY_CUSTOMER if by_guest else STATUS.CANCELLED_BY_STORE)

    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY)
    def cancel_elsewhere(self, which: int) -> None:
        """As a channel reports it: also too late, which costs the session."""
        visit, status = self.visit(which, *OPEN_STATUSES), STATUS.CANCELLED_BY_CUSTOMER
        answer = self.run(cancel_as(self.salon.runtime, self.salon.tenant_id, visit.id, status))
        if self.judge(answer, self.refuse_change(visit, "staff")):
            self.shop.cancel(visit, status, late=self.is_late(visit))

    def refuse_change(self, visit: Visit, who: Any) -> set[Any]:
        if isinstance(who, int) and visit.guest != who:
            return {CODE.UNKNOWN_RESERVATION}
        if not visit.is_open:
            return {CODE.ALREADY_CANCELLED if visit.cancelled else CODE.INVALID}
        late = isinstance(who, int) and self.is_late(visit)
        return {CODE.OUTSIDE_CHANGE_WINDOW} if late else set()

    def is_late(self, visit: Visit) -> bool:
        return self.shop.now > visit.slot.start - CHANGE

    # ------------------------------------------------------------------------------------------------------------ visiting
    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY)
    def check_in(self, which: int) -> None:
        visit = self.visit(which, *OPEN_STATUSES, STATUS.NO_SHOW)
        wanted = CheckInInput(self.salon.store_id, self.salon.key(), code=visit.code)
        result = self.run(check_in_reservation(self.salon.runtime, self.salon.staff, wanted))
        if visit.cancelled:
            assert [each.code for each in result.problems] == [CODE.ALREADY_CANCELLED]
        elif visit.status in (STATUS.CHECKED_IN, STATUS.COMPLETED):
            assert [each.code for each in result.problems] == [CODE.ALREADY_CHECKED_IN]
        else:
            assert result.reservation is not None
            visit.change(STATUS.CHECKED_IN)
            self.redeem(visit, [each.code for each in result.problems])

    def redeem(self, visit: Visit, problems: list[Any]) -> None:
        """A coupon is used by the first guest who brings it, and keeps none of the others out."""
        refused = visit.coupon_status == "REFUSED"
        if visit.coupon_status == "ATTACHED":
            refused = visit.coupon in self.shop.used_coupons
            visit.coupon_status = "REFUSED" if refused else "REDEEMED"
            self.shop.used_coupons.add(visit.coupon)  # type: ignore[arg-type]
        assert problems == ([CODE.COUPON_REFUSED] if refused else [])

    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY)
    def undo(self, which: int) -> None:
        visit, key = self.visit(which, STATUS.CHECKED_IN), self.salon.key()
        answer = self.run(undo_check_in(self.salon.runtime, self.salon.staff, visit.id, key))
        self.again = (
            lambda: undo_check_in(self.salon.runtime, self.salon.staff, visit.id, key),
            answer,
        )
        if self.judge(answer, set() if visit.status is STATUS.CHECKED_IN else {CODE.INVALID}):
            visit.change(STATUS.CONFIRMED)
            visit.no_show_at = visit.slot.start + GRACE

    @precondition(lambda self: self.shop.visits)
    @rule(which=ANY)
    def settle(self, which: int) -> None:
        visit = self.visit(which, STATUS.CHECKED_IN)
        wanted = SettleInput(visit.id, self.salon.key(), spent=1050)
        answer = self.run(settle_reservation(self.salon.runtime, self.salon.staff, wanted))
        self.again = lambda: settle_reservation(self.salon.runtime, self.salon.staff, wanted), answer
        if self.judge(answer, set() if visit.status is STATUS.CHECKED_IN else {CODE.INVALID}):
            visit.change(STATUS.COMPLETED)
            visit.points = 10
            visit.draw = "SPENT" if visit.draw == "DRAWN" else visit.draw

    # -------------------------------------------------------------------------------------------------------------- blocks
    @rule(quarter=QUARTERS, which=st.integers(0, 3))
    def block(self, quarter: int, which: int) -> None:
        target = [*self.world.staff, *self.world.rooms][which]
        start = MORNING + timedelta(minutes=15 * quarter)
        span = Span(start, start + timedelta(hours=1))
        kind = TakenKind.STAFF if which < 2 else TakenKind.RESOURCE
        answer = self.run(
            block_time(self.salon.runtime, self.salon.owner, self.salon.store_id, kind, target, span)
        )
        free = self.shop.is_span_free(target, span.start, span.end)
        assert isinstance(answer, BlockRefused) != free
        if not isinstance(answer, BlockRefused):
            self.shop.blocks.append(Block(answer.id, target, span.start, span.end))

    @precondition(lambda self: self.shop.blocks)
    @rule(which=ANY)
    def unblock(self, which: int) -> None:
        block = self.shop.blocks.pop(which % len(self.shop.blocks))
        self.run(unblock_time(self.salon.owner, block.id))

    # ------------------------------------------------------------------------------------------------------------ waitlist
    @precondition(lambda self: self.shop.lesson_open)
    @rule(who=WHO, leaving=TWO)
    def fill(self, who: Any, leaving: int) -> None:
        """The class is booked out, or nearly."""
        left = self.shop.lesson_seats - self.shop.count_seats(self.shop.lesson_key) - leaving
        if left > 0:
            self.book("yoga", 0, 0, 0, left, who, package=False, fish=0, coupon=None)

    @precondition(lambda self: self.shop.count_seats(self.shop.lesson_key) > 1)
    @rule(guest=GUESTS, party=st.sampled_from([1, 1, 2]))
    def join(self, guest: int, party: int) -> None:
        self.run(sweep_holds(self.salon.runtime))
        self.shop.sweep_holds()
        wanted = JoinInput(self.shop.lesson.session_id, party, self.salon.key())  # type: ignore[arg-type]
        actor = self.world.guests[guest]
        reasons = self.refuse_waiting(guest, party)
        answer = self.run(join_waitlist(self.salon.runtime, actor, wanted))
        self.again = lambda: join_waitlist(self.salon.runtime, actor, wanted), answer
        if self.judge(answer, reasons):
            self.shop.entries.append(Entry(answer.id, guest, party))

    def refuse_waiting(self, guest: int, party: int) -> set[Any]:
        shop, lesson = self.shop, self.shop.lesson
        waits = any(each.guest == guest and each.status in ("WAITING", "OFFERED") for each in shop.entries)
        in_vain = not shop.lesson_open or shop.now >= lesson.start - CUTOFF
        reasons = {CODE.INVALID} if waits or in_vain or not shop.refuse_place(lesson, party) else set()
        if any(
            visit.guest == guest and visit.is_open and visit.slot.service_id == lesson.service_id
            for visit in shop.visits
        ):
            reasons.add(CODE.OVERLAPS_OWN_RESERVATION)
        return reasons

    @rule()
    def promote(self) -> None:
        self.run(sweep_holds(self.salon.runtime))
        self.run(promote_waitlist(self.salon.runtime))
        self.shop.sweep_holds()
        self.shop.promote()

    @precondition(lambda self: any(entry.status == "WAITING" for entry in self.shop.entries))
    @rule(which=ANY)
    def free(self, which: int) -> None:
        """Somebody of the class cancels while others wait, and the waitlist is looked through."""
        lesson = self.shop.lesson.service_id
        seated = [each for each in self.shop.visits if each.is_open and each.slot.service_id == lesson]
        if seated:
            visit = seated[which % len(seated)]
            assert isinstance(self.run(self.salon.cancel(visit.id, self.salon.staff)), ReservationView)
            self.shop.cancel(visit, STATUS.CANCELLED_BY_STORE)
        self.promote()

    @precondition(lambda self: self.shop.entries)
    @rule(which=ANY, package=st.booleans(), by_staff=st.booleans())
    def accept(self, which: int, package: bool, by_staff: bool) -> None:
        shop, offered = self.shop, [each for each in self.shop.entries if each.status == "OFFERED"]
        chosen = offered if offered and which % 5 else shop.entries
        entry = chosen[which % len(chosen)]
        reasons = set() if by_staff else shop.refuse_own(entry.guest, shop.lesson)
        reasons |= set() if by_staff else shop.refuse_quota(entry.guest, shop.lesson.service_id)
        reasons |= shop.refuse_package(entry.guest, shop.lesson) if package else set()
        if entry.status in ("WAITING", "PROMOTED"):
            reasons = {CODE.INVALID}
        elif entry.status != "OFFERED" or shop.is_over(entry) or not shop.lesson_open:
            reasons = {CODE.HOLD_EXPIRED}
        wanted = AcceptInput(
            entry.id, self.salon.key(), self.world.packages[entry.guest] if package else None
        )
        actor = self.salon.staff if by_staff else self.world.guests[entry.guest]
        answer = self.run(accept_offer(self.salon.runtime, actor, wanted))
        self.again = lambda: accept_offer(self.salon.runtime, actor, wanted), answer
        if self.judge(answer, reasons):
            entry.status, entry.visit = "PROMOTED", answer.id
            self.keep(answer, guest=entry.guest, own=not by_staff, draw="DRAWN" if package else None)

    @precondition(lambda self: self.shop.entries)
    @rule(which=ANY)
    def leave(self, which: int) -> None:
        entry = self.shop.entries[which % len(self.shop.entries)]
        answer = self.run(leave_waitlist(self.salon.runtime, self.world.guests[entry.guest], entry.id))
        if self.judge(answer, {CODE.INVALID} if entry.status == "PROMOTED" else set()):
            entry.status = "LEFT" if entry.status in ("WAITING", "OFFERED") else entry.status

    @precondition(lambda self: self.shop.lesson_open and len(self.shop.visits) > 4)
    @rule(really=st.sampled_from([False, False, False, True]))
    def cancel_lesson(self, really: bool) -> None:
        if really:
            session = self.shop.lesson.session_id
            self.run(cancel_class(self.salon.runtime, self.salon.owner, session, "ill"))  # type: ignore[arg-type]
            self.shop.close_lesson()

    # ---------------------------------------------------------------------------------------------------------------- time
    @rule(minutes=st.sampled_from([1, 4, 4, 7, 20, 45, 90]))
    def wait(self, minutes: int) -> None:
        self.shop.now = self.salon.clock.advance(60 * minutes)

    @rule()
    def sweep(self) -> None:
        self.run(sweep_holds(self.salon.runtime))
        self.run(mark_no_shows(self.salon.runtime))
        self.shop.sweep_holds()
        self.shop.mark_no_shows()

    @precondition(lambda self: self.again)
    @rule()
    def repeat(self) -> None:
        """The last mutation with the same key answers the same, and does nothing."""
        work, before = self.again  # type: ignore[misc]
        answer = self.run(work())
        if isinstance(before, ReservationProblem):
            assert (answer.code, answer.field) == (before.code, before.field)
        else:
            assert answer.id == before.id

    # --------------------------------------------------------------------------------------------------------------- always
    @invariant()
    def agree(self) -> None:
        found, expected = self.run(read_shop(self.shop.now)), self.shop.show()
        assert found == expected
        assert self.run(find_broken_rules()) == []

    @invariant()
    def count_quotas(self) -> None:
        """A counter may be above what is open until somebody is refused by it, but never below."""
        quotas = self.run(read_quotas())
        for index, guest in enumerate(self.shop.guests):
            scopes = {self.salon.store_id: None, **{each: each for each in self.shop.services}}
            for scope, service_id in scopes.items():
                if (guest, scope) in quotas:
                    assert quotas[guest, scope] >= self.shop.count_open(index, service_id)

    def teardown(self) -> None:
        self.world.run(drain_detached(10))


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    opened = World(settings)
    try:
        opened.run(opened.open())
        yield opened
    finally:
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"], indirect=True)
def test_shop_is_what_the_model_says(world: World, database_kind: str) -> None:
    machine: Callable[[], Machine] = type("Bound", (Machine,), {"world": world})
    examples = int(os.environ.get("HEXIAO_MACHINE_EXAMPLES", EXAMPLES[database_kind]))
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
