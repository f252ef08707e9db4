"""Planning messages: the rows that tell of a change, for the caller's own commit.

A message is persisted with what it tells of, so that neither is without the other. Kick `send_notifications` after
the commit; the sweep finds what was not kicked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from core.clock import utc_now
from core.db.statements import Json, Write
from core.ids import new_id
from core.notifications.values import NotificationKind

LONGEST_KEY: Final = 160

# A message that nobody has begun to send says what was planned last; one that has gone out stays as it is.
_PLAN = """
INSERT INTO notification (id, tenant_id, created_at, customer_id, store_id, kind, subject_type, subject_id, version,
 dedupe_key, texts, phone_sealed, due_at, next_attempt_at, status, attempts, fence, refused)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, 'DUE', 0, 0, $14)
ON CONFLICT (tenant_id, dedupe_key) DO UPDATE SET version = excluded.version, texts = excluded.texts,
 phone_sealed = excluded.phone_sealed, due_at = excluded.due_at, next_attempt_at = excluded.next_attempt_at,
 attempts = 0, fence = notification.fence + 1
 WHERE notification.status = 'DUE' AND notification.version <= excluded.version"""


def plan_notification(
    tenant_id: UUID,
    kind: NotificationKind,
    customer_id: UUID | None,
    *,
    store_id: UUID | None,
    subject_type: str,
    subject_id: UUID,
    values: Mapping[str, str],
    dedupe_key: str,
    due_at: datetime | None = None,
    version: int = 0,
    phone_sealed: bytes | None = None,
) -> Write:
    """The INSERT of one message, for the same `write_together` as the change that it tells of.

    customer_id   whose mini-program and phone it may go to; None: only `phone_sealed` is left
    values        our names → texts in the customer's words; a template of the merchant says which of them it shows
    dedupe_key    one message each; planned again while it is still due, the message is moved and says the new
                  values, unless `version` is older. What has gone out is not sent again
    due_at        None: at once, by the machine's clock
    version       handed to the subject's check at sending time (`core.notifications.validity`)
    phone_sealed  the subject's own contact as `seal_phone(keys, tenant_id, subject_id, phone).sealed`

    Raises ValueError for a key of more than 160 characters.
    """
    if not 0 < len(dedupe_key) <= LONGEST_KEY:
        raise ValueError(f"a dedupe key has 1 to {LONGEST_KEY} characters")
    now = utc_now()
    subject = (kind.value, subject_type, subject_id, version)
    contents = (dedupe_key, Json(dict(values)), phone_sealed, due_at or now, Json([]))
    return Write(_PLAN, (new_id(), tenant_id, now, customer_id, store_id, *subject, *contents))


def cancel_notifications(tenant_id: UUID, subject_id: UUID, kinds: Collection[NotificationKind]) -> Write:
    """The UPDATE that withdraws a subject's messages of these kinds, as far as nobody has begun to send them.

    Not for the same `write_together` as a `plan_notification` with the key of one of them.
    """
    places = ", ".join(f"${number}" for number in range(4, len(kinds) + 4))
    return Write(
        "UPDATE notification SET status = 'CANCELLED', reason = 'OUTDATED', next_attempt_at = NULL, texts = $3,"
        " phone_sealed = NULL, fence = fence + 1 WHERE tenant_id = $1 AND subject_id = $2 AND status = 'DUE'"
        + (f" AND kind IN ({places})" if kinds else " AND 1 = 0"),
        (tenant_id, subject_id, Json({}), *(kind.value for kind in kinds)),
    )
