"""Our short way through an operation answers exactly what graphql-core's own executor answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import ExecutionResult, execute_sync, parse
from graphql.execution import Executor

from core.channels.contract import CouponKind
from core.coupons.values import RedemptionStatus
from schema.resolvers import LeafExecutor, LeafReader
from schema.roots import build_schema

SCHEMA = build_schema()._schema
CORPUS = [
    "{ __typename stores { id name timeZone } }",
    "{ stores { ...F a: name } } fragment F on Store { name ... on Node { id __typename } }",
    "{ stores { name @skip(if: true) id @include(if: true) } }",
    '{ __schema { queryType { name } } __type(name: "Store") { kind fields { name } } }',
    '{ node(id: "x") { id ... on Coupon { code kind status validFrom timesTotal faceValue { amount } } } }',
    '{ node(id: "x") { ... on Redemption { status times declineCode } ... on Store { name } } }',
]
VALUES: list[dict[str, Any]] = [
    {},
    {"kind": CouponKind.DISCOUNT, "timesTotal": 3},
    {"kind": None},
    {"kind": "NONSENSE"},
    {"code": None},
    {"code": {"not": "text"}},
    {"times_total": "many"},
    {"times_total": 2**40},
    {"valid_from": "soon"},
]


@pytest.mark.parametrize("query", CORPUS)
@pytest.mark.parametrize("changes", VALUES)
def test_same_answer_as_stock(query: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    store = SimpleNamespace(id="s", name="First", time_zone="Asia/Shanghai")
    coupon = make_coupon(changes)
    fields = SCHEMA.query_type.fields  # type: ignore[union-attr]
    monkeypatch.setattr(fields["stores"], "resolve", lambda *_: [store, store])
    monkeypatch.setattr(fields["node"], "resolve", lambda *_, **__: coupon)
    monkeypatch.setattr(SCHEMA.type_map["Node"], "resolve_type", lambda *_: "Coupon")
    monkeypatch.setattr(SCHEMA.type_map["Coupon"], "is_type_of", None)
    monkeypatch.setattr(SCHEMA.type_map["Store"], "is_type_of", None)
    ours, stock = (run(query, executor) for executor in (LeafExecutor, Executor))
    assert ours.data == stock.data
    assert [error.formatted for error in ours.errors or ()] == [
        error.formatted for error in stock.errors or ()
    ]


def test_most_fields_take_the_short_way() -> None:
    coupon = SCHEMA.type_map["Coupon"].fields  # type: ignore[attr-defined]
    short = {name for name, field in coupon.items() if isinstance(field.resolve, LeafReader)}
    assert {"id", "code", "kind", "status", "validUntil"} <= short
    assert not short & {"channel", "account", "faceValue"}


def test_inputs_become_their_classes() -> None:
    field = build_schema()._schema.query_type.fields["redemptions"]  # type: ignore[union-attr]
    kind = field.args["filter"].type
    value = kind.out_type({"status": [RedemptionStatus.SUCCEEDED]})
    assert (type(value).__name__, value.status, value.store_id) == (
        "RedemptionFilter",
        [RedemptionStatus.SUCCEEDED],
        None,
    )


def make_coupon(changes: dict[str, Any]) -> SimpleNamespace:
    values: dict[str, Any] = {
        "id": "c",
        "code": "1234",
        "kind": CouponKind.SET_MEAL,
        "status": "AVAILABLE",
        "title": "t",
        "times_total": 1,
        "times_remaining": 1,
        "valid_from": None,
        "valid_until": None,
        "face_value": None,
    }
    return SimpleNamespace(**{**values, **changes})


def run(query: str, executor: type[Executor[Any]]) -> ExecutionResult:
    return execute_sync(SCHEMA, parse(query), executor_class=executor)
