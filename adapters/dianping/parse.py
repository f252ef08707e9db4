"""Dianping's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from adapters.dianping.tables import (
    CALL_TROUBLE_BY_WORD,
    CUSTOMER_PAID,
    FIRST_BUSINESS_CODE,
    KIND_BY_BIZ_TYPE,
    REFUSAL_BY_WORD,
    REVERSAL_REFUSAL_BY_WORD,
    REVERSAL_SECONDS,
    STATUS_BY_REFUSAL,
    SUCCESS,
    TAKEN_OFF,
    THIRD_PARTY_TILL,
    TROUBLE_BY_CODE,
    TROUBLE_BY_WORD,
    VOUCHER_WORD,
    Trouble,
)
from adapters.dianping.values import (
    read_deal_id,
    read_end,
    read_object,
    read_rows,
    read_time,
)
from adapters.dianping.wire import ConsumedReceipt, Envelope, SingleConsume
from adapters.dianping.wire import Receipt as WireReceipt
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    StatusQuery,
)
from core.channels.wire import clean_message, read_id, read_number, read_yuan

_ACCOUNT_MARK = "hexiao-"
_PERSONAL = frozenset({"receipt_code", "mobile", "receipt_info_map"})
_MeaningT = TypeVar("_MeaningT")


# ---------------------------------------------------------------------------------------------------- answers
def parse_envelope(document: object, operation: str) -> Envelope:
    """An answer with an integer code. Raises ProtocolFailure naming the place."""
    if not isinstance(document, dict):
        raise ProtocolFailure("the answer is no object", operation=operation)
    code = read_number(document.get("code"), "code")
    if code is None:
        raise ProtocolFailure("the answer has no code", path="code", operation=operation)
    message = document.get("msg")
    text = message if isinstance(message, str) else ""
    return {"code": code, "msg": text, "data": document.get("data")}


def find_trouble(code: int, message: str) -> Trouble | None:
    """What is wrong with the call, None where it succeeded or was refused for the coupon's sake."""
    if code == SUCCESS:
        return None
    about_call = code < FIRST_BUSINESS_CODE
    known = TROUBLE_BY_CODE.get(code) or find_word(message, TROUBLE_BY_WORD)
    if known or not about_call:
        return known
    refused = find_word(message, REFUSAL_BY_WORD) or find_word(message, REVERSAL_REFUSAL_BY_WORD)
    return find_word(message, CALL_TROUBLE_BY_WORD) or (None if refused else Trouble.BUSY)


def find_word(message: str, table: Sequence[tuple[str, _MeaningT]]) -> _MeaningT | None:
    """The meaning of the first word of `table` that the message contains."""
    lower = message.lower()
    return next((meaning for word, meaning in table if word in lower), None)


def parse_refusal(code: int, message: str) -> Refused:
    """What a code other than success says about the coupon."""
    reason = find_word(message, REFUSAL_BY_WORD) or Refusal.REFUSED_BY_CHANNEL
    return Refused(reason, str(code), clean_message(message))


def quote_refusal(envelope: Envelope) -> dict[str, Any]:
    """Code and words of an answer, as failures carry them."""
    return {"platform_code": str(envelope["code"]), "platform_message": clean_message(envelope["msg"])}


# ---------------------------------------------------------------------------------------------------- coupons
def parse_prepared(envelope: Envelope, code: str, now: datetime) -> ChannelCoupon:
    """The coupon of a prepare answer, which must be about `code`."""
    wire = read_object(envelope["data"], "data")
    coupon = parse_coupon(cast(WireReceipt, wire), now, "data")
    if coupon.reference != code:
        raise ProtocolFailure("the answer is about another code", path="data.receipt_code")
    return coupon


