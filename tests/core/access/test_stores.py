"""Stores and merchants: opened whole, found only by those who may enter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.access.merchants import create_merchant, list_merchants
from core.access.problems import ProblemCode
from core.access.stores import create_store, find_store, list_stores, load_stores
from core.access.tokens import authenticate
from core.access.values import Role, StoreView
from core.db.statements import fetch_rows
from core.errors import BadInput, Forbidden, NotFound
from core.ids import new_id


async def test_merchant_opens_whole(merchant, owner):
    assert (owner.role, owner.store_ids, owner.tenant_id) == (Role.OWNER, None, merchant.merchant_id)
    store = await find_store(owner, merchant.store_id)
    assert (store.name, store.time_zone) == ("Bund", "Asia/Shanghai")
    assert [each.name for each in await list_merchants()] == ["Luckin Noodles"]


@pytest.mark.parametrize(
    ("name", "store", "zone", "field"),
    [
        (" ", "Bund", "UTC", ("merchant",)),
        ("A", "", "UTC", ("name",)),
        ("A", "B" * 121, "UTC", ("name",)),
        ("A", "B", "Mars/Olympus", ("timeZone",)),
    ],
)
async def test_bad_merchant_refused(database, name, store, zone, field):
    with pytest.raises(BadInput) as refused:
        await create_merchant(name, store, zone)
    assert refused.value.field == field
    assert await list_merchants() == ()


async def test_owner_opens_store(owner):
    store = await create_store(owner, " West Lake ", "Asia/Urumqi")
    assert isinstance(store, StoreView)
    assert (store.name, store.time_zone) == ("West Lake", "Asia/Urumqi")
    assert await find_store(owner, store.id) == store
    entries = await fetch_rows("SELECT action, actor_id FROM audit_entry WHERE action = 'createStore'")
    assert [str(entry["actor_id"]) for entry in entries] == [str(owner.actor_id)]


@pytest.mark.parametrize("zone", ["", "Asia", "localtime", "../etc/passwd", "+08:00", "x\0y", "Z" * 300])
async def test_wrong_zone_told(owner, zone):
    [problem] = await create_store(owner, "West Lake", zone)
    assert (problem.code, problem.field) == (ProblemCode.INVALID, ("timeZone",))
    assert "Asia/Shanghai" in problem.message()
    assert len(await list_stores(owner)) == 1


async def test_all_problems_told(owner):
    problems = await create_store(owner, "  ", "Nowhere")
    assert [each.code for each in problems] == [ProblemCode.REQUIRED, ProblemCode.INVALID]
    assert [each.field for each in problems] == [("name",), ("timeZone",)]


async def test_staff_open_none(owner):
    with pytest.raises(Forbidden):
        await create_store(replace(owner, role=Role.STAFF), "West Lake", "UTC")
    assert len(await list_stores(owner)) == 1


async def test_other_merchant_finds_nothing(merchant, owner):
    other = await authenticate((await create_merchant("Other", "Other", "UTC")).token)
    await find_store(owner, merchant.store_id)
    with pytest.raises(NotFound) as refused:
        await find_store(other, merchant.store_id)
    assert refused.value.code == "NOT_FOUND"
    assert await load_stores(other, [merchant.store_id]) == {}
    assert merchant.store_id not in [each.id for each in await list_stores(other)]


async def test_bound_token_stays(merchant, owner):
    second = await create_store(owner, "West Lake", "UTC")
    pos = replace(owner, role=Role.POS, store_ids=frozenset({merchant.store_id}))
    assert (await find_store(pos, merchant.store_id)).name == "Bund"
    with pytest.raises(NotFound):
        await find_store(pos, second.id)
    assert [each.id for each in await list_stores(pos)] == [merchant.store_id]


async def test_batch_loads_known(merchant, owner):
    second, nowhere = await create_store(owner, "West Lake", "UTC"), new_id()
    found = await load_stores(owner, [merchant.store_id, second.id, nowhere])
    assert {key: store.name for key, store in found.items()} == {
        merchant.store_id: "Bund",
        second.id: "West Lake",
    }
