"""One merchant's live events inside a process, and the subscriptions that read them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, MutableMapping, Sequence
from typing import Self
from uuid import UUID
from weakref import WeakSet

from core.errors import BadInput, Fault, RateLimited
from core.events.outbox import Event, read_events, read_head, read_oldest

REPLAY_PAGE = 200


class SubscriberTooSlow(RateLimited):
    """The reader fell behind. Subscribing again with the `seq` of the last event it read loses nothing."""

    def __init__(self) -> None:
        super().__init__("the reader is too slow; subscribe again after the last event it received", 1)


class Feed:
    """What one merchant's readers share. `position` is the `seq` handed out last, None until it is known.

    Readers are held weakly: one that was dropped without being closed is gone.
    """

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.position: int | None = None
        self.readers: WeakSet[Subscription] = WeakSet()
        self._live: WeakSet[Subscription] = WeakSet()

    async def locate(self) -> int:
        """The position, read from the database for the first reader."""
        head = await read_head(self.tenant_id) if self.position is None else 0
        # While this one read, another reader may have found it, and events may have been handed out since.
        if self.position is None:
            self.position = head
        return self.position

    def join(self, reader: Subscription) -> None:
        """From here on the reader gets what is handed out."""
        self._live.add(reader)

    def leave(self, reader: Subscription) -> None:
        self._live.discard(reader)
        self.readers.discard(reader)

    def hand_out(self, events: Sequence[Event]) -> None:
        """Passes new events on, in order, to the readers who want them. Never waits for any of them."""
        readers = tuple(self._live)
        for event in events:
            self.position = event.seq
            for reader in readers:
                reader.offer(event)


class Subscription(AsyncIterator[Event]):
    """One reader's way through a merchant's events: first what it missed, then what comes."""

    def __init__(
        self,
        feeds: MutableMapping[UUID, Feed],
        tenant_id: UUID,
        kinds: frozenset[str],
        store_id: UUID | None,
        after: int | None,
        size: int,
    ) -> None:
        self._feeds = feeds
        self._tenant_id = tenant_id
        self._kinds = kinds
        self._store_id = store_id
        self._after = after
        self._size = size
        self._feed: Feed | None = None
        self._seen = 0
        self._missed: deque[Event] = deque()
        self._is_live = False
        self._is_over = False
        self._fault: Fault | None = None
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        feed = self._feed or await self._open()
        if not self._is_live:
            missed = await self._next_missed(feed)
            if missed is not None:
                return missed
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise self._fault or StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Frees what the subscription holds; whoever waits in it gets its end."""
        self.finish()

    def offer(self, event: Event) -> None:
        """Takes a live event, unless it is not wanted or was read already. A full reader is cut off."""
        if event.seq <= self._seen or not self._wants(event):
            return
        if self._queue.qsize() >= self._size:
            self.finish(SubscriberTooSlow())
        else:
            self._queue.put_nowait(event)

    def finish(self, fault: Fault | None = None) -> None:
        """The end, after what is waiting already has been read."""
        if self._is_over:
            return
        self._is_over, self._fault = True, fault
        if self._feed is not None:
            self._feed.leave(self)
        self._queue.put_nowait(None)

    async def _open(self) -> Feed:
        feed = self._feeds.setdefault(self._tenant_id, Feed(self._tenant_id))
        feed.readers.add(self)
        position = await feed.locate()
        self._seen = position if self._after is None else self._after
        if self._seen < position:
            await self._check_kept()
        self._feed = feed
        return feed

    async def _check_kept(self) -> None:
        oldest = await read_oldest(self._tenant_id)
        if oldest is None or oldest > self._seen + 1:
            raise BadInput("events since then are no longer kept; read the present state instead", ("after",))

    async def _next_missed(self, feed: Feed) -> Event | None:
        """The next event out of the outbox; None once the reader has come as far as the feed, and is live."""
        while not self._missed:
            # Nothing may be awaited between this comparison and joining: else an event would fall in between.
            if self._is_over or self._seen >= (feed.position or 0):
                self._is_live = True
                if not self._is_over:
                    feed.join(self)
                return None
            events = await read_events(self._tenant_id, self._seen, REPLAY_PAGE)
            self._seen = events[-1].seq if events else (feed.position or 0)
            self._missed.extend(event for event in events if self._wants(event))
        return self._missed.popleft()

    def _wants(self, event: Event) -> bool:
        return event.kind in self._kinds and self._store_id in (None, event.store_id)
