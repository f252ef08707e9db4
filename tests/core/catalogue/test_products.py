"""Products with their variants: all of one product or nothing, and read by whoever may enter the store."""

from __future__ import annotations

import pytest

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.catalogue.products import (
    ProductPage,
    SkuDraft,
    count_products,
    create_product,
    list_products,
    load_product_skus,
    load_products,
    load_skus,
)
from core.db.statements import fetch_rows
from core.errors import Forbidden, NotFound


@pytest.fixture
async def shop(database):
    """`(owner, store)`."""
    merchant = await create_merchant("Camellia", "Lane 1")
    return await authenticate(merchant.token), merchant.store_id


def read_problems(answer):
    return [(problem.code.value, ".".join(problem.field)) for problem in answer]


async def read_skus(owner, product):
    return (await load_product_skus(owner, [product.id])).get(product.id, ())


async def test_product_is_kept(shop):
    owner, store_id = shop
    skus = [SkuDraft(" Small ", 1200, 5), SkuDraft("Large", 1800)]
    product = await create_product(owner, store_id, " Cake ", skus)
    assert product.title == "Cake"
    assert await list_products(owner, store_id, 20, None) == ProductPage((product,), has_more=False)
    small, large = await read_skus(owner, product)
    assert (small.name, small.price, small.stock) == ("Small", 1200, 5)
    assert (large.name, large.price, large.stock) == ("Large", 1800, None)
    assert await load_skus(owner, [large.id]) == {large.id: large}
    assert len(await fetch_rows("SELECT id FROM audit_entry WHERE action = 'createProduct'")) == 1


async def test_pages(shop):
    owner, store_id = shop
    made = [await create_product(owner, store_id, title, [SkuDraft("One", 0)]) for title in "abc"]
    page = await list_products(owner, store_id, 2, None)
    assert (page.products, page.has_more) == (tuple(made[:2]), True)
    rest = await list_products(owner, store_id, 2, page.products[-1].id)
    assert (rest.products, rest.has_more) == ((made[2],), False)
    assert await count_products(owner, store_id) == 3


@pytest.mark.parametrize(
    ("title", "skus", "problems"),
    [
        (" ", [SkuDraft("One", 1)], [("REQUIRED", "title")]),
        ("t" * 201, [SkuDraft("One", 1)], [("TOO_LONG", "title")]),
        ("Cake", [], [("REQUIRED", "skus")]),
        ("Cake", [SkuDraft(str(n), 1) for n in range(101)], [("TOO_LONG", "skus")]),
        ("Cake", [SkuDraft("", 1)], [("REQUIRED", "skus.0.name")]),
        ("Cake", [SkuDraft("One", -1)], [("TOO_SMALL", "skus.0.price")]),
        ("Cake", [SkuDraft("One", 2_000_000_001)], [("TOO_LARGE", "skus.0.price")]),
        ("Cake", [SkuDraft("One", 1), SkuDraft("Two", 1, -1)], [("TOO_SMALL", "skus.1.stock")]),
        ("Cake", [SkuDraft("One", 1, 1_000_000_001)], [("TOO_LARGE", "skus.0.stock")]),
        ("Cake", [SkuDraft("One", 1), SkuDraft(" One", 2)], [("ALREADY_EXISTS", "skus.1.name")]),
    ],
)
async def test_wrong_product_is_named(shop, title, skus, problems):
    owner, store_id = shop
    assert read_problems(await create_product(owner, store_id, title, skus)) == problems
    assert await fetch_rows("SELECT id FROM product") == await fetch_rows("SELECT id FROM sku") == []


async def test_who_may(shop):
    owner, store_id = shop
    product = await create_product(owner, store_id, "Cake", [SkuDraft("One", 100)])
    (sku,) = await read_skus(owner, product)
    other = await create_store(owner, "Second")
    options = {Role.STAFF: {"store_ids": [store_id]}, Role.CUSTOMER: {}}
    for role, given in options.items():
        actor = await authenticate(await create_token(owner.tenant_id, role, **given))
        with pytest.raises(Forbidden):
            await create_product(actor, store_id, "Mine", [SkuDraft("One", 1)])
        assert (await list_products(actor, store_id, 20, None)).products == (product,)
        assert await load_skus(actor, [sku.id]) == {sku.id: sku}
    bound = await authenticate(await create_token(owner.tenant_id, Role.POS, store_ids=[other.id]))
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    for stranger in (bound, rival):
        assert await load_products(stranger, [product.id]) == await load_skus(stranger, [sku.id]) == {}
        assert await load_product_skus(stranger, [product.id]) == {}
        with pytest.raises(NotFound):
            await list_products(stranger, store_id, 20, None)
