"""What the payment services take and answer. Money in fen, instants in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.db.conditions import Where
from core.db.statements import as_instant, as_optional_instant, as_uuid, fetch_rows


class PaymentMethod(StrEnum):
    """How an order of our own is paid."""

    AT_COUNTER = "AT_COUNTER"
    WECHAT_PAY = "WECHAT_PAY"


class PaymentStatus(StrEnum):
    """PAID, then REFUND_DUE from the order's cancellation on, and REFUNDED once the money is back."""

    PAID = "PAID"
    REFUND_DUE = "REFUND_DUE"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One payment of an order of our own."""

    id: UUID
    order_id: UUID
    method: PaymentMethod
    status: PaymentStatus
    amount: int
    paid_at: datetime
    refunded_at: datetime | None = None


async def load_payments(tenant_id: UUID, order_id: UUID, *statuses: PaymentStatus) -> list[PaymentView]:
    """The payments of an order, in their order; only those in one of `statuses` where some are named."""
    where = Where(tenant_id)
    where.add("order_id = ?", order_id)
    if statuses:
        where.add_any("status", [status.value for status in statuses])
    rows = await fetch_rows(f"SELECT * FROM payment WHERE {where} ORDER BY id", *where.values)
    return list(map(_read_payment, rows))


def _read_payment(row: Mapping[str, Any]) -> PaymentView:
    return PaymentView(
        id=as_uuid(row["id"]),
        order_id=as_uuid(row["order_id"]),
        method=PaymentMethod(row["method"]),
        status=PaymentStatus(row["status"]),
        amount=row["amount"],
        paid_at=as_instant(row["paid_at"]),
        refunded_at=as_optional_instant(row["refunded_at"]),
    )
