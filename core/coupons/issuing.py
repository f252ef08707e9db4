"""Issuing the codes of own coupons: never more than a batch has, and for one key only once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor
from core.clock import utc_now
from core.coupons.house_codes import group_code, make_code
from core.coupons.house_rows import fingerprint_code
from core.coupons.sealed import bind_row
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Write,
    as_optional_instant,
    as_uuid,
    fetch_row,
    write_together,
)
from core.errors import BadInput, IdempotencyKeyReused
from core.ids import new_id
from core.keys import KeyRing
from core.messages import text

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_AT_ONCE: Final = 1000
MAX_KEY_LENGTH: Final = 255
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class IssueWish:
    """What somebody asks for. `input_hash` tells a repeat from another wish under the same key."""

    actor: Actor
    batch_id: UUID
    quantity: int
    key: str
    customer_id: UUID | None

    @property
    def input_hash(self) -> str:
        return hashlib.sha256(orjson.dumps([self.batch_id, self.quantity, self.customer_id])).hexdigest()


@dataclass(frozen=True, slots=True)
class Batch:
    """What issuing needs of a batch. `held`: how many of it the customer was issued already."""

    quantity: int
    issued: int
    times_each: int
    per_customer: int | None
    valid_until: datetime | None
    held: int


async def issue_coupons(
    runtime: Runtime,
    actor: Actor,
    batch_id: UUID,
    quantity: int,
    key: str,
    customer_id: UUID | None = None,
) -> tuple[str, ...] | list[UserProblem]:
    """New codes of a batch, grouped for reading (XXXX-XXXX-XXXX-XX), a thousand at most.

    A repeat with the same key within 24 hours answers the same codes. Otherwise answers what stands against
    it: TOO_SMALL or TOO_LARGE quantity (also where the batch has not so many left), NOT_FOUND batch or
    customer, NOT_ALLOWED for an expired batch (`batchId`) or beyond the limit per customer (`customerId`).
    Then nothing is issued. Raises IdempotencyKeyReused for the same key with other input, BadInput for a key
    that is none, Unauthenticated and Forbidden.
    """
    require(actor, Action.ISSUE_COUPONS)
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise BadInput(text("fault.BAD_USER_INPUT"), ("idempotencyKey",))
    wish = IssueWish(actor, batch_id, quantity, key, customer_id)
    for _ in range(_ATTEMPTS):
        # The batch first: if a twin of this request took its last coupons, the twin's answer is there after.
        batch = await _read_batch(wish)
        codes = await _find_answer(runtime.keys, wish)
        if codes is not None:
            return codes
        problems = await _check_wish(wish, batch, runtime.clock.now())
        if problems or batch is None:
            return problems
        codes = tuple(make_code() for _ in range(quantity))
        if await _commit(_build_issue(runtime.keys, wish, batch, codes)):
            return tuple(group_code(code) for code in codes)
    return [UserProblem(ProblemCode.CONFLICT, ("batchId",))]


# ----------------------------------------------------------------------------------------------- answering
async def _find_answer(keys: KeyRing, wish: IssueWish) -> tuple[str, ...] | None:
    """What was answered to this key before."""
    row = await fetch_row(
        "SELECT id, input_hash, codes_sealed FROM coupon_issue"
        " WHERE tenant_id = $1 AND actor_id = $2 AND idempotency_key = $3",
        wish.actor.tenant_id,
        wish.actor.actor_id,
        wish.key,
    )
    if row is None:
        return None
    if row["input_hash"] != wish.input_hash:
        raise IdempotencyKeyReused(text("fault.IDEMPOTENCY_KEY_REUSED"))
    names = bind_row(wish.actor.tenant_id, "coupon_issue", as_uuid(row["id"]))
    codes: list[str] = orjson.loads(keys.open(bytes(row["codes_sealed"]), *names))
    return tuple(group_code(code) for code in codes)


async def _check_wish(wish: IssueWish, batch: Batch | None, now: datetime) -> list[UserProblem]:
    """Why not, as far as it shows before; the guards of the write have the last word."""
    if batch is None:
        return [UserProblem(ProblemCode.NOT_FOUND, ("batchId",))]
    if wish.quantity < 1:
        return [UserProblem(ProblemCode.TOO_SMALL, ("quantity",), values={"limit": 1})]
    left = min(MAX_AT_ONCE, batch.quantity - batch.issued)
    if wish.quantity > left:
        return [UserProblem(ProblemCode.TOO_LARGE, ("quantity",), values={"limit": left})]
    if batch.valid_until is not None and batch.valid_until <= now:
        return [UserProblem(ProblemCode.NOT_ALLOWED, ("batchId",))]
    if wish.customer_id is not None and not await _is_customer(wish.actor.tenant_id, wish.customer_id):
        return [UserProblem(ProblemCode.NOT_FOUND, ("customerId",))]
    limit = batch.per_customer if wish.customer_id is not None else None
    if limit is not None and batch.held + wish.quantity > limit:
        return [UserProblem(ProblemCode.NOT_ALLOWED, ("customerId",))]
    return []


async def _read_batch(wish: IssueWish) -> Batch | None:
    row = await fetch_row(
        "SELECT b.quantity, b.issued, b.times_each, b.per_customer, b.valid_until,"
        " COALESCE(a.issued, 0) AS held FROM coupon_batch b"
        " LEFT JOIN customer_allowance a"
        " ON a.tenant_id = b.tenant_id AND a.batch_id = b.id AND a.customer_id = $3"
        " WHERE b.tenant_id = $1 AND b.id = $2",
        wish.actor.tenant_id,
        wish.batch_id,
        wish.customer_id,
    )
    if row is None:
        return None
    return Batch(**{**row, "valid_until": as_optional_instant(row["valid_until"])})


async def _is_customer(tenant_id: UUID, customer_id: UUID) -> bool:
    sql = "SELECT 1 AS found FROM customer WHERE tenant_id = $1 AND id = $2"
    return await fetch_row(sql, tenant_id, customer_id) is not None


# ------------------------------------------------------------------------------------------------- writing
async def _commit(writes: Sequence[Write]) -> bool:
    """False where somebody else was there first, with the key or with the last coupons: nothing is written."""
    try:
        await write_together(writes)
    except (Conflict, GuardFailed):
        return False
    return True


def _build_issue(keys: KeyRing, wish: IssueWish, batch: Batch, codes: Sequence[str]) -> list[Write]:
    issue_id, tenant_id = new_id(), wish.actor.tenant_id
    answer = insert_row(
        "coupon_issue",
        id=issue_id,
        tenant_id=tenant_id,
        batch_id=wish.batch_id,
        actor_id=wish.actor.actor_id,
        customer_id=wish.customer_id,
        idempotency_key=wish.key,
        input_hash=wish.input_hash,
        quantity=wish.quantity,
        codes_sealed=keys.seal(orjson.dumps(codes), *bind_row(tenant_id, "coupon_issue", issue_id)),
    )
    details = {"quantity": wish.quantity, "customerId": wish.customer_id and str(wish.customer_id)}
    return [
        answer,
        _take_coupons(wish),
        *([_take_allowance(wish, batch.per_customer)] if batch.per_customer and wish.customer_id else []),
        _insert_coupons(keys, wish, batch, codes),
        build_entry(wish.actor, "issueCoupons", "CouponBatch", wish.batch_id, details),
    ]


def _take_coupons(wish: IssueWish) -> Write:
    return Write(
        "UPDATE coupon_batch SET issued = issued + $1"
        " WHERE tenant_id = $2 AND id = $3 AND issued + $1 <= quantity",
        (wish.quantity, wish.actor.tenant_id, wish.batch_id),
        expects=1,
    )


def _take_allowance(wish: IssueWish, limit: int) -> Write:
    return Write(
        "INSERT INTO customer_allowance (id, tenant_id, created_at, batch_id, customer_id, issued)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, batch_id, customer_id)"
        " DO UPDATE SET issued = customer_allowance.issued + $6 WHERE customer_allowance.issued + $6 <= $7",
        (new_id(), wish.actor.tenant_id, utc_now(), wish.batch_id, wish.customer_id, wish.quantity, limit),
        expects=1,
    )


def _insert_coupons(keys: KeyRing, wish: IssueWish, batch: Batch, codes: Sequence[str]) -> Write:
    """One statement for all: what is the same for each has the first places."""
    tenant_id = wish.actor.tenant_id
    shared = [tenant_id, utc_now(), wish.batch_id, wish.customer_id, batch.times_each]
    rows, values, places = [], [*shared], count(len(shared) + 1)
    for code in codes:
        rows.append(
            f"(${next(places)}, $1, $2, $3, $4, ${next(places)}, ${next(places)}, $5, 0, 'AVAILABLE')"
        )
        values += [new_id(), fingerprint_code(keys, tenant_id, code), code[-4:]]
    return Write(
        "INSERT INTO house_coupon (id, tenant_id, created_at, batch_id, customer_id, code_fingerprint,"
        f" code_tail, times_total, times_used, status) VALUES {', '.join(rows)}",
        values,
        expects=len(codes),
    )
