"""Validators of what an adapter answers: the invariants of the contract's values, one function per value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    Found,
    LookUp,
    NotMine,
    Receipt,
    RecordedUse,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    UsePage,
    UseQuery,
)


def check_look_up(answer: LookUp) -> None:
    """A look-up answers Found with coupons, Refused with a reason, or NotMine."""
    if isinstance(answer, Found):
        assert answer.coupons, "Found needs at least one usable coupon"
        check_text(answer.order_reference, "order_reference", optional=True)
        check_text(answer.redeem_token, "redeem_token", optional=True)
        check_coupons(answer.coupons)
    elif isinstance(answer, Refused):
        check_refused(answer)
    else:
        assert isinstance(answer, NotMine), f"look_up answered {type(answer).__name__}"


def check_coupons(coupons: Sequence[ChannelCoupon]) -> None:
    references = [coupon.reference for coupon in coupons]
    assert len(set(references)) == len(references), "two coupons have one reference"
    for coupon in coupons:
        check_coupon(coupon)


def check_coupon(coupon: ChannelCoupon) -> None:
    check_text(coupon.reference, "reference")
    check_text(coupon.handle, "handle")
    assert isinstance(coupon.title, str), "title is no text"
    assert isinstance(coupon.kind, CouponKind), f"kind is {coupon.kind!r}"
    assert isinstance(coupon.status, CouponStatus), f"status is {coupon.status!r}"
    check_fen(coupon.face_value, "face_value")
    check_fen(coupon.paid_amount, "paid_amount")
    check_instant(coupon.valid_from, "valid_from")
    check_instant(coupon.valid_until, "valid_until")
    check_times(coupon)


def check_times(coupon: ChannelCoupon) -> None:
    counts = (coupon.times_total, coupon.times_remaining)
    assert all(type(count) is int for count in counts), f"times are {counts!r}"
    assert 0 <= coupon.times_remaining <= coupon.times_total >= 1, f"times are {counts!r}"


def check_raw(raw: Any, owner: str) -> None:
    assert raw, f"{owner} keeps no raw document of the platform"
    orjson.dumps(dict(raw))


def check_refused(refused: Refused) -> None:
    assert isinstance(refused.reason, Refusal), f"reason is {refused.reason!r}"
    check_text(refused.platform_code, "platform_code", optional=True)
    check_text(refused.platform_message, "platform_message", optional=True)
    check_instant(refused.redeemed_at, "redeemed_at")
    check_coupons(refused.coupons)


def check_outcomes(order: RedeemOrder, outcomes: Sequence[Redeemed | RedeemRefused]) -> None:
    """One answer per item, about the items asked for and no others; one receipt per use."""
    asked = Counter(item.reference for item in order.items)
    answered = Counter(outcome.reference for outcome in outcomes)
    assert answered == asked, f"asked for {len(asked)} coupons, answered for others or not for all"
    times = {item.reference: item.times for item in order.items}
    for outcome in outcomes:
        if isinstance(outcome, Redeemed):
            check_redeemed(outcome, times[outcome.reference])
        else:
            assert isinstance(outcome, RedeemRefused), f"redeem answered {type(outcome).__name__}"
            check_refused(outcome.refusal)


def check_redeemed(redeemed: Redeemed, times: int) -> None:
    receipts = [receipt.reference for receipt in redeemed.receipts]
    assert len(set(receipts)) == times, (
        f"{times} uses need {times} receipts of their own, not {len(set(receipts))}"
    )
    check_instant(redeemed.reversible_until, "reversible_until")
    for receipt in redeemed.receipts:
        check_receipt(receipt)


def check_receipt(receipt: Receipt) -> None:
    check_text(receipt.reference, "receipt")
    check_fen(receipt.face_value, "face_value of the receipt")
    check_fen(receipt.paid_amount, "paid_amount of the receipt")
    check_instant(receipt.redeemed_at, "redeemed_at")


def check_state(state: CouponState) -> None:
    check_text(state.reference, "reference")
    assert isinstance(state.status, CouponStatus), f"status is {state.status!r}"
    for use in state.uses:
        check_text(use.receipt, "receipt of a use", optional=True)
        check_instant(use.used_at, "used_at")
        check_text(use.token, "token of a use", optional=True)


def check_page(page: UsePage, query: UseQuery) -> None:
    assert isinstance(page, UsePage), f"list_uses answered {type(page).__name__}"
    check_text(page.next_cursor, "next_cursor", optional=True)
    for use in page.uses:
        check_use(use)
        assert query.since <= use.used_at < query.until, f"a use of {use.used_at} lies outside of the window"


def check_use(use: RecordedUse) -> None:
    check_text(use.receipt, "receipt")
    check_text(use.reference, "reference of a use", optional=True)
    check_text(use.external_store_id, "external_store_id", optional=True)
    assert use.used_at is not None, "a use without a time is of no day"
    check_instant(use.used_at, "used_at")
    for name in ("face_value", "paid_amount", "payout", "fee"):
        check_fen(getattr(use, name), name)
    assert isinstance(use.reversed, bool), f"reversed is {use.reversed!r}"


def check_text(value: Any, name: str, *, optional: bool = False) -> None:
    allowed = value is None if optional else False
    assert allowed or (isinstance(value, str) and value), f"{name} is {type(value).__name__}, not a text"


def check_fen(value: Any, name: str) -> None:
    assert value is None or (type(value) is int and value >= 0), f"{name} is {value!r}: money is integer fen"


def check_instant(value: Any, name: str) -> None:
    if value is None:
        return
    assert isinstance(value, datetime), f"{name} is {value!r}, not a datetime"
    assert value.tzinfo is not None, f"{name} is naive"
    assert value.utcoffset() == timedelta(0), f"{name} is not in UTC"


def check_near(value: datetime, now: datetime, name: str) -> None:
    """`value` is within five minutes of `now`: catches milliseconds read as seconds and local time as UTC."""
    assert abs(value - now.astimezone(UTC)) < timedelta(minutes=5), f"{name} is {value}, but it is {now}"
