"""Our side: redemptions of the ledger, found by their coupon or by their time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.coupons.reconciliation.values import LedgerReceipt, LedgerRow, Subject
from core.coupons.values import RedemptionStatus
from core.db.conditions import Where
from core.db.statements import as_instant, as_json, as_optional_instant, as_uuid, fetch_rows
from core.work.pruning import oldest_id

# How long after it was asked for a redemption can still become one: a day of settling, and a last look.
LONGEST_SETTLING = timedelta(hours=26)
_PORTION = 500
_COLUMNS = "id, coupon_id, store_id, status, times, discount, paid_amount, created_at, redeemed_at, receipts"


async def load_of_coupons(subject: Subject, coupon_ids: Collection[UUID]) -> list[LedgerRow]:
    """Every redemption of these coupons, whenever and at whichever store."""
    where = Where(subject.tenant_id)
    where.add_any("coupon_id", sorted(coupon_ids))
    rows = await fetch_rows(f"SELECT {_COLUMNS} FROM redemption WHERE {where} ORDER BY id", *where.values)
    return [_read_row(row) for row in rows]


async def load_between(subject: Subject, since: datetime, until: datetime) -> list[LedgerRow]:
    """The account's redemptions at the store with a use from `since` until before `until`, read in portions."""
    found: list[LedgerRow] = []
    after = oldest_id(since - LONGEST_SETTLING)
    while True:
        rows = await _load_portion(subject, after, oldest_id(until))
        found += [
            row
            for row in map(_read_row, rows)
            if any(since <= receipt.used_at < until for receipt in row.receipts)
        ]
        if len(rows) < _PORTION:
            return found
        after = as_uuid(rows[-1]["id"])


async def _load_portion(subject: Subject, after: UUID, before: UUID) -> list[dict[str, Any]]:
    where = Where(subject.tenant_id)
    where.add("store_id = ?", subject.store_id)
    where.add("id > ?", after)
    where.add("id < ?", before)
    where.add("channel = ?", subject.channel)
    if subject.bound.account_id is not None:
        where.add("account_id = ?", subject.bound.account_id)
    return await fetch_rows(
        f"SELECT {_COLUMNS} FROM redemption WHERE {where} AND redeemed_at IS NOT NULL ORDER BY id"
        f" LIMIT {_PORTION:d}",
        *where.values,
    )


def _read_row(row: Mapping[str, Any]) -> LedgerRow:
    created_at = as_instant(row["created_at"])
    redeemed_at = as_optional_instant(row["redeemed_at"]) or created_at
    return LedgerRow(
        id=as_uuid(row["id"]),
        coupon_id=as_uuid(row["coupon_id"]),
        store_id=as_uuid(row["store_id"]),
        status=RedemptionStatus(row["status"]),
        times=row["times"],
        discount=row["discount"],
        paid_amount=row["paid_amount"],
        created_at=created_at,
        receipts=tuple(_read_receipt(each, redeemed_at) for each in as_json(row["receipts"])),
    )


def _read_receipt(receipt: Mapping[str, Any], redeemed_at: datetime) -> LedgerReceipt:
    written = receipt.get("redeemed_at")
    return LedgerReceipt(str(receipt["reference"]), as_instant(written) if written else redeemed_at)
