"""The measurements of a redemption, each as numbers and, where there is one, with its goal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tests.benchmarks.arena import Arena
from tests.benchmarks.load import Target, send_load
from tests.benchmarks.processes import Measured

PRODUCT = "tests.benchmarks.product:create_product"
PLAIN = "tests.benchmarks.product:create_plain"
FLOOR = "tests.benchmarks.floor:Floor"
CLIENTS = 16
WAITING_CLIENTS = 64
PLATFORM_SECONDS = 0.05
WAITING_SECONDS = 2 * PLATFORM_SECONDS  # Douyin: prepare and verify


@dataclass(frozen=True)
class Effort:
    """How long and how often: `pairs` of A and B, each for `seconds`."""

    pairs: int
    seconds: float
    warm_up: float


FULL = Effort(pairs=5, seconds=4.0, warm_up=3.0)
SHORT = Effort(pairs=2, seconds=0.7, warm_up=0.5)


@dataclass(frozen=True)
class Side:
    """The medians of one side."""

    per_second: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Line:
    """One line of the report. `goal` in words, `met` None where there is none."""

    what: str
    value: str
    goal: str = ""
    met: bool | None = None


Contender = tuple[str, Callable[[Arena, Measured], Target]]


async def compare_with_floor(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """The whole product against the floor, 16 clients, a platform that answers at once."""
    arena.set_latency(0)
    floor, product = await _measure_pairs(
        arena, effort, (FLOOR, Arena.aim_at_floor), (PRODUCT, Arena.aim_at_graphql)
    )
    rate, cpu = product.per_second / floor.per_second, product.cpu_ms / floor.cpu_ms
    lines = [
        Line("floor", _show(floor)),
        Line("product", _show(product)),
        Line("product / floor, requests per second", f"{rate:.0%}", ">= 70 %", rate >= 0.70),
        Line("product / floor, CPU per request", f"{cpu:.2f}", "<= 1.6", cpu <= 1.6),
    ]
    return lines, {"floor": asdict(floor), "product": asdict(product), "rate_ratio": rate, "cpu_ratio": cpu}


async def measure_graphql(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """What GraphQL adds to a plain handler over the same service."""
    arena.set_latency(0)
    plain, product = await _measure_pairs(
        arena, effort, (PLAIN, Arena.aim_at_plain), (PLAIN, Arena.aim_at_graphql)
    )
    cost = product.cpu_ms - plain.cpu_ms
    lines = [
        Line("plain handler, same service", _show(plain)),
        Line("GraphQL's own cost", f"{cost:.3f} ms CPU", "<= 0.2 ms", cost <= 0.2),
    ]
    return lines, {"plain": asdict(plain), "product": asdict(product), "graphql_ms": cost}


async def measure_slow_platform(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """64 clients, and a platform that takes 50 ms for each of its calls; the floor to compare with."""
    floor = await _measure_waiting(arena, effort, (FLOOR, Arena.aim_at_floor))
    product = await _measure_waiting(arena, effort, (PRODUCT, Arena.aim_at_graphql))
    ideal, limit = WAITING_CLIENTS / WAITING_SECONDS, 3 * WAITING_SECONDS * 1000
    share = product.per_second / ideal
    lines = [
        Line(
            "64 clients, platform 50 ms: floor",
            f"{floor.per_second / ideal:.0%} of the ideal, {_show(floor)}",
        ),
        Line("64 clients, platform 50 ms: product", _show(product)),
        Line("  of the ideal", f"{share:.0%} of {ideal:.0f} per second", ">= 65 %", share >= 0.65),
        Line("  p99", f"{product.p99_ms:.0f} ms", f"<= {limit:.0f} ms", product.p99_ms <= limit),
    ]
    return lines, {"floor": asdict(floor), "product": asdict(product), "ideal": ideal, "of_ideal": share}


async def _measure_waiting(arena: Arena, effort: Effort, contender: Contender) -> Side:
    application, aim = contender
    server = arena.start(application)
    arena.set_latency(PLATFORM_SECONDS)
    try:
        target = aim(arena, server)
        await _warm_up(arena, target, WAITING_CLIENTS, effort)
        return await _measure(server, target, WAITING_CLIENTS, effort.seconds * 2)
    finally:
        arena.set_latency(0)
        server.stop()


async def measure_start(arena: Arena, effort: Effort) -> tuple[list[Line], dict[str, Any]]:
    """From the start of the program to its first answer, and the memory of a worker after some work."""
    starts = []
    for _ in range(effort.pairs):
        began = time.perf_counter()
        server = arena.start(PRODUCT)
        starts.append(time.perf_counter() - began)
        try:
            await send_load(arena.aim_at_graphql(server), CLIENTS, effort.warm_up)
            memory = server.memory_bytes() / 2**20
        finally:
            server.stop()
    start = median(starts)
    lines = [
        Line("start to first answer", f"{start:.2f} s", "<= 0.8 s", start <= 0.8),
        Line("memory per worker", f"{memory:.0f} MB", "<= 110 MB", memory <= 110),
    ]
    return lines, {"start_seconds": start, "memory_mb": memory}


async def _measure_pairs(arena: Arena, effort: Effort, a: Contender, b: Contender) -> tuple[Side, Side]:
    """A B A B …, both servers up, after a warm-up; the medians of each."""
    servers = [arena.start(application) for application, _ in (a, b)]
    targets = [aim(arena, server) for (_, aim), server in zip((a, b), servers, strict=True)]
    taken: list[list[Side]] = [[], []]
    try:
        for target in targets:
            await _warm_up(arena, target, CLIENTS, effort)
        for _ in range(effort.pairs):
            for side, server, target in zip(taken, servers, targets, strict=True):
                side.append(await _measure(server, target, CLIENTS, effort.seconds))
    finally:
        for server in servers:
            server.stop()
    return _take_median(taken[0]), _take_median(taken[1])


async def _warm_up(arena: Arena, target: Target, clients: int, effort: Effort) -> None:
    await send_load(target, clients, effort.warm_up / 2)
    await arena.analyse()
    await send_load(target, clients, effort.warm_up / 2)


async def _measure(server: Measured, target: Target, clients: int, seconds: float) -> Side:
    before = server.cpu_seconds()
    load = await send_load(target, clients, seconds)
    spent = (server.cpu_seconds() - before) * 1000 / len(load.latencies)
    return Side(load.per_second, spent, load.percentile(0.5), load.percentile(0.99))


def _take_median(sides: list[Side]) -> Side:
    return Side(*(median(values) for values in zip(*(asdict(side).values() for side in sides), strict=True)))


def _show(side: Side) -> str:
    return f"{side.per_second:.0f} per second, {side.cpu_ms:.2f} ms CPU, p50 {side.p50_ms:.1f} ms, p99 {side.p99_ms:.1f} ms"
