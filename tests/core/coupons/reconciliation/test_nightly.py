"""What runs by itself: each bound store, each day, once, as soon as the record of the day is complete."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import ChannelUnavailable
from core.coupons.reconciliation.nightly import reconcile_days
from core.db.statements import execute, fetch_rows

MALL, HOUSE = ("mall",), ("house",)


async def read_days(channel: str = "mall") -> list[tuple[str, str]]:
    rows = await fetch_rows(
        "SELECT day, status FROM reconciliation_run WHERE channel=$1 ORDER BY day", channel
    )
    return [(row["day"], row["status"]) for row in rows]


async def test_day_is_reconciled_once(books: Any) -> None:
    books.use("r1")
    assert await reconcile_days(books.runtime) == 2
    assert (await read_days(), await read_days("house")) == ([("2026-03-02", "DONE")],) * 2
    assert await reconcile_days(books.runtime) == 0
    assert len(books.record.queries) == 1


async def test_channels_that_list_nothing_are_left_alone(books: Any) -> None:
    await reconcile_days(books.runtime)
    assert await read_days("muted") == []


async def test_not_before_the_record_is_complete(books: Any) -> None:
    """Midnight at the store, ten minutes of the platform's own delay, and three hours."""
    books.clock.advance(timedelta(minutes=-51))
    await reconcile_days(books.runtime)
    assert await read_days() == []
    books.clock.advance(timedelta(minutes=2))
    await reconcile_days(books.runtime)
    assert await read_days() == [("2026-03-02", "DONE")]


async def test_midnight_is_the_stores_own(books: Any) -> None:
    """In Berlin the day ends seven hours later than in Shanghai."""
    store = await books.add_store("Europe/Berlin", books.clock.now() - timedelta(days=30))
    await execute("DELETE FROM channel_store WHERE store_id=$1", books.store.id)
    await reconcile_days(books.runtime)
    latest = (await read_days())[-1][0]
    assert latest == "2026-03-01"
    books.clock.advance(timedelta(hours=7))
    await reconcile_days(books.runtime)
    [row] = await fetch_rows(
        "SELECT store_id, since FROM reconciliation_run WHERE day='2026-03-02' AND channel='mall'"
    )
    assert str(row["store_id"]) == str(store.id)
    assert "23:00" in str(row["since"])


async def test_catches_up_for_a_week(books: Any) -> None:
    books.clock.advance(timedelta(days=20))
    await reconcile_days(books.runtime)
    assert [day for day, _ in await read_days()] == [f"2026-03-{number}" for number in range(16, 23)]


async def test_days_before_the_binding_are_not_owed(books: Any) -> None:
    await books.add_store("Asia/Shanghai", books.clock.now())
    await reconcile_days(books.runtime)
    assert await read_days() == [("2026-03-02", "DONE")]
    books.clock.advance(timedelta(days=1))
    await reconcile_days(books.runtime)
    assert [day for day, _ in await read_days()] == ["2026-03-02", "2026-03-03", "2026-03-03"]


async def test_disabled_accounts_rest(books: Any) -> None:
    await execute("UPDATE channel_account SET status='DISABLED'")
    await reconcile_days(books.runtime)
    assert await read_days() == []


async def test_failure_is_repeated_after_a_pause(books: Any) -> None:
    books.record.faults = {1: ChannelUnavailable("down"), 2: ChannelUnavailable("down")}
    await reconcile_days(books.runtime)
    assert await read_days() == [("2026-03-02", "FAILED")]
    books.clock.advance(timedelta(minutes=9))
    assert await reconcile_days(books.runtime) == 0
    books.clock.advance(timedelta(minutes=1))
    assert await reconcile_days(books.runtime) == 1
    books.clock.advance(timedelta(minutes=30))
    await reconcile_days(books.runtime)
    assert (await read_days(), len(books.record.queries)) == ([("2026-03-02", "DONE")], 3)


async def test_failure_is_given_up_after_a_week(books: Any) -> None:
    books.record.faults = dict.fromkeys(range(1, 100), ChannelUnavailable("down"))
    await reconcile_days(books.runtime)
    await execute("DELETE FROM channel_store")
    books.clock.advance(timedelta(days=9))
    assert await reconcile_days(books.runtime) == 7
    assert {day for day, _ in await read_days("house")} >= {"2026-03-11"}
    assert len(books.record.queries) == 1


async def test_day_with_differences_is_looked_at_once_more(books: Any) -> None:
    use = books.use("r1")
    await reconcile_days(books.runtime)
    books.record.uses.remove(use)
    await execute("UPDATE channel_account SET status='ACTIVE'")
    books.clock.advance(timedelta(hours=19))
    assert await reconcile_days(books.runtime) == 0
    books.clock.advance(timedelta(hours=5))
    await reconcile_days(books.runtime)
    [row] = await fetch_rows(
        "SELECT difference_count, next_attempt_at FROM reconciliation_run WHERE channel='mall' AND day='2026-03-02'"
    )
    assert (row["difference_count"], row["next_attempt_at"]) == (0, None)


async def test_reader_that_died_is_replaced(books: Any) -> None:
    """Its row says RUNNING, and nobody renews the lease."""
    arrived = asyncio.Event()

    async def hang() -> None:
        arrived.set()
        await asyncio.Event().wait()

    books.record.on_call = hang
    dying = asyncio.create_task(reconcile_days(books.runtime))
    await arrived.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    books.record.on_call = None
    assert await read_days() == [("2026-03-02", "RUNNING")]
    await reconcile_days(books.runtime)
    assert await read_days() == [("2026-03-02", "RUNNING")]
    books.clock.advance(timedelta(seconds=91))
    await reconcile_days(books.runtime)
    assert await read_days() == [("2026-03-02", "DONE")]


async def test_two_processes_read_a_day_once(books: Any) -> None:
    await asyncio.gather(*(reconcile_days(books.runtime) for _ in range(3)))
    assert await read_days() == [("2026-03-02", "DONE")]
    assert len(books.record.queries) == 1


async def test_one_broken_account_does_not_stop_the_others(books: Any) -> None:
    books.record.faults = {1: ValueError("a fault of the adapter")}
    await reconcile_days(books.runtime)
    assert (await read_days(), await read_days("house")) == (
        [("2026-03-02", "FAILED")],
        [("2026-03-02", "DONE")],
    )
