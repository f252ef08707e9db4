"""WeChat's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from adapters.wechat.codes import CouponKey, VoucherKey
from adapters.wechat.tables import (
    KIND_BY_STOCK_TYPE,
    KIND_BY_VOUCHER_TYPE,
    REFUSAL_BY_CODE,
    REFUSAL_BY_ERRCODE,
    REFUSAL_BY_STATUS,
    STATUS_BY_NUMBER,
    STATUS_BY_STATE,
)
from adapters.wechat.wire import FailedVoucher, MerchantCoupon, Voucher
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemRefused,
    Refusal,
    Refused,
)
from core.channels.wire import (
    read_fen,
    read_id,
    read_number,
    read_part,
    read_rows,
)
from core.clock import from_epoch, to_utc

_PERSONAL = frozenset(
    {"code", "coupon_code", "openid", "unionid", "union_id", "telphone_no", "encrypted_code"}
)
_USED = frozenset({CouponStatus.REDEEMED, CouponStatus.PARTLY_REDEEMED})
_LONG_NUMBER = re.compile(r"\d{7,}")
_REQUEST_ID = re.compile(r"\s*rid: [\w-]+")


# --------------------------------------------------------------------------------------------------- vouchers
def parse_envelope(document: object, operation: str, success_mark: str | None = None) -> dict[str, Any]:
    """An answer of api.weixin.qq.com with its `errcode`, or with the field that shows success without one.

    Raises ProtocolFailure where there is neither.
    """
    if not isinstance(document, dict):
        raise ProtocolFailure("the answer is no object", operation=operation)
    if read_number(document.get("errcode"), "errcode") is None and success_mark not in document:
        raise ProtocolFailure("the answer has no errcode", path="errcode", operation=operation)
    return document


def read_errcode(document: Mapping[str, Any]) -> int:
    """The error code, 0 for success."""
    return read_number(document.get("errcode"), "errcode") or 0


def parse_voucher_refusal(document: Mapping[str, Any]) -> Refused:
    """What an errcode other than 0 says about a voucher."""
    errcode = read_errcode(document)
    reason = REFUSAL_BY_ERRCODE.get(errcode, Refusal.REFUSED_BY_CHANNEL)
    return Refused(reason, str(errcode), clean_message(document.get("errmsg")))


def parse_voucher(wire: Voucher, now: datetime, path: str) -> ChannelCoupon:
    """One voucher as it stands at `now`. `voucher_actual_amount` is its worth, `voucher_buy_amount` its price."""
    key = read_voucher_key(wire, path)
    status = parse_voucher_status(wire, now, path)
    voucher_type = read_number(wire.get("voucher_type"), f"{path}.voucher_type") or 0
    return ChannelCoupon(
        reference=key.reference,
        handle=key.write_handle(),
        kind=KIND_BY_VOUCHER_TYPE.get(voucher_type, CouponKind.UNRECOGNISED),
        title="",
        status=status,
        face_value=read_fen(wire.get("voucher_actual_amount"), f"{path}.voucher_actual_amount"),
        paid_amount=read_fen(wire.get("voucher_buy_amount"), f"{path}.voucher_buy_amount"),
        valid_from=read_seconds(wire.get("start_time"), f"{path}.start_time"),
        valid_until=read_seconds(wire.get("end_time"), f"{path}.end_time"),
        times_remaining=0 if status is CouponStatus.REDEEMED else 1,
        raw=_keep_raw(wire),
    )


def read_voucher_key(wire: Voucher, path: str) -> VoucherKey:
    """What names this voucher."""
    return VoucherKey(
        read_id(wire.get("code"), f"{path}.code"), read_id(wire.get("sku_id"), f"{path}.sku_id")
    )


def parse_voucher_status(wire: Voucher, now: datetime, path: str) -> CouponStatus:
    """The voucher's state at `now`: its number, then its dates."""
    number = read_number(wire.get("status"), f"{path}.status")
    starts = read_seconds(wire.get("start_time"), f"{path}.start_time")
    ends = read_seconds(wire.get("end_time"), f"{path}.end_time")
    state = STATUS_BY_NUMBER.get(number or 0, CouponStatus.UNRECOGNISED)
    status = _place_in_time(state, starts, ends, now)
    return (
        CouponStatus.PARTLY_REDEEMED if status is CouponStatus.AVAILABLE and _is_card(wire, path) else status
    )


def _is_card(wire: Voucher, path: str) -> bool:
    # INFERRED: only a card of several uses is valid after a use that was not withdrawn. No field says what is left.
    used = read_text(wire.get("last_consume_no"), f"{path}.last_consume_no")
    return bool(used) and not read_text(
        wire.get("last_withdraw_consume_no"), f"{path}.last_withdraw_consume_no"
    )


