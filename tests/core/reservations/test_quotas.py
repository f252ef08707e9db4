"""How many open reservations a customer may have: counted by the database, and never by a stale count."""

from __future__ import annotations

import asyncio

from core.db.statements import execute
from core.reservations.setup.rows import find_service
from core.reservations.values import ReservationErrorCode, ReservationView
from core.reservations.visits.check_in import CheckInInput, check_in_reservation
from core.reservations.visits.no_shows import mark_no_shows

CODE = ReservationErrorCode


async def test_no_more_than_allowed(salon):
    await salon.set_policy(limit_per_customer=2)
    service = await salon.add_service()
    answers = [await salon.book(salon.slot(service, hour)) for hour in (1, 3, 5)]
    assert (answers[2].code, answers[2].values) == (CODE.CUSTOMER_LIMIT_REACHED, {"limit": 2})
    assert await salon.count("reservation") == 2
    assert isinstance(await salon.book(salon.slot(service, 5), await salon.enlist()), ReservationView)


async def test_no_more_at_once_either(salon):
    await salon.set_policy(limit_per_customer=3)
    service = await salon.add_service()
    answers = await asyncio.gather(*(salon.book(salon.slot(service, hour)) for hour in range(1, 10)))
    assert sum(isinstance(each, ReservationView) for each in answers) == 3
    assert await salon.list("customer_quota", "open_count") == [3]


async def test_limit_of_one_service(salon):
    one, other = await salon.add_service(limit_per_customer=1), await salon.add_service()
    await salon.book(salon.slot(one, 1))
    assert (await salon.book(salon.slot(one, 3))).code is CODE.CUSTOMER_LIMIT_REACHED
    assert isinstance(await salon.book(salon.slot(other, 3)), ReservationView)


async def test_cancelled_ones_do_not_count(salon):
    await salon.set_policy(limit_per_customer=1)
    service = await salon.add_service()
    for _ in range(3):
        made = await salon.book(salon.slot(service, 5))
        assert isinstance(made, ReservationView)
        await salon.cancel(made.id)
    assert await salon.list("customer_quota", "open_count") == [0]


async def test_time_closes_them_too(salon):
    await salon.set_policy(limit_per_customer=1)
    service = await salon.add_service()
    await salon.book(salon.slot(service, 1))
    salon.clock.advance(2 * 3600)
    assert isinstance(await salon.book(salon.slot(service, 5)), ReservationView)
    assert await salon.list("customer_quota", "open_count") == [1]


async def test_whoever_came_has_none_open(salon):
    await salon.set_policy(limit_per_customer=1)
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 1))
    await execute("UPDATE reservation SET status = 'CHECKED_IN' WHERE id = $1", made.id)
    assert isinstance(await salon.book(salon.slot(service, 5)), ReservationView)


async def test_those_from_before_the_limit_count(salon):
    service = await salon.add_service()
    await salon.book(salon.slot(service, 1))
    await salon.set_policy(limit_per_customer=1)
    assert (await salon.book(salon.slot(service, 5))).code is CODE.CUSTOMER_LIMIT_REACHED


async def test_staff_are_not_bound_but_count(salon):
    await salon.set_policy(limit_per_customer=1)
    service = await salon.add_service()
    own = salon.customer.customer_id
    for hour in (1, 3):
        made = await salon.book(salon.slot(service, hour), salon.staff, customer_id=own)
        assert isinstance(made, ReservationView)
    assert (await salon.book(salon.slot(service, 5))).code is CODE.CUSTOMER_LIMIT_REACHED


async def test_refused_booking_counts_nothing(salon):
    await salon.set_policy(limit_per_customer=5)
    service = await salon.add_service()
    await salon.book(salon.slot(service, 1), salon.staff)
    assert (await salon.book(salon.slot(service, 1))).code is CODE.SLOT_TAKEN
    assert await salon.count("customer_quota") == 0


async def count_two_open(salon, close_first):
    """The first of a limit of two ended; two others are counted as open when `close_first` is done with it."""
    await salon.set_policy(limit_per_customer=2, grace_minutes=90)
    service = await salon.add_service()
    first = await salon.book(salon.slot(service, 1))
    await salon.book(salon.slot(service, 5))
    salon.clock.advance(2 * 3600)
    assert isinstance(await salon.book(salon.slot(service, 7)), ReservationView)
    await close_first(first)
    return await salon.list("customer_quota", "open_count")


async def test_late_check_in_closes_nothing_twice(salon):
    async def check_in(first):
        wanted = CheckInInput(salon.store_id, salon.key(), code=first.code)
        assert (await check_in_reservation(salon.runtime, salon.staff, wanted)).problems == ()

    assert await count_two_open(salon, check_in) == [2]


async def test_no_show_closes_nothing_twice(salon):
    async def pass_by(_):
        salon.clock.advance(1800)
        assert await mark_no_shows(salon.runtime) == 1

    assert await count_two_open(salon, pass_by) == [2]


async def test_moved_from_the_past_is_open_again(salon):
    async def move(first):
        service = await find_service(salon.tenant_id, first.service_id)
        assert isinstance(await salon.move(first.id, salon.slot(service, 9), salon.staff), ReservationView)

    assert await count_two_open(salon, move) == [3]


async def test_late_no_show_was_not_open_any_more(salon):
    """Who is let in after all was taken off the count when they did not come."""
    await salon.set_policy(limit_per_customer=2, grace_minutes=30)
    service = await salon.add_service(duration_minutes=120)
    late = await salon.book(salon.slot(service, 1))
    await salon.book(salon.slot(service, 5))
    salon.clock.advance(90 * 60)
    assert await mark_no_shows(salon.runtime) == 1
    assert await salon.list("customer_quota", "open_count") == [1]
    wanted = CheckInInput(salon.store_id, salon.key(), code=late.code)
    assert (await check_in_reservation(salon.runtime, salon.staff, wanted)).problems == ()
    assert await salon.list("customer_quota", "open_count") == [1]
