"""`hexiao keys rotate`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from core.cli.running import read_settings, run_async
from core.cli.sentences import NEEDS_ATTENTION

if TYPE_CHECKING:
    from core.resealing import Resealing
    from core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The keys that secrets are sealed with.")


@app.callback()
def choose() -> None:
    """Keeps `rotate` a command of its own while there is no other."""


@app.command("rotate")
def rotate() -> None:
    """Seal everything that is sealed (credentials, tokens, phones, coupon codes) with the newest HEXIAO_SECRET_KEY.

    Put the old key into HEXIAO_PREVIOUS_SECRET_KEYS first. May be stopped and started again. Ends with 3
    where something could not be opened with any configured key.
    """
    done = run_async(_rotate(read_settings()))
    typer.echo(
        f"sealed anew: {done.resealed}, already current: {done.current}, unreadable: {done.unreadable}"
    )
    if done.unreadable:
        typer.echo("Add the key that sealed them to HEXIAO_PREVIOUS_SECRET_KEYS, or connect again.", err=True)
        raise typer.Exit(NEEDS_ATTENTION)


async def _rotate(settings: Settings) -> Resealing:
    from core.db.migrate import check_schema
    from core.program import open_runtime
    from core.rotation import rotate_seals

    with ExitStack() as stack:
        async with open_runtime(settings, scheduled=False) as runtime:
            await check_schema(settings)
            return await rotate_seals(runtime.keys, _show_progress(stack))


def _show_progress(stack: ExitStack) -> Callable[[int, int], None]:
    """A bar on the terminal, one task for each table; silent where standard error is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    progress = stack.enter_context(Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()))
    task = progress.add_task("sealing", total=None)
    return lambda seen, total: progress.update(task, completed=seen, total=total)
