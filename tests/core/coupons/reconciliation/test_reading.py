"""A day is read whole or not at all, by one process at a time, and as often as one likes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Misconfigured,
    ProtocolFailure,
    RateLimited,
)
from core.coupons.reconciliation.days import find_window
from core.coupons.reconciliation.values import RunStatus
from core.db.statements import fetch_rows
from core.messages import text

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
SINCE, UNTIL = datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC)


async def fill(books: Any, count: int) -> None:
    for number in range(count):
        at = NOON + timedelta(seconds=number)
        await books.redeem(f"r{number}", at)
        books.use(f"r{number}", at)


async def test_every_page_is_read(books: Any) -> None:
    await fill(books, 12)
    books.record.page_size = 5
    run = await books.reconcile()
    assert (run.totals.matched_count, run.differences) == (12, 0)
    assert [query.cursor for query in books.record.queries] == [None, "5", "10"]
    [row] = await fetch_rows("SELECT pages FROM reconciliation_run")
    assert row["pages"] == 3


async def test_reads_the_stores_day_and_a_little_more(books: Any) -> None:
    await books.reconcile()
    [query] = books.record.queries
    assert (query.since, query.until) == (SINCE - timedelta(minutes=15), UNTIL + timedelta(minutes=15))


async def test_use_on_two_pages_counts_once(books: Any) -> None:
    await fill(books, 12)
    books.use("unknown", NOON + timedelta(minutes=9))
    books.record.page_size, books.record.repeats = 4, True
    run = await books.reconcile()
    assert (run.totals.theirs_count, run.totals.matched_count) == (13, 12)
    assert await books.kinds(run) == [("MISSING_LOCAL", "unknown")]


async def test_more_differences_than_one_statement_takes(books: Any) -> None:
    for number in range(120):
        books.use(f"r{number}")
    run = await books.reconcile()
    assert run.differences == 120
    assert await books.count_rows("reconciliation_item") == 120


@pytest.mark.parametrize(
    ("failure", "key"),
    [
        (ChannelUnavailable("down"), "unavailable"),
        (RateLimited("slow down"), "rate_limited"),
        (CredentialsRefused("no"), "credentials"),
        (Misconfigured("no shop"), "misconfigured"),
        (ProtocolFailure("what?"), "unreadable"),
        (ValueError("a fault of the adapter"), "internal"),
    ],
)
async def test_failure_in_the_middle(books: Any, failure: Exception, key: str) -> None:
    """Nothing of what was read is shown."""
    books.use("r1")
    books.use("r2")
    books.record.page_size, books.record.faults = 1, {2: failure}
    run = await books.reconcile()
    assert (run.status, run.failure) == (RunStatus.FAILED, f"reconciliation.{key}")
    assert text(run.failure, "en")
    assert (run.totals, run.differences, run.completed_at) == (None, None, None)
    assert await books.count_rows("reconciliation_item") == 0


async def test_failure_keeps_the_last_complete_reading(books: Any) -> None:
    books.use("r1")
    before = await books.reconcile()
    books.use("r2")
    books.record.page_size, books.record.faults = 1, {3: ChannelUnavailable("down")}
    after = await books.reconcile()
    assert (after.status, after.totals, after.differences) == (RunStatus.FAILED, before.totals, 1)
    assert await books.kinds(after) == [("MISSING_LOCAL", "r1")]


async def test_repeat_after_a_failure(books: Any) -> None:
    await fill(books, 3)
    books.record.faults = {1: ChannelUnavailable("down")}
    assert (await books.reconcile()).status is RunStatus.FAILED
    run = await books.reconcile()
    assert (run.status, run.failure, run.totals.matched_count) == (RunStatus.DONE, None, 3)
    assert await books.count_rows("reconciliation_run") == 1


@pytest.mark.parametrize("stuck", ["same cursor", "no end"])
async def test_list_without_an_end_is_a_failure(
    books: Any, monkeypatch: pytest.MonkeyPatch, stuck: str
) -> None:
    monkeypatch.setattr("core.coupons.reconciliation.reading._MOST_PAGES", 5)
    books.record.stuck = True
    if stuck == "no end":
        books.record.page_size = 1
        await fill(books, 9)
    run = await books.reconcile()
    assert (run.status, run.failure) == (RunStatus.FAILED, "reconciliation.unreadable")
    assert len(books.record.queries) <= 5


async def test_page_that_does_not_come(books: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.coupons.reconciliation.reading._PAGE_SECONDS", 0.01)
    books.record.on_call = asyncio.Event().wait
    assert (await books.reconcile()).failure == "reconciliation.unavailable"


# ------------------------------------------------------------------------------------------------------------ repeats
async def test_repeat_doubles_nothing(books: Any) -> None:
    await books.redeem("r1")
    books.use("r2")
    first = await books.reconcile()
    found = await books.differences(first)
    second = await books.reconcile()
    assert await books.differences(second) == found
    assert (second.id, second.totals, second.differences) == (first.id, first.totals, 2)


async def test_repeat_resolves_what_is_gone(books: Any) -> None:
    redemption_id = await books.redeem("r1", status="UNKNOWN")
    books.use("r1")
    books.use("r2")
    await books.reconcile()
    await books.settle(redemption_id, "SUCCEEDED")
    books.clock.advance(timedelta(hours=1))
    run = await books.reconcile()
    assert (await books.kinds(run), run.differences) == ([("MISSING_LOCAL", "r2")], 1)
    resolved = {each.receipt: each.resolved_at for each in await books.differences(run, with_resolved=True)}
    assert resolved == {"r1": books.clock.now(), "r2": None}


async def test_difference_that_comes_back_is_open_again(books: Any) -> None:
    use = books.use("r1")
    await books.reconcile()
    books.record.uses.remove(use)
    assert await books.kinds(await books.reconcile()) == []
    books.record.uses.append(use)
    assert await books.kinds(await books.reconcile()) == [("MISSING_LOCAL", "r1")]
    assert await books.count_rows("reconciliation_item") == 1


# -------------------------------------------------------------------------------------------------------------- rivals
async def test_two_readers_read_once(books: Any) -> None:
    await fill(books, 2)
    arrived, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await go.wait()

    books.record.on_call = wait
    first = asyncio.create_task(books.reconcile())
    await arrived.wait()
    second = await books.reconcile()
    go.set()
    assert second.status is RunStatus.RUNNING
    assert (await first).status is RunStatus.DONE
    assert len(books.record.queries) == 1


async def test_silent_reader_is_replaced_and_writes_nothing(books: Any) -> None:
    """Its lease ends while the platform thinks; meanwhile another has read the day."""
    books.use("r1")
    arrived, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        if not arrived.is_set():
            arrived.set()
            await go.wait()

    books.record.on_call = wait
    zombie = asyncio.create_task(books.reconcile())
    await arrived.wait()
    books.clock.advance(timedelta(minutes=2))
    books.use("r2")
    fresh = await books.reconcile()
    books.record.uses.clear()
    go.set()
    assert await zombie == fresh
    assert await books.kinds(fresh) == [("MISSING_LOCAL", "r1"), ("MISSING_LOCAL", "r2")]


async def test_a_page_renews_the_lease(books: Any) -> None:
    """Ten slow pages together take longer than the lease, and nobody takes the day over meanwhile."""
    for number in range(10):
        books.use(f"r{number}", by_merchant_api=False)
    books.record.page_size = 1
    rivals = []

    async def take_long() -> None:
        books.clock.advance(timedelta(seconds=60))
        books.record.on_call = None
        rivals.append((await books.reconcile()).status)
        books.record.on_call = take_long

    books.record.on_call = take_long
    run = await books.reconcile()
    assert (run.status, run.totals.theirs_count) == (RunStatus.DONE, 10)
    assert rivals == [RunStatus.RUNNING] * 10
    assert len(books.record.queries) == 10


# ---------------------------------------------------------------------------------------------------------------- days
@pytest.mark.parametrize(
    ("time_zone", "day", "hours"),
    [
        ("Asia/Shanghai", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2026, 3, 8), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_days_have_the_hours_of_their_place(time_zone: str, day: date, hours: float) -> None:
    window = find_window(time_zone, day)
    assert window.until - window.since == timedelta(hours=hours)
    assert window.since.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "time_zone", ["Asia/Shanghai", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo"]
)
def test_days_leave_no_gap(time_zone: str) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(400)]
    windows = [find_window(time_zone, day) for day in days]
    assert all(first.until == second.since for first, second in pairwise(windows))
    assert all(window.since.astimezone(ZoneInfo(time_zone)).date() == window.day for window in windows)
