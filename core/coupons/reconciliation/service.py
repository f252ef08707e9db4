"""Reconciling one day of one store at one account, now or as soon as somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from uuid import UUID

import structlog

from core.access.audit import record
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor, StoreView
from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    ChannelFailure,
    CredentialsRefused,
    Misconfigured,
    ProtocolFailure,
    RateLimited,
)
from core.coupons.detached import run_detached, wait_until
from core.coupons.reconciliation.days import find_window, is_listed
from core.coupons.reconciliation.listing import view_run
from core.coupons.reconciliation.reading import compare_day, coupons_of
from core.coupons.reconciliation.runs import (
    HeldRun,
    begin_run,
    complete_run,
    fail_run,
    find_run,
    keep_run,
)
from core.coupons.reconciliation.values import DayWindow, RunView, Subject
from core.coupons.redemption import set_deadlines
from core.db.statements import GuardFailed
from core.errors import NotFound
from core.runtime import Runtime

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]

# The most telling comes first; the last is for whatever a channel raises beside these.
_SENTENCES: Mapping[type[ChannelFailure], str] = {
    CredentialsRefused: "reconciliation.credentials",
    Misconfigured: "reconciliation.misconfigured",
    RateLimited: "reconciliation.rate_limited",
    ProtocolFailure: "reconciliation.unreadable",
    ChannelFailure: "reconciliation.unavailable",
}


async def reconcile_day(
    runtime: Runtime,
    account: BoundAccount,
    store: StoreView,
    day: date,
    *,
    only_due: bool = False,
    progress: Progress | None = None,
) -> RunView | None:
    """Reads the platform's record of one local day of the store and writes down where it differs from our ledger.

    Answers the day as it is now: DONE, FAILED with a sentence, or RUNNING where another process reads it. None where,
    with `only_due`, there was nothing to do. A reading that is broken off leaves what the last complete one found.
    """
    subject = Subject(account, store.id, store.time_zone)
    window = find_window(store.time_zone, day)
    run = await begin_run(subject, window, runtime.clock.now(), only_due=only_due)
    if run is not None:
        await _read_day(runtime, subject, window, run, progress)
    elif only_due:
        return None
    row = await find_run(subject, window)
    return view_run(row) if row else None


async def _read_day(
    runtime: Runtime, subject: Subject, window: DayWindow, run: HeldRun, progress: Progress | None
) -> None:
    async def on_page(pages: int, uses: int) -> None:
        if progress is not None:
            progress(pages, uses)
        await keep_run(run, runtime.clock.now())

    try:
        comparison, pages = await compare_day(runtime, subject, window, on_page)
        totals, differences = comparison.finish()
        await complete_run(run, totals, differences, pages, runtime.clock.now())
        runtime.accounts.note_success(subject.bound)
    except GuardFailed:
        log.info("another process reads this day", run=str(run.id))
    except ChannelFailure as failure:
        runtime.accounts.note_failure(subject.bound, failure)
        key = next(key for kind, key in _SENTENCES.items() if isinstance(failure, kind))
        await _write_failure(runtime, run, key, subject.channel)
    except Exception:
        log.exception("reconciliation failed", run=str(run.id))
        await _write_failure(runtime, run, "reconciliation.internal", subject.channel)


async def _write_failure(runtime: Runtime, run: HeldRun, key: str, channel: str) -> None:
    log.warning("a day could not be reconciled", run=str(run.id), channel=channel, reason=key)
    try:
        await fail_run(run, key, runtime.clock.now())
    except GuardFailed:
        log.info("another process reads this day", run=str(run.id))


# ------------------------------------------------------------------------------------------------------- by request
async def request_reconciliation(
    runtime: Runtime,
    actor: Actor | None,
    store_id: UUID,
    day: date,
    account_id: UUID | None = None,
    channel: str | None = None,
) -> RunView | tuple[UserProblem, ...]:
    """Reads a day now; one that takes longer than an answer may answers RUNNING and is read to its end.

    Raises Unauthenticated, Forbidden and NotFound (store). Answers what is wrong with account, channel or day.
    """
    due, _ = set_deadlines(runtime)
    actor = require(actor, Action.RECONCILE)
    store = await find_store(actor, store_id)
    bound = await find_bound(runtime, store, account_id, channel)
    if isinstance(bound, UserProblem):
        return (bound,)
    subject, window = Subject(bound, store.id, store.time_zone), find_window(store.time_zone, day)
    if not is_listed(window, coupons_of(subject).behaviour.list_delay, runtime.clock.now()):
        return (UserProblem(ProblemCode.INVALID, ("day",), "problem.day_not_over"),)
    details = {"storeId": str(store.id), "channel": subject.channel, "day": day.isoformat()}
    await record(actor, "reconcileChannel", "ChannelAccount", bound.account_id, details)
    view = await wait_until(run_detached(reconcile_day(runtime, bound, store, day)), due)
    if view is None and (row := await find_run(subject, window)):
        view = view_run(row)
    return view or (UserProblem(ProblemCode.CONFLICT, ("day",)),)


async def find_bound(
    runtime: Runtime, store: StoreView, account_id: UUID | None, channel: str | None
) -> BoundAccount | UserProblem:
    """The account as the store is bound to it; or, without an account, the channel that needs none."""
    if (account_id is None) == (channel is None):
        return UserProblem(ProblemCode.REQUIRED, ("accountId",), "problem.account_or_channel")
    bindings = await runtime.accounts.load_bindings(store.tenant_id, store.id)
    named = "accountId" if account_id else "channel"
    same = (
        each for each in bindings if each.account_id == account_id and channel in (None, each.channel.code)
    )
    bound = next(same, None)
    if bound is None:
        return UserProblem(ProblemCode.NOT_FOUND, (named,), "problem.account_not_found")
    return bound if (problem := _judge(bound)) is None else UserProblem(*problem, {"name": bound.name})


def _judge(bound: BoundAccount) -> tuple[ProblemCode, tuple[str, ...], str] | None:
    """Why an account cannot be reconciled."""
    if not lists_uses(bound):
        return ProblemCode.NOT_ALLOWED, ("accountId",), "problem.lists_no_uses"
    if not bound.is_bound:
        return ProblemCode.NOT_ALLOWED, ("storeId",), "problem.store_not_bound"
    if bound.status is AccountStatus.DISABLED:
        return ProblemCode.NOT_ALLOWED, ("accountId",), "problem.account_disabled"
    return None


def lists_uses(bound: BoundAccount) -> bool:
    """Whether the account's channel lets its record of uses be read."""
    coupons = bound.channel.coupons
    return coupons is not None and coupons.behaviour.lists_uses


async def find_pair(
    runtime: Runtime, store: StoreView, account_id: UUID | None, channel: str
) -> BoundAccount:
    """As `find_bound`, for what was found by a query. Raises NotFound where it can be used no longer."""
    found = await find_bound(runtime, store, account_id, None if account_id else channel)
    if isinstance(found, UserProblem):
        raise NotFound(found.message())
    return found
