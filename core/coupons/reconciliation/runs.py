"""The rows of reconciled days: who reads one now, and what came of the last complete reading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.coupons.reconciliation.values import (
    DayWindow,
    Difference,
    DifferenceKind,
    RunStatus,
    Subject,
    Totals,
)
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    Write,
    as_optional_instant,
    as_uuid,
    execute,
    fetch_row,
    write_together,
)
from core.db.transactions import run_in_transaction
from core.ids import new_id

# Longer than one page may take, so that a reader who is alive keeps its day.
LEASE = timedelta(seconds=90)
# A day with differences is read once more by itself: what was late on either side has arrived by then.
SECOND_LOOK = timedelta(hours=24)
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 30, 60, 120, 240, 360))
_PORTION = 50


@dataclass(slots=True)
class HeldRun:
    """A day that this process reads. Every write carries the fence; GuardFailed: another has taken over."""

    id: UUID
    tenant_id: UUID
    fence: int
    attempts: int
    completed_at: datetime | None = None


async def begin_run(
    subject: Subject, window: DayWindow, now: datetime, *, only_due: bool = False
) -> HeldRun | None:
    """Takes a day for reading. None where another process reads it now or, with `only_due`, it is not due any more."""
    run = HeldRun(new_id(), subject.tenant_id, fence=1, attempts=1)
    try:
        await write_together([_insert_run(run, subject, window, now)])
    except Conflict:
        return await _take_over(subject, window, now, only_due)
    return run


def _insert_run(run: HeldRun, subject: Subject, window: DayWindow, now: datetime) -> Write:
    return insert_row(
        "reconciliation_run",
        id=run.id,
        tenant_id=run.tenant_id,
        created_at=now,
        account_id=subject.bound.account_id,
        channel=subject.channel,
        store_id=subject.store_id,
        day=window.day.isoformat(),
        since=window.since,
        until=window.until,
        status=RunStatus.RUNNING.value,
        fence=run.fence,
        attempts=run.attempts,
        next_attempt_at=now + LEASE,
    )


async def _take_over(subject: Subject, window: DayWindow, now: datetime, only_due: bool) -> HeldRun | None:
    row = await find_run(subject, window)
    if row is None:
        return None
    free = "next_attempt_at <= $6" if only_due else "(status <> 'RUNNING' OR next_attempt_at <= $6)"
    taken = await execute(
        "UPDATE reconciliation_run SET status='RUNNING', failure=NULL, fence=fence+1, attempts=attempts+1,"
        f" next_attempt_at=$1, since=$2, until=$3 WHERE tenant_id=$4 AND id=$5 AND fence=$7 AND {free}",
        now + LEASE, window.since, window.until, subject.tenant_id, as_uuid(row["id"]), now, row["fence"],
    )  # fmt: skip
    if not taken:
        return None
    return HeldRun(
        as_uuid(row["id"]),
        subject.tenant_id,
        row["fence"] + 1,
        row["attempts"] + 1,
        as_optional_instant(row["completed_at"]),
    )


async def find_run(subject: Subject, window: DayWindow) -> dict[str, Any] | None:
    """The row of a day, None where it was never read."""
    account = "account_id IS NULL" if subject.bound.account_id is None else "account_id = $5"
    account_values = [] if subject.bound.account_id is None else [subject.bound.account_id]
    return await fetch_row(
        f"SELECT * FROM reconciliation_run WHERE tenant_id=$1 AND channel=$2 AND store_id=$3 AND day=$4 AND {account}",
        subject.tenant_id, subject.channel, subject.store_id, window.day.isoformat(), *account_values,
    )  # fmt: skip


async def keep_run(run: HeldRun, now: datetime) -> None:
    """Renews the hold. Raises GuardFailed."""
    await write_together([_guard(run, "next_attempt_at=$4", (now + LEASE,))])


async def fail_run(run: HeldRun, failure: str, now: datetime) -> None:
    """The day could not be read. What the last complete reading found stays. Raises GuardFailed."""
    again = now + _PAUSES[min(run.attempts, len(_PAUSES)) - 1]
    await write_together([_guard(run, "status='FAILED', failure=$4, next_attempt_at=$5", (failure, again))])


async def complete_run(
    run: HeldRun, totals: Totals, differences: Sequence[Difference], pages: int, now: datetime
) -> None:
    """The whole of a reading in one commit; differences that it did not meet are resolved. Raises GuardFailed."""
    found = sum(each.kind is not DifferenceKind.OUTSIDE for each in differences)
    again = now + SECOND_LOOK if found and run.completed_at is None else None

    async def write() -> None:
        # The guard comes first and holds the row: two readers cannot both be writing.
        await write_together([_finish(run, totals, found, pages, now, again)])
        for portion in _cut(differences):
            await write_together([_upsert_item(run, each, now) for each in portion])
        await execute(
            "UPDATE reconciliation_item SET resolved_at=$1 WHERE tenant_id=$2 AND run_id=$3 AND fence<>$4"
            " AND resolved_at IS NULL",
            now, run.tenant_id, run.id, run.fence,
        )  # fmt: skip

    await run_in_transaction(write)


def _finish(
    run: HeldRun, totals: Totals, found: int, pages: int, now: datetime, again: datetime | None
) -> Write:
    return _guard(
        run,
        "status='DONE', failure=NULL, attempts=0, completed_at=$4, next_attempt_at=$5, pages=$6, ours_count=$7,"
        " theirs_count=$8, matched_count=$9, outside_count=$10, difference_count=$11, ours_amount=$12,"
        " theirs_amount=$13, payout=$14, payout_basis=$15, fee=$16",
        (
            now, again, pages, totals.ours_count, totals.theirs_count, totals.matched_count, totals.outside_count,
            found, totals.ours_amount, totals.theirs_amount, totals.payout, totals.payout_basis.value, totals.fee,
        ),
    )  # fmt: skip


def _guard(run: HeldRun, changes: str, values: tuple[object, ...]) -> Write:
    return Write(
        f"UPDATE reconciliation_run SET {changes} WHERE tenant_id=$1 AND id=$2 AND fence=$3 AND status='RUNNING'",
        (run.tenant_id, run.id, run.fence, *values),
        expects=1,
    )


def _upsert_item(run: HeldRun, difference: Difference, now: datetime) -> Write:
    insert = insert_row(
        "reconciliation_item",
        id=new_id(),
        tenant_id=run.tenant_id,
        created_at=now,
        run_id=run.id,
        item_key=_key_of(difference),
        kind=difference.kind.value,
        receipt=difference.receipt[:255],
        redemption_id=difference.redemption_id,
        used_at=difference.used_at,
        ours=difference.ours,
        theirs=difference.theirs,
        fence=run.fence,
    )
    again = (
        " ON CONFLICT (tenant_id, run_id, item_key) DO UPDATE SET resolved_at=NULL, fence=excluded.fence,"
        " used_at=excluded.used_at, ours=excluded.ours, theirs=excluded.theirs"
    )
    return Write(insert.sql + again, insert.values, expects=1)


def _key_of(difference: Difference) -> str:
    """The same difference has the same key in every reading."""
    used_at = difference.used_at.isoformat() if difference.used_at else ""
    named = (difference.kind.value, difference.receipt, str(difference.redemption_id or ""), used_at)
    return hashlib.sha256("\0".join(named).encode()).hexdigest()[:32]


def _cut(differences: Sequence[Difference]) -> Iterator[Sequence[Difference]]:
    unique = list({_key_of(each): each for each in differences}.values())
    for first in range(0, len(unique), _PORTION):
        yield unique[first : first + _PORTION]
