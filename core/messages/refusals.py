"""What is said about a refused coupon or reversal: key → (zh-CN, en).

`refusal.<code>.customer` and `.staff` exist for every code. `.detailed` and `.brief` forms are used where the
values they name are known. Customers are never told who used a code or where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "refusal.UNKNOWN_CODE.customer": (
        "没有查到这个券码，请核对后再试。",
        "We could not find this code. Please check it and try again.",
    ),
    "refusal.UNKNOWN_CODE.staff": (
        "已连接的渠道都查不到这个券码，请核对是否输错，或让顾客打开券码页面重新扫码。",
        "No connected channel knows this code. Check for typing errors, or scan the customer's coupon page.",
    ),
    "refusal.AMBIGUOUS_CODE.customer": (
        "这个券码对应多个平台，请选择购买的平台。",
        "This code exists on more than one platform. Please choose where you bought it.",
    ),
    "refusal.AMBIGUOUS_CODE.staff": (
        "多个渠道都认得这个券码，请问顾客是在哪个平台购买的，选定渠道后再核销。",
        "More than one channel knows this code. Ask where it was bought and choose that channel.",
    ),
    "refusal.AMBIGUOUS_CODE.staff.detailed": (
        "这些渠道都认得这个券码：{channels}。请问顾客是在哪里购买的，选定渠道后再核销。",
        "These channels all know this code: {channels}. Ask where it was bought and choose that channel.",
    ),
    "refusal.CHANNEL_NOT_CONNECTED.customer": (
        "本店暂不支持在这里使用该平台的券，请咨询店员。",
        "This shop cannot take coupons of that platform here. Please ask the staff.",
    ),
    "refusal.CHANNEL_NOT_CONNECTED.staff": (
        "这像是一个尚未连接或未绑定本店的渠道的券码，不能判断是否有效，请联系管理员连接渠道。",
        "This looks like a code of a channel not connected or not bound to this store. It may be valid.",
    ),
    "refusal.CHANNEL_NOT_CONNECTED.staff.detailed": (
        "这像是 {channels} 的券码，但该渠道尚未连接或未绑定本店，不能判断是否有效，请联系管理员。",
        "This looks like a code of {channels}, not connected or not bound to this store. It may be valid.",
    ),
    "refusal.CHANNEL_UNAVAILABLE.customer": (
        "平台暂时没有响应，您的券没有被使用，请稍后再试。",
        "The platform is not answering. Your coupon has not been used. Please try again shortly.",
    ),
    "refusal.CHANNEL_UNAVAILABLE.staff": (
        "有渠道暂时没有响应，不能判断这个券码是否有效，请稍后再试。",
        "A channel is not answering, so nobody can say whether this code is valid. Try again shortly.",
    ),
    "refusal.CHANNEL_UNAVAILABLE.staff.detailed": (
        "{channels} 暂时没有响应，不能判断这个券码是否有效，请稍后再试。",
        "{channels} is not answering, so nobody can say whether this code is valid. Try again shortly.",
    ),
    "refusal.TOO_MANY_ATTEMPTS.customer": (
        "尝试次数过多，请稍后再试。",
        "Too many attempts. Please try again later.",
    ),
    "refusal.TOO_MANY_ATTEMPTS.customer.detailed": (
        "尝试次数过多，请在 {minutes} 分钟后再试。",
        "Too many attempts. Please try again in {minutes} min.",
    ),
    "refusal.TOO_MANY_ATTEMPTS.staff": (
        "输错的券码过多，暂时停止查券，请稍后再试。",
        "Too many unknown codes were tried. Looking up is paused; try again later.",
    ),
    "refusal.TOO_MANY_ATTEMPTS.staff.detailed": (
        "输错的券码过多，暂时停止查券，请在 {minutes} 分钟后再试。",
        "Too many unknown codes were tried. Looking up is paused for {minutes} min.",
    ),
    "refusal.ALREADY_REDEEMED.customer": (
        "这张券已经使用过了。",
        "This coupon has already been used.",
    ),
    "refusal.ALREADY_REDEEMED.staff": (
        "这张券已经核销过了。",
        "This coupon has already been redeemed.",
    ),
    "refusal.ALREADY_REDEEMED.staff.brief": (
        "这张券已于 {when} 核销。",
        "This coupon was redeemed on {when}.",
    ),
    "refusal.ALREADY_REDEEMED.staff.detailed": (
        "这张券已于 {when} 在 {store} 核销。",
        "This coupon was redeemed on {when} at {store}.",
    ),
    "refusal.EXPIRED.customer": (
        "这张券已过期。",
        "This coupon has expired.",
    ),
    "refusal.EXPIRED.customer.detailed": (
        "这张券已于 {until} 过期。",
        "This coupon expired on {until}.",
    ),
    "refusal.EXPIRED.staff": (
        "这张券已过期，顾客可在购买平台申请退款。",
        "This coupon has expired. The customer may ask the platform for a refund.",
    ),
    "refusal.EXPIRED.staff.detailed": (
        "这张券已于 {until} 过期，顾客可在购买平台申请退款。",
        "This coupon expired on {until}. The customer may ask the platform for a refund.",
    ),
    "refusal.NOT_YET_VALID.customer": (
        "这张券还未到可用时间。",
        "This coupon is not valid yet.",
    ),
    "refusal.NOT_YET_VALID.customer.detailed": (
        "这张券从 {since} 起可用。",
        "This coupon is valid from {since}.",
    ),
    "refusal.NOT_YET_VALID.staff": (
        "这张券还未到可用时间，或今天不在可用日期内。",
        "This coupon is not valid yet, or not on this day.",
    ),
    "refusal.NOT_YET_VALID.staff.detailed": (
        "这张券从 {since} 起可用。",
        "This coupon is valid from {since}.",
    ),
    "refusal.REFUNDED.customer": (
        "这张券已退款，不能再使用。",
        "This coupon was refunded and cannot be used.",
    ),
    "refusal.REFUNDED.staff": (
        "这张券已退款或正在退款，不能核销。",
        "This coupon was refunded, or a refund is under way. It cannot be redeemed.",
    ),
    "refusal.CANCELLED.customer": (
        "这张券已作废，不能使用。",
        "This coupon was cancelled and cannot be used.",
    ),
    "refusal.CANCELLED.staff": (
        "这张券已被平台或商家作废，不能核销。",
        "The platform or the merchant cancelled this coupon. It cannot be redeemed.",
    ),
    "refusal.LOCKED.customer": (
        "这张券暂时不可用，请稍后再试。",
        "This coupon is locked for the moment. Please try again later.",
    ),
    "refusal.LOCKED.staff": (
        "这张券被平台锁定（例如正在退款或被其他订单占用），请顾客在购买平台查看。",
        "The platform has locked this coupon (for a refund, say). Ask the customer to look there.",
    ),
    "refusal.TIMES_USED_UP.customer": (
        "这张卡的次数已用完。",
        "All uses of this card are used up.",
    ),
    "refusal.TIMES_USED_UP.staff": (
        "这张次卡剩余次数不足，请核对次数。",
        "This card has not enough uses left. Check the number.",
    ),
    "refusal.WRONG_STORE.customer": (
        "这张券不能在本店使用，请查看适用门店。",
        "This coupon cannot be used in this store. Please see where it is valid.",
    ),
    "refusal.WRONG_STORE.staff": (
        "这张券不适用于本店，请顾客查看适用门店，或检查渠道的门店绑定。",
        "This coupon is not for this store. Check its list of stores, or the store binding of the channel.",
    ),
    "refusal.WRONG_ITEM.customer": (
        "这张券不适用于所选商品。",
        "This coupon is not for the chosen items.",
    ),
    "refusal.WRONG_ITEM.staff": (
        "这张券不适用于本单商品，请核对券的适用范围。",
        "This coupon is not for the items of this order. Check what it covers.",
    ),
    "refusal.NOT_STACKABLE.customer": (
        "这些券不能同时使用。",
        "These coupons cannot be used together.",
    ),
    "refusal.NOT_STACKABLE.staff": (
        "按叠加规则这些券不能同时使用，请分开核销。",
        "The stacking rules do not let these coupons combine. Redeem them separately.",
    ),
    "refusal.MINIMUM_SPEND_NOT_MET.customer": (
        "消费金额未达到这张券的使用门槛。",
        "The order is below this coupon's minimum spend.",
    ),
    "refusal.MINIMUM_SPEND_NOT_MET.staff": (
        "本单金额未达到这张券的使用门槛。",
        "This order is below the coupon's minimum spend.",
    ),
    "refusal.RISK_BLOCKED.customer": (
        "平台暂时不允许使用这张券，请联系平台客服。",
        "The platform does not allow this coupon to be used. Please contact its customer service.",
    ),
    "refusal.RISK_BLOCKED.staff": (
        "平台风控拦截了这次核销，请勿反复尝试，请顾客联系平台客服。",
        "The platform's risk control stopped this. Do not repeat it; the customer should contact them.",
    ),
    "refusal.OUTCOME_UNKNOWN.customer": (
        "正在确认核销结果，请稍候，不要重复提交。",
        "We are confirming the result. Please wait and do not submit it again.",
    ),
    "refusal.OUTCOME_UNKNOWN.staff": (
        "平台没有及时答复，系统正在自动确认结果，请勿换其他方式核销。",
        "The platform has not answered in time. The result is being confirmed; do not redeem it elsewhere.",
    ),
    "refusal.NOT_REVERSIBLE.customer": (
        "这次核销不能撤销。",
        "This redemption cannot be taken back.",
    ),
    "refusal.NOT_REVERSIBLE.staff": (
        "这次核销不能撤销：该渠道不支持撤销，或当前状态不允许。",
        "This redemption cannot be taken back: the channel has no reversal, or its present state forbids it.",
    ),
    "refusal.REVERSAL_WINDOW_CLOSED.customer": (
        "已超过可撤销的时间。",
        "It is too late to take this redemption back.",
    ),
    "refusal.REVERSAL_WINDOW_CLOSED.staff": (
        "已超过平台允许撤销的时间，如需退款请走平台售后。",
        "The platform's time for reversals has passed. For a refund use the platform's after-sales.",
    ),
    "refusal.ALREADY_REVERSED.customer": (
        "这次核销已经撤销。",
        "This redemption was already taken back.",
    ),
    "refusal.ALREADY_REVERSED.staff": (
        "这次核销已经撤销，无需再次操作。",
        "This redemption was already taken back. Nothing is left to do.",
    ),
    "refusal.REFUSED_BY_CHANNEL.customer": (
        "平台拒绝了这张券，请咨询店员。",
        "The platform refused this coupon. Please ask the staff.",
    ),
    "refusal.REFUSED_BY_CHANNEL.staff": (
        "平台拒绝了这次操作，请查看平台返回的代码。",
        "The platform refused this. See its own code.",
    ),
    "refusal.REFUSED_BY_CHANNEL.staff.detailed": (
        "平台拒绝了这次操作：{channel_message}",
        "The platform refused this: {channel_message}",
    ),
}
