"""The saga's rows and the statements that move them. Nothing here calls a platform.

Each transition is a list of `Write`s that commit together. The first of them is always the guard: it touches the
request only while it is open and this holder's fence is the newest, so that a holder who was thought dead writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from core.channels.contract import RedeemItem, RedeemOrder
from core.coupons.states import EVENT_KIND, LegStatus, Operation, RequestStatus
from core.coupons.values import RedemptionStatus
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    Write,
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.events.outbox import outbox_write
from core.ids import new_id
from core.keys import KeyRing


@dataclass(slots=True)
class LegRow:
    """A leg as its holder knows it. `order` is what is sent, the same at every attempt but for its number.

    `may_send` is not stored: this holder itself has just committed SENT, so nothing can have left yet.
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


# -------------------------------------------------------------------------------------------------------------- reading
async def find_request(tenant_id: UUID, actor_id: UUID, operation: Operation, key: str) -> Saga | None:
    """The request of this idempotency key, without its legs."""
    row = await fetch_row(
        "SELECT * FROM redemption_request WHERE tenant_id=$1 AND actor_id=$2 AND operation=$3 AND idempotency_key=$4",
        tenant_id, actor_id, operation.value, key,
    )  # fmt: skip
    return _to_saga(row) if row else None


async def read_request(tenant_id: UUID, request_id: UUID) -> Saga:
    """The request as it stands, without its legs."""
    row = await fetch_row(
        "SELECT * FROM redemption_request WHERE tenant_id=$1 AND id=$2", tenant_id, request_id
    )
    if row is None:
        raise LookupError("no such redemption request")
    return _to_saga(row)


async def find_redemption_ids(tenant_id: UUID, request_id: UUID) -> list[UUID]:
    rows = await fetch_rows(
        "SELECT id FROM redemption WHERE tenant_id=$1 AND request_id=$2 ORDER BY id", tenant_id, request_id
    )
    return [as_uuid(row["id"]) for row in rows]


async def find_living_reversal(tenant_id: UUID, redemption_id: UUID) -> UUID | None:
    """The open request that is taking a redemption back."""
    row = await fetch_row(
        "SELECT id FROM redemption_request WHERE tenant_id=$1 AND subject_id=$2 AND operation='reverseRedemption'"
        " AND status IN ('PROCESSING','COMPENSATING')",
        tenant_id, redemption_id,
    )  # fmt: skip
    return as_uuid(row["id"]) if row else None


async def take_over(
    tenant_id: UUID, request_id: UUID, now: datetime, hold: timedelta, keys: KeyRing
) -> Saga | None:
    """Raises the fence of a due request and reads it whole; None where another was quicker."""
    row = await fetch_row(
        "UPDATE redemption_request SET fence = fence + 1, next_attempt_at=$1 WHERE tenant_id=$2 AND id=$3"
        " AND next_attempt_at <= $4 AND status IN ('PROCESSING','COMPENSATING') RETURNING *",
        now + hold, tenant_id, request_id, now,
    )  # fmt: skip
    return await load_rows(_to_saga(row), keys) if row else None


async def load_rows(saga: Saga, keys: KeyRing) -> Saga:
    """The saga with its legs and redemptions; a reversal carries those of the redemption it takes back."""
    if saga.operation is Operation.REDEEM:
        redemptions = await fetch_rows(
            "SELECT r.*, c.reference FROM redemption r JOIN coupon c ON c.tenant_id=r.tenant_id AND c.id=r.coupon_id"
            " WHERE r.tenant_id=$1 AND r.request_id=$2 ORDER BY r.id",
            saga.tenant_id, saga.id,
        )  # fmt: skip
    else:
        redemptions = await fetch_rows(
            "SELECT r.*, c.reference FROM redemption r JOIN coupon c ON c.tenant_id=r.tenant_id AND c.id=r.coupon_id"
            " WHERE r.tenant_id=$1 AND r.id=$2",
            saga.tenant_id, saga.subject_id,
        )  # fmt: skip
    if not redemptions:
        return saga
    origin = as_uuid(redemptions[0]["request_id"])
    legs = await fetch_rows(
        "SELECT * FROM redemption_leg WHERE tenant_id=$1 AND request_id=$2 ORDER BY position",
        saga.tenant_id,
        origin,
    )
    saga.redemptions = [to_redemption(row) for row in redemptions]
    kept = {redemption.leg_id for redemption in saga.redemptions}
    saga.legs = [_to_leg(row, saga.tenant_id, keys) for row in legs if as_uuid(row["id"]) in kept]
    return saga


