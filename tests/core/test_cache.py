"""The small cache: stale after its time, never larger than it may be."""

from __future__ import annotations

from core.cache import ExpiringCache


class Timer:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_values_go_stale():
    timer = Timer()
    cache = ExpiringCache[str, int](5, 10, timer)
    cache.put("a", 1)
    timer.seconds = 4.9
    assert cache.get("a") == 1
    timer.seconds = 5
    assert cache.get("a") is None
    assert len(cache) == 0


def test_longest_unused_goes():
    cache = ExpiringCache[str, int](5, 2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_drops_by_key():
    cache = ExpiringCache[str, int](5, 10)
    for key in ("a1", "a2", "b1"):
        cache.put(key, 1)
    cache.drop_where(lambda key: key.startswith("a"))
    cache.drop("none")
    assert (cache.get("a1"), cache.get("b1"), len(cache)) == (None, 1, 1)
