"""Douyin Life's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import SplitResult, parse_qs

from adapters.douyin.tables import (
    KIND_BY_GROUPON_TYPE,
    MAYBE_OURSELVES,
    MERCHANT_API,
    RECORD_CANCELLED,
    REFUSAL_BY_CODE,
    REFUSAL_BY_STATUS,
    REVERSAL_REFUSAL_BY_SUB_CODE,
    REVERSAL_SECONDS,
    STATUS_BY_NUMBER,
    USED_ALREADY,
    VAGUE_CODES,
)
from adapters.douyin.wire import Certificate, Envelope, Extra, VerifyRecord, VerifyResult
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
)
from core.channels.wire import (
    CHINA,
    clean_message,
    read_epoch,
    read_id,
    read_list,
    read_number,
    read_part,
    read_rows,
)

_AMOUNTS = frozenset({"original_amount", "pay_amount", "payment_discount_amount", "coupon_pay_amount"})
_PERSONAL = frozenset({"code", "reserve_info", "encrypted_code"})
_USABLE = frozenset({CouponStatus.AVAILABLE, CouponStatus.PARTLY_REDEEMED})


# ---------------------------------------------------------------------------------------------------- answers
def parse_envelope(document: object, operation: str) -> Envelope:
    """An answer with `data` and an integer error code. Raises ProtocolFailure naming the place."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(data, dict):
        raise ProtocolFailure("the answer has no data", path="data", operation=operation)
    if read_number(data.get("error_code"), "data.error_code") is None:
        raise ProtocolFailure("the answer has no error code", path="data.error_code", operation=operation)
    return {"data": data, "extra": cast(Extra, read_part(document, "extra", ""))}


def read_code(envelope: Envelope) -> int:
    """The error code, 0 for success. Where `data` and `extra` differ, the one that is no success counts."""
    code = read_number(envelope["data"]["error_code"], "data.error_code")
    return code or read_number(envelope["extra"].get("error_code"), "extra.error_code") or 0


def read_sub_code(envelope: Envelope) -> int:
    """The code below a general one, 0 where there is none."""
    return read_number(envelope["extra"].get("sub_error_code"), "extra.sub_error_code") or 0


def quote_code(envelope: Envelope) -> str:
    """The error code as a person may quote it: "1212", or "3000001/2034000910" with its sub code."""
    code, sub_code = read_code(envelope), read_sub_code(envelope)
    return f"{code}/{sub_code}" if sub_code not in {0, code} else str(code)


def read_object_id(link: SplitResult) -> str | None:
    """The `object_id` of a coupon link. A blank in it was a plus sign that the link did not escape."""
    values = parse_qs(link.query).get("object_id")
    return values[0].replace(" ", "+") if values else None


# ---------------------------------------------------------------------------------------------------- coupons
def parse_coupons(data: Mapping[str, Any], now: datetime) -> tuple[ChannelCoupon, ...]:
    """The certificates of a prepare answer, in its order."""
    return tuple(
        parse_coupon(certificate, now, f"data.certificates[{index}]")
        for index, certificate in enumerate(list_certificates(data))
    )


def list_certificates(data: Mapping[str, Any]) -> Sequence[Certificate]:
    """The certificates of an answer; `certificates_v2` is the same list with more in each."""
    rows = read_rows(data, "certificates", "data") or read_rows(data, "certificates_v2", "data")
    return cast(Sequence[Certificate], rows)


def parse_coupon(wire: Certificate, now: datetime, path: str) -> ChannelCoupon:
    """One certificate as it stands at `now`."""
    sku = read_part(wire, "sku", path)
    groupon_type = read_number(sku.get("groupon_type"), f"{path}.sku.groupon_type") or 0
    total, remaining = _read_times(wire, path)
    face_value, paid_amount = read_amounts(wire, path)
    return ChannelCoupon(
        reference=read_id(wire.get("certificate_id"), f"{path}.certificate_id"),
        handle=read_id(wire.get("encrypted_code"), f"{path}.encrypted_code"),
        kind=KIND_BY_GROUPON_TYPE.get(groupon_type, CouponKind.UNRECOGNISED),
        title=str(sku.get("title") or ""),
        status=parse_status(wire, now, path),
        face_value=face_value,
        paid_amount=paid_amount,
        valid_from=read_epoch(wire.get("start_time"), f"{path}.start_time"),
        valid_until=read_epoch(wire.get("expire_time"), f"{path}.expire_time"),
        times_total=total,
        times_remaining=remaining,
        raw=keep_raw(wire),
    )


