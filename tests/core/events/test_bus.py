"""What a subscriber gets: everything it asked for, once, in order, whoever wrote it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest

from core.db.statements import execute, write_together
from core.errors import BadInput
from core.events import bus as bus_module
from core.events.bus import DatabaseBus, Event
from core.events.feed import SubscriberTooSlow, Subscription
from core.events.outbox import outbox_write
from core.events.relay import relay_events
from core.ids import new_id
from core.settings import Settings

POLL = 0.05
KIND = "redemption.changed"


@pytest.fixture
async def make_bus(database: Settings) -> AsyncIterator[Callable[..., Any]]:
    """Starts buses; each is what one process has."""
    started: list[DatabaseBus] = []

    async def make(poll_seconds: float = POLL, **options: Any) -> DatabaseBus:
        bus = DatabaseBus(poll_seconds, **options)
        await bus.start()
        started.append(bus)
        return bus

    yield make
    for bus in started:
        await bus.stop()


async def write_events(
    tenant_id: UUID, count: int = 1, *, store_id: UUID | None = None, kind: str = KIND
) -> None:
    for _ in range(count):
        await write_together([outbox_write(tenant_id, store_id, kind, new_id())])


async def opened(subscription: Subscription) -> asyncio.Task[Event]:
    """The wait for the next event, begun for certain."""
    waiting = asyncio.ensure_future(anext(subscription))
    while not subscription._is_live:
        await asyncio.sleep(0.005)
    return waiting


async def take(subscription: Subscription, count: int) -> list[int]:
    async with asyncio.timeout(5):
        return [(await anext(subscription)).seq for _ in range(count)]


async def test_live_events_arrive_in_order(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus()
    subscription = bus.subscribe(tenant_id, [KIND])
    first = await opened(subscription)
    await write_events(tenant_id, 3)
    bus.wake()
    assert (await first).seq == 1
    assert await take(subscription, 2) == [2, 3]


async def test_a_wake_needs_no_poll(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus(poll_seconds=60)
    first = await opened(bus.subscribe(tenant_id, [KIND]))
    await write_events(tenant_id)
    bus.wake()
    async with asyncio.timeout(1):
        assert (await first).seq == 1


async def test_other_processes_events_within_a_second(make_bus: Any, tenant_id: UUID) -> None:
    here = await make_bus(poll_seconds=0.4)
    await make_bus(poll_seconds=0.4)
    first = await opened(here.subscribe(tenant_id, [KIND]))
    await write_events(tenant_id)
    async with asyncio.timeout(1):
        event = await first
    assert (event.tenant_id, event.kind, event.seq) == (tenant_id, KIND, 1)


async def test_only_what_was_asked_for(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus()
    store_id = new_id()
    first = await opened(bus.subscribe(tenant_id, [KIND], store_id))
    await write_events(new_id(), store_id=store_id)
    await write_events(tenant_id, store_id=new_id())
    await write_events(tenant_id, store_id=store_id, kind="other.changed")
    await write_events(tenant_id, store_id=store_id)
    event = await first
    assert (event.tenant_id, event.store_id, event.kind, event.seq) == (tenant_id, store_id, KIND, 3)


async def test_without_after_nothing_old(make_bus: Any, tenant_id: UUID) -> None:
    await write_events(tenant_id, 2)
    await relay_events()
    bus = await make_bus()
    first = await opened(bus.subscribe(tenant_id, [KIND]))
    await write_events(tenant_id)
    assert (await first).seq == 3


async def test_after_resumes_there(make_bus: Any, tenant_id: UUID) -> None:
    await write_events(tenant_id, 5)
    await relay_events()
    bus = await make_bus()
    subscription = bus.subscribe(tenant_id, [KIND], after=2)
    assert await take(subscription, 3) == [3, 4, 5]
    await write_events(tenant_id)
    assert await take(subscription, 1) == [6]


async def test_replay_meets_live_without_seam(
    make_bus: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers start at different points while events are written: none misses one or gets one twice."""
    monkeypatch.setattr("core.events.feed.REPLAY_PAGE", 3)
    bus = await make_bus(poll_seconds=0.01)

    async def write_all() -> None:
        for _ in range(60):
            await write_events(tenant_id)
            bus.wake()

    async def read_all(delay: float, after: int) -> list[int]:
        await asyncio.sleep(delay)
        return await take(bus.subscribe(tenant_id, [KIND], after=after), 60 - after)

    readers = [read_all(delay / 50, after) for delay, after in enumerate([0, 0, 5, 1, 0, 9, 0])]
    _, *read = await asyncio.gather(write_all(), *readers)
    assert read == [list(range(after + 1, 61)) for after in [0, 0, 5, 1, 0, 9, 0]]


