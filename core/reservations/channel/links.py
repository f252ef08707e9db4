"""Which of our services and people a platform's products and people are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, can_enter, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import (
    Write,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.reservations.channel.desks import find_account, find_desk
from core.reservations.channel.records import (
    MAX_REFERENCE,
)
from core.reservations.channel.slots import ANYTHING
from core.reservations.channel.sync import look_soon
from core.reservations.channel.watch import plan_upcoming_orders
from core.reservations.setup.access import find_row
from core.runtime import Runtime

_MOST_LINKS: Final = 500
_TABLES: Final = {"SERVICE": "service", "STAFF": "staff_member"}

Problems = tuple[UserProblem, ...]


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the platform calls one of our services or staff members at one store. Exactly one of the two is set."""

    id: UUID
    tenant_id: UUID
    account_id: UUID
    store_id: UUID
    reference: str
    service_id: UUID | None = None
    staff_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LinkInput:
    """`reference` "*" links whatever else is booked at this account and store. One of service and staff."""

    account_id: UUID
    store_id: UUID
    reference: str
    service_id: UUID | None = None
    staff_id: UUID | None = None


# ------------------------------------------------------------------------------------------------------------- linking
async def link_service(runtime: Runtime, actor: Actor | None, wanted: LinkInput) -> LinkView | Problems:
    """Links a platform's product or person with ours; again corrects it. What waited for it is looked at anew.

    Raises Unauthenticated and Forbidden.
    """
    actor = require(actor, Action.LINK_BOOKING_SERVICE)
    reference = wanted.reference.strip()
    problems = await _check_link(runtime, actor, wanted, reference)
    if problems:
        return tuple(problems)
    kind, target_id = ("SERVICE", wanted.service_id) if wanted.service_id else ("STAFF", wanted.staff_id)
    if target_id is None:
        raise NotFound(text("fault.NOT_FOUND"))
    link_id, details = new_id(), {"reference": reference, "kind": kind}
    entry = build_entry(actor, Action.LINK_BOOKING_SERVICE, "BookingLink", link_id, details)
    await write_together([_put_link(actor, wanted, reference, link_id, kind, target_id), entry])
    view = await _load_link(actor, wanted, reference, kind)
    await _look_anew(runtime, view)
    return view


async def unlink_service(runtime: Runtime, actor: Actor | None, link_id: UUID) -> LinkView:
    """Takes a link away. Reservations that came through it stay. Raises Unauthenticated, Forbidden and NotFound."""
    actor = require(actor, Action.LINK_BOOKING_SERVICE)
    view = _read_link(await find_row(actor, "booking_link", link_id))
    gone = Write("DELETE FROM booking_link WHERE tenant_id = $1 AND id = $2", (actor.tenant_id, link_id))
    await write_together([gone, build_entry(actor, "unlinkBookingService", "BookingLink", link_id)])
    return view


async def list_links(
    actor: Actor | None, account_id: UUID, store_id: UUID | None = None
) -> tuple[LinkView, ...]:
    """The links of an account, oldest first, 500 at most; of one store if `store_id` is given."""
    actor = require(actor, Action.LIST_BOOKING_LINKS)
    rows = await fetch_rows(
        f"SELECT * FROM booking_link WHERE tenant_id = $1 AND account_id = $2 ORDER BY id LIMIT {_MOST_LINKS}",
        actor.tenant_id,
        account_id,
    )
    return tuple(view for view in map(_read_link, rows) if store_id in (None, view.store_id))


async def find_link(actor: Actor | None, link_id: UUID) -> LinkView:
    """One link. Raises NotFound."""
    return _read_link(await find_row(require(actor, Action.LIST_BOOKING_LINKS), "booking_link", link_id))


async def _check_link(runtime: Runtime, actor: Actor, wanted: LinkInput, reference: str) -> list[UserProblem]:
    problems = check_text(reference, ("reference",), MAX_REFERENCE)
    if (wanted.service_id is None) == (wanted.staff_id is None):
        problems.append(UserProblem(ProblemCode.INVALID, ("serviceId",), "problem.link_target"))
    elif wanted.staff_id is not None and reference == ANYTHING:
        problems.append(UserProblem(ProblemCode.INVALID, ("reference",)))
    account = await find_account(runtime, actor.tenant_id, wanted.account_id)
    if account is None:
        problems.append(UserProblem(ProblemCode.NOT_FOUND, ("accountId",), "problem.no_booking_account"))
    elif await find_desk(runtime, actor.tenant_id, wanted.account_id, wanted.store_id) is None:
        problems.append(UserProblem(ProblemCode.NOT_FOUND, ("storeId",), "problem.store_not_bound"))
    for kind, target_id in (("SERVICE", wanted.service_id), ("STAFF", wanted.staff_id)):
        if target_id is not None and not await _is_at_store(actor, kind, target_id, wanted.store_id):
            name = "serviceId" if kind == "SERVICE" else "staffId"
            problems.append(UserProblem(ProblemCode.NOT_FOUND, (name,)))
    return problems


async def _is_at_store(actor: Actor, kind: str, target_id: UUID, store_id: UUID) -> bool:
    row = await fetch_row(
        f"SELECT store_id FROM {_TABLES[kind]} WHERE tenant_id = $1 AND id = $2", actor.tenant_id, target_id
    )
    return row is not None and as_uuid(row["store_id"]) == store_id and can_enter(actor, store_id)


async def _look_anew(runtime: Runtime, view: LinkView) -> None:
    await look_soon(view.tenant_id, view.account_id, runtime.clock.now())
    await runtime.work.kick("sync_bookings")
    desk = await find_desk(runtime, view.tenant_id, view.account_id, view.store_id)
    if view.service_id is not None and view.reference != ANYTHING and desk is not None:
        await plan_upcoming_orders(runtime, desk, view.service_id)
        await runtime.work.kick("send_booking_messages")


def _put_link(
    actor: Actor, wanted: LinkInput, reference: str, link_id: UUID, kind: str, target_id: UUID
) -> Write:
    row = insert_row(
        "booking_link",
        id=link_id,
        tenant_id=actor.tenant_id,
        account_id=wanted.account_id,
        store_id=wanted.store_id,
        target_kind=kind,
        target_id=target_id,
        reference=reference,
    )
    key = "tenant_id, account_id, store_id, target_kind, reference"
    return Write(
        f"{row.sql} ON CONFLICT ({key}) DO UPDATE SET target_id = excluded.target_id", row.values, expects=1
    )


async def _load_link(actor: Actor, wanted: LinkInput, reference: str, kind: str) -> LinkView:
    row = await fetch_row(
        "SELECT * FROM booking_link WHERE tenant_id = $1 AND account_id = $2 AND store_id = $3"
        " AND target_kind = $4 AND reference = $5",
        actor.tenant_id, wanted.account_id, wanted.store_id, kind, reference,
    )  # fmt: skip
    if row is None:
        raise NotFound(text("fault.NOT_FOUND"))
    return _read_link(row)


def _read_link(row: Mapping[str, Any]) -> LinkView:
    target_id = as_uuid(row["target_id"])
    is_service = row["target_kind"] == "SERVICE"
    return LinkView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["account_id"]),
        as_uuid(row["store_id"]),
        row["reference"],
        target_id if is_service else None,
        None if is_service else target_id,
    )
