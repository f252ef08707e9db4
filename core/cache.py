"""A small bounded cache whose entries go stale after some seconds. One process, one event loop."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class ExpiringCache(Generic[KeyT, ValueT]):
    """Keeps `capacity` values at most, each for `lifetime` seconds; the longest unused goes first.

    Other processes' changes are seen when an entry has gone stale: `lifetime` is how old an answer may be.
    """

    def __init__(self, lifetime: float, capacity: int, timer: Callable[[], float] = monotonic) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._timer = timer
        self._entries: OrderedDict[KeyT, tuple[float, ValueT]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: KeyT) -> ValueT | None:
        """The value, or None where there is none or it is stale."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._timer():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: KeyT, value: ValueT) -> None:
        self._entries[key] = (self._timer() + self._lifetime, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def drop(self, key: KeyT) -> None:
        self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[KeyT], bool]) -> None:
        """Drops every entry whose key matches. Looks at all of them: for rare changes only."""
        for key in [key for key in self._entries if matches(key)]:
            del self._entries[key]

    def clear(self) -> None:
        self._entries.clear()
