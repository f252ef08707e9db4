"""Booking: all that a reservation takes together, or nothing; the reason in words, and once per key."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from salon import GUEST, MORNING

from core.access.privacy import open_phone
from core.access.values import Role
from core.coupons.house_codes import make_code
from core.db.statements import execute, fetch_row
from core.errors import BadInput, IdempotencyKeyReused, NotFound, Unauthenticated
from core.ids import new_id
from core.reservations.preorders import LineInput
from core.reservations.values import (
    Contact,
    ReservationErrorCode,
    ReservationStatus,
    ReservationView,
    ServiceKind,
)

CODE = ReservationErrorCode


async def test_books_the_slot(salon):
    service = await salon.add_service(buffer_after_minutes=10)
    made = await salon.book(salon.slot(service))
    assert (made.status, made.start, made.staff_id) == (
        ReservationStatus.CONFIRMED,
        MORNING + timedelta(hours=1),
        salon.anna,
    )
    assert sorted(await salon.list("booking_allocation", "taken_kind", "state")) == [
        ("CUSTOMER", "CONFIRMED"),
        ("STAFF", "CONFIRMED"),
    ]
    assert await salon.list("reservation_revision", "version", "action") == [(1, "bookReservation")]
    assert await salon.count("outbox_event", "kind = 'reservation.changed'") == 1
    assert await salon.count("audit_entry", "action = 'bookReservation'") == 1


async def test_taken_slot_is_refused_with_others(salon):
    service = await salon.add_service()
    await salon.book(salon.slot(service))
    before = await salon.snapshot()
    problem = await salon.book(salon.slot(service, 1.5), await salon.enlist())
    assert (problem.code, problem.field) == (CODE.SLOT_TAKEN, ("slotToken",))
    assert problem.suggestions
    assert all(
        each.start >= MORNING + timedelta(hours=2) or each.end <= MORNING + timedelta(hours=1)
        for each in problem.suggestions
    )
    assert await salon.snapshot() == before


async def test_one_of_thirty_gets_it(salon):
    service = await salon.add_service()
    people = [await salon.enlist() for _ in range(30)]
    answers = await asyncio.gather(*(salon.book(salon.slot(service), each) for each in people))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert {each.code for each in answers if not isinstance(each, ReservationView)} == {CODE.SLOT_TAKEN}
    assert await salon.count("reservation") == 1


async def test_a_free_room_instead_of_a_taken_one(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    one, two = await salon.add_room(), await salon.add_room()
    first = await salon.book(salon.slot(service, rooms=(one,)), salon.staff)
    second = await salon.book(salon.slot(service, rooms=(one,)), salon.staff)
    third = await salon.book(salon.slot(service, rooms=(one,)), salon.staff)
    assert (first.resource_ids, second.resource_ids) == ((one,), (two,))
    assert third.code is CODE.SLOT_TAKEN


async def test_as_many_parties_as_rooms_at_once(salon):
    service = await salon.add_service(ServiceKind.ROOM)
    rooms = [await salon.add_room() for _ in range(4)]
    answers = await asyncio.gather(
        *(salon.book(salon.slot(service, rooms=(rooms[0],)), salon.staff) for _ in range(8))
    )
    booked = [each.resource_ids[0] for each in answers if isinstance(each, ReservationView)]
    assert sorted(booked) == sorted(rooms)
    assert await salon.taken() == ["CONFIRMED"] * 4


async def test_two_visits_of_one_guest_do_not_overlap(salon):
    service, other = await salon.add_service(), await salon.add_member()
    await salon.book(salon.slot(service))
    problem = await salon.book(salon.slot(service, 1.5, other))
    assert problem.code is CODE.OVERLAPS_OWN_RESERVATION
    assert await salon.count("reservation") == 1


async def test_staff_book_two_friends_of_one_guest(salon):
    service, other = await salon.add_service(), await salon.add_member()
    for member in (salon.anna, other):
        made = await salon.book(salon.slot(service, staff_id=member), salon.staff, contact=GUEST)
        assert isinstance(made, ReservationView)


# -------------------------------------------------------------------------------------------------------------- choosing
async def test_neither_token_nor_hold(salon):
    problem = await salon.book(None)
    assert (problem.code, problem.field) == (CODE.INVALID, ("slotToken",))


async def test_both_token_and_hold(salon):
    service = await salon.add_service()
    problem = await salon.book(salon.slot(service), hold_id=new_id())
    assert (problem.code, problem.field) == (CODE.INVALID, ("slotToken",))


async def test_foreign_token(salon):
    problem = await salon.book(None, slot_token="x")
    assert (problem.code, problem.field, problem.suggestions) == (CODE.INVALID, ("slotToken",), ())


async def test_old_token(salon):
    service = await salon.add_service()
    token = salon.token(salon.slot(service, 5))
    salon.clock.advance(15 * 60)
    problem = await salon.book(None, slot_token=token)
    assert (problem.code, problem.field) == (CODE.SLOT_EXPIRED, ("slotToken",))
    assert problem.suggestions
    assert await salon.count("reservation") == 0


async def test_the_past_is_over(salon):
    service = await salon.add_service()
    slot = salon.slot(service, 0.1)
    salon.clock.advance(10 * 60)
    assert (await salon.book(slot)).code is CODE.TOO_SOON
    assert isinstance(await salon.book(slot, salon.staff), ReservationView)
    salon.clock.advance(60 * 60)
    assert (await salon.book(slot, salon.staff)).code is CODE.TOO_SOON


async def test_lead_time_binds_customers_only(salon):
    await salon.set_policy(lead_minutes=120)
    service = await salon.add_service()
    assert (await salon.book(salon.slot(service))).code is CODE.TOO_SOON
    assert isinstance(await salon.book(salon.slot(service), salon.staff), ReservationView)


async def test_outside_of_the_shift(salon):
    service = await salon.add_service()
    assert (await salon.book(salon.slot(service, 11.5))).code is CODE.OUTSIDE_HOURS


async def test_store_out_of_reach(salon):
    service = await salon.add_service()
    stranger = await salon.enlist(
        Role.STAFF, store_ids=[await salon.add("store", name="Two", time_zone="UTC")]
    )
    with pytest.raises(NotFound):
        await salon.book(salon.slot(service), stranger)
    assert await salon.count("reservation") == 0


async def test_nobody(salon):
    from core.reservations.booking import BookingInput, book_reservation

    with pytest.raises(Unauthenticated):
        await book_reservation(salon.runtime, None, BookingInput("t", None, 1, None, None, (), None, (), "k"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"party_size": 0}, ("partySize",)),
        ({"party_size": 501}, ("partySize",)),
        ({"note": "n" * 501}, ("note",)),
        ({"contact": Contact(" ", "13800138000")}, ("contact", "name")),
        ({"contact": Contact("n" * 121, "13800138000")}, ("contact", "name")),
        ({"contact": Contact("Lin", "12")}, ("contact", "phone")),
        ({"coupon_codes": ("c",) * 21}, ("couponCodes",)),
        ({"preorder": (LineInput(new_id(), 0),)}, ("preorder", "0", "quantity")),
        ({"preorder": (LineInput(new_id(), 1),) * 51}, ("preorder",)),
    ],
)
async def test_wrong_input_is_named(salon, changes, field):
    service = await salon.add_service()
    problem = await salon.book(salon.slot(service), **changes)
    assert (problem.code, problem.field) == (CODE.INVALID, field)
    assert await salon.count("reservation") == 0


# --------------------------------------------------------------------------------------------------------------- contact
async def test_staff_make_the_guest_known(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service), salon.staff, contact=GUEST)
    again = await salon.book(salon.slot(service, 3), salon.staff, contact=GUEST)
    assert made.customer_id == again.customer_id is not None
    assert (made.contact_name, made.phone_tail) == ("Lin", "8000")
    row = await fetch_row("SELECT phone_sealed FROM reservation WHERE id = $1", made.id)
    assert open_phone(salon.runtime.keys, salon.tenant_id, made.id, row["phone_sealed"]) == "+8613800138000"


async def test_contact_comes_from_the_profile(salon):
    from core.access.customers import CustomerService

    service = await salon.add_service()
    customer_id = await CustomerService(salon.runtime.keys).ensure_customer(
        salon.tenant_id, "13800138001", "Wu"
    )
    customer = await salon.enlist(customer_id=customer_id)
    made = await salon.book(salon.slot(service), customer)
    assert (made.customer_id, made.contact_name, made.phone_tail) == (customer_id, "Wu", "8001")


async def test_customers_book_for_themselves(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service), contact=GUEST, customer_id=new_id())
    assert made.customer_id == salon.customer.customer_id
    assert made.contact_name == "Lin"


async def test_staff_name_a_customer_who_is_none(salon):
    service = await salon.add_service()
    problem = await salon.book(salon.slot(service), salon.staff, customer_id=new_id())
    assert (problem.code, problem.field) == (CODE.INVALID, ("customerId",))


async def test_guest_without_a_name(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service), salon.staff)
    assert (made.customer_id, made.contact_name) == (None, None)
    assert await salon.count("notification") == 0


# ------------------------------------------------------------------------------------------------------------------ keys
async def test_same_key_same_reservation(salon):
    service = await salon.add_service()
    slot = salon.slot(service)
    token = salon.token(slot)
    one, two = await asyncio.gather(
        *(salon.book(None, slot_token=token, idempotency_key="k") for _ in range(2))
    )
    salon.clock.advance(3600)
    later = await salon.book(None, slot_token=token, idempotency_key="k")
    assert one.id == two.id == later.id
    assert await salon.count("reservation") == 1


async def test_same_key_same_refusal_with_fresh_slots(salon):
    service = await salon.add_service()
    first = await salon.book(salon.slot(service, 5), salon.staff)
    other = await salon.enlist()
    token = salon.token(salon.slot(service, 5))
    problem = await salon.book(None, other, slot_token=token, idempotency_key="k")
    assert problem.code is CODE.SLOT_TAKEN
    suggested = problem.suggestions[0]
    await salon.cancel(first.id, salon.staff)
    await salon.book(suggested, salon.staff)
    again = await salon.book(None, other, slot_token=token, idempotency_key="k")
    assert again.code is CODE.SLOT_TAKEN
    assert suggested.start not in [each.start for each in again.suggestions]
    assert isinstance(await salon.book(None, other, slot_token=token), ReservationView)


async def test_same_key_other_input(salon):
    service = await salon.add_service()
    await salon.book(salon.slot(service), idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        await salon.book(salon.slot(service, 3), idempotency_key="k")
    assert await salon.count("reservation") == 1


async def test_another_actor_has_keys_of_their_own(salon):
    service = await salon.add_service()
    one = await salon.book(salon.slot(service), idempotency_key="k")
    two = await salon.book(salon.slot(service, 3), await salon.enlist(), idempotency_key="k")
    assert one.id != two.id


@pytest.mark.parametrize("key", [" ", "k" * 256])
async def test_key_that_is_none(salon, key):
    service = await salon.add_service()
    with pytest.raises(BadInput):
        await salon.book(salon.slot(service), idempotency_key=key)


async def test_codes_are_drawn_again(salon, monkeypatch):
    service = await salon.add_service()
    codes = iter(["AAAAAA", "AAAAAA", "BBBBBB"])
    monkeypatch.setattr("core.reservations.placing.make_code", lambda: next(codes))
    one = await salon.book(salon.slot(service))
    two = await salon.book(salon.slot(service, 3))
    assert (one.code, two.code) == ("AAAAAA", "BBBBBB")


# ------------------------------------------------------------------------------------------------------------- the rest
async def test_package_is_drawn_with_it(salon):
    service = await salon.add_service()
    package = await add_package(salon, service, left=1)
    made = await salon.book(salon.slot(service), package_id=package)
    assert made.package_id == package
    assert await salon.list("customer_package", "sessions_left") == [0]
    problem = await salon.book(salon.slot(service, 3), package_id=package)
    assert (problem.code, problem.field) == (CODE.PACKAGE_USED_UP, ("packageId",))
    assert await salon.count("reservation") == 1
    assert await salon.taken() == ["CONFIRMED"] * 2


async def test_preorder_takes_stock_or_nothing(salon):
    service = await salon.add_service()
    sku = await add_sku(salon, stock=2)
    problem = await salon.book(salon.slot(service), preorder=(LineInput(sku, 3),))
    assert (problem.code, problem.field) == (CODE.OUT_OF_STOCK, ("preorder", "0", "quantity"))
    assert await salon.taken() == []
    assert isinstance(await salon.book(salon.slot(service), preorder=(LineInput(sku, 2),)), ReservationView)
    assert await salon.list("sku", "stock") == [0]


async def test_codes_are_kept_sealed(salon):
    service = await salon.add_service()
    code = make_code()
    await salon.book(salon.slot(service), coupon_codes=(code,))
    assert await salon.list("attached_coupon", "code_tail", "status") == [(code[-4:], "ATTACHED")]


async def test_no_show_after_the_grace(salon):
    service = await salon.add_service(grace_minutes=20)
    made = await salon.book(salon.slot(service))
    row = await fetch_row("SELECT no_show_at FROM reservation WHERE id = $1", made.id)
    from core.db.statements import as_instant

    assert as_instant(row["no_show_at"]) == made.start + timedelta(minutes=20)


async def test_deposit_is_due(salon):
    service = await salon.add_service(deposit=5000)
    made = await salon.book(salon.slot(service))
    assert (made.deposit, made.deposit_status) == (5000, "DUE")


async def test_guest_is_told_and_reminded(salon):
    await salon.set_policy(reminder_minutes=[1440, 60])
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    planned = await salon.list("notification", "kind", "version", where=f"subject_id = '{made.id}'")
    assert sorted(planned) == [("RESERVATION_CONFIRMED", 0), ("RESERVATION_REMINDER", 0)]


async def test_retired_service(salon):
    service = await salon.add_service()
    slot = salon.slot(service)
    await execute("UPDATE service SET active = FALSE WHERE id = $1", service.id)
    from core.reservations.setup.rows import forget_setup

    forget_setup(salon.tenant_id, salon.store_id, service.id)
    problem = await salon.book(slot)
    assert (problem.code, problem.field) == (CODE.INVALID, ("slotToken",))


async def test_slot_of_somebody_without_the_skill(salon):
    service = await salon.add_service(required_skills=["perm"])
    assert (await salon.book(salon.slot(service))).code is CODE.STAFF_NOT_QUALIFIED


async def test_bookings_need_three_statements(salon, monkeypatch):
    """With everything set up known: what is worked that day, the guest's profile, the booking."""
    from core.db import statements

    service = await salon.add_service()
    await salon.book(salon.slot(service))
    sent = []
    for name in ("execute_query_dict", "execute_query"):
        kind = type(statements.current_connection())
        monkeypatch.setattr(kind, name, watch(sent, getattr(kind, name)))
    if statements.is_postgres():
        assert isinstance(await salon.book(salon.slot(service, 3)), ReservationView)
        assert len(sent) <= 3, sent


def watch(sent, call):
    async def watched(self, query, values=None):
        sent.append(query[:100])
        return await call(self, query, values)

    return watched


async def add_package(salon, service, left=3):
    return await salon.add(
        "customer_package", customer_id=salon.customer.customer_id, name="Ten", service_ids=[str(service.id)],
        sessions_total=10, sessions_left=left, active=True,
    )  # fmt: skip


async def add_sku(salon, stock):
    product = await salon.add("product", store_id=salon.store_id, title="Cake", active=True)
    return await salon.add(
        "sku", store_id=salon.store_id, product_id=product, name="Small", price=100, stock=stock, active=True
    )
