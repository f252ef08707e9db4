"""Why a code is refused, as exactly as the ledger and the platform can tell together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.channels.contract import (
    ChannelFailure,
    CouponStatus,
    Refusal,
    Refused,
    Scanned,
    StatusBy,
    StatusQuery,
)
from core.coupons.coupon_rows import fingerprint_code, open_handle
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.probing import Asked
from core.coupons.values import CouponProblem
from core.db.statements import as_optional_instant, as_uuid, fetch_row, fetch_rows
from core.runtime import Runtime

REFUSAL_BY_STATUS: Mapping[CouponStatus, Refusal] = {
    CouponStatus.NOT_YET_VALID: Refusal.NOT_YET_VALID,
    CouponStatus.LOCKED: Refusal.LOCKED,
    CouponStatus.REDEEMED: Refusal.ALREADY_REDEEMED,
    CouponStatus.EXPIRED: Refusal.EXPIRED,
    CouponStatus.REFUNDED: Refusal.REFUNDED,
    CouponStatus.CANCELLED: Refusal.CANCELLED,
}
_LIVING = "('SUCCEEDED','REVERSING','NEEDS_ATTENTION')"


async def describe_refusal(saga: Saga, leg: LegRow, redemption: RedemptionRow) -> CouponProblem:
    """The problem of a redemption that its platform declined; the ledger knows when and where a coupon was used."""
    code = Refusal(redemption.decline_code or Refusal.REFUSED_BY_CHANNEL)
    field = ("codes", str(leg.input_index))
    living = None
    if code is Refusal.ALREADY_REDEEMED:
        living = await find_living(saga.tenant_id, [redemption.coupon_id])
    return _problem(code, field, leg.channel, redemption.channel_code, living)


async def describe_asked(
    runtime: Runtime,
    tenant_id: UUID,
    scanned: Scanned,
    field: tuple[str, ...],
    asked: Sequence[Asked],
    code: Refusal,
) -> CouponProblem:
    """The problem of a code that cannot be used. A refusal that may mean several things is looked at more closely."""
    refused = next((each for each in asked if isinstance(each.answer, Refused)), None)
    if refused is None or not isinstance(refused.answer, Refused) or code is not refused.answer.reason:
        return CouponProblem(code, field, _sole_channel(asked, code))
    answer, channel = refused.answer, refused.candidate.channel.code
    if code is not Refusal.ALREADY_REDEEMED:
        return CouponProblem(code, field, channel, answer.platform_code, answer.redeemed_at)
    known = await _known_coupons(runtime, tenant_id, channel, scanned)
    living = await find_living(tenant_id, [as_uuid(row["id"]) for row in known])
    if living is None and answer.vague:
        code = await _look_closer(runtime, refused, scanned, known)
    if code is not Refusal.ALREADY_REDEEMED:
        return CouponProblem(code, field, channel, answer.platform_code)
    problem = _problem(code, field, channel, answer.platform_code, living)
    if problem.redeemed_at is None and answer.redeemed_at is not None:
        return CouponProblem(code, field, channel, answer.platform_code, answer.redeemed_at)
    return problem


async def find_living(tenant_id: UUID, coupon_ids: Sequence[UUID]) -> dict[str, Any] | None:
    """When, where and for whom one of the coupons was last redeemed, by our own ledger."""
    for coupon_id in coupon_ids:
        row = await fetch_row(
            "SELECT redeemed_at, store_id, customer_id FROM redemption WHERE tenant_id=$1 AND coupon_id=$2"
            f" AND status IN {_LIVING} ORDER BY id DESC LIMIT 1",
            tenant_id, coupon_id,
        )  # fmt: skip
        if row is not None:
            return row
    return None


async def _known_coupons(
    runtime: Runtime, tenant_id: UUID, channel: str, scanned: Scanned
) -> list[dict[str, Any]]:
    return await fetch_rows(
        "SELECT id, status, reference, handle_sealed FROM coupon WHERE tenant_id=$1 AND code_fingerprint=$2 AND channel=$3"
        " ORDER BY id LIMIT 20",
        tenant_id, fingerprint_code(runtime.keys, scanned), channel,
    )  # fmt: skip


async def _look_closer(
    runtime: Runtime, refused: Asked, scanned: Scanned, known: Sequence[Mapping[str, Any]]
) -> Refusal:
    """The coupon's own state where we have seen it before; else what the platform's vague word most often means."""
    bound, coupons = refused.candidate.bound, refused.candidate.channel.coupons
    status_by = refused.behaviour.status_by if refused.behaviour else StatusBy.NONE
    if not known or bound is None or coupons is None or status_by is StatusBy.NONE:
        return Refusal.ALREADY_REDEEMED
    row = known[0]
    try:
        async with asyncio.timeout(runtime.settings.probe_seconds):
            session = await runtime.accounts.open_session(bound)
            handle = open_handle(
                runtime.keys, session.tenant_id, as_uuid(row["id"]), bytes(row["handle_sealed"])
            )
            state = await coupons.status(session, StatusQuery(row["reference"], handle, scanned.code))
    except (ChannelFailure, TimeoutError):
        return REFUSAL_BY_STATUS.get(CouponStatus(row["status"]), Refusal.ALREADY_REDEEMED)
    return REFUSAL_BY_STATUS.get(state.status, Refusal.ALREADY_REDEEMED)


def _sole_channel(asked: Sequence[Asked], code: Refusal) -> str | None:
    """The channel to name: the one that is down or not connected, if it is but one."""
    if code not in {Refusal.CHANNEL_UNAVAILABLE, Refusal.CHANNEL_NOT_CONNECTED}:
        return None
    silent = {each.candidate.channel.code for each in asked if each.probe.reason is code}
    return silent.pop() if len(silent) == 1 else None


def _problem(
    code: Refusal,
    field: tuple[str, ...],
    channel: str,
    channel_code: str | None,
    living: Mapping[str, Any] | None,
) -> CouponProblem:
    if living is None:
        return CouponProblem(code, field, channel, channel_code)
    redeemed_at, store_id = as_optional_instant(living["redeemed_at"]), as_uuid(living["store_id"])
    return CouponProblem(code, field, channel, channel_code, redeemed_at, store_id)
