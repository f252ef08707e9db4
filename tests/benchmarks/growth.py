"""Whether lists stay fast as a shop grows: a page of `reservations` by each filter, of a thousand and of 100,000 rows.

Reading the page is most of each time. The last line is a query that no index serves: it shows what growing looks like.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor
from core.db.lifecycle import opened_database
from core.db.migrate import migrate
from core.db.sqlite import format_instant
from core.db.statements import execute, fetch_rows
from core.ids import new_id
from core.reservations.ledger import ReservationFilter, list_reservations
from core.reservations.values import ReservationStatus
from core.settings import Settings
from tests.benchmarks.arena import SECRET_KEY, Arena
from tests.benchmarks.redeem import Effort, Line

FEW, MANY, PAGE, GOAL = 1_000, 100_000, 20, 2.0
STAFF, SERVICES, TAILS = 10, 4, 20
_START = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "id", "created_at", "tenant_id", "store_id", "service_id", "staff_id", "resource_ids", "code", "calendar_key",
    "status", "version", "sequence", "start_at", "end_at", "party_size", "phone_tail", "walk_in", "source_channel",
    "deposit", "deposit_status",
)  # fmt: skip
_UNSERVED = "reservations by what has no index"
_SCAN = "SELECT id FROM reservation WHERE tenant_id = $1 AND party_size = 99 ORDER BY start_at, id LIMIT 21"
Insert = Callable[[Sequence[tuple[Any, ...]]], Awaitable[None]]


async def measure_growth(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """On both databases. The rows of a minute apart, so that a day of the larger shop has no more than a day holds."""
    connection = await asyncpg.connect(arena.database_url)
    try:

        async def copy(rows: Sequence[tuple[Any, ...]]) -> None:
            await connection.copy_records_to_table("reservation", records=rows, columns=_COLUMNS)

        postgres = await _measure(arena.database_url, effort, copy)
    finally:
        await connection.close()
    path = arena.folder / "growth.sqlite3"
    url = f"sqlite://{path}"
    await migrate(Settings.model_validate({"database_url": url, "secret_key": SECRET_KEY}))

    async def insert(rows: Sequence[tuple[Any, ...]]) -> None:
        _insert_into_file(str(path), rows)

    sqlite = await _measure(url, effort, insert)
    lines = [*_show("PostgreSQL", postgres), *_show("SQLite", sqlite)]
    return lines, {"postgres": postgres, "sqlite": sqlite}


async def _measure(url: str, effort: Effort, insert: Insert) -> dict[str, tuple[float, float]]:
    """Milliseconds of each filter with few and with many rows."""
    settings = Settings.model_validate({"database_url": url, "secret_key": SECRET_KEY})
    async with opened_database(settings):
        taken = []
        for rows in (FEW, MANY):
            merchant = await create_merchant("Chain", f"{rows}")
            owner = await authenticate(merchant.token)
            staff, services = [new_id() for _ in range(STAFF)], [new_id() for _ in range(SERVICES)]
            await insert(_make_rows(rows, owner.tenant_id, merchant.store_id, staff, services))
            taken.append((owner, _list_filters(merchant.store_id, staff[0], services[0])))
        await execute("ANALYZE")
        few, many = [await _time_filters(effort, owner, filters) for owner, filters in taken]
    return {name: (few[name], many[name]) for name in few}


def _list_filters(store_id: UUID, staff_id: UUID, service_id: UUID) -> dict[str, ReservationFilter]:
    since, until = _START + timedelta(hours=4), _START + timedelta(hours=10)
    return {
        "no filter": ReservationFilter(),
        "storeId": ReservationFilter(store_id=store_id),
        "from, to": ReservationFilter(since=since, until=until),
        "staffId": ReservationFilter(staff_id=staff_id),
        "serviceId": ReservationFilter(service_id=service_id),
        "status": ReservationFilter(statuses=(ReservationStatus.NO_SHOW,)),
        "phoneTail": ReservationFilter(phone_tail="0007"),
        "storeId, from, to, status": ReservationFilter(
            store_id, since, until, statuses=(ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)
        ),
        "storeId, staffId, from": ReservationFilter(store_id, since, staff_id=staff_id),
    }


async def _time_filters(
    effort: Effort, owner: Actor, filters: dict[str, ReservationFilter]
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in filters}
    for _ in range(20 * effort.pairs):
        for name, wanted in filters.items():
            began = time.perf_counter()
            page = await list_reservations(owner, wanted, PAGE, None)
            times[name].append(1000 * (time.perf_counter() - began))
            if not page.reservations:
                raise RuntimeError(f"{name} finds nothing")
        began = time.perf_counter()
        await fetch_rows(_SCAN, owner.tenant_id)
        times.setdefault(_UNSERVED, []).append(1000 * (time.perf_counter() - began))
    return {name: median(each) for name, each in times.items()}


def _make_rows(
    count: int, tenant_id: UUID, store_id: UUID, staff: Sequence[UUID], services: Sequence[UUID]
) -> list[tuple[Any, ...]]:
    """One a minute. Every twentieth did not come."""
    chance = random.Random(count)
    rows = []
    for number in range(count):
        start = _START + timedelta(minutes=number)
        status = "NO_SHOW" if number % 20 == 0 else chance.choice(("CONFIRMED", "CHECKED_IN", "COMPLETED"))
        rows.append(
            (
                new_id(), _START, tenant_id, store_id, chance.choice(services), chance.choice(staff), "[]",
                f"{number:06d}", f"{tenant_id.hex}{number:06d}", status, 1, 0, start, start + timedelta(hours=1), 1,
                f"{number % TAILS:04d}", False, "house", 0, "NONE",
            )
        )  # fmt: skip
    return rows


def _insert_into_file(path: str, rows: Sequence[tuple[Any, ...]]) -> None:
    forms: dict[type, Callable[[Any], Any]] = {UUID: str, datetime: format_instant}
    places = ", ".join("?" for _ in _COLUMNS)
    plain = [tuple(forms.get(type(value), lambda same: same)(value) for value in row) for row in rows]
    connection = sqlite3.connect(path, timeout=30)
    try:
        with connection:
            connection.executemany(
                f"INSERT INTO reservation ({', '.join(_COLUMNS)}) VALUES ({places})", plain
            )
    finally:
        connection.close()


def _show(database: str, found: dict[str, tuple[float, float]]) -> list[Line]:
    return [
        Line(
            f"growth, {database}, {name}",
            f"{few:.2f} ms of {FEW:,} rows, {many:.2f} ms of {MANY:,}: {many / few:.1f} x",
            "" if name == _UNSERVED else f"<= {GOAL:g} x",
            None if name == _UNSERVED else many <= GOAL * few,
        )
        for name, (few, many) in found.items()
    ]
