"""The words that clients, core and adapters share. Closed sets; what a platform adds is UNRECOGNISED."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """What a channel can do. Declared by the channel, checked at start, tested by the kit."""

    COUPONS = "COUPONS"
    ORDERS = "ORDERS"
    RESERVATIONS = "RESERVATIONS"
    IDENTITY = "IDENTITY"
    NOTIFICATIONS = "NOTIFICATIONS"
    WEBHOOKS = "WEBHOOKS"
    SCORES = "SCORES"


class Recognition(StrEnum):
    """How sure a channel is, by looks alone, that a code is its own."""

    LIKELY = "LIKELY"
    POSSIBLE = "POSSIBLE"
    NO = "NO"


class CouponKind(StrEnum):
    CASH_VOUCHER = "CASH_VOUCHER"
    SET_MEAL = "SET_MEAL"
    TIMES_CARD = "TIMES_CARD"
    DISCOUNT = "DISCOUNT"
    EXCHANGE = "EXCHANGE"
    UNRECOGNISED = "UNRECOGNISED"


class CouponStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    NOT_YET_VALID = "NOT_YET_VALID"
    LOCKED = "LOCKED"
    REDEEMED = "REDEEMED"
    PARTLY_REDEEMED = "PARTLY_REDEEMED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"
    UNRECOGNISED = "UNRECOGNISED"


class Refusal(StrEnum):
    """Why a coupon is not redeemed or a redemption not reversed: the closed set that clients see."""

    UNKNOWN_CODE = "UNKNOWN_CODE"
    AMBIGUOUS_CODE = "AMBIGUOUS_CODE"
    CHANNEL_NOT_CONNECTED = "CHANNEL_NOT_CONNECTED"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    ALREADY_REDEEMED = "ALREADY_REDEEMED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"
    LOCKED = "LOCKED"
    TIMES_USED_UP = "TIMES_USED_UP"
    WRONG_STORE = "WRONG_STORE"
    WRONG_ITEM = "WRONG_ITEM"
    NOT_STACKABLE = "NOT_STACKABLE"
    MINIMUM_SPEND_NOT_MET = "MINIMUM_SPEND_NOT_MET"
    RISK_BLOCKED = "RISK_BLOCKED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    NOT_REVERSIBLE = "NOT_REVERSIBLE"
    REVERSAL_WINDOW_CLOSED = "REVERSAL_WINDOW_CLOSED"
    ALREADY_REVERSED = "ALREADY_REVERSED"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"