async def test_pruned_events_are_refused(make_bus: Any, tenant_id: UUID) -> None:
    await write_events(tenant_id, 4)
    await relay_events()
    await execute("DELETE FROM outbox_event WHERE tenant_id = $1 AND seq <= 2", tenant_id)
    bus = await make_bus()
    assert await take(bus.subscribe(tenant_id, [KIND], after=2), 2) == [3, 4]
    with pytest.raises(BadInput, match="no longer kept") as caught:
        await anext(bus.subscribe(tenant_id, [KIND], after=1))
    assert caught.value.field == ("after",)


async def test_a_slow_reader_is_cut_off(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus(queue_size=2)
    slow, quick = bus.subscribe(tenant_id, [KIND]), bus.subscribe(tenant_id, [KIND])
    first_of_slow, first_of_quick = await opened(slow), await opened(quick)
    await write_events(tenant_id)
    assert (await first_of_slow).seq == (await first_of_quick).seq == 1
    for seq in (2, 3, 4, 5):
        await write_events(tenant_id)
        assert await take(quick, 1) == [seq]
    assert await take(slow, 2) == [2, 3]
    with pytest.raises(SubscriberTooSlow) as caught:
        await anext(slow)
    assert caught.value.code == "RATE_LIMITED"
    assert await take(bus.subscribe(tenant_id, [KIND], after=3), 2) == [4, 5]


async def test_nobody_listens_nothing_is_read(
    make_bus: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("read without a reader")

    bus = await make_bus()
    subscription = bus.subscribe(tenant_id, [KIND])
    await write_events(tenant_id)
    await take(bus.subscribe(tenant_id, [KIND], after=0), 1)
    del subscription
    gc.collect()
    await asyncio.sleep(3 * POLL)
    monkeypatch.setattr(bus_module, "read_events", refuse)
    monkeypatch.setattr(bus_module, "read_heads", refuse)
    await write_events(tenant_id)
    await asyncio.sleep(4 * POLL)
    assert await relay_events() == 0
    assert not bus._feeds


async def test_closing_frees_the_feed(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus()
    subscription = bus.subscribe(tenant_id, [KIND])
    waiting = await opened(subscription)
    await subscription.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting
    await asyncio.sleep(3 * POLL)
    assert not bus._feeds


async def test_stopping_ends_subscriptions(make_bus: Any, tenant_id: UUID) -> None:
    bus = await make_bus()
    waiting = await opened(bus.subscribe(tenant_id, [KIND]))
    async with asyncio.timeout(1):
        await bus.stop()
        with pytest.raises(StopAsyncIteration):
            await waiting


async def test_database_errors_are_outlived(
    make_bus: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OSError("connection lost"), OSError("connection lost")])

    async def fail_twice(limit: int) -> int:
        for failure in failures:
            raise failure
        return await relay_events(limit)

    monkeypatch.setattr(bus_module, "relay_events", fail_twice)
    bus = await make_bus(poll_seconds=0.02)
    await write_events(tenant_id)
    assert await take(bus.subscribe(tenant_id, [KIND], after=0), 1) == [1]
