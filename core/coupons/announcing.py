"""Telling observer plugins what has been committed."""

from __future__ import annotations

from collections.abc import Iterable

from core.channels.observers import CouponRedeemed, CouponReversed
from core.coupons.journal import RedemptionRow, Saga
from core.coupons.values import RedemptionStatus
from core.runtime import Runtime


def notify_redeemed(runtime: Runtime, saga: Saga, redemptions: Iterable[RedemptionRow], channel: str) -> None:
    """Calls `coupon_redeemed` for those that succeeded."""
    for redemption in redemptions:
        if redemption.status is RedemptionStatus.SUCCEEDED and redemption.redeemed_at is not None:
            event = CouponRedeemed(
                tenant_id=saga.tenant_id,
                store_id=saga.store_id,
                redemption_id=redemption.id,
                channel=channel,
                times=redemption.times,
                discount=redemption.discount,
                redeemed_at=redemption.redeemed_at,
            )
            runtime.registry.notify("coupon_redeemed", event)


def notify_reversed(runtime: Runtime, saga: Saga, redemption: RedemptionRow, channel: str) -> None:
    """Calls `coupon_reversed` if it was."""
    if redemption.status is RedemptionStatus.REVERSED and redemption.reversed_at is not None:
        event = CouponReversed(
            tenant_id=saga.tenant_id,
            store_id=saga.store_id,
            redemption_id=redemption.id,
            channel=channel,
            reversed_at=redemption.reversed_at,
        )
        runtime.registry.notify("coupon_reversed", event)
