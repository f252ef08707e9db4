"""What a booking costs: the whole service against the guard's own statement, and a day that everybody wants.

The floor takes the same staff member and room at the same time by one INSERT, and writes nothing else: no reservation,
no idempotency, no event, no messages. What those cost is the distance of the product from here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor
from core.channels.registry import build_registry
from core.clock import utc_now
from core.db.inserts import insert_row
from core.db.statements import Json, Write, fetch_row, write_together
from core.ids import new_id
from core.program import open_runtime
from core.reservations.booking import BookingInput, book_reservation
from core.reservations.claims import take_claims
from core.reservations.guard import Owner, Span, claim_time, list_takes
from core.reservations.setup.rows import find_service
from core.reservations.slots.tokens import sign_slot
from core.reservations.values import OwnerKind, ReservationView, ServiceView, Slot
from core.runtime import Runtime
from core.settings import Settings
from tests.benchmarks.arena import SECRET_KEY, Arena
from tests.benchmarks.redeem import Effort, Line

DAYS, STAFF, CLIENTS, BOOKERS = 60, 20, 16, 200
HOURS = 12
LEAST_SHARE, MOST_CPU = 0.10, 10.0
_ZONE = ZoneInfo("Asia/Shanghai")
_OVERLAPS = """SELECT count(*) AS total FROM booking_allocation one JOIN booking_allocation two
 ON two.tenant_id = one.tenant_id AND two.resource_id = one.resource_id AND two.id > one.id
 WHERE one.state = 'CONFIRMED' AND two.state = 'CONFIRMED' AND one.start_at < two.end_at AND two.start_at < one.end_at"""


@dataclass
class Salon:
    """Twenty staff, each with a room; slots that nobody has had yet are dealt one by one."""

    owner: Actor
    service: ServiceView
    staff: list[UUID]
    rooms: list[UUID]
    start: datetime
    dealt: Any = field(default_factory=count)

    def deal(self) -> Slot:
        number = next(self.dealt)
        pair, hour = number % STAFF, number // STAFF
        start = self.start + timedelta(days=hour // HOURS, hours=hour % HOURS)
        return self.build(start, pair, pair)

    def build(self, start: datetime, staff: int, room: int) -> Slot:
        end = start + timedelta(hours=1)
        return Slot(
            self.service.id, self.service.store_id, start, end, self.staff[staff], (self.rooms[room],)
        )


@dataclass(frozen=True)
class Side:
    per_second: float
    cpu_ms: float


async def measure_booking(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """16 at a time without rivals, then two hundred at once for one day, on PostgreSQL, in this process."""
    settings = Settings.model_validate({"database_url": arena.database_url, "secret_key": SECRET_KEY})
    async with open_runtime(settings, registry=build_registry(only=["house"]), scheduled=False) as runtime:
        salon = await _open_salon()
        await arena.analyse()
        floor = await _measure(effort, lambda: _take_only(salon))
        product = await _measure(effort, lambda: _book(runtime, salon, salon.deal()))
        per_second, booked, overlaps = await _run_hot_day(runtime, await _open_salon())
    share, cpu = product.per_second / floor.per_second, product.cpu_ms / floor.cpu_ms
    lines = [
        Line("the guard's statement alone", _show(floor)),
        Line("booking, without rivals", _show(product)),
        Line("  bookings per second", f"{share:.0%}", f">= {LEAST_SHARE:.0%}", share >= LEAST_SHARE),
        Line("  CPU per booking", f"{cpu:.1f}", f"<= {MOST_CPU}", cpu <= MOST_CPU),
        Line("two hundred at once, one day", f"{per_second:.0f} attempts/s, {booked} booked"),
        Line("  booked twice", str(overlaps), "0", overlaps == 0),
    ]
    results = {"floor": vars(floor), "product": vars(product), "attempts_per_second": per_second}
    return lines, results


async def _measure(effort: Effort, work: Callable[[], Awaitable[None]]) -> Side:
    await _run_clients(effort.warm_up / 2, work)
    began, cpu = time.perf_counter(), time.process_time()
    done = await _run_clients(effort.seconds, work)
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return Side(done / seconds, 1000 * spent / done)


async def _run_clients(seconds: float, work: Callable[[], Awaitable[None]]) -> int:
    until = time.perf_counter() + seconds

    async def run() -> int:
        done = 0
        while time.perf_counter() < until:
            await work()
            done += 1
        return done

    return sum(await asyncio.gather(*(run() for _ in range(CLIENTS))))


async def _take_only(salon: Salon) -> None:
    """Always the same time, each time of another merchant, where it is free."""
    slot, service = salon.build(salon.start, 0, 0), salon.service
    owner = Owner(new_id(), service.store_id, new_id(), OwnerKind.RESERVATION)
    takes = list_takes(service, Span(slot.start, slot.end), slot.staff_id, slot.resource_ids)
    problem = await take_claims([claim_time(owner, takes, slot.start)])
    if problem is not None:
        raise RuntimeError(problem.code)


async def _book(runtime: Runtime, salon: Salon, slot: Slot) -> None:
    answer = await _try(runtime, salon, slot)
    if not isinstance(answer, ReservationView):
        raise RuntimeError(answer.code)


async def _try(runtime: Runtime, salon: Salon, slot: Slot) -> Any:
    token = sign_slot(runtime.keys, salon.owner.tenant_id, slot, runtime.clock.now())
    wanted = BookingInput(token, None, 1, None, None, (), None, (), str(new_id()))
    return await book_reservation(runtime, salon.owner, wanted)


async def _run_hot_day(runtime: Runtime, salon: Salon) -> tuple[float, int, int]:
    """Attempts a second, how many were booked, and how many overlap."""
    chance = random.Random(20261123)

    async def run() -> int:
        booked = 0
        for _ in range(3):
            start = salon.start + timedelta(minutes=15 * chance.randrange(4 * HOURS - 3))
            slot = salon.build(start, chance.randrange(STAFF // 2), chance.randrange(STAFF // 2))
            booked += isinstance(await _try(runtime, salon, slot), ReservationView)
        return booked

    began = time.perf_counter()
    booked = sum(await asyncio.gather(*(run() for _ in range(BOOKERS))))
    seconds = time.perf_counter() - began
    row = await fetch_row(_OVERLAPS)
    return 3 * BOOKERS / seconds, booked, int(row["total"]) if row else 0


async def _open_salon() -> Salon:
    merchant = await create_merchant("Salon", "Bench")
    owner = await authenticate(merchant.token)
    tomorrow = utc_now().astimezone(_ZONE) + timedelta(days=1)
    start = tomorrow.replace(hour=9, minute=0, second=0, microsecond=0)
    same = {"tenant_id": owner.tenant_id, "store_id": merchant.store_id}
    staff, rooms = [new_id() for _ in range(STAFF)], [new_id() for _ in range(STAFF)]
    service_id = new_id()
    writes = [
        insert_row(
            "service", id=service_id, name="Cut", kind="APPOINTMENT", duration_minutes=60, buffer_before_minutes=0,
            buffer_after_minutes=0, required_skills=Json([]), required_resource_kinds=Json(["room"]), capacity=1,
            visits=1, active=True, **same,
        ),
        *(_build_room(room, same) for room in rooms),
        *(write for member in staff for write in _build_member(member, start, same)),
    ]  # fmt: skip
    for first in range(0, len(writes), 100):
        await write_together(writes[first : first + 100])
    service = await find_service(owner.tenant_id, service_id)
    assert service is not None
    return Salon(owner, service, staff, rooms, start)


def _build_room(room_id: UUID, same: dict[str, Any]) -> Write:
    return insert_row("resource", id=room_id, name="Room", kind="room", capacity=1, active=True, **same)


def _build_member(staff_id: UUID, start: datetime, same: dict[str, Any]) -> list[Write]:
    """Somebody, with a shift a day."""
    shifts = [
        insert_row(
            "shift", id=new_id(), staff_id=staff_id, start_at=start + timedelta(days=day),
            end_at=start + timedelta(days=day, hours=HOURS), **same,
        )
        for day in range(DAYS)
    ]  # fmt: skip
    return [
        insert_row("staff_member", id=staff_id, name="Anna", skills=Json([]), active=True, **same),
        *shifts,
    ]


def _show(side: Side) -> str:
    return f"{side.per_second:.0f} per second, {side.cpu_ms:.2f} ms CPU"
