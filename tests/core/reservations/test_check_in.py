"""Checking in: three ways, once, undoable; each wrong way has its own reason; coupons follow through the saga."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from salon import GUEST

from core.access.stores import create_store
from core.channels.contract import CouponKind
from core.coupons.batches import create_batch, issue_coupons
from core.coupons.values import RedemptionStatus
from core.db.statements import execute
from core.errors import Forbidden, IdempotencyKeyReused, NotFound
from core.reservations.values import Contact, ReservationErrorCode, ReservationStatus, ServiceKind
from core.reservations.visits.check_in import CheckInInput, check_in_reservation, undo_check_in
from core.reservations.visits.check_in_payloads import sign_payload
from core.reservations.visits.coupon_settling import sweep_attached

CODE = ReservationErrorCode
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def check_in(salon):
    """`await check_in(code=…)` at the salon, by its staff."""

    async def check(actor=None, key=None, store_id=None, **shown):
        wanted = CheckInInput(store_id or salon.store_id, key or salon.key(), **shown)
        return await check_in_reservation(salon.runtime, actor or salon.staff, wanted)

    return check


@pytest.fixture
async def booked(salon):
    """A reservation for ten o'clock today, with a phone."""
    service = await salon.add_service()
    return await salon.book(salon.slot(service), contact=GUEST)


def payload(salon, reservation, start=None):
    keys = salon.runtime.keys
    return sign_payload(keys, salon.tenant_id, reservation.id, start or reservation.start, SHANGHAI)


def codes(result):
    return [problem.code for problem in result.problems]


async def issue(salon, quantity=1, **changes):
    batch = await create_batch(
        salon.runtime, salon.owner, name="Gift", kind=CouponKind.CASH_VOUCHER, quantity=50, face_value=5000, **changes
    )  # fmt: skip
    return await issue_coupons(salon.runtime, salon.owner, batch.id, quantity, salon.key())


# ---------------------------------------------------------------------------------------------------------- three ways
async def test_by_code(salon, booked, check_in):
    typed = f" {booked.code[:3].lower()}-{booked.code[3:]} "
    result = await check_in(code=typed)
    assert (result.problems, result.reservation.status) == ((), ReservationStatus.CHECKED_IN)
    assert await salon.list("reservation", "status", "version") == [("CHECKED_IN", 2)]
    assert await salon.list("check_in", "method") == ["CODE"]
    assert await salon.list("reservation_revision", "action") == ["bookReservation", "checkInReservation"]


async def test_by_qr(salon, booked, check_in):
    result = await check_in(qr=payload(salon, booked))
    assert result.reservation.status is ReservationStatus.CHECKED_IN
    assert await salon.list("check_in", "method") == ["QR"]


@pytest.mark.parametrize("phone", ["13800138000", "+86 138 0013 8000", "8000", "８０００"])
async def test_by_phone(salon, booked, check_in, phone):
    result = await check_in(phone=phone)
    assert result.reservation.status is ReservationStatus.CHECKED_IN
    assert await salon.list("check_in", "method") == ["PHONE"]


async def test_last_four_of_several_gives_the_choice(salon, booked, check_in):
    service = await salon.add_service()
    other = await salon.book(salon.slot(service, 3), salon.staff, contact=Contact("Wu", "13911118000"))
    result = await check_in(phone="8000", key="k")
    assert (codes(result), result.reservation) == ([CODE.AMBIGUOUS_PHONE], None)
    assert {each.id for each in result.candidates} == {booked.id, other.id}
    assert await salon.count("check_in") == 0
    again = await check_in(phone="8000", key="k")
    assert {each.id for each in again.candidates} == {booked.id, other.id}


async def test_last_four_finds_who_is_still_to_come(salon, booked, check_in):
    service = await salon.add_service()
    other = await salon.book(salon.slot(service, 3), salon.staff, contact=Contact("Wu", "13911118000"))
    await check_in(code=booked.code)
    assert (await check_in(phone="8000")).reservation.id == other.id


@pytest.mark.parametrize("shown", [{}, {"code": "A", "phone": "8000"}])
async def test_exactly_one_way(salon, booked, check_in, shown):
    result = await check_in(**shown)
    assert codes(result) == [CODE.INVALID]
    assert await salon.count("check_in") == 0


# ------------------------------------------------------------------------------------------------------------- reasons
@pytest.mark.parametrize(
    "shown",
    [
        {"code": "ZZZZZZ"},
        {"qr": "HXR1.nothing"},
        {"qr": "https://example.com"},
        {"phone": "13900000000"},
        {"phone": "9999"},
    ],
)
async def test_unknown(salon, booked, check_in, shown):
    assert codes(await check_in(**shown)) == [CODE.UNKNOWN_RESERVATION]
    assert await salon.count("check_in") == 0


