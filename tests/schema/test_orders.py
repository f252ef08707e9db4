"""Orders over GraphQL: each reader sees what is theirs, in few queries, and to the fen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.access.values import Role
from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    ChannelLine,
    ChannelOrder,
    ChannelRefund,
    ChannelShipment,
    OrderStatus,
    OrderType,
    RefundStatus,
)
from core.db.inserts import insert_row
from core.db.statements import as_uuid, execute, fetch_row, write_together
from core.ids import encode_global_id, new_id
from core.orders.ingest import ingest_order

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PHONE = "+8613800138000"
ACK = {"type": "connection_ack"}
LIST = """query($first: Int, $after: String, $filter: OrderFilter) {
  orders(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id number } } pageInfo { hasNextPage endCursor } } }"""
COUNT = "query($filter: OrderFilter) { orders(filter: $filter) { totalCount } }"
WHOLE = """query($id: ID!) { node(id: $id) { ... on Order {
  externalId number type status placedAt paidAt contactName phoneTail note promisedShipAt fulfilmentRisk
  channel { code name } store { name } customer { name phone }
  subtotal { amount } discount { amount } shipping { amount } total { amount } paid { amount } refunded { amount }
  lines { title quantity unitPrice { amount } total { amount } presale promisedShipAt fulfilmentRisk refundedQuantity
    shippedQuantity externalSkuId skuId }
  shipments { carrier trackingNumber shippedAt lines { title } }
  refunds { amount { amount } status reason requestedAt decidedAt }
  redemptions { id }
  timeline { edges { node { at kind message } } pageInfo { hasNextPage } }
  channelDocument } } }"""


class Counter:
    """Takes orders in for a shop, as its account at a channel that is not installed here any more."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.account_id = new_id()
        channel: Any = SimpleNamespace(code="bazaar", name="Bazaar")
        self.account = BoundAccount(
            shop.tenant_id, self.account_id, channel, "Bazaar", AccountStatus.ACTIVE, None
        )

    async def open(self) -> None:
        for store, name in ((self.shop.store_id, "first"), (self.shop.other_store_id, "second")):
            await write_together(
                [
                    insert_row(
                        "channel_store", id=new_id(), tenant_id=self.shop.tenant_id, account_id=self.account_id,
                        store_id=store, external_store_id=name,
                    )
                ]
            )  # fmt: skip

    async def take(self, reference: str, minutes: int = 0, **changes: Any) -> str:
        """The global id of the order."""
        await ingest_order(self.shop.runtime, self.account, make_order(reference, minutes, **changes))
        row = await fetch_row("SELECT id FROM customer_order WHERE external_id = $1", reference)
        assert row is not None
        return encode_global_id("Order", as_uuid(row["id"]))


def make_order(reference: str, minutes: int = 0, **changes: Any) -> ChannelOrder:
    lines = changes.pop("lines", (ChannelLine("l1", "Tea", 2, 4405, 8810, sku_reference="tea-1"),))
    subtotal = sum(line.total for line in lines)
    values: dict[str, Any] = {
        "type": OrderType.SHIPPED, "status": OrderStatus.PAID, "placed_at": NOON + minutes * MINUTE,
        "updated_at": NOON + minutes * MINUTE, "paid_at": NOON + minutes * MINUTE, "lines": lines, "subtotal": subtotal,
        "discount": 401, "shipping": 600, "total": subtotal + 199, "paid": subtotal + 199,
        "external_store_id": "first", "raw": {"secret": "of the platform"},
    } | changes  # fmt: skip
    return ChannelOrder(reference=reference, **values)


@pytest.fixture
async def counter(shop: Any) -> Counter:
    opened = Counter(shop)
    await opened.open()
    return opened


async def list_numbers(client: Any, **variables: Any) -> list[str]:
    data = await client.fetch(LIST, **variables)
    return [edge["node"]["number"] for edge in data["orders"]["edges"]]


