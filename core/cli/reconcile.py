"""`hexiao reconcile`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.running import read_id, read_settings, run_async
from core.cli.sentences import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from uuid import UUID

    from core.cli.reconciled import Reconciled
    from core.coupons.reconciliation.planning import Pair
    from core.runtime import Runtime
    from core.settings import Settings

_DIFFERENCES = 1
_UNREAD = 2
_MOST_DAYS = 92


def reconcile(
    store: Annotated[str | None, typer.Option(help="Only this store's id.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this channel account's id.")] = None,
    day: Annotated[
        str | None,
        typer.Option(help="YYYY-MM-DD in the store's time zone; the last complete day unless given."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="The first of several days.")] = None,
    until: Annotated[
        str | None, typer.Option(help="The last of them; the last complete day unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of tables.")] = False,
) -> None:
    """Compare days of the ledger with the platforms' own records of uses, and list what differs.

    Ends with 0 where both agree, 1 where something differs, 2 where a record could not be read.
    """
    from core.logs import configure_logging

    days = _read_days(day, since, until)
    store_id = read_id(store, "Store", "--store") if store else None
    account_id = read_id(account, "ChannelAccount", "--account") if account else None
    settings = read_settings()
    # To standard error, and only what went wrong: the tables are the answer.
    configure_logging(settings.model_copy(update={"log_level": "warning"}))
    done = run_async(_reconcile(settings, store_id, account_id, days, quiet=as_json))
    _print_all(done, as_json)
    if any(each.is_unread for each in done):
        raise typer.Exit(_UNREAD)
    if any(each.run.differences for each in done):
        raise typer.Exit(_DIFFERENCES)


def _print_all(done: Sequence[Reconciled], as_json: bool) -> None:
    from core.cli.reconciled import describe, print_reconciled

    if as_json:
        typer.echo(json.dumps([describe(each) for each in done], ensure_ascii=False))
    else:
        print_reconciled(done)


# ------------------------------------------------------------------------------------------------------------ days
def _read_days(day: str | None, since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """First and last day; None where the last complete one of each store is meant. Raises CommandFailed."""
    if day is not None and (since is not None or until is not None):
        raise CommandFailed("give either --day, or --since and --until", WRONG_USE)
    if until is not None and since is None:
        raise CommandFailed("--until needs --since", WRONG_USE)
    if day is not None:
        only = _read_day(day, "--day")
        return only, only
    first = _read_day(since, "--since") if since is not None else None
    last = _read_day(until, "--until") if until is not None else None
    if first and last and last < first:
        raise CommandFailed(f"--until {last} lies before --since {first}", WRONG_USE)
    return first, last


def _read_day(written: str, option: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise CommandFailed(f"{option} {written}: write a day as in 2026-05-01", WRONG_USE) from None


# --------------------------------------------------------------------------------------------------------- reading
async def _reconcile(
    settings: Settings,
    store_id: UUID | None,
    account_id: UUID | None,
    days: tuple[date | None, date | None],
    *,
    quiet: bool,
) -> list[Reconciled]:
    from core.coupons.reconciliation.planning import list_pairs
    from core.db.migrate import check_schema
    from core.program import open_runtime

    async with open_runtime(settings, scheduled=False) as runtime:
        await check_schema(settings)
        pairs = await list_pairs(runtime, store_id, account_id)
        if not pairs:
            raise CommandFailed(
                "no such store is bound to an account whose platform lists uses; see: hexiao channel list",
                WRONG_USE,
            )
        plan = [(pair, day) for pair in pairs for day in _plan_days(runtime, pair, days)]
        try:
            return await _read_all(runtime, plan, quiet)
        finally:
            await runtime.accounts.flush_health(everything=True)


def _plan_days(runtime: Runtime, pair: Pair, days: tuple[date | None, date | None]) -> list[date]:
    """The days of one store. Raises CommandFailed for one whose record is not complete."""
    from core.coupons.reconciliation.planning import list_days

    now = runtime.clock.now()
    latest = pair.find_latest(now)
    first, last = days[0] or latest, days[1] or latest
    if not pair.is_listed(last, now):
        raise CommandFailed(
            f"{last} is not complete yet in {pair.store.name}; the last day that is: {latest}", WRONG_USE
        )
    if last < first:
        raise CommandFailed(
            f"{first} is not complete yet in {pair.store.name}; the last day that is: {latest}", WRONG_USE
        )
    if (last - first).days >= _MOST_DAYS:
        raise CommandFailed(f"{_MOST_DAYS} days at once are the most", WRONG_USE)
    return list(list_days(first, last))


async def _read_all(runtime: Runtime, plan: Sequence[tuple[Pair, date]], quiet: bool) -> list[Reconciled]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from core.cli.reconciled import Reconciled
    from core.coupons.reconciliation.planning import load_all_differences
    from core.coupons.reconciliation.service import reconcile_day

    done: list[Reconciled] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("")
        for number, (pair, day) in enumerate(plan, 1):
            name = f"{number}/{len(plan)} {pair.store.name} · {pair.account.name} · {day}"

            def show(pages: int, uses: int, name: str = name) -> None:
                progress.update(task, description=f"{name}: {uses} uses, page {pages}")

            progress.update(task, description=name)
            run = await reconcile_day(runtime, pair.account, pair.store, day, progress=show)
            if run is not None:
                done.append(Reconciled(pair, run, await load_all_differences(run)))
    return done
