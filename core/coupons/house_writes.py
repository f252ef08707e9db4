"""The statements that use own coupons up and give them back. The database refuses what must not be.

Validity and stores of a batch never change, so they are judged before; counters move, so they are guarded
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from core.coupons.house_rows import UseRow
from core.db.inserts import insert_row
from core.db.statements import Write


def build_redemption(tenant_id: UUID, uses: Sequence[UseRow], budgeted: Collection[UUID]) -> list[Write]:
    """All uses or none: unique by their token, no coupon too often, no batch of `budgeted` beyond its budget.

    What a batch without a budget has spent is not kept: its row would be one that every till waits for.
    """
    return [
        *(_insert_use(tenant_id, use) for use in uses),
        *(_take_uses(tenant_id, coupon_id, count) for coupon_id, count in _count_uses(uses)),
        *(_spend(tenant_id, id_, amount) for id_, amount in _sum_amounts(uses) if id_ in budgeted),
    ]


def build_reversal(tenant_id: UUID, uses: Sequence[UseRow], now: datetime) -> list[Write]:
    """Gives back uses that are living, with their part of the budget: each exactly once."""
    return [
        *(_end_use(tenant_id, use, now) for use in uses),
        *(_return_uses(tenant_id, coupon_id, count) for coupon_id, count in _count_uses(uses)),
        *(_return_budget(tenant_id, batch_id, amount) for batch_id, amount in _sum_amounts(uses)),
    ]


def _count_uses(uses: Sequence[UseRow]) -> list[tuple[UUID, int]]:
    """By coupon, in the order of ids: whoever locks several rows locks them in the same order."""
    return sorted(Counter(use.coupon_id for use in uses).items())


def _sum_amounts(uses: Sequence[UseRow]) -> list[tuple[UUID, int]]:
    """By batch, in the order of ids."""
    amounts = Counter[UUID]()
    for use in uses:
        amounts[use.batch_id] += use.amount
    return sorted(amounts.items())


def _insert_use(tenant_id: UUID, use: UseRow) -> Write:
    return insert_row(
        "house_use",
        id=use.id,
        tenant_id=tenant_id,
        coupon_id=use.coupon_id,
        batch_id=use.batch_id,
        token=use.token,
        number=use.number,
        store_id=use.store_id,
        amount=use.amount,
        used_at=use.used_at,
    )


def _end_use(tenant_id: UUID, use: UseRow, now: datetime) -> Write:
    return Write(
        "UPDATE house_use SET reversed_at = $1 WHERE tenant_id = $2 AND id = $3 AND reversed_at IS NULL",
        (now, tenant_id, use.id),
        expects=1,
    )


def _take_uses(tenant_id: UUID, coupon_id: UUID, count: int) -> Write:
    return Write(
        "UPDATE house_coupon SET times_used = times_used + $1 WHERE tenant_id = $2 AND id = $3"
        " AND times_used + $1 <= times_total AND status = 'AVAILABLE'",
        (count, tenant_id, coupon_id),
        expects=1,
    )


def _return_uses(tenant_id: UUID, coupon_id: UUID, count: int) -> Write:
    return Write(
        "UPDATE house_coupon SET times_used = times_used - $1 WHERE tenant_id = $2 AND id = $3"
        " AND times_used >= $1",
        (count, tenant_id, coupon_id),
        expects=1,
    )


def _spend(tenant_id: UUID, batch_id: UUID, amount: int) -> Write:
    return Write(
        "UPDATE coupon_batch SET spent = spent + $1 WHERE tenant_id = $2 AND id = $3"
        " AND spent + $1 <= budget",
        (amount, tenant_id, batch_id),
        expects=1,
    )


def _return_budget(tenant_id: UUID, batch_id: UUID, amount: int) -> Write:
    return Write(
        "UPDATE coupon_batch SET spent = spent - $1 WHERE tenant_id = $2 AND id = $3 AND budget IS NOT NULL",
        (amount, tenant_id, batch_id),
    )
