"""What follows a visit: record, spend, points, rating, profile; and what follows none."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from salon import GUEST

from core.db.statements import execute
from core.errors import NotFound
from core.reservations.values import ReservationErrorCode, ReservationStatus
from core.reservations.visits.check_in import CheckInInput, check_in_reservation
from core.reservations.visits.deposits import record_deposit
from core.reservations.visits.no_shows import mark_no_shows
from core.reservations.visits.profiles import read_profile
from core.reservations.visits.ratings import RatingView, rate_reservation
from core.reservations.visits.settling import SettleInput, settle_reservation

CODE = ReservationErrorCode


async def arrive(salon, reservation):
    wanted = CheckInInput(salon.store_id, salon.key(), code=reservation.code)
    return (await check_in_reservation(salon.runtime, salon.staff, wanted)).reservation


async def settle(salon, reservation, key=None, **given):
    wanted = SettleInput(reservation.id, key or salon.key(), **given)
    return await settle_reservation(salon.runtime, salon.staff, wanted)


@pytest.fixture
async def present(salon):
    """A guest who is checked in."""
    service = await salon.add_service()
    return await arrive(salon, await salon.book(salon.slot(service), contact=GUEST))


# -------------------------------------------------------------------------------------------------------------- settling
async def test_settling_closes_the_loop(salon, present):
    await salon.set_policy(points_per_yuan=2)
    done = await settle(
        salon,
        present,
        note=" Short at the sides ",
        spent=28850,
        products=("Wax",),
        preferences=("tea", "tea", " "),
    )
    assert done.status is ReservationStatus.COMPLETED
    assert await salon.list("service_record", "note", "spent") == [("Short at the sides", 28850)]
    assert await salon.list("points_account", "balance") == [576]
    assert await salon.list("points_entry", "amount", "reason") == [(576, "VISIT")]


async def test_settled_once_per_key(salon, present):
    first = await settle(salon, present, key="k", spent=10000)
    again = await settle(salon, present, key="k", spent=10000)
    assert (again.id, again.status) == (first.id, ReservationStatus.COMPLETED)
    assert await salon.list("points_account", "balance") == [100]


async def test_twenty_settlements_at_once(salon, present):
    answers = await asyncio.gather(*(settle(salon, present, spent=10000) for _ in range(20)))
    refused = [each for each in answers if not hasattr(each, "status")]
    assert [(each.code, each.values["reason"]) for each in refused] == [(CODE.INVALID, "completed")] * 19
    assert await salon.list("points_account", "balance") == [100]
    assert await salon.count("service_record") == 1


async def test_nobody_settled_who_is_not_here(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service))
    problem = await settle(salon, booked, spent=100)
    assert (problem.code, problem.values["reason"]) == (CODE.INVALID, "not_checked_in")
    assert await salon.count("service_record") == 0


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("negative", {"spent": -1}, ("spent",)),
        ("too much", {"spent": 100_000_001}, ("spent",)),
        ("long note", {"note": "x" * 2001}, ("note",)),
        ("many", {"products": ("a",) * 51}, ("products",)),
        ("long entry", {"preferences": ("ok", "x" * 121)}, ("preferences", "1")),
    ],
)
async def test_wrong_settlements(salon, present, name, given, field):
    problem = await settle(salon, present, **given)
    assert (problem.code, problem.field) == (CODE.INVALID, field)
    assert await salon.list("reservation", "status") == ["CHECKED_IN"]


# --------------------------------------------------------------------------------------------------------------- ratings
async def test_rated_once(salon, present):
    await settle(salon, present)
    rated = await rate_reservation(salon.runtime, salon.customer, present.id, 5, " Lovely ")
    assert rated == RatingView(present.id, 5, "Lovely")
    assert await rate_reservation(salon.runtime, salon.customer, present.id, 5, "Lovely") == rated
    other = await rate_reservation(salon.runtime, salon.customer, present.id, 1, None)
    assert other.values["reason"] == "rated"
    assert await salon.list("rating", "stars") == [5]


@pytest.mark.parametrize("stars", [0, 6])
async def test_stars_are_five(salon, present, stars):
    await settle(salon, present)
    problem = await rate_reservation(salon.runtime, salon.customer, present.id, stars, None)
    assert (problem.code, problem.field) == (CODE.INVALID, ("stars",))
    assert await salon.count("rating") == 0


async def test_not_before_it_is_over(salon, present):
    problem = await rate_reservation(salon.runtime, salon.customer, present.id, 4, None)
    assert problem.values["reason"] == "not_completed"


async def test_strangers_rate_nothing(salon, present):
    await settle(salon, present)
    problem = await rate_reservation(salon.runtime, await salon.enlist(), present.id, 1, None)
    assert problem.code is CODE.UNKNOWN_RESERVATION
    assert await salon.count("rating") == 0


# --------------------------------------------------------------------------------------------------------------- profile
async def test_profile_tells_of_visits(salon):
    service = await salon.add_service()
    for hour, spent, preferences in ((1, 10000, ("tea",)), (3, 5000, ("tea", "window"))):
        booked = await arrive(salon, await salon.book(salon.slot(service, hour)))
        await settle(salon, booked, note="private", spent=spent, preferences=preferences)
        await rate_reservation(salon.runtime, salon.customer, booked.id, 4, None)
    profile = await read_profile(salon.staff, salon.customer.actor_id)
    assert (profile.visits, profile.spent, profile.points, profile.average_stars) == (2, 15000, 150, 4.0)
    assert profile.preferences == ("tea", "window")
    assert (profile.usual_staff_id, profile.usual_service_id) == (salon.anna, service.id)
    assert [record.note for record in profile.records] == ["private", "private"]


async def test_customers_see_their_own_without_notes(salon, present):
    await settle(salon, present, note="private")
    profile = await read_profile(salon.customer, salon.customer.actor_id)
    assert [record.note for record in profile.records] == [None]
    with pytest.raises(NotFound):
        await read_profile(await salon.enlist(), salon.customer.actor_id)


# -------------------------------------------------------------------------------------------------------------- no-shows
async def test_marked_after_the_grace(salon):
    service = await salon.add_service()
    await salon.set_policy(grace_minutes=20)
    await salon.book(salon.slot(service))
    salon.clock.advance(timedelta(minutes=79))
    assert await mark_no_shows(salon.runtime) == 0
    salon.clock.advance(timedelta(minutes=1))
    assert await mark_no_shows(salon.runtime) == 1
    assert await salon.list("reservation", "status") == ["NO_SHOW"]
    assert await mark_no_shows(salon.runtime) == 0


async def test_never_marked_without_a_grace(salon):
    service = await salon.add_service()
    await salon.set_policy(grace_minutes=None)
    await salon.book(salon.slot(service))
    salon.clock.advance(timedelta(days=3))
    assert await mark_no_shows(salon.runtime) == 0


async def test_who_is_here_is_no_no_show(salon, present):
    salon.clock.advance(timedelta(days=1))
    assert await mark_no_shows(salon.runtime) == 0
    assert await salon.list("reservation", "status") == ["CHECKED_IN"]


async def test_late_guest_is_let_in(salon):
    service = await salon.add_service()
    booked = await salon.book(salon.slot(service))
    salon.clock.advance(timedelta(hours=3))
    await mark_no_shows(salon.runtime)
    assert (await arrive(salon, booked)).status is ReservationStatus.CHECKED_IN


@pytest.mark.parametrize(("keep", "becomes"), [(True, "KEPT"), (False, "RETURNED")])
async def test_deposit_of_a_no_show(salon, keep, becomes):
    service = await salon.add_service(deposit=5000)
    await salon.set_policy(grace_minutes=20, keep_deposit=keep)
    booked = await salon.book(salon.slot(service))
    await record_deposit(salon.runtime, salon.staff, booked.id)
    salon.clock.advance(timedelta(hours=3))
    await mark_no_shows(salon.runtime)
    assert await salon.list("reservation", "deposit", "deposit_status") == [(5000, becomes)]


async def test_unpaid_deposit_of_a_no_show_is_not_due(salon):
    service = await salon.add_service(deposit=5000)
    booked = await salon.book(salon.slot(service))
    await execute("UPDATE reservation SET status = 'CONFIRMED' WHERE id = $1", booked.id)
    salon.clock.advance(timedelta(hours=3))
    await mark_no_shows(salon.runtime)
    assert await salon.list("reservation", "deposit_status") == ["NONE"]


# -------------------------------------------------------------------------------------------------------------- deposits
async def test_deposit_confirms_and_is_recorded_once(salon):
    service = await salon.add_service(deposit=5000)
    booked = await salon.book(salon.slot(service))
    paid = await record_deposit(salon.runtime, salon.staff, booked.id)
    assert (paid.status, paid.deposit_status) == (ReservationStatus.CONFIRMED, "PAID")
    assert await record_deposit(salon.runtime, salon.staff, booked.id) == paid
    assert await salon.count("reservation_revision", "action = 'recordDeposit'") == 1


async def test_no_deposit_to_record(salon, present):
    problem = await record_deposit(salon.runtime, salon.staff, present.id)
    assert (problem.code, problem.values["reason"]) == (CODE.INVALID, "no_deposit")
