"""Whatever the order in which states of bookings come, how often, and how many at once: the calendar is the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hall import Booked, S, open_hall
from salon import MORNING

from core.channels.contract import ChannelBooking
from core.db.statements import as_instant, fetch_rows
from core.settings import Settings

HISTORIES = (
    (S.REQUESTED, S.CONFIRMED),
    (S.REQUESTED, S.CONFIRMED, S.CANCELLED),
    (S.CONFIRMED, S.CONFIRMED, S.CONFIRMED),
    (S.REQUESTED, S.CANCELLED),
    (S.CONFIRMED, S.ARRIVED, S.COMPLETED),
    (S.CONFIRMED, S.NO_SHOW),
)
OURS = {
    S.REQUESTED: "CONFIRMED",
    S.CONFIRMED: "CONFIRMED",
    S.COMPLETED: "COMPLETED",
    S.NO_SHOW: "NO_SHOW",
    S.CANCELLED: "CANCELLED_BY_CUSTOMER",
}


@pytest.fixture
async def booked(database: Settings) -> AsyncIterator[Booked]:
    async with open_hall(database) as opened:
        yield opened


def tell(booked: Booked, chance: random.Random) -> list[list[ChannelBooking]]:
    """Six bookings with two hours each to move about in; each list is the life of one, the last state last."""
    lives = []
    for number, history in enumerate(HISTORIES):
        life = []
        for status in history:
            still = status in (S.ARRIVED, S.COMPLETED, S.NO_SHOW, S.CANCELLED) and life
            start = (
                life[-1].start
                if still
                else MORNING + timedelta(hours=2 * number + chance.choice((0, 0.5, 1)))
            )
            booked.salon.clock.advance(timedelta(seconds=1))
            life.append(booked.hall.put(f"b{number}", status, start))
        lives.append(life)
    return lives


async def deliver(booked: Booked, states: list[ChannelBooking], chance: random.Random) -> None:
    """In portions at once, with a reading of the list or other background work in between."""
    while states:
        portion = [states.pop() for _ in range(min(len(states), chance.randint(1, 4)))]
        await asyncio.gather(*(booked.take(each) for each in portion))
        if chance.random() < 0.2:
            await asyncio.gather(booked.sync(), booked.take(portion[0]))
        if chance.random() < 0.2:
            await booked.work()


async def find_overlaps() -> list[object]:
    rows = await fetch_rows(
        "SELECT resource_id, start_at, end_at FROM booking_allocation WHERE state IN ('HELD', 'CONFIRMED')"
        " ORDER BY resource_id, start_at"
    )
    return [
        one
        for one, two in pairwise(rows)
        if one["resource_id"] == two["resource_id"]
        and as_instant(two["start_at"]) < as_instant(one["end_at"])
    ]


def expect(lives: list[list[ChannelBooking]]) -> dict[str, tuple[str, datetime]]:
    """What stands in the calendar in the end: the last state of each booking that is not cancelled."""
    last = [life[-1] for life in lives]
    return {
        each.reference: (OURS[each.status], each.start) for each in last if each.status is not S.CANCELLED
    }


@pytest.mark.parametrize("seed", range(8))
async def test_any_order_gives_the_same_calendar(booked, seed):
    chance = random.Random(seed)  # a test that can be repeated
    lives = tell(booked, chance)
    states = [state for life in lives for state in life for _ in range(chance.randint(1, 3))]
    chance.shuffle(states)
    await deliver(booked, states, chance)
    await booked.work()
    await booked.sync()
    await booked.work()
    rows = await fetch_rows("SELECT external_id, status, start_at FROM reservation")
    living = {
        row["external_id"]: (row["status"], as_instant(row["start_at"]))
        for row in rows
        if not row["status"].startswith("CANCELLED")
    }
    expected = expect(lives)
    # Visits that were over before anything was known of them are not taken into the calendar.
    over = {reference for reference, (status, _) in expected.items() if status in ("COMPLETED", "NO_SHOW")}
    assert living == {key: value for key, value in expected.items() if key not in over - living.keys()}
    assert len(rows) == len({row["external_id"] for row in rows}), "a booking has two reservations"
    assert await find_overlaps() == []
    assert await booked.salon.count("channel_booking", "outcome = 'CONFLICT'") == 0


@pytest.mark.parametrize("seed", range(4))
async def test_rivals_never_overlap(booked, seed):
    """Bookings of the same hours, ours among them: some end as conflicts, and none is lost."""
    chance = random.Random(seed)
    states = []
    for number in range(8):
        start = MORNING + timedelta(hours=chance.choice((2, 2.5, 3)))
        states.append(booked.hall.put(f"r{number}", chance.choice((S.CONFIRMED, S.REQUESTED)), start))
    people = [await booked.salon.enlist() for _ in range(3)]
    slots = [booked.salon.slot(booked.service, chance.choice((2, 2.5, 3))) for _ in people]
    await asyncio.gather(
        *(booked.take(each) for each in states),
        *(booked.salon.book(slot, who) for slot, who in zip(slots, people, strict=True)),
    )
    await booked.work()
    await booked.sync()
    assert await find_overlaps() == []
    placed = await booked.salon.count("reservation", "external_id IS NOT NULL AND status = 'CONFIRMED'")
    others = await booked.salon.count(
        "channel_booking", "origin = 'PLATFORM' AND outcome IN ('CONFLICT', 'REFUSED', 'ENDED')"
    )
    assert placed + others == len(states)
