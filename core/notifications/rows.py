"""The rows of messages under way: finding those that are due, taking one in hand, writing what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db.statements import (
    Json,
    Write,
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.notifications.values import NotificationKind, NotificationReason, NotificationStatus


@dataclass(slots=True)
class Message:
    """A message in the hands of whoever moved its `fence`. `refused`: accounts whose platform will not take it."""

    id: UUID
    tenant_id: UUID
    customer_id: UUID | None
    kind: NotificationKind
    subject_type: str
    subject_id: UUID
    version: int
    texts: Mapping[str, str] = field(repr=False)
    phone_sealed: bytes | None = field(repr=False)
    status: NotificationStatus
    reason: NotificationReason | None
    due_at: datetime
    attempts: int
    fence: int
    refused: tuple[UUID, ...]
    account_id: UUID | None
    first_sent_at: datetime | None


async def list_due(now: datetime, limit: int) -> list[Mapping[str, Any]]:
    """`tenant_id`, `id` and `fence` of what is due, over all merchants."""
    rows: list[Mapping[str, Any]] = []
    rows += await fetch_rows(
        "SELECT tenant_id, id, fence FROM notification"
        " WHERE next_attempt_at IS NOT NULL AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2",
        now,
        limit,
    )
    return rows


async def take_in_hand(due: Mapping[str, Any], until: datetime) -> Message | None:
    """The message, which is this process's alone until then; None where somebody else was first."""
    row = await fetch_row(
        "UPDATE notification SET fence = fence + 1, attempts = attempts + 1, next_attempt_at = $1"
        " WHERE tenant_id = $2 AND id = $3 AND fence = $4 AND next_attempt_at IS NOT NULL RETURNING *",
        until,
        as_uuid(due["tenant_id"]),
        as_uuid(due["id"]),
        due["fence"],
    )
    return read_message(row) if row else None


def update_message(message: Message, **columns: Any) -> Write:
    """The UPDATE of a message in hand. A guard: it fails the commit where somebody else has it by now."""
    places = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 4))
    return Write(
        f"UPDATE notification SET {places} WHERE tenant_id = $1 AND id = $2 AND fence = $3",
        (message.tenant_id, message.id, message.fence, *columns.values()),
        expects=1,
    )


def end_message(
    message: Message, status: NotificationStatus, reason: NotificationReason | None, **columns: Any
) -> Write:
    """The UPDATE that ends a message: nobody takes it in hand again, and what it said is forgotten."""
    ended = {"status": status.value, "reason": reason.value if reason else None, "next_attempt_at": None}
    return update_message(message, **ended, texts=Json({}), phone_sealed=None, **columns)


def list_accounts(accounts: tuple[UUID, ...]) -> Json:
    """The value of the column `refused`."""
    return Json([str(account_id) for account_id in accounts])


def read_message(row: Mapping[str, Any]) -> Message:
    sealed, reason = row["phone_sealed"], row["reason"]
    return Message(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        customer_id=as_optional_uuid(row["customer_id"]),
        kind=NotificationKind(row["kind"]),
        subject_type=row["subject_type"],
        subject_id=as_uuid(row["subject_id"]),
        version=int(row["version"]),
        texts=as_json(row["texts"]),
        phone_sealed=bytes(sealed) if sealed is not None else None,
        status=NotificationStatus(row["status"]),
        reason=NotificationReason(reason) if reason else None,
        due_at=as_instant(row["due_at"]),
        attempts=int(row["attempts"]),
        fence=int(row["fence"]),
        refused=tuple(UUID(each) for each in as_json(row["refused"])),
        account_id=as_optional_uuid(row["account_id"]),
        first_sent_at=as_optional_instant(row["first_sent_at"]),
    )
