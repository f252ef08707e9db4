"""How something promised stands to its day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.orders.values import FulfilmentRisk
from core.presale.pace import Pace
from core.presale.working_calendar import WorkingCalendar


@dataclass(frozen=True, slots=True)
class Horizon:
    """Where the levels begin for a shop at `now`: what was promised up to `now` is late, before `safe_from` at risk."""

    now: datetime
    safe_from: datetime


def find_horizon(now: datetime, pace: Pace, calendar: WorkingCalendar) -> Horizon:
    """The levels of a shop with this pace. At `safe_from` it has worked for as long as nine of ten parcels need.

    Less working time than that is left to a promise exactly if the promise lies before that instant. So one instant
    tells for every line of the shop.
    """
    return Horizon(now, calendar.add_worked(now, pace.p90))


def judge_risk(promised_ship_at: datetime | None, horizon: Horizon) -> FulfilmentRisk:
    """The level of something that is still to be shipped; NONE where nothing was promised."""
    if promised_ship_at is None:
        return FulfilmentRisk.NONE
    if promised_ship_at <= horizon.now:
        return FulfilmentRisk.LATE
    return FulfilmentRisk.AT_RISK if promised_ship_at < horizon.safe_from else FulfilmentRisk.ON_TRACK