def parse_scanned(envelope: Envelope, now: datetime) -> tuple[ChannelCoupon, ...]:
    """The coupons that a QR shows: one of each deal of its order, as long as any is left."""
    rows = read_rows(envelope["data"], "data")
    coupons = [
        parse_coupon(cast(WireReceipt, row), now, f"data[{index}]")
        for index, row in enumerate(rows)
        if read_number(row.get("available_count"), f"data[{index}].available_count") != 0
    ]
    if len({coupon.reference for coupon in coupons}) != len(coupons):
        raise ProtocolFailure("one code is listed twice", path="data.receipt_code")
    return tuple(coupons)


def parse_coupon(wire: WireReceipt, now: datetime, path: str) -> ChannelCoupon:
    """One coupon that prepare or scanprepare shows, which they do for usable ones only."""
    code = read_id(wire.get("receipt_code"), f"{path}.receipt_code")
    valid_until = read_end(wire, path)
    face_value, paid_amount = read_amounts(wire, path)
    return ChannelCoupon(
        reference=code,
        handle=code,
        kind=parse_kind(wire, path),
        title=str(wire.get("deal_title") or ""),
        status=CouponStatus.EXPIRED if valid_until and now > valid_until else CouponStatus.AVAILABLE,
        face_value=face_value,
        paid_amount=paid_amount,
        valid_until=valid_until,
        raw=keep_raw(wire),
    )


def parse_kind(wire: Mapping[str, Any], path: str) -> CouponKind:
    """What was sold, by `biz_type` and, among plain deals, by the title."""
    biz_type = read_number(wire.get("biz_type"), f"{path}.biz_type")
    if biz_type is None:
        return CouponKind.UNRECOGNISED
    kind = KIND_BY_BIZ_TYPE.get(biz_type, CouponKind.UNRECOGNISED)
    is_voucher = kind is CouponKind.SET_MEAL and VOUCHER_WORD in str(wire.get("deal_title"))
    return CouponKind.CASH_VOUCHER if is_voucher else kind


def keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The document without codes and phones."""
    return {key: value for key, value in wire.items() if key not in _PERSONAL}


# ------------------------------------------------------------------------------------------------------- uses
def write_account(token: str) -> str:
    """What goes out as `app_shop_account`: Dianping does not check it, and shows it beside the use afterwards."""
    return _ACCOUNT_MARK + token


def write_receipt(deal_id: str, token: str) -> str:
    """Our own name of a use, for Dianping gives none: the deal, and the token of the leg that made it."""
    return f"{deal_id}:{token}"


def split_receipt(receipt: str) -> tuple[str, str | None]:
    """`(deal id, token)` of a receipt; a use that came in elsewhere has no token."""
    deal_id, _, token = receipt.partition(":")
    return deal_id.partition("@")[0], token or None


def is_unused(envelope: Envelope) -> bool:
    """Whether getconsumed tells of no use. INFERRED: by refusing, or with empty data."""
    return envelope["code"] != SUCCESS or envelope["data"] in (None, {})


def parse_used(envelope: Envelope, query: StatusQuery) -> CouponState:
    """The state of a coupon that getconsumed shows as used."""
    wire = read_object(envelope["data"], "data")
    if read_id(wire.get("receipt_code"), "data.receipt_code") != (query.handle or query.reference):
        raise ProtocolFailure("the answer is about another code", path="data.receipt_code")
    use = _parse_use(cast(ConsumedReceipt, wire), query.token)
    return CouponState(query.reference, CouponStatus.REDEEMED, (use,), keep_raw(wire))


def _parse_use(wire: ConsumedReceipt, asked: str | None) -> PlatformUse:
    token = read_mark(wire.get("verify_account"))
    channel = wire.get("verify_channel")
    by_api = None if channel is None else str(channel) == THIRD_PARTY_TILL
    used_at = read_time(wire.get("verify_time"), "data.verify_time")
    return PlatformUse(
        receipt=_name_use(wire, used_at, token or (asked if by_api is not False else None)),
        used_at=used_at,
        token=token,
        external_store_id=str(wire.get("open_shop_uuid") or "") or None,
        by_merchant_api=by_api,
    )


def read_mark(account: object) -> str | None:
    """The token of our leg that made a use, from what Dianping shows beside it; None for all others' uses."""
    if not isinstance(account, str) or not account.startswith(_ACCOUNT_MARK):
        return None
    return account.removeprefix(_ACCOUNT_MARK) or None