def parse_voucher_state(wire: Voucher, reference: str, now: datetime) -> CouponState:
    """What voucher/get says of the voucher `reference`. Raises ProtocolFailure where it speaks of another."""
    path = "voucher"
    if read_voucher_key(wire, path).reference != reference:
        raise ProtocolFailure("the answer is not about the voucher asked for", path=path)
    status = parse_voucher_status(wire, now, path)
    uses = (_parse_voucher_use(wire, path),) if status in _USED else ()
    return CouponState(reference, status, uses, _keep_raw(wire))


def is_spent_otherwise(state: CouponState, receipt: str) -> bool:
    """Whether a plain voucher stands used, and not by the use with this receipt. Cards do not tell when."""
    used = state.status is CouponStatus.REDEEMED
    return used and any(use.used_at and use.receipt != receipt for use in state.uses)


def is_unused(state: CouponState) -> bool:
    """Whether no use of the coupon stands."""
    return not state.uses and state.status is not CouponStatus.UNRECOGNISED


def _parse_voucher_use(wire: Voucher, path: str) -> PlatformUse:
    number = read_text(wire.get("last_consume_no"), f"{path}.last_consume_no")
    store = read_text(wire.get("out_store_id"), f"{path}.out_store_id")
    used_at = read_seconds(wire.get("consume_time"), f"{path}.consume_time")
    return PlatformUse(number or None, used_at, number or None, store or None)


def parse_consumed(
    document: Mapping[str, Any], token: str, keys: Sequence[VoucherKey]
) -> list[Redeemed | RedeemRefused]:
    """One outcome per voucher of a consume call. Raises ProtocolFailure where one is left open.

    REFUSED_BY_CHANNEL stands for every refusal: its numbers are not documented.
    """
    refused = parse_failed(document)
    if read_errcode(document) and not refused:
        untold = replace(parse_voucher_refusal(document), reason=Refusal.REFUSED_BY_CHANNEL)
        return [RedeemRefused(key.reference, untold) for key in keys]
    used = {} if read_errcode(document) else _map_used(document)
    return [_parse_consumed(used.get(key.code), refused, token, key) for key in keys]


def _map_used(document: Mapping[str, Any]) -> dict[str, Voucher]:
    rows = cast(Sequence[Voucher], read_rows(document, "voucher_list", ""))
    return {read_voucher_key(row, "voucher_list").code: row for row in rows}


def _parse_consumed(
    wire: Voucher | None, refused: Mapping[str, Refused], token: str, key: VoucherKey
) -> Redeemed | RedeemRefused:
    if wire is None:
        if not refused:
            raise ProtocolFailure("a voucher is neither used nor refused", path="voucher_list")
        # All or nothing: what is not to blame itself was refused for the sake of another.
        own = refused.get(key.code) or next(iter(refused.values()))
        return RedeemRefused(key.reference, own)
    number = read_text(wire.get("last_consume_no"), "voucher_list.last_consume_no")
    # INFERRED that the number may be left out here; then the state must tell.
    is_ours = number == token or (not number and wire.get("status") == 2)
    if not is_ours or read_voucher_key(wire, "voucher_list") != key:
        raise ProtocolFailure("the voucher was used under another number", path="voucher_list")
    used_at = read_seconds(wire.get("consume_time"), "voucher_list.consume_time")
    return Redeemed(key.reference, (Receipt(token, used_at),))


def parse_failed(document: Mapping[str, Any]) -> dict[str, Refused]:
    """Why vouchers were refused, by code. An encrypted code is listed under itself."""
    rows = cast(Sequence[FailedVoucher], read_rows(document, "fail_voucher_list", ""))
    errcode = read_errcode(document)
    found = {}
    for row in rows:
        code = read_text(row.get("code") or row.get("encrypted_code"), "fail_voucher_list.code")
        number = row.get("ret_code")
        quoted = f"{errcode}/{number}" if isinstance(number, str | int) and number != "" else str(errcode)
        found[code] = Refused(Refusal.REFUSED_BY_CHANNEL, quoted[:64], clean_message(row.get("ret_msg")))
    return found


# -------------------------------------------------------------------------------------------- merchant coupons
def parse_pay_error(document: object, operation: str) -> tuple[str, str | None]:
    """The code and the words of a Pay v3 error. Raises ProtocolFailure where it is none."""
    code = document.get("code") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(code, str) or not code:
        raise ProtocolFailure("the error has no code", path="code", operation=operation)
    return code[:64], clean_message(document.get("message"))


def parse_pay_refusal(code: str, message: str | None) -> Refused:
    """What a Pay v3 error says about the coupon."""
    return Refused(REFUSAL_BY_CODE.get(code, Refusal.REFUSED_BY_CHANNEL), code, message)


