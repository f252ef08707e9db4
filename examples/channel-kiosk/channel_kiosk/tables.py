"""Tables "Kiosk → Hexiao". Source: Kiosk's interface handbook, chapter 4 (made up), 2026-11."""

from __future__ import annotations

from collections.abc import Mapping

from core.channels.contract import CouponStatus, Refusal

OK = 0
UNKNOWN_TICKET = 4040
# Answers to the call itself, not to the ticket.
BAD_SIGNATURE = 4010
TOO_MANY_CALLS = 4290
BUSY = 5030

REFUSAL_BY_CODE: Mapping[int, Refusal] = {
    4001: Refusal.ALREADY_REDEEMED,
    4002: Refusal.EXPIRED,
    4003: Refusal.REFUNDED,
    4004: Refusal.NOT_YET_VALID,
    4005: Refusal.WRONG_STORE,
    4006: Refusal.TIMES_USED_UP,
    4007: Refusal.ALREADY_REVERSED,
    4008: Refusal.REVERSAL_WINDOW_CLOSED,
}

STATUS_BY_STATE: Mapping[str, CouponStatus] = {
    "open": CouponStatus.AVAILABLE,
    "part": CouponStatus.PARTLY_REDEEMED,
    "used": CouponStatus.REDEEMED,
    "expired": CouponStatus.EXPIRED,
    "refunded": CouponStatus.REFUNDED,
    "early": CouponStatus.NOT_YET_VALID,
}
