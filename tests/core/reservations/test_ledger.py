"""Listing reservations: by start, each filter by an index, and nobody sees another's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from salon import GUEST, MORNING

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate
from core.access.values import Role
from core.clock import utc_now
from core.db.statements import current_connection, fetch_rows, is_postgres
from core.errors import BadInput, NotFound, Unauthenticated
from core.ids import new_id
from core.reservations import ledger
from core.reservations.ledger import (
    Position,
    ReservationFilter,
    count_reservations,
    list_reservations,
)
from core.reservations.reservation_rows import find_own, load_reservation, load_reservations
from core.reservations.values import ReservationStatus

ALL = ReservationFilter()


async def list_ids(actor, wanted=ALL, first=50, after=None):
    return [view.id for view in (await list_reservations(actor, wanted, first, after)).reservations]


async def test_pages_run_by_start(salon):
    service = await salon.add_service()
    made = {hour: await salon.book(salon.slot(service, hour), salon.staff) for hour in (7, 1, 5, 3)}
    first = await list_reservations(salon.owner, ALL, 3, None)
    last = first.reservations[-1]
    rest = await list_reservations(salon.owner, ALL, 3, Position(last.start, last.id))
    assert [each.id for each in (*first.reservations, *rest.reservations)] == [
        made[hour].id for hour in (1, 3, 5, 7)
    ]
    assert (first.has_more, rest.has_more) == (True, False)


async def test_equal_starts_are_not_lost(salon):
    service = await salon.add_service()
    for _ in range(3):
        member = await salon.add_member()
        await salon.book(salon.slot(service, 3, member), salon.staff)
    seen, after = [], None
    while True:
        page = await list_reservations(salon.owner, ALL, 1, after)
        seen += page.reservations
        if not page.has_more:
            break
        after = Position(seen[-1].start, seen[-1].id)
    assert len({each.id for each in seen}) == 3


async def test_filters_hold_together(salon):
    service, other = await salon.add_service(), await salon.add_service()
    bea = await salon.add_member()
    one = await salon.book(salon.slot(service, 1), salon.staff, contact=GUEST)
    two = await salon.book(salon.slot(other, 5, bea), salon.staff)
    await salon.cancel(two.id, salon.staff)
    for wanted, expected in (
        (ReservationFilter(staff_id=bea), [two]),
        (ReservationFilter(service_id=service.id), [one]),
        (ReservationFilter(since=one.start, until=two.start), [one]),
        (ReservationFilter(since=one.start + timedelta(seconds=1)), [two]),
        (ReservationFilter(statuses=(ReservationStatus.CONFIRMED,)), [one]),
        (
            ReservationFilter(statuses=(ReservationStatus.CONFIRMED, two.status.CANCELLED_BY_STORE)),
            [one, two],
        ),
        (ReservationFilter(phone_tail=" 8000 "), [one]),
        (ReservationFilter(phone_tail="8000", staff_id=bea), []),
        (ReservationFilter(store_id=salon.store_id), [one, two]),
    ):
        assert await list_ids(salon.owner, wanted) == [each.id for each in expected], wanted
        assert await count_reservations(salon.owner, wanted) == len(expected)


@pytest.mark.parametrize("tail", ["", "800", "80000", "abcd", "８０００"])
async def test_tail_has_four_digits(salon, tail):
    with pytest.raises(BadInput) as refused:
        await list_ids(salon.owner, ReservationFilter(phone_tail=tail))
    assert refused.value.field == ("filter", "phoneTail")


async def test_customers_see_their_own(salon):
    service = await salon.add_service()
    own = await salon.book(salon.slot(service, 1))
    other = await salon.book(salon.slot(service, 3), await salon.enlist())
    assert await list_ids(salon.customer) == [own.id]
    assert set(await load_reservations(salon.customer, [own.id, other.id])) == {own.id}
    assert await find_own(salon.customer, other.id) is None


async def test_staff_see_their_stores(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 1))
    lane = await create_store(salon.owner, "Lane 2", "Asia/Shanghai")
    stranger = await salon.enlist(Role.STAFF, store_ids=[lane.id])
    assert await list_ids(stranger) == []
    assert await find_own(stranger, made.id) is None
    with pytest.raises(NotFound):
        await list_ids(stranger, ReservationFilter(store_id=salon.store_id))


async def test_other_merchants_see_nothing(salon):
    service = await salon.add_service()
    made = await salon.book(salon.slot(service, 1))
    stranger = await authenticate((await create_merchant("Other", "Shop")).token)
    assert await list_ids(stranger) == []
    assert await count_reservations(stranger, ALL) == 0
    assert await load_reservation(stranger.tenant_id, made.id) is None
    with pytest.raises(Unauthenticated):
        await list_ids(None)


async def test_every_filter_has_its_index(salon):
    """Among thousands of reservations of several stores no query reads the whole table."""
    stores = [salon.store_id, *[(await create_store(salon.owner, f"S{n}")).id for n in range(4)]]
    staff, services = [new_id() for _ in range(10)], [new_id() for _ in range(10)]
    await fill(salon, stores, staff, services)
    clerk = await salon.enlist(Role.STAFF, store_ids=stores[:1])
    day = {"since": MORNING + timedelta(days=3), "until": MORNING + timedelta(days=4)}
    page = (await list_reservations(salon.owner, ALL, 1, None)).reservations[0]
    for actor, wanted, after in (
        (salon.owner, ReservationFilter(), None),
        (salon.owner, ReservationFilter(), Position(page.start + timedelta(days=9), page.id)),
        (salon.owner, ReservationFilter(**day), None),
        (salon.owner, ReservationFilter(store_id=stores[1], **day), None),
        (salon.owner, ReservationFilter(staff_id=staff[3]), None),
        (salon.owner, ReservationFilter(service_id=services[3]), None),
        (salon.owner, ReservationFilter(phone_tail="0042"), None),
        (salon.owner, ReservationFilter(statuses=(ReservationStatus.NO_SHOW,)), None),
        (clerk, ReservationFilter(phone_tail="0042"), None),
        (clerk, ReservationFilter(**day), None),
        (salon.customer, ReservationFilter(), None),
    ):
        plan = await explain(actor, wanted, after)
        assert not re.search(r"Seq Scan on reservation|SCAN reservation(?! USING)", plan), (wanted, plan)


async def explain(actor, wanted, after):
    """How the database carries the list's own statement out."""
    asked = []

    async def keep(sql, *values):
        asked.append((sql, values))
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "fetch_rows", keep)
        await list_reservations(actor, wanted, 20, after)
    [(sql, values)] = asked
    prefix = "EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN "
    return "\n".join(str(tuple(row.values())) for row in await fetch_rows(prefix + sql, *values))


