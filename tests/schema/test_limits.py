from __future__ import annotations

import time
from typing import Any

import pytest

LIST = "redemptions(first: %s) { edges { node { id } } }"


async def test_cost_is_reported(bare: Any) -> None:
    answer = await bare.ask("{ redemptions(first: 50) { edges { node { id } } totalCount } }")
    assert answer["extensions"]["cost"] == {"requested": 1 + 50 * 4, "limit": 5_000, "depth": 4}


async def test_page_size_defaults(bare: Any) -> None:
    answer = await bare.ask("{ redemptions { totalCount } }")
    assert answer["extensions"]["cost"]["requested"] == 1 + 20


async def test_variables_count(bare: Any) -> None:
    query = "query($n: Int = 30) { redemptions(first: $n) { totalCount } }"
    given, default = await bare.ask(query, n=7), await bare.ask(query)
    assert given["extensions"]["cost"]["requested"] == 1 + 7
    assert default["extensions"]["cost"]["requested"] == 1 + 30


async def test_dear_document_refused(bare: Any) -> None:
    fields = " ".join(f"a{n}: {LIST % 100}" for n in range(20))
    await expect_refusal(bare, f"{{ {fields} }}")


async def test_dear_variables_refused(bare: Any) -> None:
    fields = " ".join(f"a{n}: {LIST % '$n'}" for n in range(20))
    answer = await bare.ask(f"query($n: Int) {{ {fields} }}", n=100)
    assert answer["errors"][0]["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
    assert "data" not in answer


async def test_refusal_reports_the_cost(bare: Any) -> None:
    fields = " ".join(f"a{n}: {LIST % 100}" for n in range(20))
    cost = (await bare.ask(f"{{ {fields} }}"))["extensions"]["cost"]
    assert cost == {"requested": 20 * 301, "limit": 5_000, "depth": 4}


async def test_deep_document_refused(bare: Any) -> None:
    nested = "node(id: 1) { id " * 1 + "... on Redemption { coupon { account { channel { code } } } }" + "}"
    assert (await bare.ask(f"{{ {nested} }}"))["extensions"]["cost"]["depth"] == 5
    deep = "{ " + "stores { " * 13 + "id" + " }" * 14
    await expect_refusal(bare, deep)


async def test_fragment_bomb_is_linear(bare: Any) -> None:
    """Each of a hundred fragments spreads the next one twice: 2^100 fields, if they were counted one by one."""
    fragments = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(100)]
    fragments.append("fragment F100 on Query { __typename }")
    started = time.process_time()
    await expect_refusal(bare, f"{{ ...F0 }} {' '.join(fragments)}")
    assert time.process_time() - started < 0.5


async def test_nested_levels_are_linear(bare: Any) -> None:
    """Thirty levels of fields through fragments, each twice: too deep, and told so at once."""
    fragments = [
        f"fragment F{n} on Redemption {{ a: coupon {{ ...F{n + 1} }} b: coupon {{ ...F{n + 1} }} }}"
        for n in range(30)
    ]
    fragments.append("fragment F30 on Redemption { id }")
    started = time.process_time()
    await expect_refusal(bare, f"{{ redemptions {{ edges {{ node {{ ...F0 }} }} }} }} {' '.join(fragments)}")
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "fragments", ["fragment A on Query { ...A }", "fragment A on Query { ...B } fragment B on Query { ...A }"]
)
async def test_fragment_cycles_refused(bare: Any, fragments: str) -> None:
    answer = await bare.ask(f"{{ ...A }} {fragments}")
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_same_field_a_thousand_times(bare: Any) -> None:
    started = time.process_time()
    answer = await bare.ask("{ " + "__typename " * 1_900 + "}")
    assert time.process_time() - started < 2
    assert "errors" in answer or answer["data"] == {"__typename": "Query"}


async def test_too_many_tokens_refused(bare: Any) -> None:
    answer = await bare.ask("{ " + "__typename " * 3_000 + "}")
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert "data" not in answer


REDEEM = 'redeemCoupons(input: {storeId: "x", codes: [], idempotencyKey: "k"}) { outcome }'


@pytest.mark.parametrize(
    "document",
    [
        f"mutation {{ a: {REDEEM} b: {REDEEM} }}",
        f"mutation {{ {REDEEM} ...F }} fragment F on Mutation {{ b: {REDEEM} }}",
        f"mutation {{ ... on Mutation {{ a: {REDEEM} }} ... {{ b: {REDEEM} }} }}",
        f"mutation {{ ...F ...F }} fragment F on Mutation {{ {REDEEM} }}",
        f"mutation A {{ {REDEEM} }} mutation B {{ {REDEEM} }}",
    ],
    ids=["aliases", "fragment", "inline", "twice the same", "two operations"],
)
async def test_one_redemption_per_document(bare: Any, document: str) -> None:
    answer = await bare.ask(document)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["COST_LIMIT_EXCEEDED"]
    assert "redeemCoupons" in answer["errors"][0]["message"]


async def test_introspection_has_its_price(bare: Any) -> None:
    once = await bare.ask("{ __schema { types { name } } }")
    assert once["extensions"]["cost"]["requested"] == 1_000
    await expect_refusal(
        bare, "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(6)) + " }"
    )


async def test_introspection_bomb_refused(bare: Any) -> None:
    answer = await bare.ask(
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    )
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def expect_refusal(client: Any, document: str) -> None:
    answer = await client.ask(document)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["COST_LIMIT_EXCEEDED"]
    assert "data" not in answer
