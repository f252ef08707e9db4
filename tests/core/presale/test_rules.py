"""Each rule at each edge of its thresholds, and what the figures will cost. Pure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import LANGUAGES, text
from core.messages.presale import PRESALE
from core.presale.estimates import ScoreRange, count_affordable, estimate_change
from core.presale.figures import Figures
from core.presale.rules import LIMITS, find_level, judge_figures
from core.presale.values import Figure, HealthLevel

HEALTHY, WATCH, DANGER = HealthLevel


def share(presale: int, of: int = 10_000) -> Figures:
    return Figures(presale=presale, spot=of - presale)


def late(count: int, of: int = 10_000) -> Figures:
    return Figures(due=of, on_time=of - count, shipped=of)


def unshipped(count: int, of: int = 10_000) -> Figures:
    return Figures(due=of, on_time=of - count, shipped=of - count)


def bad(count: int, of: int = 10_000) -> Figures:
    return Figures(reviews=of, bad_reviews=count)


def refunds(presale: int, spot: int) -> Figures:
    return Figures(presale=1000, presale_refunded=presale, spot=1000, spot_refunded=spot)


EDGES = [
    (share(1999), Figure.SHARE, "0.1999", "0.2", HEALTHY, "fine"),
    (share(2000), Figure.SHARE, "0.2", "0.2", HEALTHY, "near"),
    (share(3000), Figure.SHARE, "0.3", "0.2", HEALTHY, "near"),
    (share(3001), Figure.SHARE, "0.3001", "0.3", WATCH, "watch"),
    (share(5000), Figure.SHARE, "0.5", "0.3", WATCH, "watch"),
    (share(5001), Figure.SHARE, "0.5001", "0.5", DANGER, "danger"),
    (share(0), Figure.SHARE, "0", "0.2", HEALTHY, "fine"),
    (share(1, 1), Figure.SHARE, "1", "0.5", DANGER, "danger"),
    (late(199), Figure.ON_TIME, "0.9801", "0.98", HEALTHY, "fine"),
    (late(200), Figure.ON_TIME, "0.98", "0.98", HEALTHY, "near"),
    (late(10_000), Figure.ON_TIME, "0", "0.98", HEALTHY, "near"),
    (late(500), Figure.LATE, "0.05", "0.05", HEALTHY, "fine"),
    (late(501), Figure.LATE, "0.0501", "0.05", DANGER, "danger"),
    (late(1000), Figure.LATE, "0.1", "0.05", DANGER, "danger"),
    (late(1001), Figure.LATE, "0.1001", "0.1", DANGER, "exposure"),
    (unshipped(500), Figure.FULFILMENT, "0.95", "0.95", HEALTHY, "fine"),
    (unshipped(501), Figure.FULFILMENT, "0.9499", "0.95", WATCH, "watch"),
    (late(501), Figure.FULFILMENT, "1", "0.95", HEALTHY, "fine"),
    (bad(300), Figure.BAD_REVIEWS, "0.03", "0.03", HEALTHY, "fine"),
    (bad(301), Figure.BAD_REVIEWS, "0.0301", "0.03", DANGER, "danger"),
    (refunds(20, 20), Figure.REFUND_RATE, "0.02", "0.02", HEALTHY, "fine"),
    (refunds(21, 20), Figure.REFUND_RATE, "0.021", "0.02", WATCH, "watch"),
    (refunds(0, 0), Figure.REFUND_RATE, "0", "0", HEALTHY, "fine"),
    (refunds(1, 0), Figure.REFUND_RATE, "0.001", "0", WATCH, "watch"),
]


@pytest.mark.parametrize(("figures", "figure", "value", "threshold", "level", "advice"), EDGES)
def test_edges(figures, figure, value, threshold, level, advice):
    verdict = next(each for each in judge_figures(figures) if each.figure is figure)
    assert (verdict.value, verdict.threshold) == (Fraction(value), Fraction(threshold))
    assert (verdict.level, verdict.advice) == (level, f"presale.advice.{figure}.{advice}")
    assert verdict.reported


def test_nothing_is_reported():
    """Of a shop without orders and reviews every rule says so, and none alarms."""
    verdicts = judge_figures(Figures())
    assert [verdict.figure for verdict in verdicts] == list(Figure)
    assert {(verdict.value, verdict.reported, verdict.level) for verdict in verdicts} == {
        (None, False, HEALTHY)
    }
    assert all(verdict.advice.endswith(".unreported") for verdict in verdicts)
    assert find_level(verdicts) is HEALTHY


@pytest.mark.parametrize(
    "figures", [Figures(presale=5, presale_refunded=5), Figures(spot=5, spot_refunded=1)]
)
def test_refunds_with_nothing_to_compare(figures):
    verdict = next(each for each in judge_figures(figures) if each.figure is Figure.REFUND_RATE)
    assert (verdict.reported, verdict.level) == (False, HEALTHY)


def test_worst_rule_is_the_stores_level():
    assert find_level(judge_figures(share(1))) is HEALTHY
    assert find_level(judge_figures(share(4000))) is WATCH
    assert find_level(judge_figures(bad(4, 100))) is DANGER


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_has_its_advice(language):
    wanted = {
        f"presale.advice.{figure}.{advice}"
        for figure in Figure
        for advice in ("fine", "unreported", *(limit.advice for limit in LIMITS[figure]))
        if (figure, advice) != (Figure.ON_TIME, "watch")
    }
    assert all(text(key, language) for key in wanted)
    assert {key for key in PRESALE if any(f"advice.{figure}." in key for figure in Figure)} == wanted


# ----------------------------------------------------------------------------------------------------------- estimates
def test_score_change():
    assert estimate_change(unshipped(501)) == ScoreRange(Decimal("-0.80"), Decimal("-0.30"))
    assert estimate_change(unshipped(500)) is None
    assert estimate_change(Figures()) is None


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (late(2, 100), 3),
        (late(5, 100), 0),
        (late(6, 100), 0),
        (late(0, 19), 1),
        (late(0, 18), 0),
        (Figures(), 0),
    ],
)
def test_affordable(figures, expected):
    assert count_affordable(figures) == expected


@given(due=st.integers(0, 5000), missed=st.integers(0, 300))
def test_affordable_is_the_last_that_is_not_too_late(due, missed):
    figures = late(min(missed, due), due)
    more = count_affordable(figures)

    def alarms(extra: int) -> bool:
        grown = Figures(due=figures.due + extra, on_time=figures.on_time)
        value = grown.measure(Figure.LATE)
        return value is not None and value > Fraction(5, 100)

    assert alarms(more + 1)
    assert not alarms(more) or alarms(0)
