"""What belongs to reservations that a reader has before them: pre-orders, spend, coupons and history, many at once.

The ids are those of reservations that the actor has seen; whether they may is asked when these are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from core.access.values import Actor, Role
from core.channels.contract import Refusal
from core.db.conditions import Where
from core.db.statements import as_instant, as_json, as_optional_uuid, as_uuid, fetch_rows
from core.reservations.values import ReservationStatus, ServiceView
from core.reservations.visits.attached_coupons import AttachedStatus

Row = Mapping[str, Any]
View = TypeVar("View")
_REFUSALS: Final = frozenset(refusal.value for refusal in Refusal)


@dataclass(frozen=True, slots=True)
class PreorderView:
    """One line of what was ordered with a reservation. Fen, at the price of that moment."""

    sku_id: UUID
    title: str
    quantity: int
    unit_price: int

    @property
    def total(self) -> int:
        """Fen for all of them."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class AttachedView:
    """A coupon kept with a reservation, without its code. `refusal` says why check-in could not redeem it."""

    tail: str
    status: AttachedStatus
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class StateView:
    """What a reservation was at one time."""

    status: ReservationStatus
    start: datetime
    end: datetime
    staff_id: UUID | None
    resource_ids: tuple[UUID, ...]
    party_size: int


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One change. `role` None: a rule or a channel did it. `before` None: the reservation came into being."""

    at: datetime
    action: str
    role: Role | None
    before: StateView | None
    after: StateView


async def load_preorders(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, tuple[PreorderView, ...]]:
    """What was ordered with each reservation."""
    return await _load_lists(actor, ids, "preorder_line", "id", _read_line)


async def load_attached(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, tuple[AttachedView, ...]]:
    """The coupons of each reservation, in their order."""
    return await _load_lists(actor, ids, "attached_coupon", "position", _read_attached)


async def load_revisions(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, tuple[RevisionView, ...]]:
    """The changes of each reservation, oldest first. For staff; customers get none."""
    if actor.is_customer:
        return {}
    return await _load_lists(actor, ids, "reservation_revision", "version", _read_revision)


async def load_spends(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, int]:
    """What was spent at each visit that has been settled, in fen."""
    where = _select(actor, ids)
    rows = await fetch_rows(f"SELECT reservation_id, spent FROM service_record WHERE {where}", *where.values)
    return {as_uuid(row["reservation_id"]): int(row["spent"]) for row in rows}


def find_shortfall(service: ServiceView, ordered: Sequence[PreorderView], spent: int | None) -> int | None:
    """What is missing to a service's minimum spend: by what is ordered, or by what was `spent`. None: no minimum. Pure."""
    if service.minimum_spend is None:
        return None
    reached = sum(line.total for line in ordered) if spent is None else spent
    return max(0, service.minimum_spend - reached)


def _select(actor: Actor, ids: Sequence[UUID]) -> Where:
    where = Where(actor.tenant_id)
    where.add_any("reservation_id", ids)
    return where


async def _load_lists(
    actor: Actor, ids: Sequence[UUID], table: str, order: str, read: Callable[[Row], View]
) -> dict[UUID, tuple[View, ...]]:
    where = _select(actor, ids)
    rows = await fetch_rows(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}", *where.values)
    found: dict[UUID, list[View]] = defaultdict(list)
    for row in rows:
        found[as_uuid(row["reservation_id"])].append(read(row))
    return {row_id: tuple(found[row_id]) for row_id in ids}


def _read_line(row: Row) -> PreorderView:
    return PreorderView(as_uuid(row["sku_id"]), row["title"], row["quantity"], row["unit_price"])


def _read_attached(row: Row) -> AttachedView:
    refusal = row["refusal"]
    return AttachedView(
        row["code_tail"],
        AttachedStatus(row["status"]),
        Refusal(refusal) if refusal in _REFUSALS else None,
    )


def _read_revision(row: Row) -> RevisionView:
    before, role = as_json(row["before"]), row["role"]
    return RevisionView(
        as_instant(row["created_at"]),
        row["action"],
        Role(role) if role else None,
        _read_state(before) if before else None,
        _read_state(as_json(row["after"])),
    )


def _read_state(state: Row) -> StateView:
    """As `core.reservations.announcing.summarise` writes it."""
    return StateView(
        ReservationStatus(state["status"]),
        as_instant(state["start"]),
        as_instant(state["end"]),
        as_optional_uuid(state["staff_id"]),
        tuple(map(UUID, state["resource_ids"])),
        state["party_size"],
    )
