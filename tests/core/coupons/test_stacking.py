"""What may combine, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from core.access.problems import ProblemCode
from core.access.values import Actor, Role
from core.channels.contract import CouponKind, Refusal
from core.coupons import stacking
from core.coupons.stacking import (
    BasketItem,
    StackingRule,
    find_violations,
    load_rules,
    read_rule,
    set_stacking_rules,
    show_rule,
)
from core.db.statements import as_json, execute, fetch_rows
from core.errors import Forbidden
from core.ids import new_id
from core.settings import Settings

CASH, MEAL = CouponKind.CASH_VOUCHER, CouponKind.SET_MEAL
BASKET = (
    BasketItem(0, "douyin", CASH),
    BasketItem(1, "meituan", MEAL, 2),
    BasketItem(2, "house", CASH),
)


@pytest.fixture
def owner(tenant_id: UUID) -> Actor:
    return Actor(tenant_id, new_id(), new_id(), Role.OWNER)


def rule(**given: Any) -> StackingRule:
    read = read_rule(given)
    assert isinstance(read, StackingRule)
    return read


def find(
    given: dict[str, Any], basket: tuple[BasketItem, ...] = BASKET, spend: int | None = None
) -> list[int]:
    found = find_violations([rule(**given)], basket, spend)
    expected = Refusal.MINIMUM_SPEND_NOT_MET if "amount" in given else Refusal.NOT_STACKABLE
    assert {reason for _, reason, _ in found} <= {expected}
    return [index for index, _, _ in found]


def test_without_rules_everything_combines() -> None:
    assert find_violations([], BASKET) == []


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"rule": "max_per_order", "count": 4}, []),
        ({"rule": "max_per_order", "count": 3}, [2]),
        ({"rule": "max_per_order", "count": 1}, [1, 2]),
        ({"rule": "max_per_order", "count": 1, "kind": "CASH_VOUCHER"}, [2]),
        ({"rule": "max_per_order", "count": 1, "channel": "meituan"}, [1]),
        ({"rule": "max_per_order", "count": 0, "channel": "douyin", "kind": "CASH_VOUCHER"}, [0]),
        ({"rule": "max_per_order", "count": 0, "channel": "douyin", "kind": "SET_MEAL"}, []),
        ({"rule": "exclusive_channel", "channel": "meituan"}, [1]),
        ({"rule": "exclusive_channel", "channel": "koubei"}, []),
        ({"rule": "exclusive_kind", "kind": "CASH_VOUCHER"}, [0, 2]),
        ({"rule": "exclusive_kind", "kind": "DISCOUNT"}, []),
        ({"rule": "never_together", "channels": ["house", "meituan"]}, [2]),
        ({"rule": "never_together", "channels": ["house", "koubei"]}, []),
    ],
)
def test_each_rule(given: dict[str, Any], refused: list[int]) -> None:
    assert find(given) == refused


def test_exclusive_coupons_may_be_alone() -> None:
    alone = (BasketItem(0, "meituan", MEAL), BasketItem(1, "meituan", CASH))
    assert find({"rule": "exclusive_channel", "channel": "meituan"}, alone) == []
    assert find({"rule": "exclusive_kind", "kind": "SET_MEAL"}, alone) == [0]


def test_a_minimum_needs_the_orders_total() -> None:
    given = {"rule": "minimum_spend", "amount": 10000, "channel": "house"}
    assert find(given, spend=9999) == [2]
    assert find(given, spend=10000) == []
    assert find(given, spend=None) == []


def test_several_coupons_of_a_code_are_named_once() -> None:
    basket = tuple(BasketItem(0, "meituan", MEAL) for _ in range(3))
    assert find({"rule": "max_per_order", "count": 1}, basket) == [0]


@pytest.mark.parametrize(
    "given",
    [
        {"rule": "max_per_order", "count": 2, "kind": "SET_MEAL"},
        {"rule": "exclusive_channel", "channel": "meituan"},
        {"rule": "exclusive_kind", "kind": "DISCOUNT"},
        {"rule": "never_together", "channels": ["douyin", "house"]},
        {"rule": "minimum_spend", "amount": 10000},
    ],
)
def test_rules_read_as_they_are_written(given: dict[str, Any]) -> None:
    assert show_rule(rule(**given)) == given


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "INVALID", "rule"),
        ({"rule": "no_such"}, "INVALID", "rule"),
        ({"rule": ["max_per_order"]}, "INVALID", "rule"),
        ({"rule": "max_per_order"}, "REQUIRED", "count"),
        ({"rule": "max_per_order", "count": True}, "INVALID", "count"),
        ({"rule": "max_per_order", "count": -1}, "INVALID", "count"),
        ({"rule": "max_per_order", "count": 1, "amount": 5}, "INVALID", "amount"),
        ({"rule": "max_per_order", "count": 1, "colour": "red"}, "INVALID", "colour"),
        ({"rule": "exclusive_channel", "channel": ""}, "INVALID", "channel"),
        ({"rule": "exclusive_kind", "kind": "VOUCHER"}, "INVALID", "kind"),
        ({"rule": "exclusive_kind", "kind": ["SET_MEAL"]}, "INVALID", "kind"),
        ({"rule": "never_together", "channels": ["house", "house"]}, "INVALID", "channels"),
        ({"rule": "never_together", "channels": "house"}, "INVALID", "channels"),
        ({"rule": "minimum_spend", "amount": 0}, "INVALID", "amount"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_wrong_rules_are_named(
    database: Settings, owner: Actor, given: dict[str, Any], code: str, field: str
) -> None:
    good = {"rule": "max_per_order", "count": 1}
    answer = await set_stacking_rules(owner, [good, given])
    assert isinstance(answer, list)
    assert [(problem.code, problem.field) for problem in answer] == [
        (ProblemCode(code), ("rules", "1", field))
    ]
    assert await load_rules(owner.tenant_id) == ()


async def test_setting_replaces_the_rules(database: Settings, owner: Actor) -> None:
    first, second = {"rule": "max_per_order", "count": 1}, {"rule": "exclusive_kind", "kind": "DISCOUNT"}
    assert await set_stacking_rules(owner, [first]) == (rule(**first),)
    assert await load_rules(owner.tenant_id) == (rule(**first),)
    await set_stacking_rules(owner, [second, first])
    assert await load_rules(owner.tenant_id) == (rule(**second), rule(**first))
    assert await load_rules(new_id()) == ()
    entries = await fetch_rows(
        "SELECT details FROM audit_entry WHERE action = 'setStackingRules' ORDER BY id"
    )
    assert [as_json(entry["details"]) for entry in entries] == [
        {"rules": [first]},
        {"rules": [second, first]},
    ]


async def test_known_rules_cost_no_query(
    database: Settings, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("asked the database")

    await set_stacking_rules(owner, [{"rule": "max_per_order", "count": 1}])
    known = await load_rules(owner.tenant_id)
    monkeypatch.setattr(stacking, "fetch_rows", refuse)
    assert await load_rules(owner.tenant_id) == known


async def test_inactive_rules_do_not_count(database: Settings, owner: Actor) -> None:
    await set_stacking_rules(owner, [{"rule": "max_per_order", "count": 1}])
    await execute("UPDATE stacking_rule SET active = $1 WHERE tenant_id = $2", False, owner.tenant_id)
    assert await load_rules(owner.tenant_id) == ()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_only_management_sets_rules(database: Settings, owner: Actor) -> None:
    with pytest.raises(Forbidden):
        await set_stacking_rules(replace(owner, role=Role.STAFF), [])
    too_many = await set_stacking_rules(owner, [{"rule": "max_per_order", "count": 1}] * 51)
    assert isinstance(too_many, list)
    assert [problem.code for problem in too_many] == [ProblemCode.TOO_LARGE]
    assert await load_rules(owner.tenant_id) == ()
