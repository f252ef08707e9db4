"""The load: clients that each send their next request when they have their answer, over kept connections.

Written on bare sockets, so that the generator takes as little as it can of the machine that it shares.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MakeBody = Callable[[int], bytes]
_numbers: Iterator[int] = itertools.count(time.time_ns() // 1_000_000 % 10**9 * 10**5)


@dataclass(frozen=True)
class Target:
    """Where requests go, and how the body of the n-th is made. `proof` is in every right answer."""

    port: int
    path: str
    headers: str
    make_body: MakeBody
    proof: bytes


@dataclass(frozen=True)
class Load:
    """What was sent in `seconds`: the time of each answer, in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, that `share` of the answers did not exceed."""
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))] * 1000


async def send_load(target: Target, clients: int, seconds: float) -> Load:
    """`clients` at once for so long. Raises RuntimeError on the first wrong answer."""
    latencies: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_send_for(target, began + seconds, latencies) for _ in range(clients)))
    return Load(time.perf_counter() - began, latencies)


async def _send_for(target: Target, until: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        while (began := time.perf_counter()) < until:
            body = target.make_body(next(_numbers))
            head = f"POST {target.path} HTTP/1.1\r\nhost: bench\r\n{target.headers}content-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await read_answer(reader)
            if target.proof not in answer:
                raise RuntimeError(f"{target.path} answered {answer[:500]!r}")
            latencies.append(time.perf_counter() - began)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length: ")
    return await reader.readexactly(int(rest[: rest.index(b"\r")]))
