"""Answers of catering (businessId 1) → core's values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from adapters.meituan.parse import RESULT, Handle, find_refusal, share_receipts
from adapters.meituan.tables import MOST_PER_CALL, REFUSAL_BY_WORDS, STATUS_BY_WORDS, SUCCESS, UNKNOWN_PRICE
from adapters.meituan.values import (
    check_code,
    keep_raw,
    read_count,
    read_time,
)
from adapters.meituan.wire import Coupon, Envelope
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
)
from core.channels.wire import (
    read_id,
    read_list,
    read_number,
    read_yuan,
)


def find_coupon_refusal(
    envelope: Envelope, words: Mapping[str, Refusal] = REFUSAL_BY_WORDS, attempt: int = 1
) -> Refused | None:
    """As `find_refusal`. Catering refuses by a `data.result` other than 0 below a success too."""
    data = envelope["data"]
    result = read_number(data.get("result"), "data.result") if envelope["code"] == SUCCESS else 0
    if not result:
        return find_refusal(envelope, words, attempt)
    message = data.get("message")
    said = message if isinstance(message, str) else ""
    return find_refusal({"code": f"{RESULT}{result}", "msg": said, "data": data}, words, attempt)


def parse_coupons(data: Mapping[str, Any], code: str, now: datetime) -> tuple[ChannelCoupon, ...]:
    """The coupons of an msprepare answer: the scanned one and those sold with it."""
    wire = cast(Coupon, data)
    check_code(wire.get("couponCode"), code, "data.couponCode")
    count = min(read_count(wire.get("count"), "data.count"), MOST_PER_CALL)
    deal_id = read_id(wire.get("dealId"), "data.dealId")
    starts = read_time(wire.get("dealBeginTime"), "data.dealBeginTime")
    ends = read_time(wire.get("couponEndTime"), "data.couponEndTime", end_of_day=True)
    first = ChannelCoupon(
        reference=code,
        handle=code,
        kind=CouponKind.CASH_VOUCHER if _is_voucher(wire) else CouponKind.SET_MEAL,
        title=str(wire.get("dealTitle") or ""),
        status=_read_validity(starts, ends, now),
        face_value=read_face_value(wire),
        paid_amount=read_buy_price(wire, count),
        valid_from=starts,
        valid_until=ends,
        raw=keep_raw(wire),
    )
    handles = [Handle(code, deal_id, place, count) for place in range(1, count + 1)]
    return tuple(replace(first, reference=each.reference, handle=each.pack()) for each in handles)


def _read_validity(starts: datetime | None, ends: datetime | None, now: datetime) -> CouponStatus:
    if ends and now > ends:
        return CouponStatus.EXPIRED
    return CouponStatus.NOT_YET_VALID if starts and now < starts else CouponStatus.AVAILABLE


def _is_voucher(wire: Coupon) -> bool:
    return wire.get("vourcher") is True or wire.get("isVoucher") is True


def read_face_value(wire: Coupon) -> int | None:
    """What one coupon is listed at, in fen."""
    # Deals of many pieces (volume 1) are listed as a whole, and one coupon is one piece: INFERRED.
    key = "singleValue" if wire.get("volume") == 1 and wire.get("singleValue") is not None else "dealValue"
    return read_yuan(wire.get(key), f"data.{key}")


def read_buy_price(wire: Coupon, count: int) -> int | None:
    """`couponBuyPrice`, which is right for a single coupon only, and -1 where Meituan does not know it."""
    value = wire.get("couponBuyPrice")
    if count != 1 or (isinstance(value, int | float) and value == UNKNOWN_PRICE) or value == "-1":
        return None
    return read_yuan(value, "data.couponBuyPrice")


def parse_coupon_state(data: Mapping[str, Any], reference: str, code: str) -> CouponState:
    """What queryById says of one code. Raises ProtocolFailure where it tells no state."""
    wire = cast(Coupon, data)
    check_code(wire.get("couponCode"), code, "data.couponCode")
    status = STATUS_BY_WORDS.get(str(wire.get("couponStatusDesc")), CouponStatus.UNRECOGNISED)
    used_at = read_time(wire.get("couponUseTime"), "data.couponUseTime")
    if status is CouponStatus.UNRECOGNISED and used_at is None:
        raise ProtocolFailure("an unlisted state", path="data.couponStatusDesc")
    used = status is CouponStatus.REDEEMED or (used_at and status is not CouponStatus.AVAILABLE)
    uses = (PlatformUse(receipt=code, used_at=used_at),) if used else ()
    return CouponState(reference, status, uses, keep_raw(wire))


def parse_ms_consumed(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item of the order. Raises ProtocolFailure where one is left open."""
    if refused := find_coupon_refusal(envelope, attempt=order.attempt):
        return [RedeemRefused(item.reference, refused) for item in order.items]
    scanned = Handle.unpack(order.items[0].handle).code
    codes = [read_id(each, "data.couponCodes") for each in read_list(envelope["data"], "couponCodes", "data")]
    own_first = sorted(codes, key=lambda code: code != scanned)
    return share_receipts(own_first, order, answered_at, None)
