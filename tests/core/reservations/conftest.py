"""A shop with a service, and what tests of reservations ask again and again."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.db.inserts import insert_row
from core.db.statements import Json, fetch_row, write_together
from core.ids import new_id
from core.reservations.values import ServiceKind, ServiceView
from core.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from course import Course, open_course
from salon import Salon, open_salon


@pytest.fixture
async def salon(database: Settings) -> AsyncIterator[Salon]:
    """A shop that takes bookings: see `salon`."""
    async with open_salon(database) as opened:
        yield opened


@pytest.fixture
async def course(salon: Salon) -> Course:
    """A class of three seats at 14:00 in which all are taken; the clock stands at 09:00."""
    return await open_course(salon)


@pytest.fixture
def store_id() -> UUID:
    return new_id()


@pytest.fixture
def make_service(tenant_id: UUID, store_id: UUID) -> Callable[..., ServiceView]:
    """A service of the shop, not stored."""

    def make(kind: ServiceKind = ServiceKind.APPOINTMENT, **changes: Any) -> ServiceView:
        values = {"name": "Cut", "duration_minutes": 60} | changes
        return ServiceView(new_id(), tenant_id, store_id, kind=kind, **values)

    return make


@pytest.fixture
def store_row(tenant_id: UUID) -> Callable[..., Awaitable[UUID]]:
    """`await store_row("table", column=value)`: inserts a row of the merchant and answers its id."""

    async def store(table: str, **columns: Any) -> UUID:
        row_id = columns.setdefault("id", new_id())
        bound = {
            name: Json(value) if isinstance(value, (list, dict)) else value for name, value in columns.items()
        }
        await write_together([insert_row(table, tenant_id=tenant_id, **bound)])
        return row_id

    return store


@pytest.fixture
def read_value(tenant_id: UUID) -> Callable[..., Awaitable[Any]]:
    """`await read_value("table", "column", id)`: what a row of the merchant says."""

    async def read(table: str, column: str, row_id: UUID) -> Any:
        row = await fetch_row(
            f"SELECT {column} AS value FROM {table} WHERE tenant_id = $1 AND id = $2", tenant_id, row_id
        )
        return row["value"] if row else None

    return read
