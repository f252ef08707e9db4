"""Selling prepaid visits, and closing them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from salon import GUEST, MORNING, Salon

from core.access.problems import ProblemCode
from core.access.values import Role
from core.errors import Forbidden, IdempotencyKeyReused, NotFound
from core.ids import new_id
from core.reservations.package_sales import PackageInput, close_package, sell_package
from core.reservations.packages import DrawStatus, PackageView, list_packages, load_draws
from core.reservations.values import ReservationErrorCode, ReservationView, ServiceKind


@pytest.fixture
async def guest(salon: Salon) -> Any:
    """Who buys."""
    return await salon.enlist()


async def sell(salon: Salon, guest: Any, actor: Any = None, **changes: Any) -> Any:
    given = {"customer_id": guest.customer_id, "name": " Ten lessons ", "sessions": 10, **changes}
    if "service_ids" not in given:
        given["service_ids"] = (await salon.add_service()).id
    if not isinstance(given["service_ids"], tuple):
        given["service_ids"] = (given["service_ids"],)
    return await sell_package(salon.runtime, actor or salon.owner, PackageInput(**given))


def show(problems: Any) -> list[tuple[ProblemCode, tuple[str, ...]]]:
    assert isinstance(problems, list), problems
    return [(problem.code, problem.field) for problem in problems]


async def test_sold_package(salon: Salon, guest: Any) -> None:
    sold = await sell(salon, guest, store_id=salon.store_id, valid_until=MORNING + timedelta(days=90))
    assert isinstance(sold, PackageView)
    assert (sold.name, sold.sessions_total, sold.sessions_left, sold.active) == ("Ten lessons", 10, 10, True)
    assert await list_packages(salon.owner, guest.customer_id) == (sold,)
    assert await salon.count("audit_entry", "action = 'sellPackage'") == 1


async def test_course_has_its_visits(salon: Salon, guest: Any) -> None:
    course = await salon.add_service(ServiceKind.COURSE, visits=6)
    assert (await sell(salon, guest, service_ids=course.id, sessions=None)).sessions_total == 6
    assert (await sell(salon, guest, service_ids=course.id, sessions=4)).sessions_total == 4


async def test_other_services_need_a_number(salon: Salon, guest: Any) -> None:
    course = await salon.add_service(ServiceKind.COURSE, visits=6)
    both = (course.id, (await salon.add_service()).id)
    for service_ids in (both[1:], both):
        answer = await sell(salon, guest, service_ids=service_ids, sessions=None)
        assert show(answer) == [(ProblemCode.REQUIRED, ("sessions",))]
    assert await salon.count("customer_package") == 0


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": " "}, ProblemCode.REQUIRED, ("name",)),
        ({"name": "x" * 121}, ProblemCode.TOO_LONG, ("name",)),
        ({"sessions": 0}, ProblemCode.TOO_SMALL, ("sessions",)),
        ({"sessions": 1001}, ProblemCode.TOO_LARGE, ("sessions",)),
        ({"service_ids": ()}, ProblemCode.REQUIRED, ("serviceIds",)),
        ({"service_ids": tuple(new_id() for _ in range(51))}, ProblemCode.TOO_LONG, ("serviceIds",)),
        ({"service_ids": new_id()}, ProblemCode.NOT_FOUND, ("serviceIds", "0")),
        ({"customer_id": new_id()}, ProblemCode.NOT_FOUND, ("customerId",)),
        ({"valid_from": MORNING, "valid_until": MORNING}, ProblemCode.INVALID, ("validUntil",)),
    ],
)
async def test_wrong_input(
    salon: Salon, guest: Any, changes: dict[str, Any], code: ProblemCode, field: tuple[str, ...]
) -> None:
    assert show(await sell(salon, guest, **changes)) == [(code, field)]
    assert await salon.count("customer_package") == 0


async def test_service_of_another_store_is_of_no_use(salon: Salon, guest: Any) -> None:
    other = await salon.add("store", name="Second", time_zone="Asia/Shanghai")
    answer = await sell(salon, guest, store_id=other)
    assert show(answer) == [(ProblemCode.NOT_FOUND, ("serviceIds", "0"))]


async def test_staff_sell_for_their_own_stores_only(salon: Salon, guest: Any) -> None:
    other = await salon.add("store", name="Second", time_zone="Asia/Shanghai")
    assert show(await sell(salon, guest, salon.staff)) == [(ProblemCode.REQUIRED, ("storeId",))]
    with pytest.raises(NotFound):
        await sell(salon, guest, salon.staff, store_id=other)
    with pytest.raises(Forbidden):
        await sell(salon, guest, guest)
    assert isinstance(await sell(salon, guest, salon.staff, store_id=salon.store_id), PackageView)
    assert await salon.count("customer_package") == 1


async def test_once_per_key(salon: Salon, guest: Any) -> None:
    service = await salon.add_service()
    wanted = {"service_ids": service.id, "idempotency_key": "k"}
    sold = await asyncio.gather(*(sell(salon, guest, **wanted) for _ in range(4)))
    assert len({each.id for each in sold}) == 1
    assert await salon.count("customer_package") == 1
    with pytest.raises(IdempotencyKeyReused):
        await sell(salon, guest, **wanted, sessions=9)


async def test_who_sees_it(salon: Salon, guest: Any) -> None:
    other_store = await salon.add("store", name="Second", time_zone="Asia/Shanghai")
    elsewhere = await salon.enlist(Role.STAFF, store_ids=[other_store])
    everywhere = await sell(salon, guest)
    here = await sell(salon, guest, store_id=salon.store_id)
    seen = {
        name: {each.id for each in await list_packages(actor, guest.customer_id)}
        for name, actor in {
            "owner": salon.owner, "staff": salon.staff, "elsewhere": elsewhere, "own": guest, "other": salon.customer
        }.items()
    }  # fmt: skip
    both = {everywhere.id, here.id}
    assert seen == {"owner": both, "staff": both, "own": both, "elsewhere": {everywhere.id}, "other": set()}


async def test_draws_tell_what_became_of_each_visit(salon: Salon, guest: Any) -> None:
    service = await salon.add_service()
    sold = await sell(salon, guest, service_ids=service.id)
    kept = await salon.book(salon.slot(service, 4), guest, package_id=sold.id, contact=GUEST)
    gone = await salon.book(salon.slot(service, 6), guest, package_id=sold.id, contact=GUEST)
    await salon.cancel(gone.id, guest)
    draws = (await load_draws(salon.owner, [sold.id]))[sold.id]
    assert [(draw.reservation_id, draw.status) for draw in draws] == [
        (kept.id, DrawStatus.DRAWN),
        (gone.id, DrawStatus.RETURNED),
    ]
    assert await salon.list("customer_package", "sessions_left") == [9]


async def test_closed_package_is_drawn_from_no_more(salon: Salon, guest: Any) -> None:
    service = await salon.add_service()
    sold = await sell(salon, guest, service_ids=service.id)
    before = await salon.book(salon.slot(service, 4), guest, package_id=sold.id, contact=GUEST)
    closed = await close_package(salon.owner, sold.id, "refunded")
    assert isinstance(closed, PackageView)
    assert (closed.active, closed.sessions_left) == (False, 9)
    refused = await salon.book(salon.slot(service, 6), guest, package_id=sold.id, contact=GUEST)
    assert refused.code is ReservationErrorCode.PACKAGE_NOT_VALID
    assert isinstance(before, ReservationView)
    assert await salon.list("reservation", "status") == ["CONFIRMED"]


async def test_closing_again_changes_nothing(salon: Salon, guest: Any) -> None:
    sold = await sell(salon, guest)
    answers = await asyncio.gather(*(close_package(salon.owner, sold.id, "refunded") for _ in range(3)))
    assert {isinstance(each, PackageView) and not each.active for each in answers} == {True}
    assert await salon.count("audit_entry", "action = 'closePackage'") == 1


async def test_who_may_close(salon: Salon, guest: Any) -> None:
    sold = await sell(salon, guest, store_id=salon.store_id)
    for actor in (salon.staff, guest):
        with pytest.raises(Forbidden):
            await close_package(actor, sold.id, "refunded")
    with pytest.raises(NotFound):
        await close_package(salon.owner, new_id(), "refunded")
    assert show(await close_package(salon.owner, sold.id, " ")) == [(ProblemCode.REQUIRED, ("reason",))]
    assert (await list_packages(guest, guest.customer_id))[0].active
