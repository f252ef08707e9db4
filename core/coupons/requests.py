"""Reading the saga's rows back: by key, by id, or taking a due request over from whoever held it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from core.channels.contract import RedeemItem, RedeemOrder
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.sealed import bind_row
from core.coupons.states import LegStatus, Operation, RequestStatus
from core.coupons.values import RedemptionStatus
from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.keys import KeyRing


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


async def find_redemptions(tenant_id: UUID, request_id: UUID) -> list[tuple[UUID, int]]:
    """The redemptions of a request, in the order of its legs, each with its code's place in the basket."""
    rows = await fetch_rows(
        "SELECT r.id, l.input_index FROM redemption r JOIN redemption_leg l ON l.tenant_id=r.tenant_id AND l.id=r.leg_id"
        " WHERE r.tenant_id=$1 AND r.request_id=$2 ORDER BY r.id",
        tenant_id, request_id,
    )  # fmt: skip
    return [(as_uuid(row["id"]), row["input_index"]) for row in rows]


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
        order=_open_order(keys, tenant_id, id_, row),
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


def _open_order(keys: KeyRing, tenant_id: UUID, leg_id: UUID, row: Mapping[str, Any]) -> RedeemOrder:
    plain = orjson.loads(
        keys.open(bytes(row["order_sealed"]), *bind_row(tenant_id, "redemption_leg", leg_id))
    )
    items = tuple(RedeemItem(*item) for item in plain["items"])
    # Orders that an earlier version sealed tell no time of their own.
    at = as_instant(plain["at"] if "at" in plain else row["created_at"])
    return RedeemOrder(row["token"], items, plain["code"], plain["order"], at=at)
