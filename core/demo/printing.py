"""The demo on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from core.demo.guide import DemoGuide, DemoProgram

_STYLES = {"usable": "green", "times_card": "green", "two_coupons": "green", "not_yet_valid": "yellow"}


def print_guide(guide: DemoGuide, folder: Path | None = None) -> None:
    """Prints the address, the tokens, the codes and what to do next. `folder` is named where it will stay."""
    console = Console()
    console.print(
        Panel(_list_addresses(guide), title=f"核销 Hexiao · {guide.merchant}", border_style="green")
    )
    console.print(_list_tokens(guide))
    console.print(_list_codes(guide))
    if program := guide.program("wechat") or guide.program():
        console.print(_login_step(guide, program), soft_wrap=True)
    console.print(_next_steps(guide), soft_wrap=True)
    if folder is not None:
        console.print(f"The database stays in {folder}", soft_wrap=True)


def _list_addresses(guide: DemoGuide) -> Group:
    lines = [
        Text.assemble("Page      ", (guide.address, "bold cyan")),
        Text.assemble("GraphQL   ", (f"{guide.address}/graphql", "cyan")),
        *(Text.assemble("Store     ", (each.id, "bold"), f"  {each.name}") for each in guide.stores),
    ]
    return Group(*lines)


def _list_tokens(guide: DemoGuide) -> Table:
    table = Table(title="Tokens", title_justify="left", box=None, pad_edge=False)
    table.add_column("role", style="bold")
    table.add_column("token", no_wrap=True, overflow="fold")
    table.add_column("who")
    for each in guide.tokens:
        table.add_row(each.role.lower(), each.token, each.name)
    return table


def _list_codes(guide: DemoGuide) -> Table:
    table = Table(title="Codes to try", title_justify="left", box=None, pad_edge=False)
    table.add_column("channel", style="bold")
    table.add_column("state")
    table.add_column("code", overflow="fold")
    table.add_column("what")
    seen: set[tuple[str, str]] = set()
    for each in guide.codes:
        if (each.channel, each.state) not in seen:
            seen.add((each.channel, each.state))
            state = Text(each.state, _STYLES.get(each.state, "red"))
            table.add_row(each.channel, state, each.code, each.title)
    return table


def _login_step(guide: DemoGuide, program: DemoProgram) -> Text:
    login = f"curl -s '{guide.address}/demo.login?channel={program.channel}'"
    send = f"curl -s {guide.address}/graphql -H 'content-type: application/json' -d @-"
    return Text.assemble(
        f"\nTo log in as a customer who has just opened the {program.channel} mini-program:\n\n    ",
        (f"{login} | {send}", "bold cyan"),
    )


def _next_steps(guide: DemoGuide) -> Text:
    shell = f'eval "$(curl -s {guide.address}/demo.env)"'
    return Text.assemble(
        "\nOpen the page and press Run; or fetch the address, a token and two codes in another terminal, ",
        "and follow README.md:\n\n    ",
        (shell, "bold cyan"),
        "\n\nCtrl-C stops it and leaves nothing behind.",
    )
