"""SQLite for Tortoise: writers queue up instead of failing, and a cancelled task leaves nothing behind.

What differs from Tortoise's own backend, and why:

- Transactions start with BEGIN IMMEDIATE. A deferred one that reads and then writes fails at once with
  "database is locked" when another process wrote in between; no busy time-out helps there.
- Statements run in aiosqlite's thread, where a cancelled caller cannot stop them. A BEGIN whose caller is
  gone would open a transaction that nobody ends, so a ROLLBACK is queued behind it and the lock is released
  only after that.
- Rows are counted in that thread, so that a statement whose caller was cancelled is not counted for the next.
- `execute_script` stays inside its transaction; sqlite3's `executescript` commits first.
- Datetimes are compared as text, so every one is bound in UTC.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import aiosqlite
from tortoise.backends.base.client import NestedTransactionContext, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)
from tortoise.connection import get_connections

from core.clock import to_utc


def format_instant(instant: datetime) -> str:
    """The text of an instant in a SQLite column: UTC, so that texts sort as instants do."""
    return to_utc(instant).isoformat(" ")


# Tortoise converts what it writes, but not what it compares with.
sqlite3.register_adapter(datetime, format_instant)


class _Statements(SqliteClient):
    """How statements run, alike inside and outside a transaction."""

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        counted: tuple[int, Sequence[Any]] = await self._in_thread(_run_statement, query, values or ())
        return counted

    @translate_exceptions
    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        _, rows = await self._in_thread(_run_statement, query, values or ())
        return [dict(row) for row in rows]

    @translate_exceptions
    async def execute_script(self, query: str) -> None:
        await self._in_thread(_run_script, query)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async with self.acquire_connection() as connection:
            self.log.debug("%s", arguments[0])
            return await connection._execute(function, connection._conn, *arguments)


class Client(_Statements):
    """The one connection of a process. `asyncio.Lock` keeps its transactions apart."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        self.endings: set[asyncio.Task[None]] = set()

    async def create_connection(self, with_db: bool) -> None:
        if self._connection:
            return
        connection = await aiosqlite.connect(self.filename, isolation_level=None)
        try:
            await connection._execute(  # type: ignore[no-untyped-call]
                _configure, connection._conn, self.pragmas
            )
        except BaseException:
            connection.stop()
            raise
        self._connection = connection
        await self._post_connect()

    async def close(self) -> None:
        await asyncio.gather(*self.endings)
        await super().close()

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(_Transaction(self), self._lock)

    def end_abandoned(self, connection: aiosqlite.Connection | None) -> None:
        """Rolls back whatever is open or about to open, then releases the lock; nobody waits for it.

        It runs in an empty context: the caller's still holds the transaction.
        """
        ending = asyncio.get_running_loop().create_task(
            self._roll_back(connection), context=contextvars.Context()
        )
        self.endings.add(ending)
        ending.add_done_callback(self._release_lock)

    async def _roll_back(self, connection: aiosqlite.Connection | None) -> None:
        if connection:
            await connection.rollback()

    def _release_lock(self, ending: asyncio.Task[None]) -> None:
        self.endings.discard(ending)
        self._lock.release()
        if not ending.cancelled() and ending.exception():
            self.log.error("a rollback failed: %s", ending.exception())


class _Transaction(_Statements, SqliteTransactionWrapper):
    _parent: Client

    def __init__(self, connection: SqliteClient) -> None:
        SqliteTransactionWrapper.__init__(self, connection)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self))

    async def begin(self) -> None:
        await _begin(self, "BEGIN IMMEDIATE")


@translate_exceptions
async def _begin(transaction: _Transaction, statement: str) -> None:
    await transaction._connection.execute_fetchall(statement)


class _TransactionContext(SqliteTransactionContext):
    connection: _Transaction

    async def __aenter__(self) -> _Transaction:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._abandon()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        get_connections().reset(self.token)
        try:
            if self.connection._finalized:
                pass
            elif exc_type:
                await self.connection.rollback()
            else:
                await self.connection.commit()
        except BaseException:
            # Behind a COMMIT that did succeed the ROLLBACK finds nothing to undo.
            self._abandon()
            raise
        self._trxlock.release()

    def _abandon(self) -> None:
        self.connection._finalized = True
        self.connection._parent.end_abandoned(self.connection._connection)


def _configure(connection: sqlite3.Connection, pragmas: dict[str, Any]) -> None:
    connection.row_factory = sqlite3.Row
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}").close()


def _run_statement(
    connection: sqlite3.Connection, sql: str, values: Sequence[Any]
) -> tuple[int, list[sqlite3.Row]]:
    before = connection.total_changes
    rows = connection.execute(sql, values).fetchall()
    return connection.total_changes - before or len(rows), rows


def _run_script(connection: sqlite3.Connection, script: str) -> None:
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        # A semicolon inside a string or a trigger's body ends no statement.
        if sqlite3.complete_statement(statement):
            connection.execute(statement).close()
            statement = ""


client_class = Client
