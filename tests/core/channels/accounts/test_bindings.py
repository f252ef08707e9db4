"""Which of the platform's stores a store is: said once, corrected, never shared."""

from __future__ import annotations

import asyncio

import pytest

from core.access.problems import ProblemCode
from core.access.stores import create_store
from core.db.statements import as_uuid, fetch_rows
from core.ids import new_id


async def test_store_is_bound(service, owner, merchant, account):
    assert await service.bind_store(owner, account.id, merchant.store_id, " poi-1 ") == account
    assert await service.bind_store(owner, account.id, merchant.store_id, "poi-1") == account
    rows = await fetch_rows("SELECT external_store_id FROM channel_store")
    assert [row["external_store_id"] for row in rows] == ["poi-1"]
    entries = await fetch_rows("SELECT id FROM audit_entry WHERE action = 'bindChannelStore'")
    assert len(entries) == 1


async def test_binding_is_corrected(service, owner, merchant, account):
    await service.bind_store(owner, account.id, merchant.store_id, "poi-1")
    assert await service.bind_store(owner, account.id, merchant.store_id, "poi-2") == account
    rows = await fetch_rows("SELECT external_store_id FROM channel_store")
    assert [row["external_store_id"] for row in rows] == ["poi-2"]


async def test_platform_store_is_one(service, owner, merchant, account):
    second = await create_store(owner, "West Lake")
    await service.bind_store(owner, account.id, merchant.store_id, "poi-1")
    [problem] = await service.bind_store(owner, account.id, second.id, "poi-1")
    assert (problem.code, problem.field) == (ProblemCode.ALREADY_EXISTS, ("externalStoreId",))
    rows = await fetch_rows("SELECT store_id FROM channel_store")
    assert [as_uuid(row["store_id"]) for row in rows] == [merchant.store_id]


async def test_racing_bindings_agree(service, owner, merchant, account):
    binds = (service.bind_store(owner, account.id, merchant.store_id, "poi-1") for _ in range(8))
    assert set(await asyncio.gather(*binds)) == {account}
    assert len(await fetch_rows("SELECT id FROM channel_store")) == 1


@pytest.mark.parametrize(("part", "field"), [("account", "accountId"), ("store", "storeId")])
async def test_foreign_things_not_found(service, owner, merchant, account, part, field):
    account_id = new_id() if part == "account" else account.id
    store_id = new_id() if part == "store" else merchant.store_id
    [problem] = await service.bind_store(owner, account_id, store_id, "poi-1")
    assert (problem.code, problem.field) == (ProblemCode.NOT_FOUND, (field,))
    assert await fetch_rows("SELECT id FROM channel_store") == []


@pytest.mark.parametrize(("text", "code"), [("  ", ProblemCode.REQUIRED), ("p" * 129, ProblemCode.TOO_LONG)])
async def test_external_id_checked(service, owner, merchant, account, text, code):
    [problem] = await service.bind_store(owner, account.id, merchant.store_id, text)
    assert (problem.code, problem.field) == (code, ("externalStoreId",))
