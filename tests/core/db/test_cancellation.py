"""A task can be cancelled wherever it waits. Neither a lock nor a connection may be lost by it."""

from __future__ import annotations

import asyncio
import sqlite3

import asyncpg
import pytest

from core.access.models import Merchant
from core.db.lifecycle import opened_database
from core.db.statements import current_connection, execute, fetch_row, is_postgres
from core.db.transactions import transaction

POOL = 2
ENOUGH = 60


class CancelledAt:
    """Awaits `work` and cancels the task at its n-th suspension.

    "early": while what is waited for is still under way. "late": when it is done, and before the task could see it.
    """

    def __init__(self, work, n, moment):
        self.work, self.n, self.moment, self.suspensions = work, n, moment, 0

    def __await__(self):
        inner = self.work.__await__()
        resume, value = inner.send, None
        while True:
            try:
                waited_for = resume(value)
            except StopIteration as done:
                return done.value
            self.suspensions += 1
            hit = self.suspensions == self.n
            if hit and self.moment == "early":
                asyncio.current_task().cancel()
            try:
                yield waited_for
                resume, value = inner.send, None
                if hit and self.moment == "late":
                    resume, value = inner.throw, asyncio.CancelledError()
            except BaseException as error:
                resume, value = inner.throw, error


@pytest.fixture
async def small_pool(database_url, settings):
    """As few connections as possible, so that one lost is missed at once."""
    async with opened_database(settings.model_copy(update={"database_pool_size": POOL})):
        yield


async def write_nested(name):
    async with transaction():
        await execute("SELECT 1")
        await Merchant.create(name=name)
        async with transaction():
            await Merchant.create(name=name)


async def write_and_fail(name):
    async with transaction():
        await Merchant.create(name=name)
        raise KeyError


@pytest.mark.parametrize("moment", ["early", "late"])
@pytest.mark.parametrize(("work", "rows"), [(write_nested, 2), (write_and_fail, 0)])
async def test_cancelled_at_every_await(small_pool, work, rows, moment):
    cancelled = 0
    for n in range(1, ENOUGH):
        driver = CancelledAt(work(str(n)), n, moment)
        outcome = (await asyncio.gather(run(driver), return_exceptions=True))[0]
        cancelled += isinstance(outcome, asyncio.CancelledError)
        await check_all_free()
        # All of it or nothing; a commit that was under way may have reached the database.
        assert await Merchant.filter(name=str(n)).count() in {0, rows}
        if driver.suspensions < n:
            break
    assert cancelled >= 3
    assert driver.suspensions < n, "it never ran to its end"
    assert await Merchant.filter(name=str(n)).count() == rows


@pytest.mark.parametrize("moment", ["early", "late"])
async def test_cancelled_statement_at_every_await(small_pool, moment):
    for n in range(1, ENOUGH):
        driver = CancelledAt(Merchant.create(name=str(n)), n, moment)
        await asyncio.gather(run(driver), return_exceptions=True)
        await check_all_free()
        if driver.suspensions < n:
            break
    assert await Merchant.filter(name=str(n)).count() == 1


@pytest.mark.parametrize("moment", ["early", "late"])
async def test_cancelled_open_at_every_await(database_url, settings, moment):
    async def use():
        async with opened_database(settings):
            return await read_one()

    for n in range(1, ENOUGH * 4):
        driver = CancelledAt(use(), n, moment)
        await asyncio.gather(run(driver), return_exceptions=True)
        assert await use() == 1
        if driver.suspensions < n:
            break
    assert driver.suspensions < n


async def test_cancelled_while_waiting_for_lock(small_pool, settings):
    """Somebody else holds what the transaction wants; the cancelled wait must not get it later."""
    await Merchant.create(name="a")
    async with held_elsewhere(settings.database_url) as release:
        tasks = [asyncio.create_task(change_name("b")) for _ in range(POOL)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * POOL
        await release()
    await check_all_free()
    assert await Merchant.filter(name="a").count() == 1


async def test_timed_out_commit_whole_or_nothing(small_pool):
    """Wall-clock time-outs, wherever they strike."""
    for n in range(30):
        try:
            async with asyncio.timeout(0.0004 * n):
                await write_nested(str(n))
        except TimeoutError:
            pass
        await check_all_free()
        assert await Merchant.filter(name=str(n)).count() in {0, 2}


async def test_count_not_taken_over(small_pool):
    """The rows of a cancelled statement are not counted for the next one."""
    await Merchant.create(name="a")
    task = asyncio.create_task(execute("UPDATE merchant SET name = 'b'"))
    await asyncio.sleep(0)
    task.cancel()
    assert await execute("UPDATE merchant SET name = 'c' WHERE name = 'z'") == 0
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_broken_connection_shows_first_error(small_pool):
    async def fail_when_broken():
        async with transaction() as connection:
            connection._connection.terminate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_when_broken()
    await check_all_free()


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_lost_connection_reported(small_pool):
    async def write_when_broken():
        async with transaction() as connection:
            await Merchant.create(name="a")
            connection._connection.terminate()
            await Merchant.create(name="b")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await write_when_broken()
    await check_all_free()
    assert await Merchant.all().count() == 0


async def run(driver):
    return await driver


async def read_one():
    return (await fetch_row("SELECT 1 AS one"))["one"]


async def change_name(name):
    async with transaction():
        await execute("UPDATE merchant SET name = $1", name)


async def check_all_free():
    """Every connection of the pool can be had at once, and none is inside a transaction."""
    met = asyncio.Barrier(POOL if is_postgres() else 1)

    async def use():
        async with transaction():
            await met.wait()
            await execute("UPDATE merchant SET name = name WHERE name = 'nobody'")
            return await read_one()

    async with asyncio.timeout(5):
        assert set(await asyncio.gather(*(use() for _ in range(met.parties)))) == {1}
        connection = current_connection()
        assert not connection.endings
        if not is_postgres(connection):
            assert not connection._lock.locked()
            assert not connection._connection._conn.in_transaction


class held_elsewhere:  # noqa: N801  # reads as a statement
    """Another connection holds the rows of `merchant` (SQLite: the whole file)."""

    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        if self.url.startswith("sqlite"):
            self.other = sqlite3.connect(self.url.removeprefix("sqlite://"), isolation_level=None)
            self.other.execute("BEGIN IMMEDIATE")
        else:
            self.other = await asyncpg.connect(self.url)
            await self.other.execute("BEGIN; UPDATE merchant SET name = name")
        return self.release

    async def release(self):
        ended = self.other.execute("ROLLBACK")
        if asyncio.iscoroutine(ended):
            await ended

    async def __aexit__(self, *failure):
        closed = self.other.close()
        if asyncio.iscoroutine(closed):
            await closed
