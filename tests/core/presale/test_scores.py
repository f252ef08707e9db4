"""Marks and reviews that platforms reported: imported whole or not at all, kept with their history."""

from __future__ import annotations

from decimal import Decimal

import pytest
from presale_shop import DAY, show_problems

from core.access.stores import create_store
from core.access.values import Role
from core.errors import BadInput, Forbidden
from core.ids import new_id
from core.presale.scores import ReviewRow, ScoreRow, import_reviews, import_scores, list_scores
from core.presale.values import ScoreDimension

LOGISTICS, SERVICE = ScoreDimension.LOGISTICS, ScoreDimension.SERVICE


def mark(shop, value: str, days: int = 0, dimension=LOGISTICS, source: str = "doudian") -> ScoreRow:
    return ScoreRow(source, dimension, Decimal(value), shop.now - days * DAY)


async def put(shop, *rows):
    return await import_scores(shop.owner, shop.store_id, rows, shop.now)


async def test_history(shop):
    assert (
        await put(shop, mark(shop, "4.87", 2), mark(shop, "4.81"), mark(shop, "4.9", dimension=SERVICE)) == 3
    )
    assert await put(shop, mark(shop, "4.855", 1)) == 1
    series = await list_scores(shop.owner, shop.store_id, 30, shop.now)
    found = {(each.source, each.dimension): [point.value for point in each.points] for each in series}
    assert found == {("doudian", LOGISTICS): [487, 486, 481], ("doudian", SERVICE): [490]}
    assert await shop.count("audit_entry", "action = 'importScores'") == 2


async def test_mark_of_an_instant_is_replaced(shop):
    await put(shop, mark(shop, "4.87"))
    await put(shop, mark(shop, "4.20"), mark(shop, "4.30"))
    (series,) = await list_scores(shop.owner, shop.store_id, 1, shop.now)
    assert [point.value for point in series.points] == [430]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"value": "-0.01"}, ("TOO_SMALL", "rows.1.value")),
        ({"value": "5.01"}, ("TOO_LARGE", "rows.1.value")),
        ({"value": "5", "source": " "}, ("REQUIRED", "rows.1.source")),
        ({"value": "5", "days": -1}, ("INVALID", "rows.1.at")),
    ],
)
async def test_wrong_marks(shop, change, expected):
    assert show_problems(await put(shop, mark(shop, "5"), mark(shop, **change))) == [expected]
    assert await shop.count("store_score") == 0


async def test_how_many(shop):
    assert show_problems(await put(shop)) == [("REQUIRED", "rows")]
    assert show_problems(await put(shop, *[mark(shop, "5")] * 501)) == [("TOO_LONG", "rows")]
    with pytest.raises(BadInput):
        await list_scores(shop.owner, shop.store_id, 367, shop.now)


async def test_changed_review(shop):
    """Buyers change their minds: the last word counts."""
    rows = [ReviewRow("doudian", "1", 1, shop.now), ReviewRow("douyin", "1", 4, shop.now)]
    assert await import_reviews(shop.owner, shop.store_id, rows, shop.now) == 2
    changed = [ReviewRow("doudian", "1", 5, shop.now)]
    assert await import_reviews(shop.owner, shop.store_id, changed, shop.now) == 1
    assert [(row[0], bool(row[1])) for row in await shop.list("review", "stars", "bad")] == [
        (5, False),
        (4, False),
    ]


async def test_wrong_reviews(shop):
    other = await create_store(shop.owner, "Second")
    foreign = await shop.add_order(store_id=other.id)
    rows = [
        ReviewRow("d", "1", 0, shop.now),
        ReviewRow("d", "", 6, shop.now + DAY),
    ]
    assert show_problems(await import_reviews(shop.owner, shop.store_id, rows, shop.now)) == [
        ("TOO_SMALL", "rows.0.stars"),
        ("REQUIRED", "rows.1.reference"),
        ("TOO_LARGE", "rows.1.stars"),
        ("INVALID", "rows.1.at"),
    ]
    rows = [ReviewRow("d", "1", 1, shop.now, order=foreign), ReviewRow("d", "2", 1, shop.now, order=new_id())]
    assert show_problems(await import_reviews(shop.owner, shop.store_id, rows, shop.now)) == [
        ("NOT_FOUND", "rows.0.orderId"),
        ("NOT_FOUND", "rows.1.orderId"),
    ]
    assert await shop.count("review") == 0


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
async def test_for_management(shop, role):
    actor = await shop.enlist(role)
    with pytest.raises(Forbidden):
        await import_scores(actor, shop.store_id, [mark(shop, "5")], shop.now)
    with pytest.raises(Forbidden):
        await list_scores(actor, shop.store_id, 30, shop.now)
