from __future__ import annotations

import asyncio
import contextvars

import pytest

from core.access.models import Merchant
from core.db.lifecycle import close_database, open_database, opened_database
from core.db.statements import current_connection, fetch_row


async def test_every_task_sees_it(database):
    """A request of an ASGI server runs in a context that does not descend from the lifespan's."""
    task = asyncio.get_running_loop().create_task(read_one(), context=contextvars.Context())
    assert await task == 1


async def test_second_open_refused(database):
    with pytest.raises(RuntimeError, match="open already"):
        await open_database(database)
    assert await read_one() == 1


async def test_reopened_after_close(database_url, settings):
    for _ in range(2):
        async with opened_database(settings):
            assert await read_one() == 1


async def test_close_twice_harmless(database_url, settings):
    async with opened_database(settings):
        await close_database()
    with pytest.raises(RuntimeError, match="No TortoiseContext"):
        current_connection()


async def test_failed_open_leaves_nothing(settings, tmp_path):
    unreachable = settings.model_copy(update={"database_url": f"sqlite://{tmp_path}/no/such/folder/x.db"})
    with pytest.raises(Exception, match="unable to open"):
        await open_database(unreachable)
    async with opened_database(settings):
        assert await read_one() == 1


async def test_models_write_after_other_database(sqlite_url, postgres_url, settings):
    """Tortoise keeps INSERT texts by table; those of the other dialect must not be reused."""
    for url in (sqlite_url, postgres_url, sqlite_url):
        async with opened_database(settings.model_copy(update={"database_url": url})):
            merchant = await Merchant.create(name="Ruhe Tea")
            assert (await Merchant.get(id=merchant.id)).name == "Ruhe Tea"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_pragmas_set(database):
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    for name, value in expected.items():
        row = await fetch_row(f"PRAGMA {name}")
        assert next(iter(row.values())) == value


async def read_one():
    return (await fetch_row("SELECT 1 AS one"))["one"]


async def test_values_stay_out_of_logs(database, caplog):
    with caplog.at_level("DEBUG"):
        await Merchant.create(name="a secret name")
        await fetch_row("SELECT $1 AS x", "another secret")
    assert "secret" not in caplog.text
