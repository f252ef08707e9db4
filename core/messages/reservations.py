"""What is said about a reservation that is not made, changed or checked in: key → (zh-CN, en).

`reservation.<code>` exists for every code. `reservation.<code>.<reason>` is used where a refusal names its reason,
`reservation.<code>.detailed` where it brings the values that the text names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESERVATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "reservation.SLOT_TAKEN": (
        "这个时间刚刚被预订了，请选择其他时间。",
        "This time has just been taken. Please choose another.",
    ),
    "reservation.SLOT_EXPIRED": (
        "这个时间的选择已过期，请重新选择。",
        "This choice of a time is too old. Please choose again.",
    ),
    "reservation.HOLD_EXPIRED": (
        "为您保留的时间已失效，请重新选择。",
        "The time is no longer held for you. Please choose again.",
    ),
    "reservation.CLASS_FULL": (
        "名额已满，请选择其他场次或加入候补。",
        "There are not enough seats left. Please choose another time or join the waitlist.",
    ),
    "reservation.OUTSIDE_HOURS": ("这个时间不在营业时间内。", "This time is outside of the working hours."),
    "reservation.TOO_SOON": (
        "距离开始时间太近，不能预订这个时间。",
        "This time is too soon to be booked.",
    ),
    "reservation.TOO_FAR_AHEAD": (
        "这个日期太远，暂时不能预订。",
        "This date is too far ahead to be booked yet.",
    ),
    "reservation.OUTSIDE_CHANGE_WINDOW": (
        "现在不能自行更改或取消，请联系门店。",
        "It is too late to change or cancel it yourself. Please call the shop.",
    ),
    "reservation.OUTSIDE_CHANGE_WINDOW.detailed": (
        "距离开始不足 {minutes} 分钟，不能自行更改或取消，请联系门店。",
        "It starts in less than {minutes} min. Please call the shop to change or cancel it.",
    ),
    "reservation.ALREADY_CANCELLED": ("这个预约已取消。", "This reservation has been cancelled already."),
    "reservation.CUSTOMER_LIMIT_REACHED": (
        "您的未完成预约已达上限。",
        "You have as many open reservations as one customer may have.",
    ),
    "reservation.CUSTOMER_LIMIT_REACHED.detailed": (
        "您最多可以同时有 {limit} 个预约。",
        "You may have {limit} open reservations at a time.",
    ),
    "reservation.CUSTOMER_LIMIT_REACHED.holds": (
        "您最多可以同时保留 {limit} 个时间。",
        "You may hold {limit} times at once.",
    ),
    "reservation.OVERLAPS_OWN_RESERVATION": (
        "您在这个时间已有其他预约。",
        "You have another reservation at this time.",
    ),
    "reservation.STAFF_NOT_QUALIFIED": (
        "所选员工不提供这项服务。",
        "The chosen staff member does not offer this service.",
    ),
    "reservation.RESOURCE_UNAVAILABLE": (
        "这个时间没有空闲的房间或设备。",
        "No suitable room or equipment is free at this time.",
    ),
    "reservation.PACKAGE_USED_UP": ("这个套餐的次数已用完。", "All visits of this package are used up."),
    "reservation.PACKAGE_NOT_VALID": (
        "这个套餐不能用于这次预约。",
        "This package cannot be used for this reservation.",
    ),
    "reservation.OUT_OF_STOCK": ("预订的商品库存不足。", "What was pre-ordered is out of stock."),
    "reservation.OUT_OF_STOCK.detailed": (
        "预订的商品只剩 {left} 件。",
        "Only {left} of what was pre-ordered are left.",
    ),
    "reservation.UNKNOWN_RESERVATION": ("没有找到这个预约。", "This reservation was not found."),
    "reservation.WRONG_STORE": ("这个预约属于其他门店。", "This reservation is for another store."),
    "reservation.WRONG_DAY": ("这个预约不在今天。", "This reservation is not for today."),
    "reservation.ALREADY_CHECKED_IN": ("已经签到过了。", "The guest has been checked in already."),
    "reservation.AMBIGUOUS_PHONE": (
        "有多个预约符合这个号码，请选择其中一个。",
        "Several reservations match this number. Please choose one.",
    ),
    "reservation.WRONG_DAY.too_early": (
        "开始前 {minutes} 分钟才可签到。",
        "Check-in opens {minutes} minutes before the start.",
    ),
    "reservation.WRONG_DAY.too_late": (
        "开始 {minutes} 分钟后不能再签到。",
        "Check-in closes {minutes} minutes after the start.",
    ),
    "reservation.COUPON_REFUSED": ("预约所附的券不能使用。", "An attached coupon cannot be used."),
    "reservation.COUPON_REFUSED.detailed": (
        "尾号 {tail} 的券不能使用：{why}",
        "The coupon ending in {tail} cannot be used: {why}",
    ),
    "reservation.COUPON_REFUSED.later": (
        "尾号 {tail} 的券所属平台暂时没有响应，系统会自动继续核销，请勿重复操作。",
        "The platform of the coupon ending in {tail} is not answering. It will be redeemed by itself; do not scan it again.",
    ),
    "reservation.PARTY_TOO_LARGE": ("人数超过了可容纳的人数。", "The party is too large for this."),
    "reservation.INVALID": ("“{name}”的内容不正确。", "“{name}” is not valid."),
    "reservation.INVALID.one_of": (
        "请提供 slotToken 或 holdId 其中之一。",
        "Give either slotToken or holdId.",
    ),
    "reservation.INVALID.slot_token": ("这不是有效的时间选择。", "This is not a slot that was offered here."),
    "reservation.INVALID.other_service": (
        "改期只能选择同一项服务的时间。",
        "A reservation can be moved to times of the same service only.",
    ),
    "reservation.INVALID.retired": ("这项服务已停止预订。", "This service can no longer be booked."),
    "reservation.INVALID.party_size": (
        "人数应在 1 到 {most} 之间。",
        "The party has 1 to {most} people.",
    ),
    "reservation.INVALID.party_held": (
        "保留的是 {held} 人的位置，请按此人数预订。",
        "The hold is for {held} people. Book it for as many.",
    ),
    "reservation.INVALID.too_long": (
        "“{name}”最多 {limit} 个字符。",
        "“{name}” may have {limit} characters at most.",
    ),
    "reservation.INVALID.required": ("请填写“{name}”。", "“{name}” is required."),
    "reservation.INVALID.phone": ("手机号格式不正确。", "This is not a phone number."),
    "reservation.INVALID.customer": ("没有找到这位顾客。", "This customer was not found."),
    "reservation.INVALID.too_many": (
        "“{name}”最多 {limit} 项。",
        "“{name}” may have {limit} entries at most.",
    ),
    "reservation.INVALID.quantity": (
        "数量应在 1 到 {most} 之间。",
        "A quantity is between 1 and {most}.",
    ),
    "reservation.INVALID.sku": ("没有找到这个商品。", "This item was not found."),
    "reservation.INVALID.extended": (
        "每次保留只能延长一次。",
        "A hold can be extended once.",
    ),
    "reservation.INVALID.one_of_three": (
        "请提供预约码、二维码或手机号其中之一。",
        "Give exactly one of code, qr and phone.",
    ),
    "reservation.INVALID.phone_or_tail": (
        "请输入完整手机号或后四位。",
        "Give a whole phone number, or its last four digits.",
    ),
    "reservation.INVALID.not_checked_in": (
        "顾客尚未签到。",
        "The guest is not checked in.",
    ),
    "reservation.INVALID.not_completed": (
        "服务完成后才能评价。",
        "A visit can be rated once it is completed.",
    ),
    "reservation.INVALID.rated": ("已经评价过了。", "This visit has been rated already."),
    "reservation.INVALID.completed": ("这次服务已经结算过了。", "This visit has been settled already."),
    "reservation.INVALID.amount": (
        "金额应在 0 到 {most} 元之间，最多两位小数。",
        "An amount is between 0 and {most} yuan, with two decimals at most.",
    ),
    "reservation.INVALID.stars": ("评分应在 1 到 5 之间。", "A rating has 1 to 5 stars."),
    "reservation.INVALID.no_deposit": (
        "这个预约没有待收的定金。",
        "This reservation has no deposit to be paid.",
    ),
    "reservation.INVALID.waiting": (
        "您已在这节课的候补名单中。",
        "You are on the waitlist of this class already.",
    ),
    "reservation.INVALID.seats_left": (
        "这节课还有名额，请直接预订。",
        "This class has seats left. Please book it.",
    ),
    "reservation.INVALID.waitlist_closed": (
        "这节课的候补已截止。",
        "The waitlist of this class is closed.",
    ),
    "reservation.INVALID.class_over": (
        "这节课已开始或已取消。",
        "This class has begun or was cancelled.",
    ),
    "reservation.INVALID.no_offer": (
        "暂时还没有空出的名额，有名额时会通知您。",
        "No seat has come free yet. You will be told when one does.",
    ),
    "reservation.INVALID.promoted": (
        "候补已转为预约，请在预约中查看或取消。",
        "This has become a reservation already. See it, or cancel it, there.",
    ),
    "reservation.INVALID.began": (
        "顾客已签到或服务已结束，不能再更改或取消。",
        "The visit has begun or is over. It can no longer be changed or cancelled.",
    ),
    "booking.rejected": ("门店无法接受这个预约。", "The shop cannot take this booking."),
}
