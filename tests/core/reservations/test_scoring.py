"""What a slot costs, what is learnt from visits, and the promise that a filled gap comes first for a new customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from core.reservations.slots.calendar import Calendar, to_minute
from core.reservations.slots.habits import Habits, Visit, learn_habits
from core.reservations.slots.scoring import (
    EARLIEST,
    FILLS_GAP,
    USUAL_STAFF,
    USUAL_TIME,
    Scorer,
    Wish,
    list_reasons,
    price_gaps,
)
from core.reservations.values import SlotReason

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)  # a Monday, noon in Shanghai
MINUTE = to_minute(NOW)
ANNA, BEA = UUID(int=1), UUID(int=2)


def make_scorer(wish=None, lengths=(30, 45, 60), spread_load=True):
    calendar = Calendar(SHANGHAI, MINUTE, MINUTE + 30 * 1440)
    return Scorer(calendar, MINUTE, wish or Wish(), lengths, spread_load=spread_load)


# --------------------------------------------------------------------------------------------------------------- gaps
@pytest.mark.parametrize(
    ("minutes", "worth"),
    [(0, "adjacent"), (1, "unusable"), (29, "unusable"), (30, "sellable"), (31, "awkward"), (45, "sellable"),
     (75, "sellable"), (76, "awkward"), (90, "sellable"), (119, "awkward"), (120, "sellable"), (121, "sellable")],
)  # fmt: skip
def test_gaps(minutes, worth):
    """Half an hour and three quarters are sold; four times the shortest is wide enough for anything."""
    known = {-1.0: "adjacent", 2.0: "unusable", 0.2: "awkward", 0.0: "sellable"}
    assert known[price_gaps((30, 45))[minutes]] == worth


def test_store_that_sells_nothing_else_has_no_unusable_gaps():
    assert set(price_gaps(())[1:]) == {0.0}


def test_filling_a_gap_is_more_than_touching_both_sides():
    scorer = make_scorer()
    assert scorer.price_gap(0, 0) < 2 * scorer.price_gap(0, 120) < scorer.price_gap(120, 120)
    assert scorer.price_gap(10, 120) > scorer.price_gap(120, 120)


@given(
    filled=st.integers(MINUTE, MINUTE + 14 * 1440),
    other=st.integers(MINUTE, MINUTE + 14 * 1440),
    sides=st.tuples(st.integers(0, 1500), st.integers(0, 1500)).filter(any),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    popular=st.none() | st.integers(0, 1439),
    spread_load=st.booleans(),
)
def test_without_history_nothing_outweighs_a_filled_gap(filled, other, sides, shares, popular, spread_load):
    """Whatever the time, the popular hour and the load: for one staff member this is the whole cost."""
    scorer = make_scorer(Wish(Habits(popular=popular)), spread_load=spread_load)
    cost = scorer.price_time(filled)[0] + scorer.price_gap(0, 0) + scorer.price_load(shares[0])
    assert cost < scorer.price_time(other)[0] + scorer.price_gap(*sides) + scorer.price_load(shares[1])


# --------------------------------------------------------------------------------------------------------------- times
def at(day, hour, minute=0):
    """A time of March 2026 in Shanghai, in minutes."""
    return to_minute(datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI))


def test_sooner_is_better():
    scorer = make_scorer()
    assert scorer.price_time(at(3, 10)) < scorer.price_time(at(4, 10)) < scorer.price_time(at(9, 10))


def test_usual_time_is_within_an_hour_of_the_wall_clock():
    scorer = make_scorer(Wish(Habits({False: 15 * 60})))
    reasons = {(hour, minute): scorer.price_time(at(3, hour, minute))[1] for hour, minute in
               [(13, 59), (14, 0), (15, 0), (16, 0), (16, 1)]}  # fmt: skip
    assert list(reasons.values()) == [0, USUAL_TIME, USUAL_TIME, USUAL_TIME, 0]


def test_weekend_has_its_own_usual_time():
    scorer = make_scorer(Wish(Habits({False: 18 * 60, True: 10 * 60})))
    assert scorer.price_time(at(7, 10))[1] == scorer.price_time(at(6, 18))[1] == USUAL_TIME
    assert scorer.price_time(at(7, 18))[1] == scorer.price_time(at(6, 10))[1] == 0


def test_midnight_is_near_to_midnight():
    scorer = make_scorer(Wish(Habits({False: 23 * 60 + 30})))
    assert scorer.price_time(at(4, 0, 15))[1] == USUAL_TIME


def test_popular_hour_counts_half_and_is_nobodys_usual_time():
    own, popular = make_scorer(Wish(Habits({False: 900}))), make_scorer(Wish(Habits(popular=900)))
    plain = make_scorer().price_time(at(3, 13))[0]
    assert own.price_time(at(3, 13))[0] - plain == pytest.approx(
        2 * (popular.price_time(at(3, 13))[0] - plain)
    )
    assert popular.price_time(at(3, 15))[1] == 0


def test_usual_weekday():
    scorer = make_scorer(Wish(Habits({False: 900}, {1: 0.75, 2: 0.25})))
    costs = [scorer.price_time(at(day, 15))[0] for day in (3, 4, 5)]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3


def test_staff():
    scorer = make_scorer(Wish(Habits(staff_id=ANNA)))
    assert scorer.price_staff(ANNA) == (0.0, USUAL_STAFF)
    assert scorer.price_staff(BEA)[0] > 0
    assert scorer.price_staff(None) == make_scorer().price_staff(ANNA) == (0.0, 0)


def test_load_is_spread_or_gathered():
    assert make_scorer().price_load(0.2) < make_scorer().price_load(0.8)
    assert make_scorer(spread_load=False).price_load(0.8) < make_scorer(spread_load=False).price_load(0.2)


def test_reasons():
    assert list_reasons(0) == ()
    assert list_reasons(USUAL_TIME | FILLS_GAP | EARLIEST) == (
        SlotReason.USUAL_TIME, SlotReason.FILLS_GAP, SlotReason.EARLIEST
    )  # fmt: skip
    assert set(list_reasons(31)) == set(SlotReason)


# -------------------------------------------------------------------------------------------------------------- habits
def visit(days_ago, hour, staff_id=None):
    day = NOW.astimezone(SHANGHAI).replace(hour=hour, minute=0) - timedelta(days=days_ago)
    return Visit(day.astimezone(UTC), staff_id)


def learn(*visits, popular=None):
    return learn_habits(visits, SHANGHAI, NOW, popular)


def test_nobody_has_no_habits():
    assert learn() == Habits()
    assert learn(popular=900).find_hour(0) == (900, 0.5, False)
    assert Habits().find_hour(0) is None


def test_half_of_a_quarter_of_a_year_ago_counts_half():
    """Two visits 91 days ago weigh less than two a week ago: half as much each."""
    habits = learn(visit(7, 18, ANNA), visit(98, 10, BEA))
    assert habits.hours == {False: 18 * 60}
    assert habits.staff_id == ANNA
    assert learn(visit(7, 18), visit(98, 10), visit(98, 10), visit(98, 10)).hours == {False: 10 * 60}


def test_hour_is_a_median():
    """One visit at nine in the morning moves nothing."""
    assert learn(visit(7, 18), visit(14, 18), visit(21, 9), visit(28, 18)).hours == {False: 18 * 60}


def test_weekdays_and_weekends():
    """Today is Monday, so yesterday was a Sunday."""
    habits = learn(visit(1, 10), visit(7, 18))
    assert habits.hours == {True: 10 * 60, False: 18 * 60}
    assert set(habits.weekdays) == {0, 6}
    assert sum(habits.weekdays.values()) == pytest.approx(1)
    assert learn(visit(7, 18), popular=900).find_hour(5) == (900, 0.5, False)


def test_staff_of_the_most_recent_visits():
    other = new_id()
    assert learn(visit(1, 10, ANNA), visit(2, 10, ANNA), visit(3, 10, other)).staff_id == ANNA
    assert learn(visit(1, 10)).staff_id is None
