"""What was paid for orders of our own. Money in fen. Keys and checks: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Payment(TenantRow):
    """One payment. `payment_key` is what it is known by among those of its order; `actor_id` who took it.

    status  PAID, then REFUND_DUE from the order's cancellation on, and REFUNDED once the money is back
    """

    order_id = fields.UUIDField()
    store_id = fields.UUIDField()
    method = fields.CharField(max_length=16)
    payment_key = fields.CharField(max_length=64)
    status = fields.CharField(max_length=16)
    amount = fields.IntField()
    paid_at = fields.DatetimeField()
    refunded_at = fields.DatetimeField(null=True)
    actor_id = fields.UUIDField(null=True)

    class Meta:
        table = "payment"
