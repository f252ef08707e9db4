"""Who waits for a seat of a full class: reading entries, and the writes that end them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.access.values import Actor
from core.access.visibility import build_visible
from core.db.conditions import Where
from core.db.statements import (
    Write,
    as_instant,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_rows,
    write_together,
)
from core.db.transactions import run_again
from core.notifications.planning import cancel_notifications
from core.notifications.values import NotificationKind
from core.reservations.values import CANCELLED_STATUSES

SUBJECT: Final = "WaitlistEntry"


class WaitlistStatus(StrEnum):
    """How far somebody on a waitlist has come. WAITING and OFFERED are open; the others are ends."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    PROMOTED = "PROMOTED"
    EXPIRED = "EXPIRED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class EntryView:
    """Somebody who waits. `offer_expires_at` is set once seats were offered, `reservation_id` once they were taken.

    position  how many wait for the class up to and with this one; None unless it is WAITING
    """

    id: UUID
    tenant_id: UUID
    store_id: UUID
    session_id: UUID
    customer_id: UUID
    party_size: int
    status: WaitlistStatus
    created_at: datetime
    offer_expires_at: datetime | None = None
    reservation_id: UUID | None = None
    position: int | None = None


# Ids are made in the order of time, so that the lowest has waited longest.
_SELECT: Final = (
    "SELECT waitlist_entry.*, CASE WHEN status = 'WAITING' THEN (SELECT count(*) FROM waitlist_entry AS earlier"
    " WHERE earlier.tenant_id = waitlist_entry.tenant_id AND earlier.session_id = waitlist_entry.session_id"
    " AND earlier.status = 'WAITING' AND earlier.id <= waitlist_entry.id) END AS position FROM waitlist_entry"
)


async def load_entries(actor: Actor, ids: Iterable[UUID]) -> dict[UUID, EntryView]:
    """Those of `ids` that the actor may see: customers their own, staff and terminals their stores'."""
    where = build_visible(actor)
    where.add_any("id", list(ids))
    return {entry.id: entry for entry in await select_entries(where, "id")}


async def find_entry(actor: Actor, entry_id: UUID) -> EntryView | None:
    """The entry; None where there is none that the actor may see."""
    return (await load_entries(actor, [entry_id])).get(entry_id)


async def load_open_entries(tenant_id: UUID, session_id: UUID) -> list[EntryView]:
    """Who waits for a class or has been offered seats of it, longest first."""
    where = Where(tenant_id)
    where.add("session_id = ?", session_id)
    where.add_any("status", [WaitlistStatus.WAITING.value, WaitlistStatus.OFFERED.value])
    return await select_entries(where, "id")


async def select_entries(where: Where, order: str, limit: int | None = None) -> list[EntryView]:
    """The entries that meet a condition."""
    limited = f" LIMIT {limit:d}" if limit else ""
    rows = await fetch_rows(f"{_SELECT} WHERE {where} ORDER BY {order}{limited}", *where.values)
    return [read_entry(row) for row in rows]


def read_entry(row: Mapping[str, Any]) -> EntryView:
    """A row of `waitlist_entry`."""
    return EntryView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        session_id=as_uuid(row["session_id"]),
        customer_id=as_uuid(row["customer_id"]),
        party_size=row["party_size"],
        status=WaitlistStatus(row["status"]),
        created_at=as_instant(row["created_at"]),
        offer_expires_at=as_optional_instant(row["offer_expires_at"]),
        reservation_id=as_optional_uuid(row["reservation_id"]),
        position=row.get("position"),
    )


# ------------------------------------------------------------------------------------------------------------ writing
async def write_entries(writes: Sequence[Write]) -> None:
    """All writes or none; again where the database ended a deadlock. Raises GuardFailed where others were first."""
    await run_again(lambda: write_together(writes))


def end_entry(entry: EntryView, status: WaitlistStatus) -> list[Write]:
    """Ends an entry that is still what it was when it was read. The seats of an offer are the caller's to return."""
    tenant_id, entry_id = entry.tenant_id, entry.id
    values: Sequence[Any] = (status.value, tenant_id, entry_id, entry.status.value)
    offered = " AND offer_expires_at = $5" if entry.offer_expires_at else ""
    return [
        Write(
            f"UPDATE waitlist_entry SET status = $1 WHERE tenant_id = $2 AND id = $3 AND status = $4{offered}",
            (*values, entry.offer_expires_at) if offered else values,
            expects=1,
        ),
        cancel_notifications(tenant_id, entry_id, [NotificationKind.WAITLIST_OFFERED]),
    ]


async def is_offer_true(tenant_id: UUID, entry_id: UUID, kind: NotificationKind, _: int) -> bool:
    """Whether a message about an entry still tells the truth: the offer stands, or the seats it led to do."""
    rows = await fetch_rows(
        "SELECT w.status, r.status AS reservation_status FROM waitlist_entry w LEFT JOIN reservation r"
        " ON r.tenant_id = w.tenant_id AND r.id = w.reservation_id WHERE w.tenant_id = $1 AND w.id = $2",
        tenant_id, entry_id,
    )  # fmt: skip
    if not rows:
        return False
    if kind is NotificationKind.WAITLIST_OFFERED:
        return bool(rows[0]["status"] == WaitlistStatus.OFFERED)
    promoted = rows[0]["status"] == WaitlistStatus.PROMOTED
    return bool(promoted and rows[0]["reservation_status"] not in CANCELLED_STATUSES)
