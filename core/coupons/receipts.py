"""Receipts that the ledger already knows, so that one use is never counted for two redemptions."""

from __future__ import annotations

from uuid import UUID

from core.coupons.journal import RedemptionRow
from core.db.statements import as_json, as_uuid, fetch_row, fetch_rows


async def read_other_receipts(tenant_id: UUID, redemption: RedemptionRow) -> frozenset[str]:
    """The receipts of all other redemptions of the same coupon."""
    rows = await fetch_rows(
        "SELECT receipts FROM redemption WHERE tenant_id=$1 AND coupon_id=$2 AND id<>$3",
        tenant_id, redemption.coupon_id, redemption.id,
    )  # fmt: skip
    return frozenset(str(receipt["reference"]) for row in rows for receipt in as_json(row["receipts"]))


async def find_origin(tenant_id: UUID, redemption_id: UUID) -> UUID:
    """The request that a redemption came from."""
    row = await fetch_row(
        "SELECT request_id FROM redemption WHERE tenant_id=$1 AND id=$2", tenant_id, redemption_id
    )
    if row is None:
        raise LookupError("no such redemption")
    return as_uuid(row["request_id"])
