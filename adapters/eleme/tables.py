"""What the codes of TOP and of its voucher services mean: platform → ours.

Source unless an entry says otherwise: https://developer.alibaba.com/docs/doc.htm?articleId=102707 (codes below 100 and
the families isv. and isp.), read 2026-11. The services document single example codes and no table, so their words are
read too. INFERRED marks our own conclusion, to be mended by a real answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from core.channels.contract import CouponStatus, Refusal


class Trouble(StrEnum):
    """What kind of failure a code is: something about the call, not about the voucher."""

    CREDENTIALS = "CREDENTIALS"
    MISCONFIGURED = "MISCONFIGURED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. The gateway's own codes: none of them reached the voucher service, except 10.
TROUBLE_BY_CODE: Mapping[str, Trouble] = {
    "4": Trouble.RATE_LIMITED,  # user call limited
    "5": Trouble.RATE_LIMITED,  # session call limited
    "6": Trouble.RATE_LIMITED,  # partner call limited
    "7": Trouble.RATE_LIMITED,  # app call limited
    "8": Trouble.RATE_LIMITED,  # app call exceeds limited frequency
    "9": Trouble.MISCONFIGURED,  # HTTP action not allowed
    "10": Trouble.BUSY,  # service currently unavailable
    "11": Trouble.MISCONFIGURED,  # insufficient ISV permissions
    "12": Trouble.MISCONFIGURED,  # insufficient user permissions
    "13": Trouble.MISCONFIGURED,  # insufficient partner permissions
    "21": Trouble.MISCONFIGURED,  # missing method
    "22": Trouble.MISCONFIGURED,  # invalid method
    "23": Trouble.MISCONFIGURED,  # invalid format
    "24": Trouble.CREDENTIALS,  # missing signature
    "25": Trouble.CREDENTIALS,  # invalid signature
    "26": Trouble.CREDENTIALS,  # missing session
    "27": Trouble.CREDENTIALS,  # invalid session
    "28": Trouble.CREDENTIALS,  # missing app key
    "29": Trouble.CREDENTIALS,  # invalid app key
    "30": Trouble.MISCONFIGURED,  # missing timestamp
    "31": Trouble.MISCONFIGURED,  # invalid timestamp
    "32": Trouble.MISCONFIGURED,  # missing version
    "33": Trouble.MISCONFIGURED,  # invalid version
    "34": Trouble.MISCONFIGURED,  # unsupported version
    "42": Trouble.MISCONFIGURED,  # forbidden request
    "53": Trouble.CREDENTIALS,  # insufficient security level: authorise anew
}

# Which credential a code is about.
CREDENTIAL_BY_CODE: Mapping[str, str] = {
    "24": "topAppSecret",
    "25": "topAppSecret",
    "26": "topSession",
    "27": "topSession",
    "28": "topAppKey",
    "29": "topAppKey",
    "53": "topSession",
}

_GATEWAY = ("the address does not lead to a TOP gateway that knows this interface", "topBaseUrl")
_CLOCK = ("the TOP gateway refuses the time of the call: this server's clock is wrong", None)

# What to tell the person who must mend it, and which setting it is about.
MEND_BY_CODE: Mapping[str, tuple[str, str | None]] = {
    "9": _GATEWAY,
    "11": ("the TOP app has no permission for the voucher interfaces", "topAppKey"),
    "12": ("the merchant's authorisation does not cover the voucher interfaces", "topSession"),
    "13": ("the TOP app's owner has no permission for the voucher interfaces", "topAppKey"),
    "21": _GATEWAY,
    "22": _GATEWAY,
    "23": _GATEWAY,
    "30": _CLOCK,
    "31": _CLOCK,
    "32": _GATEWAY,
    "33": _GATEWAY,
    "34": _GATEWAY,
    "42": ("TOP forbids this request to the app: is this server's address on its list?", "topAppKey"),
}

# "Remote service error": 15 in the list of codes, 50 in the examples of the interfaces. The reason is the sub code.
REMOTE_CODES = frozenset({"15", "50"})
# A sub code of this family says that the platform's own side failed: repeat later.
PLATFORM_FAULT = "isp."

# The services' own word for "busy". Source: the examples of reserve and of alibaba.alsc.daodian.order.use.
BUSY_CODES = frozenset({"SYSTEM_ERROR"})

# platform → ours. `error_code` of consult and reserve, and `sub_code` of use without its prefix "isv.".
REFUSAL_BY_CODE: Mapping[str, Refusal] = {
    "TICKET_CODE_INVALID": Refusal.UNKNOWN_CODE,  # the example of consult
    "TICKET_ALREADY_USED": Refusal.ALREADY_REDEEMED,  # INFERRED: documented as a biz_code of use only
}

# What a refusal of consult tells of the voucher's state. All others tell nothing of it.
STATUS_BY_REFUSAL: Mapping[Refusal, CouponStatus] = {
    Refusal.ALREADY_REDEEMED: CouponStatus.REDEEMED,
    Refusal.TIMES_USED_UP: CouponStatus.REDEEMED,
    Refusal.EXPIRED: CouponStatus.EXPIRED,
    Refusal.NOT_YET_VALID: CouponStatus.NOT_YET_VALID,
    Refusal.REFUNDED: CouponStatus.REFUNDED,
    Refusal.CANCELLED: CouponStatus.CANCELLED,
    Refusal.LOCKED: CouponStatus.LOCKED,
}

# platform → ours. What the words of a refusal without a listed code tell; the first that fits. INFERRED throughout.
REFUSAL_BY_WORDS: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (re.compile("已(?:经)?(?:被)?(?:使用|核销|消费)"), Refusal.ALREADY_REDEEMED),
    (re.compile("退款(?:处理)?中"), Refusal.LOCKED),
    (re.compile("退款"), Refusal.REFUNDED),
    (re.compile("过期|已失效"), Refusal.EXPIRED),
    (re.compile("未生效|未到.{0,4}(?:时间|日期|有效期)|未开始"), Refusal.NOT_YET_VALID),
    (re.compile("(?:份数|次数|数量).{0,4}不足"), Refusal.TIMES_USED_UP),
    (
        re.compile("门店.{0,12}(?:不可|不能|不支持|不适用|不匹配)|不(?:支持|适用).{0,6}门店"),
        Refusal.WRONG_STORE,
    ),
    (re.compile("风控|风险"), Refusal.RISK_BLOCKED),
    (re.compile("冻结|锁定"), Refusal.LOCKED),
    (re.compile("作废|已取消"), Refusal.CANCELLED),
    (re.compile("券.{0,4}(?:不存在|无效)"), Refusal.UNKNOWN_CODE),
)

# platform → ours. The same for a refused reversal. INFERRED throughout: no limit of time is documented.
REVERSAL_REFUSAL_BY_WORDS: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (re.compile("已(?:经)?(?:被)?(?:冲正|撤销)|未(?:被)?(?:使用|核销)"), Refusal.ALREADY_REVERSED),
    (re.compile("(?:超过|超出).{0,8}(?:时间|时限|期限)"), Refusal.REVERSAL_WINDOW_CLOSED),
    (re.compile("(?:不可|不能|不支持|不允许).{0,4}(?:冲正|撤销)"), Refusal.NOT_REVERSIBLE),
)

# `biz_code` of use that marks the repeat of a ticket_request_id ("幂等业务码"): the newer name, and that of older pages.
# INFERRED: on a repeat, beside our own ticket_request_id, it proves that our first call used the voucher.
REPEATED = frozenset({"TICKET_ALREADY_USED", "BIZ_ALREADY_SUCCESS"})

# None of the voucher services that TOP documents (alibaba.alsc.daodian.*, alibaba.alsc.merchant.*) lists uses.
LISTS_USES = False

# On a repeat these may be the effect of our own first call: they prove nothing.
MAYBE_OURSELVES = frozenset({Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP, Refusal.UNKNOWN_CODE})
