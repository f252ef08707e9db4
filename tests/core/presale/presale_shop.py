"""A shop that sells beforehand, on a real database and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from core.access.merchants import create_merchant
from core.access.tokens import authenticate, create_token
from core.access.values import Actor, Role
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.inserts import insert_row
from core.db.statements import Json, fetch_row, fetch_rows, write_together
from core.ids import new_id
from core.presale.campaigns import create_campaign
from core.presale.pace import forget_pace
from core.presale.values import CampaignDraft, Disclosures, PresaleMode, Wave
from core.presale.waves import WaveWant, sell_waves
from core.program import build_runtime
from core.reservations.setup.rows import forget_setup
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

# Monday, 09:00 in Shanghai; no holidays near it.
MONDAY = datetime(2026, 11, 23, 1, tzinfo=UTC)
TEXTS = Disclosures("【预售】羊绒大衣", "本品为预售,12月10日前发货", "直播间预售,付款后按批次发货")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(repr=False)
class PresaleShop:
    """The clock stands at Monday, 09:00; the shop has no week of its own."""

    runtime: Runtime
    clock: ManualClock
    store_id: UUID
    owner: Actor
    numbers: Any = field(default_factory=count)

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    @property
    def now(self) -> datetime:
        return self.clock.now()

    # ------------------------------------------------------------------------------------------------------ setting up
    async def add(self, table: str, **columns: Any) -> UUID:
        columns.setdefault("id", new_id())
        bound = {
            name: Json(value) if isinstance(value, (list, dict)) else value for name, value in columns.items()
        }
        await write_together([insert_row(table, tenant_id=self.tenant_id, **bound)])
        forget_setup(self.tenant_id, self.store_id)
        forget_pace(self.tenant_id, self.store_id)
        return columns["id"]

    async def add_sku(self, stock: int | None = 0, price: int = 19900, active: bool = True) -> UUID:
        product = await self.add("product", store_id=self.store_id, title="Coat", active=True)
        return await self.add(
            "sku",
            store_id=self.store_id,
            product_id=product,
            name="M",
            price=price,
            stock=stock,
            active=active,
        )

    def draft(self, *sku_ids: UUID, **changes: Any) -> CampaignDraft:
        """Ten days of sales and one wave of ten pieces, which ships after 15."""
        given: dict[str, Any] = {
            "store_id": self.store_id, "name": "Winter coats", "mode": PresaleMode.FULL_PAYMENT,
            "sku_ids": sku_ids, "starts_at": self.now, "ends_at": self.now + 10 * DAY,
            "waves": (Wave(10, self.now + 15 * DAY),), "disclosures": TEXTS,
        }  # fmt: skip
        return CampaignDraft(**given | changes)

    async def create(self, *sku_ids: UUID, actor: Actor | None = None, **changes: Any) -> Any:
        return await create_campaign(self.runtime, actor or self.owner, self.draft(*sku_ids, **changes))

    async def open_campaign(self, *quantities: int, **changes: Any) -> tuple[Any, UUID]:
        """A campaign on sale with waves of these quantities, five days apart; and its only variant."""
        sku_id = await self.add_sku()
        waves = tuple(
            Wave(quantity, self.now + 15 * DAY + 5 * DAY * number)
            for number, quantity in enumerate(quantities or (10,))
        )
        created = await self.create(sku_id, waves=waves, **changes)
        return created.campaign, sku_id

    async def set_hours(self, opens: int, closes: int) -> None:
        """The shop works at these hours of every day, holidays included."""
        hours = {str(day): [[f"{opens:02d}:00", f"{closes:02d}:00"]] for day in range(7)}
        await self.add(
            "store_policy", store_id=self.store_id, weekly_hours=hours, close_on_holidays=False, hold_minutes=5,
            lead_minutes=0, horizon_days=90, change_minutes=120, keep_deposit=True, spread_load=True,
            points_per_yuan=1, offer_minutes=30, waitlist_cutoff_minutes=60,
        )  # fmt: skip

    async def enlist(self, role: Role, **options: Any) -> Actor:
        if role in (Role.STAFF, Role.POS):
            options.setdefault("store_ids", [self.store_id])
        return await authenticate(await create_token(self.tenant_id, role, **options))

    # --------------------------------------------------------------------------------------------------------- selling
    async def sell(self, sku_id: UUID, quantity: int = 1, line_id: UUID | None = None) -> Any:
        """The wave, or the problems."""
        want = WaveWant(line_id or new_id(), sku_id, quantity, ("lines", "0"))
        answer = await sell_waves(self.tenant_id, self.store_id, [want], self.now)
        return answer if isinstance(answer, list) else answer[want.order_line_id]

    async def add_order(self, *lines: dict[str, Any], **changes: Any) -> UUID:
        """A paid order that is shipped, with these lines; a plain one of spot goods unless told otherwise."""
        given: dict[str, Any] = {
            "id": new_id(), "store_id": self.store_id, "channel": "paper", "number": f"n{next(self.numbers)}",
            "type": "SHIPPED", "status": "PAID", "version": 1, "placed_at": self.now, "paid_at": self.now,
            "subtotal": 0, "discount": 0, "shipping": 0, "total": 0, "paid": 0, "refunded": 0,
            "fulfilment_risk": "NONE",
        }  # fmt: skip
        order_id = await self.add("customer_order", **given | changes)
        for position, line in enumerate(lines or ({},), 1):
            await self.add_line(order_id, position, **line)
        return order_id

    async def add_line(self, order_id: UUID, position: int = 1, **changes: Any) -> UUID:
        given: dict[str, Any] = {
            "order_id": order_id, "line_key": str(position), "position": position, "title": "Coat",
            "quantity": 1, "unit_price": 100, "total": 100, "presale": False, "fulfilment_risk": "NONE",
            "refunded_quantity": 0, "shipped_quantity": 0,
        }  # fmt: skip
        return await self.add("order_line", **given | changes)

    # --------------------------------------------------------------------------------------------------------- looking
    async def list(self, table: str, *columns: str, where: str = "1 = 1") -> Any:
        rows = await fetch_rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY id")
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]

    async def count(self, table: str, where: str = "1 = 1") -> int:
        row = await fetch_row(f"SELECT count(*) AS total FROM {table} WHERE {where}")
        return int(row["total"]) if row else 0

    async def sold(self, campaign_id: UUID) -> list[int]:
        rows = await fetch_rows(
            "SELECT sold FROM presale_wave WHERE campaign_id = $1 ORDER BY position", campaign_id
        )
        return [row["sold"] for row in rows]


@asynccontextmanager
async def open_presale_shop(settings: Settings) -> AsyncIterator[PresaleShop]:
    clock = ManualClock(MONDAY)
    async with Network(settings) as network:
        runtime = build_runtime(settings, network, registry=build_registry(only=["house"]), clock=clock)
        merchant = await create_merchant("Camellia", "Lane 1")
        yield PresaleShop(runtime, clock, merchant.store_id, await authenticate(merchant.token))


def show_problems(answer: Any) -> list[tuple[str, str]]:
    """What a refusal says, as (code, path)."""
    return [(problem.code.value, ".".join(problem.field)) for problem in answer]
