"""`python -m tests.benchmarks [--short] [--profile] [--only NAME]`: how redeeming and booking compare with their floors.

Needs PostgreSQL at 127.0.0.1:5432, or where HEXIAO_TEST_POSTGRES says. Writes results.json beside this file;
with --profile only where the time of a redemption goes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import orjson
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from core.clock import utc_now
from tests.benchmarks import booking, growth, hot_day, month, redeem, season, slots
from tests.benchmarks.arena import open_arena
from tests.benchmarks.load import send_load
from tests.benchmarks.processes import pick_cores, pin
from tests.benchmarks.redeem import FULL, SHORT, Effort, Line

RESULTS = Path(__file__).with_name("results.json")


MEASURES = {
    "floor": redeem.compare_with_floor,
    "booking": booking.measure_booking,
    "hot_day": hot_day.measure_hot_day,
    "growth": growth.measure_growth,
    "graphql": redeem.measure_graphql,
    "slow_platform": redeem.measure_slow_platform,
    "start": redeem.measure_start,
    "availability": slots.measure_availability,
    "slot_ranking": month.compare_ranking,
    "season": season.measure_season,
}


async def run_benchmarks(effort: Effort, folder: Path, only: str | None) -> None:
    """Measures everything, prints one table and writes the results; of `only` one measurement they are not kept."""
    lines: list[Line] = []
    results: dict[str, object] = {"at": utc_now(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    async with open_arena(folder) as arena:
        for name, measure in MEASURES.items():
            if only in (None, name):
                found, results[name] = await measure(arena, effort)
                lines += found
    if only is None:
        RESULTS.write_bytes(orjson.dumps(name_keys(results), option=orjson.OPT_INDENT_2))
    print_lines(lines)


async def run_profile(effort: Effort, folder: Path) -> None:
    """Prints the functions that take most of the product's time."""
    async with open_arena(folder) as arena:
        server = arena.start(redeem.PRODUCT, profile="product")
        await send_load(arena.aim_at_graphql(server), 16, effort.seconds * effort.pairs)
        server.stop()
    print((folder / "profile.out").read_text())


def name_keys(value: object) -> object:
    """`value` with every key as text: a measurement may be keyed by a number, or by a pair of names."""
    if isinstance(value, dict):
        return {_name_key(key): name_keys(each) for key, each in value.items()}
    return [name_keys(each) for each in value] if isinstance(value, (list, tuple)) else value


def _name_key(key: object) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def print_lines(lines: Sequence[Line]) -> None:
    table = Table(title="Redemption (Douyin, two calls), booking and availability; PostgreSQL, one worker")
    for heading in ("what", "measured", "goal", ""):
        table.add_column(heading)
    for line in lines:
        verdict = "" if line.met is None else "met" if line.met else "MISSED"
        table.add_row(line.what, line.value, line.goal, verdict)
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a quick run, to see that it runs")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead of measuring")
    parser.add_argument("--only", choices=MEASURES, help="one measurement")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    pin(pick_cores()[1])
    effort = SHORT if options.short else FULL
    with (
        tempfile.TemporaryDirectory(prefix="hexiao-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        if options.profile:
            runner.run(run_profile(effort, Path(folder)))
        else:
            runner.run(run_benchmarks(effort, Path(folder), options.only))


if __name__ == "__main__":
    main()
