"""From committed events to the subscribers of this process, in order, each exactly once.

One tail per process numbers waiting events, reads what is new for the merchants that somebody here listens
to, and hands it out. Delivery to a reader is best effort; what makes it right is resuming: whoever was cut
off subscribes again with `after`, and gets from the outbox what it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Protocol
from uuid import UUID

import structlog

from core.events.feed import Feed, Subscription
from core.events.outbox import Event as Event
from core.events.outbox import read_events, read_heads
from core.events.relay import RELAY_LIMIT, relay_events

log = structlog.get_logger(__name__)

# Wakes within this time become one run: a hot store commits hundreds of redemptions a second.
DEBOUNCE_SECONDS = 0.03
LONGEST_PAUSE_SECONDS = 15.0
STOP_SECONDS = 5.0
QUEUE_SIZE = 1000


class EventBus(Protocol):
    """How commits become visible to subscribers, in this process and in others."""

    async def start(self) -> None:
        """Begins to hand out events. Call it once, outside any transaction."""

    async def stop(self) -> None:
        """Ends every subscription in order, and the bus."""

    def wake(self) -> None:
        """Says that a commit wrote events. Cheap; without it they are found at the next poll."""

    def subscribe(
        self,
        tenant_id: UUID,
        kinds: Collection[str],
        store_id: UUID | None = None,
        after: int | None = None,
    ) -> AsyncIterator[Event]:
        """The merchant's events of these kinds, in the order of their `seq`, none twice and none left out.

        With `store_id` only those of that store. With `after` first what was kept since that `seq`, else from
        the first `__anext__` on. Dropping the iterator, or its `aclose`, frees what it holds.

        Reading raises BadInput (`after`) where events since then are no longer kept, and SubscriberTooSlow
        where the reader lets a thousand events pile up: subscribe again after the last one read.
        """
        ...


class DatabaseBus:
    """The bus over the outbox table: other processes' events are found every `poll_seconds`."""

    def __init__(self, poll_seconds: float, queue_size: int = QUEUE_SIZE) -> None:
        self._poll_seconds = poll_seconds
        self._queue_size = queue_size
        self._feeds: dict[UUID, Feed] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._tail: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See `EventBus.start`."""
        self._stopping = False
        self._tail = asyncio.create_task(self._run(), name="event tail")

    async def stop(self) -> None:
        """See `EventBus.stop`."""
        self._stopping = True
        self._woken.set()
        if self._tail is not None:
            # A run in its transaction is let out of it, unless the database does not answer.
            await asyncio.wait([self._tail], timeout=STOP_SECONDS)
            self._tail.cancel()
            await asyncio.wait([self._tail])
            self._tail = None
        for feed in self._feeds.values():
            for reader in tuple(feed.readers):
                reader.finish()
        self._feeds.clear()

    def wake(self) -> None:
        """See `EventBus.wake`."""
        self._woken.set()

    def subscribe(
        self,
        tenant_id: UUID,
        kinds: Collection[str],
        store_id: UUID | None = None,
        after: int | None = None,
    ) -> Subscription:
        """See `EventBus.subscribe`."""
        return Subscription(self._feeds, tenant_id, frozenset(kinds), store_id, after, self._queue_size)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                behind = await self._hand_out()
                failures = 0
            except Exception:
                failures += 1
                behind = False
                log.exception("events cannot be read", failures=failures)
            if not behind:
                await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        """Until a wake or the next poll; after failures longer and longer, whoever wakes."""
        if failures:
            await asyncio.sleep(min(self._poll_seconds * 2**failures, LONGEST_PAUSE_SECONDS))
            return
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        if not self._stopping:
            await asyncio.sleep(DEBOUNCE_SECONDS)
        self._woken.clear()

    async def _hand_out(self) -> bool:
        """One run of the tail. Answers whether more is waiting already."""
        numbered = await relay_events(RELAY_LIMIT)
        for tenant_id in [tenant_id for tenant_id, feed in self._feeds.items() if not feed.readers]:
            del self._feeds[tenant_id]
        feeds = [feed for feed in self._feeds.values() if feed.position is not None]
        heads = await read_heads([feed.tenant_id for feed in feeds]) if feeds else {}
        behind = [await self._advance(feed, heads.get(feed.tenant_id, 0)) for feed in feeds]
        return numbered >= RELAY_LIMIT or any(behind)

    async def _advance(self, feed: Feed, head: int) -> bool:
        if feed.position is None or head <= feed.position:
            return False
        events = await read_events(feed.tenant_id, feed.position, RELAY_LIMIT)
        feed.hand_out(events)
        return len(events) == RELAY_LIMIT