def parse_coupon(wire: MerchantCoupon, openid: str, now: datetime) -> ChannelCoupon:
    """One merchant coupon. What it takes off is known of NORMAL ones only; customers pay nothing that WeChat shows."""
    key = read_coupon_key(wire, openid)
    status = parse_coupon_status(wire, now)
    rule = read_part(wire, "coupon_use_rule", "")
    fixed = read_part(rule, "fixed_normal_coupon", "coupon_use_rule")
    amount = "coupon_use_rule.fixed_normal_coupon.discount_amount"
    return ChannelCoupon(
        reference=key.reference,
        handle=key.write_handle(),
        kind=KIND_BY_STOCK_TYPE.get(str(wire.get("stock_type")), CouponKind.UNRECOGNISED),
        title=read_text(wire.get("stock_name"), "stock_name"),
        status=status,
        face_value=read_fen(fixed.get("discount_amount"), amount),
        valid_from=read_rfc3339(wire.get("available_start_time"), "available_start_time"),
        valid_until=read_rfc3339(wire.get("expire_time"), "expire_time"),
        times_remaining=0 if status is CouponStatus.REDEEMED else 1,
        raw=_keep_raw(wire),
    )


def read_coupon_key(wire: MerchantCoupon, openid: str) -> CouponKey:
    """What names this coupon; the answer does not repeat whose it is."""
    return CouponKey(
        read_id(wire.get("coupon_code"), "coupon_code"), read_id(wire.get("stock_id"), "stock_id"), openid
    )


def parse_coupon_status(wire: MerchantCoupon, now: datetime) -> CouponStatus:
    """The coupon's state at `now`: its word, then its dates."""
    starts = read_rfc3339(wire.get("available_start_time"), "available_start_time")
    ends = read_rfc3339(wire.get("expire_time"), "expire_time")
    state = STATUS_BY_STATE.get(str(wire.get("coupon_state")), CouponStatus.UNRECOGNISED)
    return _place_in_time(state, starts, ends, now)


def parse_coupon_state(wire: MerchantCoupon, key: CouponKey, now: datetime) -> CouponState:
    """What the coupon query says of `key`. Raises ProtocolFailure where it speaks of another."""
    if read_coupon_key(wire, key.openid) != key:
        raise ProtocolFailure("the answer is not about the coupon asked for", path="coupon_code")
    status = parse_coupon_status(wire, now)
    uses: tuple[PlatformUse, ...] = ()
    if status is CouponStatus.REDEEMED:
        number = read_text(wire.get("use_request_no"), "use_request_no")
        used_at = read_rfc3339(wire.get("use_time"), "use_time")
        uses = (PlatformUse(number or None, used_at, number or None),)
    return CouponState(key.reference, status, uses, _keep_raw(wire))


def parse_use(wire: Mapping[str, Any], token: str, key: CouponKey) -> Redeemed:
    """A use of `key` that WeChat Pay confirms. Raises ProtocolFailure where it confirms something else."""
    if read_id(wire.get("stock_id"), "stock_id") != key.stock_id:
        raise ProtocolFailure("the answer is not about the coupon that was sent", path="stock_id")
    used_at = read_rfc3339(wire.get("wechatpay_use_time"), "wechatpay_use_time")
    if used_at is None:
        raise ProtocolFailure("a use without a time", path="wechatpay_use_time")
    return Redeemed(key.reference, (Receipt(token, used_at),))


# --------------------------------------------------------------------------------------------------------- both
def refuse_by_status(status: CouponStatus) -> Refusal | None:
    """Why a coupon in this state cannot be used, None where it can."""
    return REFUSAL_BY_STATUS.get(status)


def _place_in_time(
    status: CouponStatus, starts: datetime | None, ends: datetime | None, now: datetime
) -> CouponStatus:
    if status is not CouponStatus.AVAILABLE:
        return status
    if ends and now > ends:
        return CouponStatus.EXPIRED
    return CouponStatus.NOT_YET_VALID if starts and now < starts else status


def clean_message(text: object) -> str | None:
    """The platform's own words without request ids and without long numbers, which may be codes or phones."""
    if not isinstance(text, str) or not text:
        return None
    return _LONG_NUMBER.sub("…", _REQUEST_ID.sub("", text))[:200] or None


def _keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if key not in _PERSONAL}


def read_text(value: object, path: str) -> str:
    """A text, empty where it is null or missing. Raises ProtocolFailure for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProtocolFailure("not a text", path=path)
    return value


def read_seconds(value: object, path: str) -> datetime | None:
    """A time stamp in seconds; 0 and null are none. Raises ProtocolFailure for others."""
    number = read_number(value, path)
    if not number:
        return None
    try:
        return from_epoch(number)
    except (OverflowError, OSError, ValueError):
        raise ProtocolFailure("not a time", path=path) from None


def read_rfc3339(value: object, path: str) -> datetime | None:
    """A time such as 2026-03-01T10:00:05+08:00; empty and null are none. Raises ProtocolFailure for others."""
    text = read_text(value, path)
    if not text:
        return None
    try:
        return to_utc(datetime.fromisoformat(text))
    except (OverflowError, ValueError):
        raise ProtocolFailure("not a time with an offset", path=path) from None
