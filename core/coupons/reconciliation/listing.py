"""Reconciled days for readers. Staff see those of their stores, owner and manager the merchant's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.coupons.reconciliation.values import (
    DayWindow,
    DifferenceKind,
    DifferencePage,
    DifferenceView,
    PayoutBasis,
    RunFilter,
    RunPage,
    RunStatus,
    RunView,
    Totals,
)
from core.db.conditions import Where
from core.db.statements import (
    as_instant,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)


async def list_runs(
    actor: Actor | None, wanted: RunFilter, first: int, after: tuple[date, UUID] | None
) -> RunPage:
    """At most `first` days, the latest first, beyond `after` (a day and an id).

    Raises Unauthenticated, Forbidden, and NotFound for a store in the filter that is not the actor's.
    """
    where = await _select(actor, wanted)
    if after is not None:
        # Twice, because the second value needs a placeholder of its own.
        where.add("day <= ?", after[0].isoformat())
        where.values.append(after[1])
        where.add(f"(day < ? OR id < ${len(where.values)})", after[0].isoformat())
    rows = await fetch_rows(
        f"SELECT * FROM reconciliation_run WHERE {where} ORDER BY day DESC, id DESC LIMIT {first + 1:d}",
        *where.values,
    )
    return RunPage(tuple(view_run(row) for row in rows[:first]), has_more=len(rows) > first)


async def count_runs(actor: Actor | None, wanted: RunFilter) -> int:
    """How many days the filter meets."""
    where = await _select(actor, wanted)
    row = await fetch_row(f"SELECT count(*) AS total FROM reconciliation_run WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def load_runs(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, RunView]:
    """Those of `ids` that the actor may see."""
    require(actor, Action.LIST_RECONCILIATIONS)
    where = _visible(actor)
    where.add_any("id", ids)
    rows = await fetch_rows(f"SELECT * FROM reconciliation_run WHERE {where}", *where.values)
    return {view.id: view for view in map(view_run, rows)}


async def list_differences(
    run: RunView,
    kinds: Sequence[DifferenceKind],
    first: int,
    after: UUID | None,
    *,
    with_resolved: bool = False,
) -> DifferencePage:
    """At most `first` differences of a day that the actor may see, after `after`; of all kinds where none is given."""
    where = _select_items(run, kinds, with_resolved)
    if after is not None:
        where.add("id > ?", after)
    rows = await fetch_rows(
        f"SELECT * FROM reconciliation_item WHERE {where} ORDER BY id LIMIT {first + 1:d}", *where.values
    )
    return DifferencePage(tuple(_view_item(row) for row in rows[:first]), has_more=len(rows) > first)


async def count_differences(run: RunView, kinds: Sequence[DifferenceKind], *, with_resolved: bool) -> int:
    """How many differences `list_differences` would list in all."""
    where = _select_items(run, kinds, with_resolved)
    row = await fetch_row(f"SELECT count(*) AS total FROM reconciliation_item WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


def _select_items(run: RunView, kinds: Sequence[DifferenceKind], with_resolved: bool) -> Where:
    where = Where(run.tenant_id)
    where.add("run_id = ?", run.id)
    if kinds:
        where.add_any("kind", [kind.value for kind in kinds])
    if not with_resolved:
        where.conditions.append("resolved_at IS NULL")
    return where


async def _select(actor: Actor | None, wanted: RunFilter) -> Where:
    actor = require(actor, Action.LIST_RECONCILIATIONS)
    where = _visible(actor)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
        where.add("store_id = ?", wanted.store_id)
    if wanted.account_id is not None:
        where.add("account_id = ?", wanted.account_id)
    if wanted.since is not None:
        where.add("day >= ?", wanted.since.isoformat())
    if wanted.until is not None:
        where.add("day <= ?", wanted.until.isoformat())
    if wanted.only_differences:
        where.add("difference_count > ?", 0)
    return where


def _visible(actor: Actor) -> Where:
    where = Where(actor.tenant_id)
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    return where


def view_run(row: Mapping[str, Any]) -> RunView:
    completed_at = as_optional_instant(row["completed_at"])
    return RunView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        account_id=as_optional_uuid(row["account_id"]),
        channel=row["channel"],
        store_id=as_uuid(row["store_id"]),
        window=DayWindow(date.fromisoformat(row["day"]), as_instant(row["since"]), as_instant(row["until"])),
        status=RunStatus(row["status"]),
        completed_at=completed_at,
        totals=None if completed_at is None else _view_totals(row),
        differences=row["difference_count"],
        failure=row["failure"],
    )


def _view_totals(row: Mapping[str, Any]) -> Totals:
    return Totals(
        ours_count=row["ours_count"],
        theirs_count=row["theirs_count"],
        matched_count=row["matched_count"],
        outside_count=row["outside_count"],
        ours_amount=row["ours_amount"],
        theirs_amount=row["theirs_amount"],
        payout=row["payout"],
        payout_basis=PayoutBasis(row["payout_basis"]),
        fee=row["fee"],
    )


def _view_item(row: Mapping[str, Any]) -> DifferenceView:
    return DifferenceView(
        id=as_uuid(row["id"]),
        kind=DifferenceKind(row["kind"]),
        receipt=row["receipt"],
        redemption_id=as_optional_uuid(row["redemption_id"]),
        used_at=as_optional_instant(row["used_at"]),
        ours=row["ours"],
        theirs=row["theirs"],
        resolved_at=as_optional_instant(row["resolved_at"]),
    )
