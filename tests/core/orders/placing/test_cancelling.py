"""cancelOrder and payments: what an order took goes back, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from scripted import Fault
from till import TEA_STOCK

from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.channels.contract import Refusal
from core.channels.contract.orders import OrderStatus, RefundStatus
from core.coupons.resolving import Finding, resolve_redemption
from core.coupons.values import RedemptionStatus
from core.db.statements import execute, fetch_rows
from core.errors import Forbidden, IdempotencyKeyReused, NotFound
from core.orders.completing import complete_order
from core.orders.order_rows import load_order, load_refunds
from core.orders.settling import UNPAID_FOR
from core.orders.values import OrderErrorCode, OrderView
from core.payments.counter import record_payment
from core.payments.refunds import record_refund
from core.payments.values import PaymentStatus, load_payments


def codes_of(placed):
    return [(each.code, each.values.get("reason"), each.coupon_code) for each in placed.problems]


async def pay(till, order_id, amount=None, key=None, actor=None):
    actor = actor or till.shop.staff
    return await record_payment(till.runtime, actor, order_id, amount, key or till.shop.key())


async def present(order):
    return await load_order(order.tenant_id, order.id)


# ------------------------------------------------------------------------------------------------------------- cancelling
async def test_cancelling_gives_stock_and_coupons_back(till):
    ticket = till.shop.paper.add("P1")
    order = (await till.place("P1")).order
    cancelled = await till.cancel(order.id)
    assert (cancelled.order.status, cancelled.problems) == (OrderStatus.CANCELLED, ())
    assert [each.status for each in cancelled.redemptions] == [RedemptionStatus.REVERSED]
    assert (ticket.living, await till.shop.claims(), await till.stock()) == ([], 0, TEA_STOCK)
    assert await till.placements() == ["DONE"]
    assert (await till.place("P1")).order.discount == 5000


async def test_the_same_key_cancels_once(till):
    till.shop.paper.add("P1")
    order = (await till.place("P1")).order
    first = await till.cancel(order.id, key="c")
    again = await till.cancel(order.id, key="c")
    assert (again.order.status, again.problems) == (OrderStatus.CANCELLED, first.problems)
    assert (await till.stock(), till.shop.paper.calls.count("reverse")) == (TEA_STOCK, 1)


async def test_another_key_finds_it_cancelled(till):
    order = (await till.place()).order
    await till.cancel(order.id)
    again = await till.cancel(order.id)
    assert (again.order, codes_of(again)) == (None, [(OrderErrorCode.NOT_CANCELLABLE, None, None)])
    assert await till.stock() == TEA_STOCK


async def test_the_key_of_another_order_is_refused(till):
    one, other = (await till.place()).order, (await till.place()).order
    await till.cancel(one.id, key="c")
    with pytest.raises(IdempotencyKeyReused):
        await till.cancel(other.id, key="c")


async def test_ten_at_once_cancel_once(till):
    till.shop.paper.add("P1")
    order = (await till.place("P1")).order
    answers = await asyncio.gather(*(till.cancel(order.id) for _ in range(10)))
    assert sum(answer.order is not None for answer in answers) == 1
    assert (await till.stock(), till.shop.paper.calls.count("reverse")) == (TEA_STOCK, 1)


async def test_a_lost_reversal_goes_on_by_itself(till):
    ticket = till.shop.plain.add("Q1")
    order = (await till.place("Q1")).order
    till.shop.plain.faults["reverse"].extend([Fault.LOST] * 2)
    till.shop.plain.faults["status"].extend([Fault.LOST] * 2)
    cancelled = await till.cancel(order.id)
    assert (cancelled.order.status, await till.stock()) == (OrderStatus.CANCELLED, TEA_STOCK)
    await till.settle(seconds=60)
    assert (ticket.living, await till.shop.ledger(), await till.placements()) == (
        [], [RedemptionStatus.REVERSED], ["DONE"],
    )  # fmt: skip


async def test_an_order_whose_coupon_is_unknown_can_be_cancelled(till):
    ticket = till.shop.plain.add("Q1")
    till.shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    till.shop.plain.faults["status"].extend([Fault.LOST] * 2)
    order = (await till.place("Q1")).order
    assert len(ticket.living) == 1
    cancelled = await till.cancel(order.id)
    assert (cancelled.order.status, await till.stock()) == (OrderStatus.CANCELLED, TEA_STOCK)
    await till.settle(seconds=60)
    assert (ticket.living, await till.shop.claims(), await till.placements()) == ([], 0, ["DONE"])


async def test_a_basket_under_way_is_not_taken_apart(till):
    till.shop.paper.add("P1"), till.shop.plain.add("Q1")
    till.shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    till.shop.plain.faults["status"].extend([Fault.LOST] * 2)
    order = (await till.place("P1", "Q1")).order
    assert (await till.cancel(order.id)).order.status is OrderStatus.CANCELLED
    assert (till.shop.paper.calls.count("reverse"), await till.stock()) == (0, TEA_STOCK)
    await till.settle(seconds=60)
    assert await till.shop.ledger() == [RedemptionStatus.REVERSED] * 2
    assert (await till.shop.claims(), await till.placements()) == (0, ["DONE"])


async def test_an_order_that_is_cancelled_before_its_coupons_uses_none(till):
    ticket = till.shop.paper.add("P1")
    till.shop.paper.faults["look_up"].append(Fault.HANGS)
    placing = asyncio.create_task(till.place("P1"))
    while not till.shop.paper.calls:
        await asyncio.sleep(0.01)
    [row] = await fetch_rows("SELECT id FROM customer_order")
    cancelled = await till.cancel(UUID(str(row["id"])), till.shop.staff)
    till.shop.paper.release.set()
    await placing
    await till.settle()
    assert cancelled.order.status is OrderStatus.CANCELLED
    assert (ticket.uses, await till.shop.claims(), await till.stock()) == ([], 0, TEA_STOCK)
    assert (await till.orders(), await till.placements()) == (["CANCELLED"], ["DONE"])


async def test_a_holder_who_was_thought_dead_redeems_nothing(till):
    ticket = till.shop.paper.add("P1")
    till.shop.paper.faults["look_up"].append(Fault.HANGS)
    placing = asyncio.create_task(till.place("P1"))
    while not till.shop.paper.calls:
        await asyncio.sleep(0.01)
    ticket.refusal = Refusal.RISK_BLOCKED
    await till.settle(sweeps=1)
    assert await till.placements() == ["FAILED"]
    ticket.refusal = None
    till.shop.paper.release.set()
    placed = await placing
    assert (placed.order, ticket.uses) == (None, [])
    assert (await till.stock(), await till.shop.claims(), await till.orders()) == (TEA_STOCK, 0, [])


async def test_customers_keep_an_order_whose_coupon_is_used_for_good(till):
    ticket = till.shop.final.add("F1")
    order = (await till.place("F1")).order
    refused = await till.cancel(order.id)
    assert codes_of(refused) == [(OrderErrorCode.NOT_CANCELLABLE, "coupon", None)]
    assert ((await present(order)).status, await till.stock()) == (OrderStatus.PENDING_PAYMENT, TEA_STOCK - 2)
    cancelled = await till.cancel(order.id, till.shop.staff)
    assert cancelled.order.status is OrderStatus.CANCELLED
    assert codes_of(cancelled) == [(OrderErrorCode.COUPON_REFUSED, "kept", "NOT_REVERSIBLE")]
    assert (len(ticket.living), await till.stock()) == (1, TEA_STOCK)


async def test_customers_cancel_what_is_paid_for_half_an_hour(till):
    order = (await till.place()).order
    await pay(till, order.id)
    till.shop.clock.advance(31 * 60)
    assert codes_of(await till.cancel(order.id)) == [(OrderErrorCode.NOT_CANCELLABLE, "window", None)]
    assert (await till.cancel(order.id, till.shop.staff)).order.status is OrderStatus.CANCELLED


async def test_nobody_cancels_what_was_handed_over(till):
    order = (await till.place()).order
    await pay(till, order.id)
    done = await complete_order(till.runtime, till.shop.staff, order.id, "done")
    assert done.status is OrderStatus.COMPLETED
    for actor in (till.shop.customer, till.shop.staff, till.shop.owner):
        refused = await till.cancel(order.id, actor)
        assert codes_of(refused) == [(OrderErrorCode.NOT_CANCELLABLE, None, None)]
    assert await till.stock() == TEA_STOCK - 2


async def test_nobody_cancels_what_was_shipped(till):
    order = (await till.place()).order
    await execute("UPDATE order_line SET shipped_quantity = 1")
    assert codes_of(await till.cancel(order.id, till.shop.owner))[0][0] is OrderErrorCode.NOT_CANCELLABLE


async def test_orders_of_others_are_not_found(till):
    order = (await till.place()).order
    other = await authenticate(await create_token(till.shop.owner.tenant_id, Role.CUSTOMER))
    with pytest.raises(NotFound):
        await till.cancel(order.id, other)
    assert (await present(order)).status is OrderStatus.PENDING_PAYMENT


async def test_an_order_that_nobody_pays_ends(till):
    ticket = till.shop.paper.add("P1")
    order = (await till.place("P1")).order
    till.shop.clock.advance(UNPAID_FOR / timedelta(seconds=1) - 60)
    await till.settle(seconds=0, sweeps=1)
    assert await till.orders() == ["PENDING_PAYMENT"]
    await till.settle(seconds=61)
    assert ((await present(order)).status, await till.stock()) == (OrderStatus.CANCELLED, TEA_STOCK)
    assert (ticket.living, await till.placements()) == ([], ["DONE"])


# --------------------------------------------------------------------------------------------------------------- paying
async def test_paying_at_the_counter(till):
    order = (await till.place()).order
    paid = await pay(till, order.id, 6000)
    assert (paid.status, paid.paid, paid.total) == (OrderStatus.PAID, 6000, 6000)
    assert paid.paid_at is not None
    [payment] = await load_payments(order.tenant_id, order.id)
    assert (payment.amount, payment.status) == (6000, PaymentStatus.PAID)
    assert await till.placements() == ["DONE"]
    till.shop.clock.advance(UNPAID_FOR / timedelta(seconds=1) + 60)
    await till.settle(seconds=0)
    assert await till.orders() == ["PAID"]


async def test_another_amount_than_what_is_due_is_refused(till):
    order = (await till.place()).order
    for amount in (5999, 6001, 0, -1):
        refused = await pay(till, order.id, amount)
        assert (refused.code, refused.field, refused.values["due"]) == (
            OrderErrorCode.INVALID, ("amount",), "60.00",
        )  # fmt: skip
    assert (await load_payments(order.tenant_id, order.id), await till.orders()) == ([], ["PENDING_PAYMENT"])


async def test_paying_twice_at_once_takes_one_payment(till):
    order = (await till.place()).order
    answers = await asyncio.gather(*(pay(till, order.id) for _ in range(6)))
    assert sum(isinstance(answer, OrderView) for answer in answers) == 1
    assert len(await load_payments(order.tenant_id, order.id)) == 1


async def test_the_same_key_pays_once(till):
    order = (await till.place()).order
    first = await pay(till, order.id, key="p")
    assert await pay(till, order.id, key="p") == first
    with pytest.raises(IdempotencyKeyReused):
        await pay(till, order.id, 6000, key="p")


async def test_a_refused_payment_is_the_answer_of_its_key(till):
    order = (await till.place()).order
    refused = await pay(till, order.id, 1, key="p")
    assert await pay(till, order.id, 1, key="p") == refused


async def test_nothing_is_taken_before_the_coupons_are_settled(till):
    till.shop.blind.add("B1")
    till.shop.blind.faults["redeem"].append(Fault.LOST)
    order = (await till.place("B1")).order
    refused = await pay(till, order.id, key="p")
    assert (refused.code, refused.values["reason"]) == (OrderErrorCode.INVALID, "settling")
    assert await load_payments(order.tenant_id, order.id) == []


async def test_customers_do_not_take_payments(till):
    order = (await till.place()).order
    with pytest.raises(Forbidden):
        await pay(till, order.id, actor=till.shop.customer)


async def test_cancelling_what_is_paid_asks_for_the_money_back(till):
    order = (await till.place()).order
    await pay(till, order.id)
    cancelled = await till.cancel(order.id)
    assert (cancelled.order.status, cancelled.order.paid, cancelled.order.refunded) == (
        OrderStatus.CANCELLED, 6000, 0,
    )  # fmt: skip
    [refund] = (await load_refunds(order.tenant_id, [order.id]))[order.id]
    assert (refund.status, refund.amount) == (RefundStatus.REQUESTED, 6000)
    back = await record_refund(till.runtime, till.shop.staff, order.id, "r")
    assert (back.refunded, back.status) == (6000, OrderStatus.CANCELLED)
    assert await record_refund(till.runtime, till.shop.staff, order.id, "r") == back
    [refund] = (await load_refunds(order.tenant_id, [order.id]))[order.id]
    assert (refund.status, refund.decided_at is not None) == (RefundStatus.COMPLETED, True)
    again = await record_refund(till.runtime, till.shop.staff, order.id, "s")
    assert again.values["reason"] == "no_refund"


async def test_paying_and_cancelling_at_once_agree(till):
    for _ in range(5):
        order = (await till.place(tea=1)).order
        await asyncio.gather(pay(till, order.id), till.cancel(order.id))
        now, payments = await present(order), await load_payments(order.tenant_id, order.id)
        if now.status is OrderStatus.CANCELLED:
            assert [each.status for each in payments] in ([], [PaymentStatus.REFUND_DUE])
            assert now.paid == sum(each.amount for each in payments)
        else:
            assert (now.status, len(payments)) == (OrderStatus.PAID, 1)
            await till.cancel(order.id)
    assert await till.stock() == TEA_STOCK


async def test_what_is_not_paid_is_not_handed_over(till):
    order = (await till.place()).order
    refused = await complete_order(till.runtime, till.shop.staff, order.id, "done")
    assert refused.values["reason"] == "not_paid"


async def test_every_step_is_told(till):
    till.shop.paper.add("P1", refusal=None)
    order = (await till.place("P1")).order
    await pay(till, order.id)
    await till.cancel(order.id)
    await record_refund(till.runtime, till.shop.staff, order.id, "r")
    rows = await fetch_rows("SELECT kind FROM timeline_entry ORDER BY id")
    assert [row["kind"] for row in rows] == [
        "placed", "paid", "refund_requested", "cancelled", "refund_completed",
    ]  # fmt: skip
    rows = await fetch_rows("SELECT action FROM audit_entry WHERE subject_type = 'Order' ORDER BY id")
    assert [row["action"] for row in rows] == ["placeOrder", "recordPayment", "cancelOrder", "recordRefund"]
    assert await till.events() == 4


async def test_a_person_finds_out_that_a_given_up_coupon_was_used(till):
    """What needs a person keeps the order waiting, and what the person says decides it."""
    till.shop.blind.add("B1")
    till.shop.blind.faults["redeem"].append(Fault.LOST)
    placed = await till.place("B1")
    await till.settle(seconds=120)
    [row] = await fetch_rows("SELECT id, status FROM redemption")
    assert (row["status"], await till.orders()) == ("NEEDS_ATTENTION", ["PENDING_PAYMENT"])
    redemption_id = placed.redemptions[0].id
    await resolve_redemption(till.runtime, till.shop.owner, redemption_id, Finding.NOT_USED, "looked")
    await till.settle(seconds=301, sweeps=2)
    assert (await till.orders(), await till.stock()) == (["CANCELLED"], TEA_STOCK)
