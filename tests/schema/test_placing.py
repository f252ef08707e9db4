"""Ordering with coupons, as clients ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from core.access.values import Role
from core.ids import encode_global_id, new_id

ERRORS = "userErrors { code message field couponCode }"
ORDER = """id number status subtotal { amount } discount { amount } total { amount } paid { amount } refunded { amount }
  type channel { code } store { id } customer { id } lines { skuId title quantity total { amount } }
  redemptions { id status order { id } coupon { code } } refunds { amount { amount } status }
  timeline { edges { node { kind message } } }"""
REDEMPTIONS = "redemptions { status order { id } coupon { code } discount { amount } }"
QUOTE = f"""query($input: QuoteOrderInput!) {{ quoteOrder(input: $input) {{
  subtotal {{ amount }} discount {{ amount }} total {{ amount }}
  coupons {{ code status faceValue {{ amount }} }} {ERRORS} }} }}"""
PLACE = f"""mutation($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{
  order {{ {ORDER} }} {REDEMPTIONS} paymentRequest {ERRORS} }} }}"""
CANCEL = f"""mutation($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{
  order {{ {ORDER} }} {REDEMPTIONS} {ERRORS} }} }}"""
PAY = f"""mutation($input: RecordPaymentInput!) {{ recordPayment(input: $input) {{
  order {{ {ORDER} }} {ERRORS} }} }}"""
REFUND = f"""mutation($input: RecordRefundInput!) {{ recordRefund(input: $input) {{
  order {{ {ORDER} }} {ERRORS} }} }}"""
COMPLETE = f"""mutation($input: CompleteOrderInput!) {{ completeOrder(input: $input) {{
  order {{ {ORDER} }} {ERRORS} }} }}"""
REDEEM = """mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) {
  outcome redemptions { order { id } } userErrors { code } } }"""
LISTED = "{ orders { totalCount edges { node { id } } } }"
PRODUCT = """mutation($input: CreateProductInput!) { createProduct(input: $input) {
  product { skus { id name stock } } } }"""
STOCK = "query($id: ID!) { node(id: $id) { ... on Sku { stock } } }"


class Counter:
    """A store with tea at 30 yuan, of which there are five."""

    def __init__(self, shop: Any, tea: str) -> None:
        self.shop, self.tea, self._keys = shop, tea, 0

    def key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def basket(self, quantity: int = 2, **given: Any) -> dict[str, Any]:
        lines = [{"skuId": self.tea, "quantity": quantity}]
        return {"storeId": self.shop.store, "lines": lines, **given}

    async def ask(self, query: str, role: Role = Role.CUSTOMER, **given: Any) -> Any:
        if "QuoteOrder" not in query:
            given.setdefault("idempotencyKey", self.key())
        [answer] = (await self.shop.client(role).fetch(query, input=given)).values()
        return answer

    async def stock(self) -> int:
        return int((await self.shop.client().fetch(STOCK, id=self.tea))["node"]["stock"])


@pytest.fixture
async def counter(shop: Any) -> Counter:
    skus = [{"name": "Tea", "price": "30.00", "stock": 5}]
    given = {"storeId": shop.store, "title": "Camellia", "skus": skus}
    created = await shop.client().fetch(PRODUCT, input=given)
    return Counter(shop, created["createProduct"]["product"]["skus"][0]["id"])


async def test_quote_takes_nothing(counter, shop):
    [code] = await shop.issue()
    quote = await counter.ask(QUOTE, **counter.basket(couponCodes=[code]))
    assert [quote[name]["amount"] for name in ("subtotal", "discount", "total")] == [
        "60.00", "10.00", "50.00",
    ]  # fmt: skip
    assert quote["coupons"] == [{"code": code, "status": "AVAILABLE", "faceValue": {"amount": "10.00"}}]
    assert (quote["userErrors"], await counter.stock()) == ([], 5)
    again = await counter.ask(QUOTE, **counter.basket(couponCodes=[code]))
    assert again == quote


async def test_quote_names_each_fault_at_its_place(counter, shop):
    [code] = await shop.issue()
    given = counter.basket(6, couponCodes=[code, "HX-NOBODY"], coupons=[{"code": code}])
    given["lines"].append({"skuId": encode_global_id("Sku", new_id()), "quantity": 1})
    errors = (await counter.ask(QUOTE, **given))["userErrors"]
    assert [(each["code"], each["field"], each["couponCode"]) for each in errors] == [
        ("UNKNOWN_SKU", ["lines", "1", "skuId"], None),
        ("OUT_OF_STOCK", ["lines", "0", "quantity"], None),
        ("COUPON_REFUSED", ["couponCodes", "1"], "UNKNOWN_CODE"),
    ]
    assert all(each["message"] for each in errors)


async def test_one_coupon_twice_does_not_stack(counter, shop):
    [code] = await shop.issue()
    quote = await counter.ask(QUOTE, **counter.basket(couponCodes=[code], coupons=[{"code": code}]))
    assert [(each["field"], each["couponCode"]) for each in quote["userErrors"]] == [
        (["coupons", "0"], "NOT_STACKABLE")
    ]


async def test_a_coupon_above_the_price_takes_off_the_price(counter, shop):
    [code] = await shop.issue(faceValue="100.00")
    quote = await counter.ask(QUOTE, **counter.basket(1, couponCodes=[code]))
    assert (quote["discount"]["amount"], quote["total"]["amount"]) == ("30.00", "0.00")
    order = (await counter.ask(PLACE, **counter.basket(1, couponCodes=[code])))["order"]
    assert (order["status"], order["total"]["amount"], order["paid"]["amount"]) == ("PAID", "0.00", "0.00")


async def test_the_whole_way_of_an_order(counter, shop):
    [code] = await shop.issue()
    placed = await counter.ask(PLACE, **counter.basket(couponCodes=[code]))
    order = placed["order"]
    assert (placed["userErrors"], placed["paymentRequest"], order["status"]) == ([], None, "PENDING_PAYMENT")
    assert (order["channel"]["code"], order["type"], order["store"]["id"]) == (
        "house",
        "IN_STORE",
        shop.store,
    )
    [redemption] = placed["redemptions"]
    assert (redemption["status"], redemption["order"]["id"]) == ("SUCCEEDED", order["id"])
    assert redemption["coupon"]["code"] == code
    assert order["lines"] == [
        {"skuId": counter.tea, "title": "Camellia Tea", "quantity": 2, "total": {"amount": "60.00"}}
    ]
    paid = (await counter.ask(PAY, Role.POS, orderId=order["id"], amount="50.00"))["order"]
    assert (paid["status"], paid["paid"]["amount"]) == ("PAID", "50.00")
    done = (await counter.ask(COMPLETE, Role.POS, orderId=order["id"]))["order"]
    assert done["status"] == "COMPLETED"
    kinds = [edge["node"]["kind"] for edge in done["timeline"]["edges"]]
    assert kinds == ["placed", "paid", "completed"]
    refused = await counter.ask(CANCEL, orderId=order["id"])
    assert (refused["order"], refused["userErrors"][0]["code"]) == (None, "NOT_CANCELLABLE")


async def test_cancelling_gives_everything_back(counter, shop):
    [code] = await shop.issue()
    order = (await counter.ask(PLACE, **counter.basket(couponCodes=[code])))["order"]
    await counter.ask(PAY, Role.STAFF, orderId=order["id"])
    cancelled = await counter.ask(CANCEL, orderId=order["id"], reason="too long a queue")
    assert (cancelled["userErrors"], cancelled["order"]["status"]) == ([], "CANCELLED")
    assert [each["status"] for each in cancelled["redemptions"]] == ["REVERSED"]
    assert cancelled["order"]["refunds"] == [{"amount": {"amount": "50.00"}, "status": "REQUESTED"}]
    assert await counter.stock() == 5
    back = (await counter.ask(REFUND, Role.STAFF, orderId=order["id"]))["order"]
    assert (back["refunded"]["amount"], back["refunds"][0]["status"]) == ("50.00", "COMPLETED")


async def test_a_refused_order_is_in_no_list(counter, shop):
    [code] = await shop.issue()
    placed = await counter.ask(PLACE, **counter.basket(couponCodes=[code, "HX-NOBODY"]))
    assert placed["order"] is None
    assert [(each["code"], each["field"], each["couponCode"]) for each in placed["userErrors"]] == [
        ("COUPON_REFUSED", ["couponCodes", "1"], "UNKNOWN_CODE")
    ]
    assert (await shop.client().fetch(LISTED))["orders"] == {"totalCount": 0, "edges": []}
    assert await counter.stock() == 5
    assert (await counter.ask(PLACE, **counter.basket(couponCodes=[code])))["order"]


async def test_wechat_pay_is_unavailable_where_it_is_not_connected(counter):
    placed = await counter.ask(PLACE, **counter.basket(payment="WECHAT_PAY"))
    assert (placed["order"], placed["userErrors"][0]["code"]) == (None, "PAYMENT_UNAVAILABLE")
    assert placed["userErrors"][0]["field"] == ["payment"]
    assert await counter.stock() == 5


async def test_a_scan_at_the_till_belongs_to_its_order(counter, shop):
    [code] = await shop.issue()
    order = (await counter.ask(PLACE, **counter.basket()))["order"]
    given = {"storeId": shop.store, "codes": [{"code": code}], "orderId": order["id"]}
    redeemed = await counter.ask(REDEEM, Role.POS, **given)
    assert redeemed["outcome"] == "REDEEMED"
    assert redeemed["redemptions"] == [{"order": {"id": order["id"]}}]
    cancelled = await counter.ask(CANCEL, Role.STAFF, orderId=order["id"])
    assert [each["status"] for each in cancelled["redemptions"]] == ["REVERSED"]


async def test_messages_are_in_the_readers_language(counter, shop):
    basket = counter.basket(9, idempotencyKey="k")
    for language, message in (("en", "Only 5 of this are left."), ("zh-CN", "库存不足，仅剩 5 件。")):
        client = shop.client(Role.CUSTOMER, **{"Accept-Language": language})
        answer = await client.fetch(PLACE, input=basket)
        assert answer["placeOrder"]["userErrors"][0]["message"] == message


async def test_an_order_of_another_merchant_is_not_found(counter, rival):
    order = (await counter.ask(PLACE, **counter.basket()))["order"]
    for query, kind in ((CANCEL, "Cancel"), (PAY, "Record"), (COMPLETE, "Complete"), (REFUND, "Refund")):
        answer = await rival.client().ask(query, input={"orderId": order["id"], "idempotencyKey": kind})
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
