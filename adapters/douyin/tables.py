"""What Douyin Life's numbers mean: platform → ours.

Source unless an entry says otherwise: https://developer.open-douyin.com/docs/resource/zh-CN/local-life/connect/
returns-a-status-code, read 2025-10. INFERRED marks our own conclusion, to be mended by a real answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.channels.contract import BookingStatus, CouponKind, CouponStatus, LoginRefusal, Refusal


class Trouble(StrEnum):
    """What kind of failure an error code is: something about the call, not about the coupon."""

    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a word, not a secret
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. Codes in `error_code` that say nothing about the coupon.
TROUBLE_BY_CODE: Mapping[int, Trouble] = {
    2190002: Trouble.TOKEN_REFUSED,  # access_token invalid
    2190008: Trouble.TOKEN_REFUSED,  # access_token expired
    2100007: Trouble.MISCONFIGURED,  # our address is not on the app's IP list
    2190004: Trouble.MISCONFIGURED,  # the app lacks the capability
    1508: Trouble.MISCONFIGURED,  # the merchant has not authorised the app
    2119005: Trouble.MISCONFIGURED,  # the same, in newer answers
    2119010: Trouble.MISCONFIGURED,  # the interface is offline; INFERRED that it stays so
    2119003: Trouble.RATE_LIMITED,
    2100001: Trouble.BUSY,  # "unknown error"
    2100004: Trouble.BUSY,
    2119002: Trouble.BUSY,
    6001001: Trouble.BUSY,
    3000001: Trouble.BUSY,  # a general code that the page calls retryable; its sub code is looked at first
}

# What to tell the person who must mend it.
MEND_BY_CODE: Mapping[int, tuple[str, str]] = {
    2100007: ("the server's address is not on the IP list of the Douyin app", "clientKey"),
    2190004: ("the Douyin app has no permission for this interface", "clientKey"),
    1508: ("the merchant has not authorised the Douyin app", "accountId"),
    2119005: ("the merchant has not authorised the Douyin app", "accountId"),
    2119010: ("Douyin has taken this interface out of service for the app", "clientKey"),
}

# platform → ours. `error_code` of a call and `result` of a single coupon alike.
REFUSAL_BY_CODE: Mapping[int, Refusal] = {
    1208: Refusal.ALREADY_REDEEMED,  # per coupon
    2: Refusal.ALREADY_REDEEMED,  # per coupon
    1212: Refusal.ALREADY_REDEEMED,  # "no usable coupon in this order": used, refunded or expired
    1221: Refusal.UNKNOWN_CODE,  # cannot be decrypted
    1250: Refusal.UNKNOWN_CODE,  # code invalid
    3100101: Refusal.UNKNOWN_CODE,  # order not found
    1229: Refusal.RISK_BLOCKED,  # redeemed by Douyin's risk control within 48 h
    1241: Refusal.TIMES_USED_UP,
    1265: Refusal.CANCELLED,
    3000002: Refusal.WRONG_STORE,
    2119006: Refusal.LOCKED,  # being given to a friend
    2119007: Refusal.LOCKED,  # an unpaid order holds it
    2119008: Refusal.RISK_BLOCKED,
    45005117: Refusal.EXPIRED,  # the dynamic QR expired, not the coupon: the customer shows a fresh one
}

# Refusals that cover several reasons at once.
VAGUE_CODES = frozenset({1212})

# `result` of a coupon that is used: by anyone on a first call, by us where a repeat brings a verify_id.
# Source: …/life.capacity.fulfilment/certificate.verify
USED_ALREADY = frozenset({1208, 2})

# On a repeat these may be the effect of our own first call: they prove nothing.
MAYBE_OURSELVES = USED_ALREADY | {1212, 1241}

# platform → ours. `sub_error_code` beside 3000001.
# Source: a real answer in https://developer.open-douyin.com/forum/q/67e4ea9f03710a3f06860af2
REVERSAL_REFUSAL_BY_SUB_CODE: Mapping[int, Refusal] = {
    2034000910: Refusal.REVERSAL_WINDOW_CLOSED,
}

# platform → ours. Source: enums commented in the public Java SDK fengwensheng100/douyin-java-sdk @260b89a8.
STATUS_BY_NUMBER: Mapping[int, CouponStatus] = {
    0: CouponStatus.AVAILABLE,  # "initial"; what prepare shows for an unused coupon
    1: CouponStatus.AVAILABLE,
    2: CouponStatus.REDEEMED,
    3: CouponStatus.LOCKED,  # refund asked for, not decided
    4: CouponStatus.REFUNDED,
    # 5, refund failed: whether it can then be used is not documented, so it stays UNRECOGNISED
    6: CouponStatus.LOCKED,  # refund under way
}

# platform → ours. `sku.groupon_type`; same source, 2 and 3 also on the prepare page.
KIND_BY_GROUPON_TYPE: Mapping[int, CouponKind] = {
    1: CouponKind.SET_MEAL,
    2: CouponKind.CASH_VOUCHER,
    3: CouponKind.TIMES_CARD,
}

# ours. Why a coupon in this state cannot be used.
REFUSAL_BY_STATUS: Mapping[CouponStatus, Refusal] = {
    CouponStatus.NOT_YET_VALID: Refusal.NOT_YET_VALID,
    CouponStatus.LOCKED: Refusal.LOCKED,
    CouponStatus.REDEEMED: Refusal.ALREADY_REDEEMED,
    CouponStatus.EXPIRED: Refusal.EXPIRED,
    CouponStatus.REFUNDED: Refusal.REFUNDED,
    CouponStatus.CANCELLED: Refusal.CANCELLED,
    CouponStatus.UNRECOGNISED: Refusal.REFUSED_BY_CHANNEL,
}

# platform → ours. `action` of life_trade_certificate_notify.
# Source: …/general-capabilities/order.query/trade.certificate.notify
EVENT_KIND_BY_ACTION: Mapping[str, str] = {
    "verify": "coupon.redeemed",
    "verify_cancel": "coupon.reversed",
    "refund_success": "coupon.refunded",
}

# platform → ours. Error codes of /oauth/client_token/ that name a credential.
# Source: …/local-life/develop/preparation/client_token
CREDENTIAL_BY_CODE: Mapping[int, str] = {
    10002: "clientKey",  # a parameter is missing
    10003: "clientKey",  # unknown key
    10013: "clientSecret",  # key or secret wrong
}
TOKEN_RATE_CODE = 10020  # more than 500 fetches in 5 minutes

MERCHANT_API = 4  # `verify_type`: redeemed through the open interface
RECORD_CANCELLED = 2  # `status` of a verify record; INFERRED from a sample that has a cancel_time beside it
# platform → whether the use was taken back. `status` of a record; 1 is INFERRED from the same sample.
CANCELLED_BY_RECORD_STATUS: Mapping[int | None, bool] = {1: False, RECORD_CANCELLED: True}
# platform → whether the share counts. `status` of a ledger record: 0 made, 1 under way, 2 done, 3 failed (and tried
# again), 4 abandoned. Source: comments in the public Go SDK owen-gxz/douyin-sdk.
SHARE_STANDS: Mapping[int | None, bool] = {0: True, 1: True, 2: True, 3: True, 4: False}
# Members of `fund_amount` that Douyin itself keeps: the fee for its software, and that for the payment. Commissions of
# agents and of people who recommend the shop are neither fee nor payout. INFERRED from the names.
PLATFORM_SHARES = ("total_merchant_platform_service", "pay_handling")
LEDGER_DELAY_SECONDS = 3600  # "one hour after the use"
LONGEST_PAGE = 20  # `size` of the list of uses
REVERSAL_SECONDS = 3600

# ------------------------------------------------------------------------------------------------------ the mini-app
# platform → ours. `err_no` of get_phonenumber_info and jscode2session that says nothing about the code.
# Source: https://developer.open-douyin.com/docs/resource/zh-cn/dop/develop/openapi/status-code (the newer list), read
# 2026-11. INFERRED that this call uses it, and that the older numbers for tokens may come too.
MINI_APP_TROUBLE_BY_ERR_NO: Mapping[int, Trouble] = {
    -1: Trouble.BUSY,
    28001003: Trouble.TOKEN_REFUSED,
    28001008: Trouble.TOKEN_REFUSED,
    2190002: Trouble.TOKEN_REFUSED,
    2190008: Trouble.TOKEN_REFUSED,
    28001005: Trouble.BUSY,
    28001006: Trouble.BUSY,
    28001014: Trouble.MISCONFIGURED,  # the app has no permission at all
    28001016: Trouble.MISCONFIGURED,  # the app is banned or offline
    28001018: Trouble.MISCONFIGURED,  # the app lacks this permission
    28001019: Trouble.MISCONFIGURED,  # the permission is banned or offline
    28001056: Trouble.MISCONFIGURED,  # the interface is offline
    28003017: Trouble.RATE_LIMITED,
    28003018: Trouble.RATE_LIMITED,
}

# platform → ours. `err_no` of jscode2session that names a credential. Source: the list of getAccessToken, which shares
# the numbers: https://developer.open-douyin.com/docs/resource/zh-CN/live-interactive-tools/development/open-api/
# get-access-token, read 2026-11.
MINI_APP_CREDENTIAL_BY_ERR_NO: Mapping[int, str] = {
    40015: "miniAppId",
    40017: "miniAppSecret",
}

# ours. What the mini-app's credentials are called where it fetches a token as the Life app does.
MINI_APP_NAMES: Mapping[str, str] = {"clientKey": "miniAppId", "clientSecret": "miniAppSecret"}

# platform → ours. `err_no` about a code. 40014 to 40019: INFERRED from public clients of jscode2session. 28005187: INFERRED
# from a public client of get_phonenumber_info. The others are from the newer list.
LOGIN_REFUSAL_BY_ERR_NO: Mapping[int, LoginRefusal] = {
    40014: LoginRefusal.CODE_INVALID,  # a parameter is missing
    40018: LoginRefusal.CODE_INVALID,
    40019: LoginRefusal.CODE_INVALID,  # the anonymous code
    28005187: LoginRefusal.CODE_EXPIRED,
    28001007: LoginRefusal.CODE_INVALID,  # a parameter is wrong, and there is but the code
    28001012: LoginRefusal.NOT_PERMITTED,  # the customer did not agree
    28001046: LoginRefusal.RISK_BLOCKED,  # the customer is banned
    28001052: LoginRefusal.RISK_BLOCKED,
}

# platform → ours. `status` of a booking in comprehensive/trade/query/order. The page lists the field without its values
# and a sample shows 1 for a booking that waits: all of these are INFERRED, and any other number is unrecognised.
BOOKING_STATUS: Mapping[int, BookingStatus] = {
    1: BookingStatus.REQUESTED,
    2: BookingStatus.CONFIRMED,
    3: BookingStatus.REJECTED,
    4: BookingStatus.CANCELLED,
    5: BookingStatus.COMPLETED,
}
CONFIRM_ACCEPT, CONFIRM_REJECT = 1, 2  # `confirm_result`; 1 from a public test, 2 INFERRED
FULFIL_TYPE = 1  # `fulfil_type`; from the same test
LONGEST_BOOKING_PAGE = 50  # `page_size`
