"""Alipay's own shapes, in its own names: Koubei ticket codes and the newer marketing certificates.

Amounts are texts in yuan with two decimals, times are texts in Beijing time ("2023-11-15 12:00:00"), counts of the
ticket interfaces are texts, those of the certificate interfaces numbers. Source: the domain and response classes of
alipay-sdk-java-all @002e9002 and alipay-sdk-python 3.7.1411, and https://docs.open.alipay.com/api_1/
koubei.trade.ticket.ticketcode.query, read 2025-10. Keys that are not listed are kept as they come.
"""

from __future__ import annotations

from typing import Any, TypedDict

GATEWAY_PATH = "/gateway.do"
LOGIN = "alipay.system.oauth.token"
TICKET_QUERY = "koubei.trade.ticket.ticketcode.query"
TICKET_USE = "koubei.trade.ticket.ticketcode.use"
TICKET_CANCEL = "koubei.trade.ticket.ticketcode.cancel"
CERTIFICATE_PREPARE = "alipay.marketing.certificate.certification.prepareuse"
CERTIFICATE_USE = "alipay.marketing.certificate.certification.use"
CERTIFICATE_REFUND = "alipay.marketing.certificate.certification.refund"
CERTIFICATE_QUERY = "alipay.marketing.certificate.certification.batchquery"

Fields = dict[str, Any]
"""What stands under "<method with _>_response": code, msg, sub_code, sub_msg, and the method's own fields."""


class Login(TypedDict, total=False):
    """The answer to `LOGIN`; a success has no code. Apps of the newer kind get `open_id` in place of `user_id`.

    Source: class AlipaySystemOauthTokenResponse of alipay-sdk-python 3.7.1411.
    """

    user_id: str
    open_id: str
    union_id: str
    access_token: str
    refresh_token: str
    expires_in: int | str
    re_expires_in: int | str
    auth_start: str


class SealedPhone(TypedDict, total=False):
    """What my.getPhoneNumber hands over: `response` is sealed, or an error's fields. Source: the page in sealing.py."""

    response: str | Fields
    sign: str
    sign_type: str
    encrypt_type: str
    charset: str


class TicketQueryBody(TypedDict):
    ticket_code: str
    shop_id: str


class TicketUseBody(TypedDict):
    request_id: str
    ticket_code: str
    shop_id: str
    quantity: str


class TicketCancelBody(TypedDict):
    request_id: str
    request_biz_no: str
    ticket_code: str
    quantity: str


class TicketTransInfo(TypedDict, total=False):
    ticket_trans_id: str
    ticket_trans_type: str
    create_time: str
    last_modify_time: str
    quantity: str


class Ticket(TypedDict, total=False):
    ticket_code: str
    ticket_status: str
    ticket_status_desc: str
    item_id: str
    item_name: str
    item_alias: str
    current_price: str
    original_price: str
    effect_date: str
    expire_date: str
    order_no: str
    voucher_id: str
    available_quantity: str
    total_quantity: str
    time_cards: str
    ticket_trans_info_list: list[TicketTransInfo]


class TicketUse(TypedDict, total=False):
    request_id: str
    ticket_code: str
    ticket_trans_id: str
    voucher_id: str
    original_price: str
    buyer_pay_amount: str
    use_date: str
    biz_code: str


class AmountInfo(TypedDict, total=False):
    original_price: str
    sale_price: str
    pay_amount: str
    receipt_amount: str


class SkuInfo(TypedDict, total=False):
    item_id: str
    sku_id: str
    title: str
    item_type: str


class SerialInfo(TypedDict, total=False):
    serial_no: str
    status: str
    amount_info: AmountInfo


class TimesCardInfo(TypedDict, total=False):
    total_count: int
    used_count: int
    serial_info_list: list[SerialInfo]


class Certificate(TypedDict, total=False):
    certificate_id: str
    encrypted_code: str
    order_id: str
    status: str
    valid_begin_time: str
    valid_end_time: str
    amount_info: AmountInfo
    sku_info: SkuInfo
    times_card_info: TimesCardInfo


class CertificateUseInfo(TypedDict, total=False):
    encrypted_code: str
    use_count: int


class CertificateUseBody(TypedDict, total=False):
    out_biz_no: str
    order_id: str
    shop_id: str
    biz_dt: str
    open_id: str
    user_id: str
    certificate_use_info_list: list[CertificateUseInfo]


class CertificateUseResult(TypedDict, total=False):
    certificate_id: str
    encrypted_code: str
    use_order_no: str
    result: str
    msg: str
    amount_info: AmountInfo
    serial_info_list: list[SerialInfo]


class CertificateReverseInfo(TypedDict, total=False):
    certificate_id: str
    use_order_no: str
    serial_no_list: list[str]
    times_card_cancel_count: int


class CertificateRefundBody(TypedDict, total=False):
    out_biz_no: str
    open_id: str
    user_id: str
    certificate_reverse_info_list: list[CertificateReverseInfo]


class CertificateQueryBody(TypedDict, total=False):
    certificate_id_list: list[str]
    order_id: str
    open_id: str
    user_id: str
