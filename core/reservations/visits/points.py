"""A guest's points: once for each reason and subject, the balance moved in the same commit."""

from __future__ import annotations

from uuid import UUID

from core.clock import utc_now
from core.db.inserts import insert_row
from core.db.statements import Write, fetch_row
from core.ids import new_id


def earn_points(
    tenant_id: UUID, customer_id: UUID, amount: int, reason: str, subject_id: UUID
) -> list[Write]:
    """The entry, and the balance with it. A second entry of the same reason and subject is a Conflict."""
    entry = insert_row(
        "points_entry",
        id=new_id(),
        tenant_id=tenant_id,
        customer_id=customer_id,
        amount=amount,
        reason=reason,
        subject_id=subject_id,
    )
    balance = Write(
        "INSERT INTO points_account (id, created_at, tenant_id, customer_id, balance) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (tenant_id, customer_id) DO UPDATE SET balance = points_account.balance + $5",
        (new_id(), utc_now(), tenant_id, customer_id, amount),
    )
    return [entry, balance]


async def find_balance(tenant_id: UUID, customer_id: UUID) -> int:
    """The points a customer has."""
    row = await fetch_row(
        "SELECT balance FROM points_account WHERE tenant_id = $1 AND customer_id = $2", tenant_id, customer_id
    )
    return int(row["balance"]) if row else 0
