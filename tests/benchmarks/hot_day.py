"""A day that everybody wants: two hundred at once for ten of the staff, of whose day half is taken all the while.

The floor is what no booking can do without: the guard's own INSERT and an event, in one transaction of a bare driver.
Each of the bookers tries, is booked or is told that somebody was faster, and tries again; the oldest bookings are let
go of, so that about half of the day is always taken. On SQLite the floor is the same two statements through our client.

PostgreSQL does not wait for its disk here (see `arena`). The bare driver hands its few connections out in bursts, so
that its median says little of how long one booker waits; rates are what can be compared.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor
from core.channels.registry import build_registry
from core.clock import utc_now
from core.db.inserts import insert_row
from core.db.migrate import migrate
from core.db.statements import Json, Write, execute, fetch_rows, write_together
from core.events.outbox import outbox_write
from core.ids import decode_id, new_id
from core.program import open_runtime
from core.reservations.booking import BookingInput, book_reservation
from core.reservations.claims import take_claims
from core.reservations.guard import Owner, Span, claim_time, list_takes
from core.reservations.setup.rows import find_service
from core.reservations.slots.tokens import sign_slot
from core.reservations.values import OwnerKind, ReservationErrorCode, ReservationView, ServiceView, Slot
from core.runtime import Runtime
from core.settings import Settings
from tests.benchmarks.arena import SECRET_KEY, Arena
from tests.benchmarks.load import read_answer
from tests.benchmarks.redeem import PRODUCT, Effort, Line

BOOKERS, STAFF, HOURS, POOL = 200, 10, 12, 20
LENGTHS = (30, 45, 60, 90)
HALF_A_DAY = 64  # bookings
GOAL = 250
_ZONE = ZoneInfo("Asia/Shanghai")
_BOOK = """mutation ($input: BookReservationInput!) {
  bookReservation(input: $input) { reservation { id } userErrors { code } }
}"""
_GUARD = """INSERT INTO booking_allocation (id, created_at, tenant_id, store_id, owner_id, owner_kind, resource_id,
 taken_kind, start_at, end_at, state) VALUES ($1, now(), $2, $3, $1, 'RESERVATION', $4, 'STAFF', $5, $6, 'CONFIRMED')
 ON CONFLICT DO NOTHING RETURNING id"""
_EVENT = """INSERT INTO outbox_event (id, created_at, tenant_id, store_id, kind, subject_id, payload)
 VALUES ($1, now(), $2, $3, 'reservation.changed', $1, '{}')"""
_OVERLAPS = """SELECT one.id FROM booking_allocation one JOIN booking_allocation two
 ON two.tenant_id = one.tenant_id AND two.resource_id = one.resource_id AND two.id > one.id
 WHERE one.state = 'CONFIRMED' AND two.state = 'CONFIRMED' AND one.start_at < two.end_at AND two.start_at < one.end_at"""

# Answers the id of what was booked; None where somebody was faster.
Attempt = Callable[[Slot], Awaitable[UUID | None]]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Day:
    """One shop's day. Each side of a comparison has one of its own."""

    owner: Actor
    token: str
    services: Sequence[ServiceView]
    staff: Sequence[UUID]
    start: datetime
    chance: random.Random = field(default_factory=lambda: random.Random(20261123))

    def pick(self) -> Slot:
        """Any quarter of an hour of anybody's, for any of the services."""
        service = self.chance.choice(self.services)
        latest = 4 * HOURS - service.duration_minutes // 15
        start = self.start + timedelta(minutes=15 * self.chance.randrange(latest + 1))
        end = start + timedelta(minutes=service.duration_minutes)
        return Slot(service.id, service.store_id, start, end, self.chance.choice(self.staff))


@dataclass(frozen=True)
class Rate:
    booked: float
    attempts: float
    p50_ms: float
    p99_ms: float


