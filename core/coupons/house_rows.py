"""Own coupons in the tables: what there is, and what may be done with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponStatus,
    ProtocolFailure,
    Receipt,
    RecordedUse,
    Refusal,
    Refused,
)
from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.keys import KeyRing

_SELECT = (
    "SELECT c.id, c.batch_id, c.times_total, c.times_used, c.status, b.name, b.kind, b.face_value, b.budget,"
    " b.spent, b.valid_from, b.valid_until, b.store_ids"
    " FROM house_coupon c JOIN coupon_batch b ON b.tenant_id = c.tenant_id AND b.id = c.batch_id"
    " WHERE c.tenant_id = $1 AND "
)


@dataclass(frozen=True, slots=True)
class HouseRow:
    """An own coupon with its batch. Amounts in fen, instants in UTC; `store_ids` None: every store."""

    id: UUID
    batch_id: UUID
    name: str
    kind: CouponKind
    status: CouponStatus
    face_value: int | None
    times_total: int
    times_used: int
    budget: int | None
    spent: int
    valid_from: datetime | None
    valid_until: datetime | None
    store_ids: frozenset[str] | None

    @property
    def times_remaining(self) -> int:
        return self.times_total - self.times_used

    def amount_of(self, first: int, count: int) -> int:
        """What `count` uses from number `first` on take off, in fen; all uses together the face value."""
        face_value = self.face_value or 0
        return face_value * (first + count) // self.times_total - face_value * first // self.times_total


@dataclass(frozen=True, slots=True)
class UseRow:
    """One use. `token` is its leg's, `number` counts within the leg from 0; `amount` is in fen."""

    id: UUID
    coupon_id: UUID
    batch_id: UUID
    token: str
    number: int
    store_id: UUID
    amount: int
    used_at: datetime
    reversed_at: datetime | None = None


def fingerprint_code(keys: KeyRing, tenant_id: UUID, code: str) -> str:
    """By which an own code (without dashes) is found. It differs from merchant to merchant."""
    return keys.fingerprint("house coupon", f"{tenant_id}|{code}")


async def find_by_code(tenant_id: UUID, fingerprint: str) -> HouseRow | None:
    row = await fetch_row(f"{_SELECT} c.code_fingerprint = $2", tenant_id, fingerprint)
    return _to_row(row) if row else None


async def find_by_id(tenant_id: UUID, coupon_id: UUID) -> HouseRow | None:
    row = await fetch_row(f"{_SELECT} c.id = $2", tenant_id, coupon_id)
    return _to_row(row) if row else None


async def read_living_uses(tenant_id: UUID, coupon_id: UUID) -> list[UseRow]:
    """The coupon's uses that were not taken back, oldest first."""
    rows = await fetch_rows(
        "SELECT * FROM house_use WHERE tenant_id = $1 AND coupon_id = $2 AND reversed_at IS NULL ORDER BY id",
        tenant_id,
        coupon_id,
    )
    return [_to_use(row) for row in rows]


async def read_uses_of_token(tenant_id: UUID, token: str) -> list[UseRow]:
    """What a leg used, also what was taken back since."""
    rows = await fetch_rows(
        "SELECT * FROM house_use WHERE tenant_id = $1 AND token = $2 ORDER BY number", tenant_id, token
    )
    return [_to_use(row) for row in rows]


async def read_uses_between(
    tenant_id: UUID,
    store_id: UUID,
    since: datetime,
    until: datetime,
    after: tuple[datetime, UUID] | None,
    most: int,
) -> list[UseRow]:
    """At most `most` uses in a store, taken back or not, in the order of their time, beyond `after` (time and id)."""
    moment, last = after or (since, UUID(int=0))
    rows = await fetch_rows(
        "SELECT * FROM house_use WHERE tenant_id = $1 AND store_id = $2 AND used_at >= $3 AND used_at < $4"
        " AND (used_at > $5 OR id > $6) ORDER BY used_at, id LIMIT $7",
        tenant_id, store_id, max(since, moment), until, moment, last, most,
    )  # fmt: skip
    return [_to_use(row) for row in rows]


async def read_uses(tenant_id: UUID, use_ids: Collection[UUID]) -> list[UseRow]:
    """The uses among these ids, oldest first."""
    if not use_ids:
        return []
    places = ", ".join(f"${number}" for number in range(2, len(use_ids) + 2))
    sql = f"SELECT * FROM house_use WHERE tenant_id = $1 AND id IN ({places}) ORDER BY id"
    return [_to_use(row) for row in await fetch_rows(sql, tenant_id, *use_ids)]


