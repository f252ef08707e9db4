"""What WeChat's numbers and words mean: platform → ours. Each table names its source; all were read 2026-11.

INFERRED marks our own conclusion, to be mended by a real answer. WeChat publishes no list of errors for the voucher
calls, so the adapter believes no number there: it asks for the voucher and reads its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.channels.contract import CouponKind, CouponStatus, DeliveryRefusal, LoginRefusal, Refusal


class Trouble(StrEnum):
    """What kind of failure an error is: something about the call, not about the coupon."""

    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a word, not a secret
    CREDENTIALS = "CREDENTIALS"
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# ------------------------------------------------------------------------------------------- api.weixin.qq.com
# platform → ours. `errcode` of a call with an access token.
# Source: https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken and the community's real answers.
TROUBLE_BY_ERRCODE: Mapping[int, Trouble] = {
    -1: Trouble.BUSY,
    40001: Trouble.TOKEN_REFUSED,  # not the latest
    40014: Trouble.TOKEN_REFUSED,  # invalid
    42001: Trouble.TOKEN_REFUSED,  # expired
    41001: Trouble.TOKEN_REFUSED,  # missing; INFERRED that a fresh one helps
    40164: Trouble.MISCONFIGURED,
    48001: Trouble.MISCONFIGURED,
    45009: Trouble.RATE_LIMITED,  # the day's quota
    45011: Trouble.RATE_LIMITED,  # the minute's
}

# What to tell the person who must mend it.
MEND_BY_ERRCODE: Mapping[int, tuple[str, str]] = {
    40164: ("the server's address is not on the IP list of the WeChat app", "appId"),
    48001: ("the WeChat app has no permission for this interface", "appId"),
}

# platform → ours. `errcode` of /cgi-bin/stable_token that names a credential. Source: same page.
CREDENTIAL_BY_ERRCODE: Mapping[int, str] = {
    40001: "appSecret",
    40002: "appId",  # grant_type; INFERRED that the app may not use it
    40013: "appId",
    40125: "appSecret",
    40243: "appSecret",  # frozen by its owner
    41002: "appId",
    41004: "appSecret",
}

# platform → ours. `errcode` of voucher/get and get_list, whose only argument is the code or the openid. INFERRED: no page
# lists their errors.
REFUSAL_BY_ERRCODE: Mapping[int, Refusal] = {
    40003: Refusal.UNKNOWN_CODE,  # no openid of this app
    40097: Refusal.UNKNOWN_CODE,  # an argument is wrong
    47003: Refusal.UNKNOWN_CODE,  # an argument is invalid
}

# platform → ours. `errcode` of /sns/jscode2session and /wxa/business/getuserphonenumber.
# Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session and
# …/user-info/phone-number/api_getphonenumber. A code that is over is told like one that never was.
LOGIN_REFUSAL_BY_ERRCODE: Mapping[int, LoginRefusal] = {
    40029: LoginRefusal.CODE_INVALID,
    40163: LoginRefusal.CODE_INVALID,  # used before; seen with the service account's login
    41008: LoginRefusal.CODE_INVALID,  # missing
    40226: LoginRefusal.RISK_BLOCKED,
}

# platform → ours, for a phone code alone. INFERRED: the page says "the code is another app's" for 40013, and of a wrong
# openid nothing.
PHONE_REFUSAL_BY_ERRCODE: Mapping[int, LoginRefusal] = {
    40013: LoginRefusal.CODE_INVALID,
    40003: LoginRefusal.CODE_INVALID,
}

# platform → ours. `errcode` of /cgi-bin/message/subscribe/send.
# Source: https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/
# sendMessage.html. 43107 and later: INFERRED, from the list of the service account's sister interface.
DELIVERY_REFUSAL_BY_ERRCODE: Mapping[int, DeliveryRefusal] = {
    40003: DeliveryRefusal.UNREACHABLE,
    40037: DeliveryRefusal.TEMPLATE_UNKNOWN,
    41030: DeliveryRefusal.CONTENT_REFUSED,  # no such page in the published mini-program
    43101: DeliveryRefusal.NO_CONSENT,  # refused, or the one consent is used up
    47003: DeliveryRefusal.CONTENT_REFUSED,
    43107: DeliveryRefusal.REFUSED_BY_CHANNEL,  # the app may send no messages for the time being
    43108: DeliveryRefusal.TOO_MANY,  # several at once to the same person
    45168: DeliveryRefusal.CONTENT_REFUSED,  # a forbidden word
}

# How many characters a value may have, by the kind that its key begins with (thing1, name2). Same page. Kinds that are
# not listed are not cut: a shortened number, time, amount or phone number would be another one.
LONGEST_VALUES: Mapping[str, int] = {
    "thing": 20,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "phrase": 5,
    "name": 20,
}
LONGEST_CHINESE_NAME = 10

# ours → platform. `lang`, by the first match of a language's beginning. Same page.
LANGUAGES: Mapping[str, str] = {"zh-HK": "zh_HK", "zh-TW": "zh_TW", "zh": "zh_CN", "en": "en_US"}

# platform → ours. `status` of a voucher. Source: …/locallife/common_structure/definition.html
STATUS_BY_NUMBER: Mapping[int, CouponStatus] = {
    1: CouponStatus.AVAILABLE,
    2: CouponStatus.REDEEMED,
    3: CouponStatus.REFUNDED,
    4: CouponStatus.EXPIRED,
}

# platform → ours. `voucher_type`. INFERRED from the order of the kinds on the product page (1 voucher, 2 meal).
KIND_BY_VOUCHER_TYPE: Mapping[int, CouponKind] = {
    1: CouponKind.CASH_VOUCHER,
    2: CouponKind.SET_MEAL,
}

MOST_VOUCHERS = 10  # of one consume or revoke call, and of one presented text

# ------------------------------------------------------------------------------------------ api.mch.weixin.qq.com
# platform → ours. `code` of a Pay v3 error that says nothing about the coupon.
# Source: https://pay.weixin.qq.com/doc/v3/partner/4012465557 and the error tables of the coupon calls.
TROUBLE_BY_CODE: Mapping[str, Trouble] = {
    "SIGN_ERROR": Trouble.CREDENTIALS,
    "APPID_MCHID_NOT_MATCH": Trouble.MISCONFIGURED,
    "MCH_NOT_EXISTS": Trouble.MISCONFIGURED,
    "FREQUENCY_LIMITED": Trouble.RATE_LIMITED,
    "FREQUENCY_LIMIT_EXCEED": Trouble.RATE_LIMITED,
    "RATELIMIT_EXCEEDED": Trouble.RATE_LIMITED,
    "SYSTEM_ERROR": Trouble.BUSY,
}

MEND_BY_CODE: Mapping[str, tuple[str, str]] = {
    "APPID_MCHID_NOT_MATCH": ("the appId is not bound to this WeChat Pay merchant", "appId"),
    "MCH_NOT_EXISTS": ("WeChat Pay knows no merchant with this number", "mchId"),
}

# platform → ours. `code` of a Pay v3 error about the coupon. Source: as TROUBLE_BY_CODE.
REFUSAL_BY_CODE: Mapping[str, Refusal] = {
    "RESOURCE_NOT_EXISTS": Refusal.UNKNOWN_CODE,
    "RESOURCE_ALREADY_EXISTS": Refusal.ALREADY_REDEEMED,  # used under another request number
    "NOAUTH": Refusal.REFUSED_BY_CHANNEL,  # another merchant's coupon, or no permission: the page does not tell
    "INVALID_REQUEST": Refusal.REFUSED_BY_CHANNEL,  # covers every state in which it cannot be used
    "PARAM_ERROR": Refusal.REFUSED_BY_CHANNEL,
}

# platform → ours. `coupon_state`.
# Source: https://pay.weixin.qq.com/docs/merchant/apis/merchant-exclusive-coupon/coupon/list-coupons-by-filter.html
STATUS_BY_STATE: Mapping[str, CouponStatus] = {
    "SENDED": CouponStatus.AVAILABLE,
    "USED": CouponStatus.REDEEMED,
    "EXPIRED": CouponStatus.EXPIRED,
    "DELETED": CouponStatus.CANCELLED,
    "DEACTIVATED": CouponStatus.CANCELLED,
}

# platform → ours. `stock_type`. Source: https://pay.weixin.qq.com/doc/v3/merchant/4015715938
KIND_BY_STOCK_TYPE: Mapping[str, CouponKind] = {
    "NORMAL": CouponKind.CASH_VOUCHER,
    "DISCOUNT": CouponKind.DISCOUNT,
    "EXCHANGE": CouponKind.EXCHANGE,
}

# /channels/ec/voucher/get_bill_list asks by product and day, and nothing here knows the products; Pay lists coupons by
# customer only. Source: https://developers.weixin.qq.com/doc/channels/locallife/api/query_voucher.html, read 2026-11.
LISTS_USES = False

# ours. Why a coupon in this state cannot be used.
REFUSAL_BY_STATUS: Mapping[CouponStatus, Refusal] = {
    CouponStatus.NOT_YET_VALID: Refusal.NOT_YET_VALID,
    CouponStatus.REDEEMED: Refusal.ALREADY_REDEEMED,
    CouponStatus.EXPIRED: Refusal.EXPIRED,
    CouponStatus.REFUNDED: Refusal.REFUNDED,
    CouponStatus.CANCELLED: Refusal.CANCELLED,
    CouponStatus.UNRECOGNISED: Refusal.REFUSED_BY_CHANNEL,
}

# Events of the message push about subscribe messages: the customer answered the mini-program's question, changed the
# answer in the settings of the app, or was sent a message (or not).
# Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html, read 2026-11
GRANTING_EVENT = "subscribe_msg_popup_event"
CONSENT_EVENTS = frozenset({GRANTING_EVENT, "subscribe_msg_change_event", "subscribe_msg_sent_event"})
YES = "accept"
