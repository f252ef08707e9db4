"""Raw SQL for the hot paths: one text for SQLite and PostgreSQL, and several statements as one atomic write.

Placeholders are `$1`, `$2`, … on both. Ids go in as UUID, instants as aware datetimes (a naive one raises
ValueError), JSON as Python values wrapped in `Json`. What comes out is as the driver gives it; `as_uuid`,
`as_instant` and `as_json` read both drivers' forms.

On PostgreSQL a refused statement ends the transaction it ran in. Who wants to go on after a Conflict wraps
the statement in a transaction of its own; inside another that is a savepoint. `write_together` is wrapped
already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.context import require_context
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.transactions import in_transaction

from core.clock import to_utc
from core.db.config import CONNECTION
from core.db.sqlite import format_instant

_PLACEHOLDER = re.compile(r"\$(\d+)")
# SQLite names the columns of a key, or the index where it is over an expression (see
# `core.db.invariants.Index`).
_TAKEN_ON_SQLITE = re.compile(r"UNIQUE constraint failed: (?:index '(\w+?)__|(\w+)\.)")
_OVERLAPPING_ON_SQLITE = re.compile(r"EXCLUDE constraint failed: (\w+?)__")
_UNIQUE_VIOLATION, _EXCLUSION_VIOLATION, _DIVISION_BY_ZERO = "23505", "23P01", "22012"


class Conflict(Exception):  # reads as what it is
    """A unique key was taken. `table` says whose."""

    def __init__(self, table: str) -> None:
        super().__init__(f"a unique key of {table} is taken")
        self.table = table


class GuardFailed(Exception):  # reads as what it is
    """A guarded statement met another number of rows than it had to: somebody else was there first."""


class Overlap(GuardFailed):  # reads as what it is
    """Rows that must not overlap in time would have: see `core.db.invariants.NoOverlap`."""

    def __init__(self, table: str) -> None:
        super().__init__(f"rows of {table} would overlap in time")
        self.table = table


@dataclass(frozen=True, slots=True)
class Json:
    """A value for a JSON column."""

    value: Any


@dataclass(frozen=True, slots=True)
class Write:
    """One INSERT, UPDATE or DELETE. `expects`: how many rows it must touch, None where any number will do."""

    sql: str
    values: Sequence[Any]
    expects: int | None = None


def current_connection() -> BaseDBAsyncClient:
    """The connection of the running transaction, or the default one."""
    # Not by tortoise's `connections`, a proxy that costs four times as much on the hottest path there is.
    return require_context().connections.get(CONNECTION)


def is_postgres(connection: BaseDBAsyncClient | None = None) -> bool:
    return (connection or current_connection()).capabilities.dialect == "postgres"


async def fetch_rows(sql: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a SELECT, or of a statement with RETURNING. Raises Conflict and Overlap."""
    connection = current_connection()
    with _conflicts():
        return await connection.execute_query_dict(*_bind(connection, sql, values))


