"""The saga's rows and the statements that move them. Nothing here calls a platform.

Each transition is a list of `Write`s that commit together. The first of them is always the guard: it touches the
request only while it is open and this holder's fence is the newest, so that a holder who was thought dead writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.channels.contract import CouponBehaviour, RedeemOrder
from core.coupons.sealed import bind_row
from core.coupons.states import EVENT_KIND, LegStatus, Operation, RequestStatus
from core.coupons.values import RedemptionStatus
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    Write,
)
from core.events.outbox import outbox_write
from core.ids import new_id
from core.keys import KeyRing


@dataclass(slots=True)
class LegRow:
    """A leg as its holder knows it. `order` is what is sent, the same at every attempt but for its number.

    `may_send` is not stored: this holder itself has just committed SENT, so nothing can have left yet. Neither is
    `behaviour`, how the platform behaves towards the account: see `calls.learn_behaviour`.
    """

    id: UUID
    position: int
    input_index: int
    account_id: UUID | None
    channel: str
    external_store_id: str | None
    status: LegStatus
    token: str
    order: RedeemOrder = field(repr=False)
    attempts: int = 0
    uncertain: bool = False
    sent_at: datetime | None = None
    settle_at: datetime | None = None
    may_send: bool = False
    behaviour: CouponBehaviour | None = None


@dataclass(slots=True)
class RedemptionRow:
    """A redemption as its holder knows it. `reference` is the platform's certificate id."""

    id: UUID
    leg_id: UUID
    coupon_id: UUID
    reference: str
    status: RedemptionStatus
    times: int
    discount: int
    created_at: datetime
    paid_amount: int | None = None
    receipts: list[dict[str, Any]] = field(default_factory=list)
    decline_code: str | None = None
    channel_code: str | None = None
    attribution: str = "CONFIRMED"
    redeemed_at: datetime | None = None
    reversed_at: datetime | None = None
    reversible_until: datetime | None = None


@dataclass(slots=True)
class Saga:
    """One request with its legs and redemptions, held by whoever has the newest fence."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    actor_id: UUID
    role: str
    customer_id: UUID | None
    operation: Operation
    key: str
    input_hash: str
    status: RequestStatus
    created_at: datetime
    token_id: UUID | None = None
    order_id: UUID | None = None
    subject_id: UUID | None = None
    reason: str | None = None
    answer: dict[str, Any] | None = None
    fence: int = 1
    attempts: int = 0
    next_attempt_at: datetime | None = None
    legs: list[LegRow] = field(default_factory=list)
    redemptions: list[RedemptionRow] = field(default_factory=list)

    def of_leg(self, leg: LegRow) -> list[RedemptionRow]:
        return [redemption for redemption in self.redemptions if redemption.leg_id == leg.id]

    def leg_of(self, redemption: RedemptionRow) -> LegRow:
        return next(leg for leg in self.legs if leg.id == redemption.leg_id)


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of one coupon that a redemption holds against all others."""

    redemption_id: UUID
    account_id: UUID | None
    coupon_key: str
    use_number: int


# ------------------------------------------------------------------------------------------------------------ opening
def insert_request(saga: Saga, finished_at: datetime | None = None) -> Write:
    return insert_row(
        "redemption_request",
        id=saga.id,
        tenant_id=saga.tenant_id,
        created_at=saga.created_at,
        store_id=saga.store_id,
        actor_id=saga.actor_id,
        token_id=saga.token_id,
        role=saga.role,
        customer_id=saga.customer_id,
        order_id=saga.order_id,
        operation=saga.operation.value,
        idempotency_key=saga.key,
        input_hash=saga.input_hash,
        subject_id=saga.subject_id,
        reason=saga.reason,
        status=saga.status.value,
        answer=None if saga.answer is None else Json(saga.answer),
        fence=saga.fence,
        next_attempt_at=saga.next_attempt_at,
        attempts=saga.attempts,
        finished_at=finished_at,
    )


def insert_leg(saga: Saga, leg: LegRow, keys: KeyRing) -> Write:
    return insert_row(
        "redemption_leg",
        id=leg.id,
        tenant_id=saga.tenant_id,
        created_at=saga.created_at,
        request_id=saga.id,
        position=leg.position,
        input_index=leg.input_index,
        account_id=leg.account_id,
        channel=leg.channel,
        external_store_id=leg.external_store_id,
        status=leg.status.value,
        token=leg.token,
        order_sealed=_seal_order(keys, saga.tenant_id, leg),
        attempts=leg.attempts,
        uncertain=leg.uncertain,
        sent_at=leg.sent_at,
    )


def insert_redemption(saga: Saga, redemption: RedemptionRow, leg: LegRow) -> Write:
    return insert_row(
        "redemption",
        id=redemption.id,
        tenant_id=saga.tenant_id,
        created_at=redemption.created_at,
        request_id=saga.id,
        leg_id=leg.id,
        store_id=saga.store_id,
        coupon_id=redemption.coupon_id,
        account_id=leg.account_id,
        channel=leg.channel,
        customer_id=saga.customer_id,
        order_id=saga.order_id,
        actor_id=saga.actor_id,
        status=redemption.status.value,
        times=redemption.times,
        discount=redemption.discount,
        paid_amount=redemption.paid_amount,
        receipts=Json(redemption.receipts),
        attribution=redemption.attribution,
    )


