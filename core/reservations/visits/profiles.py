"""What a shop knows of a guest, all of it from their visits: nothing is entered twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.conditions import Where
from core.db.statements import as_instant, as_json, as_optional_uuid, as_uuid, fetch_row, fetch_rows
from core.errors import NotFound
from core.messages import text
from core.reservations.visits.points import find_balance

_RECENT: Final = 100
_PREFERENCES: Final = 20


@dataclass(frozen=True, slots=True)
class RecordView:
    """What was done at one visit. `spent` in fen."""

    reservation_id: UUID
    store_id: UUID
    service_id: UUID
    staff_id: UUID | None
    at: datetime
    spent: int
    note: str | None = field(default=None, repr=False)
    products: tuple[str, ...] = ()
    preferences: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A guest's history. Money in fen; `preferences` are those noted most often first.

    `usual_staff_id` and `usual_service_id` are the most frequent of the last 100 visits.
    """

    customer_id: UUID
    visits: int
    no_shows: int
    spent: int
    points: int
    average_stars: float | None
    last_visit_at: datetime | None
    usual_staff_id: UUID | None
    usual_service_id: UUID | None
    preferences: tuple[str, ...]
    records: tuple[RecordView, ...]


async def read_profile(actor: Actor | None, customer_id: UUID) -> ProfileView:
    """The guest's profile. Staff see the visits to their own stores, customers themselves without staff's notes.

    Raises Unauthenticated, Forbidden, and NotFound for a customer whom the actor may not see.
    """
    actor = require(actor, Action.READ_PROFILE)
    if actor.is_customer and actor.customer_id != customer_id:
        raise NotFound(text("fault.customer_not_found"))
    sql = "SELECT id FROM customer WHERE tenant_id = $1 AND id = $2"
    if await fetch_row(sql, actor.tenant_id, customer_id) is None:
        raise NotFound(text("fault.customer_not_found"))
    records = await _list_records(actor, customer_id)
    totals = await _sum_records(actor, customer_id)
    return ProfileView(
        customer_id=customer_id,
        visits=totals["visits"],
        no_shows=await _count_no_shows(actor, customer_id),
        spent=totals["spent"],
        points=await find_balance(actor.tenant_id, customer_id),
        average_stars=await _average_stars(actor, customer_id),
        last_visit_at=records[0].at if records else None,
        usual_staff_id=_find_usual([each.staff_id for each in records if each.staff_id]),
        usual_service_id=_find_usual([each.service_id for each in records]),
        preferences=_rank_preferences(records),
        records=tuple(map(_hide_notes, records)) if actor.is_customer else records,
    )


def _visible(actor: Actor, customer_id: UUID) -> Where:
    where = Where(actor.tenant_id)
    where.add("customer_id = ?", customer_id)
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    return where


async def _list_records(actor: Actor, customer_id: UUID) -> tuple[RecordView, ...]:
    where = _visible(actor, customer_id)
    rows = await fetch_rows(
        f"SELECT * FROM service_record WHERE {where} ORDER BY id DESC LIMIT {_RECENT}", *where.values
    )
    return tuple(map(_read_record, rows))


async def _sum_records(actor: Actor, customer_id: UUID) -> dict[str, int]:
    where = _visible(actor, customer_id)
    row = await fetch_row(
        f"SELECT count(*) AS visits, coalesce(sum(spent), 0) AS spent FROM service_record WHERE {where}",
        *where.values,
    )
    return {"visits": int(row["visits"]), "spent": int(row["spent"])} if row else {"visits": 0, "spent": 0}


async def _count_no_shows(actor: Actor, customer_id: UUID) -> int:
    where = _visible(actor, customer_id)
    row = await fetch_row(
        f"SELECT count(*) AS number FROM reservation WHERE {where} AND status = 'NO_SHOW'", *where.values
    )
    return int(row["number"]) if row else 0


async def _average_stars(actor: Actor, customer_id: UUID) -> float | None:
    where = _visible(actor, customer_id)
    row = await fetch_row(f"SELECT avg(stars) AS stars FROM rating WHERE {where}", *where.values)
    return None if row is None or row["stars"] is None else round(float(row["stars"]), 2)


def _find_usual(ids: Sequence[UUID]) -> UUID | None:
    """The most frequent; of several the one of the latest visit."""
    return Counter(ids).most_common(1)[0][0] if ids else None


def _rank_preferences(records: Sequence[RecordView]) -> tuple[str, ...]:
    counted = Counter(each for record in records for each in record.preferences)
    return tuple(name for name, _ in counted.most_common(_PREFERENCES))


def _hide_notes(record: RecordView) -> RecordView:
    return RecordView(
        record.reservation_id,
        record.store_id,
        record.service_id,
        record.staff_id,
        record.at,
        record.spent,
        products=record.products,
        preferences=record.preferences,
    )


def _read_record(row: Mapping[str, Any]) -> RecordView:
    return RecordView(
        reservation_id=as_uuid(row["reservation_id"]),
        store_id=as_uuid(row["store_id"]),
        service_id=as_uuid(row["service_id"]),
        staff_id=as_optional_uuid(row["staff_id"]),
        at=as_instant(row["created_at"]),
        spent=row["spent"],
        note=row["note"],
        products=tuple(as_json(row["products"])),
        preferences=tuple(as_json(row["preferences"])),
    )
