"""Coupons in the ledger: remembering what a channel showed, and reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core.channels.contract import ChannelCoupon, CouponKind, CouponStatus, Scanned
from core.coupons.sealed import bind_row
from core.coupons.values import CouponView, coupon_id
from core.db.statements import Write, as_optional_instant, as_optional_uuid, as_uuid
from core.keys import KeyRing


def fingerprint_code(keys: KeyRing, scanned: Scanned) -> str:
    """By which a presented code is found again. A link is taken as it came, a code without blanks and case."""
    return keys.fingerprint("coupon code", scanned.text if scanned.link else scanned.code)


def _tail(coupon: ChannelCoupon, scanned: Scanned) -> str:
    """What people compare by: the end of a link says nothing, that of the certificate's number does."""
    return (coupon.reference if scanned.link else scanned.code)[-4:]


def open_handle(keys: KeyRing, tenant_id: UUID, id_: UUID, sealed: bytes) -> str:
    return keys.open(sealed, *bind_row(tenant_id, "coupon", id_)).decode()


def upsert_coupon(
    keys: KeyRing,
    tenant_id: UUID,
    account_id: UUID | None,
    channel: str,
    coupon: ChannelCoupon,
    scanned: Scanned,
    now: datetime,
) -> Write:
    """Remembers the coupon as the channel shows it now."""
    id_ = coupon_id(tenant_id, account_id, channel, coupon.reference)
    return Write(
        "INSERT INTO coupon (id, tenant_id, created_at, account_id, channel, reference, handle_sealed, code_fingerprint,"
        " code_tail, kind, title, status, face_value, paid_amount, valid_from, valid_until, times_total, times_remaining,"
        " seen_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$3)"
        " ON CONFLICT (id) DO UPDATE SET handle_sealed=excluded.handle_sealed, code_fingerprint=excluded.code_fingerprint,"
        " code_tail=excluded.code_tail, title=excluded.title, status=excluded.status, face_value=excluded.face_value,"
        " paid_amount=excluded.paid_amount, valid_from=excluded.valid_from, valid_until=excluded.valid_until,"
        " times_total=excluded.times_total, times_remaining=excluded.times_remaining, seen_at=excluded.seen_at",
        (
            id_, tenant_id, now, account_id, channel, coupon.reference,
            keys.seal(coupon.handle.encode(), *bind_row(tenant_id, "coupon", id_)), fingerprint_code(keys, scanned),
            _tail(coupon, scanned), coupon.kind.value, coupon.title[:200], coupon.status.value, coupon.face_value,
            coupon.paid_amount, coupon.valid_from, coupon.valid_until, coupon.times_total, coupon.times_remaining,
        ),
    )  # fmt: skip


def count_uses(tenant_id: UUID, id_: UUID, times: int) -> Write:
    """The coupon after `times` more uses; after fewer, where `times` is below 0."""
    left = (
        "(CASE WHEN times_remaining < $1 THEN 0 WHEN times_remaining - $1 > times_total THEN times_total"
        " ELSE times_remaining - $1 END)"
    )
    return Write(
        f"UPDATE coupon SET times_remaining={left}, status=CASE WHEN {left} = 0 THEN 'REDEEMED'"
        f" WHEN {left} < times_total THEN 'PARTLY_REDEEMED' ELSE 'AVAILABLE' END WHERE tenant_id=$2 AND id=$3",
        (times, tenant_id, id_),
    )


def view_presented(
    tenant_id: UUID, account_id: UUID | None, channel: str, coupon: ChannelCoupon, scanned: Scanned
) -> CouponView:
    """The coupon for whoever just presented its code."""
    return CouponView(
        id=coupon_id(tenant_id, account_id, channel, coupon.reference),
        channel=channel,
        account_id=account_id,
        code=scanned.text,
        kind=coupon.kind,
        title=coupon.title,
        status=coupon.status,
        face_value=coupon.face_value,
        paid_amount=coupon.paid_amount,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        times_total=coupon.times_total,
        times_remaining=coupon.times_remaining,
        reference=coupon.reference,
    )


def view_row(row: Mapping[str, Any]) -> CouponView:
    """The coupon for everybody else: the last four characters of its code."""
    return CouponView(
        id=as_uuid(row["id"]),
        channel=row["channel"],
        account_id=as_optional_uuid(row["account_id"]),
        code=row["code_tail"],
        kind=CouponKind(row["kind"]),
        title=row["title"],
        status=CouponStatus(row["status"]),
        face_value=row["face_value"],
        paid_amount=row["paid_amount"],
        valid_from=as_optional_instant(row["valid_from"]),
        valid_until=as_optional_instant(row["valid_until"]),
        times_total=row["times_total"],
        times_remaining=row["times_remaining"],
        reference=row["reference"],
    )
