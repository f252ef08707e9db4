"""placeOrder: order, stock and coupons together, or nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from scripted import Fault
from till import TEA_STOCK

from core.channels.contract import Refusal
from core.channels.contract.orders import OrderStatus
from core.coupons.detached import drain_detached
from core.coupons.redemption import redeem_coupons
from core.coupons.stacking import set_stacking_rules
from core.coupons.values import CodeInput, RedemptionStatus
from core.db.statements import execute, fetch_rows
from core.errors import BadInput, IdempotencyKeyReused, NotFound, Unauthenticated
from core.ids import new_id
from core.orders.order_rows import load_lines, load_order
from core.orders.placing import place_order
from core.orders.values import OrderErrorCode
from core.payments.values import PaymentMethod
from core.reservations.preorders import LineInput
from core.reservations.values import Contact


def codes_of(placed):
    return [(each.code, each.field, each.coupon_code) for each in placed.problems]


async def test_an_order_without_coupons_waits_for_its_payment(till):
    placed = await till.place(cake=1)
    order = placed.order
    assert (order.status, order.subtotal, order.discount, order.total, order.paid) == (
        OrderStatus.PENDING_PAYMENT, 8000, 0, 8000, 0,
    )  # fmt: skip
    lines = (await load_lines(order.tenant_id, [order.id]))[order.id]
    assert [(line.title, line.quantity, line.total) for line in lines] == [
        ("Tea House Tea", 2, 6000),
        ("Tea House Cake", 1, 2000),
    ]
    assert (await till.stock(), await till.events()) == (TEA_STOCK - 2, 1)
    assert order.customer_id == till.shop.customer.customer_id


async def test_a_coupon_comes_off_and_is_redeemed_for_the_order(till):
    ticket = till.shop.paper.add("P1")
    placed = await till.place("P1")
    assert (placed.order.status, placed.order.discount, placed.order.total) == (
        OrderStatus.PENDING_PAYMENT, 5000, 1000,
    )  # fmt: skip
    [redemption] = placed.redemptions
    assert (redemption.status, redemption.order_id) == (RedemptionStatus.SUCCEEDED, placed.order.id)
    assert placed.codes == {redemption.id: "P1"}
    assert len(ticket.living) == 1
    assert await till.placements() == ["AWAITING"]


async def test_coupons_that_cover_everything_pay_the_order(till):
    till.shop.paper.add("P1"), till.shop.plain.add("Q1")
    placed = await till.place("P1", "Q1")
    order = placed.order
    assert (order.status, order.discount, order.total, order.paid) == (OrderStatus.PAID, 6000, 0, 0)
    assert order.paid_at is not None
    assert await till.placements() == ["DONE"]


async def test_a_refused_coupon_leaves_no_trace(till):
    first = till.shop.paper.add("P1")
    till.shop.paper.add("P2", refusal=Refusal.EXPIRED)
    placed = await till.place("P1", "P2")
    assert placed.order is None
    assert codes_of(placed) == [(OrderErrorCode.COUPON_REFUSED, ("couponCodes", "1"), "EXPIRED")]
    assert (first.living, await till.shop.claims()) == ([], 0)
    assert (await till.stock(), await till.orders(), await till.events()) == (TEA_STOCK, [], 0)
    assert (await till.rows("order_line"), await till.rows("timeline_entry")) == (0, 0)
    assert await till.placements() == ["FAILED"]


async def test_an_unknown_code_leaves_no_trace(till):
    placed = await till.place("P404")
    assert codes_of(placed) == [(OrderErrorCode.COUPON_REFUSED, ("couponCodes", "0"), "UNKNOWN_CODE")]
    assert (await till.stock(), await till.orders()) == (TEA_STOCK, [])


async def test_what_is_out_of_stock_uses_no_coupon(till):
    ticket = till.shop.paper.add("P1")
    placed = await till.place("P1", tea=TEA_STOCK + 1)
    assert codes_of(placed) == [(OrderErrorCode.OUT_OF_STOCK, ("lines", "0", "quantity"), None)]
    assert placed.problems[0].values["left"] == TEA_STOCK
    assert (ticket.uses, await till.stock(), await till.orders()) == ([], TEA_STOCK, [])


async def test_lines_of_one_variant_count_together(till):
    lines = (LineInput(till.tea, 6), LineInput(till.tea, 6))
    placed = await till.place(lines=lines)
    assert codes_of(placed) == [(OrderErrorCode.OUT_OF_STOCK, ("lines", "1", "quantity"), None)]


async def test_a_variant_of_nobody_is_unknown(till):
    placed = await till.place(lines=(LineInput(till.tea, 1), LineInput(new_id(), 1)))
    assert codes_of(placed) == [(OrderErrorCode.UNKNOWN_SKU, ("lines", "1", "skuId"), None)]
    assert await till.stock() == TEA_STOCK


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": ()}, ("lines",)),
        ({"tea": -1}, ("lines", "0", "quantity")),
        ({"tea": 10_001}, ("lines", "0", "quantity")),
        ({"contact": Contact("", "13800001234")}, ("contact", "name")),
        ({"contact": Contact("Li", "12")}, ("contact", "phone")),
        ({"note": "n" * 501}, ("note",)),
    ],
)
async def test_what_cannot_be_is_invalid_at_its_place(till, changes, field):
    placed = await till.place(**changes)
    assert [(each.code, each.field) for each in placed.problems] == [(OrderErrorCode.INVALID, field)]
    assert (await till.stock(), await till.orders()) == (TEA_STOCK, [])


async def test_a_way_to_pay_that_is_not_connected_takes_nothing(till):
    ticket = till.shop.paper.add("P1")
    placed = await till.place("P1", payment=PaymentMethod.WECHAT_PAY)
    assert codes_of(placed) == [(OrderErrorCode.PAYMENT_UNAVAILABLE, ("payment",), None)]
    assert (ticket.uses, await till.stock()) == ([], TEA_STOCK)


async def test_a_code_that_is_none_is_named_by_its_place(till):
    with pytest.raises(BadInput) as fault:
        await till.place("P1", " ")
    assert fault.value.field == ("couponCodes", "1")
    assert await till.orders() == []


async def test_the_same_key_orders_once(till):
    till.shop.paper.add("P1")
    wanted = till.order("P1")
    first = await place_order(till.runtime, till.shop.customer, wanted)
    assert await place_order(till.runtime, till.shop.customer, wanted) == first
    assert (await till.stock(), await till.orders()) == (TEA_STOCK - 2, ["PENDING_PAYMENT"])


async def test_a_refusal_is_the_answer_of_its_key(till):
    refused = till.shop.paper.add("P1", refusal=Refusal.EXPIRED)
    wanted = till.order("P1")
    first = await place_order(till.runtime, till.shop.customer, wanted)
    refused.refusal = None
    assert await place_order(till.runtime, till.shop.customer, wanted) == first
    wanted = till.order(tea=99)
    first = await place_order(till.runtime, till.shop.customer, wanted)
    await execute("UPDATE sku SET stock = 1000")
    assert await place_order(till.runtime, till.shop.customer, wanted) == first


async def test_another_basket_under_the_same_key_is_refused(till):
    wanted = till.order()
    await place_order(till.runtime, till.shop.customer, wanted)
    with pytest.raises(IdempotencyKeyReused):
        await place_order(till.runtime, till.shop.customer, replace(wanted, note="in a hurry"))


async def test_twins_at_once_order_once(till):
    till.shop.paper.add("P1")
    wanted = till.order("P1")
    answers = await asyncio.gather(*(place_order(till.runtime, till.shop.customer, wanted) for _ in range(6)))
    assert len({answer.order.id for answer in answers}) == 1
    assert {answer.order.status for answer in answers} == {OrderStatus.PENDING_PAYMENT}
    assert {answer.problems for answer in answers} == {()}
    assert (await till.stock(), await till.shop.claims()) == (TEA_STOCK - 2, 1)


async def test_the_last_ones_are_sold_once(till):
    answers = await asyncio.gather(*(till.place(tea=3) for _ in range(8)))
    sold = [answer for answer in answers if answer.order]
    assert len(sold) == TEA_STOCK // 3
    assert await till.stock() == TEA_STOCK % 3
    refused = {codes_of(answer)[0][0] for answer in answers if not answer.order}
    assert refused == {OrderErrorCode.OUT_OF_STOCK}


async def test_one_coupon_serves_one_of_two_orders(till):
    ticket = till.shop.paper.add("P1")
    answers = await asyncio.gather(till.place("P1"), till.place("P1"))
    assert sorted(answer.order is not None for answer in answers) == [False, True]
    assert (len(ticket.living), await till.stock(), len(await till.orders())) == (1, TEA_STOCK - 2, 1)


async def test_goods_that_nobody_counts_stay_uncounted(till):
    await till.place(tea=0, cake=3)
    rows = await fetch_rows("SELECT stock FROM sku WHERE id = $1", till.cake)
    assert rows == [{"stock": None}]


async def test_the_price_is_that_of_the_moment(till):
    await execute("UPDATE sku SET price = 3100 WHERE id = $1", till.tea)
    assert (await till.place(tea=1)).order.total == 3100


async def test_a_minimum_spend_is_checked_against_the_order(till):
    till.shop.paper.add("P1")
    rules = [{"rule": "minimum_spend", "amount": 6001}]
    assert len(await set_stacking_rules(till.shop.owner, rules)) == 1
    placed = await till.place("P1")
    assert codes_of(placed)[0][2] == "MINIMUM_SPEND_NOT_MET"
    assert (await till.place("P1", tea=3)).order.discount == 5000


# ------------------------------------------------------------------------------------------------------------- unknown
async def test_an_unknown_outcome_keeps_order_and_stock(till):
    till.shop.blind.add("B1")
    till.shop.blind.faults["redeem"].append(Fault.LOST)
    placed = await till.place("B1")
    assert placed.order.status is OrderStatus.PENDING_PAYMENT
    assert codes_of(placed) == [(OrderErrorCode.COUPON_OUTCOME_UNKNOWN, ("couponCodes",), "OUTCOME_UNKNOWN")]
    assert await till.stock() == TEA_STOCK - 2


async def test_an_unknown_outcome_settles_by_itself(till):
    till.shop.plain.add("Q1")
    till.shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    till.shop.plain.faults["status"].extend([Fault.LOST] * 3)
    placed = await till.place("Q1")
    assert codes_of(placed)[0][0] is OrderErrorCode.COUPON_OUTCOME_UNKNOWN
    await till.settle()
    order = await load_order(placed.order.tenant_id, placed.order.id)
    assert (order.status, order.discount, order.total) == (OrderStatus.PENDING_PAYMENT, 5000, 1000)
    assert (await till.placements(), await till.stock()) == (["AWAITING"], TEA_STOCK - 2)


async def test_who_was_told_of_an_order_finds_it_cancelled(till):
    till.shop.plain.add("Q1")
    till.shop.plain.faults["redeem"].append(Fault.LOST)
    till.shop.plain.faults["status"].extend([Fault.LOST] * 3)
    wanted = till.order("Q1")
    told = await place_order(till.runtime, till.shop.customer, wanted)
    till.shop.plain.tickets["Q1"].refusal = Refusal.EXPIRED
    await till.settle(seconds=60, sweeps=8)
    order = await load_order(told.order.tenant_id, told.order.id)
    assert (order.status, await till.stock()) == (OrderStatus.CANCELLED, TEA_STOCK)
    again = await place_order(till.runtime, till.shop.customer, wanted)
    assert (again.order, codes_of(again)[0][0]) == (None, OrderErrorCode.COUPON_REFUSED)


async def test_whoever_still_settles_an_order_learns_that_it_was_told_of(till):
    ticket = till.shop.paper.add("P1")
    till.shop.paper.faults["redeem"].append(Fault.HANGS)
    told = await till.place("P1")
    assert codes_of(told)[0][0] is OrderErrorCode.COUPON_OUTCOME_UNKNOWN
    ticket.refusal = Refusal.EXPIRED
    till.shop.paper.release.set()
    await drain_detached(2)
    await till.settle()
    order = await load_order(told.order.tenant_id, told.order.id)
    assert (order.status, await till.stock(), ticket.uses) == (OrderStatus.CANCELLED, TEA_STOCK, [])


async def test_a_client_that_goes_away_stops_nothing(till):
    till.shop.paper.add("P1")
    till.shop.paper.faults["redeem"].append(Fault.HANGS)
    asking = asyncio.create_task(till.place("P1"))
    while not till.shop.paper.calls.count("redeem"):
        await asyncio.sleep(0.01)
    asking.cancel()
    till.shop.paper.release.set()
    for _ in range(100):
        if await till.placements() == ["AWAITING"]:
            break
        await asyncio.sleep(0.02)
    assert (await till.orders(), await till.shop.claims()) == (["PENDING_PAYMENT"], 1)


# --------------------------------------------------------------------------------------------------------------- actors
async def test_staff_order_for_whom_the_contact_names(till):
    placed = await till.place(actor=till.shop.staff, contact=Contact("Li", "138 0000 1234"))
    [customer] = await fetch_rows("SELECT id, name FROM customer WHERE name = 'Li'")
    assert str(placed.order.customer_id) == str(customer["id"])
    assert (placed.order.contact_name, placed.order.phone_tail) == ("Li", "1234")


async def test_nobody_orders_without_a_token(till):
    with pytest.raises(Unauthenticated):
        await place_order(till.runtime, None, till.order())


async def test_a_store_of_nobody_is_not_found(till):
    with pytest.raises(NotFound):
        await place_order(till.runtime, till.shop.customer, replace(till.order(), store_id=new_id()))


# ----------------------------------------------------------------------------------------------------- redeemCoupons
async def test_coupons_are_redeemed_for_an_order_that_is_there(till):
    till.shop.paper.add("P1")
    order = (await till.place()).order
    result = await redeem_coupons(
        till.runtime, till.shop.staff, till.shop.store_id, [CodeInput("P1")], "k", order.id
    )
    assert [each.order_id for each in result.redemptions] == [order.id]
    with pytest.raises(NotFound):
        await redeem_coupons(
            till.runtime, till.shop.staff, till.shop.store_id, [CodeInput("P1")], "l", new_id()
        )


async def test_no_coupon_is_redeemed_for_a_cancelled_order(till):
    ticket = till.shop.paper.add("P1")
    order = (await till.place()).order
    await till.cancel(order.id)
    with pytest.raises(BadInput) as fault:
        await redeem_coupons(
            till.runtime, till.shop.staff, till.shop.store_id, [CodeInput("P1")], "k", order.id
        )
    assert (fault.value.field, ticket.uses, await till.shop.claims()) == (("orderId",), [], 0)