async def test_order_is_shown_whole(counter: Counter) -> None:
    shipped = ChannelShipment("p1", "SF", "SF100", NOON + MINUTE, lines={"l1": 2})
    refund = ChannelRefund("r1", 990, RefundStatus.COMPLETED, NOON + MINUTE, NOON + 2 * MINUTE, "broken")
    lines = (
        ChannelLine("l1", "Tea", 2, 4405, 8810, sku_reference="tea-1"),
        ChannelLine("l2", "Cup", 1, 990, 990, presale=True, promised_ship_at=NOON + timedelta(days=9)),
    )
    order_id = await counter.take(
        "B-1", lines=lines, shipments=(shipped,), refunds=(refund,), refunded=990, phone=PHONE, buyer_name="Lin",
        status=OrderStatus.PARTLY_SHIPPED, note="gift", updated_at=NOON + 3 * MINUTE,
    )  # fmt: skip
    order = (await counter.shop.client().fetch(WHOLE, id=order_id))["node"]
    money = {
        name: order[name]["amount"]
        for name in ("subtotal", "discount", "shipping", "total", "paid", "refunded")
    }
    assert money == {
        "subtotal": "98.00", "discount": "4.01", "shipping": "6.00", "total": "99.99", "paid": "99.99",
        "refunded": "9.90",
    }  # fmt: skip
    assert (order["externalId"], order["type"], order["status"]) == ("B-1", "SHIPPED", "PARTLY_SHIPPED")
    assert order["channel"] == {"code": "bazaar", "name": "bazaar"}
    assert order["store"] == {"name": "First"}
    assert order["customer"] == {"name": "Lin", "phone": "138****8000"}
    assert (order["contactName"], order["phoneTail"], order["note"]) == ("Lin", "8000", "gift")
    assert [line["title"] for line in order["lines"]] == ["Tea", "Cup"]
    assert [line["shippedQuantity"] for line in order["lines"]] == [2, 0]
    assert order["lines"][1]["promisedShipAt"] == order["promisedShipAt"] == "2026-12-02T04:00:00Z"
    assert order["shipments"] == [
        {
            "carrier": "SF",
            "trackingNumber": "SF100",
            "shippedAt": "2026-11-23T04:01:00Z",
            "lines": [{"title": "Tea"}],
        }
    ]
    assert order["refunds"][0]["amount"] == {"amount": "9.90"}
    assert (order["redemptions"], order["channelDocument"]) == ([], None)


async def test_timeline_is_told_in_order_and_language(counter: Counter) -> None:
    parcel = ChannelShipment("p1", "SF", "SF100", NOON + 2 * MINUTE)
    order_id = await counter.take(
        "B-1",
        shipments=(parcel,),
        status=OrderStatus.COMPLETED,
        paid_at=NOON + MINUTE,
        updated_at=NOON + 5 * MINUTE,
    )
    entries = [
        edge["node"]
        for edge in (await counter.shop.client().fetch(WHOLE, id=order_id))["node"]["timeline"]["edges"]
    ]
    assert [entry["kind"] for entry in entries] == ["placed", "paid", "parcel", "completed"]
    assert entries[2]["message"] == "A parcel is on its way: SF SF100"
    client = counter.shop.client(Role.OWNER, **{"accept-language": "zh-CN"})
    told = (await client.fetch(WHOLE, id=order_id))["node"]["timeline"]["edges"]
    assert told[0]["node"]["message"] == "已下单"


async def test_timeline_is_paged(counter: Counter) -> None:
    order_id = await counter.take("B-1", status=OrderStatus.COMPLETED)
    query = """query($id: ID!, $after: String) { node(id: $id) { ... on Order {
      timeline(first: 2, after: $after) { edges { node { kind } } pageInfo { hasNextPage endCursor } } } } }"""
    first = (await counter.shop.client().fetch(query, id=order_id))["node"]["timeline"]
    assert first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    second = (await counter.shop.client().fetch(query, id=order_id, after=after))["node"]["timeline"]
    kinds = [edge["node"]["kind"] for page in (first, second) for edge in page["edges"]]
    assert sorted(kinds) == ["completed", "paid", "placed"]
    assert not second["pageInfo"]["hasNextPage"]


async def test_unknown_status_is_shown(counter: Counter) -> None:
    order_id = await counter.take("B-1", status=OrderStatus.UNRECOGNISED)
    assert (await counter.shop.client().fetch(WHOLE, id=order_id))["node"]["status"] == "UNRECOGNISED"


async def test_document_needs_management_and_the_scope(counter: Counter) -> None:
    order_id = await counter.take("B-1")
    shown = {}
    for role in (Role.MANAGER, Role.STAFF):
        client = counter.shop.client(role)
        client.token = await counter.shop.token(role, scopes=["phones"])
        shown[role] = (await client.fetch(WHOLE, id=order_id))["node"]["channelDocument"]
    assert shown == {Role.MANAGER: {"secret": "of the platform"}, Role.STAFF: None}


# ------------------------------------------------------------------------------------------------------------- listing
async def test_newest_come_first_page_by_page(counter: Counter) -> None:
    for number in (3, 1, 4, 0, 2):
        await counter.take(f"B-{number}", number)
    client = counter.shop.client()
    page = (await client.fetch(LIST, first=2))["orders"]
    seen = [edge["node"]["number"] for edge in page["edges"]]
    await counter.take("B-9", 9)
    while page["pageInfo"]["hasNextPage"]:
        page = (await client.fetch(LIST, first=2, after=page["pageInfo"]["endCursor"]))["orders"]
        seen += [edge["node"]["number"] for edge in page["edges"]]
    assert seen == ["B-4", "B-3", "B-2", "B-1", "B-0"]


