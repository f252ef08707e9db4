"""When a store's presales do well, when they want watching, when they are in danger. Pure; the thresholds are data.

Source of the thresholds: the guidance that platforms and their trainers publish for sellers, as `docs/presale.md`
lists it. They are shares of order lines, or of reviews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import ge, gt, le, lt
from typing import Final

from core.presale.figures import Figures
from core.presale.values import Figure, HealthLevel

_LEVELS: Final = tuple(HealthLevel)


@dataclass(frozen=True, slots=True)
class Limit:
    """A value for which `meets(value, bound)` holds has this level. `advice`: `presale.advice.<figure>.<advice>`."""

    bound: Fraction
    meets: Callable[[Fraction, Fraction], bool]
    level: HealthLevel
    advice: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says.

    value      None where nobody reports the figure, or there is nothing to measure: `reported` is False then
    threshold  the limit that was met, or the first that would be
    advice     a text of `core.messages`
    """

    figure: Figure
    value: Fraction | None
    threshold: Fraction
    level: HealthLevel
    advice: str

    @property
    def reported(self) -> bool:
        return self.value is not None


def _percent(number: int) -> Fraction:
    return Fraction(number, 100)


# The worst first. Between HEALTHY and WATCH: HEALTHY with advice.
LIMITS: Final[Mapping[Figure, tuple[Limit, ...]]] = {
    Figure.SHARE: (
        Limit(_percent(50), gt, HealthLevel.DANGER, "danger"),
        Limit(_percent(30), gt, HealthLevel.WATCH, "watch"),
        Limit(_percent(20), ge, HealthLevel.HEALTHY, "near"),
    ),
    Figure.ON_TIME: (Limit(_percent(98), le, HealthLevel.HEALTHY, "near"),),
    Figure.LATE: (
        # About a fifth less exposure.
        Limit(_percent(10), gt, HealthLevel.DANGER, "exposure"),
        Limit(_percent(5), gt, HealthLevel.DANGER, "danger"),
    ),
    Figure.FULFILMENT: (Limit(_percent(95), lt, HealthLevel.WATCH, "watch"),),
    Figure.BAD_REVIEWS: (Limit(_percent(3), gt, HealthLevel.DANGER, "danger"),),
    # Its bound is the shop's own rate for spot goods.
    Figure.REFUND_RATE: (Limit(Fraction(0), gt, HealthLevel.WATCH, "watch"),),
}


def judge_figures(figures: Figures) -> tuple[Verdict, ...]:
    """What every rule says of these figures, in their order."""
    return tuple(_judge(figure, figures.measure(figure), find_limits(figure, figures)) for figure in Figure)


def find_limits(figure: Figure, figures: Figures) -> Sequence[Limit]:
    """The limits of a figure in this shop, the worst first."""
    limits = LIMITS[figure]
    if figure is Figure.REFUND_RATE:
        return [replace(limit, bound=figures.spot_refund_rate or Fraction(0)) for limit in limits]
    return limits


def find_level(verdicts: Sequence[Verdict]) -> HealthLevel:
    """The worst of them."""
    return max((verdict.level for verdict in verdicts), key=_LEVELS.index, default=HealthLevel.HEALTHY)


def _judge(figure: Figure, value: Fraction | None, limits: Sequence[Limit]) -> Verdict:
    mildest = limits[-1].bound
    if value is None:
        return Verdict(figure, None, mildest, HealthLevel.HEALTHY, f"presale.advice.{figure}.unreported")
    met = next((limit for limit in limits if limit.meets(value, limit.bound)), None)
    if met is None:
        return Verdict(figure, value, mildest, HealthLevel.HEALTHY, f"presale.advice.{figure}.fine")
    return Verdict(figure, value, met.bound, met.level, f"presale.advice.{figure}.{met.advice}")
