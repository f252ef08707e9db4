"""What the coupon services take and answer. Money in fen, instants in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from core.channels.contract import CouponKind, CouponStatus, Refusal


class ProbeOutcome(StrEnum):
    """What one asked account said about a code."""

    NOT_MINE = "NOT_MINE"
    FOUND = "FOUND"
    REFUSED = "REFUSED"
    UNAVAILABLE = "UNAVAILABLE"


class RedemptionStatus(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    UNKNOWN = "UNKNOWN"
    REVERSING = "REVERSING"
    REVERSED = "REVERSED"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"


class RedeemOutcome(StrEnum):
    REDEEMED = "REDEEMED"
    DECLINED = "DECLINED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class CodeInput:
    """One code of a basket. `count`: the first usable coupons of the code (uses of a card), unless `coupon_ids` says."""

    code: str
    count: int = 1
    coupon_ids: tuple[UUID, ...] = ()
    channel: str | None = None
    account_id: UUID | None = None

    def __repr__(self) -> str:
        return f"CodeInput(count={self.count}, channel={self.channel})"


@dataclass(frozen=True, slots=True)
class CouponProblem:
    """Why a code, or a reversal, was refused. What the actor may not know is already left out.

    `field` is the path inside the input; `channel_code` the platform's own code; `retry_after` is in seconds.
    """

    code: Refusal
    field: tuple[str, ...] = ()
    channel: str | None = None
    channel_code: str | None = None
    redeemed_at: datetime | None = None
    store_id: UUID | None = None
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon for a reader. `code` is whole for whoever just presented it, else the last four characters."""

    id: UUID
    channel: str
    account_id: UUID | None
    code: str
    kind: CouponKind
    title: str
    status: CouponStatus
    face_value: int | None
    paid_amount: int | None
    valid_from: datetime | None
    valid_until: datetime | None
    times_total: int
    times_remaining: int
    reference: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One account that was asked about a code. `account_id` is None where the channel is not connected at all."""

    channel: str
    account_id: UUID | None
    outcome: ProbeOutcome
    reason: Refusal | None = None


@dataclass(frozen=True, slots=True)
class LookUpResult:
    """What a code is, seen by one actor. Customers get no probes."""

    coupons: tuple[CouponView, ...] = ()
    probes: tuple[Probe, ...] = ()
    problems: tuple[CouponProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class RedemptionView:
    """One redemption of the ledger for a reader."""

    id: UUID
    coupon_id: UUID
    channel: str
    account_id: UUID | None
    store_id: UUID
    order_id: UUID | None
    status: RedemptionStatus
    times: int
    discount: int
    redeemed_at: datetime | None
    reversed_at: datetime | None
    reversible_until: datetime | None
    decline_code: Refusal | None
    channel_reference: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RedeemResult:
    """How a basket ended. `codes` are the codes as the actor presented them, by coupon."""

    outcome: RedeemOutcome
    redemptions: tuple[RedemptionView, ...] = ()
    problems: tuple[CouponProblem, ...] = ()
    codes: Mapping[UUID, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReverseResult:
    redemption: RedemptionView | None
    problems: tuple[CouponProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class RedemptionFilter:
    """`since` is included, `until` is not; both are compared with the time the redemption was asked for."""

    store_id: UUID | None = None
    statuses: tuple[RedemptionStatus, ...] = ()
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RedemptionPage:
    """Newest first. `has_more`: whether older ones follow the last of `redemptions`."""

    redemptions: tuple[RedemptionView, ...] = field(default_factory=tuple)
    has_more: bool = False


def coupon_id(tenant_id: UUID, account_id: UUID | None, channel: str, reference: str) -> UUID:
    """The id of a coupon. It follows from the coupon, so that a look-up and a redemption agree without asking."""
    return uuid5(tenant_id, f"coupon|{account_id or channel}|{reference}")
