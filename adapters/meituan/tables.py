"""What Meituan's codes, numbers and words mean: platform → ours.

Sources: the gateway's codes from https://developer.meituan.com/docs/biz/comm-errcode1 (by a copy of its table, read
2025-10), numbers from the comments of the official Go SDK. No document lists the business errors of single calls, so
refusals are read from their words; every entry of those tables is INFERRED, to be mended by a real answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from core.channels.contract import BookingStatus, CouponKind, CouponStatus, Refusal

SUCCESS = "OP_SUCCESS"
REFUSED = "OP_BIZ_ERROR"


class Trouble(StrEnum):
    """What kind of failure a gateway code is: something about the call, not about the coupon."""

    UNAUTHORISED = "UNAUTHORISED"
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. `code` of an answer. BUSY says nothing about whether the call took effect.
TROUBLE_BY_CODE: Mapping[str, Trouble] = {
    "OP_UNIAUTH_FAILED": Trouble.UNAUTHORISED,  # why, stands in data.code
    "OP_API_GRANT_FAILED": Trouble.MISCONFIGURED,
    "OP_API_NOT_EXIST": Trouble.MISCONFIGURED,
    "OP_SYSTEM_PARAM_ERROR": Trouble.MISCONFIGURED,
    "OP_HTTP_SYSTEM_PARAM_ERROR": Trouble.MISCONFIGURED,
    "OP_HTTP_UNSUPPORTED_CONTENT_TYPE": Trouble.MISCONFIGURED,
    "OP_HTTP_UNSUPPORTED_METHOD_TYPE": Trouble.MISCONFIGURED,
    "OP_HTTP_FILEUPLOAD_ERROR": Trouble.MISCONFIGURED,
    "OP_LIMITATION_REJECT": Trouble.RATE_LIMITED,
    "OP_TIMEOUT": Trouble.BUSY,
    "OP_UNIAUTH_REMOTE_ERROR": Trouble.BUSY,
    "OP_API_GRANT_REMOTE_ERROR": Trouble.BUSY,
    "OP_SOCKET_TIMEOUT_EXCEPTION": Trouble.BUSY,
    "OP_LIMITATION_ERROR": Trouble.BUSY,
    "OP_SYSTEM_ERROR": Trouble.BUSY,
    "OP_THRIFT_INIT_ERROR": Trouble.BUSY,
    "OP_REMOTE_ERROR": Trouble.BUSY,
    "OP_CONFIG_ERROR": Trouble.BUSY,
    "OP_CONFIG_NOT_FOUND": Trouble.BUSY,
    "OP_CONFIG_RPC_EMPTY": Trouble.BUSY,
    "OP_SERVICE_CONFIG_EMPTY": Trouble.BUSY,
    "OP_RPC_REMOTE_ERROR": Trouble.BUSY,
    "OP_RPC_INVOKE_ERROR": Trouble.BUSY,
    "OP_RPC_INVOKE_PARAM_EMPTY": Trouble.BUSY,
    "OP_CIRCUITBREAK": Trouble.BUSY,
    "OP_CIRCUITBREAK_ERROR": Trouble.BUSY,
    "OP_DEGRADED_UNSUPPORTED_DEGRADETYPE": Trouble.BUSY,
    "OP_DEGRADED_HANDLE_ERROR": Trouble.BUSY,
    "OP_RESULT_DSL_ERROR": Trouble.BUSY,
}

# The page allows one repeat for these; only calls without effect use it.
RETRY_ONCE = frozenset(
    {
        "OP_TIMEOUT",
        "OP_UNIAUTH_REMOTE_ERROR",
        "OP_API_GRANT_REMOTE_ERROR",
        "OP_SOCKET_TIMEOUT_EXCEPTION",
        "OP_LIMITATION_ERROR",
    }
)

# platform → ours. `data.code` beside OP_UNIAUTH_FAILED: what to tell, and the credential to mend.
CREDENTIAL_BY_SUB_CODE: Mapping[int, tuple[str, str]] = {
    3: ("Meituan does not accept the signature", "signKey"),
    4: ("the shop's token has expired: authorise the shop again", "appAuthToken"),
    5: ("Meituan does not know the shop's token", "appAuthToken"),
    22: ("the shop's authorisation has ended: authorise the shop again", "appAuthToken"),
}
NO_PERMISSION = 19  # the developer may not make this call: a setting at Meituan, no wrong key

# platform → ours. The first of these words that a message of look-ups and redemptions contains. INFERRED.
REFUSAL_BY_WORDS: Mapping[str, Refusal] = {
    "已退款": Refusal.REFUNDED,
    "退款中": Refusal.LOCKED,
    "已使用": Refusal.ALREADY_REDEEMED,
    "已验证": Refusal.ALREADY_REDEEMED,
    "已核销": Refusal.ALREADY_REDEEMED,
    "已消费": Refusal.ALREADY_REDEEMED,
    "过期": Refusal.EXPIRED,
    "未到使用时间": Refusal.NOT_YET_VALID,
    "未生效": Refusal.NOT_YET_VALID,
    "不适用于当前门店": Refusal.WRONG_STORE,
    "不适用于该门店": Refusal.WRONG_STORE,
    "冻结": Refusal.RISK_BLOCKED,
    "次数不足": Refusal.TIMES_USED_UP,
    "数量不足": Refusal.TIMES_USED_UP,
    "券码不存在": Refusal.UNKNOWN_CODE,
    "券不存在": Refusal.UNKNOWN_CODE,
    "券码无效": Refusal.UNKNOWN_CODE,
    "券码错误": Refusal.UNKNOWN_CODE,
}

# platform → ours. The same for reversals. INFERRED, but for the ten minutes (Go SDK, reverseconsume).
REVERSAL_REFUSAL_BY_WORDS: Mapping[str, Refusal] = {
    "超过10分钟": Refusal.REVERSAL_WINDOW_CLOSED,
    "超过撤销时间": Refusal.REVERSAL_WINDOW_CLOSED,
    "未验证": Refusal.ALREADY_REVERSED,
    "未使用": Refusal.ALREADY_REVERSED,
    "未核销": Refusal.ALREADY_REVERSED,
    "未消费": Refusal.ALREADY_REVERSED,
    "不可撤销": Refusal.NOT_REVERSIBLE,
    "不能撤销": Refusal.NOT_REVERSIBLE,
}

# Words of a question about uses that say for sure that there is none. INFERRED.
UNUSED_WORDS = ("未验证", "未使用", "未核销", "未消费")

# ours. What a look-up's refusal says of the state of a coupon that is known to be unused.
STATUS_BY_REFUSAL: Mapping[Refusal, CouponStatus] = {
    Refusal.REFUNDED: CouponStatus.REFUNDED,
    Refusal.EXPIRED: CouponStatus.EXPIRED,
    Refusal.NOT_YET_VALID: CouponStatus.NOT_YET_VALID,
    Refusal.LOCKED: CouponStatus.LOCKED,
    Refusal.RISK_BLOCKED: CouponStatus.LOCKED,
}

# ours. Refusals of a look-up that contradict a coupon without uses, or leave its state open.
TELLS_NO_STATE = frozenset({Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP, Refusal.UNKNOWN_CODE})

# ours. Why a coupon in this state cannot be used.
REFUSAL_BY_STATUS: Mapping[CouponStatus, Refusal] = {
    CouponStatus.NOT_YET_VALID: Refusal.NOT_YET_VALID,
    CouponStatus.EXPIRED: Refusal.EXPIRED,
}

# ------------------------------------------------------------------------------------------ general services (58)
# platform → ours. `bizType`: 205 in receipts is 201 in lists. Meituan does not tell vouchers from set meals; that
# ordinary deals (0) and those bought in a group (203) are set meals is INFERRED.
KIND_BY_BIZ_TYPE: Mapping[int, CouponKind] = {
    0: CouponKind.SET_MEAL,
    203: CouponKind.SET_MEAL,
    201: CouponKind.TIMES_CARD,
    205: CouponKind.TIMES_CARD,
    217: CouponKind.EXCHANGE,
}
CARD_BIZ_TYPES = frozenset({201, 205})

# platform → platform. Under which `bizType` querylistbydate lists a receipt; all others under 0 (INFERRED).
LISTED_BIZ_TYPE: Mapping[int, int] = {201: 201, 205: 201, 203: 203}

LISTED_BIZ_TYPES = (0, 201, 203)  # all lists of a day

# `amountType` of what the customer paid; all other types are discounts. Source: Go SDK, consume.
PAID_BY_CUSTOMER = 10

THIRD_PARTY = "15"  # `verifyChannel`: redeemed through the interface
# `refundStatus` of records whose use stands: used, and refunded after use. 0 and 4 are unused.
STANDING_RECORDS = frozenset({1, 6})
REFUNDED_RECORD = 6
# platform → whether the use was taken back. `refundStatus` of listed records; that the numbers of unused coupons show
# a use that was taken back is INFERRED, for why else are they in a list of uses.
REVERSED_BY_REFUND_STATUS: Mapping[int, bool] = {0: True, 4: True, 1: False, REFUNDED_RECORD: False}
MOST_PER_CALL = 100  # `count` of consume
LONGEST_PAGE = 300  # `limit` of querylistbydate
REVERSAL_WINDOW = timedelta(minutes=10)

# ---------------------------------------------------------------------------------------------------- catering (1)
# platform → ours. `couponStatusDesc`. Source: Go SDK, queryListByDate.
STATUS_BY_WORDS: Mapping[str, CouponStatus] = {
    "未使用": CouponStatus.AVAILABLE,
    "已使用": CouponStatus.REDEEMED,
    "已冻结": CouponStatus.LOCKED,
    "作弊已冻结": CouponStatus.LOCKED,
    "已退款": CouponStatus.REFUNDED,
}
LONGEST_COUPON_PAGE = 100  # `limit` of queryListByDate; INFERRED, no figure is documented
VERIFIED_BY_API = "第三方验证"  # `verifyType`, from an example; other words are not documented
UNKNOWN_PRICE = -1  # `couponBuyPrice`
CANCEL_TYPE = 1  # `type` of cancel, "always 1"

# What Meituan records as the person who redeemed. It keeps this and checks nothing.
TILL_ACCOUNT = "hexiao"
TILL_NAME = "Hexiao"

# ------------------------------------------------------------------------------------------------- reservations (7)
# platform → ours. `status` of a booking. 0 (about to be made) and 120 (closed) say nothing that a calendar could
# follow; that one that failed (80) or is invalid (110) is off is INFERRED. 90 and 100 are appeals of the guest.
# Source: Go SDK, model/resv2.
BOOKING_STATUS: Mapping[int, BookingStatus] = {
    10: BookingStatus.REQUESTED,
    20: BookingStatus.CANCELLED,
    30: BookingStatus.REJECTED,
    40: BookingStatus.CONFIRMED,
    50: BookingStatus.ARRIVED,
    60: BookingStatus.NO_SHOW,
    70: BookingStatus.CANCELLED,
    80: BookingStatus.CANCELLED,
    90: BookingStatus.ARRIVED,
    100: BookingStatus.NO_SHOW,
    110: BookingStatus.CANCELLED,
}
RESERVATION_PRODUCT = "7"
OPERATION_ACCEPT, OPERATION_REJECT = 1, 2
OPERATION_BY_STATUS: Mapping[BookingStatus, int] = {BookingStatus.ARRIVED: 3, BookingStatus.NO_SHOW: 4}
OTHER_REASON = 5  # `rejectReason`: in our own words, `otherReason`
LONGEST_BOOKING_PAGE = 50  # `pageSize`; INFERRED, as is that a list stands in `orders` beside `total`
MISSING_BOOKING_WORDS = ("订单不存在", "预订单不存在")  # INFERRED
