from __future__ import annotations

import re
from typing import Any

import pytest
from structlog.testing import capture_logs

CODE = "123456789012"
PYTHON = re.compile(r"None|Traceback|Error\b|object at|<class|\bdict\b|\bstr\b|GlobalID|datetime")
SUGGESTION = re.compile(r"(?i)did you mean|perhaps")
REDEEM = "mutation($i: RedeemCouponsInput!) { redeemCoupons(input: $i) { outcome } }"

BAD, INVALID, UNPARSED = "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"
LOOKUP = '{ couponLookup(storeId: "x", %s) { coupons { id } } }'
LISTED = "{ redemptions(%s) { totalCount } }"
BATCH = "mutation { createCouponBatch(input: %s) { batch { id } } }"
LITERALS = {
    "instant without offset": (LISTED % 'filter: {since: "2026-05-01T10:00:00"}', BAD),
    "date only": (LISTED % 'filter: {until: "2026-05-01"}', BAD),
    "NaN": (BATCH % '{name: "a", kind: DISCOUNT, quantity: 1, faceValue: "NaN"}', BAD),
    "enum typo": (LISTED % "filter: {status: [SUCCEDED]}", INVALID),
    "field typo": ("{ redemtions { totalCount } }", INVALID),
    "argument typo": (LISTED % "frist: 1", INVALID),
    "input typo": (LISTED % 'filter: {chanel: "x"}', INVALID),
    "type typo": ("query($f: RedemptionFiltr) { redemptions(filter: $f) { totalCount } }", INVALID),
    "fragment typo": ("{ ...F } fragment F on Qery { __typename }", INVALID),
    "code as a number": (LOOKUP % f"code: {CODE}", INVALID),
    "code out of place": (LOOKUP % f'"{CODE}"', UNPARSED),
    "number out of place": (LOOKUP % CODE, UNPARSED),
}


@pytest.mark.parametrize(("query", "code"), LITERALS.values(), ids=LITERALS.keys())
async def test_wrong_document(bare: Any, query: str, code: str) -> None:
    answer = await bare.ask(query)
    assert code in {error["extensions"]["code"] for error in answer["errors"]}
    expect_discretion(answer)


def basket(*codes: Any, **others: Any) -> dict[str, Any]:
    return {"storeId": "x", "codes": list(codes), "idempotencyKey": "k", **others}


VARIABLES: dict[str, tuple[Any, list[str]]] = {
    "missing": (None, ["i"]),
    "another type": ([], ["i"]),
    "field missing": ({"codes": [], "idempotencyKey": "k"}, ["i", "storeId"]),
    "unknown field": (basket(tenant=CODE), ["i", "tenant"]),
    "number for a code": (basket({"code": int(CODE)}), ["i", "codes", "0", "code"]),
    "object for a code": (basket({"code": {"x": CODE}}), ["i", "codes", "0", "code"]),
    "count too large": (basket({"code": "a", "count": 2**31}), ["i", "codes", "0", "count"]),
    "null in a list": (basket(None), ["i", "codes", "0"]),
}


@pytest.mark.parametrize(("given", "field"), VARIABLES.values(), ids=VARIABLES.keys())
async def test_wrong_variables(bare: Any, given: Any, field: list[str]) -> None:
    answer = await bare.ask(REDEEM, **({} if given is None else {"i": given}))
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert field in [error["extensions"]["field"] for error in answer["errors"]]
    assert "data" not in answer
    expect_discretion(answer)


async def test_no_token_no_answer(bare: Any) -> None:
    answer = await bare.ask("{ channels { code } }")
    (error,) = answer["errors"]
    assert (error["extensions"], error["path"]) == ({"code": "UNAUTHENTICATED"}, ["channels"])
    assert answer["data"] is None


@pytest.mark.parametrize("header", ["Bearer", "Basic eDp5", "hx_abc", "Bearer "])
async def test_header_without_bearer_token(bare: Any, header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def refuse(token: str) -> None:
        asked.append(token)
        raise AssertionError

    monkeypatch.setattr("schema.context.authenticate", refuse)
    bare.headers["authorization"] = header
    answer = await bare.ask("{ __typename }")
    assert answer["data"] == {"__typename": "Query"}
    assert asked == []


async def test_fault_is_masked_and_logged(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(token: str) -> None:
        raise RuntimeError(f"no row for {CODE}")

    monkeypatch.setattr("schema.context.authenticate", fail)
    bare.token = "hx_whoever"
    with capture_logs() as logs:
        answer = await bare.ask("{ channels { code } }")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert [entry["error_id"] for entry in logs] == [error["extensions"]["id"]]
    assert CODE not in str(logs)
    expect_discretion(answer)


async def test_null_where_none_may_be(bare: Any) -> None:
    query = 'query($c: String = "x") { couponLookup(storeId: "x", code: $c) { coupons { id } } }'
    (error,) = (await bare.ask(query, c=None))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_which_operation_is_meant(bare: Any) -> None:
    document = "query A { __typename } query B { a: __typename }"
    chosen = await bare.post(document, operationName="B")
    unclear, unknown = await bare.post(document), await bare.post(document, operationName="C")
    assert chosen.json()["data"] == {"a": "Query"}
    for response in (unclear, unknown):
        assert response.json()["errors"][0]["extensions"] == {
            "code": "BAD_USER_INPUT",
            "field": ["operationName"],
        }


def expect_discretion(answer: dict[str, Any]) -> None:
    """No text of Python, no suggestion, and nothing of what may be a coupon code."""
    for error in answer["errors"]:
        text = error["message"].replace("Syntax Error:", "")
        assert not PYTHON.search(text), text
        assert not SUGGESTION.search(text), text
        assert CODE not in str(answer)
