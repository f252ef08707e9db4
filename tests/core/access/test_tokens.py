"""Tokens: known again, bound to stores and scopes, refused when expired, revoked or invented."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.access import tokens
from core.access.merchants import create_merchant
from core.access.tokens import authenticate, create_token, hash_token, revoke_token
from core.access.values import Role
from core.db.statements import execute, fetch_rows
from core.errors import BadInput, Unauthenticated
from core.ids import new_id


async def test_token_names_actor(merchant):
    token = await create_token(
        merchant.merchant_id, Role.STAFF, store_ids=[merchant.store_id], scopes=["reverse"]
    )
    actor = await authenticate(token)
    assert (actor.tenant_id, actor.role) == (merchant.merchant_id, Role.STAFF)
    assert actor.store_ids == frozenset({merchant.store_id})
    assert actor.scopes == frozenset({"reverse"})
    assert actor.customer_id is None
    assert not actor.is_customer


async def test_only_hash_stored(merchant):
    rows = await fetch_rows("SELECT * FROM access_token")
    assert [row["token_hash"] for row in rows] == [hash_token(merchant.token)]
    assert merchant.token not in str(rows)
    assert merchant.token not in repr(merchant)
    assert merchant.token not in str(await fetch_rows("SELECT * FROM audit_entry"))


async def test_customer_acts_for_self(merchant):
    token = await create_token(merchant.merchant_id, Role.CUSTOMER)
    actor = await authenticate(token)
    again = await authenticate(
        await create_token(merchant.merchant_id, Role.CUSTOMER, customer_id=actor.customer_id)
    )
    assert actor.is_customer
    assert actor.customer_id == actor.actor_id == again.actor_id
    assert again.token_id != actor.token_id
    assert len(await fetch_rows("SELECT id FROM customer")) == 1


@pytest.mark.parametrize("token", ["", "hx_", "hx_" + "A" * 43, "hx_" + "é" * 43, "Bearer x", "x" * 100_000])
async def test_unknown_token_refused(merchant, token):
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="not valid"):
            await authenticate(token)


async def test_expiry_needs_no_reading(merchant, clock):
    token = await create_token(merchant.merchant_id, Role.OWNER, lifetime=timedelta(minutes=5), clock=clock)
    assert (await authenticate(token, clock)).role is Role.OWNER
    clock.advance(timedelta(minutes=5))
    with pytest.raises(Unauthenticated, match="expired"):
        await authenticate(token, clock)


async def test_revoked_token_refused(merchant, owner):
    token = await create_token(merchant.merchant_id, Role.MANAGER)
    manager = await authenticate(token)
    assert await revoke_token(merchant.merchant_id, manager.token_id, owner)
    with pytest.raises(Unauthenticated):
        await authenticate(token)
    assert (await authenticate(merchant.token)) == owner
    assert not await revoke_token(merchant.merchant_id, manager.token_id, owner)


async def test_others_cannot_revoke(merchant, owner):
    other = await create_merchant("Other", "Other", "UTC")
    assert not await revoke_token(other.merchant_id, owner.token_id)
    assert await authenticate(merchant.token) == owner


async def test_cache_outlives_row(merchant, owner):
    await execute("DELETE FROM access_token")
    assert await authenticate(merchant.token) == owner
    tokens._grants.clear()
    with pytest.raises(Unauthenticated):
        await authenticate(merchant.token)


async def test_inventions_push_nobody_out(merchant, owner):
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await authenticate(f"hx_{number:043d}")
    await execute("DELETE FROM access_token")
    assert await authenticate(merchant.token) == owner


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS])
async def test_counter_names_stores(merchant, role):
    for store_ids in (None, []):
        with pytest.raises(BadInput, match="must name its stores"):
            await create_token(merchant.merchant_id, role, store_ids=store_ids)
    assert len(await fetch_rows("SELECT id FROM access_token")) == 1


async def test_bad_input_refused(merchant):
    other = await create_merchant("Other", "Other", "UTC")
    for changes, field in [
        ({"store_ids": [other.store_id]}, "storeIds"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"role": Role.CUSTOMER, "customer_id": new_id()}, "customerId"),
        ({"tenant_id": new_id()}, "merchant"),
    ]:
        with pytest.raises(BadInput) as refused:
            await create_token(**{"tenant_id": merchant.merchant_id, "role": Role.OWNER, **changes})
        assert refused.value.field == (field,)
    assert len(await fetch_rows("SELECT id FROM access_token")) == 2
