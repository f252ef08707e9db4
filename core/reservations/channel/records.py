"""What is known of a platform's booking: the newest state that was seen, whatever the order in which states came.

States of one booking are totally ordered (by the platform's time, then by how final they are, then by their text), so
that whoever sees the same states ends with the same one. Nothing here touches our calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from core.channels.contract import BookingStatus, ChannelBooking
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Json,
    Write,
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    write_together,
)
from core.ids import new_id
from core.reservations.channel.values import ConflictReason, Noted, Origin, Outcome
from core.reservations.claims import Claim
from core.reservations.values import ReservationView

MAX_REFERENCE: Final = 128
_MAX_NAME: Final = 120
_ATTEMPTS: Final = 10
# Of two states of one instant the more final one counts.
_FINALITY: Final = {
    BookingStatus.UNRECOGNISED: 0,
    BookingStatus.REQUESTED: 1,
    BookingStatus.CONFIRMED: 2,
    BookingStatus.ARRIVED: 3,
    BookingStatus.COMPLETED: 4,
    BookingStatus.NO_SHOW: 4,
    BookingStatus.REJECTED: 5,
    BookingStatus.CANCELLED: 6,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a booking our calendar follows. `end` None: the platform knows the start only."""

    status: BookingStatus
    start: datetime
    end: datetime | None
    party_size: int
    service_reference: str | None
    staff_reference: str | None

    def is_moved(self, other: Facts) -> bool:
        """Whether anything differs but how far it has come."""
        return replace(self, status=other.status) != other

    def write(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "status": self.status.value,
            "start": self.start.isoformat(),
            "end": self.end.isoformat() if self.end else None,
            "party_size": self.party_size,
            "service": self.service_reference,
            "staff": self.staff_reference,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """One booking at a platform as it is known here. `followed`: the facts that our calendar has followed last."""

    id: UUID
    tenant_id: UUID
    account_id: UUID
    store_id: UUID
    channel: str
    origin: Origin
    external_id: str | None
    updated_at: datetime
    facts: Facts
    followed: Facts | None
    outcome: Outcome
    conflict: ConflictReason | None
    reservation_id: UUID | None
    version: int
    created_at: datetime
    contact_name: str | None = None
    phone_tail: str | None = None

    def count_people(self, present: ReservationView) -> int:
        """How many come. Of our own reservations we know it better than a platform that may only count bookings."""
        return present.party_size if self.origin is Origin.OURS else self.facts.party_size

    @property
    def is_followed(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.followed == self.facts and self.outcome not in (Outcome.NEW, Outcome.CONFLICT)


class Superseded(Exception):  # reads as what it is
    """Somebody else has changed the record meanwhile: look again."""


# -------------------------------------------------------------------------------------------------------------- noting
async def note_state(
    tenant_id: UUID, account_id: UUID, store_id: UUID, channel: str, booking: ChannelBooking
) -> tuple[Record, Noted]:
    """The record of a booking after this state of it was seen: the state counts only where it is the newest."""
    for _ in range(_ATTEMPTS):
        known = await find_record(tenant_id, account_id, booking.reference)
        known = known or await _adopt_ours(tenant_id, account_id, booking)
        try:
            if known is None:
                return await _insert(tenant_id, account_id, store_id, channel, booking), Noted.CREATED
            return await _renew(known, store_id, booking)
        except (Conflict, GuardFailed):
            continue
    raise Superseded("the booking is being changed again and again")


def read_facts(booking: ChannelBooking) -> Facts:
    """What a booking says of itself."""
    return Facts(
        booking.status,
        booking.start,
        booking.end if booking.end and booking.end > booking.start else None,
        max(1, booking.party_size),
        _cut(booking.service_reference),
        _cut(booking.staff_reference),
    )


def is_newer(updated_at: datetime, facts: Facts, record: Record) -> bool:
    """Whether a state comes after the one on record."""
    return _rank(updated_at, facts) > _rank(record.updated_at, record.facts)


def _rank(updated_at: datetime, facts: Facts) -> tuple[datetime, int, bytes]:
    return updated_at, _FINALITY[facts.status], orjson.dumps(facts.write())


async def _renew(record: Record, store_id: UUID, booking: ChannelBooking) -> tuple[Record, Noted]:
    facts = read_facts(booking)
    if not is_newer(booking.updated_at, facts, record):
        return record, Noted.UNCHANGED
    columns = describe_facts(facts) if facts != record.facts else {}
    update = update_record(record, external_updated_at=booking.updated_at, store_id=store_id, **columns)
    await write_together([update])
    renewed = replace(
        record, updated_at=booking.updated_at, store_id=store_id, facts=facts, version=record.version + 1
    )
    return renewed, Noted.UPDATED if columns else Noted.UNCHANGED


async def _insert(
    tenant_id: UUID, account_id: UUID, store_id: UUID, channel: str, booking: ChannelBooking
) -> Record:
    record = Record(
        id=new_id(),
        tenant_id=tenant_id,
        account_id=account_id,
        store_id=store_id,
        channel=channel,
        origin=Origin.PLATFORM,
        external_id=booking.reference,
        updated_at=booking.updated_at,
        facts=read_facts(booking),
        followed=None,
        outcome=Outcome.NEW,
        conflict=None,
        reservation_id=None,
        version=1,
        created_at=booking.updated_at,
        contact_name=(booking.customer_name or "").strip()[:_MAX_NAME] or None,
        phone_tail=_read_tail(booking.phone),
    )
    await write_together([insert_record(record)])
    return record


def insert_record(record: Record) -> Write:
    """The row of a new record."""
    return insert_row(
        "channel_booking",
        id=record.id,
        tenant_id=record.tenant_id,
        account_id=record.account_id,
        store_id=record.store_id,
        channel=record.channel,
        origin=record.origin.value,
        external_id=record.external_id,
        external_updated_at=record.updated_at,
        contact_name=record.contact_name,
        phone_tail=record.phone_tail,
        followed=Json(record.followed.write()) if record.followed else None,
        outcome=record.outcome.value,
        reservation_id=record.reservation_id,
        version=1,
        **describe_facts(record.facts),
    )


async def _adopt_ours(tenant_id: UUID, account_id: UUID, booking: ChannelBooking) -> Record | None:
    """One that we wrote to the platform's calendar, seen before its answer was: it gets its reference."""
    record = None
    with suppress(ValueError):
        record = await find_ours(tenant_id, account_id, UUID(booking.token)) if booking.token else None
    if record is None or record.external_id is not None:
        return None
    with suppress(GuardFailed, Conflict):
        await write_together([update_record(record, external_id=booking.reference)])
    return await find_record(tenant_id, account_id, booking.reference)


def _read_tail(phone: str | None) -> str | None:
    digits = "".join(letter for letter in phone or "" if letter.isdecimal())
    return digits[-4:] if len(digits) >= 7 else None


def _cut(reference: str | None) -> str | None:
    return reference[:MAX_REFERENCE] if reference else None


# ------------------------------------------------------------------------------------------------------------- writing
def describe_facts(facts: Facts) -> dict[str, Any]:
    """The columns of facts."""
    return {
        "status": facts.status.value,
        "start_at": facts.start,
        "end_at": facts.end,
        "party_size": facts.party_size,
        "service_reference": facts.service_reference,
        "staff_reference": facts.staff_reference,
    }


def update_record(record: Record, **columns: Any) -> Write:
    """The UPDATE of a record that is still what it was when it was read."""
    changes = "".join(f", {name} = ${number}" for number, name in enumerate(columns, 4))
    return Write(
        f"UPDATE channel_booking SET version = version + 1{changes} WHERE tenant_id = $1 AND id = $2"
        " AND version = $3",
        (record.tenant_id, record.id, record.version, *columns.values()),
        expects=1,
    )


def follow_record(
    record: Record,
    outcome: Outcome,
    conflict: ConflictReason | None = None,
    reservation_id: UUID | None = None,
    status: BookingStatus | None = None,
) -> Write:
    """That our calendar has followed the facts on record, or why it could not. `status`: how far, if not so far."""
    facts = record.facts
    is_ahead = status is not None and _FINALITY[facts.status] > _FINALITY[status]
    columns: dict[str, Any] = {
        "followed": Json((replace(facts, status=status) if is_ahead and status else facts).write()),
        "outcome": outcome.value,
        "conflict": conflict.value if conflict else None,
    }
    if reservation_id is not None:
        columns["reservation_id"] = reservation_id
    return update_record(record, **columns)


def claim_record(record: Record, write: Write) -> Claim:
    """`write`, an update of the record, as the first claim of a change. Its explanation raises Superseded."""

    async def explain() -> None:
        row = await fetch_row(
            "SELECT version FROM channel_booking WHERE tenant_id = $1 AND id = $2",
            record.tenant_id,
            record.id,
        )
        if row is None or row["version"] != record.version:
            raise Superseded("the record of the booking has changed")

    return Claim([write], explain)


# ------------------------------------------------------------------------------------------------------------- reading
async def find_record(tenant_id: UUID, account_id: UUID, external_id: str) -> Record | None:
    """The record of the platform's booking."""
    row = await fetch_row(
        "SELECT * FROM channel_booking WHERE tenant_id = $1 AND account_id = $2 AND external_id = $3",
        tenant_id, account_id, external_id,
    )  # fmt: skip
    return read_record(row) if row else None


async def find_ours(tenant_id: UUID, account_id: UUID, reservation_id: UUID) -> Record | None:
    """The record of our reservation at an account, wherever it was made."""
    row = await fetch_row(
        "SELECT * FROM channel_booking WHERE tenant_id = $1 AND account_id = $2 AND reservation_id = $3",
        tenant_id, account_id, reservation_id,
    )  # fmt: skip
    return read_record(row) if row else None


async def load_record(tenant_id: UUID, record_id: UUID) -> Record | None:
    """The record of this id, as it is now."""
    row = await fetch_row(
        "SELECT * FROM channel_booking WHERE tenant_id = $1 AND id = $2", tenant_id, record_id
    )
    return read_record(row) if row else None


def read_record(row: Mapping[str, Any]) -> Record:
    """A row of `channel_booking`."""
    followed = as_json(row["followed"])
    return Record(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        account_id=as_uuid(row["account_id"]),
        store_id=as_uuid(row["store_id"]),
        channel=row["channel"],
        origin=Origin(row["origin"]),
        external_id=row["external_id"],
        updated_at=as_instant(row["external_updated_at"]),
        facts=Facts(
            BookingStatus(row["status"]),
            as_instant(row["start_at"]),
            as_optional_instant(row["end_at"]),
            row["party_size"],
            row["service_reference"],
            row["staff_reference"],
        ),
        followed=_parse_facts(followed) if followed else None,
        outcome=Outcome(row["outcome"]),
        conflict=ConflictReason(row["conflict"]) if row["conflict"] else None,
        reservation_id=as_optional_uuid(row["reservation_id"]),
        version=row["version"],
        created_at=as_instant(row["created_at"]),
        contact_name=row["contact_name"],
        phone_tail=row["phone_tail"],
    )


def _parse_facts(wire: Mapping[str, Any]) -> Facts:
    return Facts(
        BookingStatus(wire["status"]),
        datetime.fromisoformat(wire["start"]),
        datetime.fromisoformat(wire["end"]) if wire["end"] else None,
        wire["party_size"],
        wire["service"],
        wire["staff"],
    )