async def measure_hot_day(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """Medians of alternating runs on PostgreSQL; then on SQLite."""
    deadlocks = await _count_deadlocks(arena)
    settings = Settings.model_validate({"database_url": arena.database_url, "secret_key": SECRET_KEY})
    async with _open(settings) as runtime:
        pool = await asyncpg.create_pool(arena.database_url, min_size=POOL, max_size=POOL)
        async with pool, _open_graphql(arena, runtime) as book_by_graphql:
            postgres, overlaps = await _compare(
                effort,
                {
                    "guard and event, bare driver": lambda day: lambda slot: _take_bare(pool, day, slot),
                    "bookReservation, service": lambda day: lambda slot: _book(runtime, day, slot),
                    "bookReservation, GraphQL": book_by_graphql,
                },
                arena.analyse,
            )
    deadlocks = await _count_deadlocks(arena) - deadlocks
    sqlite, more = await _measure_sqlite(arena, effort)
    floor = postgres["guard and event, bare driver"]
    lines = [
        *_show_sides("PostgreSQL", postgres),
        Line("  the guard, booked per second", f"{floor.booked:.0f}", f">= {GOAL}", floor.booked >= GOAL),
        Line("  deadlocks", str(deadlocks), "0", deadlocks == 0),
        *_show_sides("SQLite", sqlite),
        Line("  booked twice", str(overlaps + more), "0", overlaps + more == 0),
    ]
    results = {"postgres": postgres, "sqlite": sqlite}
    return lines, {
        name: {side: asdict(rate) for side, rate in found.items()} for name, found in results.items()
    }


async def _measure_sqlite(arena: Arena, effort: Effort) -> tuple[dict[str, Rate], int]:
    url = f"sqlite://{arena.folder / 'hot_day.sqlite3'}"
    settings = Settings.model_validate({"database_url": url, "secret_key": SECRET_KEY})
    await migrate(settings)
    async with _open(settings) as runtime:
        sides: dict[str, Callable[[Day], Attempt]] = {
            "guard and event": lambda day: lambda slot: _take(day, slot),
            "bookReservation, service": lambda day: lambda slot: _book(runtime, day, slot),
        }
        return await _compare(effort, sides, lambda: execute("ANALYZE"))


async def _compare(
    effort: Effort, sides: dict[str, Callable[[Day], Attempt]], analyse: Callable[[], Awaitable[Any]]
) -> tuple[dict[str, Rate], int]:
    """A B C A B C …, each on its own day; and how many bookings overlap in the end."""
    days = {name: await _open_day() for name in sides}
    taken: dict[str, list[Rate]] = {name: [] for name in sides}
    kept: dict[str, deque[UUID]] = {name: deque() for name in sides}
    for name, day in days.items():
        await _run_bookers(effort.warm_up / 2, day, sides[name](day), kept[name])
    await analyse()
    for _ in range(effort.pairs):
        for name, day in days.items():
            taken[name].append(await _run_bookers(effort.seconds, day, sides[name](day), kept[name]))
    medians = {
        name: Rate(*(median(each) for each in zip(*(asdict(rate).values() for rate in rates), strict=True)))
        for name, rates in taken.items()
    }
    return medians, len(await fetch_rows(_OVERLAPS))


async def _run_bookers(seconds: float, day: Day, attempt: Attempt, kept: deque[UUID]) -> Rate:
    booked, latencies = 0, []
    began = time.perf_counter()

    async def run() -> None:
        nonlocal booked
        while (tried := time.perf_counter()) < began + seconds:
            made = await attempt(day.pick())
            latencies.append(1000 * (time.perf_counter() - tried))
            if made is not None:
                booked += 1
                kept.append(made)
            if len(kept) > HALF_A_DAY:
                await _let_go(day, kept.popleft())

    await asyncio.gather(*(run() for _ in range(BOOKERS)))
    passed = time.perf_counter() - began
    latencies.sort()
    middle, last = latencies[len(latencies) // 2], latencies[int(0.99 * (len(latencies) - 1))]
    return Rate(booked / passed, len(latencies) / passed, middle, last)


async def _let_go(day: Day, owner_id: UUID) -> None:
    await execute(
        "UPDATE booking_allocation SET state = 'RELEASED' WHERE tenant_id = $1 AND owner_id = $2",
        day.owner.tenant_id,
        owner_id,
    )


# ---------------------------------------------------------------------------------------------------------------- sides
async def _take_bare(pool: Any, day: Day, slot: Slot) -> UUID | None:
    made, tenant_id = new_id(), day.owner.tenant_id
    async with pool.acquire() as connection, connection.transaction():
        values = (made, tenant_id, slot.store_id, slot.staff_id, slot.start, slot.end)
        if not await connection.fetch(_GUARD, *values):
            return None
        await connection.execute(_EVENT, made, tenant_id, slot.store_id)
    return made


async def _take(day: Day, slot: Slot) -> UUID | None:
    made, service = new_id(), next(each for each in day.services if each.id == slot.service_id)
    owner = Owner(day.owner.tenant_id, slot.store_id, made, OwnerKind.RESERVATION)
    takes = list_takes(service, Span(slot.start, slot.end), slot.staff_id, slot.resource_ids)
    event = outbox_write(day.owner.tenant_id, slot.store_id, "reservation.changed", made)
    return None if await take_claims([claim_time(owner, takes, utc_now())], [event]) else made


async def _book(runtime: Runtime, day: Day, slot: Slot) -> UUID | None:
    token = sign_slot(runtime.keys, day.owner.tenant_id, slot, runtime.clock.now())
    wanted = BookingInput(token, None, 1, None, None, (), None, (), str(new_id()))
    answer = await book_reservation(runtime, day.owner, wanted)
    if isinstance(answer, ReservationView):
        return answer.id
    if answer.code is not ReservationErrorCode.SLOT_TAKEN:
        raise RuntimeError(answer.code)
    return None


@asynccontextmanager
async def _open_graphql(arena: Arena, runtime: Runtime) -> AsyncIterator[Callable[[Day], Attempt]]:
    """A server of its own, asked over kept connections, as many as there are bookers."""
    server = arena.start(PRODUCT)
    streams: list[Stream] = []

    async def ask(day: Day, slot: Slot) -> UUID | None:
        token = sign_slot(runtime.keys, day.owner.tenant_id, slot, runtime.clock.now())
        given = {"slotToken": token, "idempotencyKey": str(new_id())}
        body = orjson.dumps({"query": _BOOK, "variables": {"input": given}})
        stream = streams.pop() if streams else await asyncio.open_connection("127.0.0.1", server.port)
        payload = await _exchange(stream, day.token, body)
        streams.append(stream)
        if payload["reservation"] is not None:
            return decode_id(payload["reservation"]["id"], "Reservation")
        if payload["userErrors"][0]["code"] != "SLOT_TAKEN":
            raise RuntimeError(payload)
        return None

    try:
        yield lambda day: lambda slot: ask(day, slot)
    finally:
        for _, writer in streams:
            writer.close()
        server.stop()


async def _exchange(stream: Stream, token: str, body: bytes) -> dict[str, Any]:
    """One request, and the payload of its mutation."""
    reader, writer = stream
    head = f"POST /graphql HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
    writer.write(
        f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )
    answer = orjson.loads(await read_answer(reader))
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    payload: dict[str, Any] = answer["data"]["bookReservation"]
    return payload


# ----------------------------------------------------------------------------------------------------------- setting up
@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, registry=build_registry(only=["house"]), scheduled=False) as runtime:
        yield runtime


async def _open_day() -> Day:
    """Ten of the staff who work twelve hours tomorrow; four services without rooms."""
    merchant = await create_merchant("Salon", "Hot day")
    owner = await authenticate(merchant.token)
    tomorrow = utc_now().astimezone(_ZONE) + timedelta(days=1)
    start = tomorrow.replace(hour=9, minute=0, second=0, microsecond=0)
    same = {"tenant_id": owner.tenant_id, "store_id": merchant.store_id}
    staff, services = [new_id() for _ in range(STAFF)], [new_id() for _ in LENGTHS]
    await write_together([write for member in staff for write in _build_member(member, start, same)])
    await write_together(
        [_build_service(row_id, length, same) for row_id, length in zip(services, LENGTHS, strict=True)]
    )
    found = [await find_service(owner.tenant_id, row_id) for row_id in services]
    return Day(owner, merchant.token, [each for each in found if each], staff, start)


def _build_member(staff_id: UUID, start: datetime, same: dict[str, Any]) -> list[Write]:
    end = start + timedelta(hours=HOURS)
    return [
        insert_row("staff_member", id=staff_id, name="Anna", skills=Json([]), active=True, **same),
        insert_row("shift", id=new_id(), staff_id=staff_id, start_at=start, end_at=end, **same),
    ]


def _build_service(service_id: UUID, length: int, same: dict[str, Any]) -> Write:
    return insert_row(
        "service", id=service_id, name="Cut", kind="APPOINTMENT", duration_minutes=length, buffer_before_minutes=0,
        buffer_after_minutes=0, required_skills=Json([]), required_resource_kinds=Json([]), capacity=1, visits=1,
        active=True, **same,
    )  # fmt: skip


async def _count_deadlocks(arena: Arena) -> int:
    connection = await asyncpg.connect(arena.database_url)
    try:
        found: int = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return found
    finally:
        await connection.close()


def _show_sides(database: str, sides: dict[str, Rate]) -> list[Line]:
    floor = next(iter(sides.values()))
    return [
        Line(
            f"hot day, {database}: {name}",
            f"{rate.booked:.0f} booked/s ({rate.booked / floor.booked:.0%}), {rate.attempts:.0f} tries/s,"
            f" p50 {rate.p50_ms:.0f} ms, p99 {rate.p99_ms:.0f} ms",
        )
        for name, rate in sides.items()
    ]
