"""Orders that could not be taken in: they become deliveries of our own making, which the inbox tries again and again."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from core.channels.bindings import BoundAccount
from core.channels.contract import ChannelOrder
from core.clock import utc_now
from core.db.statements import Json, execute
from core.ids import new_id

INBOX_KIND: Final = "order.changed"
_MAX_ID: Final = 128


async def leave_order(account: BoundAccount, order: ChannelOrder, now: datetime) -> None:
    """Notes the order for the inbox, once for each state of it. What has no usable id at all cannot be asked for."""
    if not _is_id(order.reference):
        return
    event_id = hashlib.sha256(f"{order.reference}|{order.updated_at.isoformat()}".encode()).hexdigest()
    await execute(
        "INSERT INTO inbox_event (id, tenant_id, created_at, account_id, event_id, kind, subject, occurred_at,"
        " raw, next_attempt_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)"
        " ON CONFLICT (tenant_id, account_id, event_id) DO NOTHING",
        new_id(), account.tenant_id, utc_now(), account.account_id, f"left:{event_id}", INBOX_KIND,
        order.reference, None, Json({}), now,
    )  # fmt: skip


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and "\x00" not in value
