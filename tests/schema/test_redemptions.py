from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.access.values import Role

LOOK_UP = """query($store: ID!, $code: String!) { couponLookup(storeId: $store, code: $code) {
  coupons { id code status kind faceValue { amount currencyCode } channel { code } timesRemaining }
  probes { outcome reason channel { code } account { id } }
  userErrors { code message staffMessage field channel { code } }
} }"""
REDEEM = """mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) {
  outcome
  redemptions { id status times discount { amount } redeemedAt coupon { code status } store { name } channel { code } }
  userErrors { code message staffMessage field redeemedAt store { name } }
} }"""
REVERSE = """mutation($input: ReverseRedemptionInput!) { reverseRedemption(input: $input) {
  redemption { id status reversedAt } userErrors { code field }
} }"""
LIST = """query($first: Int, $after: String, $filter: RedemptionFilter) {
  redemptions(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id status } } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} }"""


def basket(shop: Any, *codes: str, key: str = "first") -> dict[str, Any]:
    return {"storeId": shop.store, "codes": [{"code": code} for code in codes], "idempotencyKey": key}


async def redeem(client: Any, shop: Any, *codes: str, key: str = "first") -> dict[str, Any]:
    return dict((await client.fetch(REDEEM, input=basket(shop, *codes, key=key)))["redeemCoupons"])


async def test_lookup_uses_nothing_up(shop: Any) -> None:
    (code,) = await shop.issue()
    for _ in range(2):
        found = (await shop.client(Role.POS).fetch(LOOK_UP, store=shop.store, code=code))["couponLookup"]
        (coupon,) = found["coupons"]
        assert (coupon["status"], coupon["timesRemaining"]) == ("AVAILABLE", 1)
        assert coupon["faceValue"] == {"amount": "10.00", "currencyCode": "CNY"}
        assert found["probes"] == [
            {"outcome": "FOUND", "reason": None, "channel": {"code": "house"}, "account": None}
        ]
        assert found["userErrors"] == []


async def test_unknown_code_has_two_messages(shop: Any) -> None:
    found = await shop.client(Role.STAFF).fetch(LOOK_UP, store=shop.store, code="123456789012")
    (error,) = found["couponLookup"]["userErrors"]
    assert (error["code"], error["field"]) == ("UNKNOWN_CODE", ["code"])
    assert error["message"] != error["staffMessage"] is not None


async def test_customers_see_no_probes(shop: Any) -> None:
    (code,) = await shop.issue()
    customer = shop.client(Role.CUSTOMER)
    found = (await customer.fetch(LOOK_UP, store=shop.store, code=code))["couponLookup"]
    unknown = (await customer.fetch(LOOK_UP, store=shop.store, code="123456789012"))["couponLookup"]
    assert (len(found["coupons"]), found["probes"], unknown["probes"]) == (1, [], [])
    assert unknown["userErrors"][0]["staffMessage"] is None


async def test_messages_in_both_languages(shop: Any) -> None:
    english = await shop.client(Role.POS).fetch(LOOK_UP, store=shop.store, code="123456789012")
    client = shop.client(Role.POS, **{"accept-language": "zh-CN"})
    chinese = await client.fetch(LOOK_UP, store=shop.store, code="123456789012")
    first, second = (each["couponLookup"]["userErrors"][0] for each in (english, chinese))
    assert first["code"] == second["code"]
    assert first["message"].isascii()
    assert not second["message"].isascii()


async def test_redeeming_once(shop: Any) -> None:
    (code,) = await shop.issue()
    done = await redeem(shop.client(Role.POS), shop, code)
    (redemption,) = done["redemptions"]
    assert (done["outcome"], redemption["status"], redemption["times"]) == ("REDEEMED", "SUCCEEDED", 1)
    assert redemption["discount"] == {"amount": "10.00"}
    assert redemption["redeemedAt"].endswith("Z")
    assert (redemption["store"], redemption["channel"]) == ({"name": "First"}, {"code": "house"})
    assert redemption["coupon"]["code"] in (code.replace("-", "")[-4:], code)


