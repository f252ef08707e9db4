"""What a login gives: a short access token, and a refresh token with which it is renewed, each once.

Both tokens of a renewal are made from the refresh token it used, by a secret of ours. So a renewal that is repeated
because its answer was lost gets the same answer again, for half a minute. A used refresh token that turns up later is
in two hands, and then everything of that login ends.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Final
from uuid import UUID

import structlog

from core.access.audit import build_entry, record
from core.access.identities import Program
from core.access.merging import follow_merges, hold_customer
from core.access.tokens import build_token, hash_token, revoke_token
from core.access.values import Actor, Role
from core.clock import Clock
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Write,
    as_instant,
    as_optional_instant,
    as_uuid,
    execute,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.db.transactions import run_in_transaction
from core.ids import new_id
from core.keys import KeyRing
from core.settings import Settings

# How long a renewal may be repeated: a request of a mini-program times out after 60 s at most, most give up sooner.
REPEATABLE_FOR: Final = timedelta(seconds=30)
# How long a used refresh token is remembered, so that its second use is noticed.
REMEMBERED_FOR: Final = timedelta(days=7)
_ATTEMPTS: Final = 3
_PORTION: Final = 500
_FORM: Final = re.compile(r"hxr_[A-Za-z0-9_-]{43}", re.ASCII)
_NAME: Final = "mini-program login"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoginTokens:
    """What the mini-program keeps. `expires_at` is the access token's end, UTC."""

    actor: Actor
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Row:
    """A stored refresh token."""

    id: UUID
    tenant_id: UUID
    family: UUID
    customer_id: UUID
    account_id: UUID
    token_id: UUID
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> Actor:
        return _act_for(self.tenant_id, self.customer_id, self.token_id)


class LoginTokenService:
    """The logins of all merchants."""

    def __init__(self, settings: Settings, keys: KeyRing, clock: Clock) -> None:
        self._lifetime = timedelta(minutes=settings.login_minutes)
        self._renewable_for = timedelta(days=settings.refresh_days)
        self._keys = keys
        self._clock = clock

    async def begin(self, program: Program, customer_id: UUID) -> LoginTokens:
        """A new login's tokens, with its audit entry. Raises GuardFailed where the customer was merged meanwhile."""
        actor = _act_for(program.tenant_id, customer_id, new_id())
        tokens = self._give(actor, f"hx_{token_urlsafe(32)}", f"hxr_{token_urlsafe(32)}")
        details = {"channel": program.channel, "accountId": str(program.account_id)}
        entry = build_entry(actor, "loginWithMiniProgram", "Customer", customer_id, details)
        await write_together([*self._build(tokens, new_id(), program.account_id), entry])
        await follow_merges(program.tenant_id, customer_id, self._clock.now())
        return tokens

    async def renew(self, refresh_token: str) -> LoginTokens | None:
        """New tokens for a refresh token, or the same ones again where it was used just now; None if it is no good."""
        for _ in range(_ATTEMPTS):
            row = await _find_row(refresh_token)
            if row is None or row.revoked_at is not None or row.expires_at <= self._clock.now():
                return None
            if row.used_at is not None:
                return await self._repeat(row, refresh_token)
            try:
                return await self._use(row, refresh_token)
            except (Conflict, GuardFailed):
                continue  # used, ended or merged meanwhile
        return None

    async def end(self, refresh_token: str) -> bool:
        """Ends the login: its refresh token and its access tokens. False where there was none to end."""
        row = await _find_row(refresh_token)
        if row is None or row.revoked_at is not None:
            return False
        await self._end_family(row)
        return True

    async def prune(self, now: datetime) -> int:
        """Deletes logins that are over, and what was renewed long ago; how many refresh tokens went."""
        deleted = portion = await _delete_portion(now)
        while portion == _PORTION:
            portion = await _delete_portion(now)
            deleted += portion
        return deleted

    async def _use(self, row: _Row, refresh_token: str) -> LoginTokens:
        actor = _act_for(row.tenant_id, row.customer_id, new_id())
        tokens = self._give(
            actor,
            f"hx_{self._derive('access', refresh_token)}",
            f"hxr_{self._derive('refresh', refresh_token)}",
        )
        used = Write(_USE, (self._clock.now(), row.tenant_id, row.id), expects=1)
        # The customer is held first, as a merge does, so that the two never wait for each other.
        await write_together([*self._build(tokens, row.family, row.account_id), used])
        await follow_merges(row.tenant_id, row.customer_id, self._clock.now())
        return tokens

    async def _repeat(self, row: _Row, refresh_token: str) -> LoginTokens | None:
        if row.used_at is None or self._clock.now() - row.used_at > REPEATABLE_FOR:
            _log.warning("login.refresh_token_reused", family=str(row.family))
            await self._end_family(row)
            await record(row.tenant_id, "refreshTokenReused", "Customer", row.customer_id)
            return None
        renewed = f"hxr_{self._derive('refresh', refresh_token)}"
        following = await _find_row(renewed)
        if following is None or following.used_at is not None or following.revoked_at is not None:
            return None
        token = await fetch_row(
            "SELECT expires_at FROM access_token WHERE tenant_id = $1 AND id = $2",
            following.tenant_id,
            following.token_id,
        )
        if token is None:
            return None
        access = f"hx_{self._derive('access', refresh_token)}"
        return LoginTokens(following.actor, access, renewed, as_instant(token["expires_at"]))

    async def _end_family(self, row: _Row) -> None:
        async def end() -> None:
            await execute(_END_FAMILY, self._clock.now(), row.tenant_id, row.family)
            for living in await fetch_rows(_LIVING_TOKENS, row.tenant_id, row.family, self._clock.now()):
                await revoke_token(row.tenant_id, as_uuid(living["id"]), row.actor)

        await run_in_transaction(end)

    def _give(self, actor: Actor, token: str, refresh_token: str) -> LoginTokens:
        return LoginTokens(actor, token, refresh_token, self._clock.now() + self._lifetime)

    def _build(self, tokens: LoginTokens, family: UUID, account_id: UUID) -> list[Write]:
        actor = tokens.actor
        access, _ = build_token(actor, tokens.token, _NAME, tokens.expires_at)
        refresh = insert_row(
            "refresh_token",
            id=new_id(),
            tenant_id=actor.tenant_id,
            token_hash=hash_token(tokens.refresh_token),
            family=family,
            customer_id=actor.actor_id,
            account_id=account_id,
            token_id=actor.token_id,
            expires_at=self._clock.now() + self._renewable_for,
        )
        return [hold_customer(actor.tenant_id, actor.actor_id), access, refresh]

    def _derive(self, kind: str, refresh_token: str) -> str:
        """What follows a refresh token: 256 bits that nobody can tell without our secret key."""
        halves = (self._keys.sign(f"login {kind} {half}", refresh_token.encode()) for half in (1, 2))
        return urlsafe_b64encode(b"".join(halves)).decode().rstrip("=")


