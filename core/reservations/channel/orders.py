"""Our reservations as platforms want to have them written to their calendars."""

from __future__ import annotations

from uuid import UUID

from core.access.privacy import open_phone
from core.channels.contract import BookingOrder
from core.db.statements import fetch_rows
from core.keys import KeyRing
from core.reservations.announcing import load_sealed_phone
from core.reservations.channel.records import Record
from core.reservations.channel.slots import ANYTHING
from core.reservations.values import ReservationView


async def write_order(keys: KeyRing, record: Record, present: ReservationView) -> BookingOrder | None:
    """The reservation as it is now; None where its service is not linked any more."""
    service = await find_reference(record, "SERVICE", present.service_id)
    if service is None:
        return None
    staff = await find_reference(record, "STAFF", present.staff_id) if present.staff_id else None
    sealed = await load_sealed_phone(present.tenant_id, present.id)
    return BookingOrder(
        token=str(present.id),
        start=present.start,
        end=present.end,
        party_size=present.party_size,
        service_reference=service,
        staff_reference=staff,
        customer_name=present.contact_name,
        phone=open_phone(keys, present.tenant_id, present.id, sealed) if sealed else None,
        note=present.note,
    )


async def find_reference(record: Record, kind: str, target_id: UUID) -> str | None:
    """What the platform calls one of our services or people; the oldest link where there are several."""
    rows = await fetch_rows(
        "SELECT reference FROM booking_link WHERE tenant_id = $1 AND account_id = $2 AND store_id = $3"
        " AND target_kind = $4 AND target_id = $5 ORDER BY id",
        record.tenant_id, record.account_id, record.store_id, kind, target_id,
    )  # fmt: skip
    return next((row["reference"] for row in rows if row["reference"] != ANYTHING), None)
