"""Answers of general services (businessId 58) → core's values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from adapters.meituan.parse import Handle, find_refusal, share_receipts
from adapters.meituan.tables import (
    CARD_BIZ_TYPES,
    KIND_BY_BIZ_TYPE,
    MOST_PER_CALL,
    PAID_BY_CUSTOMER,
    REFUNDED_RECORD,
    STANDING_RECORDS,
    THIRD_PARTY,
)
from adapters.meituan.values import (
    check_code,
    keep_raw,
    read_count,
    read_time,
)
from adapters.meituan.wire import ConsumeRecord, Envelope, Receipt
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
)
from core.channels.wire import (
    read_id,
    read_number,
    read_rows,
    read_yuan,
)


# ---------------------------------------------------------------------------------------------------- coupons
def parse_receipts(data: Mapping[str, Any], code: str, now: datetime) -> tuple[ChannelCoupon, ...]:
    """The coupons of a prepare answer: one card, or the scanned coupon and those sold with it."""
    wire = cast(Receipt, data)
    check_code(wire.get("receiptCode"), code, "data.receiptCode")
    count = read_count(wire.get("count"), "data.count")
    if not count:
        return ()
    if is_card(wire):
        return (_parse_card(wire, code, count, now),)
    count = min(count, MOST_PER_CALL)
    first = _parse_receipt(wire, Handle(code, _read_deal(wire), 1, count), now)
    handles = [Handle(code, _read_deal(wire), place, count) for place in range(1, count + 1)]
    return tuple(replace(first, reference=each.reference, handle=each.pack()) for each in handles)


def is_card(wire: Receipt | ConsumeRecord) -> bool:
    """Whether the code is a card with several uses."""
    biz_type = read_number(wire.get("bizType"), "data.bizType")
    return wire.get("tgTimesCardFlag") is True or biz_type in CARD_BIZ_TYPES


def _parse_card(wire: Receipt, code: str, count: int, now: datetime) -> ChannelCoupon:
    total = read_count(wire.get("purchaseToConsumeRatio") or count, "data.purchaseToConsumeRatio")
    coupon = _parse_receipt(wire, Handle(code, _read_deal(wire)), now)
    fresh = total <= count or coupon.status is not CouponStatus.AVAILABLE
    return replace(
        coupon,
        kind=CouponKind.TIMES_CARD,
        status=coupon.status if fresh else CouponStatus.PARTLY_REDEEMED,
        times_total=max(total, count),
        times_remaining=count,
    )


def _parse_receipt(wire: Receipt, handle: Handle, now: datetime) -> ChannelCoupon:
    biz_type = read_number(wire.get("bizType"), "data.bizType")
    ends = read_time(wire.get("receiptEndDate"), "data.receiptEndDate")
    face_value, paid_amount = read_amounts(wire)
    return ChannelCoupon(
        reference=handle.reference,
        handle=handle.pack(),
        kind=KIND_BY_BIZ_TYPE.get(-1 if biz_type is None else biz_type, CouponKind.UNRECOGNISED),
        title=str(wire.get("dealTitle") or ""),
        status=CouponStatus.EXPIRED if ends and now > ends else CouponStatus.AVAILABLE,
        face_value=face_value,
        paid_amount=paid_amount,
        valid_until=ends,
        raw=keep_raw(wire),
    )


def _read_deal(wire: Receipt) -> str:
    return read_id(wire.get("dealId"), "data.dealId")


def read_amounts(wire: Receipt) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` in fen: `dealMarketPrice`, and the coupon's share of what was paid.

    Payments are those of the whole order, whose size is told nowhere. They are shared out only where they add up
    to whole coupons: with the discounts listed beside them, or else with the two subsidies.
    """
    face_value = read_yuan(wire.get("dealMarketPrice"), "data.dealMarketPrice")
    price = read_yuan(wire.get("dealPrice"), "data.dealPrice")
    paid, discounts = _read_payments(wire)
    total = paid + (discounts or _read_subsidies(wire))
    size = total // price if price else 0
    if not (price and size and wire.get("paymentDetail")) or size * price != total or paid % size:
        return face_value, None
    return face_value, paid // size


