"""Numbers of events: per merchant, without gaps, in the order of commits."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tortoise.transactions import in_transaction

from core.db.config import CONNECTION
from core.db.statements import fetch_rows, write_together
from core.events.outbox import outbox_write, read_events, read_head
from core.events.relay import relay_events
from core.ids import new_id
from core.settings import Settings


async def write_event(tenant_id: UUID, kind: str = "thing.changed") -> UUID:
    subject_id = new_id()
    await write_together([outbox_write(tenant_id, None, kind, subject_id, {"n": 1})])
    return subject_id


async def read_numbers(tenant_id: UUID) -> list[int]:
    rows = await fetch_rows("SELECT seq FROM outbox_event WHERE tenant_id = $1 ORDER BY id", tenant_id)
    return [row["seq"] for row in rows]


async def test_numbers_follow_age(database: Settings, tenant_id: UUID) -> None:
    subjects = [await write_event(tenant_id) for _ in range(3)]
    assert await relay_events() == 3
    events = await read_events(tenant_id, 0, 10)
    assert [(event.seq, event.subject_id) for event in events] == list(enumerate(subjects, start=1))
    assert events[0].payload == {"n": 1}
    assert await read_head(tenant_id) == 3


async def test_merchants_count_apart(database: Settings, tenant_id: UUID) -> None:
    other = new_id()
    await write_event(tenant_id)
    await write_event(other)
    await write_event(tenant_id)
    assert await relay_events() == 3
    assert await read_numbers(tenant_id) == [1, 2]
    assert await read_numbers(other) == [1]


async def test_nothing_waiting_changes_nothing(database: Settings, tenant_id: UUID) -> None:
    await write_event(tenant_id)
    assert await relay_events() == 1
    assert await relay_events() == 0
    assert await read_numbers(tenant_id) == [1]
    assert await read_head(tenant_id) == 1


async def test_limit_leaves_the_rest(database: Settings, tenant_id: UUID) -> None:
    for _ in range(5):
        await write_event(tenant_id)
    assert await relay_events(limit=2) == 2
    assert await read_numbers(tenant_id) == [1, 2, None, None, None]
    assert await relay_events(limit=2) == 2
    assert await relay_events(limit=2) == 1
    assert await read_numbers(tenant_id) == [1, 2, 3, 4, 5]


async def test_a_late_commit_comes_last(database: Settings, tenant_id: UUID) -> None:
    """An event that is older but becomes visible later gets the higher number."""
    late = outbox_write(tenant_id, None, "late", new_id())
    await write_event(tenant_id, "early")
    await relay_events()
    await write_together([late])
    await relay_events()
    events = await read_events(tenant_id, 0, 10)
    assert [(event.seq, event.kind) for event in events] == [(1, "early"), (2, "late")]


async def test_a_rolled_back_event_leaves_no_gap(database: Settings, tenant_id: UUID) -> None:
    try:
        async with in_transaction(CONNECTION):
            await write_event(tenant_id)
            raise ValueError
    except ValueError:
        pass
    await write_event(tenant_id)
    assert await relay_events() == 1
    assert await read_numbers(tenant_id) == [1]


async def test_concurrent_relays_leave_no_gap(database: Settings, tenant_id: UUID) -> None:
    async def write_some() -> None:
        for _ in range(10):
            await write_event(tenant_id)

    async def relay_some() -> None:
        for _ in range(15):
            await relay_events(limit=3)

    await asyncio.gather(*(write_some() for _ in range(4)), *(relay_some() for _ in range(3)))
    while await relay_events():
        pass
    numbers = [event.seq for event in await read_events(tenant_id, 0, 1000)]
    assert numbers == list(range(1, 41))
    assert await read_head(tenant_id) == 40
