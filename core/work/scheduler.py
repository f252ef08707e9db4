"""Running background work with taskiq inside this process: kicked after a commit, or on a schedule."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from taskiq import TaskiqScheduler
from taskiq.api import run_scheduler_task
from taskiq.schedule_sources import LabelScheduleSource

from core.work.broker import make_broker, schedule_labels
from core.work.tasks import Task

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

STOP_SECONDS = 10.0


class Work:
    """The background work of one process.

    Every run begins in a copy of the context that `start` was called in: a run kicked from inside a request
    must not inherit its transaction. Two runs of the same task with the same arguments never overlap in one
    process: a kick that comes meanwhile makes it run once more.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._broker = make_broker()
        self._runtime: Runtime | None = None
        self._context = contextvars.Context()
        self._schedule: asyncio.Task[None] | None = None
        self._running: dict[bytes, asyncio.Task[Any] | None] = {}
        self._again: set[bytes] = set()
        self._stopping = False
        for task in tasks:
            self._register(task)

    async def start(self, runtime: Runtime, *, scheduled: bool = True) -> None:
        """Begins the schedule; without `scheduled`, tasks run only when kicked. Not inside a transaction."""
        self._runtime = runtime
        self._context = contextvars.copy_context()
        if scheduled:
            self._schedule = asyncio.create_task(self._keep_schedule(), name="schedule")
        else:
            await self._broker.startup()

    async def stop(self, limit: float = STOP_SECONDS) -> None:
        """Starts nothing new, waits `limit` seconds for what runs, then cancels it: it is due again later."""
        self._stopping = True
        if self._schedule is not None:
            self._schedule.cancel()
            await asyncio.wait([self._schedule])
        running = [task for task in self._running.values() if task is not None]
        if running:
            _, late = await asyncio.wait(running, timeout=limit)
            for task in late:
                task.cancel()
            await asyncio.wait(running, timeout=1)
        await self._broker.shutdown()

    async def kick(self, name: str, /, **arguments: str | int) -> None:
        """Runs a task soon, in this process. Call it after the commit that made the work due.

        It waits for nothing but the handing over, and does nothing before `start` and after `stop`. Raises
        LookupError for a name that is no task.
        """
        if name not in self._tasks:
            raise LookupError(f"there is no task {name!r}")
        if self._runtime is not None and not self._stopping:
            await asyncio.create_task(self._send(name, arguments), context=self._context.copy())

    def _register(self, task: Task) -> None:
        async def run(**arguments: Any) -> None:
            await self._run(task, arguments)

        self._broker.register_task(run, task_name=task.name, **schedule_labels(task.every))

    async def _send(self, name: str, arguments: dict[str, str | int]) -> None:
        task = self._broker.find_task(name)
        if task is not None:
            await task.kiq(**arguments)

    async def _keep_schedule(self) -> None:
        scheduler = TaskiqScheduler(self._broker, [LabelScheduleSource(self._broker)])
        while True:
            try:
                await run_scheduler_task(scheduler, run_startup=True)
            except Exception:
                log.exception("the schedule stopped; it begins anew")
            await asyncio.sleep(1)

    async def _run(self, task: Task, arguments: dict[str, Any]) -> None:
        """One run; or, where one is under way, a note that it has to run once more."""
        key = orjson.dumps([task.name, arguments], option=orjson.OPT_SORT_KEYS)
        if key in self._running:
            self._again.add(key)
            return
        self._running[key] = asyncio.current_task()
        try:
            await self._run_once(task, arguments)
            while key in self._again and not self._stopping:
                self._again.discard(key)
                await self._run_once(task, arguments)
        finally:
            del self._running[key]
            self._again.discard(key)

    async def _run_once(self, task: Task, arguments: dict[str, Any]) -> None:
        """A task that fails is logged, and tried again when it is next due."""
        began = time.perf_counter()
        try:
            await task.run(self._runtime, **arguments)
        except Exception:
            log.exception("background task failed", task=task.name)
            return
        log.debug("background task done", task=task.name, seconds=round(time.perf_counter() - began, 3))
