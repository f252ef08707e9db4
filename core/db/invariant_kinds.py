"""The kinds of invariants: what each is called, and the statements that make it on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """An index, or a unique key, of a table; only over the rows of `where` if it is given.

    The table is the part of the name before the double underscore: some refusals of SQLite name only the
    index.
    """

    table: str
    columns: str
    where: str = ""
    unique: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """Unique in the database."""
        kind = "key" if self.unique else "index"
        return f"{self.table}__{self.label or self.columns.replace(', ', '_')}_{kind}"

    def statements(self, *, postgres: bool) -> list[str]:
        """The same DDL on both."""
        unique = "UNIQUE " if self.unique else ""
        where = f" WHERE {self.where}" if self.where else ""
        return [f"CREATE {unique}INDEX IF NOT EXISTS {self.name} ON {self.table} ({self.columns}){where}"]

    def parts(self, *, postgres: bool) -> list[str]:
        """The names to look for in the catalogue."""
        return [self.name]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row of a table meets; `{row}` stands before each column.

    SQLite can add no check to a table that exists, so two triggers are one there.
    """

    table: str
    label: str
    condition: str

    @property
    def name(self) -> str:
        """Unique in the database."""
        return f"{self.table}__{self.label}_check"

    def statements(self, *, postgres: bool) -> list[str]:
        """A constraint on PostgreSQL, triggers on SQLite."""
        if postgres:
            condition = self.condition.format(row="")
            return [f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} CHECK ({condition})"]
        return [self._trigger(event) for event in ("INSERT", "UPDATE")]

    def parts(self, *, postgres: bool) -> list[str]:
        """The names to look for in the catalogue."""
        return [self.name] if postgres else [f"{self.name}_on_{event}" for event in ("insert", "update")]

    def _trigger(self, event: str) -> str:
        refusal = f"SELECT RAISE(ABORT, 'CHECK constraint failed: {self.name}')"
        return (
            f"CREATE TRIGGER IF NOT EXISTS {self.name}_on_{event.lower()} BEFORE {event} ON {self.table} "
            f"WHEN NOT ({self.condition.format(row='NEW.')}) BEGIN {refusal}; END"
        )


@dataclass(frozen=True, slots=True)
class NoOverlap:
    """Rows of a table, among those of `where`, never overlap in time where they agree in `columns`.

    An exclusion constraint on PostgreSQL (needs btree_gist); triggers and an index on SQLite. An insert with ON
    CONFLICT DO NOTHING leaves the row out on PostgreSQL. There a plain insert would deadlock under contention.
    """

    table: str
    columns: tuple[str, ...]
    where: str
    start: str = "start_at"
    end: str = "end_at"

    @property
    def name(self) -> str:
        """Unique in the database."""
        return f"{self.table}__no_overlap"

    def statements(self, *, postgres: bool) -> list[str]:
        """A constraint on PostgreSQL, triggers and an index for them on SQLite."""
        if not postgres:
            return [self._index(), *(self._trigger(event) for event in ("INSERT", "UPDATE"))]
        same = ", ".join(f"{column} WITH =" for column in self.columns)
        span = f"tstzrange({self.start}, {self.end}, '[)') WITH &&"
        guard = f"EXCLUDE USING gist ({same}, {span}) WHERE ({self.where})"
        return [
            "CREATE EXTENSION IF NOT EXISTS btree_gist",
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} {guard}",
        ]

    def parts(self, *, postgres: bool) -> list[str]:
        """The names to look for in the catalogue."""
        if postgres:
            return [self.name]
        return [f"{self.name}_index", *(f"{self.name}_on_{event}" for event in ("insert", "update"))]

    def _index(self) -> str:
        columns = ", ".join((*self.columns, self.end))
        return f"CREATE INDEX IF NOT EXISTS {self.name}_index ON {self.table} ({columns}) WHERE {self.where}"

    def _trigger(self, event: str) -> str:
        """Looks from the new row's start onwards only, so that the past costs nothing."""
        same = " AND ".join(f"{column} = NEW.{column}" for column in self.columns)
        span = f"{self.end} > NEW.{self.start} AND {self.start} < NEW.{self.end}"
        refusal = f"SELECT RAISE(ABORT, 'EXCLUDE constraint failed: {self.name}')"
        guarded = re.sub(r"^(\w+)", r"NEW.\1", self.where)
        return (
            f"CREATE TRIGGER IF NOT EXISTS {self.name}_on_{event.lower()} BEFORE {event} ON {self.table} "
            f"WHEN {guarded} AND EXISTS (SELECT 1 FROM {self.table} WHERE {same} AND {span} AND {self.where} "
            f"AND id <> NEW.id) BEGIN {refusal}; END"
        )
