"""What runs in the background, and how often. Each task looks for work that is due and may find none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events.relay import relay_events
from core.settings import Settings
from core.work.inbox import handle_inbox
from core.work.pruning import prune_rows

if TYPE_CHECKING:
    from core.runtime import Runtime

RELAY_SECONDS = 5
FLUSH_SECONDS = 5
PRUNE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of background work. `every`: whole seconds between runs, None for one that is only kicked."""

    name: str
    run: Callable[..., Awaitable[object]]
    every: int | None = None


def list_tasks(settings: Settings) -> tuple[Task, ...]:
    """Every task of the program."""
    return (
        Task("sweep_redemptions", _sweep_redemptions, settings.sweep_seconds),
        Task("handle_inbox", handle_inbox, settings.sweep_seconds),
        Task("relay_events", _relay_events, RELAY_SECONDS),
        Task("flush_health", _flush_health, FLUSH_SECONDS),
        Task("prune_rows", prune_rows, PRUNE_SECONDS),
    )


async def _sweep_redemptions(runtime: Runtime) -> int:
    # Imported late: the saga itself kicks tasks.
    from core.coupons.recovery import sweep_redemptions

    return await sweep_redemptions(runtime)


async def _relay_events(runtime: Runtime) -> int:
    """The bus numbers events at every poll; this is for processes that have no bus running."""
    return await relay_events()


async def _flush_health(runtime: Runtime) -> None:
    """What calls have shown about channel accounts is noted in memory and written down here."""
    await runtime.accounts.flush_health()
