"""A till: placing and cancelling orders in the shop of the coupon tests, and what is left afterwards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.access.values import Actor
from core.catalogue.products import ProductView, SkuDraft, create_product, load_product_skus
from core.coupons.recovery import sweep_redemptions
from core.coupons.values import CodeInput
from core.db.statements import fetch_rows
from core.orders.cancelling import cancel_order
from core.orders.coupon_codes import Codes
from core.orders.order_sweep import settle_orders
from core.orders.placed import PlacedOrder
from core.orders.placing import OrderInput, place_order
from core.reservations.preorders import LineInput

TEA_PRICE, CAKE_PRICE, TEA_STOCK = 3000, 2000, 10


class Till:
    """`tea` is counted, `cake` is not."""

    def __init__(self, shop: Any, tea: UUID, cake: UUID) -> None:
        self.shop, self.tea, self.cake = shop, tea, cake

    def __repr__(self) -> str:
        return "Till()"

    @property
    def runtime(self) -> Any:
        return self.shop.runtime

    def order(self, *codes: str | CodeInput, tea: int = 2, cake: int = 0, **changes: Any) -> OrderInput:
        """Two teas, 60 yuan, unless something else is wanted."""
        wanted = {self.tea: tea, self.cake: cake}
        lines = tuple(LineInput(sku, quantity) for sku, quantity in wanted.items() if quantity)
        inputs = tuple(each if isinstance(each, CodeInput) else CodeInput(each) for each in codes)
        given = {"idempotency_key": self.shop.key(), "lines": lines, **changes}
        return OrderInput(self.shop.store_id, codes=Codes(inputs, len(inputs)), **given)

    async def place(self, *codes: str | CodeInput, actor: Actor | None = None, **changes: Any) -> PlacedOrder:
        wanted = self.order(*codes, **changes)
        return await place_order(self.runtime, actor or self.shop.customer, wanted)

    async def cancel(self, order_id: UUID, actor: Actor | None = None, key: str | None = None) -> PlacedOrder:
        return await cancel_order(
            self.runtime, actor or self.shop.customer, order_id, "no appetite", key or self.shop.key()
        )

    async def settle(self, seconds: float = 30, sweeps: int = 6) -> None:
        """Lets time pass; redemptions and orders that are due are worked on."""
        for _ in range(sweeps):
            self.shop.clock.advance(seconds)
            await sweep_redemptions(self.runtime)
            await settle_orders(self.runtime)

    async def stock(self) -> int:
        [row] = await fetch_rows("SELECT stock FROM sku WHERE id = $1", self.tea)
        return int(row["stock"])

    async def orders(self) -> list[str]:
        return [row["status"] for row in await fetch_rows("SELECT status FROM customer_order ORDER BY id")]

    async def placements(self) -> list[str]:
        return [row["status"] for row in await fetch_rows("SELECT status FROM order_placement ORDER BY id")]

    async def events(self) -> int:
        return len(await fetch_rows("SELECT id FROM outbox_event WHERE kind = 'order.changed'"))

    async def rows(self, table: str) -> int:
        return len(await fetch_rows(f"SELECT id FROM {table}"))


async def open_till(shop: Any) -> Till:
    product = await create_product(
        shop.owner,
        shop.store_id,
        "Tea House",
        [SkuDraft("Tea", TEA_PRICE, TEA_STOCK), SkuDraft("Cake", CAKE_PRICE)],
    )
    assert isinstance(product, ProductView)
    tea, cake = (await load_product_skus(shop.owner, [product.id]))[product.id]
    return Till(shop, tea.id, cake.id)
