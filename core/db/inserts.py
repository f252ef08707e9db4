"""Builds the INSERT of one row, for `write_together`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from core.clock import utc_now
from core.db.statements import Write


def insert_row(table: str, **columns: Any) -> Write:
    """The INSERT of one row. `created_at` is now unless given; other defaults of the model do not apply."""
    columns.setdefault("created_at", utc_now())
    return Write(_insert_sql(table, tuple(columns)), tuple(columns.values()), expects=1)


@lru_cache(maxsize=256)
def _insert_sql(table: str, names: tuple[str, ...]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # our own names only
