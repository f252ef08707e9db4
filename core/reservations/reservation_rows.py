"""Reading reservations. Every query begins with the tenant and ends with what the actor may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.access.visibility import build_visible
from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.reservations.values import ReservationStatus, ReservationView


async def load_reservation(tenant_id: UUID, reservation_id: UUID) -> ReservationView | None:
    """The reservation, whoever asks; None where the merchant has none of this id."""
    row = await fetch_row(
        "SELECT * FROM reservation WHERE tenant_id = $1 AND id = $2", tenant_id, reservation_id
    )
    return read_reservation(row) if row else None


async def load_reservations(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, ReservationView]:
    """Those of `ids` that the actor may see."""
    where = build_visible(require(actor, Action.LIST_RESERVATIONS))
    where.add_any("id", ids)
    rows = await fetch_rows(f"SELECT * FROM reservation WHERE {where}", *where.values)
    return {view.id: view for view in map(read_reservation, rows)}


async def find_own(actor: Actor, reservation_id: UUID) -> ReservationView | None:
    """The reservation; None where there is none that the actor may see."""
    return (await load_reservations(actor, [reservation_id])).get(reservation_id)


def read_reservation(row: Mapping[str, Any]) -> ReservationView:
    """A row of `reservation`."""
    return ReservationView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        service_id=as_uuid(row["service_id"]),
        customer_id=as_optional_uuid(row["customer_id"]),
        status=ReservationStatus(row["status"]),
        start=as_instant(row["start_at"]),
        end=as_instant(row["end_at"]),
        party_size=row["party_size"],
        code=row["code"],
        calendar_key=row["calendar_key"],
        version=row["version"],
        sequence=row["sequence"],
        created_at=as_instant(row["created_at"]),
        staff_id=as_optional_uuid(row["staff_id"]),
        resource_ids=tuple(UUID(each) for each in as_json(row["resource_ids"])),
        session_id=as_optional_uuid(row["session_id"]),
        package_id=as_optional_uuid(row["package_id"]),
        source_channel=row["source_channel"],
        account_id=as_optional_uuid(row["account_id"]),
        external_id=row["external_id"],
        contact_name=row["contact_name"],
        phone_tail=row["phone_tail"],
        note=row["note"],
        walk_in=bool(row["walk_in"]),
        deposit=row["deposit"],
        deposit_status=row["deposit_status"],
        cancel_reason=row["cancel_reason"],
        checked_in_at=as_optional_instant(row["checked_in_at"]),
        completed_at=as_optional_instant(row["completed_at"]),
        cancelled_at=as_optional_instant(row["cancelled_at"]),
    )
