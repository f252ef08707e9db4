"""Promises, working time, pace and risk: what was promised, and who is told before it is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from presale_shop import DAY, HOUR, MONDAY

from core.channels.contract.orders import OrderStatus, OrderType
from core.ids import new_id
from core.orders.line_states import is_open
from core.orders.values import FulfilmentRisk, LineView
from core.presale.pace import DEFAULT_PACE, Pace, measure_pace
from core.presale.promises import OrderFacts, promise_line, promise_lines
from core.presale.risk import Horizon, find_horizon, judge_risk
from core.presale.risk_refresh import SETTLED, refresh_risk
from core.presale.values import WaveView
from core.presale.working_calendar import WorkingCalendar, build_opening
from core.reservations.values import Policy

SHANGHAI = ZoneInfo("Asia/Shanghai")
NONE, ON_TRACK, AT_RISK, LATE = FulfilmentRisk
PAID = OrderFacts(new_id(), None, OrderType.SHIPPED, OrderStatus.PAID, MONDAY)
LINE = LineView(new_id(), PAID.tenant_id, new_id(), "1", 1, "Coat", 2, 100, 200)


def wave(position: int, left: int, days: int) -> WaveView:
    return WaveView(new_id(), new_id(), position, 10, 10 - left, MONDAY + days * DAY)


def local(day: int, hour: float, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=SHANGHAI) + timedelta(hours=hour)


def calendar(policy: Policy | None = None, special=None, first=MONDAY - 30 * DAY) -> WorkingCalendar:
    opening = build_opening(policy or Policy(), special or {})
    return WorkingCalendar(opening, SHANGHAI, first, first + 120 * DAY)


# ------------------------------------------------------------------------------------------------------------ promises
FIRST, SECOND = wave(0, 1, 10), wave(1, 5, 20)


@pytest.mark.parametrize(
    ("line", "order", "expected"),
    [
        (LINE, PAID, MONDAY + 2 * DAY),
        (LINE, replace(PAID, paid_at=None), None),
        (LINE, replace(PAID, type=OrderType.TAKEAWAY), None),
        (replace(LINE, promised_ship_at=MONDAY + 5 * DAY), PAID, MONDAY + 5 * DAY),
        (replace(LINE, wave_id=SECOND.id), PAID, SECOND.promised_ship_at),
        (replace(LINE, wave_id=FIRST.id), replace(PAID, type=OrderType.PICKUP), FIRST.promised_ship_at),
        (replace(LINE, wave_id=FIRST.id, promised_ship_at=MONDAY), PAID, MONDAY),
        (replace(LINE, presale=True), PAID, SECOND.promised_ship_at),
        (replace(LINE, presale=True, quantity=1), PAID, FIRST.promised_ship_at),
        (replace(LINE, presale=True, quantity=9), PAID, SECOND.promised_ship_at),
    ],
    ids=[
        "spot: 48 hours after payment", "not paid", "nothing ships", "the platform's date", "its wave",
        "a wave promises pick-ups too", "platform above wave", "first wave with enough left", "one piece fits",
        "the last where none fits",
    ],
)  # fmt: skip
def test_promise(line, order, expected):
    assert promise_line(line, order, (FIRST, SECOND)) == expected


def test_unknown_presale_promises_nothing():
    """Presale goods of a platform that names no date, and that no campaign of ours sells."""
    assert promise_line(replace(LINE, presale=True), PAID, ()) is None


async def test_promises_of_a_platforms_order(shop):
    """By the campaign that sold the variant when it was paid for; and what was promised once stays promised."""
    _, sku_id = await shop.open_campaign(1, 5)
    order = replace(PAID, tenant_id=shop.tenant_id, store_id=shop.store_id)
    line = replace(LINE, presale=True, sku_id=sku_id, quantity=1)
    (first,) = await promise_lines(order, [line], shop.now)
    assert (first.promised_ship_at, first.fulfilment_risk) == (shop.now + 15 * DAY, ON_TRACK)
    await shop.sell(sku_id)
    (again,) = await promise_lines(order, [line], shop.now, {"1": first})
    assert again.promised_ship_at == first.promised_ship_at
    (later,) = await promise_lines(order, [line], shop.now)
    assert later.promised_ship_at == shop.now + 20 * DAY
    own = replace(line, promised_ship_at=shop.now + 3 * DAY)
    (platforms,) = await promise_lines(order, [own], shop.now, {"1": first})
    assert platforms.promised_ship_at == shop.now + 3 * DAY


async def test_shipped_line_has_no_risk(shop):
    order = replace(PAID, tenant_id=shop.tenant_id, store_id=shop.store_id)
    shipped = replace(LINE, shipped_at=MONDAY, fulfilment_risk=LATE)
    (line,) = await promise_lines(order, [shipped], MONDAY + 9 * DAY)
    assert (line.promised_ship_at, line.fulfilment_risk) == (MONDAY + 2 * DAY, NONE)


# -------------------------------------------------------------------------------------------------------- working time
@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        (local(23, 9), local(23, 18), 9),
        (local(23, 8), local(23, 20), 9),
        (local(27, 17), local(30, 10), 2),
        (local(28, 0), local(29, 24), 0),
        (local(23, 12), local(23, 11), 0),
        # The National Day holidays of 2025, and the Saturday that was worked for them.
        (local(30, 17, 9, 2025), local(9, 10, 10, 2025), 2),
        (local(11, 0, 10, 2025), local(11, 24, 10, 2025), 9),
    ],
    ids=["a day", "around it", "over a weekend", "a weekend", "backwards", "National Day", "make-up day"],
)
def test_office_hours(since, until, hours):
    days = calendar(first=since - 5 * DAY)
    assert days.count_worked(since.astimezone(UTC), until.astimezone(UTC)) == hours * HOUR


def test_stores_own_week_and_special_days():
    week = Policy(weekly_hours=(((600, 720),),) * 7)
    special = {local(24, 0).date(): (), local(25, 0).date(): ((0, 1440),)}
    days = calendar(week, special)
    assert days.count_worked(local(23, 0), local(27, 0)) == (2 + 0 + 24 + 2) * HOUR


@pytest.mark.parametrize(
    ("since", "hours", "expected"),
    [
        (local(23, 9), 9, local(23, 18)),
        (local(23, 9), 10, local(24, 10)),
        (local(27, 17), 2, local(30, 10)),
        (local(28, 3), 1, local(30, 10)),
        (local(28, 3), 0, local(28, 3)),
    ],
)
def test_working_time_added(since, hours, expected):
    assert calendar().add_worked(since.astimezone(UTC), hours * HOUR) == expected


minutes = st.integers(0, 20 * 1440)


@given(now=minutes, promise=minutes, p90=st.integers(1, 5000))
def test_one_instant_tells_for_all(now, promise, p90):
    """AT_RISK is "less working time left than p90", and `safe_from` says the same."""
    days, start = DAYS, MONDAY + timedelta(minutes=now)
    promised = MONDAY + timedelta(minutes=promise)
    horizon = find_horizon(start, Pace(timedelta(minutes=p90), timedelta(minutes=p90)), days)
    left = days.count_worked(start, promised)
    expected = LATE if promised <= start else AT_RISK if left < timedelta(minutes=p90) else ON_TRACK
    assert judge_risk(promised, horizon) is expected


DAYS = calendar()


@pytest.mark.parametrize(
    ("seconds", "risk"), [(-1, LATE), (0, LATE), (1, AT_RISK), (3599, AT_RISK), (3600, ON_TRACK)]
)
def test_edges_of_risk(seconds, risk):
    horizon = Horizon(MONDAY, MONDAY + HOUR)
    assert judge_risk(MONDAY + timedelta(seconds=seconds), horizon) is risk


# ---------------------------------------------------------------------------------------------------------------- pace
def test_pace_by_nearest_rank():
    hours = [HOUR * number for number in range(1, 101)]
    assert measure_pace(hours[::-1]) == Pace(50 * HOUR, 90 * HOUR, 100)
    assert measure_pace([HOUR] * 19) == DEFAULT_PACE
    assert measure_pace([HOUR] * 20).samples == 20


async def test_own_pace_moves_the_horizon(shop):
    """A shop that ships within an hour is at risk later than one of which nothing is known."""
    promised = shop.now + timedelta(hours=9, minutes=-30)
    order = await shop.add_order({"promised_ship_at": promised})
    assert await refresh_risk(shop.runtime) == 1
    assert await shop.list("customer_order", "fulfilment_risk") == ["AT_RISK"]
    for _ in range(20):
        paid = shop.now - 3 * DAY
        await shop.add_order(
            {"shipped_at": paid + HOUR, "shipped_quantity": 1}, paid_at=paid, status="SHIPPED"
        )
    assert await refresh_risk(shop.runtime) == 1
    assert await shop.list("customer_order", "fulfilment_risk", where=f"id = '{order}'") == ["ON_TRACK"]


# ------------------------------------------------------------------------------------------------------------- refresh
async def test_risk_is_raised_before_the_day(shop):
    order = await shop.add_order({"promised_ship_at": shop.now + 2 * DAY})
    seen = []
    for _ in range(50):
        await refresh_risk(shop.runtime)
        (level,) = await shop.list("customer_order", "fulfilment_risk")
        if not seen or seen[-1][1] != level:
            seen.append((shop.now - MONDAY, level))
        shop.clock.advance(HOUR)
    # Nine working hours before Wednesday, 09:00 is Tuesday, 09:00.
    assert seen == [(0 * HOUR, "ON_TRACK"), (25 * HOUR, "AT_RISK"), (48 * HOUR, "LATE")]
    kinds = await shop.list("timeline_entry", "kind", where=f"order_id = '{order}'")
    assert kinds == ["at_risk", "late"]
    assert await shop.count("outbox_event", "kind = 'order.changed'") == 3


async def test_nothing_is_written_without_a_change(shop):
    await shop.add_order({"promised_ship_at": shop.now + 5 * DAY}, {"promised_ship_at": shop.now - DAY})
    assert [await refresh_risk(shop.runtime) for _ in range(3)] == [1, 0, 0]
    assert await shop.list("customer_order", "fulfilment_risk", "version") == [("LATE", 2)]
    assert await shop.list("order_line", "fulfilment_risk") == ["ON_TRACK", "LATE"]
    assert await shop.count("outbox_event") == 1


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ({"status": "CANCELLED"}, {}),
        ({"status": "PENDING_PAYMENT"}, {}),
        ({"status": "SHIPPED"}, {}),
        ({}, {"shipped_at": MONDAY, "shipped_quantity": 1}),
        ({}, {"refunded_quantity": 1}),
        ({}, {"promised_ship_at": None}),
    ],
    ids=["cancelled", "not paid", "shipped", "line shipped", "line refunded", "nothing promised"],
)
async def test_nothing_to_ship_no_risk(shop, order, line):
    await shop.add_order({"promised_ship_at": shop.now - DAY} | line, **order)
    assert await refresh_risk(shop.runtime) == 0
    assert await shop.list("customer_order", "fulfilment_risk", "version") == [("NONE", 1)]


async def test_risk_goes_with_the_order(shop):
    """Whoever cancels need not think of it."""
    late = {"promised_ship_at": shop.now - DAY, "fulfilment_risk": "LATE"}
    await shop.add_order(late, status="CANCELLED", fulfilment_risk="LATE", promised_ship_at=shop.now - DAY)
    assert await refresh_risk(shop.runtime) == 1
    row = await shop.list("customer_order", "fulfilment_risk", "promised_ship_at")
    assert row == [("NONE", None)]
    assert await shop.list("order_line", "fulfilment_risk") == ["NONE"]
    assert await shop.count("timeline_entry") == 0


async def test_many_orders_in_portions(shop):
    for _ in range(205):
        await shop.add_order({"promised_ship_at": shop.now - DAY})
    assert await refresh_risk(shop.runtime) == 205
    assert await shop.count("order_line", "fulfilment_risk = 'LATE'") == 205


@pytest.mark.parametrize("status", OrderStatus)
def test_query_and_rule_agree(status):
    """Which orders the query leaves out is what the pure rule says."""
    assert (f"'{status}'" in SETTLED) is not is_open(status, LINE)