async def test_orders_of_one_instant_are_all_listed(counter: Counter) -> None:
    for number in range(5):
        await counter.take(f"B-{number}")
    client, after, seen = counter.shop.client(), None, []
    for _ in range(5):
        page = (await client.fetch(LIST, first=1, after=after))["orders"]
        seen.append(page["edges"][0]["node"]["number"])
        after = page["pageInfo"]["endCursor"]
    assert sorted(seen) == [f"B-{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, ["B-3", "B-2", "B-1"]),
        ({"status": ["SHIPPED", "COMPLETED"]}, ["B-3", "B-2"]),
        ({"channel": "bazaar"}, ["B-3", "B-2", "B-1"]),
        ({"channel": "house"}, []),
        ({"placedSince": "2026-11-23T12:02:00+08:00"}, ["B-3", "B-2"]),
        ({"placedUntil": "2026-11-23T04:02:00Z"}, ["B-1"]),
        ({"externalId": "B-2"}, ["B-2"]),
        ({"fulfilmentRisk": ["LATE"]}, ["B-1"]),
        ({"status": []}, ["B-3", "B-2", "B-1"]),
    ],
    ids=str,
)
async def test_filters(counter: Counter, wanted: dict[str, Any], numbers: list[str]) -> None:
    line = ChannelLine("l1", "Tea", 1, 100, 100, promised_ship_at=datetime(2026, 1, 1, tzinfo=UTC))
    await counter.take("B-1", 1, lines=(line,))
    await counter.take("B-2", 2, status=OrderStatus.SHIPPED)
    await counter.take("B-3", 3, status=OrderStatus.COMPLETED)
    assert await list_numbers(counter.shop.client(), filter=wanted) == numbers
    counted = await counter.shop.client().fetch(COUNT, filter=wanted)
    assert counted["orders"]["totalCount"] == len(numbers)


async def test_stores_are_apart(counter: Counter) -> None:
    await counter.take("B-1")
    await counter.take("B-2", external_store_id="second")
    await counter.take("B-3", external_store_id="nowhere")
    shop = counter.shop
    assert sorted(await list_numbers(shop.client())) == ["B-1", "B-2", "B-3"]
    assert await list_numbers(shop.client(Role.STAFF)) == ["B-1"]
    assert await list_numbers(shop.client(Role.POS)) == ["B-1"]
    assert await list_numbers(shop.client(), filter={"storeId": shop.other_store}) == ["B-2"]
    refused = await shop.client(Role.STAFF).ask(LIST, filter={"storeId": shop.other_store})
    assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_customers_see_their_own(counter: Counter) -> None:
    order_id = await counter.take("B-1", phone=PHONE)
    other = await counter.take("B-2")
    row = await fetch_row("SELECT customer_id FROM customer_order WHERE external_id = 'B-1'")
    assert row is not None
    client = counter.shop.client(Role.CUSTOMER)
    assert await list_numbers(client) == []
    client.token = await counter.shop.token(Role.CUSTOMER, customer_id=as_uuid(row["customer_id"]))
    assert await list_numbers(client) == ["B-1"]
    assert (await client.fetch(WHOLE, id=order_id))["node"]["number"] == "B-1"
    refused = await client.ask(WHOLE, id=other)
    assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_other_merchants_see_nothing(counter: Counter, rival: Any) -> None:
    order_id = await counter.take("B-1")
    assert await list_numbers(rival.client()) == []
    refused = await rival.client().ask(WHOLE, id=order_id)
    assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_page_takes_few_queries(counter: Counter, queries: list[str]) -> None:
    query = """query { orders(first: 50) { edges { node { id store { name } customer { name } lines { title }
      shipments { id lines { title } } refunds { id } redemptions { id } } } } }"""
    parcel = ChannelShipment("p1", "SF", "1", NOON)
    counts = []
    for size in (2, 20):
        for number in range(size):
            await counter.take(f"B-{size}-{number}", number, shipments=(parcel,), phone=PHONE)
        queries.clear()
        await counter.shop.client().fetch(query)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] < 20


async def test_total_is_counted_only_when_asked_for(counter: Counter, queries: list[str]) -> None:
    await counter.take("B-1")
    queries.clear()
    await list_numbers(counter.shop.client())
    assert not any("count(*)" in sql for sql in queries)


