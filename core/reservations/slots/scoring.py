"""How good a slot is, and why. The lower its cost, the better; its score is the cost with the other sign.

A slot costs for the gaps it would leave, for being far from when the customer usually comes, for another staff
member than the usual one, for being far away, and for the load of its day. The weights are such that for a customer
without history nothing outweighs a slot that exactly fills a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

from core.reservations.slots.calendar import DAY, Calendar
from core.reservations.slots.habits import Habits
from core.reservations.values import SlotReason

GAP_WEIGHT: Final = 0.5
_ADJACENT, _UNUSABLE, _SELLABLE, _AWKWARD = -1.0, 2.0, 0.0, 0.2
# A gap of so many times the shortest service is never awkward: much can still be put into it.
_WIDE: Final = 4
# Beyond what its two sides are worth.
_FILLING: Final = -1.0
_HOUR_WEIGHT, _MOST_HOURS = 0.25, 4.0
_WEEKDAY_WEIGHT: Final = 0.25
_STAFF_WEIGHT: Final = 0.5
_WEEK_WEIGHT, _MOST_WEEKS = 0.15, 2.0
_LOAD_WEIGHT: Final = 0.15
# A refused slot's neighbours in time come before everything else.
_NEAR_WEIGHT, _MOST_NEAR_HOURS = 0.5, 72.0
_USUAL_MINUTES: Final = 60
_WEEK: Final = 7 * DAY

USUAL_TIME, USUAL_STAFF, FILLS_GAP, LEAST_BUSY, EARLIEST = 1, 2, 4, 8, 16
_REASONS: Final = (
    (USUAL_TIME, SlotReason.USUAL_TIME),
    (USUAL_STAFF, SlotReason.USUAL_STAFF),
    (FILLS_GAP, SlotReason.FILLS_GAP),
    (LEAST_BUSY, SlotReason.LEAST_BUSY),
    (EARLIEST, SlotReason.EARLIEST),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the slots are wanted for. `near` (a minute) and `staff_id` stand before the customer's habits."""

    habits: Habits = field(default_factory=Habits)
    near: int | None = None
    staff_id: UUID | None = None


class Scorer:
    """Costs of slots for one wish. Those of a start are worked out once, however many people have it free."""

    def __init__(
        self, calendar: Calendar, now: int, wish: Wish, lengths: Iterable[int], *, spread_load: bool
    ) -> None:
        """`lengths`: how many minutes, buffers included, the services take that the gaps could be sold for."""
        self._calendar = calendar
        self._now = now
        self._wish = wish
        self._gaps = price_gaps(tuple(sorted(set(lengths))))
        self._spread_load = spread_load
        self._times: dict[int, tuple[float, int]] = {}

    def price_time(self, start: int) -> tuple[float, int]:
        """What a start costs, and its reasons."""
        known = self._times.get(start)
        if known is None:
            known = self._times[start] = self._price_time(start)
        return known

    def price_staff(self, staff_id: UUID | None) -> tuple[float, int]:
        """What a staff member costs, and the reasons."""
        wanted = self._wish.staff_id or self._wish.habits.staff_id
        if wanted is None or staff_id is None:
            return 0.0, 0
        if staff_id != wanted:
            return _STAFF_WEIGHT, 0
        return 0.0, USUAL_STAFF if staff_id == self._wish.habits.staff_id else 0

    def price_load(self, share: float) -> float:
        """What a time costs of which `share` (0 … 1) is taken."""
        return _LOAD_WEIGHT * (share if self._spread_load else 1 - share)

    def price_gap(self, left: int, right: int) -> float:
        """What it costs to leave these many minutes free before and after."""
        cost = self._price_side(left) + self._price_side(right)
        return GAP_WEIGHT * (cost if left or right else cost + _FILLING)

    def _price_side(self, minutes: int) -> float:
        return self._gaps[minutes] if minutes < DAY else _SELLABLE

    def _price_time(self, start: int) -> tuple[float, int]:
        cost = _WEEK_WEIGHT * min((start - self._now) / _WEEK, _MOST_WEEKS)
        near = self._wish.near
        if near is not None:
            return cost + _NEAR_WEIGHT * min(abs(start - near) / 60, _MOST_NEAR_HOURS), 0
        day = self._calendar.find_day(start)
        weekday, habits = day.day.weekday(), self._wish.habits
        if habits.weekdays:
            cost += _WEEKDAY_WEIGHT * (1 - habits.weekdays.get(weekday, 0.0))
        preferred = habits.find_hour(weekday)
        if preferred is None:
            return cost, 0
        hour, weight, own = preferred
        away = abs(self._calendar.find_wall(day, start) - hour)
        away = min(away, DAY - away)
        cost += _HOUR_WEIGHT * weight * min(away / 60, _MOST_HOURS)
        return cost, USUAL_TIME if own and away <= _USUAL_MINUTES else 0


@lru_cache(maxsize=512)
def price_gaps(lengths: Sequence[int]) -> tuple[float, ...]:
    """What a gap of 0, 1, 2 … 1439 minutes costs where services of these lengths are sold."""
    sellable = 1
    for length in lengths:
        # Every shift doubles how often the service may be in the gap.
        step = length
        while step < DAY:
            sellable |= sellable << step
            step *= 2
    shortest = min(lengths, default=0)
    costs = [_price_minutes(minutes, shortest, sellable) for minutes in range(1, DAY)]
    return (_ADJACENT, *costs)


def list_reasons(bits: int) -> tuple[SlotReason, ...]:
    """The reasons that the bits stand for."""
    return _REASONS_BY_BITS[bits]


def _price_minutes(minutes: int, shortest: int, sellable: int) -> float:
    if minutes < shortest:
        return _UNUSABLE
    return _SELLABLE if minutes >= _WIDE * shortest or sellable >> minutes & 1 else _AWKWARD


_REASONS_BY_BITS: Final = tuple(
    tuple(reason for bit, reason in _REASONS if bits & bit) for bits in range(2 * EARLIEST)
)
