"""Selling prepaid visits, and closing what is not to be spent any more."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Json,
    Write,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.reservations.packages import PackageView, load_packages
from core.reservations.requests import Request, find_answer, keep_answer, open_request
from core.reservations.setup.checks import check_range
from core.reservations.setup.rows import read_service
from core.reservations.values import ServiceKind, ServiceView
from core.runtime import Runtime

SUBJECT: Final = "CustomerPackage"
MAX_SESSIONS: Final = 1000
MAX_SERVICES: Final = 50
_NAME_LENGTH: Final = 120
_REASON_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class PackageInput:
    """What is sold. Instants in UTC.

    sessions         None: as many visits as the course has, where one course is sold
    store_id         None: at every store of the merchant
    idempotency_key  None: every call sells another package
    """

    customer_id: UUID
    name: str
    service_ids: tuple[UUID, ...]
    sessions: int | None = None
    store_id: UUID | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    idempotency_key: str | None = None


async def sell_package(
    runtime: Runtime, actor: Actor | None, wanted: PackageInput
) -> PackageView | list[UserProblem]:
    """Puts prepaid visits into a customer's name. Answers them, or what is wrong with the input.

    A repeat with the same key answers the same package. Whoever works at certain stores only sells for one of these.
    Raises Unauthenticated, Forbidden, NotFound (store), BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.SELL_PACKAGE)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
    request = _open_request(runtime, actor, wanted)
    known = await find_answer(request) if request else None
    if known is not None:
        return await _find_package(actor, UUID(known["id"]))
    services = await _load_services(actor.tenant_id, wanted.service_ids)
    wanted = replace(wanted, sessions=_count_sessions(wanted, services))
    problems = [
        *_check_input(actor, wanted),
        *_check_services(wanted, services),
        *await _check_customer(actor.tenant_id, wanted.customer_id),
    ]
    if problems:
        return problems
    return await _write_package(actor, request, wanted)


async def close_package(
    actor: Actor | None, package_id: UUID, reason: str
) -> PackageView | list[UserProblem]:
    """Ends a package: no visit can be drawn from it any more. Those drawn before stay what they are.

    A repeat changes nothing. Answers the package, or what is wrong with the reason. Raises Unauthenticated, Forbidden
    and NotFound.
    """
    actor = require(actor, Action.CLOSE_PACKAGE)
    package = await _find_package(actor, package_id)
    problems = check_text(reason, ("reason",), _REASON_LENGTH)
    if problems:
        return problems
    close = Write(
        "UPDATE customer_package SET active = FALSE WHERE tenant_id = $1 AND id = $2 AND active",
        (actor.tenant_id, package_id),
        expects=1,
    )
    details = {"reason": reason.strip(), "sessionsLeft": package.sessions_left}
    entry = build_entry(actor, Action.CLOSE_PACKAGE, SUBJECT, package_id, details)
    # Refused where somebody closed it before.
    with suppress(GuardFailed):
        await write_together([close, entry])
    return await _find_package(actor, package_id)


async def _find_package(actor: Actor, package_id: UUID) -> PackageView:
    found = (await load_packages(actor, [package_id])).get(package_id)
    if found is None:
        raise NotFound(text("fault.NOT_FOUND"))
    return found


# ------------------------------------------------------------------------------------------------------------ selling
def _open_request(runtime: Runtime, actor: Actor, wanted: PackageInput) -> Request | None:
    if wanted.idempotency_key is None:
        return None
    described = [
        wanted.customer_id,
        wanted.name,
        wanted.service_ids,
        wanted.sessions,
        wanted.store_id,
        wanted.valid_from,
        wanted.valid_until,
    ]
    return open_request(runtime, actor, "sellPackage", wanted.idempotency_key, described)


async def _write_package(actor: Actor, request: Request | None, wanted: PackageInput) -> PackageView:
    sessions = wanted.sessions or 0
    package = PackageView(
        new_id(), actor.tenant_id, wanted.customer_id, wanted.store_id, wanted.name.strip(),
        tuple(dict.fromkeys(wanted.service_ids)), sessions, sessions, wanted.valid_from, wanted.valid_until,
        active=True,
    )  # fmt: skip
    kept = [keep_answer(request, {"id": str(package.id)})] if request else []
    entry = build_entry(actor, Action.SELL_PACKAGE, SUBJECT, package.id, {"sessions": sessions})
    try:
        await write_together([*kept, _insert(package), entry])
    except Conflict:
        known = await find_answer(request) if request else None
        if known is None:
            raise
        return await _find_package(actor, UUID(known["id"]))
    return package


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


# ----------------------------------------------------------------------------------------------------------- checking
async def _load_services(tenant_id: UUID, service_ids: tuple[UUID, ...]) -> Mapping[UUID, ServiceView]:
    where = Where(tenant_id)
    where.add_any("id", list(service_ids[:MAX_SERVICES]))
    rows = await fetch_rows(f"SELECT * FROM service WHERE {where}", *where.values)
    return {as_uuid(row["id"]): read_service(row) for row in rows}


def _count_sessions(wanted: PackageInput, services: Mapping[UUID, ServiceView]) -> int | None:
    if wanted.sessions is not None or len(services) != 1:
        return wanted.sessions
    (service,) = services.values()
    return service.visits if service.kind is ServiceKind.COURSE else None


def _check_input(actor: Actor, wanted: PackageInput) -> list[UserProblem]:
    problems = check_text(wanted.name, ("name",), _NAME_LENGTH)
    if wanted.sessions is None:
        problems.append(UserProblem(ProblemCode.REQUIRED, ("sessions",)))
    else:
        problems += check_range(("sessions",), wanted.sessions, 1, MAX_SESSIONS)
    if wanted.store_id is None and actor.store_ids is not None:
        problems.append(UserProblem(ProblemCode.REQUIRED, ("storeId",)))
    if wanted.valid_from and wanted.valid_until and wanted.valid_from >= wanted.valid_until:
        problems.append(UserProblem(ProblemCode.INVALID, ("validUntil",)))
    return problems


def _check_services(wanted: PackageInput, services: Mapping[UUID, ServiceView]) -> list[UserProblem]:
    """They must be the merchant's own, and be given where the package is good."""
    if not wanted.service_ids:
        return [UserProblem(ProblemCode.REQUIRED, ("serviceIds",))]
    if len(wanted.service_ids) > MAX_SERVICES:
        return [
            UserProblem(ProblemCode.TOO_LONG, ("serviceIds",), "set_up.too_many", {"limit": MAX_SERVICES})
        ]
    return [
        UserProblem(ProblemCode.NOT_FOUND, ("serviceIds", str(index)))
        for index, service_id in enumerate(wanted.service_ids)
        if not _is_given(wanted, services.get(service_id))
    ]


def _is_given(wanted: PackageInput, service: ServiceView | None) -> bool:
    return service is not None and wanted.store_id in (None, service.store_id)


async def _check_customer(tenant_id: UUID, customer_id: UUID) -> list[UserProblem]:
    sql = "SELECT id FROM customer WHERE tenant_id = $1 AND id = $2"
    if await fetch_row(sql, tenant_id, customer_id) is None:
        return [UserProblem(ProblemCode.NOT_FOUND, ("customerId",))]
    return []
