"""Lists of a shop's uses by day, of both products → core's values. Pure.

Source: the official Go SDK, receipt/querylistbydate and coupon/queryListByDate, read 2025-10. What the customer paid
for a receipt of general services is in no list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from adapters.meituan.parse import find_refusal
from adapters.meituan.parse_catering import find_coupon_refusal, read_buy_price, read_face_value
from adapters.meituan.parse_general import is_card, name_uses
from adapters.meituan.tables import (
    LISTED_BIZ_TYPES,
    LONGEST_COUPON_PAGE,
    LONGEST_PAGE,
    REVERSED_BY_REFUND_STATUS,
    STATUS_BY_WORDS,
    THIRD_PARTY,
    VERIFIED_BY_API,
)
from adapters.meituan.values import (
    keep_raw,
    read_time,
)
from adapters.meituan.wire import ConsumeRecord, Coupon, Envelope
from core.channels.contract import CouponStatus, ProtocolFailure, RecordedUse, Refused
from core.channels.day_lists import DayLists, DayRows
from core.channels.wire import (
    CHINA,
    read_id,
    read_number,
    read_rows,
    read_yuan,
)

RECEIPT_LISTS = DayLists(CHINA, LONGEST_PAGE, len(LISTED_BIZ_TYPES))
COUPON_LISTS = DayLists(CHINA, LONGEST_COUPON_PAGE)
_RECORDS = "data.records"
_COUPONS = "data.couponCodes"


def _expect_list(refused: Refused | None) -> None:
    if refused is not None:
        code, words = refused.platform_code, refused.platform_message
        raise ProtocolFailure("Meituan lists no uses", platform_code=code, platform_message=words)


def _read_moment(value: object, path: str) -> datetime:
    moment = read_time(value, path)
    if moment is None:
        raise ProtocolFailure("a use without a time", path=path)
    return moment


# ------------------------------------------------------------------------------------------ general services (58)
def parse_listed_receipts(envelope: Envelope) -> DayRows:
    """A page of querylistbydate. Raises ProtocolFailure for a refusal, and where a use cannot be read."""
    _expect_list(find_refusal(envelope))
    rows = [cast(ConsumeRecord, row) for row in read_rows(envelope["data"], "records", "data")]
    uses = [_parse_record(wire, name) for wire, name in zip(rows, name_uses(rows), strict=True)]
    return DayRows(uses, read_number(envelope["data"].get("totalCount"), "data.totalCount"))


def _parse_record(wire: ConsumeRecord, name: str) -> RecordedUse | str:
    taken_back = _is_taken_back(wire)
    if taken_back and not wire.get("verifyTime"):
        return name
    channel = wire.get("verifyChannel")
    return RecordedUse(
        receipt=name,
        used_at=_read_moment(wire.get("verifyTime"), f"{_RECORDS}.verifyTime"),
        reference=read_id(wire.get("receiptCode"), f"{_RECORDS}.receiptCode"),
        # A card is listed at its whole price, which is not that of one use.
        face_value=None if is_card(wire) else _read_market_price(wire),
        reversed=taken_back,
        by_merchant_api=None if channel in (None, "") else str(channel) == THIRD_PARTY,
        raw=keep_raw(wire),
    )


def _is_taken_back(wire: ConsumeRecord) -> bool:
    status = read_number(wire.get("refundStatus"), f"{_RECORDS}.refundStatus")
    taken_back = False if status is None else REVERSED_BY_REFUND_STATUS.get(status)
    if taken_back is None:
        raise ProtocolFailure("an unlisted state of a use", path=f"{_RECORDS}.refundStatus")
    return taken_back


def _read_market_price(wire: Mapping[str, Any]) -> int | None:
    return read_yuan(wire.get("dealMarketPrice"), f"{_RECORDS}.dealMarketPrice")


# ---------------------------------------------------------------------------------------------------- catering (1)
def parse_listed_coupons(envelope: Envelope) -> DayRows:
    """A page of queryListByDate. Raises as `parse_listed_receipts`."""
    _expect_list(find_coupon_refusal(envelope))
    rows = read_rows(envelope["data"], "couponCodes", "data")
    uses = [_parse_coupon(cast(Coupon, row)) for row in rows]
    return DayRows(uses, read_number(envelope["data"].get("total"), "data.total"))


def _parse_coupon(wire: Coupon) -> RecordedUse | str:
    """One coupon of the list; its code is its receipt. A frozen or refunded one was used all the same."""
    status = STATUS_BY_WORDS.get(str(wire.get("couponStatusDesc")))
    if status is None:
        raise ProtocolFailure("an unlisted state of a use", path=f"{_COUPONS}.couponStatusDesc")
    code = read_id(wire.get("couponCode"), f"{_COUPONS}.couponCode")
    taken_back = status is CouponStatus.AVAILABLE
    if taken_back and not wire.get("couponUseTime"):
        return code
    return RecordedUse(
        receipt=code,
        used_at=_read_moment(wire.get("couponUseTime"), f"{_COUPONS}.couponUseTime"),
        reference=code,
        face_value=read_face_value(wire),
        paid_amount=read_buy_price(wire, 1),
        reversed=taken_back,
        by_merchant_api=True if wire.get("verifyType") == VERIFIED_BY_API else None,
        raw=keep_raw(wire),
    )
