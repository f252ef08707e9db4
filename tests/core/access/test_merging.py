"""Merging two customers: nothing that names a customer is forgotten, and nothing is counted twice or lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tortoise import Tortoise

from core.access.merging import LEFT_ALONE, OWNED, follow_merges, merge_customer
from core.access.models import AccessToken, Customer, CustomerIdentity, RefreshToken
from core.coupons.models import CouponIssue, CustomerAllowance, HouseCoupon, Redemption, RedemptionRequest
from core.db.statements import GuardFailed, fetch_rows
from core.ids import new_id
from core.reservations.models import PointsAccount, WaitlistEntry
from tests.core.access.programs import count
from tests.core.db.conftest import _insert_row as insert_row

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMES_A_CUSTOMER = ("customer_id", "actor_id")


@pytest.fixture
async def pair(database, tenant_id):
    """Two customers: the first has no phone."""
    old = await insert_row(Customer, tenant_id=tenant_id, name="Li")
    into = await insert_row(Customer, tenant_id=tenant_id, phone_fingerprint="f" * 32)
    return old["id"], into["id"]


async def owners(table, column="customer_id"):
    return {str(row[column]) for row in await fetch_rows(f"SELECT {column} FROM {table}")}


async def test_every_column_of_a_customer_is_declared(database):
    """A new table with a customer's rows belongs into OWNED, or with a reason into LEFT_ALONE."""
    models = Tortoise.apps["hexiao"].values()
    found = {
        (model._meta.db_table, name)
        for model in models
        for name in NAMES_A_CUSTOMER
        if name in model._meta.fields_map
    }
    declared = {(owned.table, owned.column) for owned in OWNED}
    assert found - declared - LEFT_ALONE.keys() == set()
    assert (declared | LEFT_ALONE.keys()) - found == set()
    assert declared & LEFT_ALONE.keys() == set()
    assert all(reason.strip() for reason in LEFT_ALONE.values())


async def test_what_is_kept_apart_is_a_key(database):
    """`once` and `where` repeat a key of the database: else a merge would lose rows, or be refused for ever."""
    from core.db.invariants import KEYS

    keys = {(key.table, key.columns, key.where) for key in KEYS}
    counted = {
        (owned.table, ", ".join(part), owned.where)
        for owned in OWNED
        if owned.once or owned.counter
        for part in [
            ("tenant_id", *owned.once, owned.column)
            if owned.column == "customer_id"
            else ("tenant_id", owned.column, *owned.once)
        ]
    }
    assert counted <= keys
    named = {
        (key.table, name) for key in KEYS for name in NAMES_A_CUSTOMER if f" {name}" in f" {key.columns}"
    }
    guarded = {(owned.table, owned.column) for owned in OWNED if owned.once or owned.counter}
    assert named - guarded - LEFT_ALONE.keys() == set()


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (AccessToken, "actor_id"),
        (RefreshToken, "customer_id"),
        (CustomerIdentity, "customer_id"),
        (Redemption, "customer_id"),
        (RedemptionRequest, "customer_id"),
        (RedemptionRequest, "actor_id"),
        (CouponIssue, "customer_id"),
        (HouseCoupon, "customer_id"),
        (CustomerAllowance, "customer_id"),
        (PointsAccount, "customer_id"),
        (WaitlistEntry, "customer_id"),
    ],
)
async def test_rows_follow(pair, tenant_id, model, column):
    old, into = pair
    stranger, rival = new_id(), new_id()
    await insert_row(model, tenant_id=tenant_id, **{column: old})
    await insert_row(model, tenant_id=tenant_id, **{column: stranger})
    await insert_row(model, tenant_id=rival, **{column: old})
    await merge_customer(tenant_id, old, into, NOW)
    rows = await fetch_rows(f"SELECT tenant_id, {column} AS owner FROM {model._meta.db_table}")
    assert {(str(row["tenant_id"]), str(row["owner"])) for row in rows} == {
        (str(tenant_id), str(into)),
        (str(tenant_id), str(stranger)),
        (str(rival), str(old)),
    }