def insert_claim(saga: Saga, claim: Claim) -> Write:
    return insert_row(
        "redemption_claim",
        id=new_id(),
        tenant_id=saga.tenant_id,
        created_at=saga.created_at,
        account_id=claim.account_id,
        coupon_key=claim.coupon_key,
        use_number=claim.use_number,
        redemption_id=claim.redemption_id,
        request_id=saga.id,
    )


# --------------------------------------------------------------------------------------------------------- transitions
def guard_request(
    saga: Saga, status: RequestStatus, next_attempt_at: datetime | None, attempts: int
) -> Write:
    """Keeps or changes the request's state and renews the hold on it. Meets no row once another has taken over."""
    return Write(
        "UPDATE redemption_request SET status=$1, next_attempt_at=$2, attempts=$3 WHERE tenant_id=$4 AND id=$5 AND fence=$6"
        " AND status IN ('PROCESSING','COMPENSATING')",
        (status.value, next_attempt_at, attempts, saga.tenant_id, saga.id, saga.fence),
        expects=1,
    )


def finish_request(saga: Saga, status: RequestStatus, answer: Mapping[str, Any], now: datetime) -> Write:
    return Write(
        "UPDATE redemption_request SET status=$1, answer=$2, finished_at=$3, next_attempt_at=NULL WHERE tenant_id=$4"
        " AND id=$5 AND fence=$6 AND status IN ('PROCESSING','COMPENSATING')",
        (status.value, Json(answer), now, saga.tenant_id, saga.id, saga.fence),
        expects=1,
    )


def update_leg(saga: Saga, leg: LegRow, error: str | None = None) -> Write:
    return Write(
        "UPDATE redemption_leg SET status=$1, attempts=$2, uncertain=$3, sent_at=$4, settle_at=$5, last_error=$6"
        " WHERE tenant_id=$7 AND id=$8",
        (
            leg.status.value, leg.attempts, leg.uncertain, leg.sent_at, leg.settle_at, error, saga.tenant_id, leg.id,
        ),
        expects=1,
    )  # fmt: skip


def update_redemption(saga: Saga, redemption: RedemptionRow, before: Sequence[RedemptionStatus]) -> Write:
    states = ",".join(f"'{status.value}'" for status in before)
    return Write(
        "UPDATE redemption SET status=$1, discount=$2, paid_amount=$3, receipts=$4, decline_code=$5, channel_code=$6,"
        " attribution=$7, redeemed_at=$8, reversed_at=$9, reversible_until=$10"
        f" WHERE tenant_id=$11 AND id=$12 AND status IN ({states})",  # our own words
        (
            redemption.status.value, redemption.discount, redemption.paid_amount, Json(redemption.receipts),
            redemption.decline_code, redemption.channel_code, redemption.attribution, redemption.redeemed_at,
            redemption.reversed_at, redemption.reversible_until, saga.tenant_id, redemption.id,
        ),
        expects=1,
    )  # fmt: skip


def mark_reversing(saga: Saga, before: RedemptionStatus) -> Write:
    """The redemption that the request is about is being taken back from now on."""
    return Write(
        "UPDATE redemption SET status='REVERSING' WHERE tenant_id=$1 AND id=$2 AND status=$3",
        (saga.tenant_id, saga.subject_id, before.value),
        expects=1,
    )


def release_claims(saga: Saga, redemption: RedemptionRow) -> Write:
    return Write(
        "DELETE FROM redemption_claim WHERE tenant_id=$1 AND redemption_id=$2",
        (saga.tenant_id, redemption.id),
    )


def announce(saga: Saga, redemption: RedemptionRow) -> Write:
    return outbox_write(
        saga.tenant_id, saga.store_id, EVENT_KIND, redemption.id, {"status": redemption.status.value}
    )


def insert_attempt(
    saga: Saga,
    leg: LegRow,
    operation: str,
    outcome: str,
    message: str | None,
    milliseconds: int,
    now: datetime,
) -> Write:
    """A line of the log of calls: what was tried for a leg, and what came of it."""
    return insert_row(
        "redemption_attempt",
        id=new_id(),
        tenant_id=saga.tenant_id,
        created_at=now,
        leg_id=leg.id,
        operation=operation,
        outcome=outcome,
        message=message[:300] if message else None,
        milliseconds=milliseconds,
    )


def order_for_attempt(leg: LegRow) -> RedeemOrder:
    """What goes out now: the same as before, with the number of this attempt."""
    return replace(leg.order, attempt=leg.attempts)


def _seal_order(keys: KeyRing, tenant_id: UUID, leg: LegRow) -> bytes:
    items = [(item.reference, item.handle, item.times, item.used) for item in leg.order.items]
    order = leg.order
    plain = orjson.dumps({"code": order.code, "order": order.order_reference, "items": items, "at": order.at})
    return keys.seal(plain, *bind_row(tenant_id, "redemption_leg", leg.id))
