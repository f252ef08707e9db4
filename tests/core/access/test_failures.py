"""Guessing codes: what is counted, who is locked, for how long, and that no race gets past it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from core.access.failures import FailureLimits, Locked, Reservation
from core.access.values import Role
from core.db.statements import fetch_rows
from core.ids import new_id
from core.settings import Settings


@pytest.fixture
def limits(database, clock) -> FailureLimits:
    return FailureLimits(database, clock)


@pytest.fixture
def customer(make_actor):
    return make_actor(Role.CUSTOMER)


@pytest.fixture
def pos(make_actor):
    return make_actor(Role.POS)


async def fail(limits, actor, times=1, store_id=None) -> None:
    """As many unknown codes, one after the other."""
    for _ in range(times):
        reservation = await limits.reserve(actor)
        assert isinstance(reservation, Reservation)
        await limits.release(reservation, 0, store_id)


async def count_rows(actor) -> dict[str, int]:
    rows = await fetch_rows("SELECT scope, failures FROM failure_count WHERE tenant_id = $1", actor.tenant_id)
    return {row["scope"]: row["failures"] for row in rows}


async def test_fifty_guesses_five_pass(limits, customer):
    async def guess() -> bool:
        reservation = await limits.reserve(customer)
        if isinstance(reservation, Locked):
            return False
        await asyncio.sleep(0)
        await limits.release(reservation, 0)
        return True

    passed = await asyncio.gather(*(guess() for _ in range(50)))
    assert sum(passed) == 5
    assert await count_rows(customer) == {"actor": 5, "token": 5}


async def test_good_codes_cost_nothing(limits, customer):
    async def use() -> Reservation | Locked:
        reservation = await limits.reserve(customer)
        if isinstance(reservation, Reservation):
            await limits.release(reservation, 1)
        return reservation

    for _ in range(20):
        assert isinstance(await use(), Reservation)
    assert await count_rows(customer) == {"actor": 0, "token": 0}
    assert await limits.check(customer) is None


async def test_fifth_failure_locks(limits, customer, clock):
    await fail(limits, customer, 4)
    assert await limits.check(customer) is None
    await fail(limits, customer, 1)
    assert await limits.reserve(customer) == Locked(15 * 60)
    clock.advance(timedelta(minutes=14))
    assert await limits.reserve(customer) == Locked(60)
    clock.advance(60)
    await fail(limits, customer, 1)
    assert await count_rows(customer) == {"actor": 1, "token": 1}


async def test_locks_grow_and_end(limits, customer, clock):
    minutes = []
    for _ in range(9):
        await fail(limits, customer, 5)
        locked = await limits.reserve(customer)
        assert isinstance(locked, Locked)
        minutes.append(locked.retry_after // 60)
        clock.advance(locked.retry_after)
    assert minutes == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


@pytest.mark.parametrize(("hours", "minutes"), [(23, 30), (25, 15)])
async def test_quiet_day_forgives(limits, customer, clock, hours, minutes):
    await fail(limits, customer, 5)
    clock.advance(timedelta(minutes=15, hours=hours))
    await fail(limits, customer, 5)
    assert await limits.reserve(customer) == Locked(minutes * 60)


async def test_window_passes(limits, customer, clock):
    await fail(limits, customer, 4)
    clock.advance(timedelta(minutes=10))
    await fail(limits, customer, 4)
    assert await count_rows(customer) == {"actor": 4, "token": 4}
    assert isinstance(await limits.reserve(customer), Reservation)


async def test_baskets_count_codes(limits, customer):
    reservation = await limits.reserve(customer, 4)
    await limits.release(reservation, 1)
    assert await count_rows(customer) == {"actor": 3, "token": 3}
    assert await limits.reserve(customer, 3) == Locked(10 * 60)
    assert isinstance(await limits.reserve(customer, 2), Reservation)


async def test_refusal_takes_nothing(limits, customer):
    assert isinstance(await limits.reserve(customer, 6), Locked)
    assert await count_rows(customer) == {}
    await fail(limits, customer, 3)
    assert isinstance(await limits.reserve(customer, 3), Locked)
    assert await count_rows(customer) == {"actor": 3, "token": 3}


async def test_lost_request_counts(limits, customer):
    for _ in range(5):
        assert isinstance(await limits.reserve(customer), Reservation)
    assert await limits.reserve(customer) == Locked(10 * 60)


async def test_late_good_answers_unlock(limits, customer):
    slow = await limits.reserve(customer, 3)
    await fail(limits, customer, 2)
    assert await limits.reserve(customer) == Locked(15 * 60)
    await limits.release(slow, 3)
    assert await limits.check(customer) is None
    assert await count_rows(customer) == {"actor": 2, "token": 2}


async def test_late_release_stays_out(limits, customer, clock):
    slow = await limits.reserve(customer, 2)
    clock.advance(timedelta(minutes=10))
    await fail(limits, customer, 2)
    await limits.release(slow, 2)
    assert await count_rows(customer) == {"actor": 2, "token": 2}


async def test_new_token_helps_nobody(limits, customer, make_actor):
    await fail(limits, customer, 5)
    other = make_actor(Role.CUSTOMER, tenant_id=customer.tenant_id, actor_id=customer.actor_id)
    assert await limits.reserve(other) == Locked(15 * 60)
    stranger = make_actor(Role.CUSTOMER, tenant_id=customer.tenant_id)
    assert isinstance(await limits.reserve(stranger), Reservation)


async def test_other_process_sees_lock(limits, customer, database, clock):
    await fail(limits, customer, 5)
    assert await FailureLimits(database, clock).reserve(customer) == Locked(15 * 60)


async def test_staff_have_hundred(limits, pos):
    await limits.count(pos, None, 99)
    assert await limits.check(pos) is None
    await limits.count(pos, None, 1)
    assert await limits.check(pos) == 15 * 60


async def test_staff_counts_add_up(limits, pos):
    await asyncio.gather(*(limits.count(pos, None, 2) for _ in range(50)))
    assert await count_rows(pos) == {"actor": 100, "token": 100}
    assert await limits.check(pos) == 15 * 60


async def test_free_staff_write_nothing(limits, pos):
    assert await limits.check(pos) is None
    await limits.count(pos, None, 0)
    assert await count_rows(pos) == {}


async def test_settings_give_limits(database, clock, customer):
    settings = Settings.model_validate({**database.model_dump(), "customer_failures": 2})
    limits = FailureLimits(settings, clock)
    await fail(limits, customer, 2)
    assert await limits.reserve(customer) == Locked(15 * 60)


async def test_store_alarm_rings_once(limits, make_actor, clock):
    store_id, tenant_id = new_id(), new_id()
    with capture_logs() as logs:
        for _ in range(30):
            await limits.count(make_actor(Role.POS, tenant_id=tenant_id), store_id, 5)
    entries = await fetch_rows("SELECT action, subject_id FROM audit_entry WHERE tenant_id = $1", tenant_id)
    assert [entry["action"] for entry in entries] == ["guessingAlarm"]
    assert str(entries[0]["subject_id"]) == str(store_id)
    assert [log["event"] for log in logs] == ["guessing.store_alarm"]


async def test_store_alarm_locks_nobody(limits, make_actor, clock):
    store_id, tenant_id = new_id(), new_id()
    for _ in range(2):
        for _ in range(25):
            await limits.count(make_actor(Role.POS, tenant_id=tenant_id), store_id, 5)
        assert await limits.check(make_actor(Role.POS, tenant_id=tenant_id)) is None
        clock.advance(timedelta(minutes=10))
    alarms = await fetch_rows("SELECT id FROM audit_entry WHERE tenant_id = $1", tenant_id)
    assert len(alarms) == 2


async def test_customers_count_for_store(limits, customer):
    await fail(limits, customer, 3, store_id := new_id())
    rows = await fetch_rows("SELECT failures, subject_id FROM failure_count WHERE scope = 'store'")
    assert [(row["failures"], str(row["subject_id"])) for row in rows] == [(3, str(store_id))]
