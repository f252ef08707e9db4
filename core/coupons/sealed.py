"""What is sealed in the coupon tables: each value is bound to its merchant, its table and its row."""

from __future__ import annotations

from uuid import UUID

from core.db.statements import as_uuid
from core.resealing import SealedColumn


def bind_row(tenant_id: UUID, table: str, row_id: UUID) -> tuple[str, str, str]:
    """The names that a value of this row is bound to."""
    return str(tenant_id), table, str(row_id)


def _column(table: str, column: str) -> SealedColumn:
    return SealedColumn(
        table=table,
        column=column,
        source=f"SELECT id, tenant_id, {column} AS sealed FROM {table}",
        bound_to=lambda row: bind_row(as_uuid(row["tenant_id"]), table, as_uuid(row["id"])),
    )


COUPON_HANDLES = _column("coupon", "handle_sealed")
LEG_ORDERS = _column("redemption_leg", "order_sealed")
ISSUED_CODES = _column("coupon_issue", "codes_sealed")