async def test_redeeming_twice_is_refused(shop: Any) -> None:
    (code,) = await shop.issue()
    await redeem(shop.client(Role.POS), shop, code)
    again = await redeem(shop.client(Role.STAFF), shop, code, key="second")
    (error,) = again["userErrors"]
    assert (again["outcome"], error["code"], error["field"]) == (
        "DECLINED",
        "ALREADY_REDEEMED",
        ["codes", "0"],
    )
    assert error["redeemedAt"] is not None
    assert error["store"] == {"name": "First"}
    assert (await shop.client().fetch(LIST, filter={"status": ["SUCCEEDED"]}))["redemptions"][
        "totalCount"
    ] == 1


async def test_same_key_same_answer(shop: Any) -> None:
    (code,) = await shop.issue()
    client = shop.client(Role.POS)
    first, second = await asyncio.gather(redeem(client, shop, code), redeem(client, shop, code))
    assert first["outcome"] == second["outcome"] == "REDEEMED"
    assert [each["id"] for each in first["redemptions"]] == [each["id"] for each in second["redemptions"]]
    assert (await shop.client().fetch(LIST))["redemptions"]["totalCount"] == 1


async def test_same_key_other_input(shop: Any) -> None:
    one, two = await shop.issue(2)
    client = shop.client(Role.POS)
    await redeem(client, shop, one)
    answer = await client.ask(REDEEM, input=basket(shop, two))
    assert answer["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert answer["data"] is None
    assert (await shop.client().fetch(LIST))["redemptions"]["totalCount"] == 1


async def test_faults_in_the_readers_language(shop: Any) -> None:
    one, two = await shop.issue(2)
    await redeem(shop.client(Role.POS), shop, one)
    messages = []
    for language in ("en", "zh-CN"):
        client = shop.client(Role.POS, **{"accept-language": language})
        answer = await client.ask(REDEEM, input=basket(shop, two))
        assert answer["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
        messages.append(answer["errors"][0]["message"])
    assert messages[0].isascii()
    assert not messages[1].isascii()


async def test_all_or_nothing(shop: Any) -> None:
    (code,) = await shop.issue()
    done = await redeem(shop.client(Role.POS), shop, code, "123456789012")
    assert done["outcome"] == "DECLINED"
    assert [error["field"] for error in done["userErrors"]] == [["codes", "1"]]
    found = await shop.client(Role.POS).fetch(LOOK_UP, store=shop.store, code=code)
    assert found["couponLookup"]["coupons"][0]["status"] == "AVAILABLE"


async def test_reversal_gives_it_back(shop: Any) -> None:
    (code,) = await shop.issue()
    done = await redeem(shop.client(Role.POS), shop, code)
    wanted = {"redemptionId": done["redemptions"][0]["id"], "reason": "wrong table", "idempotencyKey": "r"}
    taken_back = (await shop.client(Role.MANAGER).fetch(REVERSE, input=wanted))["reverseRedemption"]
    assert taken_back["redemption"]["status"] == "REVERSED"
    assert taken_back["redemption"]["reversedAt"].endswith("Z")
    assert taken_back["userErrors"] == []
    assert (await redeem(shop.client(Role.POS), shop, code, key="again"))["outcome"] == "REDEEMED"


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("storeId", "x", ["storeId"]),
        ("orderId", "T3JkZXI", ["orderId"]),
        ("idempotencyKey", "", ["idempotencyKey"]),
        ("idempotencyKey", "k" * 256, ["idempotencyKey"]),
        ("codes", [], ["codes"]),
        ("codes", [{"code": "a", "couponIds": ["x"]}], ["codes", "0", "couponIds", "0"]),
        ("codes", [{"code": "a", "accountId": "x"}], ["codes", "0", "accountId"]),
        ("codes", [{"code": "a", "count": 0}], ["codes", "0", "count"]),
    ],
)
async def test_wrong_input_named(shop: Any, name: str, value: Any, field: list[str]) -> None:
    (code,) = await shop.issue()
    answer = await shop.client(Role.POS).ask(REDEEM, input={**basket(shop, code), name: value})
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert (await shop.client().fetch(LIST))["redemptions"]["totalCount"] == 0


