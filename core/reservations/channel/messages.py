"""What platforms have to be told about bookings: rows that are written before anything is told, in the same commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.channels.contract import BookingStatus
from core.clock import utc_now
from core.db.statements import Write, as_uuid, fetch_row, fetch_rows
from core.ids import new_id
from core.reservations.channel.records import Record

MAX_REASON: Final = 200
_PORTION: Final = 100
# A message waits for those about the same booking that were written before it.
_DUE = (
    "SELECT m.* FROM booking_message m WHERE m.next_attempt_at IS NOT NULL AND m.next_attempt_at <= $1"
    " AND NOT EXISTS (SELECT 1 FROM booking_message e WHERE e.tenant_id = m.tenant_id"
    " AND e.booking_id = m.booking_id AND e.id < m.id AND e.next_attempt_at IS NOT NULL)"
    f" ORDER BY m.next_attempt_at, m.id LIMIT {_PORTION}"
)


class MessageKind(StrEnum):
    """DECIDE: accept or reject. REPORT: how it went on. PLACE, MOVE: one of our own reservations."""

    DECIDE = "DECIDE"
    REPORT = "REPORT"
    PLACE = "PLACE"
    MOVE = "MOVE"


class MessageState(StrEnum):
    """SENDING: it may have gone out. FAILED: given up after a day."""

    DUE = "DUE"
    SENDING = "SENDING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. `attempts` is the fence: it grows each time that somebody takes it in hand."""

    id: UUID
    tenant_id: UUID
    account_id: UUID
    booking_id: UUID
    kind: MessageKind
    accept: bool
    status: BookingStatus | None
    reason: str
    state: MessageState
    attempts: int


def build_decision(record: Record, *, accept: bool, reason: str = "") -> Write:
    """Accept or reject the booking as it stands on record."""
    label = f"decide:{record.id}:{record.version}:{int(accept)}"
    return _insert(record, MessageKind.DECIDE, label, accept=accept, reason=reason)


def build_report(record: Record, status: BookingStatus, reason: str = "") -> Write:
    """Tell how the booking went on; once for each status."""
    return _insert(record, MessageKind.REPORT, f"report:{record.id}:{status}", status=status, reason=reason)


def build_placing(record: Record) -> Write:
    """Write our reservation to the platform's calendar."""
    return _insert(record, MessageKind.PLACE, f"place:{record.id}")


def build_moving(record: Record, version: int) -> Write:
    """Change what we wrote there to what the reservation is since this `version` of it."""
    return _insert(record, MessageKind.MOVE, f"move:{record.id}:{version}")


def withdraw_messages(tenant_id: UUID, booking_id: UUID) -> Write:
    """What has not been told about a booking yet need not be told."""
    return Write(
        "UPDATE booking_message SET state = 'WITHDRAWN', next_attempt_at = NULL WHERE tenant_id = $1"
        " AND booking_id = $2 AND state = 'DUE'",
        (tenant_id, booking_id),
    )


def update_message(message: Message, **columns: Any) -> Write:
    """The UPDATE of a message that nobody else has in hand."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 4))
    return Write(
        f"UPDATE booking_message SET {changes} WHERE tenant_id = $1 AND id = $2 AND attempts = $3",
        (message.tenant_id, message.id, message.attempts, *columns.values()),
        expects=1,
    )


def end_message(message: Message, state: MessageState, platform_code: str | None = None) -> Write:
    """That there is nothing more to tell."""
    code = platform_code[:64] if platform_code else None
    return update_message(message, state=state.value, next_attempt_at=None, platform_code=code)


async def list_due(now: datetime) -> list[Message]:
    """The messages that are due, longest due first; of each booking only the oldest that is not ended."""
    return [read_message(row) for row in await fetch_rows(_DUE, now)]


async def has_waiting(tenant_id: UUID, booking_id: UUID) -> bool:
    """Whether the platform has still to be told something about a booking."""
    row = await fetch_row(
        "SELECT 1 AS found FROM booking_message WHERE tenant_id = $1 AND booking_id = $2"
        " AND next_attempt_at IS NOT NULL LIMIT 1",
        tenant_id,
        booking_id,
    )
    return row is not None


def read_message(row: Mapping[str, Any]) -> Message:
    """A row of `booking_message`."""
    return Message(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        account_id=as_uuid(row["account_id"]),
        booking_id=as_uuid(row["booking_id"]),
        kind=MessageKind(row["kind"]),
        accept=bool(row["accept"]),
        status=BookingStatus(row["status"]) if row["status"] else None,
        reason=row["reason"] or "",
        state=MessageState(row["state"]),
        attempts=row["attempts"],
    )


def _insert(
    record: Record,
    kind: MessageKind,
    label: str,
    *,
    accept: bool = False,
    status: BookingStatus | None = None,
    reason: str = "",
) -> Write:
    """Told before is told. Due since long ago, so that no clock is in the way of the first attempt."""
    now = utc_now()
    values = (
        new_id(), record.tenant_id, now, record.account_id, record.id, kind.value, accept,
        status.value if status else None, reason[:MAX_REASON] or None, MessageState.DUE.value, _LONG_AGO, label,
    )  # fmt: skip
    return Write(
        "INSERT INTO booking_message (id, tenant_id, created_at, account_id, booking_id, kind, accept, status,"
        " reason, state, attempts, next_attempt_at, dedupe_key)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12)"
        " ON CONFLICT (tenant_id, dedupe_key) DO NOTHING",
        values,
    )


_LONG_AGO: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