def parse_status(wire: Certificate, now: datetime, path: str) -> CouponStatus:
    """The certificate's state at `now`: its number, then its dates, then the uses left on a times card."""
    number = read_number(wire.get("status"), f"{path}.status")
    status = (
        CouponStatus.UNRECOGNISED
        if number is None
        else STATUS_BY_NUMBER.get(number, CouponStatus.UNRECOGNISED)
    )
    if status is not CouponStatus.AVAILABLE:
        return status
    total, remaining = _read_times(wire, path)
    if remaining == 0:
        return CouponStatus.REDEEMED
    expires = read_epoch(wire.get("expire_time"), f"{path}.expire_time")
    if expires and now > expires:
        return CouponStatus.EXPIRED
    starts = read_epoch(wire.get("start_time"), f"{path}.start_time")
    if starts and now < starts:
        return CouponStatus.NOT_YET_VALID
    return CouponStatus.PARTLY_REDEEMED if remaining < total else CouponStatus.AVAILABLE


def find_obstacle(coupon: ChannelCoupon, now: datetime, poi_id: str | None) -> Refusal | None:
    """Why this coupon cannot be used at this store now, as far as the certificate tells."""
    if coupon.status not in _USABLE:
        return REFUSAL_BY_STATUS[coupon.status]
    if poi_id in [str(poi) for poi in read_list(coupon.raw, "not_available_poi_list", "")]:
        return Refusal.WRONG_STORE
    return Refusal.NOT_YET_VALID if _is_excluded_day(coupon.raw, now) else None


def _is_excluded_day(wire: Mapping[str, Any], now: datetime) -> bool:
    # INFERRED: fulfil_enable true means that the listed days are only advised against; Monday is 1.
    path = "not_available_time_info"
    info = read_part(wire, path, "")
    if info.get("fulfil_enable"):
        return False
    if now.astimezone(CHINA).isoweekday() in read_list(info, "can_no_use_week_day", path):
        return True
    return any(_is_within(span, now, path) for span in read_rows(info, "can_no_use_date", path))


def _is_within(span: Mapping[str, Any], now: datetime, path: str) -> bool:
    starts, ends = read_epoch(span.get("start_time"), path), read_epoch(span.get("end_time"), path)
    return bool(starts and ends and starts <= now <= ends)


def _read_times(wire: Certificate, path: str) -> tuple[int, int]:
    card = read_part(wire, "time_card", path)
    total = read_number(card.get("times_count"), f"{path}.time_card.times_count") or 1
    used = read_number(card.get("times_used"), f"{path}.time_card.times_used") or 0
    return total, max(0, total - used)


def keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The document without codes and persons."""
    return {key: value for key, value in wire.items() if key not in _PERSONAL}


# ------------------------------------------------------------------------------------------------------- uses
def parse_state(data: Mapping[str, Any], reference: str, now: datetime) -> CouponState:
    """What certificate/get or certificate/query says of the coupon with the id `reference`."""
    wire = _pick_certificate(data, reference)
    uses = [_parse_use(record) for record in _list_records(wire) if not _is_cancelled(record)]
    uses.sort(key=lambda use: use.used_at or datetime.max.replace(tzinfo=UTC))
    return CouponState(reference, parse_status(wire, now, "data.certificate"), tuple(uses), keep_raw(wire))


def _pick_certificate(data: Mapping[str, Any], reference: str) -> Certificate:
    single = read_part(data, "certificate", "data") or read_part(data, "certificate_v2", "data")
    for certificate in [cast(Certificate, single)] if single else list_certificates(data):
        if read_id(certificate.get("certificate_id"), "data.certificate.certificate_id") == reference:
            return certificate
    raise ProtocolFailure("the answer is not about the certificate asked for", path="data.certificate")


def _list_records(wire: Certificate) -> Sequence[VerifyRecord]:
    # A times card lists its uses in verify_records; `verify` repeats the newest of them.
    records = read_rows(wire, "verify_records", "data.certificate")
    if not records:
        newest = read_part(wire, "verify", "data.certificate")
        return [cast(VerifyRecord, newest)] if newest.get("verify_id") else []
    return cast(Sequence[VerifyRecord], records)


def _is_cancelled(record: VerifyRecord) -> bool:
    return record.get("status") == RECORD_CANCELLED or bool(record.get("cancel_time"))


def _parse_use(record: VerifyRecord) -> PlatformUse:
    path = "data.certificate.verify"
    verify_type = record.get("verify_type") or None
    poi = record.get("poi_id")
    return PlatformUse(
        receipt=read_id(record.get("verify_id"), f"{path}.verify_id"),
        used_at=read_epoch(record.get("verify_time"), f"{path}.verify_time"),
        external_store_id=str(poi) if poi else None,
        by_merchant_api=None if verify_type is None else verify_type == MERCHANT_API,
    )


def is_gone(state: CouponState, receipt: str) -> bool:
    """Whether the use with this receipt stands no more. A used coupon that lists no uses tells nothing."""
    tells = bool(state.uses) or state.status not in {CouponStatus.REDEEMED, CouponStatus.UNRECOGNISED}
    return tells and receipt not in {use.receipt for use in state.uses}


# --------------------------------------------------------------------------------------------------- outcomes
def parse_refusal(envelope: Envelope) -> Refused:
    """What an error code other than 0 says about the coupon."""
    code = read_code(envelope)
    late = REVERSAL_REFUSAL_BY_SUB_CODE.get(read_sub_code(envelope))
    reason = late or REFUSAL_BY_CODE.get(code, Refusal.REFUSED_BY_CHANNEL)
    message = clean_message(envelope["data"].get("description"))
    return Refused(reason, quote_code(envelope), message, vague=code in VAGUE_CODES)


def parse_cancel(envelope: Envelope) -> Refused | None:
    """Why a cancel was refused, None where it was done."""
    if read_code(envelope):
        return parse_refusal(envelope)
    for result in read_rows(envelope["data"], "cancel_results", "data"):
        code = read_number(result.get("result_code"), "data.cancel_results.result_code")
        if code:
            reason = REFUSAL_BY_CODE.get(code, Refusal.REFUSED_BY_CHANNEL)
            return Refused(reason, str(code), clean_message(result.get("result_msg")))
    return None


def parse_outcomes(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item of the order. Raises ProtocolFailure where one is left open."""
    if code := read_code(envelope):
        refused = _doubt(parse_refusal(envelope), code, order.attempt)
        return [RedeemRefused(item.reference, refused) for item in order.items]
    results = cast(Sequence[VerifyResult], read_rows(envelope["data"], "verify_results", "data"))
    return [_parse_outcome(item, results, order.attempt, answered_at) for item in order.items]