@pytest.mark.parametrize("way", ["code", "qr", "phone"])
async def test_another_day(salon, check_in, way):
    service = await salon.add_service()
    tomorrow = await salon.book(salon.slot(service, 25), contact=GUEST)
    shown = {"code": tomorrow.code, "qr": payload(salon, tomorrow), "phone": "13800138000"}
    assert codes(await check_in(**{way: shown[way]})) == [CODE.WRONG_DAY]
    assert await salon.count("check_in") == 0


async def test_yesterdays_qr(salon, booked, check_in):
    salon.clock.advance(timedelta(days=1))
    assert codes(await check_in(qr=payload(salon, booked))) == [CODE.WRONG_DAY]


async def test_day_is_the_stores_own(salon, booked, check_in):
    """A minute before midnight in Shanghai is four in the afternoon in UTC."""
    salon.clock.advance(timedelta(hours=14, minutes=59))
    assert (await check_in(code=booked.code)).reservation is not None


async def test_started_before_midnight_and_not_over(salon, check_in):
    service = await salon.add_service(ServiceKind.ROOM, duration_minutes=120)
    room = await salon.add_room()
    late = await salon.book(salon.slot(service, 14, rooms=(room,)), salon.staff)
    salon.clock.advance(timedelta(hours=15, minutes=30))
    assert (await check_in(code=late.code)).reservation is not None


@pytest.mark.parametrize("way", ["code", "qr", "phone"])
async def test_another_store(salon, booked, check_in, way):
    elsewhere = await create_store(salon.owner, "Lane 2")
    shown = {"code": booked.code, "qr": payload(salon, booked), "phone": "13800138000"}
    result = await check_in(salon.owner, store_id=elsewhere.id, **{way: shown[way]})
    assert codes(result) == [CODE.WRONG_STORE]
    assert await salon.count("check_in") == 0


async def test_already_in(salon, booked, check_in):
    await check_in(code=booked.code)
    assert codes(await check_in(code=booked.code)) == [CODE.ALREADY_CHECKED_IN]
    assert codes(await check_in(phone="8000")) == [CODE.ALREADY_CHECKED_IN]
    assert await salon.count("check_in") == 1


async def test_cancelled(salon, booked, check_in):
    await salon.cancel(booked.id, salon.staff)
    assert codes(await check_in(code=booked.code)) == [CODE.ALREADY_CANCELLED]
    assert await salon.count("check_in") == 0


async def test_narrowed_window(salon, booked, check_in):
    await salon.set_policy(check_in_before_minutes=30, check_in_after_minutes=15)
    early = await check_in(code=booked.code)
    assert [(p.code, p.values["reason"]) for p in early.problems] == [(CODE.WRONG_DAY, "too_early")]
    salon.clock.advance(timedelta(minutes=76))
    late = await check_in(code=booked.code)
    assert [(p.code, p.values["reason"]) for p in late.problems] == [(CODE.WRONG_DAY, "too_late")]
    salon.clock.advance(timedelta(minutes=-40))
    assert (await check_in(code=booked.code)).reservation is not None


async def test_customers_may_not(salon, booked, check_in):
    with pytest.raises(Forbidden):
        await check_in(salon.customer, code=booked.code)
    assert await salon.count("check_in") == 0


async def test_stores_out_of_reach(salon, booked, check_in):
    elsewhere = await create_store(salon.owner, "Lane 2")
    with pytest.raises(NotFound):
        await check_in(store_id=elsewhere.id, code=booked.code)


# ---------------------------------------------------------------------------------------------------------------- once
async def test_same_key_answers_the_same(salon, booked, check_in):
    first = await check_in(code=booked.code, key="k")
    before = await salon.snapshot()
    again = await check_in(code=booked.code, key="k")
    assert again.reservation.id == first.reservation.id
    assert again.problems == ()
    assert await salon.snapshot() == before


async def test_same_key_other_guest(salon, booked, check_in):
    await check_in(code=booked.code, key="k")
    with pytest.raises(IdempotencyKeyReused):
        await check_in(code="ZZZZZZ", key="k")


async def test_twenty_terminals_at_once(salon, booked, check_in):
    results = await asyncio.gather(*(check_in(code=booked.code) for _ in range(20)))
    assert sum(result.reservation is not None for result in results) == 1
    assert [codes(result) for result in results if result.problems] == [[CODE.ALREADY_CHECKED_IN]] * 19
    assert await salon.count("check_in") == 1


async def test_one_key_twenty_times_at_once(salon, booked, check_in):
    results = await asyncio.gather(*(check_in(code=booked.code, key="k") for _ in range(20)))
    assert {result.reservation.id for result in results} == {booked.id}
    assert await salon.count("check_in") == 1


