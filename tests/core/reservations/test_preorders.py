"""What is pre-ordered: stock taken and given back exactly, never below zero."""

from __future__ import annotations

import asyncio

import pytest

from core.db.statements import fetch_rows, write_together
from core.ids import new_id
from core.reservations.claims import take_claims
from core.reservations.preorders import LineInput, claim_stock, return_stock
from core.reservations.values import ReservationErrorCode


@pytest.fixture
def make_sku(store_row, store_id):
    async def make(stock, **changes):
        product_id = await store_row("product", store_id=store_id, title="Steamed fish", active=True)
        columns = {
            "store_id": store_id,
            "product_id": product_id,
            "name": "Large",
            "price": 12800,
            "active": True,
        }
        return await store_row("sku", stock=stock, **columns | changes)

    return make


@pytest.fixture
def order(tenant_id, store_id):
    async def order_lines(*lines, reservation_id=None):
        wanted = [LineInput(*line) for line in lines]
        return await take_claims([claim_stock(tenant_id, store_id, wanted, reservation_id or new_id())])

    return order_lines


async def test_takes_and_prices(database, make_sku, order, read_value):
    sku = await make_sku(10)
    assert await order((sku, 3)) is None
    assert await read_value("sku", "stock", sku) == 7
    rows = await fetch_rows("SELECT title, quantity, unit_price FROM preorder_line")
    assert rows == [{"title": "Steamed fish Large", "quantity": 3, "unit_price": 12800}]


async def test_same_variant_counts_together(database, make_sku, order, read_value):
    sku = await make_sku(4)
    problem = await order((sku, 3), (sku, 2))
    assert (problem.code, problem.values) == (ReservationErrorCode.OUT_OF_STOCK, {"left": 4})
    assert await read_value("sku", "stock", sku) == 4


async def test_all_or_nothing(database, make_sku, order, read_value):
    plenty, scarce = await make_sku(10), await make_sku(1)
    problem = await order((plenty, 2), (scarce, 2))
    assert (problem.code, problem.field) == (ReservationErrorCode.OUT_OF_STOCK, ("preorder", "1", "quantity"))
    assert await read_value("sku", "stock", plenty) == 10
    assert await fetch_rows("SELECT id FROM preorder_line") == []


@pytest.mark.parametrize(
    ("name", "change"), [("retired", {"active": False}), ("elsewhere", {"store_id": new_id()})]
)
async def test_unknown_here(database, make_sku, order, read_value, name, change):
    sku = await make_sku(5, **change)
    problem = await order((sku, 1))
    assert (problem.code, problem.field) == (ReservationErrorCode.INVALID, ("preorder", "0", "skuId"))
    assert await read_value("sku", "stock", sku) == 5


async def test_uncounted_never_runs_out(database, tenant_id, make_sku, order, read_value):
    sku, reservation_id = await make_sku(None), new_id()
    assert await order((sku, 500), reservation_id=reservation_id) is None
    await write_together(return_stock(tenant_id, reservation_id))
    assert await read_value("sku", "stock", sku) is None


async def test_given_back_once(database, tenant_id, make_sku, order, read_value):
    fish, soup, reservation_id = await make_sku(10), await make_sku(3), new_id()
    await order((fish, 4), (soup, 3), reservation_id=reservation_id)
    for _ in range(2):
        await write_together(return_stock(tenant_id, reservation_id))
    assert await read_value("sku", "stock", fish) == 10
    assert await read_value("sku", "stock", soup) == 3


async def test_never_oversold(database, make_sku, order, read_value):
    """Thirty at once, each naming both variants in another order."""
    fish, soup = await make_sku(12), await make_sku(50)
    wishes = [((fish, 1), (soup, 1)), ((soup, 1), (fish, 1))] * 15
    answers = await asyncio.gather(*(order(*wish) for wish in wishes))
    assert answers.count(None) == 12
    assert {answer.code for answer in answers if answer} == {ReservationErrorCode.OUT_OF_STOCK}
    assert await read_value("sku", "stock", fish) == 0
    assert await read_value("sku", "stock", soup) == 38
