"""WeChat's own shapes, in its own names. Money is fen; ids come as numbers and as text.

Sources, read 2026-11: https://developers.weixin.qq.com/doc/channels/locallife/common_structure/definition.html (voucher),
…/locallife/api/api.html (consume), …/locallife/api/discount-cancel.html (revoke), and for merchant coupons
https://pay.weixin.qq.com/doc/v3/merchant/4015715938 (one coupon),
https://pay.weixin.qq.com/docs/partner/apis/merchant-exclusive-coupon/coupon/use-coupon.html and …/return-coupon.html.
Keys that are not listed are kept as they come.
"""

from __future__ import annotations

from typing import TypedDict

Int64 = int | str


class Voucher(TypedDict, total=False):
    """One local-life voucher. Times are seconds. Cards of several uses leave the consume_ fields out."""

    code: str
    status: int
    send_time: int
    update_time: int
    start_time: int
    end_time: int
    consume_time: int
    refund_time: int
    product_id: Int64
    sku_id: Int64
    order_id: str
    openid: str
    unionid: str
    union_id: str
    telphone_no: str
    consume_store_name: str
    out_store_id: str
    voucher_type: int
    voucher_buy_amount: int
    voucher_actual_amount: int
    code_type: int
    voucher_settle_status: int
    last_consume_no: str
    last_withdraw_consume_no: str


class FailedVoucher(TypedDict, total=False):
    """One voucher that certainly was not used or given back, and why."""

    code: str
    sku_id: Int64
    encrypted_code: str
    ret_code: str
    ret_msg: str


class VoucherName(TypedDict, total=False):
    """What names a voucher in a call: its encrypted code, or its code and its SKU."""

    encrypted_code: str
    code: str
    sku_id: str


class ConsumeBody(TypedDict, total=False):
    consume_request_no: str
    codes: list[str]
    sku_id: str
    out_store_id: str


class RevokeBody(TypedDict):
    """`reovke_vouchers` is really spelled so."""

    revoke_request_no: str
    reovke_vouchers: list[VoucherName]
    consume_request_no: str


class FixedNormalCoupon(TypedDict, total=False):
    discount_amount: int
    transaction_minimum: int


class CouponUseRule(TypedDict, total=False):
    fixed_normal_coupon: FixedNormalCoupon
    use_method: str


class MerchantCoupon(TypedDict, total=False):
    """One merchant coupon (商家券). Times are RFC 3339."""

    coupon_code: str
    stock_id: str
    stock_name: str
    stock_type: str
    coupon_state: str
    coupon_use_rule: CouponUseRule
    available_start_time: str
    expire_time: str
    receive_time: str
    use_request_no: str
    use_time: str


class UseBody(TypedDict):
    coupon_code: str
    stock_id: str
    appid: str
    use_time: str
    use_request_no: str
    openid: str


class ReturnBody(TypedDict):
    coupon_code: str
    stock_id: str
    return_request_no: str


class MessageValue(TypedDict):
    value: str


class MessageBody(TypedDict, total=False):
    """A subscribe message. Source: …/subscribe-message/sendMessage.html, read 2026-11."""

    touser: str
    template_id: str
    page: str
    data: dict[str, MessageValue]
    miniprogram_state: str
    lang: str
