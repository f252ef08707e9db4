"""What Dianping's codes and words mean: platform → ours.

Source: 200 (success), 608 (session expired) and "800 and above are faults of use" are from lazing/dianping-api
@48fb86a, lib/dianping/api/middle_ware.rb, read 2025-10. No public source lists further codes, so the platform's words
decide. All words are INFERRED, to be mended by real answers; a word is looked for in the lower-case message, and the
first that is found counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from core.channels.contract import CouponKind, CouponStatus, Refusal

SUCCESS = 200
# Codes from here on speak of the coupon, those below of the call.
FIRST_BUSINESS_CODE = 800


class Trouble(StrEnum):
    """What kind of failure an answer is: something about the call, not about the coupon."""

    SESSION_REFUSED = "SESSION_REFUSED"
    SIGNATURE_REFUSED = "SIGNATURE_REFUSED"
    APP_REFUSED = "APP_REFUSED"
    NOT_PERMITTED = "NOT_PERMITTED"
    CLOCK_REFUSED = "CLOCK_REFUSED"
    STORE_REFUSED = "STORE_REFUSED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. The one code of the call itself that is known.
TROUBLE_BY_CODE: Mapping[int, Trouble] = {608: Trouble.SESSION_REFUSED}

# platform → ours. Words of an answer with any code.
TROUBLE_BY_WORD: Sequence[tuple[str, Trouble]] = (
    ("频繁", Trouble.RATE_LIMITED),
    ("频率", Trouble.RATE_LIMITED),
    ("限流", Trouble.RATE_LIMITED),
    ("流控", Trouble.RATE_LIMITED),
    ("系统繁忙", Trouble.BUSY),
    ("系统异常", Trouble.BUSY),
    ("系统错误", Trouble.BUSY),
    ("服务异常", Trouble.BUSY),
    ("服务不可用", Trouble.BUSY),
    ("请求超时", Trouble.BUSY),
    ("稍后", Trouble.BUSY),
    ("门店不存在", Trouble.STORE_REFUSED),
    ("门店未授权", Trouble.STORE_REFUSED),
    ("open_shop_uuid", Trouble.STORE_REFUSED),
)

# platform → ours. Words of an answer whose code is about the call.
CALL_TROUBLE_BY_WORD: Sequence[tuple[str, Trouble]] = (
    ("session", Trouble.SESSION_REFUSED),
    ("token", Trouble.SESSION_REFUSED),
    ("签名", Trouble.SIGNATURE_REFUSED),
    ("sign", Trouble.SIGNATURE_REFUSED),
    ("app_secret", Trouble.SIGNATURE_REFUSED),
    ("app_key", Trouble.APP_REFUSED),
    ("appkey", Trouble.APP_REFUSED),
    ("timestamp", Trouble.CLOCK_REFUSED),
    ("时间戳", Trouble.CLOCK_REFUSED),
    ("权限", Trouble.NOT_PERMITTED),
    ("授权", Trouble.NOT_PERMITTED),
)

# Keys that Dianping does not accept: what to tell the person who must mend it, and which credential it is.
CREDENTIAL_BY_TROUBLE: Mapping[Trouble, tuple[str, str]] = {
    Trouble.SIGNATURE_REFUSED: ("Dianping refuses the signature: the app secret is wrong", "appSecret"),
    Trouble.APP_REFUSED: ("Dianping does not know the app key", "appKey"),
}

# Other settings that a person must mend.
MEND_BY_TROUBLE: Mapping[Trouble, tuple[str, str | None]] = {
    Trouble.NOT_PERMITTED: ("the merchant has not authorised the app for group-buying (tuangou)", "session"),
    Trouble.CLOCK_REFUSED: ("Dianping refuses the time stamp: this server's clock is wrong", None),
    Trouble.STORE_REFUSED: (
        "Dianping does not know the store by its id (open_shop_uuid)",
        "externalStoreId",
    ),
}

# platform → ours. Why a coupon cannot be used.
REFUSAL_BY_WORD: Sequence[tuple[str, Refusal]] = (
    ("退款中", Refusal.LOCKED),
    ("申请退款", Refusal.LOCKED),
    ("冻结", Refusal.LOCKED),
    ("锁定", Refusal.LOCKED),
    ("退款", Refusal.REFUNDED),
    ("风控", Refusal.RISK_BLOCKED),
    ("风险", Refusal.RISK_BLOCKED),
    ("作弊", Refusal.RISK_BLOCKED),
    ("作废", Refusal.CANCELLED),
    ("已取消", Refusal.CANCELLED),
    ("已使用", Refusal.ALREADY_REDEEMED),
    ("已验证", Refusal.ALREADY_REDEEMED),
    ("已消费", Refusal.ALREADY_REDEEMED),
    ("已核销", Refusal.ALREADY_REDEEMED),
    ("未到使用", Refusal.NOT_YET_VALID),
    ("未生效", Refusal.NOT_YET_VALID),
    ("未开始", Refusal.NOT_YET_VALID),
    ("过期", Refusal.EXPIRED),
    ("失效", Refusal.EXPIRED),
    ("不适用", Refusal.WRONG_STORE),
    ("适用门店", Refusal.WRONG_STORE),
    ("券码不存在", Refusal.UNKNOWN_CODE),
    ("券不存在", Refusal.UNKNOWN_CODE),
    ("券码无效", Refusal.UNKNOWN_CODE),
    ("券码错误", Refusal.UNKNOWN_CODE),
    ("券码有误", Refusal.UNKNOWN_CODE),
    ("二维码无效", Refusal.UNKNOWN_CODE),
)

# platform → ours. Why a use is not taken back. The window of 10 minutes: fpy5627/dianping-tuangou, README.
REVERSAL_REFUSAL_BY_WORD: Sequence[tuple[str, Refusal]] = (
    ("分钟", Refusal.REVERSAL_WINDOW_CLOSED),
    ("已撤销", Refusal.ALREADY_REVERSED),
    ("未使用", Refusal.ALREADY_REVERSED),
    ("未验证", Refusal.ALREADY_REVERSED),
    ("未消费", Refusal.ALREADY_REVERSED),
    ("不能撤销", Refusal.NOT_REVERSIBLE),
    ("不可撤销", Refusal.NOT_REVERSIBLE),
    ("无法撤销", Refusal.NOT_REVERSIBLE),
)
REVERSAL_SECONDS = 600

# ours. What a coupon that prepare refuses is, as far as the refusal tells. Others are UNRECOGNISED.
STATUS_BY_REFUSAL: Mapping[Refusal, CouponStatus] = {
    Refusal.NOT_YET_VALID: CouponStatus.NOT_YET_VALID,
    Refusal.EXPIRED: CouponStatus.EXPIRED,
    Refusal.REFUNDED: CouponStatus.REFUNDED,
    Refusal.CANCELLED: CouponStatus.CANCELLED,
    Refusal.LOCKED: CouponStatus.LOCKED,
}

# platform → ours. `biz_type`: comments in the official Go client of the successor interface, read 2025-10. That a
# plain group-buying deal is a set meal is INFERRED, and so is the word by which vouchers are told apart.
KIND_BY_BIZ_TYPE: Mapping[int, CouponKind] = {
    0: CouponKind.SET_MEAL,  # plain group-buying
    201: CouponKind.TIMES_CARD,  # as querylistbydate writes it
    203: CouponKind.SET_MEAL,  # bought together with others
    205: CouponKind.TIMES_CARD,
    217: CouponKind.SET_MEAL,  # good at many merchants
}
VOUCHER_WORD = "代金券"

# `amount_type` of a payment: comments in the official Go client of the successor interface, read 2025-10. Those in
# neither set (times card, discount card, business payments …) leave open who paid.
CUSTOMER_PAID = frozenset({10, 25, 26})  # in the app, at a till, offline; the last two INFERRED
TAKEN_OFF = frozenset({2, 5, 6, 8, 12, 15, 17, 18, 24, 28})  # vouchers, points, cuts of platform or merchant

# `biz_type` of querylistbydate, one list each; "" asks without it, for plain coupons. That 203 has a list of its own
# is INFERRED from the successor interface.
LISTED_BIZ_TYPES = ("", "201", "203")
LONGEST_PAGE = 100  # `limit` of querylistbydate; INFERRED from an example, no figure is documented

THIRD_PARTY_TILL = "15"  # `verify_channel`: came in through the open interface

# How long a session lives whose age nobody knows: a month by default, says a third party.
SESSION_DAYS = 30
