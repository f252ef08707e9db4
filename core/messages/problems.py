"""What is said about wrong set-up input: key → (zh-CN, en). `problem.<code>` exists for every code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "problem.REQUIRED": ("请填写“{name}”。", "“{name}” is required."),
    "problem.INVALID": ("“{name}”的内容不正确。", "“{name}” is not valid."),
    "problem.TOO_LONG": ("“{name}”最多 {limit} 个字符。", "“{name}” may have {limit} characters at most."),
    "problem.TOO_SMALL": ("“{name}”不能小于 {limit}。", "“{name}” may not be less than {limit}."),
    "problem.TOO_LARGE": ("“{name}”不能大于 {limit}。", "“{name}” may not be more than {limit}."),
    "problem.NOT_FOUND": ("没有找到“{name}”所指的对象。", "What “{name}” names was not found."),
    "problem.ALREADY_EXISTS": ("“{name}”已存在。", "“{name}” is taken already."),
    "problem.NOT_ALLOWED": ("不允许这样设置“{name}”。", "“{name}” may not be set like this."),
    "problem.CREDENTIALS_REFUSED": (
        "平台拒绝了这组凭证，请在开放平台后台核对。",
        "The platform refused these credentials. Check them in its console.",
    ),
    "problem.CHANNEL_UNAVAILABLE": (
        "平台没有响应，没有保存任何内容，请稍后再试。",
        "The platform did not answer. Nothing was stored; try again shortly.",
    ),
    "problem.CONFLICT": (
        "刚刚有人改动了同一内容，请刷新后再试。",
        "Somebody else has just changed this. Reload and try again.",
    ),
    "problem.time_zone": (
        "“{value}”不是 IANA 时区名，例如 Asia/Shanghai。",
        "“{value}” is no IANA time zone, such as Asia/Shanghai.",
    ),
    "problem.unknown_channel": (
        "没有名为“{code}”的渠道。可用渠道：{known}。",
        "There is no channel “{code}”. There are: {known}.",
    ),
    "problem.channel_needs_no_account": (
        "渠道“{code}”无需连接，所有门店都可以直接使用。",
        "The channel “{code}” needs no connecting: every store has it.",
    ),
    "problem.unknown_key": (
        "“{name}”不是该渠道的参数。可用参数：{known}。",
        "The channel has no “{name}”. It has: {known}.",
    ),
    "problem.must_be_text": ("“{name}”应为文本。", "“{name}” must be a text."),
    "problem.must_be_number": ("“{name}”应为数字。", "“{name}” must be a number."),
    "problem.must_be_boolean": ("“{name}”应为 true 或 false。", "“{name}” must be true or false."),
    "problem.must_be_list": ("“{name}”应为列表。", "“{name}” must be a list."),
    "problem.must_be_object": ("“{name}”应为对象。", "“{name}” must be an object."),
    "problem.wrong_form": ("“{name}”的内容不正确：{detail}", "“{name}” is not valid: {detail}"),
    "problem.base_url": ("“{name}”应为完整的 https 地址。", "“{name}” must be a whole https address."),
    "problem.private_address": (
        "“{name}”指向内网地址；只有设置 HEXIAO_ALLOW_PRIVATE_HOSTS=1 时才允许。",
        "“{name}” is a private address; these are allowed only with HEXIAO_ALLOW_PRIVATE_HOSTS=1.",
    ),
    "problem.credential_refused": (
        "平台不接受“{name}”，请在开放平台后台核对。",
        "The platform does not accept “{name}”. Check it in its console.",
    ),
    "problem.setting_refused": ("平台认为“{name}”不正确。", "The platform says that “{name}” is wrong."),
    "problem.channel_unreadable": (
        "平台的答复无法识别，没有保存任何内容；请检查地址是否正确。",
        "The platform's answer cannot be read. Nothing was stored; check the address.",
    ),
    "problem.account_not_found": ("没有找到这个渠道账号。", "This channel account was not found."),
    "problem.login_code_invalid": (
        "登录凭证无效或已使用，请重新打开小程序登录。",
        "This login code is not valid or was used. Get a new one.",
    ),
    "problem.login_code_expired": (
        "登录凭证已过期，请重新打开小程序登录。",
        "This login code has expired. Get a new one.",
    ),
    "problem.login_blocked": (
        "平台的风控拒绝了这次登录，请稍后再试。",
        "The platform's risk control refused this login. Try again later.",
    ),
    "problem.login_not_permitted": (
        "该小程序尚未获得平台的授权，请联系商家。",
        "The platform has not granted this to the mini-program. Please tell the shop.",
    ),
    "problem.login_refused": ("平台拒绝了这次登录。", "The platform refused this login."),
    "problem.login_unavailable": (
        "平台没有响应，请用新的登录凭证再试。",
        "The platform did not answer. Try again with a new code.",
    ),
    "problem.login_misconfigured": (
        "登录暂时不可用，请联系商家。",
        "Login is out of order here. Please tell the shop.",
    ),
    "problem.login_not_offered": (
        "该渠道没有小程序登录。",
        "This channel has no login by a mini-program.",
    ),
    "problem.login_disabled": ("该渠道账号已停用。", "This channel account is switched off."),
    "problem.login_over": ("登录已过期，请重新登录。", "This login is over. Please log in again."),
    "problem.login_phone_taken": (
        "这个手机号属于另一位顾客，已登录的顾客保留原来的手机号。",
        "This phone belongs to another customer. Whoever is logged in keeps the phone they had.",
    ),
    "problem.login_phone_unusable": (
        "平台给出的手机号无法识别。",
        "What the platform gave is no phone number that we can use.",
    ),
    "problem.store_not_found": ("没有找到这个门店。", "This store was not found."),
    "problem.link_target": (
        "请只选择一个服务或一位员工。",
        "Choose either one service or one staff member.",
    ),
    "problem.no_booking_account": (
        "没有找到可接收预约的渠道账号。",
        "There is no such account of a channel that takes bookings.",
    ),
    "problem.store_not_bound": (
        "请先将门店绑定到该渠道账号。",
        "Bind the store to the channel account first.",
    ),
    "problem.sync_unavailable": (
        "平台没有回应，未能全部同步，请稍后再试。",
        "The platform did not answer, and not all was read. Try again shortly.",
    ),
    "problem.sends_no_messages": (
        "该渠道不能发送消息。",
        "This channel sends no messages.",
    ),
    "problem.value_or_text": (
        "每个模板字段必须填写 value 或 text 之一。",
        "Each field of a template needs either “value” or “text”.",
    ),
    "problem.no_identity": (
        "请先在该账号的小程序中登录。",
        "Log in by this account's mini-program first.",
    ),
    "problem.redemption_settled": (
        "这笔核销当前状态为 {status}，不需要人工处理。",
        "This redemption is {status}; there is nothing for a person to settle.",
    ),
    "problem.external_store_taken": (
        "平台门店“{value}”已绑定到本账号的另一个门店。",
        "The platform's store “{value}” is bound to another store of this account.",
    ),
    "account.credentials_refused": (
        "平台不再接受本账号的凭证，请更新凭证或重新授权。",
        "The platform no longer accepts this account's credentials. Renew them or authorise again.",
    ),
    "account.credential_refused": (
        "平台不再接受“{name}”，请更新凭证或重新授权。",
        "The platform no longer accepts “{name}”. Renew it or authorise again.",
    ),
    "account.misconfigured": (
        "渠道设置有误，请检查。",
        "A setting of this account is wrong. Please check them.",
    ),
    "account.setting_wrong": (
        "渠道设置“{name}”有误，请检查。",
        "The setting “{name}” of this account is wrong.",
    ),
}
