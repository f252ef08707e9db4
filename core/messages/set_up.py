"""What is said about wrong input when services, staff and calendars are set up: key → (zh-CN, en)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SET_UP: Final[Mapping[str, tuple[str, str]]] = {
    "set_up.too_many": ("“{name}”最多 {limit} 项。", "“{name}” may have {limit} entries at most."),
    "set_up.retired": (
        "该人员、资源或服务已停用，请先启用。",
        "This has been retired. Make it active first.",
    ),
    "set_up.shifts_overlap": (
        "该班次与同一人的另一班次重叠。",
        "This shift overlaps another one of the same person.",
    ),
    "set_up.weeks_overlap": (
        "复制到 {week} 这一周会与同一人的相邻班次重叠，未做任何更改。",
        "In the week of {week} somebody would have overlapping shifts. Nothing was changed.",
    ),
    "set_up.skipped_by_clock": (
        "该班次正好落在夏令时跳过的时间内。",
        "The clocks skip this whole shift on that day.",
    ),
    "set_up.no_monday": ("“{name}”应为星期一的日期。", "“{name}” must be the date of a Monday."),
    "set_up.week_twice": (
        "同一周不能重复，也不能复制到自身。",
        "A week may be named once, and not be copied to itself.",
    ),
    "set_up.weeks_or_list": (
        "请在 weeks 与 toWeeks 中填写其一。",
        "Give either “weeks” or “toWeeks”.",
    ),
    "set_up.time_of_day": (
        "“{name}”应为 00:00 到 24:00 之间的时刻，例如 10:00，且开始与结束不能相同。",
        "“{name}” must be a time of day such as 10:00, and the two times must differ.",
    ),
    "set_up.hours_overlap": ("营业时间有重叠。", "The opening hours overlap."),
    "set_up.list_span": (
        "“to”必须晚于“from”，且最多相隔 {days} 天。",
        "“to” must be later than “from”, by {days} days at most.",
    ),
    "set_up.no_class": (
        "只有团课服务可以排课。",
        "Only services of the kind GROUP_CLASS are scheduled.",
    ),
    "set_up.class_in_past": ("上课时间不能早于现在。", "A class cannot begin in the past."),
    "set_up.not_qualified": (
        "该人员不具备此服务所需的技能。",
        "This person lacks skills that the service requires.",
    ),
    "set_up.already_scheduled": (
        "该服务在这个时间已有同一节课。",
        "This class is scheduled at that time already.",
    ),
    "set_up.staff_busy": (
        "该人员在这段时间已有安排。",
        "This person is taken at that time.",
    ),
    "set_up.resource_busy": (
        "这段时间没有空闲的“{kind}”资源。",
        "No resource of the kind “{kind}” is free at that time.",
    ),
    "set_up.sku_twice": ("规格名称“{value}”重复。", "There are two variants called “{value}”."),
    "reservation.INVALID.block_span": (
        "结束时间必须晚于开始时间，且最多相隔 {days} 天。",
        "The end must be later than the start, by {days} days at most.",
    ),
    "reservation.INVALID.block_target": (
        "请提供 staffId 或 resourceId 其中之一。",
        "Give either staffId or resourceId.",
    ),
}
