"""Youzan's own shapes, in its own names.

Yuan are text or a number ("10.00", 199.0), except `used_value`, which is fen. Instants are Beijing time,
"2026-03-01 10:00:06", and "" where there is none. Numbers come as numbers or as their digits.

Source: the official API pages of version 3.0.0 as scraped in nest-mods/youzan @3143134 (docs/virtualticket,
docs/trade_virtual, docs/coupon), and the field comments of the official Java SDK (2019). Keys that are not listed
are kept as they come.
"""

from __future__ import annotations

from typing import Any, TypedDict

Number = int | str
Yuan = str | int | float


class Ticket(TypedDict, total=False):
    """One e-ticket (电子卡券) of an order. `ticket_code` has 12 digits."""

    ticket_code: str
    ticket_state: str
    verify_time: str


class VirtualTicket(TypedDict, total=False):
    """youzan.trade.virtualticket.get: what a QR of e-tickets stands for. `code` is what the QR shows."""

    code: str
    tid: str
    state: str
    title: str
    item_price: Yuan
    create_time: str
    tickets: list[Ticket]


class TradeOrder(TypedDict, total=False):
    title: str
    num: Number
    item_type: int
    price: Yuan
    payment: Yuan
    item_refund_state: str


class Trade(TypedDict, total=False):
    """The order of a virtual code. `total_fee` is its goods without discounts, `payment` what was paid."""

    created: str
    status: str
    refund_state: str
    total_fee: Yuan
    payment: Yuan
    orders: list[TradeOrder]


class VirtualCode(TypedDict, total=False):
    """youzan.trade.virtualcode.get: the code of an order of virtual goods (虚拟商品)."""

    code: str
    tid: str
    status: Number
    send_time: str
    use_time: str
    verify_person: str
    trade: Trade


class CouponGroup(TypedDict, total=False):
    """The activity a coupon came from. `value` is the lower end where `is_random` is 1."""

    group_id: Number
    coupon_type: str
    title: str
    value: Yuan
    is_random: Number
    value_random_to: Yuan
    is_at_least: Number
    at_least: Yuan
    preferential_type: Number
    discount: Number
    date_type: Number
    start_at: str
    end_at: str
    status: Number


class ConsumedCoupon(TypedDict, total=False):
    """youzan.ump.coupon.consume.get: one customer's coupon (优惠券) or promotion code (优惠码).

    `consume_id` is empty until it is used, and stays so where it was used in an order of the online shop.
    """

    code: str
    status: Number
    consume_at: str
    consume_id: str
    used_value: Number
    promocard_id: Number
    promocode_id: Number
    promocode: str
    coupon: CouponGroup


class GatewayError(TypedDict, total=False):
    """`gw_err_resp`: the call did not reach the business."""

    trace_id: str
    err_msg: str
    err_code: Number


class BusinessError(TypedDict, total=False):
    """`error_response`: the business refused."""

    code: Number
    msg: str
    sub_code: Number
    sub_msg: str


class TokenBody(TypedDict):
    client_id: str
    client_secret: str
    authorize_type: str
    grant_id: str
    refresh: bool


class Push(TypedDict, total=False):
    """A delivery. `msg` is JSON as URL-encoded text, or in newer messages an object."""

    client_id: str
    kdt_id: Number
    id: str
    type: str
    status: str
    msg: str | dict[str, Any]
    msg_id: str
    version: Number
    sendCount: int
    test: bool
