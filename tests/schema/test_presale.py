"""Presales over GraphQL: setting up, health with the orders behind it, the guard, imported marks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.access.values import Role
from core.clock import utc_now
from core.db.inserts import insert_row
from core.db.statements import fetch_rows, write_together
from core.ids import decode_id, encode_global_id, new_id
from core.presale.guard import guard_presales
from core.presale.risk_refresh import refresh_risk
from core.presale.waves import WaveWant, sell_waves

DAY = timedelta(days=1)
CREATE_PRODUCT = "mutation($i: CreateProductInput!) { createProduct(input: $i) { product { skus { id } } } }"
CREATE = """mutation($i: CreatePresaleCampaignInput!) { createPresaleCampaign(input: $i) {
  campaign { id name mode status startsAt deposit { amount } store { id } skus { id }
    waves { quantity sold promisedShipAt } }
  advice userErrors { code field message } } }"""
CHANGE = "mutation($i: PresaleCampaignInput!) { %s(input: $i) { campaign { status pausedBy } userErrors { code field } } }"
HEALTH = """query($s: ID!, $d: Int) { presaleHealth(storeId: $s, days: $d) {
  store { id } since until level lateOrdersStillAffordable estimatedScoreChange { low high }
  rules { code value threshold level reported advice orders(first: 1) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { number } } } } } }"""
SET_RULE = """mutation($i: SetPresaleGuardRuleInput!) { setPresaleGuardRule(input: $i) {
  rule { figure act threshold dryRun active } userErrors { code field } } }"""
REVIEWS = (
    "mutation($i: ImportReviewsInput!) { importReviews(input: $i) { imported userErrors { code field } } }"
)


def iso(instant: datetime) -> str:
    return instant.isoformat()


async def make_sku(shop: Any, stock: int | None = 0) -> str:
    given = {
        "storeId": shop.store,
        "title": "Coat",
        "skus": [{"name": "M", "price": "199.00", "stock": stock}],
    }
    made = await shop.client().fetch(CREATE_PRODUCT, i=given)
    return str(made["createProduct"]["product"]["skus"][0]["id"])


def draft(shop: Any, sku: str, **changes: Any) -> dict[str, Any]:
    now = utc_now()
    return {
        "storeId": shop.store, "name": "Coats", "mode": "TIERED", "skuIds": [sku], "startsAt": iso(now),
        "endsAt": iso(now + 10 * DAY),
        "waves": [
            {"quantity": 2, "promisedShipAt": iso(now + 15 * DAY)},
            {"quantity": 3, "promisedShipAt": iso(now + 20 * DAY)},
        ],
        "disclosures": {"title": "【预售】大衣", "detail": "预售，15 天内发货", "liveRoom": "presale, ships on day 15"},
    } | changes  # fmt: skip


async def create(shop: Any, **changes: Any) -> dict[str, Any]:
    sku = await make_sku(shop)
    answer = await shop.client().fetch(CREATE, i=draft(shop, sku, **changes))
    payload: dict[str, Any] = answer["createPresaleCampaign"]
    return payload | {"sku": sku}


async def add_order(shop: Any, number: str, *lines: dict[str, Any], **changes: Any) -> None:
    now, order_id = utc_now(), new_id()
    order: dict[str, Any] = {
        "store_id": shop.store_id, "channel": "house", "number": number, "type": "SHIPPED", "status": "PAID",
        "version": 1, "placed_at": now, "paid_at": now, "subtotal": 0, "discount": 0, "shipping": 0, "total": 0,
        "paid": 0, "refunded": 0, "fulfilment_risk": "NONE",
    }  # fmt: skip
    line: dict[str, Any] = {
        "title": "Coat", "quantity": 1, "unit_price": 1, "total": 1, "presale": False,
        "fulfilment_risk": "NONE", "refunded_quantity": 0, "shipped_quantity": 0,
    }  # fmt: skip
    rows = [insert_row("customer_order", id=order_id, tenant_id=shop.tenant_id, **order | changes)]
    for position, each in enumerate(lines, 1):
        fixed = {"order_id": order_id, "line_key": str(position), "position": position}
        rows.append(insert_row("order_line", id=new_id(), tenant_id=shop.tenant_id, **fixed, **line | each))
    await write_together(rows)


async def test_created_campaign_sells(shop):
    made = await create(shop)
    campaign = made["campaign"]
    assert made["userErrors"] == []
    assert (campaign["name"], campaign["mode"], campaign["status"]) == ("Coats", "TIERED", "PUBLISHED")
    assert (campaign["deposit"], campaign["store"]["id"]) == (None, shop.store)
    assert campaign["skus"] == [{"id": made["sku"]}]
    want = WaveWant(new_id(), decode_id(made["sku"], "Sku"), 2)
    await sell_waves(shop.tenant_id, shop.store_id, [want], utc_now())
    query = "query($i: ID!) { node(id: $i) { ... on PresaleCampaign { waves { quantity sold } } } }"
    found = await shop.client(Role.CUSTOMER).fetch(query, i=campaign["id"])
    assert found["node"]["waves"] == [{"quantity": 2, "sold": 2}, {"quantity": 3, "sold": 0}]


async def test_deposit_in_yuan(shop):
    made = await create(shop, mode="DEPOSIT", deposit="20.00")
    assert made["campaign"]["deposit"] == {"amount": "20.00"}


async def test_refusals_name_their_paths(shop):
    texts = {"title": "大衣", "detail": "预售", "liveRoom": "Ships soon"}
    now = utc_now()
    waves = [{"quantity": 0, "promisedShipAt": iso(now + DAY)}]
    made = await create(shop, disclosures=texts, waves=waves, endsAt=iso(now + 31 * DAY), startsAt=iso(now))
    assert made["campaign"] is None
    assert [(error["code"], error["field"]) for error in made["userErrors"]] == [
        ("TOO_LARGE", ["endsAt"]),
        ("TOO_SMALL", ["waves", "0", "quantity"]),
        ("REQUIRED", ["disclosures", "title"]),
        ("REQUIRED", ["disclosures", "detail"]),
        ("REQUIRED", ["disclosures", "liveRoom"]),
    ]
    assert all(error["message"] for error in made["userErrors"])
    assert await fetch_rows("SELECT id FROM presale_campaign") == []


async def test_advice_in_both_languages(shop):
    sku = await make_sku(shop)
    given = draft(shop, sku, endsAt=iso(utc_now() + 3 * DAY))
    chinese = shop.client(Role.OWNER, **{"accept-language": "zh-CN"})
    answer = (await chinese.fetch(CREATE, i=given))["createPresaleCampaign"]
    assert answer["advice"] == ["建议在标题中也写明发货时间。", "建议预售期为 7 到 15 天。"]


async def test_life(shop):
    made = await create(shop, draft=True)
    given = {"campaignId": made["campaign"]["id"]}
    assert made["campaign"]["status"] == "DRAFT"
    for operation, expected in (
        ("publishPresaleCampaign", ("PUBLISHED", None)),
        ("pausePresaleCampaign", ("PAUSED", "PERSON")),
        ("resumePresaleCampaign", ("PUBLISHED", None)),
        ("closePresaleCampaign", ("CLOSED", None)),
    ):
        answer = (await shop.client(Role.MANAGER).fetch(CHANGE % operation, i=given))[operation]
        assert (answer["campaign"]["status"], answer["campaign"]["pausedBy"]) == expected
    refused = (await shop.client().fetch(CHANGE % "resumePresaleCampaign", i=given))["resumePresaleCampaign"]
    assert refused == {"campaign": None, "userErrors": [{"code": "NOT_ALLOWED", "field": ["campaignId"]}]}


async def test_list_of_a_store(shop):
    one, two = await create(shop), await create(shop, draft=True)
    query = """query($s: ID!, $a: String) { presaleCampaigns(storeId: $s, first: 1, after: $a) {
      totalCount pageInfo { hasNextPage endCursor } edges { node { id } } } }"""
    page = (await shop.client().fetch(query, s=shop.store))["presaleCampaigns"]
    assert (page["totalCount"], page["edges"]) == (2, [{"node": {"id": two["campaign"]["id"]}}])
    after = page["pageInfo"]["endCursor"]
    rest = (await shop.client().fetch(query, s=shop.store, a=after))["presaleCampaigns"]
    assert (rest["edges"], rest["pageInfo"]["hasNextPage"]) == (
        [{"node": {"id": one["campaign"]["id"]}}],
        False,
    )
    theirs = (await shop.client(Role.CUSTOMER).fetch(query, s=shop.store))["presaleCampaigns"]
    assert theirs["totalCount"] == 1


async def test_health_of_a_new_store(shop):
    health = (await shop.client().fetch(HEALTH, s=shop.store))["presaleHealth"]
    assert (health["level"], health["estimatedScoreChange"]) == ("HEALTHY", None)
    assert health["lateOrdersStillAffordable"] == 0
    assert [rule["code"] for rule in health["rules"]] == [
        "share", "onTime", "late", "fulfilment", "badReviews", "refundRate",
    ]  # fmt: skip
    assert {(rule["value"], rule["reported"]) for rule in health["rules"]} == {(None, False)}
    assert [rule["threshold"] for rule in health["rules"]][:3] == ["0.2000", "0.9800", "0.0500"]


async def test_health_with_the_orders_behind_it(shop):
    now = utc_now()
    sent = {"promised_ship_at": now - DAY, "shipped_at": now - 2 * DAY, "shipped_quantity": 1}
    for number in range(8):
        await add_order(shop, f"good-{number}", sent)
    await add_order(shop, "late-1", {"promised_ship_at": now - DAY, "presale": True}, placed_at=now - DAY)
    await add_order(shop, "late-2", {"promised_ship_at": now - DAY}, placed_at=now - 2 * DAY)
    health = (await shop.client().fetch(HEALTH, s=shop.store, d=7))["presaleHealth"]
    rules = {rule["code"]: rule for rule in health["rules"]}
    assert health["level"] == "DANGER"
    assert health["estimatedScoreChange"] == {"low": "-0.80", "high": "-0.30"}
    assert (rules["share"]["value"], rules["share"]["level"]) == ("0.1000", "HEALTHY")
    assert (rules["late"]["value"], rules["late"]["threshold"]) == ("0.2000", "0.1000")
    assert "20 %" in rules["late"]["advice"]
    assert (rules["fulfilment"]["value"], rules["fulfilment"]["level"]) == ("0.8000", "WATCH")
    behind = rules["late"]["orders"]
    assert (behind["totalCount"], behind["edges"]) == (2, [{"node": {"number": "late-1"}}])
    cursor = behind["pageInfo"]["endCursor"]
    query = """query($s: ID!, $a: String) { presaleHealth(storeId: $s) { rules { code
      orders(after: $a) { edges { node { number } } } } } }"""
    answer = await shop.client().ask(query.replace("orders(", "orders(first: 5, "), s=shop.store, a=cursor)
    # The cursor of one rule's orders is of no use for another's.
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


async def test_wrong_days(shop):
    answer = await shop.client().ask(HEALTH, s=shop.store, d=0)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_risk_can_be_filtered(shop):
    await add_order(shop, "late", {"promised_ship_at": utc_now() - DAY})
    await add_order(shop, "early", {"promised_ship_at": utc_now() + 30 * DAY})
    await refresh_risk(shop.runtime)
    query = (
        "{ orders(filter: {fulfilmentRisk: [LATE]}) { edges { node { number lines { fulfilmentRisk } } } } }"
    )
    found = (await shop.client().fetch(query))["orders"]["edges"]
    assert found == [{"node": {"number": "late", "lines": [{"fulfilmentRisk": "LATE"}]}}]


async def test_guard_from_dry_run_to_resumed(shop):
    made = await create(shop)
    rows = [
        {"source": "doudian", "reference": str(n), "stars": 5 if n else 1, "at": iso(utc_now())}
        for n in range(20)
    ]
    imported = await shop.client().fetch(REVIEWS, i={"storeId": shop.store, "rows": rows})
    assert imported["importReviews"] == {"imported": 20, "userErrors": []}
    rules = (await shop.client().fetch(
        "query($s: ID!) { presaleGuardRules(storeId: $s) { figure act threshold dryRun active } }", s=shop.store
    ))["presaleGuardRules"]  # fmt: skip
    assert rules[0] == {
        "figure": "BAD_REVIEWS", "act": "PAUSE", "threshold": "0.0200", "dryRun": True, "active": True,
    }  # fmt: skip
    assert await guard_presales(shop.runtime) == 0
    armed = {
        "storeId": shop.store,
        "figure": "BAD_REVIEWS",
        "act": "PAUSE",
        "threshold": "0.02",
        "dryRun": False,
    }
    answer = (await shop.client().fetch(SET_RULE, i=armed))["setPresaleGuardRule"]
    assert (answer["rule"]["dryRun"], answer["userErrors"]) == (False, [])
    assert await guard_presales(shop.runtime) == 1
    actions = await shop.client().fetch(
        """query($s: ID!) { presaleGuardActions(storeId: $s) { totalCount edges { node {
          figure act dryRun value threshold campaign { id status pausedBy } } } } }""",
        s=shop.store,
    )
    first = actions["presaleGuardActions"]["edges"][0]["node"]
    assert (first["dryRun"], first["value"], first["threshold"]) == (False, "0.0500", "0.0200")
    assert first["campaign"] == {"id": made["campaign"]["id"], "status": "PAUSED", "pausedBy": "GUARD"}
    assert actions["presaleGuardActions"]["totalCount"] == 2
    given = {"campaignId": made["campaign"]["id"]}
    resumed = await shop.client().fetch(CHANGE % "resumePresaleCampaign", i=given)
    assert resumed["resumePresaleCampaign"]["campaign"]["status"] == "PUBLISHED"


@pytest.mark.parametrize(("threshold", "code"), [("1.01", "TOO_LARGE"), ("-0.01", "TOO_SMALL")])
async def test_threshold_is_a_share(shop, threshold, code):
    given = {"storeId": shop.store, "figure": "LATE", "act": "PAUSE", "threshold": threshold}
    answer = (await shop.client().fetch(SET_RULE, i=given))["setPresaleGuardRule"]
    assert answer == {"rule": None, "userErrors": [{"code": code, "field": ["threshold"]}]}


async def test_scores_with_their_history(shop):
    now = utc_now()
    rows = [
        {"source": "doudian", "dimension": "LOGISTICS", "value": value, "at": iso(now - days * DAY)}
        for value, days in (("4.90", 3), ("4.81", 1))
    ]
    query = (
        "mutation($i: ImportScoresInput!) { importScores(input: $i) { imported userErrors { code field } } }"
    )
    answer = await shop.client().fetch(query, i={"storeId": shop.store, "rows": rows})
    assert answer["importScores"] == {"imported": 2, "userErrors": []}
    found = await shop.client().fetch(
        "query($s: ID!) { storeScores(storeId: $s) { source dimension latest change history { value } } }",
        s=shop.store,
    )
    assert found["storeScores"] == [
        {
            "source": "doudian", "dimension": "LOGISTICS", "latest": "4.81", "change": "-0.09",
            "history": [{"value": "4.90"}, {"value": "4.81"}],
        }
    ]  # fmt: skip


async def test_review_of_an_unknown_order(shop):
    row = {
        "source": "d", "reference": "1", "stars": 1, "at": iso(utc_now()),
        "orderId": encode_global_id("Order", new_id()),
    }  # fmt: skip
    answer = await shop.client().fetch(REVIEWS, i={"storeId": shop.store, "rows": [row]})
    assert answer["importReviews"] == {
        "imported": None, "userErrors": [{"code": "NOT_FOUND", "field": ["rows", "0", "orderId"]}],
    }  # fmt: skip
