"""Reservations as calendar files (iCalendar, RFC 5545): one booking for its guest, a feed for staff.

An entry keeps its UID for ever and raises its SEQUENCE with each change, so that calendars move it instead of adding
another. Addresses are unguessable and need no token: calendar programs have none.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store, load_store
from core.access.values import Actor
from core.db.statements import as_instant, fetch_row, fetch_rows
from core.errors import NotFound
from core.keys import KeyRing
from core.messages import text
from core.reservations.reservation_rows import read_reservation
from core.reservations.setup.rows import find_service, list_staff
from core.reservations.values import CANCELLED_STATUSES, ReservationView

_PRODUCT: Final = "-//Hexiao//Reservations//EN"
_PURPOSE: Final = "calendar feed"
_PAST: Final = timedelta(days=30)
_AHEAD: Final = timedelta(days=120)
_MOST: Final = 2000
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One reservation in words. `guest` is shown to staff only."""

    reservation: ReservationView
    changed_at: datetime
    service: str
    store: str
    guest: str | None = None


async def find_calendar(calendar_key: str) -> bytes | None:
    """The calendar file of one reservation, also of a cancelled one; None for an address that nobody has."""
    row = await fetch_row("SELECT * FROM reservation WHERE calendar_key = $1", calendar_key)
    if row is None:
        return None
    entry = await _describe(row, for_staff=False)
    return write_calendar([entry], entry.service)


def sign_feed(keys: KeyRing, tenant_id: UUID, subject_id: UUID) -> str:
    """The name of the feed of a store or of a staff member. It changes only with the secret key."""
    content = tenant_id.bytes + subject_id.bytes
    return base64.urlsafe_b64encode(content + keys.sign(_PURPOSE, content)).decode().rstrip("=")


async def find_feed(keys: KeyRing, name: str, now: datetime) -> bytes | None:
    """The feed of a name: the last 30 days and the next 120. None for a name that nobody has."""
    subject = _read_feed(keys, name)
    if subject is None:
        return None
    tenant_id, subject_id = subject
    rows = await fetch_rows(
        "SELECT * FROM reservation WHERE tenant_id = $1 AND (store_id = $2 OR staff_id = $2) AND start_at >= $3"
        f" AND start_at < $4 ORDER BY start_at, id LIMIT {_MOST}",
        tenant_id, subject_id, now - _PAST, now + _AHEAD,
    )  # fmt: skip
    entries = [await _describe(row, for_staff=True) for row in rows]
    return write_calendar(entries, await _name_subject(tenant_id, subject_id))


async def find_feed_name(keys: KeyRing, actor: Actor | None, store_id: UUID, staff_id: UUID | None) -> str:
    """The feed's name, for those who may see the store's reservations; customers may not.

    Raises Unauthenticated, Forbidden, and NotFound for a store or staff member that is not there.
    """
    actor = require(actor, Action.READ_CALENDAR_FEED)
    await find_store(actor, store_id)
    if staff_id is None:
        return sign_feed(keys, actor.tenant_id, store_id)
    if staff_id not in {member.id for member in await list_staff(actor.tenant_id, store_id)}:
        raise NotFound(text("fault.NOT_FOUND"))
    return sign_feed(keys, actor.tenant_id, staff_id)


def write_calendar(entries: list[Entry], name: str) -> bytes:
    """The entries as an iCalendar file, in UTC."""
    # Imported here: no other part of the program needs it, and it takes a tenth of a second.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    for entry in entries:
        calendar.add_component(_build_event(entry))
    content: bytes = calendar.to_ical()
    return content


def _build_event(entry: Entry) -> Any:
    from icalendar import Event

    reservation = entry.reservation
    event = Event()
    event.add("uid", f"{reservation.id}@hexiao")
    event.add("sequence", reservation.sequence)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("dtstart", reservation.start)
    event.add("dtend", reservation.end)
    event.add("summary", " · ".join(part for part in (entry.service, entry.guest or entry.store) if part))
    event.add("location", entry.store)
    event.add("description", reservation.code)
    event.add("status", "CANCELLED" if reservation.status in CANCELLED_STATUSES else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if reservation.status in CANCELLED_STATUSES else "OPAQUE")
    return event


async def _describe(row: Mapping[str, Any], *, for_staff: bool) -> Entry:
    reservation = read_reservation(row)
    service = await find_service(reservation.tenant_id, reservation.service_id)
    store = await load_store(reservation.tenant_id, reservation.store_id)
    return Entry(
        reservation,
        await _find_change(reservation),
        service.name if service else "",
        store.name if store else "",
        reservation.contact_name if for_staff else None,
    )


async def _find_change(reservation: ReservationView) -> datetime:
    """When it was last changed: a calendar takes an entry with an older stamp for outdated."""
    row = await fetch_row(
        "SELECT max(created_at) AS at FROM reservation_revision WHERE tenant_id = $1 AND reservation_id = $2",
        reservation.tenant_id,
        reservation.id,
    )
    return as_instant(row["at"]) if row and row["at"] else reservation.created_at


async def _name_subject(tenant_id: UUID, subject_id: UUID) -> str:
    store = await load_store(tenant_id, subject_id)
    if store is not None:
        return store.name
    row = await fetch_row(
        "SELECT name FROM staff_member WHERE tenant_id = $1 AND id = $2", tenant_id, subject_id
    )
    return str(row["name"]) if row else ""


def _read_feed(keys: KeyRing, name: str) -> tuple[UUID, UUID] | None:
    try:
        decoded = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    content, signature = decoded[: 2 * _ID_BYTES], decoded[2 * _ID_BYTES :]
    if len(content) < 2 * _ID_BYTES or not keys.verify(_PURPOSE, content, signature):
        return None
    return UUID(bytes=content[:_ID_BYTES]), UUID(bytes=content[_ID_BYTES:])
