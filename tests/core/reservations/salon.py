"""A shop with services, staff, rooms and people who book, on a real database and a clock that tests move."""

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
from core.db.statements import Json, fetch_rows, write_together
from core.ids import new_id
from core.program import build_runtime
from core.reservations.booking import BookingInput, book_reservation
from core.reservations.cancelling import cancel_reservation
from core.reservations.holds import hold_slot
from core.reservations.rescheduling import reschedule_reservation
from core.reservations.setup.rows import find_service, forget_setup
from core.reservations.slots.tokens import sign_slot
from core.reservations.values import Contact, ServiceKind, ServiceView, Slot
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

# Monday, 09:00 in Shanghai.
MORNING = datetime(2026, 11, 23, 1, tzinfo=UTC)
GUEST = Contact("Lin", "13800138000")


@dataclass(repr=False)
class Salon:
    """The clock stands at Monday, 09:00; everybody works from 09:00 to 21:00 that day and the next."""

    runtime: Runtime
    clock: ManualClock
    store_id: UUID
    owner: Actor
    staff: Actor
    customer: Actor
    anna: UUID = field(default_factory=new_id)
    keys: Any = field(default_factory=count)

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    # ------------------------------------------------------------------------------------------------------ setting up
    async def add(self, table: str, **columns: Any) -> UUID:
        columns.setdefault("id", new_id())
        bound = {
            name: Json(value) if isinstance(value, (list, dict)) else value for name, value in columns.items()
        }
        await write_together([insert_row(table, tenant_id=self.tenant_id, **bound)])
        forget_setup(self.tenant_id, self.store_id)
        return columns["id"]

    async def add_service(self, kind: ServiceKind = ServiceKind.APPOINTMENT, **changes: Any) -> ServiceView:
        columns: dict[str, Any] = {
            "store_id": self.store_id, "name": "Cut", "kind": kind.value, "duration_minutes": 60,
            "buffer_before_minutes": 0, "buffer_after_minutes": 0, "required_skills": [], "capacity": 1,
            "required_resource_kinds": ["room"] if kind is ServiceKind.ROOM else [], "visits": 1, "active": True,
        }  # fmt: skip
        service_id = await self.add("service", **columns | changes)
        service = await find_service(self.tenant_id, service_id)
        assert service is not None
        return service

    async def add_member(self, member_id: UUID | None = None, skills: tuple[str, ...] = ()) -> UUID:
        member_id = await self.add(
            "staff_member", id=member_id or new_id(), store_id=self.store_id, name="Anna",
            skills=list(skills), active=True,
        )  # fmt: skip
        for day in range(2):
            start = MORNING + timedelta(days=day)
            await self.add(
                "shift", store_id=self.store_id, staff_id=member_id, start_at=start,
                end_at=start + timedelta(hours=12),
            )  # fmt: skip
        return member_id

    async def add_room(self, capacity: int = 4, kind: str = "room") -> UUID:
        return await self.add(
            "resource", store_id=self.store_id, name="Room", kind=kind, capacity=capacity, active=True
        )

    async def add_class(self, service: ServiceView, capacity: int = 3, hour: float = 1) -> Slot:
        slot = self.slot(service, hour)
        session_id = await self.add(
            "class_session", store_id=self.store_id, service_id=service.id, staff_id=self.anna,
            resource_ids=[], start_at=slot.start, end_at=slot.end, capacity=capacity, booked=0, status="OPEN",
        )  # fmt: skip
        return Slot(
            service.id, self.store_id, slot.start, slot.end, self.anna, session_id=session_id, seats=capacity
        )

    async def set_policy(self, **columns: Any) -> None:
        defaults = {
            "close_on_holidays": False, "hold_minutes": 5, "lead_minutes": 0, "horizon_days": 90,
            "change_minutes": 120, "keep_deposit": True, "spread_load": True, "points_per_yuan": 1,
            "offer_minutes": 30, "waitlist_cutoff_minutes": 60,
        }  # fmt: skip
        await self.add("store_policy", store_id=self.store_id, **defaults | columns)

    async def enlist(self, role: Role = Role.CUSTOMER, **options: Any) -> Actor:
        """Somebody new."""
        if role in (Role.STAFF, Role.POS):
            options.setdefault("store_ids", [self.store_id])
        return await authenticate(await create_token(self.tenant_id, role, **options))

    # --------------------------------------------------------------------------------------------------------- booking
    def slot(
        self,
        service: ServiceView,
        hour: float = 1,
        staff_id: UUID | None = None,
        rooms: tuple[UUID, ...] = (),
    ) -> Slot:
        """`hour` hours after 09:00."""
        start = MORNING + timedelta(hours=hour)
        end = start + timedelta(minutes=service.duration_minutes)
        given = (staff_id or self.anna) if service.kind.needs_staff else None
        return Slot(service.id, service.store_id, start, end, given, rooms)

    def token(self, slot: Slot) -> str:
        return sign_slot(self.runtime.keys, self.tenant_id, slot, self.clock.now())

    def key(self) -> str:
        return f"key-{next(self.keys)}"

    async def book(self, slot: Slot | None, actor: Actor | None = None, **changes: Any) -> Any:
        given: dict[str, Any] = {
            "slot_token": self.token(slot) if slot else None, "hold_id": None, "party_size": 1, "contact": None,
            "note": None, "coupon_codes": (), "package_id": None, "preorder": (), "idempotency_key": None,
        }  # fmt: skip
        given |= changes
        given["idempotency_key"] = given["idempotency_key"] or self.key()
        return await book_reservation(self.runtime, actor or self.customer, BookingInput(**given))

    async def hold(
        self, slot: Slot, actor: Actor | None = None, party_size: int = 1, key: str | None = None
    ) -> Any:
        return await hold_slot(
            self.runtime, actor or self.customer, self.token(slot), party_size, key or self.key()
        )

    async def move(
        self, reservation_id: UUID, slot: Slot, actor: Actor | None = None, key: str | None = None
    ) -> Any:
        return await reschedule_reservation(
            self.runtime, actor or self.customer, reservation_id, self.token(slot), key or self.key()
        )

    async def cancel(self, reservation_id: UUID, actor: Actor | None = None, key: str | None = None) -> Any:
        return await cancel_reservation(self.runtime, actor or self.customer, reservation_id, None, key)

    # --------------------------------------------------------------------------------------------------------- looking
    async def count(self, table: str, where: str = "1 = 1") -> int:
        rows = await fetch_rows(f"SELECT count(*) AS total FROM {table} WHERE {where}")
        return int(rows[0]["total"])

    async def list(self, table: str, *columns: str, where: str = "1 = 1") -> Any:
        rows = await fetch_rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY id")
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]

    async def snapshot(self) -> dict[str, int]:
        """How many rows there are of what bookings write, apart from the answers that are kept."""
        tables = (
            "reservation", "booking_allocation", "reservation_revision", "outbox_event", "notification",
            "package_draw", "preorder_line", "attached_coupon", "check_in",
        )  # fmt: skip
        return {table: await self.count(table) for table in tables}

    async def taken(self) -> Any:
        return await self.list("booking_allocation", "state")

    async def seats(self, slot: Slot) -> int:
        rows = await fetch_rows("SELECT booked FROM class_session WHERE id = $1", slot.session_id)
        return int(rows[0]["booked"])


@asynccontextmanager
async def open_salon(settings: Settings) -> AsyncIterator[Salon]:
    clock = ManualClock(MORNING)
    registry = build_registry(only=["house"])
    async with Network(settings) as network:
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        merchant = await create_merchant("Camellia", "Lane 1")
        owner = await authenticate(merchant.token)
        salon = Salon(runtime, clock, merchant.store_id, owner, owner, owner)
        salon.staff = await salon.enlist(Role.STAFF)
        salon.customer = await salon.enlist()
        await salon.add_member(salon.anna)
        yield salon
