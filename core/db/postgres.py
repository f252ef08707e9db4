"""PostgreSQL for Tortoise: no round trip too many, and a cancelled task leaves nothing behind.

What differs from Tortoise's own backend, and why:

- A connection goes back to the pool without asyncpg's reset query (UNLISTEN, RESET ALL, advisory unlock),
  which costs a round trip for each use. It is safe as long as nothing on a pooled connection outlives its
  transaction: no SET (SET LOCAL is fine), no LISTEN, no session advisory lock, no cursor held over a commit.
  An open transaction is rolled back in any case.
- A task that is cancelled between taking a connection and leaving the transaction gives the connection back.
- COMMIT of a transaction in which a statement failed is a silent rollback on PostgreSQL; here it raises.
- The count of an INSERT is its rows. Tortoise reads the first number of "INSERT 0 1".
"""

from __future__ import annotations

import asyncio
import contextvars
from itertools import count
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

_COUNTED = ("INSERT", "UPDATE", "DELETE")
_savepoint_numbers = count()


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose session state is never changed, so that there is nothing to reset."""

    def get_reset_query(self) -> str:
        return ""


class _Statements(AsyncpgDBClient):
    """How statements run, alike inside and outside a transaction."""

    @translate_exceptions
    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, list[dict[str, Any]]]:
        async with self.acquire_connection() as connection:
            if query.lstrip()[:6].upper() in _COUNTED:
                tag = await connection.execute(query, *(values or ()))
                return int(tag.rsplit(" ", 1)[1]), []
            rows = await connection.fetch(query, *(values or ()))
            return len(rows), rows


class Client(_Statements):
    """The pool of a process."""

    connection_class = PooledConnection

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endings: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await asyncio.gather(*self.endings)
        await super().close()

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(_Transaction(self), self._pool_init_lock)

    def end_abandoned(self, connection: Any) -> None:
        """Rolls back and gives the connection back to the pool; nobody waits for it.

        It runs in an empty context: the caller's still holds the transaction.
        """
        ending = asyncio.get_running_loop().create_task(
            self._roll_back(connection), context=contextvars.Context()
        )
        self.endings.add(ending)
        ending.add_done_callback(self.endings.discard)

    async def _roll_back(self, connection: Any) -> None:
        try:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")
        except Exception as error:
            self.log.warning("a connection was closed because its rollback failed: %r", error)
            connection.terminate()
        finally:
            if self._pool:
                await self._pool.release(connection)


class _Transaction(_Statements, TransactionWrapper):
    _parent: Client
    _savepoint = ""

    def __init__(self, connection: AsyncpgDBClient) -> None:
        TransactionWrapper.__init__(self, connection)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self))

    async def begin(self) -> None:
        await self._connection.execute("BEGIN")

    async def commit(self) -> None:
        self._finalise()
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise TransactionManagementError("rolled back: a statement of this transaction had failed")

    async def rollback(self) -> None:
        self._finalise()
        await self._connection.execute("ROLLBACK")

    async def savepoint(self) -> None:
        self._savepoint = f"hexiao_{next(_savepoint_numbers)}"
        await self._connection.execute(f"SAVEPOINT {self._savepoint}")

    async def release_savepoint(self) -> None:
        self._finalise()
        await self._connection.execute(f"RELEASE SAVEPOINT {self._savepoint}")

    async def savepoint_rollback(self) -> None:
        self._finalise()
        await self._connection.execute(f"ROLLBACK TO SAVEPOINT {self._savepoint}")

    def _finalise(self) -> None:
        if self._finalized:
            raise TransactionManagementError("this transaction has ended already")
        self._finalized = True


class _TransactionContext(TransactionContextPooled):
    client: _Transaction

    async def __aenter__(self) -> _Transaction:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()  # type: ignore[union-attr]
        try:
            await self.client.begin()
        except BaseException:
            self._abandon()
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        get_connections().reset(self.token)
        try:
            await self._end(failed=exc_type is not None)
        except BaseException as error:
            self._abandon()
            # A connection that broke shows again here; the first error says more.
            if exc_type is None or not isinstance(error, Exception):
                raise
            return
        await self.client._parent._pool.release(self.client._connection)  # type: ignore[union-attr]

    async def _end(self, *, failed: bool) -> None:
        if self.client._finalized:
            return
        if failed:
            await self.client.rollback()
        else:
            await self.client.commit()

    def _abandon(self) -> None:
        self.client._finalized = True
        self.client._parent.end_abandoned(self.client._connection)


client_class = Client
