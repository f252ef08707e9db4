from __future__ import annotations

import pytest
from tortoise.exceptions import IntegrityError

from core.access.models import AccessToken, Customer, FailureCount
from core.channels.models import ChannelCredential, ChannelStore, ChannelToken, InboxEvent
from core.coupons.models import (
    CouponBatch,
    CouponIssue,
    CustomerAllowance,
    HouseCoupon,
    HouseUse,
    Redemption,
    RedemptionClaim,
    RedemptionLeg,
    RedemptionRequest,
)
from core.db.invariants import CHECKS, INVARIANTS, KEYS, ensure_invariants, verify_invariants
from core.db.statements import Conflict, execute, fetch_rows, is_postgres
from core.events.models import OutboxEvent
from core.ids import new_id

ONE, TWO = new_id(), new_id()

# key → model, the values that may exist once in a tenant, and one change that makes them different.
TAKEN_ONCE = {
    "failure_count__tenant_id_scope_subject_id_key": (
        FailureCount,
        {"scope": "actor", "subject_id": ONE},
        {"scope": "token"},
    ),
    "customer__tenant_id_phone_fingerprint_key": (
        Customer,
        {"phone_fingerprint": "a" * 32},
        {"phone_fingerprint": None},
    ),
    "channel_credential__tenant_id_account_id_field_key": (
        ChannelCredential,
        {"account_id": ONE, "field": "clientKey"},
        {"account_id": TWO},
    ),
    "channel_token__tenant_id_account_id_name_key": (
        ChannelToken,
        {"account_id": ONE, "name": "access"},
        {"name": "refresh"},
    ),
    "channel_store__tenant_id_account_id_store_id_key": (
        ChannelStore,
        {"account_id": ONE, "store_id": ONE},
        {"store_id": TWO},
    ),
    "channel_store__tenant_id_account_id_external_store_id_key": (
        ChannelStore,
        {"account_id": ONE, "external_store_id": "6601"},
        {"external_store_id": "6602"},
    ),
    "inbox_event__tenant_id_account_id_event_id_key": (
        InboxEvent,
        {"account_id": ONE, "event_id": "e1"},
        {"account_id": TWO},
    ),
    "redemption_request__idempotency_key": (
        RedemptionRequest,
        {"actor_id": ONE, "operation": "redeemCoupons", "idempotency_key": "k1"},
        {"operation": "reverseRedemption"},
    ),
    "redemption_request__living_reversal_key": (
        RedemptionRequest,
        {"subject_id": ONE, "operation": "reverseRedemption", "status": "PROCESSING"},
        {"status": "FAILED"},
    ),
    "redemption_claim__one_use_key": (
        RedemptionClaim,
        {"account_id": ONE, "coupon_key": "c1", "use_number": 1},
        {"use_number": 2},
    ),
    "redemption_leg__tenant_id_request_id_position_key": (
        RedemptionLeg,
        {"request_id": ONE, "position": 0},
        {"position": 1},
    ),
    "coupon_issue__idempotency_key": (
        CouponIssue,
        {"actor_id": ONE, "idempotency_key": "k1"},
        {"actor_id": TWO},
    ),
    "house_coupon__tenant_id_code_fingerprint_key": (
        HouseCoupon,
        {"code_fingerprint": "b" * 32},
        {"code_fingerprint": "c" * 32},
    ),
    "house_use__tenant_id_token_number_key": (HouseUse, {"token": "t1", "number": 1}, {"number": 2}),
    "customer_allowance__tenant_id_batch_id_customer_id_key": (
        CustomerAllowance,
        {"batch_id": ONE, "customer_id": ONE},
        {"customer_id": TWO},
    ),
    "outbox_event__tenant_id_seq_key": (OutboxEvent, {"seq": 7}, {"seq": None}),
}

# check → model, a row at its limit, and the change that passes it.
LIMITS = {
    "coupon_batch__issued_check": [
        (CouponBatch, {"quantity": 10, "issued": 10}, {"issued": 11}),
        (CouponBatch, {"quantity": 10, "issued": 0}, {"issued": -1}),
    ],
    "coupon_batch__spent_check": [(CouponBatch, {"budget": 5000, "spent": 5000}, {"spent": 5001})],
    "house_coupon__times_used_check": [
        (HouseCoupon, {"times_total": 3, "times_used": 3}, {"times_used": 4}),
        (HouseCoupon, {"times_total": 3, "times_used": 0}, {"times_used": -1}),
    ],
    "customer_allowance__issued_check": [(CustomerAllowance, {"issued": 0}, {"issued": -1})],
    "redemption__times_check": [(Redemption, {"times": 1}, {"times": 0})],
    "redemption__discount_check": [(Redemption, {"discount": 0}, {"discount": -1})],
}
LIMIT_CASES = [(name, *case) for name, cases in LIMITS.items() for case in cases]


