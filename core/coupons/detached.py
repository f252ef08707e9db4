"""Work that outlives the request that began it: a client that goes away stops nothing."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.messages import current_language, set_language

ResultT = TypeVar("ResultT")

_running: set[asyncio.Task[Any]] = set()


def run_detached(work: Coroutine[Any, Any, ResultT]) -> asyncio.Task[ResultT]:
    """Runs `work` in a task that inherits nothing of its request but the reader's language.

    A task with the request's context would keep its transaction, and write through a connection that is gone.
    """
    context = contextvars.Context()
    context.run(set_language, current_language())
    task = asyncio.get_running_loop().create_task(work, context=context)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def wait_until(task: asyncio.Task[ResultT], deadline: float) -> ResultT | None:
    """The task's result if it is there by `deadline` (on the event loop's clock), else None. Never cancels it."""
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    done, _ = await asyncio.wait({task}, timeout=left)
    return task.result() if done else None


async def drain_detached(limit: float) -> None:
    """Waits at most `limit` seconds for what runs in this process. What is left is taken up by the next sweep."""
    if _running:
        await asyncio.wait(set(_running), timeout=limit)
