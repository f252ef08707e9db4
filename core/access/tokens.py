"""Access tokens: making them, knowing them again, revoking them. Only their SHA-256 is stored."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.customers import build_customer
from core.access.permissions import SCOPES
from core.access.values import Actor, Role
from core.cache import ExpiringCache
from core.clock import Clock, SystemClock
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    Write,
    as_json,
    as_optional_instant,
    as_uuid,
    execute,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.errors import BadInput, Unauthenticated
from core.ids import new_id
from core.messages import text

_FORM: Final = re.compile(r"hx_[A-Za-z0-9_-]{43}", re.ASCII)
_STORE_BOUND: Final = frozenset({Role.STAFF, Role.POS})
_SYSTEM_CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True)
class _Grant:
    actor: Actor
    expires_at: datetime | None


# Every request authenticates. A token revoked by another process is refused at most five seconds later.
# Unknown tokens have a cache of their own, so that nobody can push the known ones out by inventing tokens.
_grants: ExpiringCache[str, _Grant] = ExpiringCache(lifetime=5, capacity=20_000)
_unknown: ExpiringCache[str, bool] = ExpiringCache(lifetime=5, capacity=5_000)


async def authenticate(token: str, clock: Clock = _SYSTEM_CLOCK) -> Actor:
    """Who acts with this token. Raises Unauthenticated for one that is unknown, revoked or expired.

    The answer may be five seconds old, its expiry never.
    """
    token_hash = hash_token(token)
    grant = _grants.get(token_hash)
    if grant is None:
        grant = await _find_grant(token, token_hash)
    if grant.expires_at is not None and grant.expires_at <= clock.now():
        raise Unauthenticated(text("fault.token_expired"))
    return grant.actor


async def create_token(
    tenant_id: UUID,
    role: Role,
    *,
    actor_id: UUID | None = None,
    name: str = "",
    store_ids: Collection[UUID] | None = None,
    scopes: Collection[str] = (),
    customer_id: UUID | None = None,
    lifetime: timedelta | None = None,
    clock: Clock = _SYSTEM_CLOCK,
) -> str:
    """A new bearer token, which nobody can read again afterwards.

    `actor_id` is the person or terminal (a new one unless given); a customer token acts for `customer_id`, or
    for a new customer. STAFF and POS tokens must name their stores. Raises BadInput for an unknown merchant,
    store, customer or scope.
    """
    _check_scopes(scopes)
    await _check_merchant(tenant_id)
    await _check_stores(tenant_id, role, store_ids)
    writes: list[Write] = []
    if role is Role.CUSTOMER:
        actor_id = await _pick_customer(tenant_id, customer_id, writes)
    token = f"hx_{token_urlsafe(32)}"
    actor = Actor(
        tenant_id,
        actor_id or new_id(),
        new_id(),
        role,
        None if store_ids is None else frozenset(store_ids),
        frozenset(scopes),
    )
    expires_at = clock.now() + lifetime if lifetime is not None else None
    await write_together([*writes, *build_token(actor, token, name, expires_at)])
    return token


async def revoke_token(tenant_id: UUID, token_id: UUID, actor: Actor | None = None) -> bool:
    """Ends a token at once in this process, and within five seconds in others. False where none was to end.

    `actor` is who revokes it; None: the command line.
    """
    row = await fetch_row(
        "SELECT token_hash FROM access_token WHERE tenant_id = $1 AND id = $2", tenant_id, token_id
    )
    ended = await execute(
        "UPDATE access_token SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL",
        _SYSTEM_CLOCK.now(),
        tenant_id,
        token_id,
    )
    if row is not None:
        _grants.drop(row["token_hash"])
    if ended:
        await write_together([build_entry(actor or tenant_id, "revokeToken", "AccessToken", token_id)])
    return bool(ended)


def hash_token(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so that a plain hash is enough."""
    return sha256(token.encode()).hexdigest()


def build_token(actor: Actor, token: str, name: str, expires_at: datetime | None) -> tuple[Write, Write]:
    """The INSERTs of a token and its audit entry."""
    stores = None if actor.store_ids is None else Json(sorted(str(each) for each in actor.store_ids))
    row = insert_row(
        "access_token",
        id=actor.token_id,
        tenant_id=actor.tenant_id,
        token_hash=hash_token(token),
        role=actor.role.value,
        actor_id=actor.actor_id,
        name=name,
        store_ids=stores,
        scopes=Json(sorted(actor.scopes)),
        expires_at=expires_at,
    )
    details = {"role": actor.role.value, "name": name, "scopes": sorted(actor.scopes)}
    return row, build_entry(actor.tenant_id, "createToken", "AccessToken", actor.token_id, details)


async def _find_grant(token: str, token_hash: str) -> _Grant:
    grant = None
    if _FORM.fullmatch(token) and not _unknown.get(token_hash):
        grant = await _select_grant(token_hash)
    if grant is None:
        _unknown.put(token_hash, True)
        raise Unauthenticated(text("fault.token_invalid"))
    _grants.put(token_hash, grant)
    return grant


async def _select_grant(token_hash: str) -> _Grant | None:
    row = await fetch_row(
        "SELECT id, tenant_id, role, actor_id, store_ids, scopes, expires_at FROM access_token"
        " WHERE token_hash = $1 AND revoked_at IS NULL",
        token_hash,
    )
    return _read_grant(row) if row else None


def _read_grant(row: Mapping[str, Any]) -> _Grant:
    role, actor_id, stores = Role(row["role"]), as_uuid(row["actor_id"]), as_json(row["store_ids"])
    actor = Actor(
        tenant_id=as_uuid(row["tenant_id"]),
        actor_id=actor_id,
        token_id=as_uuid(row["id"]),
        role=role,
        store_ids=None if stores is None else frozenset(UUID(each) for each in stores),
        scopes=frozenset(as_json(row["scopes"])),
        customer_id=actor_id if role is Role.CUSTOMER else None,
    )
    return _Grant(actor, as_optional_instant(row["expires_at"]))


def _check_scopes(scopes: Collection[str]) -> None:
    for scope in scopes:
        if scope not in SCOPES:
            known = ", ".join(sorted(SCOPES))
            raise BadInput(text("fault.scope_unknown", scope=scope, known=known), ("scopes",))


async def _check_merchant(tenant_id: UUID) -> None:
    if await fetch_row("SELECT id FROM merchant WHERE id = $1", tenant_id) is None:
        raise BadInput(text("fault.merchant_not_found"), ("merchant",))


async def _check_stores(tenant_id: UUID, role: Role, store_ids: Collection[UUID] | None) -> None:
    if role in _STORE_BOUND and not store_ids:
        raise BadInput(text("fault.stores_required", role=role), ("storeIds",))
    rows = await fetch_rows("SELECT id FROM store WHERE tenant_id = $1", tenant_id) if store_ids else []
    if not set(store_ids or ()) <= {as_uuid(row["id"]) for row in rows}:
        raise BadInput(text("fault.store_not_found"), ("storeIds",))


async def _pick_customer(tenant_id: UUID, customer_id: UUID | None, writes: list[Write]) -> UUID:
    """The customer a token acts for; a new one goes into `writes`."""
    if customer_id is None:
        new_customer = new_id()
        writes.append(build_customer(tenant_id, new_customer))
        return new_customer
    sql = "SELECT id FROM customer WHERE tenant_id = $1 AND id = $2"
    if await fetch_row(sql, tenant_id, customer_id) is None:
        raise BadInput(text("fault.customer_not_found"), ("customerId",))
    return customer_id
