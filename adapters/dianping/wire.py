"""Dianping's own shapes, in its own names (open platform 北极星, openapi.dianping.com).

Money is yuan: JSON numbers with decimals. Times are Beijing time as text, or epoch milliseconds. Source: the public Go
client that cites one page of open.dianping.com per call (docId 6000176 prepare, 6000181 scanprepare, 6000177 consume,
6000521 batchconsume, 6000180 reverseconsume, 6000178 getconsumed, 6000179 querylistbydate), the PHP client
fpy5627/dianping-tuangou @2fcbebd and the Ruby client lazing/dianping-api @48fb86a, all read 2025-10. Keys that are not
listed are kept as they come.
"""

from __future__ import annotations

from typing import Any, TypedDict

Int64 = int | str
Yuan = float | int | str


class PaymentDetail(TypedDict, total=False):
    """One payment of the whole order, not of the coupon alone."""

    payment_detail_id: str
    amount: Yuan
    amount_type: int


class Receipt(TypedDict, total=False):
    """One coupon, as all calls show it. `count` is how many of its order can be used now, this one included."""

    receipt_code: str
    deal_id: Int64
    dealgroup_id: Int64
    product_item_id: Int64
    product_type: int
    deal_title: str
    deal_price: Yuan
    deal_marketprice: Yuan
    biz_type: int
    mobile: str
    count: int
    available_count: int
    receipt_end_date: str
    receiptEndDate: int  # what a captured answer has instead
    payment_detail: list[PaymentDetail]
    order_id: str
    open_shop_uuid: str


class ConsumedReceipt(Receipt, total=False):
    """What getconsumed adds: who used the coupon, where it came in ("15": a third party's till), and when."""

    verify_account: str
    verify_channel: str
    verify_time: str


class SingleConsume(TypedDict, total=False):
    """The answer to one element of batchconsume."""

    single_consume_code: int
    single_consume_msg: str
    consume_detail_list: list[Receipt]


class ConsumeBody(TypedDict):
    requestid: str
    receipt_code: str
    count: str
    app_shop_account: str
    app_shop_accountname: str


class BatchConsumeBody(TypedDict):
    """`receipt_code_infos` is JSON text: a list of {"receipt_code", "count"} (INFERRED: no source shows its inside)."""

    requestid: str
    receipt_code_infos: str
    app_shop_account: str
    app_shop_accountname: str


class ReverseBody(TypedDict):
    app_deal_id: str
    receipt_code: str
    app_shop_account: str
    app_shop_accountname: str


class ListQuery(TypedDict, total=False):
    """querylistbydate. `date` is a Beijing day, `type` 0 group-buying, `offset` counts from 0."""

    date: str
    type: str
    biz_type: str
    offset: str
    limit: str


class Envelope(TypedDict):
    """Every answer. `data` is an object or a list, and missing in refusals; a token's answer is flat."""

    code: int
    msg: str
    data: Any