async def test_redemption_names_its_order(counter: Counter) -> None:
    order_id = await counter.take("B-1")
    [code] = await counter.shop.issue()
    query = (
        """mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) { redemptions { id } } }"""
    )
    basket = {"storeId": counter.shop.store, "codes": [{"code": code}], "idempotencyKey": code}
    done = await counter.shop.client().fetch(query, input=basket)
    [redemption] = done["redeemCoupons"]["redemptions"]
    row = await fetch_row("SELECT id FROM customer_order")
    await execute("UPDATE redemption SET order_id = $1", row and row["id"])
    asked = "query($id: ID!) { node(id: $id) { ... on Redemption { order { id number } } } }"
    shown = await counter.shop.client().fetch(asked, id=redemption["id"])
    assert shown["node"]["order"] == {"id": order_id, "number": "B-1"}
    whole = await counter.shop.client().fetch(WHOLE, id=order_id)
    assert whole["node"]["redemptions"] == [redemption]


async def test_redemption_without_an_order_has_none(shop: Any) -> None:
    [code] = await shop.issue()
    query = """mutation($input: RedeemCouponsInput!) {
      redeemCoupons(input: $input) { redemptions { order { id } } } }"""
    basket = {"storeId": shop.store, "codes": [{"code": code}], "idempotencyKey": code}
    done = await shop.client().fetch(query, input=basket)
    assert done["redeemCoupons"]["redemptions"] == [{"order": None}]


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"first": 101}, "first"),
        ({"after": "x"}, "after"),
        ({"filter": {"storeId": "x"}}, "storeId"),
        ({"filter": {"placedSince": "2026-11-23T12:00:00"}}, ""),
    ],
    ids=str,
)
async def test_wrong_input_is_named(shop: Any, variables: dict[str, Any], field: str) -> None:
    answer = await shop.client().ask(LIST, **variables)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert field in str(error)


async def test_cursor_of_another_list_is_refused(counter: Counter) -> None:
    order_id = await counter.take("B-1")
    query = "query($id: ID!) { node(id: $id) { ... on Order { timeline { pageInfo { endCursor } } } } }"
    cursor = (await counter.shop.client().fetch(query, id=order_id))["node"]["timeline"]["pageInfo"][
        "endCursor"
    ]
    answer = await counter.shop.client().ask(LIST, after=cursor)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


# -------------------------------------------------------------------------------------------------------------- money
@pytest.mark.parametrize("seed", range(3))
async def test_money_reaches_the_reader_to_the_fen(counter: Counter, seed: int) -> None:
    amounts = [7**power % 99_991 + seed for power in range(1, 6)]
    lines = tuple(
        ChannelLine(f"l{number}", "Tea", number + 1, amount, amount * (number + 1))
        for number, amount in enumerate(amounts)
    )
    refund = ChannelRefund("r1", amounts[0], RefundStatus.COMPLETED)
    order_id = await counter.take("B-1", lines=lines, refunds=(refund,), refunded=amounts[0])
    order = (await counter.shop.client().fetch(WHOLE, id=order_id))["node"]
    amount = {
        name: Decimal(order[name]["amount"])
        for name in ("subtotal", "discount", "shipping", "total", "refunded")
    }
    assert amount["subtotal"] - amount["discount"] + amount["shipping"] == amount["total"]
    assert sum(Decimal(line["total"]["amount"]) for line in order["lines"]) == amount["subtotal"]
    assert sum(Decimal(each["amount"]["amount"]) for each in order["refunds"]) == amount["refunded"]
    assert amount["total"] * 100 == sum(line.total for line in lines) + 199


# ------------------------------------------------------------------------------------------------------------ watching
WATCH = "subscription($store: ID!, $after: String) { orderChanged(storeId: $store, after: $after) { number status } }"


async def test_change_reaches_whoever_watches(counter: Counter, connect: Any) -> None:
    async with connect(counter.shop.app) as socket:
        await socket.receive()
        assert await socket.init({"Authorization": f"Bearer {counter.shop.tokens[Role.POS]}"}) == ACK
        await socket.subscribe(WATCH, store=counter.shop.store)
        async with asyncio.timeout(5):
            while not any(feed.readers for feed in counter.shop.runtime.events._feeds.values()):
                await asyncio.sleep(0.01)
        await counter.take("B-0", external_store_id="second")
        await counter.take("B-1")
        first = await socket.receive()
    assert first["payload"]["data"]["orderChanged"] == {"number": "B-1", "status": "PAID"}
    await counter.take("B-1", 5, status=OrderStatus.SHIPPED)
    async with connect(counter.shop.app) as socket:
        await socket.receive()
        await socket.init({"Authorization": f"Bearer {counter.shop.tokens[Role.POS]}"})
        await socket.subscribe(
            WATCH, store=counter.shop.store, after=first["payload"]["extensions"]["cursor"]
        )
        second = await socket.receive()
    assert second["payload"]["data"]["orderChanged"] == {"number": "B-1", "status": "SHIPPED"}
