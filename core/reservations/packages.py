"""Prepaid visits: drawn at booking, returned on a timely cancellation, never below zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import (
    Write,
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import ReservationErrorCode, ReservationProblem, ServiceView

_FIELD = ("packageId",)
_MOST_SHOWN: Final = 200


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


class DrawStatus(StrEnum):
    """What became of a drawn visit: DRAWN for a reservation to come, RETURNED to the package, or SPENT."""

    DRAWN = "DRAWN"
    RETURNED = "RETURNED"
    SPENT = "SPENT"


@dataclass(frozen=True, slots=True)
class DrawView:
    """One visit that a reservation drew from a package, at `drawn_at`."""

    reservation_id: UUID
    status: DrawStatus
    drawn_at: datetime


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


async def list_packages(actor: Actor | None, customer_id: UUID) -> tuple[PackageView, ...]:
    """A customer's last 200 packages, newest first. Customers see their own only: none of anybody else's.

    Raises Unauthenticated and Forbidden.
    """
    where = _build_visible(require(actor, Action.LIST_PACKAGES))
    where.add("customer_id = ?", customer_id)
    return tuple(await _select_packages(where))


async def load_packages(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, PackageView]:
    """Those of `ids` that the actor may see."""
    where = _build_visible(require(actor, Action.LIST_PACKAGES))
    where.add_any("id", ids)
    return {view.id: view for view in await _select_packages(where, len(ids))}


async def load_draws(actor: Actor, package_ids: Sequence[UUID]) -> dict[UUID, tuple[DrawView, ...]]:
    """What was drawn from each of these packages, which the actor has seen; oldest first."""
    where = Where(actor.tenant_id)
    where.add_any("package_id", package_ids)
    rows = await fetch_rows(
        f"SELECT package_id, reservation_id, status, created_at FROM package_draw WHERE {where} ORDER BY id",
        *where.values,
    )
    draws: dict[UUID, list[DrawView]] = {package_id: [] for package_id in package_ids}
    for row in rows:
        draw = DrawView(
            as_uuid(row["reservation_id"]), DrawStatus(row["status"]), as_instant(row["created_at"])
        )
        draws[as_uuid(row["package_id"])].append(draw)
    return {package_id: tuple(found) for package_id, found in draws.items()}


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


def _build_visible(actor: Actor) -> Where:
    """Staff and terminals see what can be spent at their stores, customers their own."""
    where = Where(actor.tenant_id)
    if actor.is_customer:
        where.add("customer_id = ?", actor.customer_id)
    elif actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
        where.conditions[-1] = f"(store_id IS NULL OR {where.conditions[-1]})"
    return where


async def _select_packages(where: Where, limit: int = _MOST_SHOWN) -> list[PackageView]:
    rows = await fetch_rows(
        f"SELECT * FROM customer_package WHERE {where} ORDER BY id DESC LIMIT {limit:d}", *where.values
    )
    return [read_package(row) for row in rows]
