"""How many requests per second an access token may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

from core.access.values import Actor
from core.errors import RateLimited
from core.messages import text
from core.settings import Settings

# Per second and at once; a session is renewed every hour or two.
_RENEWAL: Final = (1.0, 10)


class RateLimiter(Protocol):
    """Counts what subjects take: by process, unless a chain brings one that its processes share."""

    async def take(self, subject: UUID, per_second: float, burst: int) -> float:
        """Takes one permit. Answers 0, or, where there is none, in how many seconds there will be one."""
        ...


class TokenBuckets:
    """A bucket per subject, in process. Full buckets of subjects long unseen are forgotten."""

    def __init__(self, timer: Callable[[], float] = monotonic, capacity: int = 50_000) -> None:
        self._timer = timer
        self._capacity = capacity
        self._buckets: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    async def take(self, subject: UUID, per_second: float, burst: int) -> float:
        now = self._timer()
        level, since = self._buckets.get(subject, (float(burst), now))
        level = min(float(burst), level + (now - since) * per_second)
        wait = 0.0 if level >= 1 else (1 - level) / per_second
        self._buckets[subject] = (level - 1 if level >= 1 else level, now)
        self._buckets.move_to_end(subject)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return wait


class ActorRates:
    """The rule: customers have one rate, everybody else another, each per access token; logins have theirs per account."""

    def __init__(self, settings: Settings, limiter: RateLimiter | None = None) -> None:
        self._limiter = limiter or TokenBuckets()
        self._customer = (settings.customer_rate, settings.customer_burst)
        self._staff = (settings.staff_rate, settings.staff_burst)
        self._login = (settings.login_rate, settings.login_burst)

    async def check(self, actor: Actor) -> None:
        """Counts one request of this actor's token. Raises RateLimited, with whole seconds to wait."""
        await self._take(actor.token_id, *(self._customer if actor.is_customer else self._staff))

    async def check_login(self, account_id: UUID) -> None:
        """Counts one login of somebody without a token yet, at this account. Raises RateLimited.

        Good and bad codes count alike and nobody is locked out: whoever waits a second may try again.
        """
        await self._take(account_id, *self._login)

    async def check_renewal(self, session: UUID) -> None:
        """Counts one use of a refresh token, known or not, under an id made of it. Raises RateLimited.

        One that nobody knows costs no more than an unknown access token, and no other token any of its share.
        """
        await self._take(session, *_RENEWAL)

    async def _take(self, subject: UUID, per_second: float, burst: int) -> None:
        wait = await self._limiter.take(subject, per_second, burst)
        if wait > 0:
            seconds = max(1, ceil(wait))
            raise RateLimited(text("fault.RATE_LIMITED", seconds=seconds), seconds)
