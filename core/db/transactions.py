"""Transactions, and running them again when the database asked for it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from core.db.config import CONNECTION
from core.db.statements import current_connection

T = TypeVar("T")

_TRANSIENT_ON_POSTGRES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_TRANSIENT_ON_SQLITE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FIRST_PAUSE_SECONDS = 0.02


def transaction() -> TransactionContext:
    """`async with transaction():` commits at the end and rolls back on any exception, cancellation included.

    Inside another it is a savepoint. Start no task in it (it would inherit the connection) and call no
    network.
    """
    return in_transaction(CONNECTION)


async def run_in_transaction(work: Callable[[], Awaitable[T]], attempts: int = 3) -> T:
    """What `work` answers, run in a transaction; begun anew after a deadlock or a lost race for a lock.

    `work` must be safe to run `attempts` times, so it touches nothing but the database. Inside another
    transaction it runs once: only the outermost one can begin anew.
    """
    return await run_again(lambda: _run_once(work), attempts)


async def run_again(work: Callable[[], Awaitable[T]], attempts: int = 3) -> T:
    """What `work` answers, which is one atomic write by itself; again as `run_in_transaction` does it."""
    if isinstance(current_connection(), TransactionalDBClient):
        attempts = 1
    for attempt in range(1, attempts):
        try:
            return await work()
        except Exception as error:
            if not is_transient(error):
                raise
        # Jitter: two that met once must not meet again.
        await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311
    return await work()


def is_transient(error: BaseException) -> bool:
    """Whether the database refused only because of what others did at the same time."""
    if isinstance(error, _TRANSIENT_ON_POSTGRES):
        return True
    cause = error.args[0] if isinstance(error, OperationalError) and error.args else None
    # The lower byte is the primary code; SQLITE_BUSY_SNAPSHOT and others are kinds of it.
    return (
        isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF in _TRANSIENT_ON_SQLITE
    )


async def _run_once(work: Callable[[], Awaitable[T]]) -> T:
    async with transaction():
        return await work()
