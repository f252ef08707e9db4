"""The statements on failure_count. Each is atomic by itself: who may pass is decided by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from core.db.statements import Write, as_instant, as_optional_instant, as_uuid, execute, fetch_rows
from core.ids import new_id

_COLUMNS = "tenant_id, scope, subject_id, window_start, failures, strikes, locked_until"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are counted. `scope` is "actor", "token" or "store"."""

    tenant_id: UUID
    scope: str
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A subject's count in the window that began at `window_start`."""

    subject: Subject
    window_start: datetime
    failures: int
    strikes: int
    locked_until: datetime | None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


async def take(
    subjects: Sequence[Subject], count: int, limit: int, now: datetime, window: timedelta
) -> list[FailureRow]:
    """Adds `count` to each subject that is not locked and stays within `limit`; answers those rows."""
    values = _values_of(subjects, count, now, window)
    return _read_rows(await fetch_rows(_upsert_sql(len(subjects), guarded=True), *values, limit))


async def add(subjects: Sequence[Subject], count: int, now: datetime, window: timedelta) -> list[FailureRow]:
    """Adds `count` to each subject, whatever the limit."""
    values = _values_of(subjects, count, now, window)
    return _read_rows(await fetch_rows(_upsert_sql(len(subjects), guarded=False), *values))


async def give_back(held: Sequence[FailureRow], count: int, limit: int, now: datetime) -> list[FailureRow]:
    """Takes `count` off rows that are still in the window of `held`, and answers them.

    A lock that only these guesses had brought about is undone, and its strike with it.
    """
    given: list[FailureRow] = []
    # The token before the actor: else a guess that the actor's count lets in could still fail at the token's.
    for row in reversed(held):
        subject = row.subject
        given += _read_rows(
            await fetch_rows(
                _GIVE_BACK,
                subject.tenant_id,
                subject.scope,
                subject.subject_id,
                row.window_start,
                count,
                limit,
                now,
            )
        )
    return given


async def find(subjects: Sequence[Subject]) -> list[FailureRow]:
    """The subjects' rows, of one merchant, where there are any."""
    first, second = subjects
    sql = (
        f"SELECT {_COLUMNS} FROM failure_count WHERE tenant_id = $1"
        " AND ((scope = $2 AND subject_id = $3) OR (scope = $4 AND subject_id = $5))"
    )
    values = (first.tenant_id, first.scope, first.subject_id, second.scope, second.subject_id)
    return _read_rows(await fetch_rows(sql, *values))


async def lock(row: FailureRow, until: datetime, strikes: int, limit: int, now: datetime) -> bool:
    """Locks a subject if its count still is at the limit and nobody else has locked it."""
    subject = row.subject
    count = await execute(
        "UPDATE failure_count SET locked_until = $1, strikes = $2"
        " WHERE tenant_id = $3 AND scope = $4 AND subject_id = $5 AND window_start = $6 AND failures >= $7"
        " AND (locked_until IS NULL OR locked_until <= $8)",
        until,
        strikes,
        subject.tenant_id,
        subject.scope,
        subject.subject_id,
        row.window_start,
        limit,
        now,
    )
    return count == 1


def build_mark(row: FailureRow, until: datetime) -> Write:
    """Marks a store's row until its window ends; meets no row where somebody else has done so."""
    subject = row.subject
    return Write(
        "UPDATE failure_count SET locked_until = $1, strikes = strikes + 1"
        " WHERE tenant_id = $2 AND scope = $3 AND subject_id = $4 AND window_start = $5"
        " AND (locked_until IS NULL OR locked_until < $1)",
        (until, subject.tenant_id, subject.scope, subject.subject_id, row.window_start),
        expects=1,
    )


_GIVE_BACK = f"""
UPDATE failure_count SET
    failures = CASE WHEN failures > $5 THEN failures - $5 ELSE 0 END,
    strikes = CASE WHEN failures - $5 < $6 AND locked_until > $7 AND strikes > 0
        THEN strikes - 1 ELSE strikes END,
    locked_until = CASE WHEN failures - $5 < $6 AND locked_until > $7 THEN $7 ELSE locked_until END
WHERE tenant_id = $1 AND scope = $2 AND subject_id = $3 AND window_start = $4
RETURNING {_COLUMNS}"""


def _values_of(subjects: Sequence[Subject], count: int, now: datetime, window: timedelta) -> list[Any]:
    """now, the start of the oldest living window, count; then id, tenant, scope and subject of each."""
    values: list[Any] = [now, now - window, count]
    for subject in subjects:
        values += [new_id(), subject.tenant_id, subject.scope, subject.subject_id]
    return values


@lru_cache(maxsize=8)
def _upsert_sql(subject_count: int, guarded: bool) -> str:
    places = [4 + 4 * index for index in range(subject_count)]
    inserted = ", ".join(f"(${at}, $1, ${at + 1}, ${at + 2}, ${at + 3}, $1, $3, 0)" for at in places)
    limit = 4 + 4 * subject_count
    guard = f"""
WHERE (failure_count.locked_until IS NULL OR failure_count.locked_until <= $1)
    AND (failure_count.window_start <= $2 OR failure_count.failures + $3 <= ${limit})"""
    return f"""
INSERT INTO failure_count (id, created_at, tenant_id, scope, subject_id, window_start, failures, strikes)
VALUES {inserted}
ON CONFLICT (tenant_id, scope, subject_id) DO UPDATE SET
    window_start = CASE WHEN failure_count.window_start <= $2 THEN $1 ELSE failure_count.window_start END,
    failures = CASE WHEN failure_count.window_start <= $2 THEN 0 ELSE failure_count.failures END + $3
{guard if guarded else ""}
RETURNING {_COLUMNS}"""  # our own names only


def _read_rows(found: Sequence[Mapping[str, Any]]) -> list[FailureRow]:
    return [
        FailureRow(
            Subject(as_uuid(row["tenant_id"]), row["scope"], as_uuid(row["subject_id"])),
            as_instant(row["window_start"]),
            row["failures"],
            row["strikes"],
            as_optional_instant(row["locked_until"]),
        )
        for row in found
    ]
