"""Prepaid visits: sold, drawn at booking, returned on a timely cancellation, never below zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    Write,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import ReservationErrorCode, ReservationProblem, ServiceView

_NAME_LENGTH = 120
_MOST_SESSIONS = 1000
_FIELD = ("packageId",)


@dataclass(frozen=True, slots=True)
class PackageView:
    """A customer's prepaid visits. `service_ids` are what they can be spent on; `store_id` None: at every store."""

    id: UUID
    tenant_id: UUID
    customer_id: UUID
    store_id: UUID | None
    name: str
    service_ids: tuple[UUID, ...]
    sessions_total: int
    sessions_left: int
    valid_from: datetime | None
    valid_until: datetime | None
    active: bool


@dataclass(frozen=True, slots=True)
class PackageInput:
    """What is sold. Instants in UTC."""

    customer_id: UUID
    name: str
    service_ids: tuple[UUID, ...]
    sessions: int
    store_id: UUID | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = field(default=None)


def claim_session(
    tenant_id: UUID,
    package_id: UUID,
    reservation_id: UUID,
    customer_id: UUID | None,
    service: ServiceView,
    start: datetime,
) -> Claim:
    """The claim on one visit of a customer's package, for a service that it covers at a time when it is valid."""
    draw = Write(
        "UPDATE customer_package SET sessions_left = sessions_left - 1 WHERE tenant_id = $1 AND id = $2"
        " AND customer_id = $3 AND active AND sessions_left >= 1 AND CAST(service_ids AS TEXT) LIKE $4"
        " AND (store_id IS NULL OR store_id = $5) AND (valid_from IS NULL OR valid_from <= $6)"
        " AND (valid_until IS NULL OR valid_until > $6)",
        (tenant_id, package_id, customer_id, f"%{service.id}%", service.store_id, start),
        expects=1,
    )
    record = insert_row(
        "package_draw",
        id=new_id(),
        tenant_id=tenant_id,
        package_id=package_id,
        reservation_id=reservation_id,
        sessions=1,
        status="DRAWN",
    )

    async def explain() -> ReservationProblem | None:
        row = await fetch_row(
            "SELECT * FROM customer_package WHERE tenant_id = $1 AND id = $2", tenant_id, package_id
        )
        package = read_package(row) if row else None
        return _find_problem(package, customer_id, service, start)

    return Claim([draw, record], explain)


def return_session(tenant_id: UUID, reservation_id: UUID) -> list[Write]:
    """Gives back what a reservation drew, if it has not been given back or spent."""
    return [
        # The package first: where writes run in turn, the draw must still say DRAWN.
        Write(
            "UPDATE customer_package SET sessions_left = sessions_left + 1 WHERE tenant_id = $1 AND id IN"
            " (SELECT package_id FROM package_draw WHERE tenant_id = $1 AND reservation_id = $2"
            " AND status = 'DRAWN')",
            (tenant_id, reservation_id),
        ),
        _end_draw(tenant_id, reservation_id, "RETURNED"),
    ]


def spend_session(tenant_id: UUID, reservation_id: UUID) -> list[Write]:
    """Marks what a reservation drew as used up: the visit was made, or cancelled too late."""
    return [_end_draw(tenant_id, reservation_id, "SPENT")]


async def sell_package(actor: Actor, wanted: PackageInput) -> PackageView | tuple[UserProblem, ...]:
    """Puts prepaid visits into a customer's name. Answers them, or what is wrong with the input."""
    require(actor, Action.SELL_PACKAGE)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
    problems = [*_check_input(wanted), *await _check_references(actor.tenant_id, wanted)]
    if problems:
        return tuple(problems)
    package = PackageView(
        new_id(), actor.tenant_id, wanted.customer_id, wanted.store_id, wanted.name.strip(), wanted.service_ids,
        wanted.sessions, wanted.sessions, wanted.valid_from, wanted.valid_until, active=True,
    )  # fmt: skip
    entry = build_entry(actor, "sellPackage", "CustomerPackage", package.id, {"sessions": wanted.sessions})
    await write_together([_insert(package), entry])
    return package


async def list_packages(actor: Actor, customer_id: UUID) -> tuple[PackageView, ...]:
    """A customer's packages, newest first. Customers see their own only: none of anybody else's."""
    require(actor, Action.LIST_RESERVATIONS)
    if actor.is_customer and actor.customer_id != customer_id:
        return ()
    rows = await fetch_rows(
        "SELECT * FROM customer_package WHERE tenant_id = $1 AND customer_id = $2 ORDER BY id DESC",
        actor.tenant_id,
        customer_id,
    )
    return tuple(map(read_package, rows))


