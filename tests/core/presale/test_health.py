"""Presale health from real rows: what each figure counts, of which store and time, and the orders behind it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from presale_shop import DAY, HOUR

from core.access.stores import create_store
from core.access.values import Role
from core.errors import BadInput, Forbidden, NotFound
from core.orders.ledger import OrderPosition
from core.presale.figures import Figures, Window, load_figures
from core.presale.health import count_behind, list_behind, read_health
from core.presale.scores import ReviewRow, import_reviews
from core.presale.values import Figure, HealthLevel

PRESALE = {"presale": True}
SECOND = timedelta(seconds=1)


def window(shop, days: int = 30) -> Window:
    return Window(shop.tenant_id, shop.store_id, shop.now - days * DAY, shop.now)


async def count(shop) -> Figures:
    return await load_figures(window(shop))


async def behind(shop, figure: Figure) -> list:
    return [order.id for order in (await list_behind(window(shop), figure, 50, None)).orders]


async def test_share_by_lines_paid(shop):
    """A line counts once, whatever its quantity; unpaid ones, and those of other times, do not count."""
    mixed = await shop.add_order(PRESALE | {"quantity": 9}, {}, {})
    await shop.add_order(PRESALE, paid_at=None, status="PENDING_PAYMENT")
    await shop.add_order(PRESALE, paid_at=shop.now - 30 * DAY - SECOND)
    edge = await shop.add_order(PRESALE, paid_at=shop.now - 30 * DAY, placed_at=shop.now - 30 * DAY)
    cancelled = await shop.add_order(
        PRESALE, status="CANCELLED", paid_at=shop.now - DAY, placed_at=shop.now - DAY
    )
    figures = await count(shop)
    assert (figures.presale, figures.spot) == (3, 2)
    assert await behind(shop, Figure.SHARE) == [mixed, cancelled, edge]


async def test_due_so_far(shop):
    """On time, late, overdue and not yet due; what was called off before it was shipped is not due."""
    yesterday = {"promised_ship_at": shop.now - DAY}
    sent = {"shipped_quantity": 1}
    await shop.add_order(yesterday | sent | {"shipped_at": shop.now - DAY})
    late = await shop.add_order(
        yesterday | sent | {"shipped_at": shop.now - DAY + SECOND}, placed_at=shop.now - 2 * DAY
    )
    overdue = await shop.add_order(yesterday, placed_at=shop.now - 3 * DAY)
    called_off = [
        (yesterday, {"status": "CANCELLED"}),
        (yesterday, {"status": "CLOSED"}),
        (yesterday | {"refunded_quantity": 1}, {}),
        (yesterday, {"paid_at": None, "status": "PENDING_PAYMENT"}),
    ]
    for line, order in called_off:
        await shop.add_order(line, **order)
    await shop.add_order({"promised_ship_at": shop.now + SECOND})
    await shop.add_order({"promised_ship_at": shop.now - 30 * DAY - SECOND})
    # Shipped in time, and cancelled afterwards: it was due all the same.
    await shop.add_order(yesterday | sent | {"shipped_at": shop.now - 2 * DAY}, status="CLOSED")
    figures = await count(shop)
    assert (figures.due, figures.on_time, figures.shipped, figures.late) == (4, 2, 3, 2)
    assert await behind(shop, Figure.LATE) == await behind(shop, Figure.ON_TIME) == [late, overdue]
    assert await behind(shop, Figure.FULFILMENT) == [overdue]


async def test_refunds_of_lines_and_of_whole_orders(shop):
    await shop.add_order({"refunded_quantity": 1, "quantity": 2}, {}, {})
    part = await shop.add_order(PRESALE | {"refunded_quantity": 1})
    whole = await shop.add_order(PRESALE, PRESALE, placed_at=shop.now - HOUR)
    asked = await shop.add_order(PRESALE)
    refund = {"amount": 1, "lines": {}}
    await shop.add("order_refund", order_id=whole, refund_key="r", status="COMPLETED", **refund)
    await shop.add("order_refund", order_id=asked, refund_key="r", status="REQUESTED", **refund)
    figures = await count(shop)
    assert (figures.presale, figures.presale_refunded) == (4, 3)
    assert (figures.spot, figures.spot_refunded) == (3, 1)
    assert await behind(shop, Figure.REFUND_RATE) == [part, whole]


async def test_refund_of_named_lines_is_theirs_alone(shop):
    order = await shop.add_order(PRESALE | {"refunded_quantity": 1}, PRESALE)
    await shop.add(
        "order_refund", order_id=order, refund_key="r", status="COMPLETED", amount=1, lines={"1": 1}
    )
    assert (await count(shop)).presale_refunded == 1


async def test_bad_reviews(shop):
    order = await shop.add_order()
    rows = [
        ReviewRow("doudian", "1", 5, shop.now),
        ReviewRow("doudian", "2", 2, shop.now, order=order),
        ReviewRow("doudian", "3", 5, shop.now, bad=True),
        ReviewRow("doudian", "4", 1, shop.now - 31 * DAY),
    ]
    assert await import_reviews(shop.owner, shop.store_id, rows, shop.now) == 4
    figures = await count(shop)
    assert (figures.reviews, figures.bad_reviews) == (3, 2)
    assert await behind(shop, Figure.BAD_REVIEWS) == [order]


async def test_health_of_a_store_in_danger(shop):
    for number in range(10):
        line = {"promised_ship_at": shop.now - DAY, "shipped_at": shop.now - 2 * DAY, "shipped_quantity": 1}
        await shop.add_order(PRESALE | line if number < 4 else line)
    await shop.add_order({"promised_ship_at": shop.now - DAY})
    health = await read_health(shop.owner, shop.store_id, 30, shop.now)
    assert health.level is HealthLevel.DANGER
    assert {verdict.figure: verdict.level for verdict in health.verdicts} == {
        Figure.SHARE: HealthLevel.WATCH,
        Figure.ON_TIME: HealthLevel.HEALTHY,
        Figure.LATE: HealthLevel.DANGER,
        Figure.FULFILMENT: HealthLevel.WATCH,
        Figure.BAD_REVIEWS: HealthLevel.HEALTHY,
        Figure.REFUND_RATE: HealthLevel.HEALTHY,
    }
    assert health.score_change is not None
    assert health.affordable == 0
    assert [verdict.figure for verdict in health.verdicts if not verdict.reported] == [Figure.BAD_REVIEWS]


async def test_other_stores_and_merchants_do_not_count(shop):
    other = await create_store(shop.owner, "Second")
    await shop.add_order(PRESALE, store_id=other.id)
    await shop.add_order(PRESALE, store_id=None)
    assert await count(shop) == Figures()


async def test_pages_of_orders_behind(shop):
    """Newest first, and those of one moment by their id: none twice, none left out."""
    made = [await shop.add_order(PRESALE, PRESALE) for _ in range(3)]
    older = await shop.add_order(PRESALE, placed_at=shop.now - HOUR)
    seen, after = [], None
    while True:
        page = await list_behind(window(shop), Figure.SHARE, 2, after)
        seen += [order.id for order in page.orders]
        if not page.has_more:
            break
        after = OrderPosition(page.orders[-1].placed_at, page.orders[-1].id)
    assert seen == [*sorted(made, reverse=True), older]
    assert await count_behind(window(shop), Figure.SHARE) == 4


@pytest.mark.parametrize("days", [0, 181])
async def test_days(shop, days):
    with pytest.raises(BadInput):
        await read_health(shop.owner, shop.store_id, days, shop.now)


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
async def test_readers(shop, role):
    with pytest.raises(Forbidden):
        await read_health(await shop.enlist(role), shop.store_id, 30, shop.now)


async def test_staff_with_the_scope_in_their_store(shop):
    staff = await shop.enlist(Role.STAFF, scopes=("reports",))
    other = await create_store(shop.owner, "Second")
    assert (await read_health(staff, shop.store_id, 30, shop.now)).level is HealthLevel.HEALTHY
    with pytest.raises(NotFound):
        await read_health(staff, other.id, 30, shop.now)
