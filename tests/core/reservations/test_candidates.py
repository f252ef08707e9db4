"""Where a service fits. The property: exactly what a slow and simple search finds, and nothing that is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reservations.slots.calendar import join_spans
from core.reservations.slots.candidates import Busy, Need, find_starts

HOUR = Need(60)


def starts(shifts, busy, need=HOUR, first=0, last=10_000):
    return [start for start, _, _ in find_starts(join_spans(shifts), Busy(busy), need, first, last)]


@pytest.mark.parametrize(
    ("shifts", "busy", "expected"),
    [
        ([(600, 660)], [], [600]),
        ([(600, 659)], [], []),
        ([(600, 670)], [], [600, 610]),
        ([(600, 720)], [(600, 660)], [660]),
        ([(600, 720)], [(659, 660)], [660]),
        ([(600, 720)], [(640, 650)], [650, 660]),
        ([(600, 720)], [(0, 10_000)], []),
        ([(600, 720)], [(0, 601), (660, 900)], []),
        ([(600, 722)], [(0, 601), (661, 662)], [601, 662]),
        ([(600, 660), (660, 720)], [], [600, 615, 630, 645, 660]),
        ([(600, 667), (667, 740)], [], [600, 615, 630, 645, 660, 667, 680]),
        ([(600, 700), (650, 720)], [], [600, 615, 630, 645, 650, 660]),
        ([], [], []),
    ],
)
def test_starts(shifts, busy, expected):
    assert starts(shifts, busy) == expected


def test_window_does_not_move_the_touching_starts():
    shifts, busy = [(600, 720)], [(600, 607)]
    assert starts(shifts, busy, first=608) == [615, 630, 645, 660]
    assert starts(shifts, busy, last=630) == [607, 615]


def test_room_before_and_after_is_told():
    found = find_starts(join_spans([(600, 780)]), Busy([(600, 615), (760, 800)]), HOUR, 0, 10_000)
    assert found[0] == (615, 0, 85)
    assert found[-1] == (700, 85, 0)


times = st.integers(0, 600)
spans = st.lists(st.tuples(times, st.integers(1, 200)).map(lambda pair: (pair[0], sum(pair))), max_size=8)
needs = st.builds(Need, st.integers(1, 120), st.integers(0, 40), st.integers(0, 40))


def fits(start, shifts, busy, need):
    """The slow and simple truth: every minute of the service is worked, none of it or its buffers is taken."""
    worked = all(
        any(begin <= minute < end for begin, end in shifts) for minute in range(start, start + need.length)
    )
    begin, end = start - need.before, start + need.length + need.after
    return worked and not any(taken < end and until > begin for taken, until in busy)


@given(shifts=spans, busy=spans, need=needs, window=st.tuples(times, st.integers(0, 900)))
def test_nothing_that_is_taken_and_everything_on_the_grid(shifts, busy, need, window):
    found = starts(shifts, busy, need, *window)
    assert found == sorted(set(found))
    assert all(window[0] <= start < window[1] and fits(start, shifts, busy, need) for start in found)
    # The grid of each shift that is not inside of another one.
    for begin, end in shifts:
        for start in range(begin, end, 15):
            if window[0] <= start < window[1] and fits(start, shifts, busy, need):
                assert start in found


@given(shifts=spans, busy=spans, need=needs)
def test_what_is_off_the_grid_touches(shifts, busy, need):
    """A start off every grid touches a booking, or ends with a shift."""
    runs = join_spans(shifts)
    for start, left, right in find_starts(runs, Busy(busy), need, 0, 10_000):
        if any(begin <= start < end and (start - begin) % 15 == 0 for begin, end in shifts):
            continue
        assert left == 0 or right == 0
        touches_before = any(start - need.before == end for _, end in busy)
        touches_after = any(start + need.length + need.after == begin for begin, _ in busy)
        assert touches_before or touches_after or any(start + need.length == run.end for run in runs)


@given(taken=spans, start=times, length=st.integers(1, 200))
def test_busy_knows_what_is_free(taken, start, length):
    busy, end = Busy(taken), start + length
    covered = {minute for begin, until in taken for minute in range(begin, until)}
    assert busy.is_free(start, end) == covered.isdisjoint(range(start, end))
    assert busy.count_within(start, end) == len(covered & set(range(start, end)))
