"""The table `channel_token`: sealed tokens, leases and fences. Every change is one conditional statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

import orjson

from core.channels.contract import FreshToken
from core.clock import Clock
from core.db.statements import (
    Conflict,
    Write,
    as_instant,
    as_optional_instant,
    execute,
    fetch_row,
    write_together,
)
from core.ids import new_id
from core.keys import KeyRing

_REFRESH_AFTER = 0.8

_READ = """
SELECT sealed, expires_at, lease_until, fence FROM channel_token
WHERE tenant_id = $1 AND account_id = $2 AND name = $3"""
_INSERT = """
INSERT INTO channel_token (id, created_at, tenant_id, account_id, name, lease_until, fence)
VALUES ($1, $2, $3, $4, $5, $6, 1)"""
_LEASE = """
UPDATE channel_token SET lease_until = $4, fence = fence + 1
WHERE tenant_id = $1 AND account_id = $2 AND name = $3 AND fence = $5
  AND (lease_until IS NULL OR lease_until <= $6)"""
_RELEASE = """
UPDATE channel_token SET lease_until = NULL
WHERE tenant_id = $1 AND account_id = $2 AND name = $3 AND fence = $4"""
_STORE = """
UPDATE channel_token SET sealed = $4, expires_at = $5, lease_until = NULL
WHERE tenant_id = $1 AND account_id = $2 AND name = $3 AND fence = $6"""
_KEEP = """
INSERT INTO channel_token (id, created_at, tenant_id, account_id, name, sealed, expires_at, fence)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1)"""
# A new fence: whoever holds a lease meanwhile fetches with what is replaced here.
_REPLACE = """
UPDATE channel_token SET sealed = $4, expires_at = $5, lease_until = NULL, fence = fence + 1
WHERE tenant_id = $1 AND account_id = $2 AND name = $3 AND fence = $6
  AND (sealed = $7 OR (sealed IS NULL AND $7 IS NULL))"""
_CLEAR = """
UPDATE channel_token SET sealed = NULL, expires_at = NULL
WHERE tenant_id = $1 AND account_id = $2 AND name = $3 AND sealed = $4"""


class TokenKey(NamedTuple):
    """Which token: one merchant's, of one account, by the adapter's own name for it."""

    tenant_id: UUID
    account_id: UUID
    name: str

    def bound_to(self) -> tuple[str, str, str, str]:
        """What its sealed form is bound to."""
        return "channel_token", str(self.tenant_id), str(self.account_id), self.name


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token and when it should be and must be replaced (UTC)."""

    value: str
    refresh_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        return f"StoredToken(expires_at={self.expires_at!r})"

    @classmethod
    def from_fresh(cls, fresh: FreshToken, now: datetime) -> Self:
        """A token that was given out just now."""
        return cls(fresh.value, now + _REFRESH_AFTER * fresh.lifetime, now + fresh.lifetime)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What the table holds. `fence` is 0 where there is no row yet."""

    token: StoredToken | None
    sealed: bytes | None
    lease_until: datetime | None
    fence: int


_NO_ROW = TokenRow(None, None, None, 0)


def seal_token(keys: KeyRing, key: TokenKey, token: StoredToken) -> bytes:
    """The token as the table keeps it."""
    return keys.seal(orjson.dumps([token.value, token.refresh_at]), *key.bound_to())


def insert_token(keys: KeyRing, key: TokenKey, token: StoredToken, now: datetime) -> Write:
    """The INSERT of a token that there was none of. It raises Conflict where there is a row."""
    return Write(_KEEP, (new_id(), now, *key, seal_token(keys, key, token), token.expires_at))


class TokenRows:
    """Reads and writes of the table. Nothing here keeps state."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def read(self, key: TokenKey) -> TokenRow:
        """The row as it is; a token that no configured key opens counts as none."""
        row = await fetch_row(_READ, *key)
        if row is None:
            return _NO_ROW
        sealed = None if row["sealed"] is None else bytes(row["sealed"])
        token = self._unseal(key, sealed, row["expires_at"])
        return TokenRow(token, sealed, as_optional_instant(row["lease_until"]), row["fence"])

    async def lease(self, key: TokenKey, seen: TokenRow, duration: timedelta) -> int | None:
        """The fence of the lease that is ours now; None where somebody else holds it or was quicker."""
        now = self._clock.now()
        if seen.fence == 0:
            return await self._insert(key, now, now + duration)
        if seen.lease_until is not None and seen.lease_until > now:
            return None
        taken = await execute(_LEASE, *key, now + duration, seen.fence, now)
        return seen.fence + 1 if taken else None

    async def release(self, key: TokenKey, fence: int) -> None:
        """Gives the lease back, unless somebody else has taken it over."""
        await execute(_RELEASE, *key, fence)

    async def store(self, key: TokenKey, fence: int, token: StoredToken) -> bool:
        """Stores a token and gives the lease back. False where the lease was lost: nothing is stored then."""
        sealed = seal_token(self._keys, key, token)
        return await execute(_STORE, *key, sealed, token.expires_at, fence) == 1

    async def replace(self, key: TokenKey, old: str, new: StoredToken) -> StoredToken:
        """Stores `new` where `old`, or no living token, is kept; answers what is kept then."""
        while True:
            row, now = await self.read(key), self._clock.now()
            if row.token is not None and row.token.value != old and now < row.token.expires_at:
                return row.token
            if await self._swap(key, row, new, now):
                return new

    async def _swap(self, key: TokenKey, seen: TokenRow, new: StoredToken, now: datetime) -> bool:
        """Stores `new` unless the row has changed since it was seen."""
        if seen.fence:
            sealed = seal_token(self._keys, key, new)
            return await execute(_REPLACE, *key, sealed, new.expires_at, seen.fence, seen.sealed) == 1
        try:
            await write_together([insert_token(self._keys, key, new, now)])
        except Conflict:
            return False
        return True

    async def clear(self, key: TokenKey, value: str) -> None:
        """Removes this token; does nothing where another has taken its place."""
        row = await self.read(key)
        if row.token is not None and row.token.value == value:
            await execute(_CLEAR, *key, row.sealed)

    async def _insert(self, key: TokenKey, now: datetime, lease_until: datetime) -> int | None:
        try:
            await execute(_INSERT, new_id(), now, *key, lease_until)
        except Conflict:
            return None
        return 1

    def _unseal(self, key: TokenKey, sealed: bytes | None, expires_at: object) -> StoredToken | None:
        if sealed is None:
            return None
        try:
            value, refresh_at = orjson.loads(self._keys.open(sealed, *key.bound_to()))
        except ValueError:
            return None
        return StoredToken(value, as_instant(refresh_at), as_instant(expires_at))
