"""One open shop for all examples of a test, and the loop that it lives on: see `test_reservations_machine`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TypeVar

from salon import MORNING, Salon, open_salon
from shop_model import SESSIONS, STOCK, STORE_LIMIT, Shop
from shop_rows import empty_shop

from core.channels.contract import CouponKind
from core.coupons.batches import create_batch, issue_coupons
from core.coupons.detached import drain_detached
from core.db.lifecycle import opened_database
from core.reservations.claims import take_claims
from core.reservations.guard import Owner, Span, claim_time, list_takes
from core.reservations.values import OwnerKind, ServiceKind, ServiceView
from core.settings import Settings

COUPONS = 3
T = TypeVar("T")


class World:
    """One open shop for all examples of a test, and the loop that it lives on."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stack, self.runner = settings, AsyncExitStack(), asyncio.Runner()

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self.runner.run(wait())

    async def open(self) -> None:
        await self.stack.enter_async_context(opened_database(self.settings))
        self.salon: Salon = await self.stack.enter_async_context(open_salon(self.settings))
        salon = self.salon
        self.staff = [salon.anna, await salon.add_member()]
        self.rooms = {await salon.add_room(2): 2, await salon.add_room(4): 4}
        self.guests = [salon.customer, await salon.enlist(), await salon.enlist()]
        await salon.set_policy(limit_per_customer=STORE_LIMIT, grace_minutes=60)
        await self._add_services()
        await self._add_goods()

    async def _add_services(self) -> None:
        add = self.salon.add_service
        self.services: dict[str, ServiceView] = {
            "cut": await add(buffer_after_minutes=15),
            "care": await add(
                duration_minutes=45, buffer_before_minutes=5, required_resource_kinds=["room"], limit_per_customer=2
            ),
            "party": await add(ServiceKind.ROOM, duration_minutes=90),
            "yoga": await add(ServiceKind.GROUP_CLASS),
            "takeaway": await add(ServiceKind.PICKUP, duration_minutes=15, capacity=2),
        }  # fmt: skip

    async def _add_goods(self) -> None:
        salon = self.salon
        self.packaged = frozenset(self.services[name].id for name in ("cut", "care", "yoga"))
        self.packages = [
            await salon.add(
                "customer_package", customer_id=guest.customer_id, name="Visits", sessions_total=SESSIONS,
                service_ids=[str(each) for each in self.packaged], sessions_left=SESSIONS, active=True,
            )
            for guest in self.guests
        ]  # fmt: skip
        product = await salon.add("product", store_id=salon.store_id, title="Fish", active=True)
        self.sku = await salon.add(
            "sku", store_id=salon.store_id, product_id=product, name="Large", price=100, active=True, stock=STOCK
        )  # fmt: skip
        batch = await create_batch(
            salon.runtime, salon.owner, name="Gift", kind=CouponKind.CASH_VOUCHER, quantity=COUPONS, face_value=500
        )  # fmt: skip
        self.coupons = await issue_coupons(salon.runtime, salon.owner, batch.id, COUPONS, "coupons")

    async def reset(self) -> Shop:
        """As it was opened, with a class at one o'clock that Anna gives."""
        salon = self.salon
        await drain_detached(10)
        await empty_shop(STOCK, SESSIONS)
        salon.clock.set(MORNING)
        lesson = await salon.add_class(self.services["yoga"], capacity=3, hour=4)
        owner = Owner(salon.tenant_id, salon.store_id, lesson.session_id, OwnerKind.SESSION)
        takes = list_takes(self.services["yoga"], Span(lesson.start, lesson.end), lesson.staff_id, ())
        assert await take_claims([claim_time(owner, takes, MORNING)]) is None
        return Shop(
            services={service.id: service for service in self.services.values()},
            rooms=self.rooms,
            guests=[guest.customer_id for guest in self.guests],
            packaged=self.packaged,
            lesson=lesson,
            lesson_seats=3,
            opens=MORNING,
            closes=MORNING + timedelta(hours=12),
            now=MORNING,
        )

    def close(self) -> None:
        with self.runner:
            self.run(drain_detached(10))
            self.run(self.stack.aclose())
