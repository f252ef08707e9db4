"""The rows behind orders of our own: how far each has come, who holds it, and when it is due.

PLACING ──▶ AWAITING (payment) ──▶ DONE            PLACING ──▶ FAILED: a coupon was refused
   └──────────┴───────────────────┴──▶ CANCELLING ──▶ DONE: what was redeemed is given back

Every change is guarded by the state before and by the fence; it says in the same commit when the next one is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from core.access.values import Actor, Role
from core.coupons.sealed import bind_row
from core.coupons.values import CodeInput
from core.db.inserts import insert_row
from core.db.statements import Json, Write, as_instant, as_json, as_uuid, fetch_row
from core.ids import new_id
from core.keys import KeyRing
from core.orders.coupon_codes import NO_CODES, Codes
from core.orders.order_requests import pack_problems, unpack_problems
from core.orders.values import OrderProblem
from core.resealing import SealedColumn

PLACEMENT_CODES = SealedColumn(
    table="order_placement",
    column="codes_sealed",
    source="SELECT id, tenant_id, codes_sealed AS sealed FROM order_placement",
    bound_to=lambda row: bind_row(as_uuid(row["tenant_id"]), "order_placement", as_uuid(row["id"])),
)

_BOUND = frozenset({Role.STAFF, Role.POS})


class PlacementStatus(StrEnum):
    PLACING = "PLACING"
    AWAITING = "AWAITING"
    CANCELLING = "CANCELLING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Placement:
    """A row of `order_placement`. `codes` are the coupons to redeem, in the order of the input."""

    id: UUID
    tenant_id: UUID
    order_id: UUID
    store_id: UUID
    status: PlacementStatus
    created_at: datetime
    actor_id: UUID
    token_id: UUID
    role: Role
    fence: int = 1
    attempts: int = 0
    told: bool = False
    problems: tuple[OrderProblem, ...] = ()
    reason: str | None = None
    codes: Codes = field(default=NO_CODES, repr=False)

    @property
    def actor(self) -> Actor:
        """Whoever placed the order, or cancelled it, as far as the order is concerned."""
        stores = frozenset({self.store_id}) if self.role in _BOUND else None
        customer_id = self.actor_id if self.role is Role.CUSTOMER else None
        return Actor(self.tenant_id, self.actor_id, self.token_id, self.role, stores, customer_id=customer_id)


# ------------------------------------------------------------------------------------------------------------- reading
async def load_placement(tenant_id: UUID, order_id: UUID, keys: KeyRing) -> Placement | None:
    """The placement of an order; None for one of another channel."""
    row = await fetch_row(
        "SELECT * FROM order_placement WHERE tenant_id = $1 AND order_id = $2", tenant_id, order_id
    )
    return _read_placement(row, keys) if row else None


async def take_over(
    tenant_id: UUID, placement_id: UUID, now: datetime, hold: timedelta, keys: KeyRing
) -> Placement | None:
    """Raises the fence of a due placement; None where another was quicker."""
    row = await fetch_row(
        "UPDATE order_placement SET fence = fence + 1, next_attempt_at = $1 WHERE tenant_id = $2 AND id = $3"
        " AND next_attempt_at <= $4 RETURNING *",
        now + hold, tenant_id, placement_id, now,
    )  # fmt: skip
    return _read_placement(row, keys) if row else None


def _read_placement(row: Mapping[str, Any], keys: KeyRing) -> Placement:
    tenant_id, id_ = as_uuid(row["tenant_id"]), as_uuid(row["id"])
    sealed = row["codes_sealed"]
    return Placement(
        id=id_,
        tenant_id=tenant_id,
        order_id=as_uuid(row["order_id"]),
        store_id=as_uuid(row["store_id"]),
        status=PlacementStatus(row["status"]),
        created_at=as_instant(row["created_at"]),
        actor_id=as_uuid(row["actor_id"]),
        token_id=as_uuid(row["token_id"]),
        role=Role(row["role"]),
        fence=row["fence"],
        attempts=row["attempts"],
        told=bool(row["told"]),
        problems=unpack_problems(as_json(row["problems"])),
        reason=row["reason"],
        codes=_open_codes(keys, tenant_id, id_, bytes(sealed)) if sealed else NO_CODES,
    )


# ------------------------------------------------------------------------------------------------------------- writing
def open_placement(actor: Actor, order_id: UUID, store_id: UUID, now: datetime, codes: Codes) -> Placement:
    """The placement of a new order. Not written yet."""
    return Placement(
        id=new_id(),
        tenant_id=actor.tenant_id,
        order_id=order_id,
        store_id=store_id,
        status=PlacementStatus.PLACING,
        created_at=now,
        actor_id=actor.actor_id,
        token_id=actor.token_id,
        role=actor.role,
        codes=codes,
    )


def insert_placement(keys: KeyRing, placement: Placement, next_attempt_at: datetime | None) -> Write:
    """The INSERT of a new placement, with its codes sealed."""
    return insert_row(
        "order_placement",
        id=placement.id,
        tenant_id=placement.tenant_id,
        created_at=placement.created_at,
        order_id=placement.order_id,
        store_id=placement.store_id,
        status=placement.status.value,
        fence=placement.fence,
        attempts=0,
        next_attempt_at=next_attempt_at,
        codes_sealed=_seal_codes(keys, placement) if placement.codes.inputs else None,
        told=False,
        problems=Json([]),
        actor_id=placement.actor_id,
        token_id=placement.token_id,
        role=placement.role.value,
    )


def hold_placement(placement: Placement) -> Write:
    """Meets no row once the placement has another state or another holder."""
    return Write(
        "UPDATE order_placement SET fence = fence WHERE tenant_id = $1 AND id = $2 AND status = $3 AND fence = $4",
        (placement.tenant_id, placement.id, placement.status.value, placement.fence),
        expects=1,
    )


def move_placement(
    placement: Placement,
    status: PlacementStatus,
    next_attempt_at: datetime | None,
    problems: Sequence[OrderProblem] = (),
) -> Write:
    """The next state, by whoever holds the placement. What was told meanwhile must be known to whoever moves it.

    Codes are forgotten: they are needed while the order is being placed and no longer.
    """
    return Write(
        "UPDATE order_placement SET status = $1, next_attempt_at = $2, problems = $3, attempts = 0, codes_sealed = NULL"
        " WHERE tenant_id = $4 AND id = $5 AND status = $6 AND fence = $7 AND told = $8",
        (
            status.value, next_attempt_at, Json(pack_problems(problems)), placement.tenant_id, placement.id,
            placement.status.value, placement.fence, placement.told,
        ),
        expects=1,
    )  # fmt: skip


def begin_cancelling(placement: Placement, actor: Actor | None, reason: str, due: datetime) -> Write:
    """CANCELLING, in the name of `actor` (None: a rule), with a fence of its own: whoever held it writes nothing more."""
    by = actor or placement
    return Write(
        "UPDATE order_placement SET status = 'CANCELLING', fence = fence + 1, attempts = 0, next_attempt_at = $1,"
        " codes_sealed = NULL, reason = $2, actor_id = $3, token_id = $4, role = $5"
        " WHERE tenant_id = $6 AND id = $7 AND status = $8 AND fence = $9",
        (
            due, reason, by.actor_id, by.token_id, by.role.value, placement.tenant_id, placement.id,
            placement.status.value, placement.fence,
        ),
        expects=1,
    )  # fmt: skip


def pause_placement(placement: Placement, until: datetime) -> Write:
    """Nobody holds it any more; it is due again at `until`."""
    return Write(
        "UPDATE order_placement SET attempts = attempts + 1, next_attempt_at = $1 WHERE tenant_id = $2 AND id = $3"
        " AND status = $4 AND fence = $5",
        (until, placement.tenant_id, placement.id, placement.status.value, placement.fence),
    )


def mark_told(placement: Placement) -> Write:
    """Somebody is about to be told of an order that is still being placed."""
    return Write(
        "UPDATE order_placement SET told = TRUE WHERE tenant_id = $1 AND id = $2 AND status = 'PLACING'",
        (placement.tenant_id, placement.id),
        expects=1,
    )


# --------------------------------------------------------------------------------------------------------------- codes
def _seal_codes(keys: KeyRing, placement: Placement) -> bytes:
    plain = [
        [each.code, each.count, list(map(str, each.coupon_ids)), each.channel, each.account_id]
        for each in placement.codes.inputs
    ]
    names = bind_row(placement.tenant_id, "order_placement", placement.id)
    return keys.seal(orjson.dumps([placement.codes.short, plain], default=str), *names)


def _open_codes(keys: KeyRing, tenant_id: UUID, id_: UUID, sealed: bytes) -> Codes:
    short, plain = orjson.loads(keys.open(sealed, *bind_row(tenant_id, "order_placement", id_)))
    inputs = tuple(
        CodeInput(
            code, count, tuple(map(UUID, coupon_ids)), channel, UUID(account_id) if account_id else None
        )
        for code, count, coupon_ids, channel, account_id in plain
    )
    return Codes(inputs, short)
