"""Taking time: all of it or none, and the reason in words where it was taken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.db.statements import GuardFailed, fetch_rows, write_together
from core.ids import new_id
from core.reservations.claims import take_claims
from core.reservations.guard import Owner, Span, Take, adopt_time, claim_time, list_takes, release_time
from core.reservations.values import AllocationState, OwnerKind, ReservationErrorCode, TakenKind

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
NINE = Span(NOW + timedelta(hours=1), NOW + timedelta(hours=2))
HALF_PAST = Span(NOW + timedelta(minutes=90), NOW + timedelta(minutes=150))
ANNA, BED, GUEST = new_id(), new_id(), new_id()


@pytest.fixture
def make_owner(tenant_id):
    store_id = new_id()

    def make(kind=OwnerKind.RESERVATION, expires_at=None, tenant=tenant_id):
        return Owner(tenant, store_id, new_id(), kind, expires_at)

    return make


async def take(owner, *takes, now=NOW):
    return await take_claims([claim_time(owner, takes, now)])


def staff(span=NINE):
    return Take(TakenKind.STAFF, ANNA, span)


def bed(span=NINE):
    return Take(TakenKind.RESOURCE, BED, span)


async def list_taken():
    rows = await fetch_rows("SELECT resource_id, state FROM booking_allocation ORDER BY id")
    return [row["state"] for row in rows]


async def test_takes_all_at_once(database, make_owner):
    assert await take(make_owner(), staff(), bed()) is None
    assert await list_taken() == ["CONFIRMED", "CONFIRMED"]


async def test_refused_where_one_is_taken(database, make_owner):
    await take(make_owner(), bed())
    problem = await take(make_owner(), staff(HALF_PAST), bed(HALF_PAST))
    assert problem.code is ReservationErrorCode.SLOT_TAKEN
    assert await list_taken() == ["CONFIRMED"]


async def test_own_overlap_has_its_own_reason(database, make_owner):
    guest = Take(TakenKind.CUSTOMER, GUEST, NINE)
    await take(make_owner(), guest)
    problem = await take(make_owner(), staff(), Take(TakenKind.CUSTOMER, GUEST, HALF_PAST))
    assert problem.code is ReservationErrorCode.OVERLAPS_OWN_RESERVATION
    assert await list_taken() == ["CONFIRMED"]


async def test_another_merchants_time_is_its_own(database, make_owner):
    await take(make_owner(), staff())
    assert await take(make_owner(tenant=new_id()), staff()) is None


async def test_right_after_is_free(database, make_owner):
    await take(make_owner(), staff())
    later = Span(NINE.end, NINE.end + timedelta(hours=1))
    assert await take(make_owner(), staff(later)) is None


@pytest.mark.parametrize("state", [AllocationState.RELEASED, AllocationState.MOVED])
async def test_released_time_is_free(database, make_owner, state):
    first = make_owner()
    await take(first, staff())
    await write_together([release_time(first.tenant_id, first.owner_id, state)])
    assert await take(make_owner(), staff()) is None
    assert await list_taken() == [state, "CONFIRMED"]


async def test_living_hold_keeps_others_out(database, make_owner):
    await take(make_owner(OwnerKind.HOLD, NOW + timedelta(minutes=5)), staff())
    problem = await take(make_owner(), staff(), now=NOW + timedelta(minutes=4, seconds=59))
    assert problem.code is ReservationErrorCode.SLOT_TAKEN
    assert await list_taken() == ["HELD"]


async def test_stale_hold_gives_way(database, make_owner):
    await take(make_owner(OwnerKind.HOLD, NOW + timedelta(minutes=5)), staff())
    assert await take(make_owner(), staff(), now=NOW + timedelta(minutes=5)) is None
    assert await list_taken() == ["RELEASED", "CONFIRMED"]


async def test_hold_becomes_reservation(database, make_owner):
    hold = make_owner(OwnerKind.HOLD, NOW + timedelta(minutes=5))
    await take(hold, staff(), bed())
    await write_together([adopt_time(hold.tenant_id, hold.owner_id, new_id(), 2, NOW)])
    assert await list_taken() == ["CONFIRMED", "CONFIRMED"]


async def test_stale_hold_becomes_nothing(database, make_owner):
    hold = make_owner(OwnerKind.HOLD, NOW + timedelta(minutes=5))
    await take(hold, staff())
    with pytest.raises(GuardFailed):
        await write_together(
            [adopt_time(hold.tenant_id, hold.owner_id, new_id(), 1, NOW + timedelta(minutes=5))]
        )
    assert await list_taken() == ["HELD"]


async def test_one_of_fifty_gets_it(database, make_owner):
    answers = await asyncio.gather(*(take(make_owner(), staff(), bed()) for _ in range(50)))
    refused = [answer.code for answer in answers if answer]
    assert refused == [ReservationErrorCode.SLOT_TAKEN] * 49
    assert await list_taken() == ["CONFIRMED", "CONFIRMED"]


async def test_opposite_orders_do_not_deadlock(database, make_owner):
    """Everybody wants both; each names them in another order."""
    wishes = [[staff(), bed()], [bed(), staff()]] * 20
    answers = await asyncio.gather(*(take(make_owner(), *wish) for wish in wishes))
    assert answers.count(None) == 1
    assert await list_taken() == ["CONFIRMED", "CONFIRMED"]


def test_both_buffers_are_taken_of_staff_and_resources(make_service):
    service = make_service(buffer_before_minutes=10, buffer_after_minutes=20)
    busy = Span(NINE.start - timedelta(minutes=10), NINE.end + timedelta(minutes=20))
    assert list_takes(service, NINE, ANNA, [BED]) == [
        Take(TakenKind.STAFF, ANNA, busy),
        Take(TakenKind.RESOURCE, BED, busy),
    ]


def test_same_things_are_taken_in_the_same_order(make_owner):
    """Else two bookings that name them in another order could wait for each other."""
    takes = [Take(TakenKind.STAFF, ANNA, NINE), Take(TakenKind.RESOURCE, BED, NINE)]
    orders = []
    for wanted in (takes, takes[::-1]):
        [write] = claim_time(make_owner(), wanted, NOW).writes
        orders.append([value for value in write.values if value in (ANNA, BED)])
    assert orders == [sorted([ANNA, BED])] * 2
