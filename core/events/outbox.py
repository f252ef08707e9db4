"""Writing events with the change they tell of, and reading them back in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.clock import utc_now
from core.db.statements import Json, Write, as_json, as_optional_uuid, as_uuid, fetch_row, fetch_rows
from core.ids import new_id

_COLUMNS = "tenant_id, store_id, kind, subject_id, seq, payload"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One committed change of one merchant.

    `seq` counts the merchant's events from 1, without gaps, in the order in which commits became visible.
    `subject_id` is the row that changed: readers load it, and check there who may see it.
    """

    tenant_id: UUID
    store_id: UUID | None
    kind: str
    subject_id: UUID
    seq: int
    payload: Mapping[str, Any] = field(default_factory=dict)


def outbox_write(
    tenant_id: UUID,
    store_id: UUID | None,
    kind: str,
    subject_id: UUID,
    payload: Mapping[str, Any] | None = None,
) -> Write:
    """The row that tells of a change, for the same `write_together` as the change itself.

    `payload` holds no secrets, no codes and no phone numbers. Call `EventBus.wake` after the commit.
    """
    return Write(
        "INSERT INTO outbox_event (id, tenant_id, created_at, store_id, kind, subject_id, payload)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        (new_id(), tenant_id, utc_now(), store_id, kind, subject_id, Json(dict(payload or {}))),
        expects=1,
    )


async def read_events(tenant_id: UUID, after: int, limit: int) -> list[Event]:
    """The events of a merchant with a `seq` above `after`, in order, `limit` at most."""
    sql = f"SELECT {_COLUMNS} FROM outbox_event WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
    return [_to_event(row) for row in await fetch_rows(sql, tenant_id, after, limit)]


async def read_head(tenant_id: UUID) -> int:
    """The last `seq` that a merchant's events have reached; 0 before the first."""
    return (await read_heads([tenant_id])).get(tenant_id, 0)


async def read_heads(tenant_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The last `seq` of each merchant that has any."""
    heads: dict[UUID, int] = {}
    for start in range(0, len(tenant_ids), _CHUNK):
        chunk = tenant_ids[start : start + _CHUNK]
        places = ", ".join(f"${number}" for number in range(1, len(chunk) + 1))
        sql = f"SELECT id, last_seq FROM event_sequence WHERE id IN ({places})"
        heads.update({as_uuid(row["id"]): int(row["last_seq"]) for row in await fetch_rows(sql, *chunk)})
    return heads


async def read_oldest(tenant_id: UUID) -> int | None:
    """The lowest `seq` that is still kept; None where there is none."""
    row = await fetch_row("SELECT min(seq) AS oldest FROM outbox_event WHERE tenant_id = $1", tenant_id)
    return None if row is None or row["oldest"] is None else int(row["oldest"])


def _to_event(row: Mapping[str, Any]) -> Event:
    return Event(
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_optional_uuid(row["store_id"]),
        kind=row["kind"],
        subject_id=as_uuid(row["subject_id"]),
        seq=int(row["seq"]),
        payload=as_json(row["payload"]),
    )
