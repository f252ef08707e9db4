"""Bringing the schema up to date, and telling whether it is.

Tables come from the migrations in `core.db.migrations`, keys and checks from `core.db.invariants`. After a
change of a model, `python -m core.db.migrate NAME` writes the migration.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import structlog
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import require_context
from tortoise.exceptions import OperationalError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.writer import format_migration_name
from tortoise.transactions import in_transaction

from core.db.config import APP, CONNECTION, tortoise_config
from core.db.invariants import ensure_invariants, verify_invariants
from core.db.lifecycle import opened_database
from core.db.statements import current_connection, is_postgres
from core.settings import Settings

# Any number, as long as every process takes the same: two migrations at once wait for each other.
_MIGRATION_LOCK = 0x4865_7869_616F

_log = structlog.get_logger(__name__)


class SchemaOutdated(Exception):  # reads as what it is
    """The database does not have the tables or keys that this version needs."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"the database is not up to date ({', '.join(missing)}); run: hexiao migrate")
        self.missing = missing


async def migrate(settings: Settings) -> list[str]:
    """Opens the database, brings it up to date and closes it; answers the migrations that were applied."""
    async with opened_database(settings):
        return await apply_migrations(settings)


async def apply_migrations(settings: Settings) -> list[str]:
    """Brings the open database up to date, all of it or nothing; answers the migrations that were applied."""
    async with in_transaction(CONNECTION) as connection:
        if is_postgres(connection):
            await connection.execute_query_dict("SELECT pg_advisory_xact_lock($1)", [_MIGRATION_LOCK])
            await _create_extension()
        executor = _executor(connection, settings)
        # The plan reads the table of applied migrations, and takes a missing one for an error of the
        # transaction.
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        steps = await executor.plan()
        await executor.migrate()
        await ensure_invariants()
    return [step.migration.name for step in steps]


async def find_outdated(settings: Settings) -> list[str]:
    """The names of the migrations and invariants that the open database lacks."""
    connection = current_connection()
    await connection.execute_query("SELECT 1")
    steps = await _executor(connection, settings).plan()
    return [step.migration.name for step in steps] or await verify_invariants()


async def check_schema(settings: Settings) -> None:
    """Raises SchemaOutdated, with the command that helps, where the open database is not up to date."""
    missing = await find_outdated(settings)
    if missing:
        raise SchemaOutdated(missing)


async def is_current(settings: Settings) -> bool:
    """Opens the database, looks whether it is up to date, and closes it."""
    async with opened_database(settings):
        return not await find_outdated(settings)


async def write_migration(settings: Settings, name: str) -> list[Path]:
    """Writes a migration for what the models have and the migrations lack; answers the new files."""
    async with opened_database(settings):
        apps = require_context().apps
        assert apps is not None
        for model in apps.get_models_iterable():
            # Tortoise takes the docstring; a semicolon in it ends the statement on SQLite.
            model._meta.table_description = ""
        writers = await MigrationAutodetector(apps, tortoise_config(settings)["apps"]).changes()
    for writer in writers:
        writer.name = format_migration_name(int(writer.name[:4]), name)
    return [writer.write() for writer in writers]


def _executor(connection: BaseDBAsyncClient, settings: Settings) -> MigrationExecutor:
    return MigrationExecutor(connection, {APP: tortoise_config(settings)["apps"][APP]})


async def _create_extension() -> None:
    """btree_gist, for constraints on (resource, time range). Only an owner of the database may create it."""
    try:
        async with in_transaction(CONNECTION) as connection:
            await connection.execute_script("CREATE EXTENSION IF NOT EXISTS btree_gist")
    except (OperationalError, asyncpg.PostgresError) as error:
        _log.warning("btree_gist_not_created", reason=str(error))


def _main() -> None:
    """Needs no database of its own: it compares the models with the migrations on disk."""
    name = sys.argv[1] if len(sys.argv) > 1 else "change"
    with TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/empty.sqlite3"
        settings = Settings.model_validate({"database_url": url, "secret_key": "-" * 32})
        for path in asyncio.run(write_migration(settings, name)):
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    _main()
