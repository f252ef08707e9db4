"""The commands and how they end.

Exit codes: 0 done, 1 failed, 2 wrong use (arguments or settings), 3 done, but something needs attention.
Heavy imports stand inside the commands, so that `hexiao --help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from core.cli import channels, doctor, keys, reconcile, server, setup, tokens
from core.cli.sentences import explain_error

app = typer.Typer(
    name="hexiao",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    help="核销 Hexiao: one GraphQL backend for a shop chain's coupons, whichever platform sold them.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 3 something needs attention. "
    "Settings come from HEXIAO_* (see docs/settings.md).",
)
app.command("demo")(server.demo)
app.command("init")(setup.init)
app.command("serve")(server.serve)
app.command("migrate")(setup.migrate)
app.add_typer(tokens.app, name="token")
app.command("doctor")(doctor.doctor)
app.command("reconcile")(reconcile.reconcile)
app.add_typer(channels.app, name="channel")
app.add_typer(keys.app, name="keys")


def show_version(wanted: bool) -> None:
    """Prints the version and ends, if that was wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hexiao {version('hexiao')}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """What stands before every command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    try:
        app(args=None if arguments is None else list(arguments))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        told = explain_error(error)
        if told is None:
            raise
        typer.secho(told.sentence, fg=typer.colors.RED, err=True)
        sys.exit(told.exit_code)
