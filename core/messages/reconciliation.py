"""What is said about reconciled days: key → (zh-CN, en). `reconciliation.<kind>` exists for every kind of difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RECONCILIATION: Final[Mapping[str, tuple[str, str]]] = {
    "reconciliation.credentials": (
        "平台拒绝了本账号的凭证，无法读取核销记录。",
        "The platform refuses this account's credentials, so its record could not be read.",
    ),
    "reconciliation.misconfigured": (
        "渠道设置有误，无法读取核销记录。",
        "A setting of this account is wrong, so its record could not be read.",
    ),
    "reconciliation.rate_limited": (
        "平台限制了请求频率，稍后会自动重试。",
        "The platform asks for fewer calls. It is tried again by itself.",
    ),
    "reconciliation.unreadable": (
        "平台的核销记录无法识别，稍后会自动重试。",
        "The platform's record cannot be read. It is tried again by itself.",
    ),
    "reconciliation.unavailable": (
        "平台没有响应，稍后会自动重试。",
        "The platform did not answer. It is tried again by itself.",
    ),
    "reconciliation.internal": (
        "系统出错了，稍后会自动重试。",
        "Something went wrong on our side. It is tried again by itself.",
    ),
    "reconciliation.MISSING_LOCAL": (
        "平台有核销记录，本系统没有",
        "used at the platform, unknown here",
    ),
    "reconciliation.MISSING_REMOTE": (
        "本系统已核销，平台没有记录",
        "redeemed here, not in the platform's record",
    ),
    "reconciliation.AMOUNT_DIFF": ("金额不一致", "the amounts differ"),
    "reconciliation.LATE_LANDING": (
        "平台已核销，本系统记为未核销或未知",
        "used at the platform, declined or unsettled here",
    ),
    "reconciliation.REVERSED_REMOTELY": (
        "平台已撤销，本系统仍记为已核销",
        "taken back at the platform, redeemed here",
    ),
    "reconciliation.REVERSED_LOCALLY": (
        "本系统已撤销，平台仍记为已核销",
        "taken back here, used at the platform",
    ),
    "reconciliation.OTHER_STORE": (
        "本系统记在另一门店",
        "redeemed here in another store",
    ),
    "reconciliation.OUTSIDE": (
        "在平台自己的收银端核销",
        "used at the platform's own till",
    ),
    "problem.day_not_over": (
        "这一天的平台记录还不完整，请稍后再对账。",
        "The platform's record of this day is not complete yet.",
    ),
    "problem.account_or_channel": (
        "请填写 accountId；无需连接的渠道（如 house）请填写 channel。",
        "Give accountId, or channel for one that needs no account, such as house.",
    ),
    "problem.lists_no_uses": (
        "“{name}”所属的平台不提供核销记录，无法对账。",
        "The platform of “{name}” lists no uses, so there is nothing to compare with.",
    ),
    "problem.store_not_bound": (
        "这个门店没有绑定到“{name}”。",
        "This store is not bound to “{name}”.",
    ),
    "problem.account_disabled": ("“{name}”已停用。", "“{name}” is switched off."),
}
