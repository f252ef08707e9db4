"""What the figures will do to the store's score. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from core.presale.figures import Figures
from core.presale.rules import LIMITS
from core.presale.values import Figure, HealthLevel


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """By how much a score of 0 to 5 is expected to change: from `low`, the worse end, to `high`."""

    low: Decimal
    high: Decimal


# What published guidance says a fulfilment below the watch limit costs.
_UNFULFILLED: Final = ScoreRange(Decimal("-0.80"), Decimal("-0.30"))


def estimate_change(figures: Figures) -> ScoreRange | None:
    """The change to expect; None where none is."""
    fulfilment = figures.measure(Figure.FULFILMENT)
    limit = LIMITS[Figure.FULFILMENT][0]
    if fulfilment is None or not limit.meets(fulfilment, limit.bound):
        return None
    return _UNFULFILLED


def count_affordable(figures: Figures) -> int:
    """How many more lines may come due and be late until the share of late ones is above the danger limit.

    Each of them counts as due and as late: the most k with (late + k) / (due + k) <= limit.
    """
    limit = next(each.bound for each in reversed(LIMITS[Figure.LATE]) if each.level is HealthLevel.DANGER)
    room: Fraction = (limit * figures.due - figures.late) / (1 - limit)
    return max(0, int(room))