async def fill(salon, stores, staff, services, count=4000):
    """Rows as a chain has them after a while, in one statement each five hundred."""
    columns = (
        "id, tenant_id, created_at, store_id, service_id, staff_id, resource_ids, code, calendar_key, status, version,"
        " sequence, start_at, end_at, party_size, phone_tail, walk_in, source_channel, deposit, deposit_status"
    )
    from core.db.statements import Json, execute

    now = utc_now()
    for first in range(0, count, 100):
        values, rows = [salon.tenant_id, now, Json([])], []
        for number in range(first, first + 100):
            start = MORNING + timedelta(minutes=15 * number)
            status = "NO_SHOW" if number % 50 == 0 else "COMPLETED"
            at = len(values)
            values += [
                new_id(), stores[number % len(stores)], services[number % 10], staff[number % 7],
                f"{number:06d}", f"{number:043d}", status, start, start + timedelta(hours=1), f"{number % 1000:04d}",
            ]  # fmt: skip
            own = [f"${at + place}" for place in range(1, 11)]
            rows.append(
                f"({own[0]}, $1, $2, {own[1]}, {own[2]}, {own[3]}, $3, {own[4]}, {own[5]}, {own[6]}, 1, 0, {own[7]},"
                f" {own[8]}, 1, {own[9]}, FALSE, 'house', 0, 'NONE')"
            )
        await execute(f"INSERT INTO reservation ({columns}) VALUES {', '.join(rows)}", *values)
    await current_connection().execute_script("ANALYZE")
