"""The shapes of the Ele.me / Koubei local-life vouchers on the Taobao open platform (TOP), in its own names.

Consult counts money in fen, use writes it as yuan with two decimals; ids are digits, sent as text.
Source: https://developer.alibaba.com/docs/api.htm?apiId=64157 (consult) and ?apiId=53175 (use),
https://jaq-doc.alibaba.com/docs/api.htm?apiId=64150 (reserve), and the interface descriptions in
github.com/bububa/opentaobao, metadata/assets/json/alscmerchant, read 2026-11. Other keys are kept as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

CONSULT = "alibaba.alsc.daodian.ticket.consult"
USE = "alibaba.alsc.merchant.ext.ticketcode.use"
# "reserve" is what the platform calls it; what it does is a reversal (冲正).
RESERVE = "alibaba.alsc.daodian.ticket.reserve"

# The one key of a successful answer to each method.
ROOT_BY_METHOD: Mapping[str, str] = {
    CONSULT: "alibaba_alsc_daodian_ticket_consult_response",
    USE: "alibaba_alsc_merchant_ext_ticketcode_use_response",
    RESERVE: "alibaba_alsc_daodian_ticket_reserve_response",
}

Whole = int | str


class ConsultRequest(TypedDict):
    request_id: str
    shop_id: str
    ticket_code: str


class TicketInfo(TypedDict, total=False):
    """One usable voucher of the order. `ticket_code` stands only at the voucher that was asked for."""

    ticket_id: str
    ticket_name: str
    ticket_code: str
    total_amount: Whole
    real_amount: Whole
    original_price: Whole
    quantity: Whole


class TicketInfoList(TypedDict, total=False):
    ticket_info: list[TicketInfo]


class ConsultValue(TypedDict, total=False):
    available_quantity: Whole
    ticket_info_list: TicketInfoList | list[TicketInfo]
    alsc_order_no: Whole
    alsc_sub_order_no: Whole
    item_id: str
    out_item_id: str
    buyer_id: str
    user_phone: str


class UseRequest(TypedDict):
    """`ticket_request_id` is letters and digits, of our making, never the same for two redemptions."""

    ticket_request_id: str
    shop_id: str
    ticket_code: str
    quantity: str
    ticket_id: NotRequired[str]


class UseDetail(TypedDict, total=False):
    ticket_trans_id: Whole
    ticket_code: str
    ticket_id: Whole
    buyer_pay_amount: str
    receipt_amount: str


class UseDetails(TypedDict, total=False):
    merchant_ticket_use_detail: list[UseDetail]


class UseAnswer(TypedDict, total=False):
    """Amounts, `ticket_trans_id` and `ticket_code` are left out for providers that joined after 2022-09-22."""

    biz_code: str
    ticket_request_id: str
    ticket_trans_id: Whole
    use_date: str
    buyer_pay_amount: str
    ticket_use_details: UseDetails | list[UseDetail]


class ReverseRequest(TypedDict):
    request_id: str
    ticket_id: str
    ticket_use_trans_id: NotRequired[str]


class Result(TypedDict, total=False):
    """What consult and reserve answer; use has no such envelope and refuses by `error_response`."""

    success: bool
    error_code: str
    error_msg: str
    retry: bool
    value: ConsultValue


class ErrorResponse(TypedDict, total=False):
    code: Whole
    msg: str
    sub_code: str
    sub_msg: str
    request_id: str


Request = ConsultRequest | UseRequest | ReverseRequest
