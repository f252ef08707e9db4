"""What it costs to say what is free: a fortnight of twenty staff with two hundred bookings a day, in this process.

The floor does the least that any answer needs: it reads the fortnight's taken time and shifts with a bare driver, and
finds by hand the first quarter hour that is free for each of the staff.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor, Role
from core.clock import SystemClock, utc_now
from core.db.inserts import insert_row
from core.db.lifecycle import opened_database
from core.db.statements import Json, Write, write_together
from core.ids import new_id
from core.reservations.slots.availability import SlotQuery, list_slots, recommend_slots
from core.runtime import Runtime
from core.settings import Settings
from tests.benchmarks.arena import SECRET_KEY, Arena
from tests.benchmarks.redeem import Effort, Line

DAYS, STAFF, BOOKINGS_A_DAY = 14, 20, 200
GOAL_MS = 20
_ZONE = ZoneInfo("Asia/Shanghai")
_LENGTHS = (30, 45, 60)


@dataclass(frozen=True)
class Salon:
    """Twenty staff who work from ten to ten. `guest` has been here before."""

    tenant_id: UUID
    store_id: UUID
    service_id: UUID
    guest: Actor
    start: datetime


async def measure_availability(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """CPU of the three recommended slots, and of every slot of the fortnight, on PostgreSQL."""
    settings = Settings.model_validate({"database_url": arena.database_url, "secret_key": SECRET_KEY})
    async with opened_database(settings):
        salon = await _open_salon()
        await arena.analyse()
        runtime = cast(Runtime, SimpleNamespace(clock=SystemClock()))
        query = SlotQuery(salon.store_id, salon.service_id, salon.start, salon.start + timedelta(days=DAYS))
        connection = await asyncpg.connect(arena.database_url)
        try:
            floor = await _measure_cpu(effort, lambda: _find_by_hand(connection, salon))
            best = await _measure_cpu(
                effort, lambda: recommend_slots(runtime, salon.guest, salon.store_id, salon.service_id)
            )
            everything = await _measure_cpu(effort, lambda: list_slots(runtime, salon.guest, query))
        finally:
            await connection.close()
        count = len(await list_slots(runtime, salon.guest, query))
    lines = [
        Line("availability, floor: first free quarter of 20 staff", f"{floor:.1f} ms CPU"),
        Line(
            "three recommended of 14 days, 20 staff, 200 bookings a day",
            f"{best:.1f} ms CPU, {best / floor:.1f} x the floor",
            f"<= {GOAL_MS} ms",
            best <= GOAL_MS,
        ),
        Line(f"all {count} slots of them, scored", f"{everything:.1f} ms CPU, {everything / floor:.1f} x"),
    ]
    return lines, {"floor_ms": floor, "recommended_ms": best, "all_ms": everything, "slots": count}


async def _measure_cpu(effort: Effort, answer: Callable[[], Awaitable[Any]]) -> float:
    """The median CPU of one answer in ms: of this process, so without the database's."""
    spent = []
    until = time.perf_counter() + effort.seconds
    while len(spent) < 5 or time.perf_counter() < until:
        before = time.process_time()
        await answer()
        spent.append((time.process_time() - before) * 1000)
    return median(spent[1:])


async def _find_by_hand(connection: asyncpg.Connection, salon: Salon) -> list[float]:
    """The first quarter at which each of the staff is free for three quarters of an hour."""
    window = salon.tenant_id, salon.store_id, salon.start, salon.start + timedelta(days=DAYS)
    taken = await connection.fetch(
        "SELECT resource_id, start_at, end_at FROM booking_allocation WHERE tenant_id = $1 AND store_id = $2"
        " AND state IN ('HELD', 'CONFIRMED') AND end_at > $3 AND start_at < $4 ORDER BY start_at",
        *window,
    )
    shifts = await connection.fetch(
        "SELECT staff_id, start_at, end_at FROM shift WHERE tenant_id = $1 AND store_id = $2 AND end_at > $3"
        " AND start_at < $4 ORDER BY start_at",
        *window,
    )
    busy: dict[UUID, tuple[list[float], list[float]]] = {}
    for row in taken:
        starts, ends = busy.setdefault(row["resource_id"], ([], []))
        starts.append(row["start_at"].timestamp())
        ends.append(row["end_at"].timestamp())
    found: dict[UUID, float] = {}
    for row in shifts:
        at, end = row["start_at"].timestamp(), row["end_at"].timestamp() - 2700
        starts, ends = busy.get(row["staff_id"], ([], []))
        while row["staff_id"] not in found and at <= end:
            index = bisect_left(starts, at + 2700) - 1
            if index < 0 or ends[index] <= at:
                found[row["staff_id"]] = at
            at += 900
    return list(found.values())