def _name_use(wire: ConsumedReceipt, used_at: datetime | None, token: str | None) -> str:
    # That `verify_account` repeats `app_shop_account` is INFERRED. Should it not, a use through the interface has no
    # mark; it then counts as the asking leg's, so that nothing of ours is ever taken for gone.
    deal_id = read_deal_id(wire, "data")
    if token:
        return write_receipt(deal_id, token)
    return f"{deal_id}@{used_at.timestamp():.0f}" if used_at else f"{deal_id}@"


def parse_unused(envelope: Envelope, query: StatusQuery, now: datetime) -> CouponState:
    """The state of a coupon without a use, from what prepare says of it. Raises ProtocolFailure for an unknown code."""
    if envelope["code"] == SUCCESS:
        coupon = parse_prepared(envelope, query.handle or query.reference, now)
        return CouponState(query.reference, coupon.status, (), coupon.raw)
    refused = parse_refusal(envelope["code"], envelope["msg"])
    if refused.reason is Refusal.UNKNOWN_CODE:
        raise ProtocolFailure(
            "Dianping knows no such coupon", operation="status", platform_code=refused.platform_code
        )
    # "Used" without a record of the use is none of ours for sure, nor surely somebody else's.
    status = STATUS_BY_REFUSAL.get(refused.reason, CouponStatus.UNRECOGNISED)
    return CouponState(query.reference, status, (), {"code": refused.platform_code})


def is_gone(state: CouponState, receipt: str) -> bool:
    """Whether the use with this receipt stands no more. A used coupon that lists no uses tells nothing."""
    tells = bool(state.uses) or state.status not in {CouponStatus.REDEEMED, CouponStatus.UNRECOGNISED}
    return tells and receipt not in {use.receipt for use in state.uses}


