"""What Youzan's words and numbers mean: platform → ours.

Source unless an entry says otherwise: the official pages of doc.youzanyun.com as noted and probed 2026-09-11, and
their scrape of 2020 in nest-mods/youzan @3143134. INFERRED marks our own conclusion, to be mended by a real answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.channels.contract import BookingStatus, CouponKind, CouponStatus, Refusal


class Kind(StrEnum):
    """The three things that Youzan calls a code to be redeemed. The words stand in handles: do not rename."""

    TICKET = "ticket"  # 电子卡券: one QR, one or more tickets
    CODE = "code"  # 虚拟商品: the number of the order
    COUPON = "coupon"  # 优惠券 and 优惠码


class Trouble(StrEnum):
    """What kind of failure an error code is: something about the call, not about the coupon."""

    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a word, not a secret
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# Names of the calls, all of version 3.0.0.
VERSION = "3.0.0"
GET_API: Mapping[Kind, str] = {
    Kind.TICKET: "youzan.trade.virtualticket.get",
    Kind.CODE: "youzan.trade.virtualcode.get",
    Kind.COUPON: "youzan.ump.coupon.consume.get",
}
USE_ALL_TICKETS = "youzan.trade.virtualticket.verifycode"
USE_TICKET = "youzan.trade.virtualticket.verifyticket"
USE_CODE = "youzan.trade.virtualcode.apply"
USE_COUPON = "youzan.ump.coupon.consume.verify"

# platform → ours. `gw_err_resp.err_code`; a code that is not here is trouble too, never a statement about a coupon.
GATEWAY_TROUBLE: Mapping[int, Trouble] = {
    4001: Trouble.MISCONFIGURED,  # no such path
    4004: Trouble.MISCONFIGURED,  # the body is no JSON
    4005: Trouble.MISCONFIGURED,  # no such API or version
    4007: Trouble.MISCONFIGURED,  # our address is not on the app's list; also a wrong method or content type
    4009: Trouble.MISCONFIGURED,  # openid missing
    4101: Trouble.RATE_LIMITED,
    4201: Trouble.TOKEN_REFUSED,  # no token
    4202: Trouble.TOKEN_REFUSED,  # expired
    4203: Trouble.TOKEN_REFUSED,  # unknown
    4204: Trouble.MISCONFIGURED,  # no permission
    5001: Trouble.BUSY,  # mostly a parameter of the wrong type
    5002: Trouble.BUSY,
    5003: Trouble.BUSY,
}

# What to tell the person who must mend it.
MEND_BY_CODE: Mapping[int, tuple[str, str]] = {
    4001: ("Youzan knows no such path; is the base URL right?", "baseUrl"),
    4004: ("Youzan could not read the call; is the base URL right?", "baseUrl"),
    4005: ("Youzan no longer offers this interface to the app", "clientId"),
    4007: ("the server's address is not on the IP list of the Youzan app", "clientId"),
    4009: ("the Youzan app is of a type that needs a user's openid", "clientId"),
    4204: ("the Youzan app has no permission for redeeming", "clientId"),
}

# platform → ours. `error_response.code` and the `code` of newer answers, where they are about the call.
BUSINESS_TROUBLE: Mapping[int, Trouble] = {
    40010: Trouble.TOKEN_REFUSED,  # the older word for a wrong token, sub_code 10000
    500100004: Trouble.RATE_LIMITED,
    123000042: Trouble.RATE_LIMITED,
    106000001: Trouble.BUSY,  # time-out inside
    106100118: Trouble.BUSY,  # time-out inside
    106000003: Trouble.BUSY,
}

# virtualticket.get answers 80001 for an unknown code, but also when a service behind it fails; only the first
# carries the mark. INFERRED from the one sample: "服务请求失败,请重试!, … msg:PHP response code:404".
BEHIND_CODE = 80001
BEHIND_MISSING = "code:404"

# platform → ours. What a reading call says by refusing. 50000 is "internal business exception" in the tables of the
# pages, and each page's sample of it says that there is no such code.
MISSING_CODES = frozenset({5000, 50000, 101300000, 106000004, 106100110})

# platform → ours. What a redeeming call says by refusing.
REFUSAL_BY_CODE: Mapping[int, Refusal] = {
    101300000: Refusal.UNKNOWN_CODE,  # no such order
    106000004: Refusal.UNKNOWN_CODE,  # not the number of an order
    106100110: Refusal.UNKNOWN_CODE,  # the same
}

# Codes that a redeeming call gives for several reasons, and what is left when the coupon still looks usable:
# 101600002 is an order that is used up or closed, told apart by its words alone.
VAGUE_CODES: Mapping[int, Refusal] = {
    5000: Refusal.REFUSED_BY_CHANNEL,
    50000: Refusal.REFUSED_BY_CHANNEL,
    101600002: Refusal.CANCELLED,
}

# platform → ours. `ticket_state`; the page's table says NOT_VERIFIED, its sample NOT_VERIFY.
STATUS_BY_TICKET_STATE: Mapping[str, CouponStatus] = {
    "NOT_VERIFIED": CouponStatus.AVAILABLE,
    "NOT_VERIFY": CouponStatus.AVAILABLE,
    "VERIFIED": CouponStatus.REDEEMED,
    "EXPIRED": CouponStatus.EXPIRED,
    "REFUNDING": CouponStatus.LOCKED,
}

# platform → ours. `status` of virtualcode.get.
STATUS_BY_CODE_STATUS: Mapping[int, CouponStatus] = {1: CouponStatus.AVAILABLE, 2: CouponStatus.REDEEMED}

# platform → ours. `trade.refund_state`, and INFERRED for `item_refund_state`, whose samples use the same words.
# That what a partial refund leaves can still be used is INFERRED too.
STATUS_BY_REFUND_STATE: Mapping[str, CouponStatus] = {
    "NO_REFUND": CouponStatus.AVAILABLE,
    "PARTIAL_REFUNDING": CouponStatus.LOCKED,
    "PARTIAL_REFUNDED": CouponStatus.AVAILABLE,
    "PARTIAL_REFUND_FAILED": CouponStatus.AVAILABLE,
    "FULL_REFUNDING": CouponStatus.LOCKED,
    "FULL_REFUNDED": CouponStatus.REFUNDED,
    "FULL_REFUND_FAILED": CouponStatus.AVAILABLE,
}

# platform → ours. `trade.status`; those that are not here say nothing against the code.
STATUS_BY_TRADE_STATUS: Mapping[str, CouponStatus] = {
    "TRADE_CLOSED": CouponStatus.REFUNDED,  # closed by itself after a refund
    "TRADE_CLOSED_BY_USER": CouponStatus.CANCELLED,
}

# platform → ours. `status` of consume.get.
STATUS_BY_COUPON_STATUS: Mapping[int, CouponStatus] = {0: CouponStatus.AVAILABLE, 1: CouponStatus.REDEEMED}

# platform → ours. `preferential_type` of a coupon.
KIND_BY_PREFERENCE: Mapping[int, CouponKind] = {1: CouponKind.CASH_VOUCHER, 2: CouponKind.DISCOUNT}

FIXED_DATES = 1  # `date_type`: only then are start_at and end_at those of the coupon itself

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

# youzan.ump.coupon.consume.verifylogs.get/3.0.0 lists uses of coupons, with no store beside them; nothing lists those of
# tickets and virtual codes. Half a list would show every ticket as missing.
LISTS_USES = False

# platform → ours. `code` of /auth/token, by the credential at fault.
CREDENTIAL_BY_CODE: Mapping[int, str] = {
    1000: "clientSecret",  # also for a content type that is not JSON
    1004: "grantId",  # the shop's grant has expired
    1005: "grantId",  # wrong code of a grant
    1103: "clientId",  # app or shop missing, or the one not granted to the other: one code for all three
    1105: "clientId",  # another type of app
}

# platform → ours. `status` of a COUPON_CUSTOMER_PROMOTION push; CARD is a coupon, CODE a promotion code.
# Source: public receivers that quote the official list of eight (2026-10). TAKE changes nothing; BACK is not
# explained anywhere, so both stay unrecognised.
COUPON_PUSH = "COUPON_CUSTOMER_PROMOTION"
EVENT_KIND_BY_STATUS: Mapping[str, str] = {
    "CARD_CONSUME": "coupon.redeemed",
    "CODE_CONSUME": "coupon.redeemed",
    "CARD_REVERT": "coupon.reversed",
    "CODE_REVERT": "coupon.reversed",
}

# platform → ours. A paid order closes by itself once it is refunded, and its virtual code with it.
TRADE_CLOSED_PUSH = "trade_TradeClose"

# platform → ours. `reservation_status` of youzan.mei.reservation.get: created, awaiting the guest, billed, done. That a
# bill is made once the guest is there is INFERRED.
BOOKING_STATUS: Mapping[int, BookingStatus] = {
    5: BookingStatus.CONFIRMED,
    10: BookingStatus.CONFIRMED,
    20: BookingStatus.ARRIVED,
    30: BookingStatus.COMPLETED,
}
BOOKING_CANCELLED = frozenset({97, 98})  # by another system of the shop; by merchant or buyer
MISSING_BOOKING = 230100013  # "no data"
TECHNICIAN = 1  # `resource_type`
LONGEST_BOOKING_PAGE = 200  # `page_size`; that the page's number is `page_no` is INFERRED
