"""What stands behind an order of our own until it is settled. Money in fen. Keys and checks: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class OrderPlacement(TenantRow):
    """How far an order of our own has come, and what is due for it. See `core.orders.placements`.

    fence            raised by every take-over and by a cancellation: a holder who was thought dead writes nothing
    next_attempt_at  when it is due, or when another may take it over from a holder who gave no sign; null at the end
    codes_sealed     the coupons to redeem, as JSON; null where there are none, and once they are settled
    told             whether somebody was told of the order before its coupons were settled
    problems         why it was refused, or what could not be given back
    actor_id …       who placed it; from a cancellation on, who cancelled it
    """

    order_id = fields.UUIDField()
    store_id = fields.UUIDField()
    status = fields.CharField(max_length=16)
    fence = fields.IntField(default=1)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    codes_sealed = fields.BinaryField(null=True)
    told = fields.BooleanField(default=False)
    problems = fields.JSONField[list[dict[str, object]]](default=list)
    reason = fields.CharField(max_length=500, null=True)
    actor_id = fields.UUIDField()
    token_id = fields.UUIDField()
    role = fields.CharField(max_length=16)

    class Meta:
        table = "order_placement"


class OrderStock(TenantRow):
    """What an order took of one variant. `counted`: whether it had a stock then; `released`: whether it was given back."""

    order_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    quantity = fields.IntField()
    counted = fields.BooleanField(default=True)
    released = fields.BooleanField(default=False)

    class Meta:
        table = "order_stock"