# --------------------------------------------------------------------------------------------------- outcomes
def parse_consumed(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """The outcome of consume. Raises ProtocolFailure where it is left open."""
    if envelope["code"] != SUCCESS:
        return refuse_all(envelope, order)
    rows = read_rows(envelope["data"], "data")
    return [_parse_redeemed(item, rows, order, answered_at) for item in order.items]


def parse_batch(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """The outcomes of batchconsume. Raises ProtocolFailure where one is left open.

    Uses are known by their code. A refused element names none: the refused coupons are those without a use, and which
    of the reasons is whose goes by the order of sending (INFERRED).
    """
    if envelope["code"] != SUCCESS:
        return refuse_all(envelope, order)
    singles = cast(Sequence[SingleConsume], read_rows(envelope["data"], "data"))
    used = [detail for single in singles for detail in _list_details(single)]
    refusals = [_parse_single_refusal(single, order.attempt) for single in singles if not _is_done(single)]
    codes = {detail.get("receipt_code") for detail in used}
    left = [item for item in order.items if item.handle not in codes]
    if len(left) != len(refusals) or len(used) + len(left) != len(order.items):
        raise ProtocolFailure("not every coupon has one result", path="data")
    redeemed = [_parse_redeemed(item, used, order, answered_at) for item in order.items if item not in left]
    pairs = zip(left, refusals, strict=True)
    return [*redeemed, *(RedeemRefused(item.reference, refused) for item, refused in pairs)]


def _is_done(single: SingleConsume) -> bool:
    return read_number(single.get("single_consume_code"), "data.single_consume_code") == SUCCESS


def _list_details(single: SingleConsume) -> Sequence[Mapping[str, Any]]:
    details = read_rows(single.get("consume_detail_list"), "data.consume_detail_list")
    if bool(details) != _is_done(single):
        raise ProtocolFailure("one coupon is left open", path="data.single_consume_code")
    return details


def _parse_single_refusal(single: SingleConsume, attempt: int) -> Refused:
    code = read_number(single.get("single_consume_code"), "data.single_consume_code")
    message = str(single.get("single_consume_msg") or "")
    if code is None or find_trouble(code, message):
        raise ProtocolFailure("one coupon is left open", path="data.single_consume_code")
    return _doubt(parse_refusal(code, message), attempt)


def _parse_redeemed(
    item: RedeemItem, rows: Sequence[Mapping[str, Any]], order: RedeemOrder, answered_at: datetime
) -> Redeemed:
    own = [row for row in rows if row.get("receipt_code") == item.handle]
    if len(own) != 1:
        raise ProtocolFailure(f"{len(own)} results for one use", path="data.receipt_code")
    face_value, paid_amount = read_amounts(own[0], "data")
    # Dianping does not say when; on a repeat it was earlier than this answer.
    redeemed_at = answered_at if order.attempt == 1 else None
    reference = write_receipt(read_deal_id(own[0], "data"), order.token)
    receipt = Receipt(reference, redeemed_at, face_value, paid_amount)
    return Redeemed(item.reference, (receipt,), answered_at + timedelta(seconds=REVERSAL_SECONDS))


def refuse_all(envelope: Envelope, order: RedeemOrder) -> list[Redeemed | RedeemRefused]:
    """The same refusal for every coupon of the order."""
    refused = _doubt(parse_refusal(envelope["code"], envelope["msg"]), order.attempt)
    return [RedeemRefused(item.reference, refused) for item in order.items]


def _doubt(refused: Refused, attempt: int) -> Refused:
    """What a refusal is worth: on a repeat, one that nobody knows may speak of our own first call."""
    if attempt > 1 and refused.reason is Refusal.REFUSED_BY_CHANNEL:
        raise ProtocolFailure(
            "an unlisted refusal of a repeat", path="code", platform_code=refused.platform_code
        )
    return refused


def parse_reversal(envelope: Envelope, code: str) -> Refused | None:
    """Why a reversal was refused, None where it was done. Raises ProtocolFailure where it is left open."""
    if envelope["code"] != SUCCESS:
        refused = parse_refusal(envelope["code"], envelope["msg"])
        reason = find_word(envelope["msg"], REVERSAL_REFUSAL_BY_WORD) or Refusal.REFUSED_BY_CHANNEL
        return replace(refused, reason=reason)
    if code not in [row.get("receipt_code") for row in read_rows(envelope["data"], "data")]:
        raise ProtocolFailure("the answer is about another code", path="data.receipt_code")
    return None


# ---------------------------------------------------------------------------------------------------- amounts
def read_amounts(wire: Mapping[str, Any], path: str) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` in fen: `deal_marketprice`, and the customer's share of `payment_detail`.

    The payments are those of the whole order, so they tell of this coupon only where their sum is its price: then it
    is the order's only one (INFERRED).
    """
    price = read_yuan(wire.get("deal_price"), f"{path}.deal_price")
    payments = read_rows(wire.get("payment_detail"), f"{path}.payment_detail")
    shares = [_read_payment(payment, f"{path}.payment_detail") for payment in payments]
    types = {amount_type for amount_type, _ in shares}
    alone = price is not None and sum(amount for _, amount in shares) == price
    known = bool(shares) and types <= CUSTOMER_PAID | TAKEN_OFF
    paid = sum(amount for amount_type, amount in shares if amount_type in CUSTOMER_PAID)
    face_value = read_yuan(wire.get("deal_marketprice"), f"{path}.deal_marketprice")
    return face_value, paid if alone and known else None


def _read_payment(wire: Mapping[str, Any], path: str) -> tuple[int | None, int]:
    amount = read_yuan(wire.get("amount"), f"{path}.amount")
    return read_number(wire.get("amount_type"), f"{path}.amount_type"), amount or 0
