"""A simulated month: what ranked slots do for a shop, against offering every free slot. Seeded; synthetic demand.

Each day has one staff member from ten to ten. Guests come one after the other, each with a service and a time of day
they would like. Offered everything, a guest takes the free slot nearest to that time; offered the ranked few, and then
the next few, the nearest of those. Nobody takes what is further away than they put up with.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from core.reservations.slots.calendar import Calendar, join_spans, to_minute
from core.reservations.slots.candidates import Busy, Need, find_starts
from core.reservations.slots.habits import Habits
from core.reservations.slots.scoring import Scorer, Wish
from tests.benchmarks.arena import Arena
from tests.benchmarks.redeem import Effort, Line

_LENGTHS: Final = (30, 45, 60, 90)
_DAYS: Final = 30
_OPEN: Final = (
    to_minute(datetime(2026, 3, 2, 10, tzinfo=UTC)),
    to_minute(datetime(2026, 3, 2, 22, tzinfo=UTC)),
)
_CALENDAR: Final = Calendar(ZoneInfo("UTC"), *_OPEN)
_FEW: Final = 4
_PAGES: Final = 3


@dataclass(frozen=True)
class Guest:
    """`wanted`: the minute they would like; `patience`: how many minutes away from it they still take."""

    length: int
    wanted: int
    patience: int


@dataclass
class Outcome:
    """Of all days together. `unusable`: free minutes in gaps too short for any service."""

    guests: int = 0
    served: int = 0
    busy: int = 0
    unusable: int = 0
    away: int = 0


Policy = Callable[[Guest, list[tuple[int, int, int]]], int | None]


async def compare_ranking(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """The same month of guests for both policies, on quiet and on busy days."""
    lines: list[Line] = []
    results: dict[str, Any] = {}
    months = max(1, effort.pairs * 4)
    for guests_a_day in (14, 24):
        plain = _simulate(guests_a_day, months, _pick_nearest)
        ranked = _simulate(guests_a_day, months, _pick_ranked)
        better = ranked.served >= plain.served and ranked.unusable < plain.unusable
        lines += [
            Line(f"{guests_a_day} guests a day, all free slots", _show(plain, months)),
            Line(
                f"{guests_a_day} guests a day, ranked {_FEW}",
                _show(ranked, months),
                "no fewer, less waste",
                better,
            ),
        ]
        results[str(guests_a_day)] = {"all": vars(plain), "ranked": vars(ranked), "days": months * _DAYS}
    return lines, results


def _simulate(guests_a_day: int, months: int, policy: Policy) -> Outcome:
    outcome = Outcome()
    for day in range(months * _DAYS):
        _simulate_day(random.Random(f"{guests_a_day} {day}"), guests_a_day, policy, outcome)
    return outcome


def _simulate_day(chance: random.Random, guests_a_day: int, policy: Policy, outcome: Outcome) -> None:
    taken: list[tuple[int, int]] = []
    for _ in range(guests_a_day):
        guest = _invite(chance)
        found = find_starts(join_spans([_OPEN]), Busy(taken), Need(guest.length), *_OPEN)
        start = policy(guest, found)
        outcome.guests += 1
        if start is not None and abs(start - guest.wanted) <= guest.patience:
            taken.append((start, start + guest.length))
            outcome.served += 1
            outcome.busy += guest.length
            outcome.away += abs(start - guest.wanted)
    outcome.unusable += _count_unusable(taken)


def _invite(chance: random.Random) -> Guest:
    """Most come at noon or in the evening."""
    hour = chance.choice((chance.gauss(13, 2), chance.gauss(18.5, 2)))
    wanted = _OPEN[0] + 15 * round(min(max(hour - 10, 0), 11.5) * 4)
    return Guest(chance.choice(_LENGTHS), wanted, chance.choice((60, 120, 240)))


def _pick_nearest(guest: Guest, found: list[tuple[int, int, int]]) -> int | None:
    starts = [start for start, _, _ in found]
    return min(starts, key=lambda start: (abs(start - guest.wanted), start), default=None)


def _pick_ranked(guest: Guest, found: list[tuple[int, int, int]]) -> int | None:
    """The few best for a customer who usually comes at this time, then the next few."""
    habits = Habits({False: guest.wanted - _CALENDAR.find_day(guest.wanted).start})
    scorer = Scorer(_CALENDAR, _OPEN[0], Wish(habits), _LENGTHS, spread_load=False)
    priced = [
        (scorer.price_time(start)[0] + scorer.price_gap(left, right), start) for start, left, right in found
    ]
    best = [start for _, start in heapq.nsmallest(_FEW * _PAGES, priced)]
    for page in range(0, len(best), _FEW):
        nearest = _pick_nearest(guest, [(start, 0, 0) for start in best[page : page + _FEW]])
        if nearest is not None and abs(nearest - guest.wanted) <= guest.patience:
            return nearest
    return None


def _count_unusable(taken: list[tuple[int, int]]) -> int:
    busy = Busy(taken)
    edges = zip([_OPEN[0], *busy.ends], [*busy.starts, _OPEN[1]], strict=True)
    return sum(end - start for start, end in edges if end - start < min(_LENGTHS))


def _show(outcome: Outcome, months: int) -> str:
    days = months * _DAYS
    minutes = days * (_OPEN[1] - _OPEN[0])
    return (
        f"{outcome.served / days:.2f} served a day, {outcome.busy / minutes:.1%} used, "
        f"{outcome.unusable / days:.1f} min unusable, {outcome.away / max(1, outcome.served):.0f} min from the wish"
    )
