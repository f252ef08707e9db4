"""Whose use is it? Reads a platform's record of a coupon after a call whose answer was lost. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.channels.contract import CouponState, CouponStatus, PlatformUse, StatusBy

# How far a platform's clock, which often counts in whole seconds, may be behind ours.
CLOCK_SKEW = timedelta(seconds=60)
_SPENT = frozenset(
    {CouponStatus.REDEEMED, CouponStatus.REFUNDED, CouponStatus.CANCELLED, CouponStatus.EXPIRED}
)


class Finding(StrEnum):
    """OURS: this leg used it. UNUSED: it did not, so far. OTHERS: spent by somebody else. UNCLEAR: nobody can tell.

    UNTOLD: it is not unused, and this platform never tells more.
    """

    OURS = "OURS"
    UNUSED = "UNUSED"
    OTHERS = "OTHERS"
    UNCLEAR = "UNCLEAR"
    UNTOLD = "UNTOLD"


@dataclass(frozen=True, slots=True)
class Sending:
    """What is known of our own sending: token, store, how many uses it wanted, and an instant before it left."""

    token: str
    external_store_id: str | None
    not_before: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """The finding and, where it is OURS, the uses. `confirmed`: the platform showed our own token."""

    finding: Finding
    uses: tuple[PlatformUse, ...] = ()
    confirmed: bool = False


def attribute_uses(
    state: CouponState, sending: Sending, status_by: StatusBy, known_receipts: Collection[str]
) -> Attribution:
    """Which of the coupon's living uses this sending made. `known_receipts` belong to other redemptions of ours."""
    if status_by is StatusBy.UNUSED_ONLY:
        return Attribution(Finding.UNUSED if state.status is CouponStatus.AVAILABLE else Finding.UNTOLD)
    free = [use for use in state.uses if use.receipt not in known_receipts]
    if status_by in {StatusBy.TOKEN, StatusBy.CODE_WITH_REFERENCE}:
        return _by_token(state, sending, free)
    return _by_circumstance(state, sending, free)


def are_gone(state: CouponState, status_by: StatusBy, receipts: Collection[str], token: str) -> bool | None:
    """Whether none of the uses with these receipts, made under this token, stands; None where nobody can tell."""
    if status_by is StatusBy.UNUSED_ONLY:
        return state.status is CouponStatus.AVAILABLE
    if any(use.receipt in receipts or (use.receipt is None and use.token == token) for use in state.uses):
        return False
    return None if any(use.receipt is None and use.token is None for use in state.uses) else True


def name_receipt(use: PlatformUse, token: str) -> str:
    """The receipt of a use; our own token where the platform shows none, which then names the use."""
    return use.receipt or token


def _by_token(state: CouponState, sending: Sending, free: Sequence[PlatformUse]) -> Attribution:
    ours = tuple(use for use in free if use.token == sending.token)
    if len(ours) == sending.times:
        return Attribution(Finding.OURS, ours, confirmed=True)
    return Attribution(Finding.UNCLEAR, ours) if ours else _without_ours(state)


def _by_circumstance(state: CouponState, sending: Sending, free: Sequence[PlatformUse]) -> Attribution:
    fitting = tuple(use for use in free if _fits(use, sending))
    if any(use.used_at is None and use.receipt is None for use in fitting):
        return Attribution(Finding.UNTOLD, fitting)
    # Without a receipt it may be the use of another redemption of ours.
    if any(use.used_at is None or use.receipt is None for use in fitting):
        return Attribution(Finding.UNCLEAR, fitting)
    if len(fitting) == sending.times:
        return Attribution(Finding.OURS, fitting)
    return Attribution(Finding.UNCLEAR, fitting) if fitting else _without_ours(state)


def _without_ours(state: CouponState) -> Attribution:
    if state.status is CouponStatus.UNRECOGNISED:
        return Attribution(Finding.UNCLEAR)
    return Attribution(Finding.OTHERS if state.status in _SPENT else Finding.UNUSED)


def _fits(use: PlatformUse, sending: Sending) -> bool:
    """Whether nothing speaks against this use being ours. A platform that does not say leaves it open."""
    if use.by_merchant_api is False:
        return False
    stores = (use.external_store_id, sending.external_store_id)
    if None not in stores and stores[0] != stores[1]:
        return False
    return use.used_at is None or use.used_at >= sending.not_before - CLOCK_SKEW