def test_each_has_a_test():
    assert {key.name for key in KEYS} == {*TAKEN_ONCE, "access_token__token_hash_key"}
    assert {check.name for check in CHECKS} == set(LIMITS)


def test_names_fit_postgres():
    """PostgreSQL cuts longer ones off, silently."""
    parts = [part for each in INVARIANTS for kind in (True, False) for part in each.parts(postgres=kind)]
    assert [part for part in parts if len(part) > 63] == []
    assert len({each.name for each in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize("name", TAKEN_ONCE)
async def test_key_refuses_second(database, insert_row, count_rows, tenant_id, name):
    model, same, _ = TAKEN_ONCE[name]
    await insert_row(model, tenant_id=tenant_id, **same)
    with pytest.raises(Conflict) as conflict:
        await insert_row(model, tenant_id=tenant_id, **same)
    assert conflict.value.table == model._meta.db_table
    assert await count_rows(model) == 1


@pytest.mark.parametrize("name", TAKEN_ONCE)
async def test_key_allows_others(database, insert_row, count_rows, tenant_id, name):
    model, same, different = TAKEN_ONCE[name]
    await insert_row(model, tenant_id=tenant_id, **same)
    await insert_row(model, tenant_id=tenant_id, **{**same, **different})
    await insert_row(model, tenant_id=new_id(), **same)
    assert await count_rows(model) == 3


async def test_token_hash_taken_everywhere(database, insert_row, count_rows):
    await insert_row(AccessToken, tenant_id=new_id(), token_hash="f" * 64)
    with pytest.raises(Conflict) as conflict:
        await insert_row(AccessToken, tenant_id=new_id(), token_hash="f" * 64)
    assert conflict.value.table == "access_token"
    assert await count_rows(AccessToken) == 1


async def test_claim_without_account_taken_once(database, insert_row, count_rows, tenant_id):
    """Own coupons have no account, and NULL never equals NULL."""
    claim = {"tenant_id": tenant_id, "account_id": None, "coupon_key": "c1", "use_number": 1}
    await insert_row(RedemptionClaim, **claim)
    with pytest.raises(Conflict) as conflict:
        await insert_row(RedemptionClaim, **claim)
    assert conflict.value.table == "redemption_claim"
    await insert_row(RedemptionClaim, **{**claim, "account_id": ONE})
    assert await count_rows(RedemptionClaim) == 2


async def test_compensating_reversal_still_living(database, insert_row, tenant_id):
    reversal = {"tenant_id": tenant_id, "subject_id": ONE, "operation": "reverseRedemption"}
    await insert_row(RedemptionRequest, **reversal, status="COMPENSATING")
    with pytest.raises(Conflict) as conflict:
        await insert_row(RedemptionRequest, **reversal, status="PROCESSING")
    assert conflict.value.table == "redemption_request"


@pytest.mark.parametrize(("name", "model", "limit", "beyond"), LIMIT_CASES)
async def test_check_refuses_insert(database, insert_row, count_rows, tenant_id, name, model, limit, beyond):
    with pytest.raises(IntegrityError, match=name):
        await insert_row(model, tenant_id=tenant_id, **{**limit, **beyond})
    assert await count_rows(model) == 0


@pytest.mark.parametrize(("name", "model", "limit", "beyond"), LIMIT_CASES)
async def test_check_refuses_update(database, insert_row, tenant_id, name, model, limit, beyond):
    row = await insert_row(model, tenant_id=tenant_id, **limit)
    column, value = next(iter(beyond.items()))
    table = model._meta.db_table
    with pytest.raises(IntegrityError, match=name):
        await execute(f"UPDATE {table} SET {column} = $1 WHERE id = $2", value, row["id"])
    assert await fetch_rows(f"SELECT {column} AS value FROM {table}") == [{"value": limit[column]}]


async def test_no_budget_no_limit(database, insert_row, count_rows, tenant_id):
    await insert_row(CouponBatch, tenant_id=tenant_id, budget=None, spent=10**9)
    assert await count_rows(CouponBatch) == 1


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
async def test_missing_one_is_named(database, invariant):
    await drop(invariant)
    try:
        assert await verify_invariants() == [invariant.name]
    finally:
        await ensure_invariants()
    assert await verify_invariants() == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_half_a_check_is_missing(database):
    """A check is two triggers on SQLite."""
    await execute("DROP TRIGGER coupon_batch__spent_check_on_update")
    assert await verify_invariants() == ["coupon_batch__spent_check"]


async def drop(invariant):
    postgres = is_postgres()
    for part in invariant.parts(postgres=postgres):
        if invariant not in CHECKS:
            await execute(f"DROP INDEX {part}")
        elif postgres:
            await execute(f"ALTER TABLE {invariant.table} DROP CONSTRAINT {part}")
        else:
            await execute(f"DROP TRIGGER {part}")