async def _open_salon() -> Salon:
    new = await create_merchant("Salon", "First")
    owner = await authenticate(new.token)
    guest = Actor(owner.tenant_id, guest_id := new_id(), new_id(), Role.CUSTOMER, customer_id=guest_id)
    tomorrow = (utc_now().astimezone(_ZONE) + timedelta(days=1)).replace(
        hour=10, minute=0, second=0, microsecond=0
    )
    salon = Salon(owner.tenant_id, new.store_id, new_id(), guest, tomorrow)
    writes = [_build_service(salon), *_build_visits(salon)]
    for seed in range(STAFF):
        writes += _build_staff(salon, random.Random(seed))
    for first in range(0, len(writes), 500):
        await write_together(writes[first : first + 500])
    return salon


def _build_service(salon: Salon) -> Write:
    return insert_row(
        "service", id=salon.service_id, tenant_id=salon.tenant_id, store_id=salon.store_id, name="Cut",
        kind="APPOINTMENT", duration_minutes=45, buffer_before_minutes=0, buffer_after_minutes=0,
        required_skills=Json([]), required_resource_kinds=Json([]), capacity=1, visits=1, active=True,
    )  # fmt: skip


def _build_visits(salon: Salon) -> list[Write]:
    """Ten visits of the guest: Saturdays at three."""
    return [
        insert_row(
            "reservation", id=new_id(), tenant_id=salon.tenant_id, store_id=salon.store_id,
            service_id=salon.service_id, customer_id=salon.guest.customer_id, resource_ids=Json([]),
            code=f"V{week}", calendar_key=str(new_id()), status="COMPLETED", version=1, sequence=0,
            start_at=salon.start - timedelta(days=7 * week), end_at=salon.start - timedelta(days=7 * week, hours=-1),
            party_size=1, walk_in=False, source_channel="house", deposit=0, deposit_status="NONE",
        )
        for week in range(1, 11)
    ]  # fmt: skip


def _build_staff(salon: Salon, chance: random.Random) -> list[Write]:
    """Somebody with a shift a day, and ten bookings a day at random times that do not overlap."""
    staff_id = new_id()
    same = {"tenant_id": salon.tenant_id, "store_id": salon.store_id}
    writes = [insert_row("staff_member", id=staff_id, name="Anna", skills=Json([]), active=True, **same)]
    for day in range(DAYS):
        start = salon.start + timedelta(days=day)
        span = {"start_at": start, "end_at": start + timedelta(hours=12)}
        writes.append(insert_row("shift", id=new_id(), staff_id=staff_id, **span, **same))
        at = 0
        for left in range(BOOKINGS_A_DAY // STAFF, 0, -1):
            length = chance.choice(_LENGTHS)
            at += 5 * chance.randrange(0, max(1, (720 - at - 60 * left) // (5 * left)) + 1)
            begin = start + timedelta(minutes=at)
            at += length
            writes.append(
                insert_row(
                    "booking_allocation", id=new_id(), owner_id=new_id(), owner_kind="RESERVATION",
                    resource_id=staff_id, taken_kind="STAFF", start_at=begin,
                    end_at=begin + timedelta(minutes=length), state="CONFIRMED", **same,
                )
            )  # fmt: skip
    return writes
