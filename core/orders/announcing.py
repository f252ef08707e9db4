"""What is written with every change of an order: the guarded UPDATE, the event, the audit entry, the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import Json, Write
from core.events.outbox import outbox_write
from core.ids import new_id
from core.orders.values import OrderView

ORDER_CHANGED: Final = "order.changed"
SUBJECT: Final = "Order"


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One change of an order. `actor` None: a rule or a channel did it. `action` as in the audit trail."""

    action: str
    actor: Actor | None
    after: OrderView


def build_order_trail(change: OrderChange) -> list[Write]:
    """Event and audit entry of a change, for the same write as the change itself. Call `events.wake` afterwards."""
    after = change.after
    details = {"status": after.status.value, "version": after.version}
    return [
        outbox_write(after.tenant_id, after.store_id, ORDER_CHANGED, after.id),
        build_entry(change.actor or after.tenant_id, change.action, SUBJECT, after.id, details),
    ]


def update_order(present: OrderView, **columns: Any) -> Write:
    """The UPDATE of an order that is still what it was when it was read. Raises its version."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 4))
    return Write(
        f"UPDATE customer_order SET version = version + 1, {changes}"
        " WHERE tenant_id = $1 AND id = $2 AND version = $3",
        (present.tenant_id, present.id, present.version, *columns.values()),
        expects=1,
    )


def add_timeline(
    tenant_id: UUID,
    order_id: UUID,
    at: datetime,
    kind: str,
    key: str,
    details: Mapping[str, object] | None = None,
) -> Write:
    """An entry of an order's timeline, once for each `key` (160 characters). Kinds: texts `timeline.<kind>`."""
    return Write(
        "INSERT INTO timeline_entry (id, tenant_id, created_at, order_id, at, kind, entry_key, details)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        (new_id(), tenant_id, utc_now(), order_id, at, kind, key, Json(dict(details or {}))),
    )
