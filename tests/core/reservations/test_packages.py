"""Prepaid visits: drawn once, returned once, never below zero."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.db.statements import write_together
from core.ids import new_id
from core.reservations.claims import take_claims
from core.reservations.packages import claim_session, return_session, spend_session
from core.reservations.values import ReservationErrorCode

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
USED_UP, NOT_VALID = ReservationErrorCode.PACKAGE_USED_UP, ReservationErrorCode.PACKAGE_NOT_VALID


@pytest.fixture
def sell(store_row, store_id):
    """`await sell(service, left=…)`: a package of ten visits, and its customer."""

    async def sell_package(service, left=10, **changes):
        customer_id = new_id()
        columns = {
            "customer_id": customer_id, "store_id": None, "name": "Ten lessons", "service_ids": [str(service.id)],
            "sessions_total": 10, "sessions_left": left, "valid_from": None, "valid_until": None, "active": True,
        }  # fmt: skip
        return await store_row("customer_package", **columns | changes), customer_id

    return sell_package


@pytest.fixture
def draw(tenant_id):
    async def draw_session(package_id, customer_id, service, reservation_id=None, start=START):
        claim = claim_session(tenant_id, package_id, reservation_id or new_id(), customer_id, service, start)
        return await take_claims([claim])

    return draw_session


async def test_draws_one(database, make_service, sell, draw, read_value):
    service = make_service()
    package_id, customer_id = await sell(service)
    assert await draw(package_id, customer_id, service) is None
    assert await read_value("customer_package", "sessions_left", package_id) == 9


async def test_last_one_goes_once(database, make_service, sell, draw, read_value):
    service = make_service()
    package_id, customer_id = await sell(service, left=3)
    answers = await asyncio.gather(*(draw(package_id, customer_id, service) for _ in range(20)))
    assert sorted(answer.code for answer in answers if answer) == [USED_UP] * 17
    assert await read_value("customer_package", "sessions_left", package_id) == 0


@pytest.mark.parametrize(
    ("name", "change"),
    {
        "over": {"valid_until": START},
        "not begun": {"valid_from": START + timedelta(seconds=1)},
        "another store": {"store_id": new_id()},
        "another service": {"service_ids": [str(new_id())]},
        "withdrawn": {"active": False},
        "another customer": {"customer_id": new_id()},
    }.items(),
)
async def test_not_valid(database, make_service, sell, draw, read_value, name, change):
    service = make_service()
    package_id, customer_id = await sell(service, **change)
    problem = await draw(package_id, customer_id, service)
    assert (problem.code, problem.field) == (NOT_VALID, ("packageId",))
    assert await read_value("customer_package", "sessions_left", package_id) == 10


async def test_valid_to_its_last_moment(database, make_service, sell, draw):
    service = make_service()
    package_id, customer_id = await sell(
        service, valid_from=START, valid_until=START + timedelta(seconds=1), store_id=service.store_id
    )
    assert await draw(package_id, customer_id, service) is None


async def test_returned_once(database, tenant_id, make_service, sell, draw, read_value):
    service, reservation_id = make_service(), new_id()
    package_id, customer_id = await sell(service)
    await draw(package_id, customer_id, service, reservation_id)
    for _ in range(2):
        await write_together(return_session(tenant_id, reservation_id))
    assert await read_value("customer_package", "sessions_left", package_id) == 10


async def test_spent_is_not_returned(database, tenant_id, make_service, sell, draw, read_value):
    service, reservation_id = make_service(), new_id()
    package_id, customer_id = await sell(service)
    await draw(package_id, customer_id, service, reservation_id)
    await write_together(spend_session(tenant_id, reservation_id))
    await write_together(return_session(tenant_id, reservation_id))
    assert await read_value("customer_package", "sessions_left", package_id) == 9