async def test_pages_do_not_drift(shop: Any) -> None:
    codes = await shop.issue(6)
    for number, code in enumerate(codes[:4]):
        await redeem(shop.client(Role.POS), shop, code, key=str(number))
    client = shop.client()
    first = (await client.fetch(LIST, first=2))["redemptions"]
    await redeem(shop.client(Role.POS), shop, codes[5], key="later")
    second = (await client.fetch(LIST, first=2, after=first["pageInfo"]["endCursor"]))["redemptions"]
    seen = [edge["node"]["id"] for edge in (*first["edges"], *second["edges"])]
    assert len(set(seen)) == 4
    assert (first["totalCount"], second["totalCount"]) == (4, 5)
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert (first["pageInfo"]["hasPreviousPage"], second["pageInfo"]["hasPreviousPage"]) == (False, True)


@pytest.mark.parametrize(("argument", "value"), [("first", 101), ("first", 0), ("after", "x")])
async def test_wrong_page_refused(shop: Any, argument: str, value: Any) -> None:
    answer = await shop.client().ask(LIST, **{argument: value})
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": [argument]}


async def test_total_only_when_asked(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []

    async def count(*asked: Any) -> int:
        counted.append(asked)
        return 7

    monkeypatch.setattr("schema.redemptions.count_redemptions", count)
    await shop.client().fetch("{ redemptions { edges { cursor } } }")
    assert counted == []
    assert await shop.client().fetch("{ redemptions { totalCount } }") == {"redemptions": {"totalCount": 7}}


async def test_lists_load_in_batches(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, code in enumerate(await shop.issue(5)):
        await redeem(shop.client(Role.POS), shop, code, key=str(number))
    statements = watch_statements(monkeypatch)
    query = "{ redemptions { edges { node { coupon { code account { name } } store { name } channel { name } } } } }"
    listed = await shop.client().fetch(query)
    assert len(listed["redemptions"]["edges"]) == 5
    assert len(statements) <= 4, statements


async def test_node_finds_everything(shop: Any) -> None:
    (code,) = await shop.issue()
    client = shop.client()
    done = (
        await client.fetch(REDEEM.replace("coupon { code", "coupon { id code"), input=basket(shop, code))
    )["redeemCoupons"]
    (redemption,) = done["redemptions"]
    for global_id in (redemption["id"], redemption["coupon"]["id"], shop.store):
        found = await client.fetch("query($id: ID!) { node(id: $id) { id __typename } }", id=global_id)
        assert found["node"]["id"] == global_id


@pytest.mark.parametrize("global_id", ["", "x", "====", "U3RvcmU6", "é", "A" * 10_000])
async def test_malformed_node_id(shop: Any, global_id: str) -> None:
    answer = await shop.client().ask("query($id: ID!) { node(id: $id) { id } }", id=global_id)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["id"]}


async def test_customers_are_limited(shop: Any) -> None:
    """Six requests a second are fine, a hundred are not: RATE_LIMITED comes with its status and header."""
    client = shop.client(Role.CUSTOMER)
    responses = [await client.post("{ stores { id } }") for _ in range(60)]
    refused = [response for response in responses if response.status_code == 429]
    assert responses[0].status_code == 200
    assert len(refused) >= 5
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_rate_counts_requests_not_fields(shop: Any) -> None:
    fields = " ".join(f"a{number}: stores {{ id }}" for number in range(100))
    answer = await shop.client(Role.CUSTOMER).ask(f"{{ {fields} }}")
    assert "errors" not in answer


def watch_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SELECTs that are sent from now on."""
    from core.db import statements

    sent: list[str] = []
    fetch = statements.fetch_rows

    async def watch(sql: str, *values: Any) -> Any:
        sent.append(sql)
        return await fetch(sql, *values)

    for module in (
        "core.coupons.ledger",
        "core.access.stores",
        "core.access.tokens",
        "core.channels.accounts",
    ):
        monkeypatch.setattr(f"{module}.fetch_rows", watch)
    return sent
