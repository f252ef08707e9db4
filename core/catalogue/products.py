"""Products and their variants: creating and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import Write, as_uuid, fetch_row, fetch_rows, write_together
from core.ids import new_id
from core.reservations.setup.access import load_visible
from core.reservations.setup.checks import check_amount, check_range

MAX_SKUS: Final = 100
MAX_STOCK: Final = 1_000_000_000
_TITLE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class SkuDraft:
    """A variant as somebody wants it. `price` in fen; `stock` None: not counted."""

    name: str
    price: int
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class SkuView:
    """A variant, which is what is ordered. `price` in fen; `stock` None: not counted."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    product_id: UUID
    name: str
    price: int
    stock: int | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product; its variants are read by `load_product_skus`."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    title: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Some products of a list, and whether there are more."""

    products: tuple[ProductView, ...]
    has_more: bool


async def create_product(
    actor: Actor, store_id: UUID, title: str, skus: Sequence[SkuDraft]
) -> ProductView | list[UserProblem]:
    """Adds a product with its variants to a store, all or nothing. Answers it, or everything that is wrong.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_PRODUCT)
    await find_store(actor, store_id)
    problems = check_product(title, skus)
    if problems:
        return problems
    product = ProductView(new_id(), actor.tenant_id, store_id, title.strip())
    row = insert_row(
        "product",
        id=product.id,
        tenant_id=actor.tenant_id,
        store_id=store_id,
        title=product.title,
        active=True,
    )
    details = {"title": product.title, "skus": len(skus)}
    entry = build_entry(actor, "createProduct", "Product", product.id, details)
    await write_together([row, *(_insert_sku(product, sku) for sku in skus), entry])
    return product


async def list_products(actor: Actor, store_id: UUID, first: int, after: UUID | None) -> ProductPage:
    """At most `first` products of a store, oldest first, newer than `after`. Retired ones are left out.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    where = await _select(actor, store_id)
    if after is not None:
        where.add("id > ?", after)
    rows = await fetch_rows(
        f"SELECT * FROM product WHERE {where} ORDER BY id LIMIT {first + 1:d}", *where.values
    )
    return ProductPage(tuple(map(_read_product, rows[:first])), has_more=len(rows) > first)


async def count_products(actor: Actor, store_id: UUID) -> int:
    """How many products the store has."""
    where = await _select(actor, store_id)
    row = await fetch_row(f"SELECT count(*) AS total FROM product WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def load_products(actor: Actor, product_ids: Iterable[UUID]) -> Mapping[UUID, ProductView]:
    """Those among these ids of stores that the actor may enter, retired ones too."""
    return await load_visible(actor, "product", product_ids, _read_product)


async def load_skus(actor: Actor, sku_ids: Iterable[UUID]) -> Mapping[UUID, SkuView]:
    """Those among these ids of stores that the actor may enter, retired ones too."""
    return await load_visible(actor, "sku", sku_ids, _read_sku)


async def load_product_skus(actor: Actor, product_ids: Iterable[UUID]) -> Mapping[UUID, tuple[SkuView, ...]]:
    """The variants on sale of each of these products, in the order in which they were added."""
    where = Where(actor.tenant_id)
    where.add_any("product_id", list(product_ids))
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    rows = await fetch_rows(f"SELECT * FROM sku WHERE {where} AND active ORDER BY id", *where.values)
    found: dict[UUID, tuple[SkuView, ...]] = {}
    for sku in map(_read_sku, rows):
        found[sku.product_id] = (*found.get(sku.product_id, ()), sku)
    return found


def check_product(title: str, skus: Sequence[SkuDraft]) -> list[UserProblem]:
    """What is wrong with a new product; empty where nothing is. Pure."""
    problems = check_text(title, ("title",), _TITLE_LENGTH)
    if not skus:
        problems.append(UserProblem(ProblemCode.REQUIRED, ("skus",)))
    if len(skus) > MAX_SKUS:
        values = {"limit": MAX_SKUS}
        return [*problems, UserProblem(ProblemCode.TOO_LONG, ("skus",), "set_up.too_many", values)]
    names = [sku.name.strip() for sku in skus]
    for index, sku in enumerate(skus):
        path = ("skus", str(index))
        problems += check_text(sku.name, (*path, "name"), _TITLE_LENGTH)
        problems += check_amount((*path, "price"), sku.price)
        if sku.stock is not None:
            problems += check_range((*path, "stock"), sku.stock, 0, MAX_STOCK)
        if names[index] and names[index] in names[:index]:
            twice = {"value": names[index]}
            problems.append(
                UserProblem(ProblemCode.ALREADY_EXISTS, (*path, "name"), "set_up.sku_twice", twice)
            )
    return problems


async def _select(actor: Actor, store_id: UUID) -> Where:
    require(actor, Action.LIST_PRODUCTS)
    await find_store(actor, store_id)
    where = Where(actor.tenant_id)
    where.add("store_id = ?", store_id)
    where.add("active = ?", True)
    return where


def _insert_sku(product: ProductView, sku: SkuDraft) -> Write:
    return insert_row(
        "sku",
        id=new_id(),
        tenant_id=product.tenant_id,
        store_id=product.store_id,
        product_id=product.id,
        name=sku.name.strip(),
        price=sku.price,
        stock=sku.stock,
        active=True,
    )


def _read_product(row: Mapping[str, Any]) -> ProductView:
    return ProductView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        row["title"],
        bool(row["active"]),
    )


def _read_sku(row: Mapping[str, Any]) -> SkuView:
    return SkuView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        as_uuid(row["product_id"]),
        row["name"],
        row["price"],
        row["stock"],
        bool(row["active"]),
    )
