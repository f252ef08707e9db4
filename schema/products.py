"""What a shop sells over its own counter."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from core.catalogue.products import (
    ProductView,
    SkuDraft,
    SkuView,
    count_products,
    create_product,
    list_products,
)
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, show_id
from schema.money import Money, read_yuan, show_money
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.problems import UserError, show_problems

CURSOR = "products"


@strawberry.type(description="A variant of a product, which is what is ordered.")
class Sku(Node):
    name: str = strawberry.field(description="What it is called beside its product's title.")
    price: Money = strawberry.field(description="What one costs.")
    stock: int | None = strawberry.field(description="How many are left; null: not counted.")
    active: bool = strawberry.field(description="Whether it is on sale.")


@strawberry.type(description="Something sold or ordered beforehand at a store.")
class Product(Node):
    view: strawberry.Private[ProductView]
    title: str = strawberry.field(description="What it is called.")
    active: bool = strawberry.field(description="Whether it is on sale.")

    @resolved(description="Its variants on sale, in the order in which they were added.")
    async def skus(self, info: Info) -> list[Sku]:
        found = await (await info.context.load()).product_skus.load(self.view.id)
        return [show_sku(view) for view in found or ()]


def show_sku(view: SkuView) -> Sku:
    return Sku(
        id=show_id("Sku", view.id),
        name=view.name,
        price=show_money(view.price),
        stock=view.stock,
        active=view.active,
    )


def show_product(view: ProductView) -> Product:
    return Product(id=show_id("Product", view.id), view=view, title=view.title, active=view.active)


@strawberry.input(description="A variant of a new product.")
class SkuInput:
    name: str = strawberry.field(description="What it is called, 200 characters at most.")
    price: Decimal = strawberry.field(description="What one costs, in yuan.")
    stock: int | None = strawberry.field(default=None, description="How many there are; null: not counted.")


@strawberry.input(description="A new product.")
class CreateProductInput:
    store_id: strawberry.ID = strawberry.field(description="Where it is sold.")
    title: str = strawberry.field(description="What it is called, 200 characters at most.")
    skus: list[SkuInput] = strawberry.field(description="Its variants, 1 to 100.")


@strawberry.type(description="The answer to createProduct.")
class CreateProductPayload:
    product: Product | None = strawberry.field(description="The product, null if it was not created.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type(description="A product in a list.")
class ProductEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: Product = strawberry.field(description="The product.")


@strawberry.type(description="A page of products, oldest first.")
class ProductConnection:
    store_id: strawberry.Private[UUID]
    edges: list[ProductEdge] = strawberry.field(description="The products of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many the store has in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_products(await info.context.sign_in(), self.store_id)


@strawberry.type
class ProductQueries:
    @resolved(description="What a store sells, oldest first.")
    async def products(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        first: First = None,
        after: After = None,
    ) -> ProductConnection:
        cursors, store = info.context.cursors, read_id(store_id, "Store", "storeId")
        page = await list_products(
            await info.context.sign_in(), store, read_first(first), cursors.read_id(CURSOR, after)
        )
        edges = [
            ProductEdge(cursor=cursors.write_id(CURSOR, view.id), node=show_product(view))
            for view in page.products
        ]
        return ProductConnection(
            store_id=store,
            edges=edges,
            page_info=show_page_info(
                [edge.cursor for edge in edges], has_more=page.has_more, continued=after is not None
            ),
        )


@strawberry.type
class ProductMutations:
    @mutation(description="Adds a product with its variants to a store. May: owner, manager.")
    async def create_product(
        self,
        info: Info,
        given: Annotated[CreateProductInput, strawberry.argument(name="input", description="The product.")],
    ) -> CreateProductPayload:
        actor = await info.context.sign_in()
        skus = [_read_sku(sku, index) for index, sku in enumerate(given.skus)]
        answer = await create_product(actor, read_id(given.store_id, "Store", "storeId"), given.title, skus)
        if isinstance(answer, ProductView):
            return CreateProductPayload(product=show_product(answer), user_errors=[])
        return CreateProductPayload(product=None, user_errors=show_problems(answer))


def _read_sku(given: SkuInput, index: int) -> SkuDraft:
    price = read_yuan(given.price, "skus", str(index), "price")
    return SkuDraft(given.name, price or 0, given.stock)
