"""A store's diary, made row by row: staff, shifts, rooms, bookings, and what of its time is free."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.values import Actor, Role
from core.clock import to_utc
from core.db.inserts import insert_row
from core.db.statements import Json, write_together
from core.ids import new_id
from core.reservations.models import Service, StorePolicy
from core.reservations.setup.rows import find_service, forget_setup
from core.reservations.slots.availability import SlotQuery, list_slots, recommend_slots
from core.reservations.values import Policy, ServiceView, Slot
from core.runtime import Runtime
from core.testing.clock import ManualClock

MONDAY = date(2026, 3, 2)
_POLICY = {field: getattr(Policy(), field) for field in StorePolicy._meta.fields if hasattr(Policy(), field)}


class Diary:
    """Times are given as the store's own: `diary.at("10:00")` is on Monday 2 March 2026, `day=1` on the Tuesday."""

    def __init__(self, tenant_id: UUID, clock: ManualClock, zone: str = "Asia/Shanghai") -> None:
        self.tenant_id = tenant_id
        self.clock = clock
        self.zone = ZoneInfo(zone)
        self.monday = MONDAY
        self.store_id = new_id()
        self.runtime = cast(Runtime, SimpleNamespace(clock=clock))
        guest = new_id()
        self.customer = Actor(tenant_id, guest, new_id(), Role.CUSTOMER, customer_id=guest)
        self.manager = Actor(tenant_id, new_id(), new_id(), Role.MANAGER)

    async def open(self) -> Diary:
        await self.add("store", id=self.store_id, name="Camellia", time_zone=self.zone.key)
        return self

    def at(self, wall: str, day: int = 0) -> datetime:
        """The instant of a local time."""
        hour, minute = map(int, wall.split(":"))
        local = self.monday + timedelta(days=day)
        return to_utc(datetime(local.year, local.month, local.day, hour, minute, tzinfo=self.zone))

    def show(self, slots: tuple[Slot, ...]) -> list[str]:
        """The local starts, as "10:00"."""
        return [f"{slot.start.astimezone(self.zone):%H:%M}" for slot in slots]

    async def add(self, table: str, **columns: Any) -> UUID:
        row_id = cast(UUID, columns.setdefault("id", new_id()))
        bound = {
            key: Json(value) if isinstance(value, list | dict) else value for key, value in columns.items()
        }
        await write_together([insert_row(table, tenant_id=self.tenant_id, **bound)])
        forget_setup(self.tenant_id, self.store_id)
        return row_id

    async def service(self, **changes: Any) -> ServiceView:
        columns: dict[str, Any] = {"name": "Cut", "kind": "APPOINTMENT", "duration_minutes": 60}
        columns |= {"required_skills": [], "required_resource_kinds": []}
        for name in ("buffer_before_minutes", "buffer_after_minutes", "capacity", "visits", "active"):
            columns[name] = Service._meta.fields_map[name].default
        service_id = await self.add("service", **columns | {"store_id": self.store_id} | changes)
        found = await find_service(self.tenant_id, service_id)
        assert found is not None
        return found

    async def staff(self, *shifts: tuple[str, str], skills: tuple[str, ...] = (), day: int = 0) -> UUID:
        """Somebody who works these hours on one day."""
        staff_id = await self.add(
            "staff_member", store_id=self.store_id, name="Anna", skills=list(skills), active=True
        )
        for start, end in shifts:
            await self.shift(staff_id, self.at(start, day), self.at(end, day))
        return staff_id

    async def shift(self, staff_id: UUID, start: datetime, end: datetime) -> UUID:
        return await self.add("shift", store_id=self.store_id, staff_id=staff_id, start_at=start, end_at=end)

    async def resource(self, kind: str = "room", capacity: int = 1) -> UUID:
        return await self.add(
            "resource", store_id=self.store_id, name=kind, kind=kind, capacity=capacity, active=True
        )

    async def policy(self, **changes: Any) -> None:
        defaults: dict[str, Any] = {**_POLICY, "weekly_hours": None, "reminder_minutes": None}
        await self.add("store_policy", store_id=self.store_id, **defaults | changes)

    async def special_day(self, day: int, *hours: tuple[str, str]) -> None:
        local = self.monday + timedelta(days=day)
        await self.add("special_day", store_id=self.store_id, day=local, hours=[list(span) for span in hours])

    async def take(self, resource_id: UUID, start: str, end: str, day: int = 0, **changes: Any) -> UUID:
        """Somebody else's booking of a staff member or resource. Answers its owner."""
        columns = {"owner_id": new_id(), "owner_kind": "RESERVATION", "taken_kind": "STAFF"}
        columns |= {"state": "CONFIRMED", "hold_expires_at": None, "store_id": self.store_id} | changes
        span = {"start_at": self.at(start, day), "end_at": self.at(end, day)}
        await self.add("booking_allocation", resource_id=resource_id, **span, **columns)
        return cast(UUID, columns["owner_id"])

    async def session(self, service: ServiceView, start: str, end: str, **changes: Any) -> UUID:
        columns = {"staff_id": None, "resource_ids": [], "capacity": 10, "booked": 0, "status": "OPEN"}
        columns |= {"start_at": self.at(start), "end_at": self.at(end)} | changes
        return await self.add("class_session", store_id=self.store_id, service_id=service.id, **columns)

    async def visit(self, customer_id: UUID, service: ServiceView, start: datetime, **changes: Any) -> UUID:
        """A visit that took place."""
        columns: dict[str, Any] = {"status": "COMPLETED", "resource_ids": [], "version": 1, "sequence": 0}
        columns |= {"party_size": 1, "walk_in": False, "deposit": 0, "deposit_status": "NONE"}
        columns |= {"code": str(new_id())[-12:], "calendar_key": str(new_id()), "source_channel": "house"}
        end = start + timedelta(minutes=service.duration_minutes)
        span = {"store_id": self.store_id, "service_id": service.id, "start_at": start, "end_at": end}
        return await self.add("reservation", customer_id=customer_id, **columns | span | changes)

    async def list(
        self, service: ServiceView, first: str = "00:00", last: str = "23:59", day: int = 0, **changes: Any
    ) -> tuple[Slot, ...]:
        """What a customer is offered on one day; `actor` for somebody else."""
        actor = changes.pop("actor", self.customer)
        values = {"start": self.at(first, day), "end": self.at(last, day)} | changes
        return await list_slots(self.runtime, actor, SlotQuery(self.store_id, service.id, **values))

    async def recommend(self, service: ServiceView, **changes: Any) -> tuple[Slot, ...]:
        actor = changes.pop("actor", self.customer)
        return await recommend_slots(self.runtime, actor, self.store_id, service.id, **changes)
