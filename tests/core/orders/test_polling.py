"""Reading a platform's orders: nothing is left out, whatever moves, breaks or dies; what was read is not read twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from bazaar import NOON, Bazaar, S, Stall, make_line, open_stall

from core.channels.contract import ChannelUnavailable, OrderBehaviour, ProtocolFailure, RateLimited
from core.clock import utc_now
from core.db.statements import as_instant, execute, fetch_row
from core.orders import polling
from core.orders.polling import find_and_ingest, poll_orders, sync_orders
from core.settings import Settings
from core.work.inbox import handle_inbox

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
async def stall(database: Settings) -> AsyncIterator[Stall]:
    async with open_stall(database) as opened:
        yield opened


async def read_cursor(stall):
    row = await fetch_row("SELECT * FROM order_cursor")
    return (
        as_instant(row["watermark"]),
        row["cursor"],
        row["reading_until"] and as_instant(row["reading_until"]),
    )


async def names(stall):
    return sorted(await stall.list("customer_order", "external_id"))


async def deliver(stall, reference: str, event_id: str, kind: str = "order.changed") -> None:
    """The platform says that an order has changed."""
    await stall.add(
        "inbox_event", account_id=stall.account.account_id, event_id=event_id, kind=kind, subject=reference,
        raw={}, next_attempt_at=stall.clock.now(), attempts=0, created_at=utc_now(),
    )  # fmt: skip


class Daily(Bazaar):
    """A platform that answers for a day at most."""

    behaviour: ClassVar[OrderBehaviour] = OrderBehaviour(longest_window=DAY, overlap=timedelta(minutes=5))


# -------------------------------------------------------------------------------------------------------------- reading
async def test_every_page_is_read(stall):
    for number in range(8):
        stall.bazaar.sell(f"o{number}")
    assert await stall.poll() == 1
    assert await names(stall) == [f"o{number}" for number in range(8)]
    assert [query.cursor is None for query in stall.bazaar.queries] == [True, False, False]


async def test_window_ends_before_the_reading_begins(stall):
    stall.bazaar.before_page = lambda: stall.clock.advance(1)
    for number in range(5):
        stall.bazaar.sell(f"o{number}")
    await stall.poll()
    first, second = stall.bazaar.queries
    assert first.until == second.until == NOON + 2 * MINUTE
    assert (await read_cursor(stall))[0] == first.until


async def test_history_comes_first(stall):
    stall.bazaar.sell("old", updated_at=NOON - 29 * DAY)
    stall.bazaar.sell("older", updated_at=NOON - 31 * DAY)
    await stall.poll()
    assert await names(stall) == ["old"]


async def test_overlap_is_read_again(stall):
    await stall.poll()
    # It becomes visible only after the window that it belongs to was read.
    stall.bazaar.sell("late", updated_at=NOON + MINUTE)
    await stall.poll()
    assert await names(stall) == ["late"]


async def test_next_window_begins_at_the_watermark(stall):
    await stall.poll()
    await stall.poll()
    first, second = stall.bazaar.queries
    assert second.since == first.until - stall.bazaar.behaviour.overlap


async def test_long_windows_are_cut(stall):
    stall.account.channel.orders = stall.bazaar = _like(stall.bazaar, Daily())
    for number in range(29):
        stall.bazaar.sell(f"o{number}", updated_at=NOON - number * DAY)
    assert await stall.poll() == 1
    assert len(await names(stall)) == 29
    assert max(query.until - query.since for query in stall.bazaar.queries) <= DAY
    assert (await read_cursor(stall))[0] == NOON + 2 * MINUTE


async def test_orders_that_move_between_pages_are_not_left_out(stall):
    for number in range(9):
        stall.bazaar.sell(f"o{number}", updated_at=NOON - number * MINUTE)

    def buy() -> None:
        stall.bazaar.change("o8", note="again")
        stall.bazaar.before_page = None

    stall.bazaar.before_page = buy
    await stall.poll()
    await stall.poll()
    assert await names(stall) == [f"o{number}" for number in range(9)]
    assert await stall.list("customer_order", "note", where="external_id = 'o8'") == ["again"]


async def test_references_are_asked_for_in_portions(stall):
    stall.bazaar.references_only, stall.bazaar.page_size = True, 50
    for number in range(45):
        stall.bazaar.sell(f"o{number:02d}")
    await stall.poll()
    assert [len(asked) for asked in stall.bazaar.found] == [20, 20, 5]
    assert await stall.count("customer_order") == 45


async def test_it_is_due_again_after_a_minute(stall):
    await stall.poll()
    await stall.poll(timedelta(seconds=30))
    assert len(stall.bazaar.queries) == 1
    await stall.poll(timedelta(seconds=31))
    assert len(stall.bazaar.queries) == 2


async def test_disabled_account_is_left_alone(stall):
    await stall.poll()
    await execute("UPDATE channel_account SET status = 'DISABLED'")
    await stall.poll()
    assert len(stall.bazaar.queries) == 1


# ------------------------------------------------------------------------------------------------------------- breaking
async def test_watermark_waits_for_the_last_page(stall):
    for number in range(7):
        stall.bazaar.sell(f"o{number}")
    stall.bazaar.troubles.extend([None, None, ChannelUnavailable("down")])
    assert await stall.poll() == 0
    watermark, cursor, until = await read_cursor(stall)
    assert (watermark, until) == (NOON + 2 * MINUTE - polling.HISTORY, NOON + 2 * MINUTE)
    assert cursor
    assert await stall.count("customer_order") == 6
    assert (await fetch_row("SELECT attempts, last_error FROM order_cursor"))["attempts"] == 1


async def test_reading_goes_on_where_it_stopped(stall):
    for number in range(7):
        stall.bazaar.sell(f"o{number}")
    stall.bazaar.troubles.extend([None, None, ChannelUnavailable("down")])
    await stall.poll()
    stall.bazaar.queries.clear()
    assert await stall.poll() == 1
    assert stall.bazaar.queries[0].cursor
    assert stall.bazaar.queries[0].until == NOON + 2 * MINUTE
    assert await stall.count("customer_order") == 7
    assert (await fetch_row("SELECT attempts FROM order_cursor"))["attempts"] == 0


async def test_killed_reader_is_followed_by_another(stall):
    for number in range(7):
        stall.bazaar.sell(f"o{number}")
    stall.bazaar.troubles.extend([None, None, asyncio.CancelledError()])
    with pytest.raises(asyncio.CancelledError):
        await stall.poll()
    assert await stall.poll(MINUTE) == 0
    assert await stall.poll(timedelta(minutes=10)) == 1
    assert await stall.count("customer_order") == 7


async def test_cursor_that_the_platform_refuses_is_given_up(stall):
    for number in range(7):
        stall.bazaar.sell(f"o{number}")
    stall.bazaar.troubles.extend([None, None, ProtocolFailure("what cursor?")])
    await stall.poll()
    stall.bazaar.queries.clear()
    assert await stall.poll() == 1
    assert stall.bazaar.queries[0].cursor is None
    assert await stall.count("customer_order") == 7


async def test_platform_that_asks_for_patience_gets_it(stall):
    stall.bazaar.troubles.append(RateLimited("slowly", retry_after=600))
    await stall.poll()
    await stall.poll(timedelta(minutes=9))
    assert len(stall.bazaar.queries) == 1
    await stall.poll()
    assert len(stall.bazaar.queries) > 1


async def test_failures_wait_longer_and_longer(stall):
    stall.bazaar.troubles.extend([ChannelUnavailable("down")] * 40)
    for _ in range(600):
        await stall.poll(MINUTE)
    assert 10 <= len(stall.bazaar.queries) <= 20


async def test_list_without_an_end_is_given_up(stall, monkeypatch):
    stall.bazaar.sell("o1")

    async def list_for_ever(session, query):
        stall.bazaar.queries.append(query)
        page = await Bazaar.list_orders(stall.bazaar, session, query)
        return replace(page, next_cursor="the same")

    monkeypatch.setattr(stall.bazaar, "list_orders", list_for_ever)
    await stall.poll()
    assert len(stall.bazaar.queries) < 10
    assert "ProtocolFailure" in (await fetch_row("SELECT last_error FROM order_cursor"))["last_error"]


async def test_reader_who_was_too_slow_moves_nothing(stall):
    """Its lease runs out, another reads to the end; then the first one wakes up."""
    for number in range(5):
        stall.bazaar.sell(f"o{number}")
    asleep, wake = asyncio.Event(), asyncio.Event()
    pages = Bazaar.list_orders

    async def sleep_once(session, query):
        stall.bazaar.list_orders = pages.__get__(stall.bazaar)
        page = await pages(stall.bazaar, session, query)
        asleep.set()
        await wake.wait()
        return page

    stall.bazaar.list_orders = sleep_once
    slow = asyncio.ensure_future(stall.poll())
    await asleep.wait()
    assert await stall.poll(timedelta(minutes=11)) == 1
    before = await read_cursor(stall)
    wake.set()
    assert await slow == 0
    assert await read_cursor(stall) == before
    assert await stall.count("customer_order") == 5


async def test_two_at_once_read_once(stall):
    for number in range(5):
        stall.bazaar.sell(f"o{number}")
    await asyncio.gather(*(poll_orders(stall.runtime) for _ in range(4)))
    assert sum(query.cursor is None for query in stall.bazaar.queries) == 1


async def test_order_that_cannot_be_kept_holds_up_no_other(stall):
    stall.bazaar.sell("bad", total=-1)
    stall.bazaar.sell("good")
    assert await stall.poll() == 1
    assert await names(stall) == ["good"]
    assert await stall.list("inbox_event", "kind", "subject") == [("order.changed", "bad")]
    stall.bazaar.change("bad", total=9000)
    stall.clock.advance(MINUTE)
    await handle_inbox(stall.runtime)
    assert await names(stall) == ["bad", "good"]


# ----------------------------------------------------------------------------------------------------------- deliveries
async def test_delivery_alone_suffices(stall):
    stall.bazaar.sell("o1", S.SHIPPED)
    await deliver(stall, "o1", "e1")
    assert await handle_inbox(stall.runtime) == 1
    assert await stall.list("customer_order", "external_id", "status") == [("o1", "SHIPPED")]
    assert stall.bazaar.found == [("o1",)]


async def test_delivery_and_poll_do_not_double(stall):
    stall.bazaar.sell("o1")
    await deliver(stall, "o1", "e1")
    await deliver(stall, "o1", "e2")
    await asyncio.gather(handle_inbox(stall.runtime), poll_orders(stall.runtime))
    await stall.poll()
    assert await stall.count("customer_order") == 1
    assert await stall.count("outbox_event") == 1


async def test_delivery_before_its_order_is_looked_at_again(stall):
    await deliver(stall, "o1", "e1")
    assert await handle_inbox(stall.runtime) == 0
    stall.bazaar.sell("o1")
    stall.clock.advance(MINUTE)
    assert await handle_inbox(stall.runtime) == 1
    assert await names(stall) == ["o1"]


async def test_delivery_of_an_order_that_never_was_ends(stall):
    await deliver(stall, "nobody", "e1")
    handled = 0
    for _ in range(30):
        handled += await handle_inbox(stall.runtime)
        stall.clock.advance(timedelta(hours=1))
    assert handled == 1
    assert len(stall.bazaar.found) < 15


async def test_delivery_while_the_platform_is_down_comes_again(stall):
    stall.bazaar.sell("o1")
    stall.bazaar.troubles.append(ChannelUnavailable("down"))
    await deliver(stall, "o1", "e1")
    assert await handle_inbox(stall.runtime) == 0
    stall.clock.advance(MINUTE)
    assert await handle_inbox(stall.runtime) == 1
    assert await names(stall) == ["o1"]


async def test_found_order_says_whether_it_is_known(stall):
    stall.bazaar.sell("o1")
    assert await find_and_ingest(stall.runtime, stall.account, "o1")
    assert not await find_and_ingest(stall.runtime, stall.account, "o2")


# -------------------------------------------------------------------------------------------------------------- syncing
async def test_sync_counts(stall):
    stall.bazaar.sell("o1")
    stall.bazaar.sell("o2", lines=(make_line(),))
    stall.clock.advance(1)
    counts = await sync_orders(stall.runtime, stall.account, 5)
    assert (counts.finished, counts.created, counts.updated, counts.unchanged) == (True, 2, 0, 0)
    stall.bazaar.change("o2", note="more")
    stall.clock.advance(1)
    counts = await sync_orders(stall.runtime, stall.account, 5)
    assert (counts.finished, counts.created, counts.updated, counts.unchanged) == (True, 0, 1, 1)


async def test_sync_without_time_is_not_finished(stall):
    stall.bazaar.sell("o1")
    stall.clock.advance(1)
    counts = await sync_orders(stall.runtime, stall.account, 0)
    assert not counts.finished
    # The task goes on at once.
    assert await poll_orders(stall.runtime) == 1
    assert await names(stall) == ["o1"]


async def test_sync_of_a_broken_platform_says_why(stall):
    stall.bazaar.troubles.append(ChannelUnavailable("down"))
    counts = await sync_orders(stall.runtime, stall.account, 5)
    assert not counts.finished
    assert isinstance(counts.failure, ChannelUnavailable)


def _like(old: Bazaar, new: Bazaar) -> Bazaar:
    new.clock = old.clock
    return new
