"""Access tokens: fetched once, sealed in the database, shared by all tasks and processes.

Some platforms make a refresh token useless as soon as it was used, so two fetches at once can lock a merchant
out. Within a process all callers share one task; between processes the row of the token carries a lease, and
a fence that counts who had it: only the holder of the newest lease may store what it fetched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from core.channels.contract import ChannelUnavailable, FreshToken, TokenFetch
from core.channels.transport.token_rows import StoredToken, TokenKey, TokenRows
from core.clock import Clock
from core.keys import KeyRing

LEASE_SECONDS = 20.0
_FIRST_POLL_SECONDS = 0.02
_LONGEST_POLL_SECONDS = 0.5
# An early refresh that failed is not tried again by every call.
_REFRESH_PAUSE = timedelta(seconds=15)

log: structlog.stdlib.BoundLogger = structlog.get_logger("hexiao.channels")


class TokenStore:
    """The tokens of all accounts, as this process sees them: memory in front of the table `channel_token`.

    A token is refreshed after 80 % of its life. If that fails, the old one serves as long as it lives.
    `lease_seconds` must be longer than a fetch may take.
    """

    def __init__(
        self,
        keys: KeyRing,
        clock: Clock,
        *,
        lease_seconds: float = LEASE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = TokenRows(keys, clock)
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._now = now
        self._cache: dict[TokenKey, StoredToken] = {}
        self._fetches: dict[TokenKey, asyncio.Task[str]] = {}

    def open_account(self, tenant_id: UUID, account_id: UUID) -> AccountTokens:
        """contract.AccessTokens of one account; cheap, made for each piece of work."""
        return AccountTokens(self, tenant_id, account_id)

    async def get(self, key: TokenKey, fetch: TokenFetch) -> str:
        """See contract.AccessTokens. Raises ChannelUnavailable where another process hangs."""
        cached = self._cache.get(key)
        if cached is not None and self._clock.now() < cached.refresh_at:
            return cached.value
        running = self._fetches.get(key)
        if running is None:
            running = self._start(key, self._obtain(key, fetch))
        # A caller that gives up must not take the token from the others.
        return await asyncio.shield(running)

    async def drop(self, key: TokenKey, token: str) -> None:
        """See contract.AccessTokens."""
        cached = self._cache.get(key)
        if cached is not None and cached.value == token:
            del self._cache[key]
        await self._rows.clear(key, token)

    async def replace(self, key: TokenKey, old: str, new: FreshToken) -> str:
        """See contract.AccessTokens."""
        fresh = StoredToken.from_fresh(new, self._clock.now())
        return self._keep(key, await self._rows.replace(key, old, fresh))

    def _start(self, key: TokenKey, work: Coroutine[Any, Any, str]) -> asyncio.Task[str]:
        # In an empty context: the task must not become part of a caller's transaction.
        task = asyncio.create_task(work, context=Context())
        self._fetches[key] = task
        task.add_done_callback(lambda done: self._finish(key, done))
        return task

    def _finish(self, key: TokenKey, task: asyncio.Task[str]) -> None:
        self._fetches.pop(key, None)
        # Asked for here, because all who waited may be gone.
        if not task.cancelled():
            task.exception()

    async def _obtain(self, key: TokenKey, fetch: TokenFetch) -> str:
        """Reads the row until it holds a token, or until it is ours to fetch one."""
        deadline = self._now() + 2 * self._lease.total_seconds()
        pause = _FIRST_POLL_SECONDS
        while self._now() < deadline:
            row = await self._rows.read(key)
            now = self._clock.now()
            if row.token is not None and now < row.token.refresh_at:
                return self._keep(key, row.token)
            alive = row.token if row.token is not None and now < row.token.expires_at else None
            fence = await self._rows.lease(key, row, self._lease)
            if fence is not None:
                return await self._refresh(key, fence, fetch, alive)
            if alive is not None:
                return alive.value
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)
        raise ChannelUnavailable("another process is fetching the access token and does not finish")

    async def _refresh(self, key: TokenKey, fence: int, fetch: TokenFetch, alive: StoredToken | None) -> str:
        """Fetches as the holder of the lease."""
        try:
            fresh = await fetch()
        except BaseException as error:
            await self._rows.release(key, fence)
            if alive is None or not isinstance(error, Exception):
                raise
            log.warning(
                "token refresh failed",
                token=key.name,
                account_id=str(key.account_id),
                failure=type(error).__name__,
            )
            retry_at = min(self._clock.now() + _REFRESH_PAUSE, alive.expires_at)
            return self._keep(key, StoredToken(alive.value, retry_at, alive.expires_at))
        return await self._store(key, fence, fresh)

    async def _store(self, key: TokenKey, fence: int, fresh: FreshToken) -> str:
        token = StoredToken.from_fresh(fresh, self._clock.now())
        if await self._rows.store(key, fence, token):
            return self._keep(key, token)
        # Our lease ran out and somebody fetched after us: theirs may have made ours useless.
        row = await self._rows.read(key)
        newest = row.token if row.token is not None and self._clock.now() < row.token.expires_at else token
        return newest.value

    def _keep(self, key: TokenKey, token: StoredToken) -> str:
        self._cache[key] = token
        return token.value


class AccountTokens:
    """contract.AccessTokens for one account."""

    __slots__ = ("_account_id", "_store", "_tenant_id")

    def __init__(self, store: TokenStore, tenant_id: UUID, account_id: UUID) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._account_id = account_id

    async def get(self, name: str, fetch: TokenFetch) -> str:
        """See contract.AccessTokens."""
        return await self._store.get(TokenKey(self._tenant_id, self._account_id, name), fetch)

    async def drop(self, name: str, token: str) -> None:
        """See contract.AccessTokens."""
        await self._store.drop(TokenKey(self._tenant_id, self._account_id, name), token)

    async def replace(self, name: str, old: str, new: FreshToken) -> str:
        """See contract.AccessTokens."""
        return await self._store.replace(TokenKey(self._tenant_id, self._account_id, name), old, new)
