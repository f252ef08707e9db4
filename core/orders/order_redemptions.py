"""The coupons that were redeemed with orders."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.access.values import Actor
from core.coupons.ledger import view_redemption
from core.coupons.values import RedemptionView
from core.db.conditions import Where
from core.db.statements import fetch_rows
from core.orders.order_rows import load_orders


async def load_order_redemptions(
    actor: Actor, order_ids: Sequence[UUID]
) -> dict[UUID, tuple[RedemptionView, ...]]:
    """The redemptions of each order that the actor may see, oldest first."""
    found: dict[UUID, tuple[RedemptionView, ...]] = dict.fromkeys(await load_orders(actor, order_ids), ())
    where = Where(actor.tenant_id)
    where.add_any("order_id", list(found))
    rows = await fetch_rows(f"SELECT * FROM redemption WHERE {where} ORDER BY id", *where.values)
    for view in map(view_redemption, rows):
        if view.order_id is not None:
            found[view.order_id] += (view,)
    return found
