"""Whose rows an actor may see, as the WHERE that every list and look-up begins with."""

from __future__ import annotations

from core.access.values import Actor
from core.db.conditions import Where


def build_visible(actor: Actor) -> Where:
    """Customers see their own, staff and terminals their stores', owner and manager the merchant's.

    For tables with the columns `customer_id` and `store_id`.
    """
    where = Where(actor.tenant_id)
    if actor.is_customer:
        where.add("customer_id = ?", actor.customer_id)
    elif actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    return where
