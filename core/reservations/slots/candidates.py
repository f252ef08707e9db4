"""Where a service fits: from working time and busy time to starts. Plain integers, whole minutes on the time line."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from core.reservations.slots.calendar import Run, Span

STEP: Final = 15


class Need(NamedTuple):
    """How long a service takes, and the buffers in which nothing else may be."""

    length: int
    before: int = 0
    after: int = 0


# `(start, left, right)`: how much earlier and how much later the service could be in the same gap.
Start = tuple[int, int, int]


class Busy:
    """Taken time, as intervals that do not touch each other."""

    __slots__ = ("ends", "starts")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted(spans):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing is taken from `start` until before `end`."""
        before = bisect_left(self.starts, end) - 1
        return before < 0 or self.ends[before] <= start

    def count_within(self, start: int, end: int) -> int:
        """How many minutes between these two are taken."""
        first, stop = bisect_right(self.ends, start), bisect_left(self.starts, end)
        if first >= stop:
            return 0
        taken = sum(self.ends[first:stop]) - sum(self.starts[first:stop])
        return taken - max(0, start - self.starts[first]) - max(0, self.ends[stop - 1] - end)


def find_starts(runs: Sequence[Run], busy: Busy, need: Need, first: int, last: int) -> list[Start]:
    """Every start from `first` until before `last` that is offered, in order.

    Offered are every quarter of an hour from the beginning of each grid, and what touches another booking or the
    end of the run. Buffers keep away from other bookings only: they may lie outside of working time.
    """
    found: list[Start] = []
    for run in runs:
        if run.start >= last:
            break
        if run.end - need.length < first:
            continue
        for low, high in _list_ranges(run, busy, need):
            if high >= first and low < last:
                starts = _list_starts(run, low, high, first, last)
                found += [(start, start - low, high - start) for start in starts]
    return found


def _list_ranges(run: Run, busy: Busy, need: Need) -> Iterator[Span]:
    """The earliest and the latest start inside each gap of a run that the service fits in."""
    low, limit = run.start, run.end - need.length
    for index in range(bisect_right(busy.ends, run.start - need.before), len(busy.ends)):
        high = min(limit, busy.starts[index] - need.after - need.length)
        if low <= high:
            yield low, high
        low = max(low, busy.ends[index] + need.before)
        if low > limit:
            return
    if low <= limit:
        yield low, limit


def _list_starts(run: Run, low: int, high: int, first: int, last: int) -> list[int]:
    starts = {start for start in (low, high) if first <= start < last}
    for begin, until in run.grids:
        earliest = max(low, first, begin)
        starts.update(range(earliest + (begin - earliest) % STEP, min(high + 1, last, until), STEP))
    return sorted(starts)
