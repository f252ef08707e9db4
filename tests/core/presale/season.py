"""A simulated season of a shop with presales: seeded, on a clock of its own, through the services.

Each day brings spot orders and presale orders, which take their pieces out of the waves. The shop packs in its working
hours; one wave comes late from the supplier, and buyers say so in their reviews. The tasks run as they do in a server.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from presale_shop import DAY, HOUR, PresaleShop

from core.access.problems import UserProblem
from core.db.statements import as_instant, execute, fetch_rows
from core.ids import new_id
from core.presale.campaign_rows import load_campaign
from core.presale.campaigns import resume_campaign
from core.presale.guard import guard_presales
from core.presale.guard_rules import GuardRule, set_rule
from core.presale.health import read_health
from core.presale.pace import forget_pace
from core.presale.risk_refresh import refresh_risk
from core.presale.scores import ReviewRow, import_reviews
from core.presale.values import CampaignStatus, Figure, GuardAct, Wave, WaveView
from core.presale.working_calendar import load_calendar

# How often the tasks run here; in a server it is every minute.
STEP = 3 * HOUR


@dataclass(frozen=True)
class Plan:
    """`delay`: by how much the supplier is late with what is promised between the days `late_from` and `late_to`.

    open_daily  the shop packs on weekends too; else in office hours only
    """

    days: int = 60
    orders_a_day: int = 6
    campaign_days: int = 12
    quantity: int = 40
    late_from: int = 24
    late_to: int = 40
    delay: timedelta = timedelta(days=4)
    open_daily: bool = False
    seed: int = 60


@dataclass
class Parcel:
    """One order on its way through the shop."""

    order_id: UUID
    ready_at: datetime
    presale: bool
    late: bool


@dataclass
class Season:
    """What came of it. Times in hours."""

    orders: int = 0
    presales: int = 0
    sold_out: int = 0
    closed: int = 0
    paused_on: list[int] = field(default_factory=list)
    resumed_on: list[int] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)
    sold_while_paused: int = 0
    oversold: int = 0
    late: int = 0
    warned: int = 0
    lead_hours: list[float] = field(default_factory=list)

    @property
    def warned_share(self) -> float:
        """Of the orders that were not shipped in time: how many were at risk before."""
        return self.warned / self.late if self.late else 1.0


class Simulation:
    """One run of a plan in a shop."""

    def __init__(self, shop: PresaleShop, plan: Plan) -> None:
        self.shop, self.plan = shop, plan
        self.chance = random.Random(plan.seed)
        self.begin = shop.now
        self.packing: list[Parcel] = []
        self.campaign: Any = None
        self.sku_id: UUID | None = None
        self.paused_since: int | None = None
        self.season = Season()

    @property
    def day(self) -> int:
        return (self.shop.now - self.begin) // DAY

    async def run(self) -> Season:
        rule = GuardRule(Figure.BAD_REVIEWS, GuardAct.PAUSE, 200, dry_run=False)
        await set_rule(self.shop.owner, self.shop.store_id, rule)
        if self.plan.open_daily:
            await self.shop.set_hours(9, 18)
        while self.day < self.plan.days:
            if (self.shop.now - self.begin) % DAY == timedelta(0):
                await self._begin_day()
            await self._step()
            self.shop.clock.advance(STEP)
        await self._sum_up()
        return self.season

    async def _begin_day(self) -> None:
        """New campaigns, the day's orders, and whoever paused presales three days ago resumes them."""
        if self.day % self.plan.campaign_days == 0:
            await self._open_campaign()
        if self.paused_since is not None and self.day - self.paused_since >= 3:
            await resume_campaign(self.shop.runtime, self.shop.owner, self.campaign.id)
            self.season.resumed_on.append(self.day)
            self.paused_since = None
        for _ in range(self.plan.orders_a_day):
            if self.chance.random() < 0.35:
                await self._order_presale()
            else:
                await self._order_spot()

    async def _step(self) -> None:
        await self._ship()
        forget_pace(self.shop.tenant_id, self.shop.store_id)
        await refresh_risk(self.shop.runtime)
        if await guard_presales(self.shop.runtime):
            self.season.paused_on.append(self.day)
            self.paused_since = self.day
        if (self.shop.now - self.begin) % DAY == timedelta(0):
            health = await read_health(self.shop.owner, self.shop.store_id, 30, self.shop.now)
            self.season.levels[health.level.value] += 1

    # --------------------------------------------------------------------------------------------------------- selling
    async def _open_campaign(self) -> None:
        self.sku_id = await self.shop.add_sku()
        now, days = self.shop.now, self.plan.campaign_days
        half = self.plan.quantity // 2
        waves = (Wave(half, now + 6 * DAY), Wave(half, now + (days + 2) * DAY))
        created = await self.shop.create(self.sku_id, ends_at=now + days * DAY, waves=waves)
        assert not isinstance(created, list), created
        self.campaign, self.paused_since = created.campaign, None

    async def _order_presale(self) -> None:
        assert self.sku_id is not None
        line_id = new_id()
        wave = await self.shop.sell(self.sku_id, 1, line_id)
        present = await load_campaign(self.shop.tenant_id, self.campaign.id)
        assert present is not None
        if not isinstance(wave, WaveView):
            self._count_refusal(wave)
            return
        self.season.sold_while_paused += present.status is CampaignStatus.PAUSED
        self.season.presales += 1
        promised = wave.promised_ship_at
        due_on = (promised - self.begin) // DAY
        late = self.plan.late_from <= due_on < self.plan.late_to
        ready = promised - 2 * DAY + (self.plan.delay if late else timedelta(0))
        line = {"id": line_id, "presale": True, "wave_id": wave.id, "promised_ship_at": promised}
        await self._place(line, ready, presale=True, late=late)

    def _count_refusal(self, problems: list[UserProblem]) -> None:
        if problems[0].code == "PRESALE_SOLD_OUT":
            self.season.sold_out += 1
        else:
            self.season.closed += 1

    async def _order_spot(self) -> None:
        calendar = await load_calendar(self.shop.tenant_id, self.shop.store_id, self.shop.now)
        handling = timedelta(minutes=self.chance.choice((60, 120, 180, 300)))
        ready = calendar.add_worked(self.shop.now, handling)
        line = {"promised_ship_at": self.shop.now + 2 * DAY}
        await self._place(line, ready, presale=False, late=False)

    async def _place(self, line: dict[str, Any], ready: datetime, *, presale: bool, late: bool) -> None:
        order_id = await self.shop.add_order(line)
        self.season.orders += 1
        self.packing.append(Parcel(order_id, ready, presale, late))

    # -------------------------------------------------------------------------------------------------------- shipping
    async def _ship(self) -> None:
        """What is ready by now has left when it was ready; its buyer writes a review."""
        gone = [parcel for parcel in self.packing if parcel.ready_at <= self.shop.now]
        self.packing = [parcel for parcel in self.packing if parcel.ready_at > self.shop.now]
        rows = []
        for parcel in gone:
            await execute(
                "UPDATE order_line SET shipped_at = $1, shipped_quantity = quantity WHERE order_id = $2",
                parcel.ready_at,
                parcel.order_id,
            )
            await execute("UPDATE customer_order SET status = 'SHIPPED' WHERE id = $1", parcel.order_id)
            stars = self.chance.choice((1, 2, 5)) if parcel.late else 5
            rows.append(
                ReviewRow("doudian", str(parcel.order_id), stars, self.shop.now, order=parcel.order_id)
            )
        if rows:
            await import_reviews(self.shop.owner, self.shop.store_id, rows, self.shop.now)

    # ------------------------------------------------------------------------------------------------------ summing up
    async def _sum_up(self) -> None:
        over = await fetch_rows("SELECT id FROM presale_wave WHERE sold > quantity")
        sales = await fetch_rows(
            "SELECT wave_id FROM wave_sale GROUP BY wave_id HAVING SUM(quantity) <> (SELECT sold FROM presale_wave"
            " WHERE presale_wave.id = wave_sale.wave_id)"
        )
        self.season.oversold = len(over) + len(sales)
        entries = await fetch_rows("SELECT order_id, kind, at FROM timeline_entry")
        warned_at = {row["order_id"]: as_instant(row["at"]) for row in entries if row["kind"] == "at_risk"}
        for row in await fetch_rows(
            "SELECT order_id, promised_ship_at FROM order_line WHERE promised_ship_at < $1"
            " AND (shipped_at IS NULL OR shipped_at > promised_ship_at)",
            self.shop.now,
        ):
            self.season.late += 1
            warning = warned_at.get(row["order_id"])
            promised = as_instant(row["promised_ship_at"])
            if warning is not None and warning < promised:
                self.season.warned += 1
                self.season.lead_hours.append((promised - warning) / HOUR)


async def simulate_season(shop: PresaleShop, plan: Plan) -> Season:
    """Runs the plan from the shop's present instant on."""
    return await Simulation(shop, plan).run()
