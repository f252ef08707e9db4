"""What a run says aloud: log records, output, exception texts. Proves that no secret is among them."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from structlog.testing import capture_logs

QUIET_LOGGERS = ("aiosqlite", "asyncio", "asyncpg", "httpcore", "httpx", "respx", "tortoise")
"""Libraries below the adapter: they show the in-process carrier or SQL, and are redacted elsewhere."""
SHORTEST_SECRET = 6


class Transcript(logging.Handler):
    """Collects texts while `listen` is active, and exceptions as they are handed in."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in QUIET_LOGGERS:
            return
        self.texts.append(f"{logging.Formatter().format(record)} {record.__dict__}")

    def note_failure(self, failure: BaseException) -> None:
        """What a log of this exception would show: its chain, its repr and its details."""
        self.texts += [*traceback.format_exception(failure), repr(failure), repr(vars(failure))]

    def find_leaks(self, secrets: Iterable[str]) -> list[str]:
        """The texts that carry one of `secrets`, cut short."""
        sought = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        return [text[:300] for text in self.texts if any(secret in text for secret in sought)]

    @contextmanager
    def listen(self) -> Iterator[None]:
        output, root = io.StringIO(), logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(output), redirect_stderr(output), capture_logs() as events:
                yield
        finally:
            root.removeHandler(self)
            root.setLevel(level)
            self.texts += [output.getvalue(), *(repr(event) for event in events)]
            sys.stdout.write(output.getvalue())
