"""Giving committed events their numbers.

A number cannot be given when the event is written: a transaction that commits late would then appear behind
readers who have already passed its number. So the relay numbers what has become visible.
"""

from __future__ import annotations

from uuid import UUID

from core.clock import utc_now
from core.db.statements import as_uuid, execute, fetch_row, fetch_rows
from core.db.transactions import transaction

RELAY_LIMIT = 500

# By the index of what waits: a merchant's own would be sought among all the events that it ever had.
_WAITING = "SELECT id, tenant_id FROM outbox_event WHERE seq IS NULL ORDER BY id LIMIT {limit}"


async def relay_events(limit: int = RELAY_LIMIT) -> int:
    """Numbers the oldest waiting events, up to `limit` of each merchant, and answers how many in all.

    Any number of processes may do this at once. Nothing waiting costs one indexed query.
    """
    return sum([await _number_events(tenant_id, limit) for tenant_id in await _find_waiting(limit)])


async def _find_waiting(limit: int) -> list[UUID]:
    """The merchants of the oldest waiting events."""
    rows = await fetch_rows(
        f"SELECT DISTINCT tenant_id FROM ({_WAITING.format(limit='$1')}) AS waiting",
        limit,
    )
    return [as_uuid(row["tenant_id"]) for row in rows]


async def _number_events(tenant_id: UUID, limit: int) -> int:
    """Whoever holds the sequence's row numbers alone, and sees what others numbered before."""
    async with transaction():
        last_seq = await _hold_sequence(tenant_id)
        count = await execute(
            "UPDATE outbox_event SET seq = numbered.seq FROM"
            " (SELECT id, $2 + row_number() OVER (ORDER BY id) AS seq FROM"
            f" ({_WAITING.format(limit='$3')}) AS waiting WHERE tenant_id = $1"
            ") AS numbered WHERE outbox_event.id = numbered.id",
            tenant_id,
            last_seq,
            limit,
        )
        if count:
            await execute(
                "UPDATE event_sequence SET last_seq = $2 WHERE id = $1", tenant_id, last_seq + count
            )
    return count


async def _hold_sequence(tenant_id: UUID) -> int:
    """Locks the merchant's sequence until the end of the transaction, and answers where it stands."""
    while True:
        row = await fetch_row(
            "UPDATE event_sequence SET last_seq = last_seq WHERE id = $1 RETURNING last_seq", tenant_id
        )
        if row is not None:
            return int(row["last_seq"])
        await execute(
            "INSERT INTO event_sequence (id, created_at, last_seq) VALUES ($1, $2, 0)"
            " ON CONFLICT (id) DO NOTHING",
            tenant_id,
            utc_now(),
        )
