"""A sampling profiler of a server's whole life, which writes to HEXIAO_BENCH_PROFILE when the server stops.

Every millisecond of CPU time it notes which functions are running. Unlike cProfile it costs each function the
same, however often it is called.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from starlette.applications import Starlette

from tests.benchmarks.product import create_product

_PERIOD_SECONDS = 0.001
_SHOWN = 100


class Sampler:
    """Counts, per function, the samples in which it ran itself, and in which it or what it called ran."""

    def __init__(self) -> None:
        self._alone: Counter[CodeType] = Counter()
        self._within: Counter[CodeType] = Counter()

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, _PERIOD_SECONDS, _PERIOD_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def write(self, path: Path) -> None:
        """Two tables, in percent of all samples."""
        total = self._alone.total() or 1
        tables = (("by itself", self._alone), ("with what it calls", self._within))
        lines = [f"{total} samples"]
        for title, counts in tables:
            lines += ["", title, *(_write_line(*each, total) for each in counts.most_common(_SHOWN))]
        path.write_text("\n".join(lines))

    def _take(self, _signal: int, frame: FrameType | None) -> None:
        running = []
        while frame is not None:
            running.append(frame.f_code)
            frame = frame.f_back
        self._alone.update(running[:1])
        self._within.update(set(running))


def _write_line(code: CodeType, count: int, total: int) -> str:
    place = "/".join(Path(code.co_filename).parts[-3:])
    return f"{count / total:7.1%}  {place}:{code.co_firstlineno} {code.co_qualname}"


def product() -> Starlette:
    """The product under the profiler."""
    app = create_product()
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope: Any) -> AsyncIterator[Any]:
        sampler = Sampler()
        async with inner(scope) as state:
            sampler.start()
            yield state
            sampler.stop()
            sampler.write(Path(os.environ["HEXIAO_BENCH_PROFILE"]))

    app.router.lifespan_context = lifespan
    return app
