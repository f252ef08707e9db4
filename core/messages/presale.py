"""What is said about presales: key → (zh-CN, en). `presale.advice.<figure>.<advice>` exists for every rule's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "presale.ends_first": ("结束时间必须晚于开始时间。", "The end must be later than the start."),
    "presale.over": ("预售期已结束。", "The period of this presale is over."),
    "presale.too_short": ("预售期至少为 1 天。", "A presale lasts a day at least."),
    "presale.too_long": (
        "该类商品的预售期最长 {days} 天。",
        "A presale of such goods lasts {days} days at most.",
    ),
    "presale.wave_order": (
        "各批次的发货时间必须依次推后。",
        "Each wave must ship later than the one before.",
    ),
    "presale.wave_too_early": (
        "发货时间必须晚于开售时间和现在。",
        "It must ship after sales have begun, and after now.",
    ),
    "presale.no_deposit": ("只有定金预售可以设置定金。", "Only the mode DEPOSIT has a deposit."),
    "presale.deposit_whole": (
        "定金必须低于最低的商品价格 {limit} 元。",
        "The deposit must be below the lowest price, {limit} yuan.",
    ),
    "presale.in_another": (
        "该规格在这段时间已有其他预售。",
        "This variant is in another presale at that time.",
    ),
    "presale.wrong_status": (
        "预售当前状态为 {status}，不能进行此操作。",
        "The presale is {status}, so this cannot be done.",
    ),
    "presale.stock_cap": (
        "近 30 天的指标“{figure}”已超过 {percent}%，暂停新增预售库存。",
        "The figure “{figure}” of the last 30 days is above {percent} %: no new presale stock is taken.",
    ),
    "presale.missing.presale": (
        "“{name}”没有写明这是预售（例如：{words}）。",
        "“{name}” does not say that this is a presale, as in: {words}.",
    ),
    "presale.missing.ship_time": (
        "“{name}”没有写明发货时间（例如：{words}）。",
        "“{name}” does not say when it ships, as in: {words}.",
    ),
    "presale.in_future": ("时间不能晚于现在。", "This cannot lie in the future."),
    "presale.days": ("天数必须在 1 到 {limit} 之间。", "The days must be 1 to {limit}."),
}

_ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "presale.advice.title_ship_time": (
        "建议在标题中也写明发货时间。",
        "Better name the day of shipping in the title too.",
    ),
    "presale.advice.period": (
        "建议预售期为 {shortest} 到 {longest} 天。",
        "A presale of {shortest} to {longest} days does best.",
    ),
    "presale.advice.stock_cap": (
        "近 30 天的指标“{figure}”已超过 {percent}%，建议暂不新增预售库存。",
        "The figure “{figure}” of the last 30 days is above {percent} %: better bring in no new presale stock.",
    ),
}

_FIGURES: Final[Mapping[str, tuple[str, str]]] = {
    "share.fine": (
        "预售占比健康。",
        "The share of presales is healthy.",
    ),
    "share.near": (
        "预售占比接近警戒线 30%，建议增加现货。",
        "The share of presales nears 30 %. Offer more spot goods.",
    ),
    "share.watch": (
        "预售占比超过 30%，请控制新增预售库存并补充现货。",
        "More than 30 % of the lines are presales. Bring in no new presale stock, and more spot goods.",
    ),
    "share.danger": (
        "预售占比超过 50%，请立即停止新增预售并补充现货。",
        "More than half of the lines are presales. Stop new presales now, and bring in spot goods.",
    ),
    "share.unreported": ("统计期内没有付款订单。", "Nothing was paid for in this time."),
    "onTime.fine": ("按时发货率健康。", "Shipping is on time."),
    "onTime.near": (
        "按时发货率不高于 98%，请优先处理临近承诺时间的订单。",
        "98 % or less is shipped on time. Ship first what is promised soonest.",
    ),
    "onTime.unreported": ("统计期内没有到期的订单。", "Nothing came due in this time."),
    "late.fine": ("延迟发货率健康。", "Few lines are late."),
    "late.danger": (
        "延迟发货率超过 5%，请立即补发逾期订单，并与买家协商。",
        "More than 5 % are late. Ship what is overdue now, and talk with the buyers.",
    ),
    "late.exposure": (
        "延迟发货率超过 10%，店铺曝光预计下降约 20%，请立即补发并暂停预售。",
        "More than 10 % are late: expect about 20 % less exposure. Ship what is overdue now, and pause presales.",
    ),
    "late.unreported": ("统计期内没有到期的订单。", "Nothing came due in this time."),
    "fulfilment.fine": ("发货率健康。", "What came due was shipped."),
    "fulfilment.watch": (
        "到期订单的发货率低于 95%，店铺评分预计下降 0.3 到 0.8，请尽快发货。",
        "Less than 95 % of what came due was shipped: expect the store's score to fall by 0.3 to 0.8. Ship soon.",
    ),
    "fulfilment.unreported": ("统计期内没有到期的订单。", "Nothing came due in this time."),
    "badReviews.fine": ("差评率健康。", "Few reviews are bad."),
    "badReviews.danger": (
        "差评率超过 3%，请暂停预售并逐一回访差评买家。",
        "More than 3 % of the reviews are bad. Pause presales, and call the buyers.",
    ),
    "badReviews.unreported": ("没有渠道提供评价数据。", "No channel reports reviews."),
    "refundRate.fine": (
        "预售退款率不高于现货。",
        "Presales are refunded no more often than spot goods.",
    ),
    "refundRate.watch": (
        "预售退款率高于现货，请缩短预售周期并主动告知进度。",
        "Presales are refunded more often than spot goods. Promise earlier days, and tell buyers how it goes.",
    ),
    "refundRate.unreported": (
        "统计期内没有可以比较的预售和现货订单。",
        "There are no presales and spot goods to compare in this time.",
    ),
}

PRESALE: Final[Mapping[str, tuple[str, str]]] = {
    **_PROBLEMS,
    **_ADVICE,
    **{f"presale.advice.{name}": texts for name, texts in _FIGURES.items()},
}
