"""Time that nobody can book: a day off, a repair, a private errand. It meets the same guard as bookings do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import GuardFailed, Write, as_instant, as_uuid, fetch_rows, write_together
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.reservations.guard import Owner, Span, Take, claim_time, release_time
from core.reservations.placing import take_patiently
from core.reservations.problems import refuse_input
from core.reservations.setup.access import find_row
from core.reservations.setup.shifts import check_list_span
from core.reservations.values import OwnerKind, ReservationProblem, TakenKind

if TYPE_CHECKING:
    from core.runtime import Runtime

REASON_LENGTH: Final = 200
_LONGEST: Final = timedelta(days=366)
_TABLES: Final = {TakenKind.STAFF: "staff_member", TakenKind.RESOURCE: "resource"}


@dataclass(frozen=True, slots=True)
class BlockView:
    """Blocked time of a staff member or resource. `active` is false once it was given free."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    kind: TakenKind
    target_id: UUID
    start: datetime
    end: datetime
    reason: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class BlockRefused:
    """Why time was not blocked, and the reservations in the way, earliest first."""

    problem: ReservationProblem
    reservation_ids: tuple[UUID, ...] = ()


async def block_time(
    runtime: Runtime,
    actor: Actor,
    store_id: UUID,
    kind: TakenKind,
    target_id: UUID,
    span: Span,
    reason: str | None = None,
) -> BlockView | BlockRefused:
    """Blocks time of a staff member or resource. SLOT_TAKEN where any of it is booked, held or blocked.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.BLOCK_TIME)
    await _require_target(actor, store_id, kind, target_id)
    reason = reason.strip() or None if reason else None
    problem = _check_block(span, reason)
    if problem is not None:
        return BlockRefused(problem)
    view = BlockView(new_id(), actor.tenant_id, store_id, kind, target_id, span.start, span.end, reason)
    owner = Owner(actor.tenant_id, store_id, view.id, OwnerKind.BLOCK)
    claim = claim_time(owner, [Take(kind, target_id, span)], runtime.clock.now())
    problem = await take_patiently([claim], [_insert_block(view), _build_audit(actor, "blockTime", view)])
    if problem is None:
        return view
    return BlockRefused(problem, await _find_in_the_way(view))


async def unblock_time(actor: Actor, block_id: UUID) -> BlockView:
    """Gives blocked time free. A repeat changes nothing. Raises Unauthenticated, Forbidden and NotFound."""
    require(actor, Action.UNBLOCK_TIME)
    view = _read_block(await find_row(actor, "time_block", block_id))
    end = Write(
        "UPDATE time_block SET status = 'ENDED' WHERE tenant_id = $1 AND id = $2 AND status = 'ACTIVE'",
        (actor.tenant_id, block_id),
        expects=1,
    )
    try:
        await write_together(
            [end, release_time(actor.tenant_id, block_id), _build_audit(actor, "unblockTime", view)]
        )
    except GuardFailed:
        return view
    return _read_block(await find_row(actor, "time_block", block_id))


async def list_blocks(actor: Actor, store_id: UUID, span: Span) -> tuple[BlockView, ...]:
    """Blocked time of a store that lies in `span` or reaches into it, 92 days at most; earliest first.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for a span that ends too early or too late.
    """
    require(actor, Action.LIST_TIME_BLOCKS)
    await find_store(actor, store_id)
    check_list_span(span)
    rows = await fetch_rows(
        "SELECT * FROM time_block WHERE tenant_id = $1 AND store_id = $2 AND end_at > $3 AND start_at < $4"
        " AND status = 'ACTIVE' ORDER BY start_at, id",
        actor.tenant_id, store_id, span.start, span.end,
    )  # fmt: skip
    return tuple(map(_read_block, rows))


async def _require_target(actor: Actor, store_id: UUID, kind: TakenKind, target_id: UUID) -> None:
    """Raises NotFound for what is not of this store."""
    await find_store(actor, store_id)
    row = await find_row(actor, _TABLES[kind], target_id)
    if as_uuid(row["store_id"]) != store_id:
        raise NotFound(text("fault.NOT_FOUND"))


def _check_block(span: Span, reason: str | None) -> ReservationProblem | None:
    if not timedelta(0) < span.end - span.start <= _LONGEST:
        return refuse_input("block_span", "end", days=_LONGEST.days)
    if reason is not None and len(reason) > REASON_LENGTH:
        return refuse_input("too_long", "reason", limit=REASON_LENGTH)
    return None


async def _find_in_the_way(view: BlockView) -> tuple[UUID, ...]:
    """Reservations that have the time themselves, and those of classes that have it."""
    rows = await fetch_rows(
        "SELECT r.id FROM reservation r JOIN booking_allocation a ON a.tenant_id = r.tenant_id"
        " AND a.owner_id IN (r.id, r.session_id) WHERE a.tenant_id = $1 AND a.resource_id = $2"
        " AND a.end_at > $3 AND a.start_at < $4 AND a.state = 'CONFIRMED'"
        " AND r.status IN ('PENDING_PAYMENT', 'CONFIRMED', 'CHECKED_IN') ORDER BY r.start_at, r.id LIMIT 100",
        view.tenant_id, view.target_id, view.start, view.end,
    )  # fmt: skip
    return tuple(dict.fromkeys(as_uuid(row["id"]) for row in rows))


def _insert_block(view: BlockView) -> Write:
    return insert_row(
        "time_block",
        id=view.id,
        tenant_id=view.tenant_id,
        store_id=view.store_id,
        resource_id=view.target_id,
        taken_kind=view.kind.value,
        start_at=view.start,
        end_at=view.end,
        reason=view.reason,
        status="ACTIVE",
    )


def _build_audit(actor: Actor, action: str, view: BlockView) -> Write:
    details = {
        "kind": view.kind.value,
        "target": str(view.target_id),
        "start": view.start.isoformat(),
        "end": view.end.isoformat(),
    }
    return build_entry(actor, action, "TimeBlock", view.id, details)


def _read_block(row: Mapping[str, Any]) -> BlockView:
    return BlockView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        TakenKind(row["taken_kind"]),
        as_uuid(row["resource_id"]),
        as_instant(row["start_at"]),
        as_instant(row["end_at"]),
        row["reason"],
        row["status"] == "ACTIVE",
    )
