"""Fixtures for every test: settings, a clock, and a fresh migrated database.

A test that asks for `database` (open in this process) or `database_url` (for processes that it starts) runs
once on SQLite and once on PostgreSQL. `@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)`
limits it to one. The PostgreSQL server is 127.0.0.1:5432, or the one that HEXIAO_TEST_POSTGRES names as
`postgres://user@host:port`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.lifecycle import opened_database
from core.db.migrate import migrate
from core.ids import new_id
from core.settings import Settings
from core.testing.clock import ManualClock

SERVER = os.environ.get("HEXIAO_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")
SECRET_KEY = "a secret key for tests, 32 characters or more"
BOTH = ["sqlite", "postgres"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    limited = any("database_kind" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if {"database", "database_url"} & set(metafunc.fixturenames) and not limited:
        metafunc.parametrize("database_kind", BOTH, indirect=True)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """ "sqlite" or "postgres"."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def settings(database_kind: str, request: pytest.FixtureRequest) -> Settings:
    """Settings of a fresh, migrated database of this test."""
    url = request.getfixturevalue("postgres_url" if database_kind == "postgres" else "sqlite_url")
    return make_settings(url)


@pytest.fixture
def database_url(settings: Settings) -> str:
    """The URL of a fresh, migrated database that nobody has opened."""
    return settings.database_url


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """A fresh, migrated database, open in this process; its settings."""
    async with opened_database(settings):
        yield settings


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite file."""
    path = tmp_path / "hexiao.sqlite3"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite://{path}"


@pytest.fixture
def postgres_url(_postgres_database: str) -> str:
    """The URL of a migrated PostgreSQL database, emptied for this test."""
    _run(lambda: _empty_tables(_postgres_database))
    return _postgres_database


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@pytest.fixture
def tenant_id() -> UUID:
    """A merchant of its own for each test."""
    return new_id()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite3"
    _run(lambda: migrate(make_settings(f"sqlite://{path}")))
    return path


@pytest.fixture(scope="session")
def _postgres_database() -> Iterator[str]:
    """One database for the whole run: emptying it is faster than creating another."""
    name = f"hexiao_test_{uuid4().hex[:12]}"
    try:
        _run(lambda: _execute(f"{SERVER}/postgres", f"CREATE DATABASE {name}"))
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        if os.environ.get("CI"):
            pytest.fail(f"PostgreSQL must answer in CI: {error}")
        pytest.skip(f"no PostgreSQL at {SERVER}: {error}")
    try:
        # Nobody needs these rows after a power cut.
        _run(lambda: _execute(f"{SERVER}/postgres", f"ALTER DATABASE {name} SET synchronous_commit = off"))
        _run(lambda: migrate(make_settings(f"{SERVER}/{name}")))
        yield f"{SERVER}/{name}"
    finally:
        _run(lambda: _execute(f"{SERVER}/postgres", f"DROP DATABASE {name} WITH (FORCE)"))


def make_settings(database_url: str, **changes: Any) -> Settings:
    """Settings for tests: whatever is not given has its default."""
    return Settings(database_url=database_url, secret_key=SECRET_KEY, **changes)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


_EMPTY_TABLES = """
    DO $$
    DECLARE name text;
    BEGIN
        -- What a killed process left open would block the DELETEs.
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid();
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'
        LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
    END $$
"""


async def _empty_tables(url: str) -> None:
    await _execute(url, _EMPTY_TABLES)


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Runs a coroutine on a loop of its own, whatever the test's loop is doing."""

    async def run() -> Any:
        return await work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
