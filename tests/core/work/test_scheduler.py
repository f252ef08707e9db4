"""Background work: on time, one at a time, outside of transactions, and never stopped by a failure."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from tortoise.backends.base.client import TransactionalDBClient

from core.db.statements import current_connection
from core.db.transactions import transaction
from core.runtime import Runtime
from core.settings import Settings
from core.work.scheduler import Work
from core.work.tasks import Task, list_tasks

RUNTIME = cast("Runtime", SimpleNamespace(name="runtime"))
MARK: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="none")
Start = Callable[..., Awaitable[Work]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts the background work of these tasks; stops it after the test."""
    started: list[Work] = []

    async def begin(*tasks: Task, scheduled: bool = False) -> Work:
        work = Work(tasks)
        await work.start(RUNTIME, scheduled=scheduled)
        started.append(work)
        return work

    yield begin
    for work in started:
        await work.stop(limit=0.1)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_kick_runs_the_task(start: Start) -> None:
    seen: list[object] = []

    async def note(runtime: Runtime, **arguments: object) -> None:
        seen.append((runtime, arguments))

    work = await start(Task("note", note))
    await work.kick("note", request="r-1", number=2)
    await until(lambda: seen)
    assert seen == [(RUNTIME, {"request": "r-1", "number": 2})]


async def test_an_unknown_task_is_refused(start: Start) -> None:
    work = await start()
    with pytest.raises(LookupError, match="no_such"):
        await work.kick("no_such")


async def test_a_kick_leaves_the_context_behind(start: Start) -> None:
    seen: list[str] = []

    async def note(runtime: Runtime) -> None:
        seen.append(MARK.get())

    work = await start(Task("note", note))
    MARK.set("of the request")
    await work.kick("note")
    await until(lambda: seen)
    assert seen == ["none"]


async def test_a_kick_leaves_the_transaction_behind(database: Settings, start: Start) -> None:
    seen: list[bool] = []

    async def note(runtime: Runtime) -> None:
        seen.append(isinstance(current_connection(), TransactionalDBClient))

    work = await start(Task("note", note))
    async with transaction():
        assert isinstance(current_connection(), TransactionalDBClient)
        await work.kick("note")
        await until(lambda: seen)
    assert seen == [False]


async def test_runs_do_not_overlap(start: Start) -> None:
    running = most = runs = 0

    async def count(runtime: Runtime) -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    work = await start(Task("count", count))
    for _ in range(5):
        await work.kick("count")
        await asyncio.sleep(0.005)
    await until(lambda: runs == 2 and not running)
    await asyncio.sleep(0.05)
    assert (most, runs) == (1, 2)


async def test_other_arguments_run_beside(start: Start) -> None:
    inside: set[str] = set()

    async def meet(runtime: Runtime, name: str) -> None:
        inside.add(name)
        await until(lambda: len(inside) == 2)

    work = await start(Task("meet", meet))
    await work.kick("meet", name="a")
    await work.kick("meet", name="b")
    await until(lambda: len(inside) == 2)
    assert inside == {"a", "b"}


async def test_a_failure_is_logged_and_passes(start: Start) -> None:
    runs = 0

    async def fail(runtime: Runtime) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("broken")

    work = await start(Task("fail", fail))
    with structlog.testing.capture_logs() as logs:
        for number in (1, 2):
            await work.kick("fail")
            await until(lambda number=number: runs == number)
            await asyncio.sleep(0.02)
    failures = [entry for entry in logs if entry["event"] == "background task failed"]
    assert [(entry["task"], entry["log_level"]) for entry in failures] == [("fail", "error")] * 2


async def test_the_schedule_goes_on_after_failures(start: Start) -> None:
    runs: list[str] = []

    async def fail(runtime: Runtime) -> None:
        runs.append("fail")
        raise ValueError("broken")

    async def work_well(runtime: Runtime) -> None:
        runs.append("well")

    await start(Task("fail", fail, 1), Task("well", work_well, 1), Task("never", fail), scheduled=True)
    await until(lambda: runs.count("fail") >= 2 and runs.count("well") >= 2)
    assert abs(runs.count("fail") - runs.count("well")) <= 1


async def test_stopping_waits_for_what_runs(start: Start) -> None:
    ended: list[str] = []

    async def linger(runtime: Runtime) -> None:
        await asyncio.sleep(0.1)
        ended.append("whole")

    work = await start(Task("linger", linger))
    await work.kick("linger")
    await asyncio.sleep(0.02)
    await work.stop(limit=2)
    assert ended == ["whole"]


async def test_stopping_waits_no_longer_than_its_limit(start: Start) -> None:
    ended: list[str] = []

    async def hang(runtime: Runtime) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    work = await start(Task("hang", hang))
    await work.kick("hang")
    await asyncio.sleep(0.02)
    async with asyncio.timeout(1):
        await work.stop(limit=0.05)
    assert ended == ["cancelled"]


async def test_after_stopping_nothing_starts(start: Start) -> None:
    runs: list[Any] = []

    async def note(runtime: Runtime) -> None:
        runs.append(runtime)

    work = await start(Task("note", note, 1), scheduled=True)
    await work.stop()
    await work.kick("note")
    await asyncio.sleep(0.05)
    assert runs == []


async def test_before_starting_nothing_runs() -> None:
    runs: list[Any] = []

    async def note(runtime: Runtime) -> None:
        runs.append(runtime)

    work = Work([Task("note", note)])
    await work.kick("note")
    await asyncio.sleep(0.02)
    assert runs == []
    await work.stop()


def test_every_task_has_its_own_name(settings: Settings) -> None:
    tasks = list_tasks(settings)
    every = {task.name: task.every for task in tasks}
    assert len(every) == len(tasks)
    assert every["sweep_redemptions"] == every["handle_inbox"] == settings.sweep_seconds