def _read_payments(wire: Receipt) -> tuple[int, int]:
    """What the customer paid for the whole order, and what was taken off, in fen."""
    paid = discounts = 0
    for row in read_rows(wire, "paymentDetail", "data"):
        amount = read_yuan(row.get("amount"), "data.paymentDetail.amount") or 0
        if read_number(row.get("amountType"), "data.paymentDetail.amountType") == PAID_BY_CUSTOMER:
            paid += amount
        else:
            discounts += amount
    return paid, discounts


def _read_subsidies(wire: Receipt) -> int:
    platform = read_yuan(wire.get("platformAmount"), "data.platformAmount")
    return (platform or 0) + (read_yuan(wire.get("merchantAmount"), "data.merchantAmount") or 0)


# ------------------------------------------------------------------------------------------------------- uses
def parse_records(
    records: Sequence[ConsumeRecord], code: str, handle: Handle, status: CouponStatus
) -> CouponState:
    """What lists of uses say of one code of the handle's order. Raises ProtocolFailure where they show no use."""
    standing = [record for record in records if record.get("receiptCode") == code and _stands(record)]
    standing.sort(key=lambda record: _read_use_time(record) or datetime.max.replace(tzinfo=UTC))
    names = name_uses(standing)
    uses = tuple(
        PlatformUse(
            receipt=name,
            used_at=_read_use_time(record),
            by_merchant_api=True if record.get("verifyChannel") == THIRD_PARTY else None,
        )
        for name, record in zip(names, standing, strict=True)
    )
    if not uses:
        raise ProtocolFailure("the list does not show the use of a used code", path="data.records")
    refunded = any(record.get("refundStatus") == REFUNDED_RECORD for record in standing)
    shown = CouponStatus.REFUNDED if refunded else status
    return CouponState(handle.reference, shown, uses, keep_raw(standing[-1]))


def _stands(record: ConsumeRecord) -> bool:
    status = read_number(record.get("refundStatus"), "data.records.refundStatus")
    return status is None or status in STANDING_RECORDS


def _read_use_time(record: ConsumeRecord) -> datetime | None:
    return read_time(record.get("verifyTime"), "data.records.verifyTime")


def name_uses(rows: Sequence[Receipt | ConsumeRecord]) -> list[str]:
    """The receipts of uses: code and `flowId`, which one call may give to several codes (INFERRED).

    A row without `flowId` is named by its code alone. Equal names are numbered.
    """
    seen: Counter[str] = Counter()
    names = []
    for row in rows:
        code = read_id(row.get("receiptCode"), "data.receiptCode")
        flow = "" if row.get("flowId") in (None, "") else read_id(row["flowId"], "data.flowId")
        name = f"{code}/{flow}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}+{seen[name]}")
    return names


def complete_receipts(receipts: Sequence[str], handle: Handle) -> list[str]:
    """The receipts with their codes. Version 0.1 left the scanned one's out."""
    return [receipt if "/" in receipt else f"{handle.code}/{receipt}" for receipt in receipts]


def parse_consumed(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime, reversible_until: datetime
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item of the order. Raises ProtocolFailure where one is left open."""
    if refused := find_refusal(envelope, attempt=order.attempt):
        return [RedeemRefused(item.reference, refused) for item in order.items]
    rows = cast(Sequence[Receipt], read_rows(envelope["data"], "result", "data"))
    scanned = Handle.unpack(order.items[0].handle).code
    # Other coupons of the order may come first; the scanned code belongs to the first item.
    own_first = sorted(rows, key=lambda row: row.get("receiptCode") != scanned)
    return share_receipts(name_uses(own_first), order, answered_at, reversible_until)