async def fetch_row(sql: str, *values: Any) -> dict[str, Any] | None:
    """The first row, or None."""
    rows = await fetch_rows(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """Runs one INSERT, UPDATE or DELETE and answers how many rows it touched. Raises Conflict and Overlap."""
    connection = current_connection()
    with _conflicts():
        count, _ = await connection.execute_query(*_bind(connection, sql, values))
    return count


async def write_together(writes: Sequence[Write]) -> None:
    """All writes or none. Raises Conflict for a taken key, GuardFailed where `expects` was not met or rows overlap.

    On PostgreSQL they travel as one statement (a chain of data-modifying CTEs): one round trip, no BEGIN and
    COMMIT. They all see the state before the first of them, so none may touch a row that another one writes.
    Inside a transaction they become a part of it, and it goes on where they are refused.
    """
    connection = current_connection()
    if not writes:
        return
    if not is_postgres(connection):
        await _write_in_turn(writes)
    elif isinstance(connection, TransactionalDBClient):
        async with in_transaction(CONNECTION):
            await _write_chained(connection, writes)
    else:
        await _write_chained(connection, writes)


async def _write_in_turn(writes: Sequence[Write]) -> None:
    async with in_transaction(CONNECTION):
        for write in writes:
            count = await execute(write.sql, *write.values)
            if write.expects is not None and count != write.expects:
                raise GuardFailed(write.sql)


async def _write_chained(connection: BaseDBAsyncClient, writes: Sequence[Write]) -> None:
    sql = _chain(tuple((write.sql, len(write.values), write.expects) for write in writes))
    forms = _POSTGRES_FORMS.get
    # Inline, because a redemption writes a hundred values.
    values = [
        form(value) if (form := forms(type(value))) else value for write in writes for value in write.values
    ]
    try:
        with _conflicts():
            await connection.execute_query_dict(sql, values)
    except OperationalError as error:
        # A guard that is not met divides by zero: the only way for a single statement to undo itself.
        if _sqlstate(error) == _DIVISION_BY_ZERO:
            raise GuardFailed(sql) from error
        raise


@lru_cache(maxsize=512)
def _chain(parts: tuple[tuple[str, int, int | None], ...]) -> str:
    """The statements as CTEs w0, w1, …, then a SELECT that checks their counts."""
    ctes, checks, offset = [], [], 0
    for index, (sql, value_count, expects) in enumerate(parts):
        ctes.append(f"w{index} AS ({_renumber(sql, offset)} RETURNING 1)")
        if expects is not None:
            met = f"(SELECT count(*) FROM w{index}) = {expects}"
            checks.append(f"1 / (CASE WHEN {met} THEN 1 ELSE 0 END)")
        offset += value_count
    return f"WITH {', '.join(ctes)} SELECT {', '.join(checks) or '1'}"


def _renumber(sql: str, offset: int) -> str:
    return _PLACEHOLDER.sub(lambda match: f"${int(match[1]) + offset}", sql)


def as_uuid(value: Any) -> UUID:
    # asyncpg's own UUID is one too; reading its text again would cost a microsecond each time.
    return value if isinstance(value, UUID) else UUID(str(value))


def as_optional_uuid(value: Any) -> UUID | None:
    return None if value is None else as_uuid(value)


def as_instant(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    instant: datetime = value
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def as_optional_instant(value: Any) -> datetime | None:
    return None if value is None else as_instant(value)


def as_json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, (str, bytes)) else value


def _bind(connection: BaseDBAsyncClient, sql: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    if is_postgres(connection):
        return sql, [_to_postgres(value) for value in values]
    return _to_sqlite_text(sql), [_to_sqlite(value) for value in values]


_POSTGRES_FORMS: Mapping[type, Any] = {
    # asyncpg would take a naive one for the machine's local time.
    datetime: to_utc,
    Json: lambda value: orjson.dumps(value.value).decode(),
}

_SQLITE_FORMS: Mapping[type, Any] = {
    UUID: str,
    datetime: format_instant,
    Json: lambda value: orjson.dumps(value.value).decode(),
}


def _to_postgres(value: Any) -> Any:
    convert = _POSTGRES_FORMS.get(type(value))
    return convert(value) if convert else value


def _to_sqlite(value: Any) -> Any:
    convert = _SQLITE_FORMS.get(type(value))
    return convert(value) if convert else value


@lru_cache(maxsize=512)
def _to_sqlite_text(sql: str) -> str:
    return _PLACEHOLDER.sub(r"?\1", sql)


@contextmanager
def _conflicts() -> Iterator[None]:
    """Names the table whose unique key was taken, or whose rows overlapped; other constraints stay what they are."""
    try:
        yield
    except IntegrityError as error:
        overlapping = _find_overlapping(error)
        if overlapping is not None:
            raise Overlap(overlapping) from error
        table = _find_taken(error)
        if table is None:
            raise
        raise Conflict(table) from error


def _find_taken(error: IntegrityError) -> str | None:
    if _sqlstate(error) == _UNIQUE_VIOLATION:
        return str(error.args[0].table_name)
    found = _TAKEN_ON_SQLITE.search(str(error))
    return found[1] or found[2] if found else None


def _find_overlapping(error: IntegrityError) -> str | None:
    if _sqlstate(error) == _EXCLUSION_VIOLATION:
        return str(error.args[0].table_name)
    found = _OVERLAPPING_ON_SQLITE.search(str(error))
    return found[1] if found else None


def _sqlstate(error: Exception) -> str:
    return str(getattr(error.args[0], "sqlstate", "")) if error.args else ""
