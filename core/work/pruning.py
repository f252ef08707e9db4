"""Deleting what is kept for a while only. Redemptions and their answers stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.access.login_tokens import LoginTokenService
from core.db.statements import execute

if TYPE_CHECKING:
    from core.runtime import Runtime

# How far back a subscriber can resume.
EVENT_LIFETIME: Final = timedelta(hours=72)
# How long an idempotency key is remembered, and with it what was answered (for `issueCoupons`, the codes).
KEY_LIFETIME: Final = timedelta(hours=24)
_PORTION = 1000


async def prune_rows(runtime: Runtime) -> int:
    """Deletes what is too old (events, answered keys, ended logins), a portion at a time; answers how many rows."""
    now = runtime.clock.now()
    events = await _prune(
        "DELETE FROM outbox_event WHERE id IN"
        " (SELECT id FROM outbox_event WHERE id < $1 AND seq IS NOT NULL ORDER BY id LIMIT $2)",
        now - EVENT_LIFETIME,
    )
    answers = [
        await _prune(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id < $1 ORDER BY id LIMIT $2)",
            now - KEY_LIFETIME,
        )
        for table in ("coupon_issue", "reservation_request", "order_request")
    ]
    logins = await LoginTokenService(runtime.settings, runtime.keys, runtime.clock).prune(now)
    return events + sum(answers) + logins


def oldest_id(instant: datetime) -> UUID:
    """The lowest UUIDv7 of an instant. Ids sort by age, so the primary key finds old rows."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


async def _prune(sql: str, before: datetime) -> int:
    """Short statements, so that nobody waits long for a lock."""
    deleted = portion = await execute(sql, oldest_id(before), _PORTION)
    while portion == _PORTION:
        portion = await execute(sql, oldest_id(before), _PORTION)
        deleted += portion
    return deleted
