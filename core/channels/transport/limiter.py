"""How fast one account calls its platform."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from core.channels.contract import RateLimited, RequestRate

# A person waits at the counter: a longer wait is refused, and the caller decides what to do.
LONGEST_WAIT_SECONDS = 0.5


class RateLimiter(Protocol):
    """The port. In process by default; processes of a chain share one."""

    async def take(self, account_id: UUID, rate: RequestRate) -> None:
        """Takes one call of the account's rate, after a short wait where one is free soon.

        Raises RateLimited, with `retry_after` in seconds, where the wait would be too long; nothing is taken
        then.
        """
        ...


class LocalLimiter:
    """A token bucket per account, kept as one instant: when the calls taken so far are paid off (GCRA).

    `now` counts seconds from anywhere and never goes back.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        longest_wait: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._longest_wait = longest_wait
        self._paid_off: dict[UUID, float] = {}

    async def take(self, account_id: UUID, rate: RequestRate) -> None:
        wait = self._reserve(account_id, rate)
        if wait > 0:
            await self._sleep(wait)

    def _reserve(self, account_id: UUID, rate: RequestRate) -> float:
        """The seconds to wait for the call that is hereby taken."""
        now = self._now()
        interval = 1 / rate.per_second
        paid_off = max(self._paid_off.get(account_id, now), now)
        wait = paid_off - now - (rate.burst - 1) * interval
        if wait > self._longest_wait:
            raise RateLimited("this account calls its platform too often", retry_after=wait)
        self._paid_off[account_id] = paid_off + interval
        return wait