def _to_saga(row: Mapping[str, Any]) -> Saga:
    return Saga(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        actor_id=as_uuid(row["actor_id"]),
        role=row["role"],
        customer_id=as_optional_uuid(row["customer_id"]),
        operation=Operation(row["operation"]),
        key=row["idempotency_key"],
        input_hash=row["input_hash"],
        status=RequestStatus(row["status"]),
        created_at=as_instant(row["created_at"]),
        token_id=as_optional_uuid(row["token_id"]),
        order_id=as_optional_uuid(row["order_id"]),
        subject_id=as_optional_uuid(row["subject_id"]),
        reason=row["reason"],
        answer=as_json(row["answer"]),
        fence=row["fence"],
        attempts=row["attempts"],
        next_attempt_at=as_optional_instant(row["next_attempt_at"]),
    )


def _to_leg(row: Mapping[str, Any], tenant_id: UUID, keys: KeyRing) -> LegRow:
    id_ = as_uuid(row["id"])
    return LegRow(
        id=id_,
        position=row["position"],
        input_index=row["input_index"],
        account_id=as_optional_uuid(row["account_id"]),
        channel=row["channel"],
        external_store_id=row["external_store_id"],
        status=LegStatus(row["status"]),
        token=row["token"],
        order=_open_order(keys, tenant_id, id_, row["token"], bytes(row["order_sealed"])),
        attempts=row["attempts"],
        uncertain=bool(row["uncertain"]),
        sent_at=as_optional_instant(row["sent_at"]),
        settle_at=as_optional_instant(row["settle_at"]),
    )


def to_redemption(row: Mapping[str, Any]) -> RedemptionRow:
    """A row of the ledger joined with its coupon's `reference`."""
    return RedemptionRow(
        id=as_uuid(row["id"]),
        leg_id=as_uuid(row["leg_id"]),
        coupon_id=as_uuid(row["coupon_id"]),
        reference=row["reference"],
        status=RedemptionStatus(row["status"]),
        times=row["times"],
        discount=row["discount"],
        created_at=as_instant(row["created_at"]),
        paid_amount=row["paid_amount"],
        receipts=as_json(row["receipts"]),
        decline_code=row["decline_code"],
        channel_code=row["channel_code"],
        attribution=row["attribution"],
        redeemed_at=as_optional_instant(row["redeemed_at"]),
        reversed_at=as_optional_instant(row["reversed_at"]),
        reversible_until=as_optional_instant(row["reversible_until"]),
    )


# ------------------------------------------------------------------------------------------------------------- sealing
def _seal_order(keys: KeyRing, tenant_id: UUID, leg: LegRow) -> bytes:
    items = [(item.reference, item.handle, item.times, item.used) for item in leg.order.items]
    plain = orjson.dumps({"code": leg.order.code, "order": leg.order.order_reference, "items": items})
    return keys.seal(plain, str(tenant_id), "redemption_leg", str(leg.id))


def _open_order(keys: KeyRing, tenant_id: UUID, leg_id: UUID, token: str, sealed: bytes) -> RedeemOrder:
    plain = orjson.loads(keys.open(sealed, str(tenant_id), "redemption_leg", str(leg_id)))
    items = tuple(RedeemItem(*item) for item in plain["items"])
    return RedeemOrder(token=token, items=items, code=plain["code"], order_reference=plain["order"])


def order_for_attempt(leg: LegRow) -> RedeemOrder:
    """What goes out now: the same as before, with the number of this attempt."""
    return replace(leg.order, attempt=leg.attempts)
