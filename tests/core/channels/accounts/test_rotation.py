"""A new secret key takes over, and the old one can go."""

from __future__ import annotations

from datetime import timedelta

from core.channels.contract import (
    FreshToken,
)
from core.channels.transport.tokens import TokenStore
from core.clock import SystemClock
from core.db.statements import fetch_rows
from core.keys import KeyRing
from core.rotation import rotate_seals

OLD_KEY, NEW_KEY = "the old secret key, 32 characters+", "the new secret key, 32 characters+"
SECRET = "s3cret-of-the-mall"


async def fetch_token() -> FreshToken:
    return FreshToken("token-1", timedelta(hours=1))


async def test_rotation_retires_key(make_service, owner, merchant, account):
    seen = []
    both = KeyRing(NEW_KEY, [OLD_KEY])
    result = await rotate_seals(both, lambda done, total: seen.append((done, total)))
    assert (result.resealed, result.current, result.unreadable) == (3, 0, 0)
    assert seen == [(2, 2), (1, 1)]
    again = await rotate_seals(both)
    assert (again.resealed, again.current, again.unreadable) == (0, 3, 0)
    fresh = make_service(KeyRing(NEW_KEY))
    _, bound = await fresh.load_bindings(merchant.merchant_id, merchant.store_id)
    assert (await fresh.open_session(bound)).credentials.client_secret.get_secret_value() == SECRET


async def test_rotation_reseals_tokens(make_service, account):
    old = TokenStore(KeyRing(OLD_KEY), SystemClock()).open_account(account.tenant_id, account.id)
    assert await old.get("client", fetch_token) == "token-1"
    result = await rotate_seals(KeyRing(NEW_KEY, [OLD_KEY]))
    assert result.resealed == 3

    async def refuse() -> FreshToken:
        raise AssertionError("the stored token was not opened")

    fresh = TokenStore(KeyRing(NEW_KEY), SystemClock()).open_account(account.tenant_id, account.id)
    assert await fresh.get("client", refuse) == "token-1"


async def test_rotation_reports_unreadable(make_service, account):
    result = await rotate_seals(KeyRing(NEW_KEY))
    assert (result.resealed, result.current, result.unreadable) == (0, 0, 3)
    assert len(await fetch_rows("SELECT id FROM channel_credential")) == 2