# -------------------------------------------------------------------------------------------------------------- undoing
async def test_undone_and_in_again(salon, booked, check_in):
    await check_in(code=booked.code)
    undone = await undo_check_in(salon.runtime, salon.staff, booked.id, salon.key())
    assert (undone.status, undone.checked_in_at) == (ReservationStatus.CONFIRMED, None)
    assert (await check_in(code=booked.code)).reservation.status is ReservationStatus.CHECKED_IN
    assert await salon.count("check_in", "undone_at IS NULL") == 1
    assert await salon.count("check_in") == 2


async def test_nothing_to_undo(salon, booked):
    problem = await undo_check_in(salon.runtime, salon.staff, booked.id, salon.key())
    assert (problem.code, problem.values["reason"]) == (CODE.INVALID, "not_checked_in")
    assert await salon.list("reservation", "status") == ["CONFIRMED"]


async def test_undoing_twice_with_one_key(salon, booked, check_in):
    await check_in(code=booked.code)
    first = await undo_check_in(salon.runtime, salon.staff, booked.id, "k")
    again = await undo_check_in(salon.runtime, salon.staff, booked.id, "k")
    assert (again.id, again.status) == (first.id, ReservationStatus.CONFIRMED)
    assert await salon.list("reservation", "version") == [3]


# -------------------------------------------------------------------------------------------------------------- coupons
async def test_attached_coupons_are_redeemed(salon, check_in):
    service = await salon.add_service()
    first, second = await issue(salon, 2)
    booked = await salon.book(salon.slot(service), coupon_codes=(first, second))
    assert await salon.count("redemption") == 0
    result = await check_in(code=booked.code)
    assert [each.status for each in result.redemptions] == [RedemptionStatus.SUCCEEDED] * 2
    assert await salon.list("attached_coupon", "status") == ["REDEEMED"] * 2
    assert result.problems == ()


async def test_refused_coupon_keeps_nobody_out(salon, check_in):
    service = await salon.add_service()
    [good] = await issue(salon)
    booked = await salon.book(salon.slot(service), coupon_codes=("9999 0000 1111", good))
    result = await check_in(code=booked.code, key="k")
    assert result.reservation.status is ReservationStatus.CHECKED_IN
    assert [(each.code, each.field) for each in result.problems] == [
        (CODE.COUPON_REFUSED, ("couponCodes", "0"))
    ]
    assert [each.status for each in result.redemptions] == [RedemptionStatus.SUCCEEDED]
    again = await check_in(code=booked.code, key="k")
    assert [each.code for each in again.problems] == [CODE.COUPON_REFUSED]
    assert await salon.count("redemption", "status = 'SUCCEEDED'") == 1


async def test_cancelled_booking_leaves_coupons_unused(salon):
    service = await salon.add_service()
    [good] = await issue(salon)
    booked = await salon.book(salon.slot(service, 10), coupon_codes=(good,))
    await salon.cancel(booked.id)
    assert await salon.list("attached_coupon", "status") == ["DETACHED"]
    assert await salon.list("house_coupon", "times_used") == [0]


async def test_coupons_stay_redeemed_when_undone(salon, check_in):
    service = await salon.add_service()
    [good] = await issue(salon)
    booked = await salon.book(salon.slot(service), coupon_codes=(good,))
    await check_in(code=booked.code)
    await undo_check_in(salon.runtime, salon.staff, booked.id, salon.key())
    result = await check_in(code=booked.code)
    assert [each.status for each in result.redemptions] == [RedemptionStatus.SUCCEEDED]
    assert await salon.list("house_coupon", "times_used") == [1]


async def test_sweep_redeems_what_a_crash_left(salon, check_in, monkeypatch):
    service = await salon.add_service()
    [good] = await issue(salon)
    booked = await salon.book(salon.slot(service), coupon_codes=(good,))

    async def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("core.reservations.visits.check_in.redeem_attached", die)
        with pytest.raises(KeyboardInterrupt):
            await check_in(code=booked.code)
    assert await salon.list("reservation", "status") == ["CHECKED_IN"]
    assert await sweep_attached(salon.runtime) == 0
    salon.clock.advance(timedelta(seconds=31))
    assert await sweep_attached(salon.runtime) == 1
    assert await salon.list("attached_coupon", "status") == ["REDEEMED"]
    assert await sweep_attached(salon.runtime) == 0


async def test_crash_after_redemption_uses_nothing_twice(salon, check_in):
    """The coupon was redeemed, and what became of it was not written down."""
    service = await salon.add_service()
    [good] = await issue(salon)
    booked = await salon.book(salon.slot(service), coupon_codes=(good,))
    await check_in(code=booked.code)
    await execute("UPDATE attached_coupon SET status = 'ATTACHED', redemption_ids = '[]'")
    salon.clock.advance(timedelta(seconds=31))
    await sweep_attached(salon.runtime)
    assert await salon.list("attached_coupon", "status") == ["REDEEMED"]
    assert await salon.list("house_coupon", "times_used") == [1]
