from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from tortoise.context import require_context
from tortoise.migrations.autodetector import MigrationAutodetector

from core.access.models import Merchant
from core.coupons.models import HouseUse
from core.db import migrate as migrations
from core.db import migrations as written
from core.db.config import tortoise_config
from core.db.invariants import ensure_invariants, verify_invariants
from core.db.lifecycle import opened_database
from core.db.migrate import SchemaOutdated, apply_migrations, check_schema, is_current, migrate
from core.db.statements import execute, fetch_rows
from core.db.transactions import transaction


@pytest.fixture
def empty_settings(settings, tmp_path):
    return settings.model_copy(update={"database_url": f"sqlite://{tmp_path}/empty.sqlite3"})


ALL = sorted(path.stem for path in Path(written.__file__).parent.glob("0*.py"))


async def test_empty_database_migrated(empty_settings):
    assert not await is_current(empty_settings)
    assert await migrate(empty_settings) == ALL
    assert await is_current(empty_settings)


async def test_second_migrate_changes_nothing(database):
    assert await apply_migrations(database) == []
    assert await verify_invariants() == []


async def test_old_schema_refused(empty_settings):
    async with opened_database(empty_settings):
        with pytest.raises(SchemaOutdated, match="run: hexiao migrate") as refusal:
            await check_schema(empty_settings)
    assert refusal.value.missing == ALL


async def test_current_schema_accepted(database):
    await check_schema(database)


async def test_missing_key_refused(database):
    async with rolled_back():
        await execute("DROP INDEX house_use__tenant_id_token_number_key")
        with pytest.raises(SchemaOutdated) as refusal:
            await check_schema(database)
    assert refusal.value.missing == ["house_use__tenant_id_token_number_key"]


async def test_migrations_match_models(database):
    """`python -m core.db.migrate NAME` writes the missing one."""
    apps = require_context().apps
    for model in apps.get_models_iterable():
        model._meta.table_description = ""
    writers = await MigrationAutodetector(apps, tortoise_config(database)["apps"]).changes()
    assert [writer.as_string() for writer in writers] == []


async def test_failed_migration_leaves_nothing(empty_settings, monkeypatch):
    async def fail():
        raise OSError("the disk is full")

    monkeypatch.setattr(migrations, "ensure_invariants", fail)
    with pytest.raises(OSError, match="disk is full"):
        await migrate(empty_settings)
    async with opened_database(empty_settings):
        assert await fetch_rows("SELECT name FROM sqlite_master") == []


async def test_rows_survive_migrate(database):
    merchant = await Merchant.create(name="Ruhe Tea")
    await apply_migrations(database)
    assert await Merchant.filter(id=merchant.id).count() == 1


async def test_invariant_refused_by_rows(database, insert_row, tenant_id):
    """A key that the rows break is not created, and the migration says so."""
    async with rolled_back():
        await execute("DROP INDEX house_use__tenant_id_token_number_key")
        for _ in range(2):
            await insert_row(HouseUse, tenant_id=tenant_id, token="t", number=1)
        with pytest.raises(Exception, match=r"(?i)unique"):
            await ensure_invariants()


async def test_two_at_once(postgres_url, settings):
    """Each connection takes the lock in turn; the second finds nothing to do."""
    name = f"{postgres_url.rsplit('/', 1)[1]}_empty"
    await execute_on(postgres_url, f"CREATE DATABASE {name}")
    empty = settings.model_copy(update={"database_url": f"{postgres_url}_empty"})
    try:
        async with opened_database(empty):
            answers = await asyncio.gather(apply_migrations(empty), apply_migrations(empty))
            assert sorted(answers) == [[], ALL]
            assert await verify_invariants() == []
    finally:
        await execute_on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def execute_on(url, *statements):
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


class Undo(Exception):
    pass


@asynccontextmanager
async def rolled_back():
    """A transaction that is never committed: DDL in it is gone afterwards, on both databases."""
    with suppress(Undo):
        async with transaction():
            yield
            raise Undo
