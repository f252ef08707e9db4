"""Batches and codes: never more than was decided, once per key, and nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor, Role
from core.channels.contract import CouponKind
from core.coupons.batches import BatchView, create_batch, issue_coupons, load_batches
from core.coupons.house_codes import read_code
from core.db.inserts import insert_row
from core.db.statements import as_json, fetch_row, fetch_rows, write_together
from core.errors import BadInput, Forbidden, IdempotencyKeyReused
from core.ids import new_id
from core.keys import KeyRing
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

KEYS = KeyRing("a secret key for tests, 32 characters or more")
VOUCHER: dict[str, Any] = {
    "name": "开业券",
    "kind": CouponKind.CASH_VOUCHER,
    "quantity": 10,
    "face_value": 1000,
}
Make = Callable[..., Any]


@pytest.fixture
def owner(tenant_id: UUID) -> Actor:
    return Actor(tenant_id, new_id(), new_id(), Role.OWNER)


@pytest.fixture
def runtime(clock: ManualClock) -> Runtime:
    return cast("Runtime", SimpleNamespace(clock=clock, keys=KEYS))


@pytest.fixture
def create(database: Settings, runtime: Runtime, owner: Actor) -> Make:
    """Creates a batch of ten vouchers, but for `changes`."""

    async def make(**changes: Any) -> BatchView | list[UserProblem]:
        return await create_batch(runtime, changes.pop("actor", owner), **{**VOUCHER, **changes})

    return make


async def add_store(tenant_id: UUID) -> UUID:
    store_id = new_id()
    row = insert_row("store", id=store_id, tenant_id=tenant_id, name="店", time_zone="Asia/Shanghai")
    await write_together([row])
    return store_id


async def add_customer(tenant_id: UUID) -> UUID:
    customer_id = new_id()
    await write_together([insert_row("customer", id=customer_id, tenant_id=tenant_id)])
    return customer_id


async def count_rows(table: str, tenant_id: UUID) -> int:
    row = await fetch_row(f"SELECT count(*) AS n FROM {table} WHERE tenant_id = $1", tenant_id)
    return int(row["n"]) if row else -1


def describe(answer: object) -> list[tuple[ProblemCode, tuple[str, ...]]]:
    assert isinstance(answer, list)
    assert all(problem.message("en") for problem in answer)
    return [(problem.code, problem.field) for problem in answer]


# ------------------------------------------------------------------------------------------------- creating
async def test_a_batch_is_what_was_asked_for(create: Make, owner: Actor, clock: ManualClock) -> None:
    store_id = await add_store(owner.tenant_id)
    until = clock.now() + timedelta(days=30)
    batch = await create(
        times_each=3, per_customer=2, budget=5000, valid_until=until, store_ids=[store_id, store_id]
    )
    assert isinstance(batch, BatchView)
    assert (batch.quantity, batch.issued, batch.face_value, batch.times_each) == (10, 0, 1000, 3)
    assert (batch.per_customer, batch.budget, batch.spent) == (2, 5000, 0)
    assert (batch.valid_from, batch.valid_until, batch.store_ids) == (None, until, (store_id,))
    assert await load_batches(owner, [batch.id, new_id()]) == {batch.id: batch}
    entries = await fetch_rows("SELECT action, subject_id, details FROM audit_entry")
    assert [entry["action"] for entry in entries] == ["createCouponBatch"]
    assert as_json(entries[0]["details"])["quantity"] == 10


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": "  "}, "REQUIRED", "name"),
        ({"name": "券" * 121}, "TOO_LONG", "name"),
        ({"kind": CouponKind.UNRECOGNISED}, "INVALID", "kind"),
        ({"quantity": 0}, "TOO_SMALL", "quantity"),
        ({"quantity": 1_000_001}, "TOO_LARGE", "quantity"),
        ({"times_each": 0}, "TOO_SMALL", "timesEach"),
        ({"times_each": 1001}, "TOO_LARGE", "timesEach"),
        ({"per_customer": 0}, "TOO_SMALL", "perCustomer"),
        ({"face_value": None}, "REQUIRED", "faceValue"),
        ({"face_value": None, "kind": CouponKind.DISCOUNT}, "REQUIRED", "faceValue"),
        ({"face_value": 0}, "TOO_SMALL", "faceValue"),
        ({"face_value": 2_000_000_001}, "TOO_LARGE", "faceValue"),
        ({"budget": 0}, "TOO_SMALL", "budget"),
        ({"budget": 9, "face_value": None, "kind": CouponKind.SET_MEAL}, "NOT_ALLOWED", "budget"),
        ({"store_ids": []}, "INVALID", "storeIds"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_wrong_values_are_named(
    create: Make, owner: Actor, changes: dict[str, Any], code: str, field: str
) -> None:
    assert describe(await create(**changes)) == [(ProblemCode(code), (field,))]
    assert await count_rows("coupon_batch", owner.tenant_id) == 0
    assert await count_rows("audit_entry", owner.tenant_id) == 0


async def test_all_problems_come_at_once(create: Make, owner: Actor) -> None:
    answer = await create(name="", quantity=0, face_value=-1)
    assert [field for _, field in describe(answer)] == [("name",), ("quantity",), ("faceValue",)]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_validity_must_last(create: Make, clock: ManualClock) -> None:
    now, hour = clock.now(), timedelta(hours=1)
    wrong = [(now + hour, now + hour), (now + hour, now), (None, now), (None, now - hour)]
    for valid_from, valid_until in wrong:
        answer = await create(valid_from=valid_from, valid_until=valid_until)
        assert describe(answer) == [(ProblemCode.TOO_SMALL, ("validUntil",))]
    assert isinstance(await create(valid_from=now - hour, valid_until=now + hour), BatchView)


async def test_stores_must_be_the_merchants(create: Make, owner: Actor) -> None:
    mine, foreign = await add_store(owner.tenant_id), await add_store(new_id())
    answer = await create(store_ids=[mine, foreign])
    assert describe(answer) == [(ProblemCode.NOT_FOUND, ("storeIds", "1"))]
    assert await count_rows("coupon_batch", owner.tenant_id) == 0


async def test_who_is_bound_to_stores_names_them(create: Make, owner: Actor) -> None:
    mine, other = await add_store(owner.tenant_id), await add_store(owner.tenant_id)
    manager = replace(owner, role=Role.MANAGER, store_ids=frozenset({mine}))
    assert describe(await create(actor=manager)) == [(ProblemCode.REQUIRED, ("storeIds",))]
    answer = await create(actor=manager, store_ids=[other])
    assert describe(answer) == [(ProblemCode.NOT_FOUND, ("storeIds", "0"))]
    assert isinstance(await create(actor=manager, store_ids=[mine]), BatchView)


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_only_management_may(create: Make, runtime: Runtime, owner: Actor, role: Role) -> None:
    batch = await create()
    actor = replace(owner, role=role)
    with pytest.raises(Forbidden):
        await create(actor=actor)
    with pytest.raises(Forbidden):
        await issue_coupons(runtime, actor, batch.id, 1, "key")
    assert await count_rows("house_coupon", owner.tenant_id) == 0


async def test_batches_of_others_are_not_seen(create: Make, owner: Actor) -> None:
    batch = await create()
    assert await load_batches(replace(owner, tenant_id=new_id()), [batch.id]) == {}
    customer = replace(owner, role=Role.CUSTOMER, customer_id=owner.actor_id)
    assert await load_batches(customer, [batch.id]) == {}


# ------------------------------------------------------------------------------------------------- issuing
async def test_codes_are_new_and_sealed(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create()
    codes = await issue_coupons(runtime, owner, batch.id, 5, "key")
    assert isinstance(codes, tuple)
    assert len(set(codes)) == 5
    assert all(len(code) == 17 and read_code(code.replace("-", "")) for code in codes)
    rows = await fetch_rows("SELECT * FROM house_coupon WHERE tenant_id = $1", owner.tenant_id)
    assert {row["code_tail"] for row in rows} == {code.replace("-", "")[-4:] for code in codes}
    stored = [
        *rows,
        *await fetch_rows("SELECT * FROM coupon_issue"),
        *await fetch_rows("SELECT * FROM audit_entry"),
    ]
    assert not any(code.replace("-", "") in repr(stored) for code in codes)
    assert (await load_batches(owner, [batch.id]))[batch.id].issued == 5


async def test_a_repeat_gets_the_same_codes(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create()
    first = await issue_coupons(runtime, owner, batch.id, 10, "key")
    assert await issue_coupons(runtime, owner, batch.id, 10, "key") == first
    assert await count_rows("house_coupon", owner.tenant_id) == 10


async def test_concurrent_repeats_get_the_same_codes(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create(quantity=3)
    issues = (issue_coupons(runtime, owner, batch.id, 3, "key") for _ in range(8))
    answers = await asyncio.gather(*issues)
    assert isinstance(answers[0], tuple)
    assert all(answer == answers[0] for answer in answers)
    assert await count_rows("house_coupon", owner.tenant_id) == 3


async def test_a_key_is_for_one_input(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch, other = await create(), await create()
    await issue_coupons(runtime, owner, batch.id, 1, "key")
    for batch_id, quantity in [(batch.id, 2), (other.id, 1)]:
        with pytest.raises(IdempotencyKeyReused):
            await issue_coupons(runtime, owner, batch_id, quantity, "key")
    assert await count_rows("house_coupon", owner.tenant_id) == 1
    colleague = replace(owner, actor_id=new_id())
    assert isinstance(await issue_coupons(runtime, colleague, batch.id, 2, "key"), tuple)


@pytest.mark.parametrize("key", ["", "k" * 256])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_key_has_its_limits(create: Make, runtime: Runtime, owner: Actor, key: str) -> None:
    batch = await create()
    with pytest.raises(BadInput) as caught:
        await issue_coupons(runtime, owner, batch.id, 1, key)
    assert caught.value.field == ("idempotencyKey",)


async def test_a_thousand_at_once(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create(quantity=3000)
    too_many = await issue_coupons(runtime, owner, batch.id, 1001, "key")
    assert describe(too_many) == [(ProblemCode.TOO_LARGE, ("quantity",))]
    none = await issue_coupons(runtime, owner, batch.id, 0, "key")
    assert describe(none) == [(ProblemCode.TOO_SMALL, ("quantity",))]
    codes = await issue_coupons(runtime, owner, batch.id, 1000, "key")
    assert len(set(codes)) == 1000


async def test_not_more_than_the_batch_has(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create(quantity=5)
    await issue_coupons(runtime, owner, batch.id, 3, "first")
    answer = await issue_coupons(runtime, owner, batch.id, 3, "second")
    assert describe(answer) == [(ProblemCode.TOO_LARGE, ("quantity",))]
    assert answer[0].values == {"limit": 2}  # type: ignore[union-attr]
    assert await count_rows("house_coupon", owner.tenant_id) == 3
    assert await count_rows("coupon_issue", owner.tenant_id) == 1


async def test_twenty_issuers_never_exceed_it(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create(quantity=25)
    issues = (issue_coupons(runtime, owner, batch.id, 2, f"key {number}") for number in range(20))
    answers = await asyncio.gather(*issues)
    assert len([answer for answer in answers if isinstance(answer, tuple)]) == 12
    assert {code for answer in answers if isinstance(answer, list) for code, _ in describe(answer)} == {
        ProblemCode.TOO_LARGE
    }
    assert await count_rows("house_coupon", owner.tenant_id) == 24
    assert (await load_batches(owner, [batch.id]))[batch.id].issued == 24


async def test_a_customers_limit_holds(create: Make, runtime: Runtime, owner: Actor) -> None:
    batch = await create(quantity=100, per_customer=5)
    customer, other = await add_customer(owner.tenant_id), await add_customer(owner.tenant_id)
    issues = (issue_coupons(runtime, owner, batch.id, 2, f"key {n}", customer) for n in range(10))
    answers = await asyncio.gather(*issues)
    assert len([answer for answer in answers if isinstance(answer, tuple)]) == 2
    assert {problem for answer in answers if isinstance(answer, list) for problem in describe(answer)} == {
        (ProblemCode.NOT_ALLOWED, ("customerId",))
    }
    assert isinstance(await issue_coupons(runtime, owner, batch.id, 1, "last", customer), tuple)
    assert isinstance(await issue_coupons(runtime, owner, batch.id, 5, "other", other), tuple)
    assert isinstance(await issue_coupons(runtime, owner, batch.id, 9, "nobody's"), tuple)
    assert await count_rows("house_coupon", owner.tenant_id) == 19


async def test_what_is_not_there_is_named(
    create: Make, runtime: Runtime, owner: Actor, clock: ManualClock
) -> None:
    batch = await create(valid_until=clock.now() + timedelta(hours=1))
    stranger = await add_customer(new_id())
    answer = await issue_coupons(runtime, owner, batch.id, 1, "key", stranger)
    assert describe(answer) == [(ProblemCode.NOT_FOUND, ("customerId",))]
    foreign = await issue_coupons(runtime, replace(owner, tenant_id=new_id()), batch.id, 1, "key")
    assert describe(foreign) == [(ProblemCode.NOT_FOUND, ("batchId",))]
    clock.advance(timedelta(hours=1))
    late = await issue_coupons(runtime, owner, batch.id, 1, "key")
    assert describe(late) == [(ProblemCode.NOT_ALLOWED, ("batchId",))]
    assert await count_rows("house_coupon", owner.tenant_id) == 0
