"""Stops calling a platform that does not answer, so that nobody waits for it in vain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from core.channels.contract import ChannelUnavailable

FAILURES_TO_OPEN = 5
PAUSE_SECONDS = 10.0


class CallResult(StrEnum):
    """ANSWERED: an answer below HTTP 500. FAILED: none, or a server error. ABANDONED: says nothing."""

    ANSWERED = "ANSWERED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class CircuitBreaker(Protocol):
    """The port. In process by default; processes of a chain share one."""

    async def enter(self, account_id: UUID) -> None:
        """Asks leave for one call. While open raises ChannelUnavailable with `retry_after` in seconds."""
        ...

    async def record(self, account_id: UUID, result: CallResult) -> None:
        """Tells how a call ended that had leave."""
        ...


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    open_until: float | None = None


class LocalBreaker:
    """A circuit per account: it opens after so many failures in a row, and lets one call through after each
    pause.

    That one call closes it or opens it again. If it never reports, the next one goes a pause later. `now`
    counts seconds from anywhere and never goes back.
    """

    def __init__(
        self,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        pause_seconds: float = PAUSE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._pause = pause_seconds
        self._now = now
        self._circuits: dict[UUID, _Circuit] = {}

    async def enter(self, account_id: UUID) -> None:
        circuit = self._circuits.get(account_id)
        if circuit is None or circuit.open_until is None:
            return
        now = self._now()
        if now < circuit.open_until:
            rest = circuit.open_until - now
            raise ChannelUnavailable("the platform failed several times; calls are paused", retry_after=rest)
        circuit.open_until = now + self._pause

    async def record(self, account_id: UUID, result: CallResult) -> None:
        if result is CallResult.ANSWERED:
            self._circuits.pop(account_id, None)
        elif result is CallResult.FAILED:
            self._count_failure(self._circuits.setdefault(account_id, _Circuit()))

    def _count_failure(self, circuit: _Circuit) -> None:
        circuit.failures += 1
        if circuit.failures >= self._failures_to_open:
            circuit.open_until = self._now() + self._pause