# ---------------------------------------------------------------------------------------------------- judging
def judge_coupon(
    row: HouseRow, store_id: str | None, now: datetime, times: int = 1, used: int | None = None
) -> Refused | None:
    """Why `times` uses of the coupon are refused in this store now; None where nothing speaks against them.

    `used`: how many uses there were before, where that was found out earlier; a store of None is any.
    """
    if row.status is CouponStatus.CANCELLED:
        return Refused(Refusal.CANCELLED)
    if row.times_remaining < times:
        return Refused(Refusal.ALREADY_REDEEMED if row.times_total == 1 else Refusal.TIMES_USED_UP)
    if row.valid_from is not None and now < row.valid_from:
        return Refused(Refusal.NOT_YET_VALID)
    if row.valid_until is not None and now >= row.valid_until:
        return Refused(Refusal.EXPIRED)
    if row.store_ids is not None and store_id is not None and store_id not in row.store_ids:
        return Refused(Refusal.WRONG_STORE)
    amount = row.amount_of(row.times_used if used is None else used, times)
    if row.budget is not None and row.spent + amount > row.budget:
        return Refused(Refusal.REFUSED_BY_CHANNEL, platform_code="BUDGET_EXHAUSTED")
    return None


def status_of(row: HouseRow, now: datetime) -> CouponStatus:
    """What the coupon is now: uses first, then its time."""
    if row.status is CouponStatus.CANCELLED:
        return CouponStatus.CANCELLED
    if row.times_remaining == 0:
        return CouponStatus.REDEEMED
    if row.valid_until is not None and now >= row.valid_until:
        return CouponStatus.EXPIRED
    if row.valid_from is not None and now < row.valid_from:
        return CouponStatus.NOT_YET_VALID
    return CouponStatus.PARTLY_REDEEMED if row.times_used else CouponStatus.AVAILABLE


def show_coupon(row: HouseRow, now: datetime) -> ChannelCoupon:
    """The coupon in the port's words. It has no platform document: everything is in our own tables."""
    return ChannelCoupon(
        reference=str(row.id),
        handle=str(row.id),
        kind=row.kind,
        title=row.name,
        status=status_of(row, now),
        face_value=row.face_value,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        times_total=row.times_total,
        times_remaining=row.times_remaining,
        raw={"batch": str(row.batch_id)},
    )


def write_position(use: UseRow) -> str:
    """Where a list of uses goes on after this one."""
    return f"{use.used_at.isoformat()}|{use.id}"


def read_position(cursor: str | None) -> tuple[datetime, UUID] | None:
    """What `write_position` wrote. Raises ProtocolFailure for anything else."""
    if cursor is None:
        return None
    moment, _, last = cursor.partition("|")
    try:
        return as_instant(moment), UUID(last)
    except ValueError:
        raise ProtocolFailure("this is no cursor of this list", path="cursor") from None


def show_recorded(use: UseRow) -> RecordedUse:
    """The use as the port lists it. Nobody pays own coupons out, and nobody keeps a fee."""
    return RecordedUse(
        receipt=str(use.id),
        used_at=use.used_at,
        reference=str(use.coupon_id),
        external_store_id=str(use.store_id),
        face_value=use.amount,
        payout=0,
        reversed=use.reversed_at is not None,
        by_merchant_api=True,
        raw={"batch": str(use.batch_id)},
    )


def show_receipt(use: UseRow) -> Receipt:
    return Receipt(str(use.id), use.used_at, face_value=use.amount)


def _to_row(row: Mapping[str, Any]) -> HouseRow:
    store_ids = as_json(row["store_ids"])
    return HouseRow(
        id=as_uuid(row["id"]),
        batch_id=as_uuid(row["batch_id"]),
        name=row["name"],
        kind=CouponKind(row["kind"]),
        status=CouponStatus(row["status"]),
        face_value=row["face_value"],
        times_total=row["times_total"],
        times_used=row["times_used"],
        budget=row["budget"],
        spent=row["spent"],
        valid_from=as_optional_instant(row["valid_from"]),
        valid_until=as_optional_instant(row["valid_until"]),
        store_ids=None if store_ids is None else frozenset(store_ids),
    )


def _to_use(row: Mapping[str, Any]) -> UseRow:
    return UseRow(
        id=as_uuid(row["id"]),
        coupon_id=as_uuid(row["coupon_id"]),
        batch_id=as_uuid(row["batch_id"]),
        token=row["token"],
        number=row["number"],
        store_id=as_uuid(row["store_id"]),
        amount=row["amount"],
        used_at=as_instant(row["used_at"]),
        reversed_at=as_optional_instant(row["reversed_at"]),
    )