def _parse_outcome(
    item: RedeemItem, results: Sequence[VerifyResult], attempt: int, answered_at: datetime
) -> Redeemed | RedeemRefused:
    own = [result for result in results if result.get("code") == item.handle]
    if len(own) != item.times:
        raise ProtocolFailure(f"{len(own)} results for {item.times} uses", path="data.verify_results")
    proved = [result for result in own if _proves_use(result, attempt)]
    if len(proved) == len(own):
        receipts = tuple(_parse_receipt(result, answered_at) for result in own)
        return Redeemed(item.reference, receipts, answered_at + timedelta(seconds=REVERSAL_SECONDS))
    if proved:
        raise ProtocolFailure("only some uses of a times card were redeemed", path="data.verify_results")
    return RedeemRefused(item.reference, _parse_item_refusal(own[0], attempt))


def _proves_use(result: VerifyResult, attempt: int) -> bool:
    # On a repeat, "used already" beside a verify_id is Douyin's memory of our own verify_token.
    code = _read_result(result)
    return code == 0 or (attempt > 1 and code in USED_ALREADY and bool(result.get("verify_id")))


def _parse_item_refusal(result: VerifyResult, attempt: int) -> Refused:
    code = _read_result(result)
    reason = REFUSAL_BY_CODE.get(code, Refusal.REFUSED_BY_CHANNEL)
    return _doubt(Refused(reason, str(code), clean_message(result.get("msg"))), code, attempt)


def _doubt(refused: Refused, code: int, attempt: int) -> Refused:
    """What a refusal is worth: on a repeat it may be the effect of our own first call."""
    if attempt == 1:
        return refused
    if code not in REFUSAL_BY_CODE:
        raise ProtocolFailure("an unlisted code on a repeat", path="error_code", platform_code=str(code))
    return replace(refused, reason=Refusal.ALREADY_REDEEMED) if code in MAYBE_OURSELVES else refused


def _read_result(result: VerifyResult) -> int:
    code = read_number(result.get("result"), "data.verify_results.result")
    if code is None:
        raise ProtocolFailure("a coupon without a result", path="data.verify_results.result")
    return code


def _parse_receipt(result: VerifyResult, answered_at: datetime) -> Receipt:
    """The proof of one use. Amounts come with uses of times cards only; others have the coupon's own."""
    path = "data.verify_results"
    info = read_part(result, "verify_amount_info", path)
    box = read_part(info, "times_card_serial_amount", path) or read_part(info, "time_card_amount", path)
    face_value, paid_amount = read_amounts(box, path)
    reference = read_id(result.get("verify_id"), f"{path}.verify_id")
    redeemed_at = answered_at if _read_result(result) == 0 else None
    return Receipt(reference, redeemed_at, face_value, paid_amount)


# ---------------------------------------------------------------------------------------------- single values
def read_amounts(wire: Mapping[str, Any], path: str) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` in fen: `original_amount` and `coupon_pay_amount` of `amount`.

    The latter is `pay_amount + payment_discount_amount` where it is left out (public Java SDK).
    """
    amount = {key: read_number(value, f"{path}.amount.{key}") for key, value in _pick_amounts(wire, path)}
    paid, pay = amount.get("coupon_pay_amount"), amount.get("pay_amount")
    if paid is None and pay is not None:
        paid = pay + (amount.get("payment_discount_amount") or 0)
    return amount.get("original_amount"), paid


def _pick_amounts(wire: Mapping[str, Any], path: str) -> list[tuple[str, object]]:
    return [(key, value) for key, value in read_part(wire, "amount", path).items() if key in _AMOUNTS]
