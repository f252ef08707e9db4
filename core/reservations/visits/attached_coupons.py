"""Coupon codes kept with a reservation: sealed until check-in redeems them, unused if it is cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.coupons.codes import normalise_code
from core.coupons.sealed import bind_row
from core.db.inserts import insert_row
from core.db.statements import Json, Write, as_json, as_uuid, fetch_rows
from core.ids import new_id
from core.keys import KeyRing
from core.resealing import SealedColumn

ATTACHED_CODES = SealedColumn(
    table="attached_coupon",
    column="code_sealed",
    source="SELECT id, tenant_id, code_sealed AS sealed FROM attached_coupon",
    bound_to=lambda row: bind_row(as_uuid(row["tenant_id"]), "attached_coupon", as_uuid(row["id"])),
)


class AttachedStatus(StrEnum):
    ATTACHED = "ATTACHED"
    REDEEMED = "REDEEMED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    DETACHED = "DETACHED"


@dataclass(frozen=True, slots=True)
class AttachedCoupon:
    """One code. `refusal` says why check-in could not redeem it."""

    id: UUID
    position: int
    code: str = field(repr=False)
    code_tail: str
    status: AttachedStatus
    refusal: str | None
    attempts: int
    redemption_ids: tuple[UUID, ...]


def attach_codes(
    keys: KeyRing, tenant_id: UUID, reservation_id: UUID, codes: Sequence[str], first: int = 0
) -> list[Write]:
    """The INSERTs of codes as they were typed or scanned; `first` is the position of the first of them.

    Raises BadInput (with its place in `couponCodes`) for a text that can be no code.
    """
    return [
        _attach(keys, tenant_id, reservation_id, raw, position) for position, raw in enumerate(codes, first)
    ]


def detach_codes(tenant_id: UUID, reservation_id: UUID) -> Write:
    """Lets go of the codes that were not redeemed: they stay good for another visit."""
    return Write(
        "UPDATE attached_coupon SET status = 'DETACHED' WHERE tenant_id = $1 AND reservation_id = $2"
        " AND status IN ('ATTACHED', 'REFUSED')",
        (tenant_id, reservation_id),
    )


def settle_code(
    tenant_id: UUID,
    coupon: AttachedCoupon,
    status: AttachedStatus,
    refusal: str | None,
    redemptions: Sequence[UUID],
) -> Write:
    """What became of a code at check-in. One that is still ATTACHED is tried anew: another attempt begins."""
    attempts = coupon.attempts + (status is AttachedStatus.ATTACHED)
    return Write(
        "UPDATE attached_coupon SET status = $1, refusal = $2, redemption_ids = $3, attempts = $4"
        " WHERE tenant_id = $5 AND id = $6 AND attempts = $7 AND status IN ('ATTACHED', 'UNKNOWN')",
        (
            status.value, refusal, Json([str(each) for each in redemptions]), attempts, tenant_id, coupon.id,
            coupon.attempts,
        ),
    )  # fmt: skip


async def list_attached(keys: KeyRing, tenant_id: UUID, reservation_id: UUID) -> list[AttachedCoupon]:
    """The codes of a reservation, in their order."""
    rows = await fetch_rows(
        "SELECT * FROM attached_coupon WHERE tenant_id = $1 AND reservation_id = $2 ORDER BY position",
        tenant_id,
        reservation_id,
    )
    return [_read_coupon(keys, row) for row in rows]


def _attach(keys: KeyRing, tenant_id: UUID, reservation_id: UUID, raw: str, position: int) -> Write:
    scanned = normalise_code(raw, ("couponCodes", str(position)))
    row_id = new_id()
    return insert_row(
        "attached_coupon",
        id=row_id,
        tenant_id=tenant_id,
        reservation_id=reservation_id,
        position=position,
        code_sealed=keys.seal(scanned.text.encode(), *bind_row(tenant_id, "attached_coupon", row_id)),
        code_tail=scanned.code[-4:],
        status=AttachedStatus.ATTACHED.value,
        attempts=0,
        redemption_ids=Json([]),
    )


def _read_coupon(keys: KeyRing, row: Mapping[str, Any]) -> AttachedCoupon:
    tenant_id, row_id = as_uuid(row["tenant_id"]), as_uuid(row["id"])
    sealed = bytes(row["code_sealed"])
    return AttachedCoupon(
        id=row_id,
        position=row["position"],
        code=keys.open(sealed, *bind_row(tenant_id, "attached_coupon", row_id)).decode(),
        code_tail=row["code_tail"],
        status=AttachedStatus(row["status"]),
        refusal=row["refusal"],
        attempts=row["attempts"],
        redemption_ids=tuple(UUID(each) for each in as_json(row["redemption_ids"])),
    )