async def test_allowances_add_up(pair, tenant_id):
    old, into = pair
    batch, other = new_id(), new_id()
    await insert_row(CustomerAllowance, tenant_id=tenant_id, batch_id=batch, customer_id=old, issued=2)
    await insert_row(CustomerAllowance, tenant_id=tenant_id, batch_id=batch, customer_id=into, issued=3)
    await insert_row(CustomerAllowance, tenant_id=tenant_id, batch_id=other, customer_id=old, issued=1)
    await merge_customer(tenant_id, old, into, NOW)
    rows = await fetch_rows("SELECT batch_id, customer_id, issued FROM customer_allowance")
    assert {(str(row["batch_id"]), str(row["customer_id"]), row["issued"]) for row in rows} == {
        (str(batch), str(into), 5),
        (str(other), str(into), 1),
    }


async def test_points_add_up(pair, tenant_id):
    old, into = pair
    await insert_row(PointsAccount, tenant_id=tenant_id, customer_id=old, balance=30)
    await insert_row(PointsAccount, tenant_id=tenant_id, customer_id=into, balance=12)
    await merge_customer(tenant_id, old, into, NOW)
    rows = await fetch_rows("SELECT customer_id, balance FROM points_account")
    assert [(str(row["customer_id"]), row["balance"]) for row in rows] == [(str(into), 42)]


async def test_second_place_in_a_queue_stays_behind(pair, tenant_id):
    old, into = pair
    waiting = {"tenant_id": tenant_id, "session_id": new_id(), "status": "WAITING"}
    await insert_row(WaitlistEntry, customer_id=old, **waiting)
    await insert_row(WaitlistEntry, customer_id=into, **waiting)
    await insert_row(WaitlistEntry, customer_id=old, **{**waiting, "status": "LEFT"})
    await merge_customer(tenant_id, old, into, NOW)
    rows = await fetch_rows("SELECT customer_id, status FROM waitlist_entry")
    assert sorted((str(row["customer_id"]) == str(into), row["status"]) for row in rows) == [
        (False, "WAITING"),
        (True, "LEFT"),
        (True, "WAITING"),
    ]


async def test_name_is_kept(pair, tenant_id):
    old, into = pair
    await merge_customer(tenant_id, old, into, NOW)
    rows = {str(row["id"]): row for row in await fetch_rows("SELECT id, name, merged_into FROM customer")}
    assert (rows[str(into)]["name"], rows[str(into)]["merged_into"]) == ("Li", None)
    assert str(rows[str(old)]["merged_into"]) == str(into)


async def test_customer_with_a_phone_is_not_merged(pair, tenant_id):
    old, into = pair
    await insert_row(HouseCoupon, tenant_id=tenant_id, customer_id=into)
    with pytest.raises(GuardFailed):
        await merge_customer(tenant_id, into, old, NOW)
    assert await owners("house_coupon") == {str(into)}
    assert await count("audit_entry") == 0


async def test_customer_is_merged_once(pair, tenant_id):
    old, into = pair
    await merge_customer(tenant_id, old, into, NOW)
    with pytest.raises(GuardFailed):
        await merge_customer(tenant_id, old, into, NOW)
    third = await insert_row(Customer, tenant_id=tenant_id)
    with pytest.raises(GuardFailed):
        await merge_customer(tenant_id, third["id"], old, NOW)
    assert await count("audit_entry") == 1


async def test_late_rows_follow(pair, tenant_id):
    """A session that still knew the old id wrote after the merge."""
    old, into = pair
    await merge_customer(tenant_id, old, into, NOW)
    await insert_row(HouseCoupon, tenant_id=tenant_id, customer_id=old)
    await follow_merges(tenant_id, into, NOW + timedelta(hours=3))
    assert await owners("house_coupon") == {str(into)}
