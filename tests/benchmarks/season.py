"""A simulated season of 60 days of a shop with presales, on SQLite: what the risk levels and the guard are good for.

Seeded and on a clock of its own, through the services; see `tests/core/presale/season.py`. A small one runs in the tests.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from core.db.lifecycle import opened_database
from core.db.migrate import migrate
from core.settings import Settings
from tests.benchmarks.arena import SECRET_KEY, Arena
from tests.benchmarks.redeem import SHORT, Effort, Line

sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "presale"))

from presale_shop import open_presale_shop
from season import Plan, Season, simulate_season


async def measure_season(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """The whole season; a third of it where it is only to be seen that it runs."""
    plan = Plan(days=20, late_from=5, late_to=13) if effort == SHORT else Plan(open_daily=True)
    url = f"sqlite://{arena.folder / 'season.sqlite3'}"
    settings = Settings.model_validate({"database_url": url, "secret_key": SECRET_KEY})
    await migrate(settings)
    began = time.perf_counter()
    async with opened_database(settings), open_presale_shop(settings) as shop:
        season = await simulate_season(shop, plan)
    seconds = time.perf_counter() - began
    return list(_show(plan, season, seconds)), {**asdict(season), "seconds": seconds}


def _show(plan: Plan, season: Season, seconds: float) -> list[Line]:
    name = f"season of {plan.days} days"
    orders = f"{season.orders} orders, {season.presales} of them presales, in {seconds:.1f} s"
    warned = f"{season.warned} of {season.late} late orders, {_describe(season.lead_hours)}"
    paused = (
        f"on day {_list(season.paused_on)}; {season.closed} orders refused, {season.sold_while_paused} taken"
    )
    return [
        Line(f"{name}, simulated", orders),
        Line(f"{name}, at risk before they were late", warned, "all", season.warned_share == 1),
        Line(f"{name}, oversold waves", str(season.oversold), "0", season.oversold == 0),
        Line(f"{name}, paused by the guard", paused, "0 taken", season.sold_while_paused == 0),
        Line(f"{name}, days by level", ", ".join(f"{k} {v}" for k, v in season.levels.items())),
    ]


def _describe(hours: list[float]) -> str:
    return f"{min(hours):.0f} h ahead at least, {median(hours):.0f} h in the middle" if hours else "none"


def _list(days: list[int]) -> str:
    return ", ".join(map(str, days)) or "none"
