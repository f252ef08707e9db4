"""What is said when a request cannot be served: key → (zh-CN, en). `fault.<code>` exists for every code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "fault.UNAUTHENTICATED": ("请先登录。", "A valid access token is needed."),
    "fault.FORBIDDEN": ("您没有权限执行此操作。", "You may not do this."),
    "fault.NOT_FOUND": ("没有找到。", "Not found."),
    "fault.BAD_USER_INPUT": ("输入内容不正确。", "The input is not valid."),
    "fault.RATE_LIMITED": (
        "请求过于频繁，请在 {seconds} 秒后再试。",
        "Too many requests. Try again in {seconds} s.",
    ),
    "fault.IDEMPOTENCY_KEY_REUSED": (
        "这个 idempotencyKey 已用于另一个请求。",
        "This idempotencyKey was used with other input.",
    ),
    "fault.CHANNEL_UNAVAILABLE": (
        "平台没有响应，请稍后再试。",
        "The platform is not answering. Try again shortly.",
    ),
    "fault.INTERNAL_SERVER_ERROR": (
        "系统出错了，请稍后再试。",
        "Something went wrong on our side. Try again shortly.",
    ),
    "fault.COST_LIMIT_EXCEEDED": ("这个查询过于庞大，请拆分。", "This document asks for too much. Split it."),
    "fault.token_invalid": ("访问令牌无效。", "The access token is not valid."),
    "fault.token_expired": ("登录已过期，请重新登录。", "The access token has expired."),
    "fault.role_forbidden": ("角色 {role} 不能执行 {action}。", "The role {role} may not {action}."),
    "fault.scope_missing": (
        "执行 {action} 需要令牌带有权限“{scope}”。",
        "To {action} the token needs the scope “{scope}”.",
    ),
    "fault.store_not_found": ("没有找到这个门店。", "This store was not found."),
    "fault.account_not_found": ("没有找到这个渠道账号。", "This channel account was not found."),
    "fault.customer_not_found": ("没有找到这位顾客。", "This customer was not found."),
    "fault.merchant_not_found": ("没有找到这个商家。", "This merchant was not found."),
    "fault.stores_required": (
        "角色 {role} 的令牌必须指定门店。",
        "A token of the role {role} must name its stores.",
    ),
    "fault.scope_unknown": (
        "没有名为“{scope}”的权限。可用权限：{known}。",
        "There is no scope “{scope}”. There are: {known}.",
    ),
    "fault.order_not_found": ("没有找到这个订单。", "This order was not found."),
    "fault.order_over": (
        "这个订单已取消，不能再核销优惠券。",
        "This order was cancelled; no coupon is redeemed for it.",
    ),
    "fault.service_not_found": ("没有找到这项服务。", "This service was not found."),
    "fault.window_order": ("起始时间必须早于结束时间。", "The window must begin before it ends."),
    "fault.window_days": ("一次最多查询 {most} 天。", "A window has at most {most} days."),
    "fault.window_zone": ("时间必须带有时区。", "A time needs an offset from UTC."),
    "fault.party_size": ("人数应在 1 到 {most} 之间。", "A party is between 1 and {most} people."),
    "fault.slots_limit": ("应在 1 到 {most} 之间。", "This is between 1 and {most}."),
    "fault.redemption_not_found": ("没有找到这条核销记录。", "This redemption was not found."),
    "fault.code_empty": ("券码为空。", "The code is empty."),
    "fault.code_too_long": ("券码最多 {most} 个字符。", "A code has at most {most} characters."),
    "fault.codes_count": ("请提供 1 到 {most} 个券码。", "Give between 1 and {most} codes."),
    "fault.count_range": ("count 应在 1 到 {most} 之间。", "count is between 1 and {most}."),
    "fault.key_length": (
        "idempotencyKey 应为 1 到 {most} 个字符。",
        "An idempotencyKey has 1 to {most} characters.",
    ),
    "fault.reason_length": ("请填写 1 到 {most} 个字符的原因。", "Give a reason of 1 to {most} characters."),
    "fault.login_contended": ("同时有多次登录，请再试一次。", "Several logins at once. Please try again."),
    "fault.phone_tail": ("请输入手机号的后四位数字。", "Give the last four digits of the phone."),
    "fault.phone_invalid": ("手机号格式不正确。", "This is not a phone number."),
    "fault.report_days": (
        "起止日期顺序不对，或超过 {most} 天。",
        "The days are in the wrong order, or more than {most}.",
    ),
}
