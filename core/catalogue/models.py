"""What a shop sells over its own counter: products and their variants. Money in fen. Keys: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Product(TenantRow):
    """Something sold or pre-ordered at a store."""

    store_id = fields.UUIDField()
    title = fields.CharField(max_length=200)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "product"


class Sku(TenantRow):
    """A variant of a product, which is what is ordered. `stock` null: not counted; it moves by conditional updates only."""

    store_id = fields.UUIDField()
    product_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    price = fields.IntField()
    stock = fields.IntField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "sku"
