"""What reservations have beside their time, through whole trades: a catering room, a pick-up, a salon."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.access.values import Role

SERVICE = "mutation($input: CreateServiceInput!) { createService(input: $input) { service { id } userErrors { code } } }"
RESOURCE = "mutation($input: CreateResourceInput!) { createResource(input: $input) { resource { id } } }"
PRODUCT = """mutation($input: CreateProductInput!) { createProduct(input: $input) {
  product { skus { id } } userErrors { code } } }"""
STOCK = "query($id: ID!) { node(id: $id) { ... on Sku { stock } } }"
AVAILABILITY = """query($input: AvailabilityInput!) { availability(input: $input) {
  token start seatsRemaining } }"""
MONEY = "{ amount currencyCode }"
DETAILS = f"""id status preorder {{ title quantity unitPrice {MONEY} total {MONEY} sku {{ id }} }}
  preorderTotal {MONEY} minimumSpend {MONEY} spendShortfall {MONEY} deposit {MONEY} depositStatus
  package {{ id }} attachedCoupons {{ tail status refusal }}
  history {{ at action role before {{ status }} after {{ status start partySize staff {{ id }} resources {{ id }} }} }}"""
BOOK = f"""mutation($input: BookReservationInput!) {{ bookReservation(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code field message suggestions {{ start token }} }} }} }}"""
MOVE = f"""mutation($input: RescheduleReservationInput!) {{ rescheduleReservation(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code }} }} }}"""
CANCEL = f"""mutation($input: CancelReservationInput!) {{ cancelReservation(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code }} }} }}"""
CHECK_IN = f"""mutation($input: CheckInReservationInput!) {{ checkInReservation(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code }} }} }}"""
SETTLE = f"""mutation($input: SettleReservationInput!) {{ settleReservation(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code }} }} }}"""
DEPOSIT = f"""mutation($input: RecordDepositInput!) {{ recordDeposit(input: $input) {{
  reservation {{ {DETAILS} }} userErrors {{ code }} }} }}"""
LIST = f"query {{ reservations {{ edges {{ node {{ {DETAILS} }} }} }} }}"
CODE = "query($id: ID!) { node(id: $id) { ... on Reservation { code } } }"
CONTACT = {"name": "Lin", "phone": "13800138000"}


@dataclass
class Trade:
    """A service of a store with two kinds of things to order: ten dishes at 88 yuan, and water without a stock."""

    shop: Any
    service: str
    dish: str
    water: str

    async def ask(self, query: str, role: Role = Role.CUSTOMER, **given: Any) -> dict[str, Any]:
        answer = await self.shop.client(role).fetch(query, input=given)
        (payload,) = answer.values()
        return dict(payload)

    async def slots(self, party_size: int = 1) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        window = {
            "from": (now + timedelta(hours=4)).isoformat(),
            "to": (now + timedelta(hours=10)).isoformat(),
        }
        wanted = {"storeId": self.shop.store, "serviceId": self.service, "partySize": party_size, **window}
        found = await self.shop.client(Role.CUSTOMER).fetch(AVAILABILITY, input=wanted)
        return list(found["availability"])

    async def book(self, token: str, key: str, role: Role = Role.CUSTOMER, **changes: Any) -> dict[str, Any]:
        given = {"slotToken": token, "idempotencyKey": key, "contact": CONTACT, **changes}
        return await self.ask(BOOK, role, **given)

    async def stock(self) -> int:
        found = await self.shop.client().fetch(STOCK, id=self.dish)
        return int(found["node"]["stock"])

    def order(self, dishes: int, waters: int = 0) -> list[dict[str, Any]]:
        lines = [{"skuId": self.dish, "quantity": dishes}]
        return [*lines, {"skuId": self.water, "quantity": waters}] if waters else lines


async def open_trade(shop: Any, **service: Any) -> Trade:
    owner = shop.client()
    given = {"storeId": shop.store, "name": "Dinner", "durationMinutes": 120, **service}
    made = (await owner.fetch(SERVICE, input=given))["createService"]
    assert made["userErrors"] == []
    skus = []
    for title, sku in (
        ("Duck", {"name": "whole", "price": "88.00", "stock": 10}),
        ("Water", {"name": "still", "price": "2.50"}),
    ):
        product = {"storeId": shop.store, "title": title, "skus": [sku]}
        created = (await owner.fetch(PRODUCT, input=product))["createProduct"]
        skus.append(created["product"]["skus"][0]["id"])
    return Trade(shop, made["service"]["id"], *skus)


@pytest.fixture
async def room(shop: Any) -> Trade:
    """A private room for eight: at least 500 yuan are spent there, 100 are paid beforehand."""
    trade = await open_trade(shop, kind="ROOM", minimumSpend="500.00", deposit="100.00")
    for _ in range(2):
        given = {"storeId": shop.store, "name": "Lotus", "kind": "room", "capacity": 8}
        await shop.client().fetch(RESOURCE, input=given)
    return trade


@pytest.fixture
async def counter(shop: Any) -> Trade:
    """A counter at which two people at a time fetch what they ordered."""
    return await open_trade(shop, name="Fetch it", kind="PICKUP", durationMinutes=15, capacity=2)


# ------------------------------------------------------------------------------------------------------ catering room
async def test_room_with_what_was_ordered(room: Trade) -> None:
    slots = await room.slots(party_size=6)
    booked = await room.book(slots[0]["token"], "k", partySize=6, preorder=room.order(2, 4))
    assert booked["userErrors"] == []
    made = booked["reservation"]
    assert [(line["title"], line["quantity"], line["sku"]["id"]) for line in made["preorder"]] == [
        ("Duck whole", 2, room.dish),
        ("Water still", 4, room.water),
    ]
    assert [line["total"]["amount"] for line in made["preorder"]] == ["176.00", "10.00"]
    assert made["preorder"][0]["unitPrice"] == {"amount": "88.00", "currencyCode": "CNY"}
    amounts = ("preorderTotal", "minimumSpend", "spendShortfall", "deposit")
    assert [made[name]["amount"] for name in amounts] == ["186.00", "500.00", "314.00", "100.00"]
    assert made["depositStatus"] == "DUE"
    assert await room.stock() == 8


async def test_shortfall_is_never_below_zero(room: Trade) -> None:
    slots = await room.slots()
    made = (await room.book(slots[0]["token"], "k", preorder=room.order(9)))["reservation"]
    assert (made["preorderTotal"]["amount"], made["spendShortfall"]["amount"]) == ("792.00", "0.00")


async def test_after_settling_what_was_spent_counts(room: Trade) -> None:
    slots = await room.slots()
    made = (await room.book(slots[0]["token"], "k", preorder=room.order(2)))["reservation"]
    code = (await room.shop.client().fetch(CODE, id=made["id"]))["node"]["code"]
    inside = await room.ask(CHECK_IN, Role.POS, storeId=room.shop.store, code=code, idempotencyKey="c")
    assert inside["reservation"]["spendShortfall"]["amount"] == "324.00"
    settled = await room.ask(SETTLE, Role.POS, reservationId=made["id"], spent="450.00", idempotencyKey="s")
    assert settled["reservation"]["spendShortfall"]["amount"] == "50.00"


async def test_party_too_large_for_the_room_takes_nothing(room: Trade) -> None:
    slots = await room.slots()
    refused = await room.book(slots[0]["token"], "k", partySize=9, preorder=room.order(2))
    assert (refused["reservation"], refused["userErrors"][0]["code"]) == (None, "PARTY_TOO_LARGE")
    assert await room.stock() == 10


async def test_deposit_from_due_to_returned(room: Trade) -> None:
    slots = await room.slots()
    made = (await room.book(slots[0]["token"], "k"))["reservation"]
    paid = await room.ask(DEPOSIT, Role.POS, reservationId=made["id"])
    assert paid["reservation"]["depositStatus"] == "PAID"
    gone = await room.ask(CANCEL, reservationId=made["id"])
    assert gone["reservation"]["depositStatus"] == "RETURNED"


async def test_without_a_minimum_nothing_is_missing(counter: Trade) -> None:
    slots = await counter.slots()
    made = (await counter.book(slots[0]["token"], "k"))["reservation"]
    assert (made["minimumSpend"], made["spendShortfall"], made["depositStatus"]) == (None, None, "NONE")
    assert (made["preorder"], made["preorderTotal"]["amount"], made["package"]) == ([], "0.00", None)


# ------------------------------------------------------------------------------------------------------------ pick-up
async def test_pick_up_takes_stock_and_gives_it_back(counter: Trade) -> None:
    slots = await counter.slots()
    booked = await counter.book(slots[0]["token"], "k", preorder=counter.order(3, 1))
    assert booked["userErrors"] == []
    assert await counter.stock() == 7
    for _ in range(2):
        await counter.ask(CANCEL, reservationId=booked["reservation"]["id"])
    assert await counter.stock() == 10
    again = next(slot for slot in await counter.slots() if slot["start"] == slots[0]["start"])
    assert again["seatsRemaining"] == 2


async def test_pick_up_with_too_little_stock_takes_no_time(counter: Trade) -> None:
    slots = await counter.slots()
    refused = await counter.book(slots[0]["token"], "k", preorder=counter.order(11))
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"]) == ("OUT_OF_STOCK", ["preorder", "0", "quantity"])
    assert error["message"] == "Only 10 of what was pre-ordered are left."
    again = next(slot for slot in await counter.slots() if slot["start"] == slots[0]["start"])
    assert (again["seatsRemaining"], await counter.stock()) == (2, 10)


async def test_full_pick_up_time_takes_no_stock(counter: Trade) -> None:
    """Three at once for two places and three goods each: two go, and the goods of two are gone."""
    token = (await counter.slots())[0]["token"]
    answers = await asyncio.gather(
        *(counter.book(token, f"k{number}", Role.STAFF, preorder=counter.order(3)) for number in range(3))
    )
    refused = [error["code"] for answer in answers for error in answer["userErrors"]]
    assert refused == ["CLASS_FULL"]
    assert await counter.stock() == 4


async def test_last_goods_go_once(counter: Trade) -> None:
    tokens = [slot["token"] for slot in (await counter.slots())[:4]]
    answers = await asyncio.gather(
        *(
            counter.book(token, f"k{number}", Role.STAFF, preorder=counter.order(4))
            for number, token in enumerate(tokens)
        )
    )
    refused = [error["code"] for answer in answers for error in answer["userErrors"]]
    assert refused == ["OUT_OF_STOCK"] * 2
    assert await counter.stock() == 2


async def test_moved_pick_up_keeps_its_goods(counter: Trade) -> None:
    slots = await counter.slots()
    made = (await counter.book(slots[0]["token"], "k", preorder=counter.order(3)))["reservation"]
    moved = await counter.ask(MOVE, reservationId=made["id"], slotToken=slots[4]["token"], idempotencyKey="m")
    assert (moved["reservation"]["preorderTotal"]["amount"], await counter.stock()) == ("264.00", 7)


# ------------------------------------------------------------------------------------------------- coupons and history
async def test_attached_coupons_show_their_tail_only(room: Trade) -> None:
    (code,) = await room.shop.issue()
    slots = await room.slots()
    booked = await room.book(slots[0]["token"], "k", couponCodes=[code])
    attached = {"tail": code.replace("-", "")[-4:], "status": "ATTACHED", "refusal": None}
    assert booked["reservation"]["attachedCoupons"] == [attached]
    gone = await room.ask(CANCEL, reservationId=booked["reservation"]["id"])
    assert gone["reservation"]["attachedCoupons"] == [{**attached, "status": "DETACHED"}]


async def test_refused_coupon_says_why(room: Trade) -> None:
    slots = await room.slots()
    made = (await room.book(slots[0]["token"], "k", couponCodes=["123456789012"]))["reservation"]
    code = (await room.shop.client().fetch(CODE, id=made["id"]))["node"]["code"]
    inside = await room.ask(CHECK_IN, Role.POS, storeId=room.shop.store, code=code, idempotencyKey="c")
    (coupon,) = inside["reservation"]["attachedCoupons"]
    assert (coupon["tail"], coupon["status"], coupon["refusal"]) == ("9012", "REFUSED", "UNKNOWN_CODE")


async def test_history_is_for_staff(room: Trade) -> None:
    slots = await room.slots()
    made = (await room.book(slots[0]["token"], "k"))["reservation"]
    assert made["history"] is None
    await room.ask(MOVE, reservationId=made["id"], slotToken=slots[1]["token"], idempotencyKey="m")
    gone = await room.ask(CANCEL, Role.STAFF, reservationId=made["id"])
    first, second, third = gone["reservation"]["history"]
    assert [each["action"] for each in (first, second, third)] == [
        "bookReservation",
        "rescheduleReservation",
        "cancelReservation",
    ]
    assert [each["role"] for each in (first, second, third)] == ["CUSTOMER", "CUSTOMER", "STAFF"]
    assert first["before"] is None
    assert (second["before"], second["after"]["start"]) == ({"status": "CONFIRMED"}, slots[1]["start"])
    assert (third["after"]["status"], len(third["after"]["resources"])) == ("CANCELLED_BY_STORE", 1)


async def test_list_reads_details_in_batches(room: Trade, queries: list[str]) -> None:
    for number in range(3):
        token = (await room.slots())[0]["token"]
        await room.book(token, f"k{number}", Role.STAFF, preorder=room.order(1))
    queries.clear()
    edges = (await room.shop.client().fetch(LIST))["reservations"]["edges"]
    assert [edge["node"]["preorderTotal"]["amount"] for edge in edges] == ["88.00"] * 3
    read = Counter(sql.partition(" FROM ")[2].split()[0] for sql in queries)
    tables = ("preorder_line", "sku", "service_record", "attached_coupon", "reservation_revision", "resource")
    assert {table: read[table] for table in tables} == dict.fromkeys(tables, 1)
