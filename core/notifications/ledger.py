"""Reading messages for those who work in the stores: who was told what, when, by which channel. Never the contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.access.permissions import RIGHTS, Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.db.conditions import Where
from core.db.statements import (
    as_instant,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.notifications.values import (
    NotificationFilter,
    NotificationKind,
    NotificationPage,
    NotificationReason,
    NotificationStatus,
    NotificationView,
)

_COLUMNS = (
    "id, tenant_id, customer_id, store_id, kind, status, due_at, created_at, sent_at, channel, account_id, recipient,"
    " reason, platform_code, attempts"
)


async def list_notifications(
    actor: Actor | None, wanted: NotificationFilter, first: int, after: UUID | None
) -> NotificationPage:
    """At most `first` messages, newest first, older than `after`.

    Raises Unauthenticated, Forbidden, and NotFound for a store in the filter that is not the actor's.
    """
    where = await _select(actor, wanted)
    if after is not None:
        where.add("id < ?", after)
    rows = await fetch_rows(
        f"SELECT {_COLUMNS} FROM notification WHERE {where} ORDER BY id DESC LIMIT {first + 1:d}",
        *where.values,
    )
    return NotificationPage(tuple(map(_read_view, rows[:first])), has_more=len(rows) > first)


async def count_notifications(actor: Actor | None, wanted: NotificationFilter) -> int:
    """How many messages the filter meets."""
    where = await _select(actor, wanted)
    row = await fetch_row(f"SELECT count(*) AS total FROM notification WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def load_notifications(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, NotificationView]:
    """Those of `ids` that the actor may see."""
    if actor.role not in RIGHTS[Action.LIST_NOTIFICATIONS].roles:
        return {}
    where = _visible(actor)
    where.add_any("id", ids)
    rows = await fetch_rows(f"SELECT {_COLUMNS} FROM notification WHERE {where}", *where.values)
    return {view.id: view for view in map(_read_view, rows)}


async def _select(actor: Actor | None, wanted: NotificationFilter) -> Where:
    actor = require(actor, Action.LIST_NOTIFICATIONS)
    where = _visible(actor)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
        where.add("store_id = ?", wanted.store_id)
    if wanted.statuses:
        where.add_any("status", [status.value for status in wanted.statuses])
    if wanted.kinds:
        where.add_any("kind", [kind.value for kind in wanted.kinds])
    for condition, value in (
        ("customer_id = ?", wanted.customer_id),
        ("channel = ?", wanted.channel),
        ("created_at >= ?", wanted.since),
        ("created_at < ?", wanted.until),
    ):
        if value is not None:
            where.add(condition, value)
    return where


def _visible(actor: Actor) -> Where:
    """Owner and manager see the merchant's, staff their stores'."""
    where = Where(actor.tenant_id)
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    return where


def _read_view(row: Mapping[str, Any]) -> NotificationView:
    reason = row["reason"]
    return NotificationView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        customer_id=as_optional_uuid(row["customer_id"]),
        store_id=as_optional_uuid(row["store_id"]),
        kind=NotificationKind(row["kind"]),
        status=NotificationStatus(row["status"]),
        due_at=as_instant(row["due_at"]),
        created_at=as_instant(row["created_at"]),
        sent_at=as_optional_instant(row["sent_at"]),
        channel=row["channel"],
        account_id=as_optional_uuid(row["account_id"]),
        recipient=row["recipient"],
        reason=NotificationReason(reason) if reason else None,
        channel_code=row["platform_code"],
        attempts=int(row["attempts"]),
    )
