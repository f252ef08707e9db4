"""Cancelling: everything taken is given back once, whoever asks how often."""

from __future__ import annotations

import asyncio

import pytest
from salon import GUEST

from core.coupons.house_codes import make_code
from core.db.statements import execute
from core.errors import IdempotencyKeyReused
from core.ids import new_id
from core.notifications.validity import is_still_valid
from core.notifications.values import NotificationKind
from core.reservations.cancelling import cancel_as, cancel_reservation
from core.reservations.preorders import LineInput
from core.reservations.values import ReservationErrorCode, ReservationStatus, ReservationView

CODE = ReservationErrorCode
BY_CUSTOMER, BY_STORE = ReservationStatus.CANCELLED_BY_CUSTOMER, ReservationStatus.CANCELLED_BY_STORE


async def test_gives_everything_back(salon):
    service = await salon.add_service()
    package = await add_package(salon, service)
    product = await salon.add("product", store_id=salon.store_id, title="Cake", active=True)
    sku = await salon.add(
        "sku", store_id=salon.store_id, product_id=product, name="Small", price=100, stock=2, active=True
    )
    made = await salon.book(
        salon.slot(service, 3), package_id=package, preorder=(LineInput(sku, 2),), coupon_codes=(make_code(),)
    )
    gone = await salon.cancel(made.id)
    assert (gone.status, gone.version, gone.sequence) == (BY_CUSTOMER, 2, 1)
    assert set(await salon.taken()) == {"RELEASED"}
    assert await salon.list("customer_package", "sessions_left") == [3]
    assert await salon.list("sku", "stock") == [2]
    assert await salon.list("attached_coupon", "status") == ["DETACHED"]
    assert await salon.list("reservation_revision", "version", "action") == [
        (1, "bookReservation"), (2, "cancelReservation"),
    ]  # fmt: skip
    assert isinstance(await salon.book(salon.slot(service, 3), await salon.enlist()), ReservationView)


async def test_by_whom(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    gone = await cancel_reservation(salon.runtime, salon.staff, made.id, " burst pipe ")
    assert (gone.status, gone.cancel_reason) == (BY_STORE, "burst pipe")


async def test_once_however_many_ask(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    answers = await asyncio.gather(*(salon.cancel(made.id, salon.staff) for _ in range(6)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 1
    assert {each.code for each in answers if not isinstance(each, ReservationView)} == {
        CODE.ALREADY_CANCELLED
    }
    assert await salon.count("reservation_revision") == 2


async def test_same_key_same_answer(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    answers = await asyncio.gather(*(salon.cancel(made.id, key="k") for _ in range(3)))
    assert [each.status for each in answers] == [BY_CUSTOMER] * 3
    assert (await salon.cancel(made.id, key="l")).code is CODE.ALREADY_CANCELLED
    other = await salon.book(salon.slot(service, 5))
    with pytest.raises(IdempotencyKeyReused):
        await salon.cancel(other.id, key="k")


async def test_change_window_binds_customers(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    salon.clock.advance(3601)
    problem = await salon.cancel(made.id)
    assert (problem.code, problem.field) == (CODE.OUTSIDE_CHANGE_WINDOW, ("reservationId",))
    assert set(await salon.taken()) == {"CONFIRMED"}
    assert isinstance(await salon.cancel(made.id, salon.staff), ReservationView)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ReservationStatus.CHECKED_IN, CODE.INVALID),
        (ReservationStatus.COMPLETED, CODE.INVALID),
        (ReservationStatus.NO_SHOW, CODE.INVALID),
    ],
)
async def test_visit_that_has_begun(salon, status, code):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await execute("UPDATE reservation SET status = $1 WHERE id = $2", status.value, made.id)
    for actor in (salon.customer, salon.staff):
        assert (await salon.cancel(made.id, actor)).code is code
    assert set(await salon.taken()) == {"CONFIRMED"}


async def test_unknown_and_somebody_elses(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    assert (await salon.cancel(new_id())).code is CODE.UNKNOWN_RESERVATION
    assert (await salon.cancel(made.id, await salon.enlist())).code is CODE.UNKNOWN_RESERVATION


async def test_reason_that_is_too_long(salon):
    problem = await cancel_reservation(salon.runtime, salon.staff, new_id(), "r" * 201)
    assert (problem.code, problem.field) == (CODE.INVALID, ("reason",))


@pytest.mark.parametrize(
    ("status", "keep", "ahead", "deposit", "left"),
    [
        (BY_STORE, True, 0.5, "RETURNED", 3),
        (BY_CUSTOMER, True, 3, "RETURNED", 3),
        (BY_CUSTOMER, True, 0.5, "KEPT", 2),
        (BY_CUSTOMER, False, 0.5, "RETURNED", 2),
    ],
)
async def test_who_cancels_late_bears_it(salon, status, keep, ahead, deposit, left):
    """Only by a rule or a channel: customers themselves cannot cancel late here."""
    await salon.set_policy(keep_deposit=keep)
    service = await salon.add_service(deposit=5000)
    made = await salon.book(salon.slot(service, 3), package_id=await add_package(salon, service))
    await execute("UPDATE reservation SET deposit_status = 'PAID' WHERE id = $1", made.id)
    salon.clock.advance((3 - ahead) * 3600)
    gone = await cancel_as(salon.runtime, salon.tenant_id, made.id, status, "by the platform")
    assert (gone.status, gone.deposit_status) == (status, deposit)
    assert await salon.list("customer_package", "sessions_left") == [left]


async def test_deposit_that_nobody_paid(salon):
    service = await salon.add_service(deposit=5000)
    made = await salon.book(salon.slot(service, 3))
    assert (await salon.cancel(made.id)).deposit_status == "NONE"


async def test_cancel_as_says_why_not(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await salon.cancel(made.id)
    again = await cancel_as(salon.runtime, salon.tenant_id, made.id, BY_STORE)
    unknown = await cancel_as(salon.runtime, new_id(), made.id, BY_STORE)
    assert (again.code, unknown.code) == (CODE.ALREADY_CANCELLED, CODE.UNKNOWN_RESERVATION)


async def test_moved_and_cancelled_at_once(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3))
    await asyncio.gather(salon.move(made.id, salon.slot(service, 6)), salon.cancel(made.id))
    assert await salon.list("reservation", "status") == [BY_CUSTOMER]
    assert "CONFIRMED" not in await salon.taken()


async def test_guest_is_told_and_not_reminded(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 3), salon.staff, contact=GUEST)
    await salon.cancel(made.id, salon.staff)
    assert sorted(await salon.list("notification", "kind", "status")) == [
        ("RESERVATION_CANCELLED", "DUE"),
        ("RESERVATION_CONFIRMED", "CANCELLED"),
        ("RESERVATION_REMINDER", "CANCELLED"),
    ]
    told = [
        await is_still_valid("Reservation", salon.tenant_id, made.id, kind, 0)
        for kind in (
            NotificationKind.RESERVATION_CONFIRMED,
            NotificationKind.RESERVATION_REMINDER,
            NotificationKind.RESERVATION_CANCELLED,
        )
    ]
    assert told == [False, False, True]


async def add_package(salon, service):
    return await salon.add(
        "customer_package", customer_id=salon.customer.customer_id, name="Ten", service_ids=[str(service.id)],
        sessions_total=10, sessions_left=3, active=True,
    )  # fmt: skip
