"""Opening and closing the database of this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise.backends.base import executor
from tortoise.context import TortoiseContext, set_global_context

from core.db.config import CONNECTION, tortoise_config
from core.settings import Settings

# At DEBUG these write the values of statements into the log.
for _name in ("tortoise.db_client", "aiosqlite"):
    logging.getLogger(_name).setLevel(logging.INFO)

_open: TortoiseContext | None = None


async def open_database(settings: Settings) -> None:
    """Connects this process to its database, for every task of it, until `close_database`.

    Raises WrongDatabaseUrl, RuntimeError where one is open already, or the driver's error where nobody
    answers. It looks at no schema: see `core.db.migrate.check_schema`.
    """
    global _open  # a process has one database
    if _open is not None:
        raise RuntimeError("a database is open already; close it first")
    # Tortoise keeps the text of INSERT statements by table, whatever the dialect.
    executor.EXECUTOR_CACHE.clear()
    _open = TortoiseContext()
    try:
        # Tortoise finds its state by a context variable, which tasks started elsewhere do not inherit (each
        # request of an ASGI server is one); the global context is found by all.
        set_global_context(_open)
        await _open.init(config=tortoise_config(settings))
        await _open.connections.get(CONNECTION).execute_query("SELECT 1")
    except BaseException:
        await close_database()
        raise


async def close_database() -> None:
    """Closes every connection, also where the caller is cancelled meanwhile. Does nothing where none is open."""
    global _open
    context, _open = _open, None
    if context is None:
        return
    closing = asyncio.create_task(context.close_connections())
    try:
        await asyncio.shield(closing)
    finally:
        await asyncio.wait([closing])


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[None]:
    """`async with opened_database(settings):` opens, and closes in any case."""
    await open_database(settings)
    try:
        yield
    finally:
        await close_database()
