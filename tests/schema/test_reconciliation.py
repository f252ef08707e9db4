"""Reconciled days over GraphQL: what they show, who sees them, and reconciling now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.access.stores import find_store
from core.access.tokens import authenticate
from core.access.values import Role
from core.coupons.reconciliation.service import find_pair, reconcile_day
from core.db.inserts import insert_row
from core.db.statements import execute, fetch_rows, write_together
from core.ids import encode_global_id, new_id

SHANGHAI = ZoneInfo("Asia/Shanghai")
RUN = """mutation($input: ReconcileChannelInput!) { reconcileChannel(input: $input) {
  reconciliation { id day status failure since until oursCount theirsCount matchedCount outsideCount differenceCount
    oursAmount { amount } theirsAmount { amount } payout { amount currencyCode } payoutBasis fee { amount }
    channel { code } account { id } store { id } completedAt }
  userErrors { code field message } } }"""
LIST = """query($filter: ReconciliationFilter, $first: Int, $after: String) {
  reconciliations(filter: $filter, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { id day differenceCount store { id } } } } }"""
DIFFERENCES = """query($id: ID!, $first: Int, $after: String, $kind: [ReconciliationDifferenceKind!],
  $resolved: Boolean = false) {
  node(id: $id) { ... on Reconciliation {
    differences(first: $first, after: $after, kind: $kind, includeResolved: $resolved) { totalCount
      pageInfo { hasNextPage endCursor }
      edges { node { id kind receipt message usedAt ours { amount } theirs { amount } resolvedAt
        redemption { id } } } } } } }"""


def yesterday(back: int = 1) -> str:
    return (datetime.now(SHANGHAI).date() - timedelta(days=back)).isoformat()


def noon(back: int = 1) -> datetime:
    day = datetime.now(SHANGHAI).date() - timedelta(days=back)
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI).astimezone(UTC)


async def use(shop: Any, store_id: UUID, at: datetime, amount: int = 1000) -> UUID:
    """A use of an own coupon that the ledger does not know."""
    use_id = new_id()
    columns = {"coupon_id": new_id(), "batch_id": new_id(), "token": str(use_id), "number": 0}
    row = insert_row(
        "house_use",
        id=use_id,
        tenant_id=shop.tenant_id,
        store_id=store_id,
        amount=amount,
        used_at=at,
        **columns,
    )
    await write_together([row])
    return use_id


async def reconcile(shop: Any, store: str | None = None, **changes: Any) -> dict[str, Any]:
    given = {"channel": "house", "storeId": store or shop.store, "day": yesterday(), **changes}
    answer = await shop.client().fetch(RUN, input=given)
    return dict(answer["reconcileChannel"])


async def test_reconciles_now(shop: Any) -> None:
    use_id = await use(shop, shop.store_id, noon())
    run = (await reconcile(shop))["reconciliation"]
    assert (run["status"], run["day"], run["failure"]) == ("DONE", yesterday(), None)
    counts = {name: run[name] for name in run if name.endswith("Count")}
    assert counts == {
        "oursCount": 0,
        "theirsCount": 1,
        "matchedCount": 0,
        "outsideCount": 0,
        "differenceCount": 1,
    }
    assert (run["oursAmount"], run["theirsAmount"]) == ({"amount": "0.00"}, {"amount": "10.00"})
    assert (run["payout"], run["payoutBasis"], run["fee"]) == (
        {"amount": "0.00", "currencyCode": "CNY"},
        "PLATFORM",
        None,
    )
    assert (run["channel"], run["account"], run["store"]) == ({"code": "house"}, None, {"id": shop.store})
    assert run["since"].endswith("16:00:00Z")
    shown = await shop.client().fetch(DIFFERENCES, id=run["id"])
    [edge] = shown["node"]["differences"]["edges"]
    assert edge["node"] == {
        "id": edge["node"]["id"],
        "kind": "MISSING_LOCAL",
        "receipt": str(use_id),
        "message": "used at the platform, unknown here",
        "usedAt": noon().isoformat().replace("+00:00", "Z"),
        "ours": None,
        "theirs": {"amount": "10.00"},
        "resolvedAt": None,
        "redemption": None,
    }


async def test_own_redemptions_agree(shop: Any) -> None:
    """Redeemed for real, and then compared while the day still runs."""
    (code,) = await shop.issue()
    basket = {"storeId": shop.store, "idempotencyKey": "k", "codes": [{"code": code}]}
    query = "mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) { outcome } }"
    assert (await shop.client().fetch(query, input=basket))["redeemCoupons"]["outcome"] == "REDEEMED"
    today = datetime.now(SHANGHAI).date()
    store = await find_store(await authenticate(shop.tokens[Role.OWNER]), shop.store_id)
    run = await reconcile_day(shop.runtime, await find_pair(shop.runtime, store, None, "house"), store, today)
    assert run is not None
    assert (run.totals.matched_count, run.totals.ours_amount, run.differences) == (1, 1000, 0)


async def test_differences_are_paged_and_filtered(shop: Any) -> None:
    receipts = [
        str(await use(shop, shop.store_id, noon() + timedelta(minutes=number))) for number in range(3)
    ]
    run_id = (await reconcile(shop))["reconciliation"]["id"]
    first = (await shop.client().fetch(DIFFERENCES, id=run_id, first=2))["node"]["differences"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    after = first["pageInfo"]["endCursor"]
    rest = (await shop.client().fetch(DIFFERENCES, id=run_id, first=2, after=after))["node"]["differences"]
    assert rest["pageInfo"]["hasNextPage"] is False
    assert [edge["node"]["receipt"] for edge in (*first["edges"], *rest["edges"])] == receipts
    other = await shop.client().fetch(DIFFERENCES, id=run_id, kind=["AMOUNT_DIFF"])
    assert (other["node"]["differences"]["edges"], other["node"]["differences"]["totalCount"]) == ([], 0)


async def test_resolved_ones_on_request(shop: Any) -> None:
    await use(shop, shop.store_id, noon())
    run_id = (await reconcile(shop))["reconciliation"]["id"]
    await execute("DELETE FROM house_use")
    assert (await reconcile(shop))["reconciliation"]["differenceCount"] == 0
    shown = [
        (await shop.client().fetch(DIFFERENCES, id=run_id, resolved=resolved))["node"]["differences"]
        for resolved in (False, True)
    ]
    assert [each["totalCount"] for each in shown] == [0, 1]
    assert shown[1]["edges"][0]["node"]["resolvedAt"] is not None


async def test_days_are_listed_latest_first(shop: Any) -> None:
    for back in (2, 1, 3):
        await reconcile(shop, day=yesterday(back))
    await reconcile(shop, shop.other_store, day=yesterday(2))
    first = (await shop.client().fetch(LIST, first=2))["reconciliations"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = await shop.client().fetch(LIST, first=2, after=first["pageInfo"]["endCursor"])
    edges = [*first["edges"], *rest["reconciliations"]["edges"]]
    assert [edge["node"]["day"] for edge in edges] == [yesterday(back) for back in (1, 2, 2, 3)]
    assert len({edge["node"]["id"] for edge in edges}) == 4


async def test_filters(shop: Any) -> None:
    await use(shop, shop.store_id, noon(2))
    for back in (1, 2):
        await reconcile(shop, day=yesterday(back))
    await reconcile(shop, shop.other_store)

    async def days(**wanted: Any) -> list[str]:
        answer = await shop.client().fetch(LIST, filter=wanted)
        return [edge["node"]["day"] for edge in answer["reconciliations"]["edges"]]

    assert await days(onlyDifferences=True) == [yesterday(2)]
    assert await days(storeId=shop.other_store) == [yesterday()]
    assert await days(since=yesterday()) == [yesterday()] * 2
    assert await days(until=yesterday(2)) == [yesterday(2)]
    assert await days(accountId=encode_global_id("ChannelAccount", new_id())) == []


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"day": yesterday(0)}, "INVALID", ["day"]),
        ({"day": yesterday(-5)}, "INVALID", ["day"]),
        ({"channel": None}, "REQUIRED", ["accountId"]),
        ({"channel": "douyin"}, "NOT_FOUND", ["channel"]),
        (
            {"channel": None, "accountId": encode_global_id("ChannelAccount", new_id())},
            "NOT_FOUND",
            ["accountId"],
        ),
    ],
)
async def test_what_cannot_be_reconciled(shop: Any, changes: Any, code: str, field: list[str]) -> None:
    answer = await reconcile(shop, **changes)
    assert answer["reconciliation"] is None
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [(code, field)]
    assert await fetch_rows("SELECT id FROM reconciliation_run") == []


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "2026-05-01T00:00:00Z", 20260501])
async def test_wrong_days_are_bad_input(shop: Any, day: Any) -> None:
    given = {"channel": "house", "storeId": shop.store, "day": day}
    answer = await shop.client().ask(RUN, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_reconciling_is_audited(shop: Any) -> None:
    await reconcile(shop)
    rows = await fetch_rows("SELECT action FROM audit_entry WHERE action='reconcileChannel'")
    assert len(rows) == 1


# ------------------------------------------------------------------------------------------------------------- access
@pytest.mark.parametrize(
    ("role", "scopes", "code"),
    [
        (Role.OWNER, (), None),
        (Role.MANAGER, (), None),
        (Role.STAFF, ("reports",), None),
        (Role.STAFF, (), "FORBIDDEN"),
        (Role.POS, ("reports",), "FORBIDDEN"),
        (Role.CUSTOMER, (), "FORBIDDEN"),
    ],
)
async def test_roles(shop: Any, role: Role, scopes: tuple[str, ...], code: str | None) -> None:
    run_id = (await reconcile(shop))["reconciliation"]["id"]
    client = shop.client(role)
    client.token = await shop.token(role, scopes=scopes)
    given = {"channel": "house", "storeId": shop.store, "day": yesterday(2)}
    answers = [
        await client.ask(LIST),
        await client.ask(RUN, input=given),
        await client.ask(DIFFERENCES, id=run_id),
    ]
    assert [read_code(answer) for answer in answers] == [code] * 3
    assert len(await fetch_rows("SELECT id FROM reconciliation_run")) == (1 if code else 2)


async def test_staff_see_their_stores_only(shop: Any) -> None:
    own = (await reconcile(shop))["reconciliation"]["id"]
    other = (await reconcile(shop, shop.other_store))["reconciliation"]["id"]
    client = shop.client(Role.STAFF)
    client.token = await shop.token(Role.STAFF, scopes=("reports",))
    listed = (await client.fetch(LIST))["reconciliations"]
    assert ([edge["node"]["id"] for edge in listed["edges"]], listed["totalCount"]) == ([own], 1)
    assert read_code(await client.ask(DIFFERENCES, id=other)) == "NOT_FOUND"
    assert read_code(await client.ask(LIST, filter={"storeId": shop.other_store})) == "NOT_FOUND"
    given = {"channel": "house", "storeId": shop.other_store, "day": yesterday(2)}
    assert read_code(await client.ask(RUN, input=given)) == "NOT_FOUND"


async def test_other_merchants_see_nothing(shop: Any, rival: Any) -> None:
    run_id = (await reconcile(shop))["reconciliation"]["id"]
    assert (await rival.client().fetch(LIST))["reconciliations"]["edges"] == []
    assert read_code(await rival.client().ask(DIFFERENCES, id=run_id)) == "NOT_FOUND"
    given = {"channel": "house", "storeId": shop.store, "day": yesterday(2)}
    assert read_code(await rival.client().ask(RUN, input=given)) == "NOT_FOUND"


def read_code(answer: dict[str, Any]) -> str | None:
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if errors else None
