"""What Kuaishou's numbers and words mean: platform → ours.

Kuaishou's list of error codes could not be read. Every entry of this file is INFERRED, as of 2026-11: numbers are those
of Douyin Life, whose interface has the same paths and keys; words are what such refusals say. Where both speak,
the words count. Mend an entry with the first real answer that differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from core.channels.contract import CouponKind, CouponStatus, Refusal


class Trouble(StrEnum):
    """What kind of failure an error code is: something about the call, not about the coupon."""

    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a word, not a secret
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. Codes that say nothing about the coupon. Source: Douyin Life's page of status codes, read 2025-10.
TROUBLE_BY_CODE: Mapping[int, Trouble] = {
    2190002: Trouble.TOKEN_REFUSED,  # access_token invalid
    2190008: Trouble.TOKEN_REFUSED,  # access_token expired
    2100007: Trouble.MISCONFIGURED,
    2190004: Trouble.MISCONFIGURED,
    1508: Trouble.MISCONFIGURED,
    2119005: Trouble.MISCONFIGURED,
    2119003: Trouble.RATE_LIMITED,
    2100001: Trouble.BUSY,  # "unknown error"
    2100004: Trouble.BUSY,
    2119002: Trouble.BUSY,
    6001001: Trouble.BUSY,
}

# platform → ours. Words, in lower case, of a call's `description` or `error_msg`.
TROUBLE_BY_WORDS: Sequence[tuple[str, Trouble]] = (
    ("access_token", Trouble.TOKEN_REFUSED),
    ("access token", Trouble.TOKEN_REFUSED),
    ("accesstoken", Trouble.TOKEN_REFUSED),
    ("频繁", Trouble.RATE_LIMITED),
    ("限流", Trouble.RATE_LIMITED),
    ("繁忙", Trouble.BUSY),
    ("系统异常", Trouble.BUSY),
)

# What to tell the person who must mend it.
MEND_BY_CODE: Mapping[int, tuple[str, str]] = {
    2100007: ("the server's address is not on the IP list of the Kuaishou app", "appId"),
    2190004: ("the Kuaishou app has no permission for coupon redemption", "appId"),
    1508: ("the merchant has not authorised the Kuaishou app", "refreshToken"),
    2119005: ("the merchant has not authorised the Kuaishou app", "refreshToken"),
}

# platform → ours. Error codes of a call and `result` of a single coupon alike. Source: as TROUBLE_BY_CODE.
REFUSAL_BY_CODE: Mapping[int, Refusal] = {
    1208: Refusal.ALREADY_REDEEMED,
    2: Refusal.ALREADY_REDEEMED,
    1212: Refusal.ALREADY_REDEEMED,  # "no usable coupon in this order": used, refunded or expired
    1221: Refusal.UNKNOWN_CODE,  # cannot be decrypted
    1250: Refusal.UNKNOWN_CODE,  # code invalid
    3100101: Refusal.UNKNOWN_CODE,  # order not found
    1229: Refusal.RISK_BLOCKED,
    1241: Refusal.TIMES_USED_UP,
    1265: Refusal.CANCELLED,
    3000002: Refusal.WRONG_STORE,
    2119006: Refusal.LOCKED,  # being given to a friend
    2119007: Refusal.LOCKED,  # an unpaid order holds it
    2119008: Refusal.RISK_BLOCKED,
    45005117: Refusal.EXPIRED,  # the dynamic QR expired, not the coupon: the customer shows a fresh one
}

# platform → ours. Words of a call's `description` or of a coupon's `msg`.
REFUSAL_BY_WORDS: Sequence[tuple[str, Refusal]] = (
    ("券码不存在", Refusal.UNKNOWN_CODE),
    ("券不存在", Refusal.UNKNOWN_CODE),
    ("券码无效", Refusal.UNKNOWN_CODE),
    ("券已核销", Refusal.ALREADY_REDEEMED),
    ("券已使用", Refusal.ALREADY_REDEEMED),
    ("重复核销", Refusal.ALREADY_REDEEMED),
    ("券已过期", Refusal.EXPIRED),
    ("券已退款", Refusal.REFUNDED),
    ("未到使用时间", Refusal.NOT_YET_VALID),
    ("适用门店", Refusal.WRONG_STORE),
    ("次数不足", Refusal.TIMES_USED_UP),
    ("冻结", Refusal.RISK_BLOCKED),
)

# platform → ours. Words of a cancel that was refused.
REVERSAL_REFUSAL_BY_WORDS: Sequence[tuple[str, Refusal]] = (
    ("撤销时限", Refusal.REVERSAL_WINDOW_CLOSED),
    ("已撤销", Refusal.ALREADY_REVERSED),
    ("未核销", Refusal.ALREADY_REVERSED),
    ("不可撤销", Refusal.NOT_REVERSIBLE),
    ("不能撤销", Refusal.NOT_REVERSIBLE),
)

# Refusals that cover several reasons at once.
VAGUE_CODES = frozenset({1212})

# On a repeat these may be the effect of our own first call: they prove nothing.
MAYBE_OURSELVES = frozenset({Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP})

# platform → ours. prepare was only seen without a status: it lists what can be used.
STATUS_BY_NUMBER: Mapping[int, CouponStatus] = {
    0: CouponStatus.AVAILABLE,
    1: CouponStatus.AVAILABLE,
    2: CouponStatus.REDEEMED,
    3: CouponStatus.LOCKED,  # refund asked for, not decided
    4: CouponStatus.REFUNDED,
    6: CouponStatus.LOCKED,  # refund under way
}

# platform → ours. `sku.groupon_type`. Kuaishou's own types of goods are 1 group coupon, 2 cash voucher, 3 punch card,
# 4 stored value, in a public client of itemlist/batch/query.
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
    CouponStatus.UNRECOGNISED: Refusal.REFUSED_BY_CHANNEL,
}

# platform → ours. Words, in lower case, of the `error_msg` of /oauth2/refresh_token, and the credential they name.
CREDENTIAL_BY_WORDS: Sequence[tuple[str, str]] = (
    ("secret", "appSecret"),
    ("refresh", "refreshToken"),
    ("授权", "refreshToken"),
    ("app_id", "appId"),
    ("appid", "appId"),
    ("appkey", "appId"),
)

# No document and no public client shows a record of uses; that Douyin's path answers here too nobody has proved.
LISTS_USES = False

GRANTED = 1  # `result` of /oauth2/refresh_token
WELL_RESULTS = frozenset(
    {0, 1}
)  # `result` of an envelope; a public client of the item calls takes 1 for an error
