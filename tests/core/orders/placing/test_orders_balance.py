"""Whatever platforms and people do, stock, coupons and money add up in the end."""

from __future__ import annotations

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scripted import Fault
from till import TEA_STOCK

from core.channels.contract import Refusal
from core.db.statements import execute, fetch_rows
from core.orders.values import OrderView
from core.payments.counter import record_payment
from core.payments.refunds import record_refund

_FAULTS = st.lists(st.sampled_from([Fault.LOST, Fault.ANSWER_LOST, Fault.LATE]), max_size=2)
_COUPON = st.tuples(st.sampled_from("PQ"), st.sampled_from([None, None, Refusal.EXPIRED]))
_ORDER = st.tuples(
    st.integers(1, 4),
    st.lists(_COUPON, max_size=3),
    st.sampled_from(["leave", "pay", "cancel", "pay and cancel"]),
    st.booleans(),
)
_TABLES = (
    "customer_order", "order_line", "order_placement", "order_stock", "order_refund", "order_request", "payment",
    "timeline_entry", "redemption", "redemption_claim", "redemption_leg", "redemption_request", "outbox_event",
)  # fmt: skip


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(orders=st.lists(_ORDER, min_size=1, max_size=4), redeem=_FAULTS, reverse=_FAULTS, lands=st.booleans())
async def test_everything_adds_up(till, orders, redeem, reverse, lands):
    await _prepare(till, redeem, reverse)
    for number, (tea, coupons, then, early) in enumerate(orders):
        await _live(till, number, tea, coupons, then, early=early, lands=lands)
    await _pass(till, 20, lands=lands)
    await till.settle(seconds=300, sweeps=4)
    await _check_books(till)


async def _prepare(till, redeem, reverse) -> None:
    for table in _TABLES:
        await execute(f"DELETE FROM {table}")
    await execute("UPDATE sku SET stock = $1 WHERE stock IS NOT NULL", TEA_STOCK)
    till.shop.hurry(0.3)
    for platform in (till.shop.paper, till.shop.plain):
        platform.tickets.clear(), platform.late.clear()
        for faults in platform.faults.values():
            faults.clear()
        platform.faults["redeem"].extend(redeem)
        platform.faults["reverse"].extend(reverse)


async def _pass(till, steps, *, lands) -> None:
    """What was lost takes effect within the thirty seconds that the platforms declare, or never."""
    for _ in range(steps):
        if lands:
            till.shop.paper.land(), till.shop.plain.land()
        await till.settle(seconds=20, sweeps=1)
    till.shop.paper.late.clear(), till.shop.plain.late.clear()


async def _live(till, number, tea, coupons, then, *, early, lands) -> None:
    """One order, and what becomes of it at once (`early`) or once it is settled."""
    codes = []
    for place, (letter, refusal) in enumerate(coupons):
        codes.append(f"{letter}{number}{place}")
        platform = till.shop.paper if letter == "P" else till.shop.plain
        platform.add(codes[-1], refusal=refusal)
    placed = await till.place(*codes, tea=tea)
    if placed.order is None:
        return
    if not early:
        await _pass(till, 8, lands=lands)
    if "pay" in then:
        paid = await record_payment(till.runtime, till.shop.staff, placed.order.id, None, till.shop.key())
        assert isinstance(paid, OrderView) or paid.values["reason"] in {"settling", "nothing_due"}
    if "cancel" in then:
        await till.cancel(placed.order.id)
        await record_refund(till.runtime, till.shop.staff, placed.order.id, till.shop.key())


async def _check_books(till) -> None:
    orders = await fetch_rows("SELECT * FROM customer_order")
    living = [order for order in orders if order["status"] != "CANCELLED"]
    assert await till.stock() == TEA_STOCK - await _sum("quantity", "order_line", living, "order_id")
    for order in orders:
        assert order["total"] == order["subtotal"] - order["discount"] >= 0
        payments = await fetch_rows("SELECT amount, status FROM payment WHERE order_id = $1", order["id"])
        assert order["paid"] == sum(row["amount"] for row in payments)
        assert order["refunded"] == sum(row["amount"] for row in payments if row["status"] == "REFUNDED")
        used = await fetch_rows("SELECT discount, status FROM redemption WHERE order_id = $1", order["id"])
        statuses = {row["status"] for row in used}
        if order in living:
            assert statuses <= {"SUCCEEDED"}
            assert order["discount"] == min(order["subtotal"], sum(row["discount"] for row in used))
            assert order["status"] == ("PAID" if order["paid"] == order["total"] else "PENDING_PAYMENT")
        else:
            assert statuses <= {"DECLINED", "REVERSED"}
            assert order["paid"] == order["refunded"]
    assert _living(till) == await till.shop.claims() == await _sum("times", "redemption", living, "order_id")
    assert set(await till.placements()) <= {"AWAITING", "DONE", "FAILED"}


async def _sum(column, table, orders, key) -> int:
    rows = await fetch_rows(f"SELECT {column} AS value, {key} AS owner FROM {table}")
    kept = {str(order["id"]) for order in orders}
    return sum(row["value"] for row in rows if str(row["owner"]) in kept)


def _living(till) -> int:
    tickets = [*till.shop.paper.tickets.values(), *till.shop.plain.tickets.values()]
    return sum(len(ticket.living) for ticket in tickets)
