from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.testing.clock import START, ManualClock


def test_clock_stands_still(clock):
    assert clock.now() == clock.now() == START


def test_clock_advances(clock):
    assert clock.advance(90) == START + timedelta(seconds=90)
    assert clock.advance(timedelta(days=1)) == clock.now() == START + timedelta(days=1, seconds=90)


def test_clock_answers_in_utc():
    shanghai = timezone(timedelta(hours=8))
    clock = ManualClock(datetime(2026, 1, 1, 8, tzinfo=shanghai))
    assert clock.now().tzinfo is UTC
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)


def test_naive_instants_refused(clock):
    with pytest.raises(ValueError, match="naive"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001
    assert clock.now() == START
