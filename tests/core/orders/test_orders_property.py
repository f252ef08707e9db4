"""Whatever the order in which states come, by push and by pull, twice and late: the same rows, to the fen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bazaar import NOON, PHONE, TABLES, UNSTEADY, S, Stall, make_line, open_account, open_stall

from core.channels.bindings import BoundAccount
from core.channels.contract import (
    ChannelOrder,
    ChannelRefund,
    ChannelShipment,
    ChannelUnavailable,
    OrderType,
    RefundStatus,
)
from core.clock import utc_now
from core.db.statements import fetch_rows
from core.orders.ingest import IngestOutcome
from core.settings import Settings
from core.work.inbox import handle_inbox

OWN = {*UNSTEADY, "account_id", "number", "store_id"}
WAY = (S.PENDING_PAYMENT, S.PAID, S.PREPARING, S.PARTLY_SHIPPED, S.SHIPPED, S.DELIVERED, S.COMPLETED)


@pytest.fixture
async def stall(database: Settings) -> AsyncIterator[Stall]:
    async with open_stall(database) as opened:
        yield opened


def make_state(dice: random.Random, reference: str, step: int, at: Any) -> ChannelOrder:
    """An order as it may stand after `step` of its way; money fits its lines."""
    status = dice.choice([*WAY[step : step + 2], S.CANCELLED, S.UNRECOGNISED])
    lines = tuple(
        make_line(
            f"l{number}", quantity := dice.randint(1, 5), dice.randint(1, 99_999), title=f"Tea {number}",
            refunded_quantity=dice.randint(0, quantity), presale=number == 5,
            promised_ship_at=dice.choice([None, NOON + timedelta(days=dice.randint(1, 9))][number == 5 :]),
        )
        for number in sorted(dice.sample(range(6), dice.randint(1, 4)))
    )  # fmt: skip
    parcels = tuple(
        ChannelShipment(
            f"p{line.reference}",
            "SF",
            "1",
            NOON + timedelta(hours=step),
            lines={line.reference: line.quantity},
        )
        for line in lines
        if status in WAY[3:] and (status is not S.PARTLY_SHIPPED or dice.random() < 0.5)
    )
    refunds = tuple(
        ChannelRefund(f"r{number}", dice.randint(1, 999), dice.choice(list(RefundStatus)), NOON)
        for number in range(dice.randint(0, 2))
    )
    subtotal, shipping = sum(line.total for line in lines), dice.choice([0, 600])
    discount = dice.randint(0, subtotal)
    total = subtotal - discount + shipping
    phone = dice.choice([PHONE, "+8613900139000", None, None])
    return ChannelOrder(
        reference, OrderType.SHIPPED, status, NOON, at, lines, subtotal, discount, shipping, total,
        paid=dice.choice([0, total]), refunded=sum(each.amount for each in refunds), paid_at=NOON,
        external_store_id="stall-1", buyer_name=dice.choice(["Lin", None]), phone=phone, refunds=refunds,
        shipments=parcels,
    )  # fmt: skip


def make_states(dice: random.Random, reference: str) -> list[ChannelOrder]:
    """What a platform may ever say of an order; some of it at one instant."""
    at, states = NOON, []
    for step in range(dice.randint(2, 6)):
        at += timedelta(seconds=dice.choice([0, 1, 60]))
        states.append(make_state(dice, reference, min(step, 5), at))
    return states


async def read_rows(account: BoundAccount) -> dict[str, Any]:
    """What is kept of an account's orders, by their platform's ids, without what differs between accounts."""
    orders = {
        row["id"]: row["external_id"]
        for row in await fetch_rows(
            "SELECT id, external_id FROM customer_order WHERE account_id = $1", account.account_id
        )
    }
    found: dict[str, Any] = {}
    for table in TABLES:
        rows = await fetch_rows(f"SELECT * FROM {table}")
        key = "id" if table == "customer_order" else "order_id"
        found[table] = sorted(
            [orders[row[key]], *sorted((name, str(value)) for name, value in row.items() if name not in OWN)]
            for row in rows
            if row[key] in orders
        )
    return found


async def take_all(stall: Stall, account: BoundAccount, states: Sequence[ChannelOrder]) -> None:
    for state in states:
        await stall.take(state, account)


@pytest.mark.parametrize("seed", range(8))
async def test_every_order_of_arrival_ends_the_same(stall: Stall, seed: int) -> None:
    dice = random.Random(seed)
    states = [state for number in range(3) for state in make_states(dice, f"o{number}")]
    await take_all(stall, stall.account, states)
    expected = await read_rows(stall.account)
    for _ in range(3):
        account = await open_account(stall, store=None)
        shuffled = dice.sample(states, len(states)) + dice.sample(states, len(states) // 2)
        await take_all(stall, account, shuffled)
        assert await read_rows(account) == expected
        assert {await stall.take(state, account) for state in states} == {IngestOutcome.UNCHANGED}


@pytest.mark.parametrize("seed", range(4))
async def test_workers_at_once_end_the_same(stall: Stall, seed: int) -> None:
    dice = random.Random(seed)
    states = [state for number in range(2) for state in make_states(dice, f"o{number}")]
    await take_all(stall, stall.account, states)
    other = await open_account(stall, store=None)
    workers = [dice.sample(states, len(states)) for _ in range(4)]
    await asyncio.gather(*(take_all(stall, other, worker) for worker in workers))
    assert await read_rows(other) == await read_rows(stall.account)


@pytest.mark.parametrize("seed", range(4))
async def test_money_is_kept_to_the_fen(stall: Stall, seed: int) -> None:
    dice = random.Random(seed)
    newest = [make_states(dice, f"o{number}")[-1] for number in range(6)]
    await take_all(stall, stall.account, newest)
    for order in newest:
        [row] = await fetch_rows("SELECT * FROM customer_order WHERE external_id = $1", order.reference)
        for name in ("subtotal", "discount", "shipping", "total", "paid", "refunded"):
            assert row[name] == getattr(order, name)
        assert row["subtotal"] - row["discount"] + row["shipping"] == row["total"]
        lines = await fetch_rows("SELECT * FROM order_line WHERE order_id = $1", row["id"])
        assert sum(line["total"] for line in lines) == row["subtotal"]
        refunds = await fetch_rows("SELECT amount FROM order_refund WHERE order_id = $1", row["id"])
        assert sum(refund["amount"] for refund in refunds) == row["refunded"]


@pytest.mark.parametrize("seed", range(6))
async def test_push_and_pull_end_with_what_the_platform_has(stall: Stall, seed: int) -> None:
    """Deliveries are lost, late, doubled; calls fail; orders change in between. Then one whole reading."""
    dice = random.Random(seed)
    stall.bazaar.page_size = 2
    for number in range(40):
        stall.clock.advance(dice.choice([0, 1, 45, 130]))
        await do_something(dice, stall, number)
    stall.bazaar.troubles.clear()
    for _ in range(4):
        await stall.poll(timedelta(hours=2))
    judge = await open_account(stall, store=None)
    await take_all(stall, judge, list(stall.bazaar.orders.values()))
    expected, found = await read_rows(judge), await read_rows(stall.account)
    # What was shown of buyers before stays known; here only the newest states are looked at.
    assert forget_buyers(found) == forget_buyers(expected)
    assert len(found["customer_order"]) == len(stall.bazaar.orders)


async def do_something(dice: random.Random, stall: Stall, number: int) -> None:
    bazaar, reference = stall.bazaar, f"o{dice.randint(0, 4)}"
    match dice.choice(["change", "change", "push", "push", "inbox", "poll", "break"]):
        case "change":
            # A platform that changes one order twice within an instant may show the older state as the newer.
            state = make_state(dice, reference, dice.randint(0, 5), stall.clock.advance(0.001))
            bazaar.orders[reference] = replace(state, placed_at=NOON)
        case "push":
            await stall.add(
                "inbox_event", account_id=stall.account.account_id, event_id=f"e{number}", kind="order.changed",
                subject=reference, raw={}, next_attempt_at=stall.clock.now(), attempts=0, created_at=utc_now(),
            )  # fmt: skip
        case "inbox":
            await asyncio.gather(handle_inbox(stall.runtime), handle_inbox(stall.runtime))
        case "poll":
            await stall.poll(timedelta(seconds=dice.choice([1, 90])))
        case "break":
            bazaar.troubles.append(ChannelUnavailable("down"))


def forget_buyers(rows: dict[str, Any]) -> dict[str, Any]:
    hidden = {"buyer_key", "contact_name", "phone_fingerprint", "phone_tail"}
    orders = [
        [row[0], *(pair for pair in row[1:] if pair[0] not in hidden)] for row in rows["customer_order"]
    ]
    return {**rows, "customer_order": orders}
