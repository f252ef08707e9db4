"""What platforms report of a store: marks in three dimensions, and buyers' reviews. Imported, with their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import utc_now
from core.db.conditions import Where
from core.db.statements import Write, as_instant, as_uuid, fetch_rows, write_together
from core.errors import BadInput
from core.ids import new_id
from core.messages import text
from core.presale.values import ScoreDimension
from core.reservations.setup.checks import check_range

MAX_ROWS: Final = 500
MOST_DAYS: Final = 366
# What counts as a bad review where a platform does not say so itself.
BAD_STARS: Final = 2
_SOURCE_LENGTH: Final = 32
_REFERENCE_LENGTH: Final = 128
_BEST: Final = Decimal(5)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One mark of 0 to 5, as `source` (a channel's code, say) reported it for an instant."""

    source: str
    dimension: ScoreDimension
    value: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review. `reference`: the platform's id of it; `bad` None: by its stars; `order`: what it is about."""

    source: str
    reference: str
    stars: int
    at: datetime
    bad: bool | None = None
    order: UUID | None = None

    @property
    def is_bad(self) -> bool:
        return self.stars <= BAD_STARS if self.bad is None else self.bad


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A mark at an instant, in hundredths: 487 is 4.87."""

    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """The marks of one source in one dimension, oldest first; at least one."""

    source: str
    dimension: ScoreDimension
    points: tuple[ScorePoint, ...]


async def import_scores(
    actor: Actor, store_id: UUID, rows: Sequence[ScoreRow], now: datetime
) -> int | list[UserProblem]:
    """Takes in marks, all or none; one that is known already is replaced. Answers how many, or what is wrong.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.IMPORT_SCORES)
    await find_store(actor, store_id)
    problems = _check_count(rows) or [
        problem for index, row in enumerate(rows) for problem in _check_score(row, index, now)
    ]
    if problems:
        return problems
    latest = {(row.source.strip(), row.dimension, row.at): row for row in rows}
    writes = [_upsert_score(actor.tenant_id, store_id, row) for row in latest.values()]
    return await _import(actor, store_id, "importScores", writes)


async def import_reviews(
    actor: Actor, store_id: UUID, rows: Sequence[ReviewRow], now: datetime
) -> int | list[UserProblem]:
    """The same for reviews: one with a known id is replaced, as buyers change theirs."""
    require(actor, Action.IMPORT_SCORES)
    await find_store(actor, store_id)
    problems = _check_count(rows) or [
        problem for index, row in enumerate(rows) for problem in _check_review(row, index, now)
    ]
    problems = problems or await _check_orders(actor.tenant_id, store_id, rows)
    if problems:
        return problems
    latest = {(row.source.strip(), row.reference.strip()): row for row in rows}
    writes = [_upsert_review(actor.tenant_id, store_id, row) for row in latest.values()]
    return await _import(actor, store_id, "importReviews", writes)


async def list_scores(actor: Actor, store_id: UUID, days: int, now: datetime) -> tuple[ScoreSeries, ...]:
    """The marks of the last `days` days, 1 to 366, by source and dimension.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for another number of days.
    """
    require(actor, Action.LIST_STORE_SCORES)
    await find_store(actor, store_id)
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(text("presale.days", limit=MOST_DAYS), ("days",))
    rows = await fetch_rows(
        "SELECT source, dimension, value, at FROM store_score WHERE tenant_id = $1 AND store_id = $2 AND at >= $3"
        " AND at <= $4 ORDER BY source, dimension, at",
        actor.tenant_id,
        store_id,
        now - timedelta(days=days),
        now,
    )
    points: dict[tuple[str, ScoreDimension], list[ScorePoint]] = {}
    for row in rows:
        key = (row["source"], ScoreDimension(row["dimension"]))
        points.setdefault(key, []).append(ScorePoint(as_instant(row["at"]), row["value"]))
    return tuple(ScoreSeries(*key, tuple(found)) for key, found in points.items())


# ------------------------------------------------------------------------------------------------------------ checking
def _check_count(rows: Sequence[object]) -> list[UserProblem]:
    if not rows:
        return [UserProblem(ProblemCode.REQUIRED, ("rows",))]
    if len(rows) > MAX_ROWS:
        return [UserProblem(ProblemCode.TOO_LONG, ("rows",), "set_up.too_many", {"limit": MAX_ROWS})]
    return []


def _check_score(row: ScoreRow, index: int, now: datetime) -> list[UserProblem]:
    path = ("rows", str(index))
    problems = [*check_text(row.source, (*path, "source"), _SOURCE_LENGTH), *_check_past(row.at, path, now)]
    if row.value < 0:
        problems.append(UserProblem(ProblemCode.TOO_SMALL, (*path, "value"), values={"limit": 0}))
    if row.value > _BEST:
        problems.append(UserProblem(ProblemCode.TOO_LARGE, (*path, "value"), values={"limit": _BEST}))
    return problems


def _check_review(row: ReviewRow, index: int, now: datetime) -> list[UserProblem]:
    path = ("rows", str(index))
    return [
        *check_text(row.source, (*path, "source"), _SOURCE_LENGTH),
        *check_text(row.reference, (*path, "reference"), _REFERENCE_LENGTH),
        *check_range((*path, "stars"), row.stars, 1, 5),
        *_check_past(row.at, path, now),
    ]


def _check_past(at: datetime, path: tuple[str, ...], now: datetime) -> list[UserProblem]:
    return [UserProblem(ProblemCode.INVALID, (*path, "at"), "presale.in_future")] if at > now else []


async def _check_orders(tenant_id: UUID, store_id: UUID, rows: Sequence[ReviewRow]) -> list[UserProblem]:
    wanted = sorted({row.order for row in rows if row.order is not None})
    if not wanted:
        return []
    where = Where(tenant_id)
    where.add("store_id = ?", store_id)
    where.add_any("id", wanted)
    found = await fetch_rows(f"SELECT id FROM customer_order WHERE {where}", *where.values)
    known = {as_uuid(row["id"]) for row in found}
    return [
        UserProblem(ProblemCode.NOT_FOUND, ("rows", str(index), "orderId"))
        for index, row in enumerate(rows)
        if row.order is not None and row.order not in known
    ]


# ------------------------------------------------------------------------------------------------------------- writing
async def _import(actor: Actor, store_id: UUID, action: str, writes: Sequence[Write]) -> int:
    details: Mapping[str, object] = {"rows": len(writes)}
    await write_together([*writes, build_entry(actor, action, "Store", store_id, details)])
    return len(writes)


def _upsert_score(tenant_id: UUID, store_id: UUID, row: ScoreRow) -> Write:
    return Write(
        "INSERT INTO store_score (id, created_at, tenant_id, store_id, source, dimension, value, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, store_id, source, dimension, at)"
        " DO UPDATE SET value = excluded.value",
        (
            new_id(),
            utc_now(),
            tenant_id,
            store_id,
            row.source.strip(),
            row.dimension.value,
            round(row.value * 100),
            row.at,
        ),
        expects=1,
    )


def _upsert_review(tenant_id: UUID, store_id: UUID, row: ReviewRow) -> Write:
    return Write(
        "INSERT INTO review (id, created_at, tenant_id, store_id, source, reference, stars, bad, at, order_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, store_id, source, reference)"
        " DO UPDATE SET stars = excluded.stars, bad = excluded.bad, at = excluded.at, order_id = excluded.order_id",
        (
            new_id(),
            utc_now(),
            tenant_id,
            store_id,
            row.source.strip(),
            row.reference.strip(),
            row.stars,
            row.is_bad,
            row.at,
            row.order,
        ),
        expects=1,
    )
