"""Douyin Life's own shapes, in its own names. Money is fen; ids are 19-digit numbers, sent as int or as text.

Source: https://developer.open-douyin.com/docs/resource/zh-CN/local-life/develop/OpenAPI/general-capabilities/
life.capacity.fulfilment/ (certificate.prepare, .verify, .cancel, .get) and the types of the npm package
@open-dy/open_api_sdk 1.1.0, both read 2025-10. Keys that are not listed are kept as they come.
"""

from __future__ import annotations

from typing import Any, TypedDict

Int64 = int | str


class Amount(TypedDict, total=False):
    original_amount: Int64
    pay_amount: Int64
    payment_discount_amount: Int64
    coupon_pay_amount: Int64
    list_market_amount: Int64


class Sku(TypedDict, total=False):
    sku_id: str
    title: str
    groupon_type: int


class TimeCard(TypedDict, total=False):
    times_count: int
    times_used: int


class DateRange(TypedDict, total=False):
    start_time: int
    end_time: int


class NotAvailableTimeInfo(TypedDict, total=False):
    fulfil_enable: bool
    can_no_use_week_day: list[int]
    can_no_use_date: list[DateRange]


class VerifyRecord(TypedDict, total=False):
    verify_id: Int64
    certificate_id: Int64
    verify_time: int
    can_cancel: bool
    verify_type: int
    poi_id: Int64
    status: int
    cancel_time: int


class Certificate(TypedDict, total=False):
    encrypted_code: str
    certificate_id: Int64
    status: int
    start_time: int
    expire_time: int
    code: str
    sku: Sku
    amount: Amount
    time_card: TimeCard
    verify: VerifyRecord | None
    verify_records: list[VerifyRecord]
    not_available_time_info: NotAvailableTimeInfo
    not_available_poi_list: list[Int64]


class AmountBox(TypedDict, total=False):
    amount: Amount


class VerifyAmountInfo(TypedDict, total=False):
    time_card_amount: AmountBox
    times_card_serial_amount: AmountBox


class VerifyResult(TypedDict, total=False):
    result: int
    msg: str
    code: str
    verify_id: Int64
    certificate_id: Int64
    verify_amount_info: VerifyAmountInfo


class ListedRecord(VerifyRecord, total=False):
    """One use in the merchant's record of them; `cursor` is where the page after it goes on."""

    cursor: str
    certificate_status: int
    code: str
    amount: Amount
    sku: Sku
    verify_amount_info: VerifyAmountInfo


class VerifyBody(TypedDict, total=False):
    verify_token: str
    poi_id: str
    encrypted_codes: list[str]
    order_id: str


class CancelBody(TypedDict):
    verify_id: str
    certificate_id: str


class Extra(TypedDict, total=False):
    error_code: int
    description: str
    sub_error_code: int
    sub_description: str
    logid: str
    now: int


class Envelope(TypedDict):
    """Every answer below /goodlife/. It comes with HTTP 200 for failures too."""

    data: dict[str, Any]
    extra: Extra
