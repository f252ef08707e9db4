"""`hexiao doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.running import read_settings, run_async
from core.cli.sentences import NEEDS_ATTENTION

if TYPE_CHECKING:
    from core.cli.findings import Finding


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of sentences.")] = False,
) -> None:
    """Look at settings, database, invariants, channels and open work; say how to mend what is wrong.

    Changes nothing. Ends with 3 if something needs attention.
    """
    from core.cli.findings import examine

    findings = run_async(examine(read_settings()))
    if as_json:
        typer.echo(json.dumps([_finding_json(each) for each in findings], ensure_ascii=False))
    else:
        _print_findings(findings)
    if findings:
        raise typer.Exit(NEEDS_ATTENTION)


def _finding_json(finding: Finding) -> dict[str, str]:
    return {"area": finding.area, "problem": finding.problem, "mend": finding.mend}


def _print_findings(findings: list[Finding]) -> None:
    for each in findings:
        typer.secho(f"✗ {each.area}: {each.problem}", fg=typer.colors.RED)
        typer.echo(f"  {each.mend}")
    if not findings:
        typer.secho("✓ settings, database, channels and work are in order", fg=typer.colors.GREEN)
