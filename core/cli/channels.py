"""`hexiao channel list`, `new`, `check` and `simulate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.running import run_async
from core.cli.sentences import CommandFailed

if TYPE_CHECKING:
    from core.channels.registry import PluginRow

app = typer.Typer(no_args_is_help=True, help="Channels: those installed, a new one, and proving one.")


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


@app.command("new")
def write_channel(
    name: Annotated[str, typer.Argument(help="Its code: lower-case letters and digits, as in taobao.")],
    folder: Annotated[Path, typer.Option("--in", help="Where to write the package.")] = Path(),
) -> None:
    """Write a package for a new channel: a made-up platform that works and passes the kit. Change it file by file."""
    from core.cli.scaffold import write_package

    package = write_package(name, folder)
    typer.echo(f"{package} is written. Next:\n\n    pip install -e '{package}[test]' && pytest {package}")
    typer.echo(
        f"    hexiao channel check {package}/tests/test_{name}.py\n\ndocs/writing-a-channel.md leads on."
    )


@app.command("check")
def check_channel(
    module: Annotated[
        str,
        typer.Argument(
            help="The test file or module of its conformance suite, or a built-in channel's code."
        ),
    ],
) -> None:
    """Run the conformance kit on a channel and print the verdict. Ends with 1 where a rule is broken."""
    from rich.console import Console

    from core.cli.verdict import find_suite, print_verdict, run_kit

    verdict = run_kit(find_suite(module))
    print_verdict(verdict, Console())
    if verdict.broken:
        raise typer.Exit(1)


@app.command("simulate")
def simulate_channel(
    code: Annotated[str, typer.Argument(help="The channel's code.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 9000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    fault: Annotated[
        list[str] | None,
        typer.Option(help="operation=FAULT[:seconds] for the next such call; may be given several times."),
    ] = None,
) -> None:
    """Serve a simulator of the channel's platform, with coupons in every state, for trials by hand."""
    from rich.console import Console

    from core.cli.server import pick_port
    from core.cli.simulating import load_platform, plan_faults, serve_platform

    platform = load_platform(code)
    plan_faults(platform, fault or [])
    run_async(serve_platform(platform, host, pick_port(host, port), Console()))


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
