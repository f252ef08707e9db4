"""What has happened to an order, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db.statements import as_instant, as_json, as_uuid, fetch_rows
from core.messages import text
from core.messages.texts import TEXTS, placeholders
from core.orders.values import OrderView, TimelineView


@dataclass(frozen=True, slots=True)
class TimelinePosition:
    """Where an entry lies in the timeline."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class TimelinePage:
    entries: tuple[TimelineView, ...]
    has_more: bool


async def list_timeline(order: OrderView, first: int, after: TimelinePosition | None) -> TimelinePage:
    """At most `first` entries of an order that the reader may see, later than `after`."""
    values: list[Any] = [order.tenant_id, order.id]
    beyond = ""
    if after is not None:
        beyond, values = " AND (at, id) > ($3, $4)", [*values, after.at, after.id]
    rows = await fetch_rows(
        f"SELECT * FROM timeline_entry WHERE tenant_id = $1 AND order_id = $2{beyond}"
        f" ORDER BY at, id LIMIT {first + 1:d}",
        *values,
    )
    return TimelinePage(tuple(map(_read_entry, rows[:first])), has_more=len(rows) > first)


def describe_entry(entry: TimelineView) -> str:
    """The sentence for an entry, in the reader's language. A kind without one, of a plugin, is its own name."""
    key = f"timeline.{entry.kind}"
    template = TEXTS.get(key)
    if template is None or not placeholders(template[0]) <= entry.details.keys():
        return entry.kind
    return text(key, None, **dict(entry.details)).strip()


def _read_entry(row: Mapping[str, Any]) -> TimelineView:
    return TimelineView(
        id=as_uuid(row["id"]),
        order_id=as_uuid(row["order_id"]),
        at=as_instant(row["at"]),
        kind=row["kind"],
        details=as_json(row["details"]),
    )
