"""A process that dies before or after any of its commits leaves nothing that the sweep does not finish."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from scripted import Fault
from till import TEA_STOCK

from core.channels.contract import Refusal
from core.coupons.detached import drain_detached
from core.db import statements
from core.db.statements import fetch_rows
from core.orders.placing import place_order


class Killed(BaseException):  # reads as what it is
    """The process is gone. Nothing catches it."""


class Executioner:
    """Lets `writes` commits pass and kills at the next one, before or after it; then nothing is written any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = float("inf")
        self.after = False
        self.dead = False
        for name in ("_write_in_turn", "_write_chained"):
            monkeypatch.setattr(statements, name, self._wrap(getattr(statements, name)))

    def _wrap(self, write: Any) -> Any:
        async def guarded(*args: Any) -> None:
            if self.dead:
                raise Killed
            self.left -= 1
            if self.left < 0 and not self.after:
                self.dead = True
                raise Killed
            await write(*args)
            if self.left < 0:
                self.dead = True
                raise Killed

        return guarded

    def aim(self, writes: int, *, after: bool) -> None:
        self.left, self.after, self.dead = writes, after, False

    def spare(self) -> None:
        self.left, self.dead = float("inf"), False


@pytest.fixture
def executioner(monkeypatch) -> Executioner:
    return Executioner(monkeypatch)


async def die_while(executioner, writes, after, work) -> bool:
    """Whether it died at all: there may be fewer commits than that."""
    executioner.aim(writes, after=after)
    with contextlib.suppress(Killed):
        await work
    await drain_detached(2)
    died = executioner.dead
    executioner.spare()
    return died


async def check_books(till, tickets) -> None:
    """Stock, coupons and orders tell the same."""
    [order] = await fetch_rows("SELECT status, discount, total, subtotal FROM customer_order") or [None]
    sold = order is not None and order["status"] != "CANCELLED"
    assert await till.stock() == TEA_STOCK - (2 if sold else 0)
    assert [len(ticket.living) for ticket in tickets] == [int(sold)] * len(tickets)
    assert await till.shop.claims() == (len(tickets) if sold else 0)
    assert set(await till.placements()) <= {"AWAITING", "DONE", "FAILED"}
    if sold:
        assert (order["discount"], order["total"]) == (
            6000 if len(tickets) > 1 else 5000,
            max(0, 6000 - 5000 * len(tickets)),
        )


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("refused", [False, True])
async def test_placing(till, executioner, refused, after):
    deaths = 0
    for writes in range(12):
        tickets = [till.shop.paper.add(f"P{writes}"), till.shop.plain.add(f"Q{writes}")]
        tickets[1].refusal = Refusal.EXPIRED if refused else None
        wanted = till.order(f"P{writes}", f"Q{writes}")
        died = await die_while(
            executioner, writes, after, place_order(till.runtime, till.shop.customer, wanted)
        )
        deaths += died
        await till.settle(seconds=30, sweeps=5)
        answer = await place_order(till.runtime, till.shop.customer, wanted)
        assert (answer.order is None) == refused
        await check_books(till, tickets)
        if answer.order:
            await till.cancel(answer.order.id)
            await till.settle(seconds=30, sweeps=2)
        await wipe(till)
        if not died:
            break
    assert deaths >= 3


@pytest.mark.parametrize("after", [False, True])
async def test_cancelling(till, executioner, after):
    deaths = 0
    for writes in range(10):
        ticket = till.shop.plain.add(f"Q{writes}")
        order = (await till.place(f"Q{writes}")).order
        till.shop.plain.faults["reverse"].append(Fault.ANSWER_LOST)
        died = await die_while(executioner, writes, after, till.cancel(order.id, key=f"c{writes}"))
        deaths += died
        await till.settle(seconds=60, sweeps=4)
        await till.cancel(order.id, key=f"c{writes}")
        await till.settle(seconds=60, sweeps=4)
        assert (ticket.living, await till.stock(), await till.orders()) == ([], TEA_STOCK, ["CANCELLED"])
        assert (await till.placements(), await till.shop.claims()) == (["DONE"], 0)
        await wipe(till)
        till.shop.plain.faults["reverse"].clear()
        if not died:
            break
    assert deaths >= 3


async def wipe(till) -> None:
    """The next round begins with empty books."""
    assert await till.stock() == TEA_STOCK
    for table in ("customer_order", "order_line", "order_placement", "order_stock", "timeline_entry"):
        await statements.execute(f"DELETE FROM {table}")
    for table in ("redemption", "redemption_leg", "redemption_claim", "redemption_request"):
        await statements.execute(f"DELETE FROM {table}")
