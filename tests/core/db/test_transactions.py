from __future__ import annotations

import asyncio
import sqlite3

import asyncpg
import pytest
from tortoise.exceptions import OperationalError

from core.access.models import Merchant
from core.coupons.models import HouseCoupon
from core.db import transactions
from core.db.lifecycle import opened_database
from core.db.statements import execute, fetch_row
from core.db.transactions import is_transient, run_in_transaction, transaction

USE = "UPDATE house_coupon SET times_used = times_used + 1 WHERE id = $1 AND times_used < times_total"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(transactions, "_FIRST_PAUSE_SECONDS", 0)


async def count_merchants():
    return await Merchant.all().count()


async def write_and_fail(name):
    async with transaction():
        await Merchant.create(name=name)
        raise KeyError


async def test_commits_at_end(database):
    async with transaction():
        await Merchant.create(name="a")
    assert await count_merchants() == 1


async def test_rolls_back_on_error(database):
    with pytest.raises(KeyError):
        await write_and_fail("a")
    assert await count_merchants() == 0


async def test_inner_failure_spares_outer(database):
    async with transaction():
        await Merchant.create(name="a")
        with pytest.raises(KeyError):
            await write_and_fail("b")
        async with transaction():
            await Merchant.create(name="c")
    assert sorted(await Merchant.all().values_list("name", flat=True)) == ["a", "c"]


async def test_outer_failure_undoes_inner(database):
    async def fail_outside():
        async with transaction():
            async with transaction():
                await Merchant.create(name="a")
            raise KeyError

    with pytest.raises(KeyError):
        await fail_outside()
    assert await count_merchants() == 0


async def test_fifty_increments_exact(database, insert_row, tenant_id):
    coupon = await insert_row(HouseCoupon, tenant_id=tenant_id, times_total=30)
    counts = await asyncio.gather(*(execute(USE, coupon["id"]) for _ in range(50)))
    assert (counts.count(1), counts.count(0)) == (30, 20)
    assert (await HouseCoupon.get(id=coupon["id"])).times_used == 30


async def test_fifty_transactions_exact(database, insert_row, tenant_id):
    """Each one reads what it wrote, between its own write and its commit."""
    coupon = await insert_row(HouseCoupon, tenant_id=tenant_id, times_total=50)

    async def use_once():
        assert await execute(USE, coupon["id"]) == 1
        row = await fetch_row("SELECT times_used FROM house_coupon WHERE id = $1", coupon["id"])
        return row["times_used"]

    seen = await asyncio.gather(*(run_in_transaction(use_once) for _ in range(50)))
    assert sorted(seen) == list(range(1, 51))


async def test_deadlock_run_again(postgres_url, settings, insert_row, tenant_id):
    """Two transactions take the same rows in opposite order; both end well."""
    async with opened_database(settings.model_copy(update={"database_url": postgres_url})):
        first, second = [
            (await insert_row(HouseCoupon, tenant_id=tenant_id, times_total=9))["id"] for _ in "ab"
        ]
        met = asyncio.Barrier(2)
        runs = []

        async def use_both(*order):
            runs.append(order)
            await execute(USE, order[0])
            if len(runs) <= 2:
                await met.wait()
            await execute(USE, order[1])

        await asyncio.gather(
            run_in_transaction(lambda: use_both(first, second)),
            run_in_transaction(lambda: use_both(second, first)),
        )
        assert len(runs) == 3
        assert await HouseCoupon.filter(times_used=2).count() == 2


async def test_serialization_failure_run_again(database):
    runs = []

    async def fail_once():
        runs.append(await Merchant.create(name="a"))
        if len(runs) == 1:
            raise asyncpg.SerializationError
        return len(runs)

    assert await run_in_transaction(fail_once) == 2
    assert await count_merchants() == 1


async def test_attempts_end(database):
    runs = []

    async def fail():
        runs.append(1)
        raise asyncpg.DeadlockDetectedError

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await run_in_transaction(fail, attempts=4)
    assert len(runs) == 4


async def test_other_errors_not_repeated(database):
    runs = []

    async def fail():
        runs.append(await Merchant.create(name="a"))
        raise KeyError

    with pytest.raises(KeyError):
        await run_in_transaction(fail)
    assert (len(runs), await count_merchants()) == (1, 0)


async def test_inner_run_not_repeated(database):
    """After a deadlock the outer transaction is lost; only that one may begin anew."""
    runs = []

    async def fail():
        runs.append(1)
        raise asyncpg.DeadlockDetectedError

    async with transaction():
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await run_in_transaction(fail)
    assert len(runs) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_busy_file_waited_for(database):
    """Another process writes for longer than one attempt is willing to wait."""
    await execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(database.database_url.removeprefix("sqlite://"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.08, other.rollback)
    await run_in_transaction(lambda: Merchant.create(name="a"))
    other.close()
    assert await count_merchants() == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_busy_file_reported(database):
    await execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(database.database_url.removeprefix("sqlite://"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked") as refusal:
        await run_in_transaction(lambda: Merchant.create(name="a"))
    other.close()
    assert is_transient(refusal.value)
    await run_in_transaction(lambda: Merchant.create(name="b"))
    assert await Merchant.all().values_list("name", flat=True) == ["b"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_wrong_sql_not_transient(database):
    with pytest.raises(OperationalError) as refusal:
        await execute("UPDATE no_such_table SET x = 1")
    assert not is_transient(refusal.value)
    assert not is_transient(KeyError())
