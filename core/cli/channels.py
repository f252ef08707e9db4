"""`hexiao channel list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.sentences import CommandFailed

if TYPE_CHECKING:
    from core.channels.registry import PluginRow

app = typer.Typer(no_args_is_help=True, help="The channels that are installed.")


@app.callback()
def choose() -> None:
    """Keeps `list` a command of its own while there is no other."""


@app.command("list")
def list_channels(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
) -> None:
    """List the installed channels: what they can do and which package brought them."""
    rows = _load_rows()
    if as_json:
        typer.echo(json.dumps([_row_json(row) for row in rows], ensure_ascii=False))
    else:
        _print_table(rows)


def _load_rows() -> tuple[PluginRow, ...]:
    from core.channels.registry import RegistryError, build_registry

    try:
        return build_registry().plugins()
    except RegistryError as error:
        raise CommandFailed(str(error)) from error


def _row_json(row: PluginRow) -> dict[str, object]:
    return {
        "code": row.code,
        "name": row.name,
        "capabilities": [each.value for each in row.capabilities],
        "plugin": row.plugin,
        "distribution": row.distribution,
        "version": row.version,
        "simulator": row.simulator,
        "needsPerson": row.needs_person,
    }


def _print_table(rows: tuple[PluginRow, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("code", "name", "capabilities", "package", "simulator"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        capabilities = ", ".join(each.value.lower() for each in row.capabilities)
        package = f"{row.distribution} {row.version}".strip()
        table.add_row(row.code, row.name, capabilities, package, "yes" if row.simulator else "–")
    Console().print(table)