_USE = """
UPDATE refresh_token SET used_at = $1
WHERE tenant_id = $2 AND id = $3 AND used_at IS NULL AND revoked_at IS NULL"""

_END_FAMILY = """
UPDATE refresh_token SET revoked_at = $1 WHERE tenant_id = $2 AND family = $3 AND revoked_at IS NULL"""

_LIVING_TOKENS = """
SELECT t.id FROM refresh_token r JOIN access_token t ON t.tenant_id = r.tenant_id AND t.id = r.token_id
WHERE r.tenant_id = $1 AND r.family = $2 AND t.revoked_at IS NULL AND t.expires_at > $3"""

# Over all merchants, for the sweep.
_FIND_OVER = "SELECT id, token_id FROM refresh_token WHERE expires_at < $1 OR used_at < $2 LIMIT $3"


async def _delete_portion(now: datetime) -> int:
    rows = await fetch_rows(_FIND_OVER, now, now - REMEMBERED_FOR, _PORTION)
    if rows:
        await write_together(
            [_delete("access_token", rows, "token_id"), _delete("refresh_token", rows, "id")]
        )
    return len(rows)


def _delete(table: str, rows: list[dict[str, Any]], column: str) -> Write:
    places = ", ".join(f"${number}" for number in range(1, len(rows) + 1))
    return Write(f"DELETE FROM {table} WHERE id IN ({places})", [as_uuid(row[column]) for row in rows])


async def _find_row(refresh_token: str) -> _Row | None:
    if not _FORM.fullmatch(refresh_token):
        return None
    row = await fetch_row("SELECT * FROM refresh_token WHERE token_hash = $1", hash_token(refresh_token))
    return _read_row(row) if row else None


def _read_row(row: Mapping[str, Any]) -> _Row:
    return _Row(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        family=as_uuid(row["family"]),
        customer_id=as_uuid(row["customer_id"]),
        account_id=as_uuid(row["account_id"]),
        token_id=as_uuid(row["token_id"]),
        expires_at=as_instant(row["expires_at"]),
        used_at=as_optional_instant(row["used_at"]),
        revoked_at=as_optional_instant(row["revoked_at"]),
    )


def _act_for(tenant_id: UUID, customer_id: UUID, token_id: UUID) -> Actor:
    return Actor(tenant_id, customer_id, token_id, Role.CUSTOMER, customer_id=customer_id)
