"""`hexiao channel simulate`: one platform's simulator behind a port, for trials by hand."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.cli.sentences import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from rich.console import Console

    from core.testing.simulator import Sample, Simulator


def load_platform(code: str) -> Simulator:
    """A new simulator of the channel's platform. Raises CommandFailed."""
    from core.channels.registry import RegistryError, UnknownChannel, build_registry, load_simulator

    try:
        platform: Simulator = load_simulator(build_registry().get(code))()
    except (RegistryError, UnknownChannel) as error:
        raise CommandFailed(str(error), WRONG_USE) from None
    return platform


def plan_faults(platform: Simulator, faults: Sequence[str]) -> None:
    """Reads `operation=FAULT[:seconds]`, for the next call of that operation. Raises CommandFailed."""
    from core.testing.faults import Fault, FaultKind

    for each in faults:
        operation, separator, wanted = each.partition("=")
        name, _, seconds = wanted.partition(":")
        try:
            if not (operation and separator):
                raise ValueError
            platform.faults.script(operation, Fault(FaultKind(name.upper()), float(seconds or 0.5)))
        except ValueError:
            known = ", ".join(kind.value for kind in FaultKind)
            raise CommandFailed(
                f"--fault {each}: write operation=FAULT or operation=FAULT:seconds, as in redeem=DROP_AFTER_APPLY;"
                f" there are {known}",
                WRONG_USE,
            ) from None


async def serve_platform(platform: Simulator, host: str, port: int, console: Console) -> None:
    """Seeds the simulator, tells how to use it, and serves it until SIGINT or SIGTERM."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    platform.address = f"http://{host}:{port}"
    _print_guide(platform, platform.seed(), console)
    server = Server(platform, host, port, interface=Interfaces.ASGINL, log_enabled=False)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def _print_guide(platform: Simulator, samples: Mapping[str, Sample], console: Console) -> None:
    from rich.table import Table

    address = platform.address
    table = Table(box=None, pad_edge=False)
    for heading in ("state", "code", "what"):
        table.add_column(heading, overflow="fold")
    for state, sample in samples.items():
        table.add_row(state, sample.code, sample.title or sample.description)
    console.print(f"Simulator at {address}\n", highlight=False)
    console.print(table)
    connect: dict[str, Any] = {
        "credentials": dict(platform.credentials),
        "settings": dict(platform.settings(address)),
        "externalStoreId": platform.external_store_id,
    }
    console.print("\nConnect an account with:", highlight=False)
    console.print(json.dumps(connect, ensure_ascii=False, indent=2), highlight=False, markup=False)
    script = '\'{"script": {"redeem": ["DROP_AFTER_APPLY", null, {"kind": "DELAY", "seconds": 3}]}}\''
    for line in (
        f"\nWhat it recorded:  curl {address}/_control/state",
        f"Faults to come:    curl -d {script} {address}/_control/faults",
        f"More coupons:      curl -d '{{\"usable\": 5}}' {address}/_control/seed",
        "Ctrl-C stops it; it keeps nothing.",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
