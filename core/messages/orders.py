"""Sentences about orders: why one is not placed or changed, and what has happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ORDERS: Final[Mapping[str, tuple[str, str]]] = {
    "order.OUT_OF_STOCK": ("库存不足。", "There is not enough left of this."),
    "order.OUT_OF_STOCK.left": ("库存不足，仅剩 {left} 件。", "Only {left} of this are left."),
    "order.UNKNOWN_SKU": ("这个门店没有该商品。", "This store does not sell that."),
    "order.PRESALE_CLOSED": ("该预售已结束或尚未开始。", "This presale is over, or has not begun."),
    "order.PRESALE_SOLD_OUT": ("该预售已售罄。", "This presale is sold out."),
    "order.COUPON_REFUSED": ("有优惠券不能使用，订单未提交。", "A coupon was refused; nothing was ordered."),
    "order.COUPON_REFUSED.kept": (
        "订单已取消，但有优惠券未能退回，请联系门店。",
        "The order is cancelled, but a coupon could not be given back; please ask the shop.",
    ),
    "order.COUPON_OUTCOME_UNKNOWN": (
        "优惠券核销结果待确认，确认后订单会自动完成。",
        "It is not yet known whether a coupon was redeemed; the order goes on by itself once it is.",
    ),
    "order.PAYMENT_UNAVAILABLE": ("该支付方式暂不可用。", "This way of paying is not available."),
    "order.NOT_CANCELLABLE": ("该订单已不能取消。", "This order cannot be cancelled any more."),
    "order.NOT_CANCELLABLE.channel": (
        "该订单来自其他平台，请在平台上取消。",
        "This order was placed at another channel; it is cancelled there.",
    ),
    "order.NOT_CANCELLABLE.coupon": (
        "订单所用优惠券无法退回，请联系门店取消。",
        "A coupon of this order cannot be given back; please ask the shop.",
    ),
    "order.NOT_CANCELLABLE.window": (
        "已超过可自行取消的时间，请联系门店。",
        "It is too late to cancel this yourself; please ask the shop.",
    ),
    "order.INVALID": ("{name} 填写有误。", "{name} is not right."),
    "order.INVALID.lines": ("请提供 1 到 {most} 行商品。", "Give between 1 and {most} lines."),
    "order.INVALID.quantity": ("数量应在 1 到 {most} 之间。", "A quantity is between 1 and {most}."),
    "order.INVALID.too_large": ("订单金额过大。", "The amount of the order is too large."),
    "order.INVALID.too_long": ("{name} 最多 {limit} 个字符。", "{name} has at most {limit} characters."),
    "order.INVALID.required": ("请填写 {name}。", "{name} is needed."),
    "order.INVALID.phone": ("手机号格式不正确。", "This is not a phone number."),
    "order.INVALID.settling": (
        "优惠券核销结果待确认，请稍后再收款。",
        "A coupon of this order is not settled yet; please wait a moment.",
    ),
    "order.INVALID.nothing_due": ("该订单没有待收款项。", "Nothing is due for this order."),
    "order.INVALID.amount": ("应收金额为 {due} 元。", "What is due is CNY {due}."),
    "order.INVALID.no_refund": ("该订单没有待退款项。", "No refund is due for this order."),
    "order.INVALID.not_paid": ("该订单尚未付款或已结束。", "This order is not paid, or is over."),
    "timeline.placed": ("已下单", "Placed"),
    "timeline.paid": ("已付款", "Paid"),
    "timeline.coupon_kept": (
        "有优惠券未能退回，请联系门店",
        "A coupon could not be given back; please ask the shop",
    ),
    "timeline.preparing": ("商家备货中", "Being prepared"),
    "timeline.partly_shipped": ("部分商品已发货", "Partly shipped"),
    "timeline.shipped": ("商品已全部发货", "Shipped"),
    "timeline.parcel": ("包裹已发出：{carrier} {tracking}", "A parcel is on its way: {carrier} {tracking}"),
    "timeline.parcel_delivered": ("包裹已送达", "A parcel was delivered"),
    "timeline.delivered": ("已送达", "Delivered"),
    "timeline.completed": ("已完成", "Completed"),
    "timeline.cancelled": ("已取消", "Cancelled"),
    "timeline.closed": ("已关闭", "Closed"),
    "timeline.pending_payment": ("待付款", "Waiting for payment"),
    "timeline.unrecognised": ("平台给出了未能识别的状态", "The channel gave a status that is not known here"),
    "timeline.refund_requested": ("申请退款 {amount} 元", "A refund of CNY {amount} was requested"),
    "timeline.refund_approved": ("同意退款 {amount} 元", "A refund of CNY {amount} was approved"),
    "timeline.refund_rejected": ("拒绝退款 {amount} 元", "A refund of CNY {amount} was rejected"),
    "timeline.refund_completed": ("已退款 {amount} 元", "CNY {amount} was refunded"),
    "timeline.refund_cancelled": ("退款申请已撤销", "A request for a refund was withdrawn"),
    "timeline.refund_unrecognised": (
        "平台给出了未能识别的退款状态",
        "The channel gave a status of a refund that is not known here",
    ),
}
