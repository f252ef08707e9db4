"""The taskiq broker: inside the server's own process, so that one shop needs nothing else to run.

A message is only a wake-up. What is due stands on the domain's own rows, so a lost or doubled one does no
harm.
"""

from __future__ import annotations

from taskiq import InMemoryBroker

MAX_TASKS = 30


def make_broker() -> InMemoryBroker:
    """A broker of one process. Nobody reads its results; taskiq keeps the last one all the same."""
    return InMemoryBroker(max_async_tasks=MAX_TASKS, max_stored_results=1)


def schedule_labels(every: int | None) -> dict[str, list[dict[str, int]]]:
    """taskiq's labels for a task that runs every `every` whole seconds, none for one that is only kicked."""
    return {} if every is None else {"schedule": [{"interval": every}]}
