"""The immutable events that observer hooks receive, after commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CouponRedeemed:
    """One coupon was redeemed. `discount` is in fen; `redeemed_at` in UTC."""

    tenant_id: UUID
    store_id: UUID
    redemption_id: UUID
    channel: str
    times: int
    discount: int
    redeemed_at: datetime


@dataclass(frozen=True, slots=True)
class CouponReversed:
    """One redemption was taken back. `reversed_at` is in UTC."""

    tenant_id: UUID
    store_id: UUID
    redemption_id: UUID
    channel: str
    reversed_at: datetime
