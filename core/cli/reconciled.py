"""Reconciled days as tables, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from core.coupons.reconciliation.planning import Pair
from core.coupons.reconciliation.values import DifferenceKind, DifferenceView, RunStatus, RunView
from core.ids import encode_global_id
from core.messages import text
from core.money import format_yuan

_MOST_ROWS = 200
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One day of one store at one account, with its open differences."""

    pair: Pair
    run: RunView
    differences: Sequence[DifferenceView]

    @property
    def is_unread(self) -> bool:
        """Whether this reading did not come to its end."""
        return self.run.status is not RunStatus.DONE


def print_reconciled(done: Sequence[Reconciled]) -> None:
    """A line for each day, what could not be read, what differs, and the last word."""
    console = Console()
    console.print(_draw_days(done))
    for each in done:
        if each.is_unread:
            sentence = text(each.run.failure, "en") if each.run.failure else "Another process reads it now."
            console.print(f"✗ {_name(each)}: {sentence}", style="red", markup=False, highlight=False)
        _print_differences(each, console)
    found = sum(each.run.differences or 0 for each in done if not each.is_unread)
    if any(each.is_unread for each in done):
        console.print("Not everything could be read.", style="bold red")
    elif found:
        console.print(f"Differences: {found}. docs/reconciliation.md says what to do.", style="bold yellow")
    else:
        console.print("Both sides agree.", style="bold green")


def _draw_days(done: Sequence[Reconciled]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("day", no_wrap=True)
    table.add_column("store · account", overflow="fold")
    for heading in ("here", "there", "same", "differ", "payout", "fee"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in done:
        totals = each.run.totals
        counts: tuple[int | None, ...] = (None,) * 3
        if totals is not None:
            counts = (totals.ours_count, totals.theirs_count, totals.matched_count)
        table.add_row(
            each.run.window.day.isoformat(),
            f"{each.pair.store.name} · {each.pair.account.name}",
            *(_UNKNOWN if count is None else str(count) for count in (*counts, each.run.differences)),
            _yuan(totals.payout if totals else None),
            _yuan(totals.fee if totals else None),
        )
    return table


def _print_differences(each: Reconciled, console: Console) -> None:
    shown = [difference for difference in each.differences if difference.kind is not DifferenceKind.OUTSIDE]
    if not shown:
        return
    table = Table(title=_name(each), title_justify="left", box=None, pad_edge=False)
    for heading in ("kind", "what", "used at", "receipt", "here", "there"):
        table.add_column(
            heading, overflow="fold", justify="right" if heading in {"here", "there"} else "left"
        )
    for difference in shown[:_MOST_ROWS]:
        table.add_row(
            difference.kind.value,
            text(f"reconciliation.{difference.kind}", "en"),
            _local(difference.used_at, each.pair.store.time_zone),
            difference.receipt,
            _yuan(difference.ours),
            _yuan(difference.theirs),
        )
    console.print()
    console.print(table)
    if len(shown) > _MOST_ROWS:
        console.print(f"… and {len(shown) - _MOST_ROWS} more; --json prints all of them")


def describe(each: Reconciled) -> dict[str, Any]:
    """A day as JSON; amounts in yuan, as everywhere outside."""
    run, totals = each.run, each.run.totals
    account_id = each.pair.account.account_id
    return {
        "id": encode_global_id("Reconciliation", run.id),
        "storeId": encode_global_id("Store", run.store_id),
        "accountId": encode_global_id("ChannelAccount", account_id) if account_id else None,
        "channel": run.channel,
        "day": run.window.day.isoformat(),
        "status": run.status.value,
        "failure": text(run.failure, "en") if run.failure else None,
        "oursCount": totals.ours_count if totals else None,
        "theirsCount": totals.theirs_count if totals else None,
        "matchedCount": totals.matched_count if totals else None,
        "outsideCount": totals.outside_count if totals else None,
        "differenceCount": run.differences,
        "payout": _amount(totals.payout if totals else None),
        "payoutBasis": totals.payout_basis.value if totals else None,
        "fee": _amount(totals.fee if totals else None),
        "differences": [_describe_difference(difference) for difference in each.differences],
    }


def _describe_difference(difference: DifferenceView) -> dict[str, Any]:
    redemption_id = difference.redemption_id
    return {
        "kind": difference.kind.value,
        "receipt": difference.receipt,
        "redemptionId": encode_global_id("Redemption", redemption_id) if redemption_id else None,
        "usedAt": difference.used_at.isoformat().replace("+00:00", "Z") if difference.used_at else None,
        "ours": _amount(difference.ours),
        "theirs": _amount(difference.theirs),
    }


def _name(each: Reconciled) -> str:
    return f"{each.pair.store.name} · {each.pair.account.name} · {each.run.window.day}"


def _amount(fen: int | None) -> str | None:
    return None if fen is None else format_yuan(fen)


def _yuan(fen: int | None) -> str:
    return _amount(fen) or _UNKNOWN


def _local(instant: datetime | None, time_zone: str) -> str:
    return instant.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M:%S") if instant else _UNKNOWN
