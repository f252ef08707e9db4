"""Meituan's own shapes, in its own names. Money is yuan, as JSON numbers or as text; times are Beijing's.

Source: the official Go SDK ("meituan/gosdk", model/tuangoung) as copied in LycEcho/meituan-api-php-sdk @cff15626,
read 2025-10. General services (businessId 58) live below /ddzh/tuangou/receipt, catering (businessId 1) below
/tuangou. Keys that are not listed are kept as they come.
"""

from __future__ import annotations

from typing import Any, TypedDict

Yuan = float | int | str
Int64 = int | str


class Envelope(TypedDict):
    """Every answer. It comes with HTTP 200 for failures too; `data` is {} where there is none."""

    code: str
    msg: str
    data: dict[str, Any]


# ------------------------------------------------------------------------------------------ general services (58)
class PaymentDetail(TypedDict, total=False):
    """One payment or discount of the whole order, not of one coupon."""

    paymentDetailId: str
    amount: Yuan
    amountType: int


class Receipt(TypedDict, total=False):
    """prepare, and each row of consume. `receiptEndDate` is ms in prepare and text in consume."""

    receiptCode: str
    orderId: Int64
    dealId: Int64
    dealGroupId: Int64
    dealTitle: str
    dealPrice: Yuan
    dealMarketPrice: Yuan
    bizType: int
    count: int
    paymentDetail: list[PaymentDetail]
    receiptEndDate: Int64
    tgTimesCardFlag: bool
    purchaseToConsumeRatio: Int64
    timesCardUnitPrice: Yuan
    platformAmount: Yuan
    merchantAmount: Yuan
    flowId: Int64


class ConsumeRecord(TypedDict, total=False):
    """getconsumed (without flowId and refundStatus), and each record of querylistbydate."""

    receiptCode: str
    dealId: Int64
    bizType: int
    verifyAccount: str
    verifyChannel: str
    verifyTime: str
    flowId: Int64
    refundStatus: int


class ConsumeBody(TypedDict):
    receiptCode: str
    count: int
    requestId: str
    appShopAccount: str
    appShopAccountName: str


class ReverseBody(TypedDict):
    receiptCode: str
    dealId: str
    appShopAccount: str
    appShopAccountName: str


class ListBody(TypedDict):
    date: str
    bizType: int
    offset: int
    type: int
    limit: int


# ---------------------------------------------------------------------------------------------------- catering (1)
class Coupon(TypedDict, total=False):
    """msprepare and queryById. The voucher flag is `vourcher` (sic) in the former, `isVoucher` in the latter."""

    result: int
    message: str
    couponCode: str
    dealId: Int64
    dealTitle: str
    dealValue: Yuan
    singleValue: Yuan
    couponBuyPrice: Yuan
    count: int
    couponEndTime: str
    dealBeginTime: str
    volume: int
    vourcher: bool
    isVoucher: bool
    couponStatusDesc: str
    couponCancelStatus: int
    couponUseTime: str
    verifyAcct: str
    verifyType: str


class MsConsumeBody(TypedDict):
    code: str
    num: int


class CancelBody(TypedDict):
    couponCode: str
    type: int
    eId: str
    eName: str


# ------------------------------------------------------------------------------------------------- reservations (7)
class BookingWire(TypedDict, total=False):
    """order/queryById, and each order of order/batchQuery. `bookingTime` in seconds; `phone` empty or sealed."""

    orderSerializedId: str
    status: int
    bookingTime: int
    number: int
    name: str
    gender: int
    phone: str
    requirements: dict[str, Any]
    recepts: list[Any]
    deposit: dict[str, Any]


Body = (
    ConsumeBody | ReverseBody | ListBody | MsConsumeBody | CancelBody | dict[str, str | int] | dict[str, Any]
)