async def load_packages(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, PackageView]:
    """Those of `ids` that the actor may see."""
    require(actor, Action.LIST_RESERVATIONS)
    if not ids:
        return {}
    places = ", ".join(f"${number}" for number in range(2, len(ids) + 2))
    rows = await fetch_rows(
        f"SELECT * FROM customer_package WHERE tenant_id = $1 AND id IN ({places})", actor.tenant_id, *ids
    )
    views = map(read_package, rows)
    return {view.id: view for view in views if not actor.is_customer or view.customer_id == actor.customer_id}


def read_package(row: Mapping[str, Any]) -> PackageView:
    """A row of `customer_package`."""
    return PackageView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        customer_id=as_uuid(row["customer_id"]),
        store_id=as_optional_uuid(row["store_id"]),
        name=row["name"],
        service_ids=tuple(UUID(each) for each in as_json(row["service_ids"])),
        sessions_total=row["sessions_total"],
        sessions_left=row["sessions_left"],
        valid_from=as_optional_instant(row["valid_from"]),
        valid_until=as_optional_instant(row["valid_until"]),
        active=bool(row["active"]),
    )


def _find_problem(
    package: PackageView | None, customer_id: UUID | None, service: ServiceView, start: datetime
) -> ReservationProblem | None:
    if package is None or customer_id is None or package.customer_id != customer_id:
        return ReservationProblem(ReservationErrorCode.PACKAGE_NOT_VALID, _FIELD)
    if not _covers(package, service, start):
        return ReservationProblem(ReservationErrorCode.PACKAGE_NOT_VALID, _FIELD)
    if package.sessions_left < 1:
        return ReservationProblem(ReservationErrorCode.PACKAGE_USED_UP, _FIELD)
    return None


def _covers(package: PackageView, service: ServiceView, start: datetime) -> bool:
    return (
        package.active
        and service.id in package.service_ids
        and package.store_id in (None, service.store_id)
        and (package.valid_from is None or package.valid_from <= start)
        and (package.valid_until is None or start < package.valid_until)
    )


def _end_draw(tenant_id: UUID, reservation_id: UUID, status: str) -> Write:
    return Write(
        "UPDATE package_draw SET status = $1 WHERE tenant_id = $2 AND reservation_id = $3 AND status = 'DRAWN'",
        (status, tenant_id, reservation_id),
    )


def _insert(package: PackageView) -> Write:
    return insert_row(
        "customer_package",
        id=package.id,
        tenant_id=package.tenant_id,
        customer_id=package.customer_id,
        store_id=package.store_id,
        name=package.name,
        service_ids=Json([str(each) for each in package.service_ids]),
        sessions_total=package.sessions_total,
        sessions_left=package.sessions_left,
        valid_from=package.valid_from,
        valid_until=package.valid_until,
        active=True,
    )


def _check_input(wanted: PackageInput) -> list[UserProblem]:
    problems = check_text(wanted.name, ("name",), _NAME_LENGTH)
    if wanted.sessions < 1:
        problems.append(UserProblem(ProblemCode.TOO_SMALL, ("sessions",), values={"limit": 1}))
    if wanted.sessions > _MOST_SESSIONS:
        problems.append(UserProblem(ProblemCode.TOO_LARGE, ("sessions",), values={"limit": _MOST_SESSIONS}))
    if not wanted.service_ids:
        problems.append(UserProblem(ProblemCode.REQUIRED, ("serviceIds",)))
    if wanted.valid_from and wanted.valid_until and wanted.valid_from >= wanted.valid_until:
        problems.append(UserProblem(ProblemCode.INVALID, ("validUntil",)))
    return problems


async def _check_references(tenant_id: UUID, wanted: PackageInput) -> list[UserProblem]:
    """The customer and the services must be the merchant's own."""
    problems = []
    sql = "SELECT id FROM customer WHERE tenant_id = $1 AND id = $2"
    if await fetch_row(sql, tenant_id, wanted.customer_id) is None:
        problems.append(UserProblem(ProblemCode.NOT_FOUND, ("customerId",)))
    rows = await fetch_rows("SELECT id FROM service WHERE tenant_id = $1", tenant_id)
    if not set(wanted.service_ids) <= {as_uuid(row["id"]) for row in rows}:
        problems.append(UserProblem(ProblemCode.NOT_FOUND, ("serviceIds",)))
    return problems
