"""Sealing stored values anew with the newest secret key, so that an older one can be retired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db.statements import as_uuid, execute, fetch_row, fetch_rows
from core.keys import KeyRing

_BATCH = 200
_FIRST = UUID(int=0)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values.

    source    the FROM of a SELECT that gives each row's `id`, `sealed` and what `bound_to` reads
    bound_to  the names that a row's value is bound to
    """

    table: str
    column: str
    source: str
    bound_to: Callable[[Mapping[str, Any]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Resealing:
    """How many values were sealed anew, were so already, or could not be opened with any configured key."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0

    def __add__(self, other: Resealing) -> Resealing:
        return Resealing(
            self.resealed + other.resealed,
            self.current + other.current,
            self.unreadable + other.unreadable,
        )


async def reseal_column(keys: KeyRing, column: SealedColumn, progress: Progress | None = None) -> Resealing:
    """Seals every value of a column with the newest key. May be stopped and started again at any point.

    Each value is replaced only if nobody has changed it meanwhile. `progress` is told (rows seen, rows in
    all).
    """
    total, seen, result, last = await _count_rows(column), 0, Resealing(), _FIRST
    while batch := await fetch_rows(_batch_sql(column), last):
        for row in batch:
            result += await _reseal_row(keys, column, row)
        seen, last = seen + len(batch), as_uuid(batch[-1]["id"])
        if progress:
            progress(seen, total)
    return result


async def _reseal_row(keys: KeyRing, column: SealedColumn, row: Mapping[str, Any]) -> Resealing:
    sealed = bytes(row["sealed"])
    if keys.is_current(sealed):
        return Resealing(current=1)
    names = column.bound_to(row)
    try:
        fresh = keys.seal(keys.open(sealed, *names), *names)
    except ValueError:
        return Resealing(unreadable=1)
    sql = f"UPDATE {column.table} SET {column.column} = $1 WHERE id = $2 AND {column.column} = $3"
    return Resealing(resealed=await execute(sql, fresh, as_uuid(row["id"]), sealed))


async def _count_rows(column: SealedColumn) -> int:
    sql = f"SELECT count(*) AS total FROM {column.table} WHERE {column.column} IS NOT NULL"
    row = await fetch_row(sql)
    return int(row["total"]) if row else 0


def _batch_sql(column: SealedColumn) -> str:
    return (
        f"SELECT * FROM ({column.source}) AS source"  # our own statements only
        f" WHERE id > $1 AND sealed IS NOT NULL ORDER BY id LIMIT {_BATCH}"
    )
