"""The intent of a basket: the rows that are committed before anything is sent, and what to do if a coupon is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.channels.contract import RedeemItem, RedeemOrder, Refusal
from core.coupons.basket import Chosen, PlannedLeg
from core.coupons.coupon_rows import upsert_coupon
from core.coupons.journal import Claim, LegRow, RedemptionRow, Saga
from core.coupons.states import LegStatus
from core.coupons.values import CouponProblem, RedemptionStatus
from core.coupons.waiting import wait_for_end
from core.db.statements import Write, as_optional_instant, as_uuid, fetch_rows
from core.ids import new_id
from core.runtime import Runtime

_IN_FLIGHT = frozenset({RedemptionStatus.PENDING, RedemptionStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Intent:
    saga: Saga
    coupons: tuple[Write, ...]
    claims: tuple[Claim, ...]


async def build_intent(runtime: Runtime, saga: Saga, legs: Sequence[PlannedLeg]) -> Intent:
    """Rows for the legs, the first of them as SENT: its INTENT and its SENT share one commit."""
    now = saga.created_at
    coupons: dict[UUID, Write] = {}
    claims: list[Claim] = []
    for position, planned in enumerate(legs):
        leg = _build_leg(planned, position, now)
        saga.legs.append(leg)
        for chosen in planned.chosen:
            redemption = _build_redemption(leg, chosen, now)
            saga.redemptions.append(redemption)
            coupons[chosen.id] = _remember(runtime, saga, planned, chosen)
            claims += await _claim_uses(saga, planned, chosen, redemption)
    # Sorted, so that two baskets with the same coupons meet at the first of them and not crosswise.
    claims.sort(key=lambda claim: (str(claim.account_id), claim.coupon_key, claim.use_number))
    return Intent(saga, tuple(coupons[id_] for id_ in sorted(coupons)), tuple(claims))


def _build_leg(planned: PlannedLeg, position: int, now: datetime) -> LegRow:
    id_ = new_id()
    token = planned.token or str(id_)
    items = tuple(
        RedeemItem(
            each.coupon.reference,
            each.coupon.handle,
            each.times,
            each.coupon.times_total - each.coupon.times_remaining,
        )
        for each in planned.chosen
    )
    first = position == 0
    return LegRow(
        id=id_,
        position=position,
        input_index=planned.chosen[0].index,
        account_id=planned.bound.account_id,
        channel=planned.bound.channel.code,
        external_store_id=planned.bound.external_store_id,
        status=LegStatus.SENT if first else LegStatus.INTENT,
        token=token,
        order=RedeemOrder(token, items, planned.scanned.text, planned.order_reference, at=now),
        attempts=1 if first else 0,
        sent_at=now if first else None,
        may_send=first,
        behaviour=planned.behaviour,
    )


def _build_redemption(leg: LegRow, chosen: Chosen, now: datetime) -> RedemptionRow:
    return RedemptionRow(
        id=new_id(),
        leg_id=leg.id,
        coupon_id=chosen.id,
        reference=chosen.coupon.reference,
        status=RedemptionStatus.PENDING,
        times=chosen.times,
        discount=chosen.discount,
        paid_amount=chosen.paid,
        created_at=now,
    )


def _remember(runtime: Runtime, saga: Saga, planned: PlannedLeg, chosen: Chosen) -> Write:
    bound = planned.bound
    return upsert_coupon(
        runtime.keys,
        saga.tenant_id,
        bound.account_id,
        bound.channel.code,
        chosen.coupon,
        planned.scanned,
        saga.created_at,
    )


async def _claim_uses(
    saga: Saga, planned: PlannedLeg, chosen: Chosen, redemption: RedemptionRow
) -> list[Claim]:
    """The lowest free use numbers. A use in flight keeps its number and blocks the next: see `wait_for_winner`."""
    account_id, key = planned.bound.account_id, _coupon_key(planned, chosen)
    if chosen.coupon.times_total == 1:
        return [Claim(redemption.id, account_id, key, 1)]
    held = await _read_holders(saga.tenant_id, account_id, key)
    settled = {row["use_number"] for row in held if RedemptionStatus(row["status"]) not in _IN_FLIGHT}
    free = [number for number in range(1, chosen.coupon.times_total + 1) if number not in settled]
    # Where the ledger knows of more uses than the platform, a settled number is taken, and the database refuses it.
    numbers = [*free, *sorted(settled)][: chosen.times]
    return [Claim(redemption.id, account_id, key, number) for number in numbers]


def _coupon_key(planned: PlannedLeg, chosen: Chosen) -> str:
    # House coupons share the null account; their references are unique by themselves.
    return (
        chosen.coupon.reference
        if planned.bound.account_id
        else f"{planned.bound.channel.code}:{chosen.coupon.reference}"
    )


async def _read_holders(tenant_id: UUID, account_id: UUID | None, key: str) -> list[dict[str, Any]]:
    """Who holds the uses of a coupon, and how it stands with them."""
    account = "c.account_id IS NULL" if account_id is None else "c.account_id=$3"
    values = (tenant_id, key) if account_id is None else (tenant_id, key, account_id)
    return await fetch_rows(
        "SELECT c.use_number, c.request_id, r.status, r.redeemed_at, r.store_id FROM redemption_claim c JOIN redemption r"
        " ON r.tenant_id=c.tenant_id AND r.id=c.redemption_id"
        f" WHERE c.tenant_id=$1 AND c.coupon_key=$2 AND {account} ORDER BY c.use_number",
        *values,
    )


async def wait_for_winner(
    runtime: Runtime, intent: Intent, deadline: float
) -> tuple[CouponProblem, ...] | None:
    """Waits for whoever holds one of our coupons. None: it is free again (or a card has another use); plan anew."""
    for claim in intent.claims:
        for holder in await _read_holders(intent.saga.tenant_id, claim.account_id, claim.coupon_key):
            if holder["use_number"] != claim.use_number:
                continue
            in_flight = RedemptionStatus(holder["status"]) in _IN_FLIGHT
            if in_flight:
                ended = await wait_for_end(intent.saga.tenant_id, as_uuid(holder["request_id"]), deadline)
                if ended.answer is None:
                    return (_problem(intent, claim, Refusal.LOCKED),)
                return None
            return (_problem(intent, claim, Refusal.ALREADY_REDEEMED, holder),)
    return None


def _problem(
    intent: Intent, claim: Claim, code: Refusal, holder: dict[str, Any] | None = None
) -> CouponProblem:
    redemption = next(each for each in intent.saga.redemptions if each.id == claim.redemption_id)
    leg = intent.saga.leg_of(redemption)
    field = ("codes", str(leg.input_index))
    if holder is None:
        return CouponProblem(code, field, leg.channel, retry_after=2)
    redeemed_at, store_id = as_optional_instant(holder["redeemed_at"]), as_uuid(holder["store_id"])
    return CouponProblem(code, field, leg.channel, redeemed_at=redeemed_at, store_id=store_id)
