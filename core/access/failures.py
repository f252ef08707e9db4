"""Limits on guessing coupon codes. Only a code that nobody knows counts as a failure, once per code tried.

Failures are counted per actor and per token, in windows of ten minutes, in the database: across processes and
restarts. Whoever reaches the limit is locked for 15 minutes, then 30, 60 … up to a day; a day after the last
lock the ladder starts anew. A store's total raises an alarm and locks nobody.

Customers take their guesses from the count before anything is looked up (`reserve`), so that guesses sent at
the same time cannot pass the limit together, and get back those that were good (`release`). For the staff at
the counter the hot path must stay free of writes: they are counted afterwards (`check`, `count`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

import structlog

from core.access import failure_rows as rows
from core.access.audit import build_entry
from core.access.failure_rows import FailureRow, Subject
from core.access.values import Actor
from core.cache import ExpiringCache
from core.clock import Clock
from core.db.statements import GuardFailed, write_together
from core.settings import Settings

WINDOW = timedelta(minutes=10)
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
QUIET_TIME = timedelta(hours=24)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Locked:
    """No more codes for now. `retry_after` is in whole seconds, at least 1."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Guesses taken from an actor's count. To be released once, when the answers are known."""

    actor: Actor
    count: int
    held: tuple[FailureRow, ...]


class FailureLimits:
    """The rules of guessing, on the table failure_count."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._customer_limit = settings.customer_failures
        self._staff_limit = settings.staff_failures
        self._clock = clock
        # A lock set by another process reaches the staff's hot path within two seconds.
        self._free: ExpiringCache[tuple[UUID, UUID], bool] = ExpiringCache(lifetime=2, capacity=20_000)

    def limit(self, actor: Actor) -> int:
        """How many unknown codes the actor may try in ten minutes, and the most to reserve at once."""
        return self._customer_limit if actor.is_customer else self._staff_limit

    async def reserve(self, actor: Actor, count: int = 1) -> Reservation | Locked:
        """Takes `count` guesses, all or none, before the codes are looked up.

        What is never released counts as failed: a request that dies half-way gives nothing back.
        """
        now, limit = self._clock.now(), self.limit(actor)
        subjects = _subjects_of(actor)
        held = await rows.take(subjects, count, limit, now, WINDOW) if count <= limit else []
        if len(held) == len(subjects):
            return Reservation(actor, count, tuple(held))
        await rows.give_back(held, count, limit, now)
        return await self._explain(actor, count, now)

    async def release(self, reservation: Reservation, unused: int, store_id: UUID | None = None) -> None:
        """Gives back the `unused` guesses, whose codes were not unknown. The rest have failed."""
        actor, failed = reservation.actor, reservation.count - unused
        now, limit = self._clock.now(), self.limit(actor)
        left = await rows.give_back(reservation.held, unused, limit, now)
        if failed > 0:
            await self._lock_reached(left, limit, now)
            await self._count_store(actor, store_id, failed, now)

    async def check(self, actor: Actor) -> int | None:
        """In how many seconds the actor may try again; None: now. May be two seconds old when None."""
        key = (actor.actor_id, actor.token_id)
        if self._free.get(key):
            return None
        now = self._clock.now()
        locks = [row.locked_until for row in await rows.find(_subjects_of(actor)) if row.is_locked(now)]
        if not locks:
            self._free.put(key, True)
            return None
        return _seconds_until(max(lock for lock in locks if lock), now)

    async def count(self, actor: Actor, store_id: UUID | None, failed: int) -> None:
        """Counts `failed` unknown codes, and locks the actor or the token that has reached the limit."""
        if failed <= 0:
            return
        now = self._clock.now()
        counted = await rows.add(_subjects_of(actor), failed, now, WINDOW)
        if await self._lock_reached(counted, self.limit(actor), now):
            self._free.drop((actor.actor_id, actor.token_id))
        await self._count_store(actor, store_id, failed, now)

    async def _explain(self, actor: Actor, count: int, now: datetime) -> Locked:
        """When a refused reservation may be tried again: after the lock, or when the window has passed."""
        waits = [now + timedelta(seconds=1)]
        for row in await rows.find(_subjects_of(actor)):
            if row.locked_until is not None and row.is_locked(now):
                waits.append(row.locked_until)
            elif row.failures + count > self.limit(actor):
                waits.append(row.window_start + WINDOW)
        return Locked(_seconds_until(max(waits), now))

    async def _lock_reached(self, counted: Sequence[FailureRow], limit: int, now: datetime) -> bool:
        reached = [row for row in counted if row.failures >= limit and not row.is_locked(now)]
        for row in reached:
            strikes = _strikes_before(row, now)
            if await rows.lock(row, now + _lock_time(strikes), strikes + 1, limit, now):
                _log.warning(
                    "guessing.locked", scope=row.subject.scope, subject_id=str(row.subject.subject_id)
                )
        return bool(reached)

    async def _count_store(self, actor: Actor, store_id: UUID | None, failed: int, now: datetime) -> None:
        if store_id is None:
            return
        [row] = await rows.add([Subject(actor.tenant_id, "store", store_id)], failed, now, WINDOW)
        if row.failures >= self._staff_limit and not row.is_locked(now):
            await self._raise_alarm(row)

    async def _raise_alarm(self, row: FailureRow) -> None:
        """Once per window: the row is marked until its window ends; whoever marks it raises the alarm."""
        store = row.subject
        details = {"failures": row.failures, "since": row.window_start.isoformat()}
        entry = build_entry(store.tenant_id, "guessingAlarm", "Store", store.subject_id, details)
        try:
            await write_together([rows.build_mark(row, row.window_start + WINDOW), entry])
        except GuardFailed:
            return
        _log.warning("guessing.store_alarm", store_id=str(store.subject_id), failures=row.failures)


def _subjects_of(actor: Actor) -> tuple[Subject, Subject]:
    return (
        Subject(actor.tenant_id, "actor", actor.actor_id),
        Subject(actor.tenant_id, "token", actor.token_id),
    )


def _strikes_before(row: FailureRow, now: datetime) -> int:
    forgotten = row.locked_until is None or row.locked_until <= now - QUIET_TIME
    return 0 if forgotten else row.strikes


def _lock_time(strikes: int) -> timedelta:
    doublings: int = 2 ** min(strikes, 10)
    return min(FIRST_LOCK * doublings, LONGEST_LOCK)


def _seconds_until(instant: datetime, now: datetime) -> int:
    return max(1, ceil((instant - now).total_seconds()))
