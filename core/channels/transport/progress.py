"""How far one call got. It decides whether a failed call certainly did nothing."""

from __future__ import annotations

from contextvars import ContextVar
from enum import Enum
from typing import Any

import httpx
from yarl import URL


class Stage(Enum):
    """UNREPORTED: the carrier tells nothing (a mock, say). CONNECTING: not one byte of the request is out."""

    UNREPORTED = 0
    CONNECTING = 1
    SENDING = 2


class CallProgress:
    """Carried through one call; the carrier moves it on."""

    __slots__ = ("address_refused", "stage", "url")

    def __init__(self) -> None:
        self.stage = Stage.UNREPORTED
        self.address_refused = False
        self.url: URL | None = None

    async def trace(self, event: str, _details: Any) -> None:
        """httpcore's trace extension: it names the step it begins."""
        if event.endswith("send_request_headers.started"):
            self.stage = Stage.SENDING


current_progress: ContextVar[CallProgress] = ContextVar("current_progress")

# What httpx raises before it sends. Only believed where the carrier does not report its progress:
# httpx-aiohttp 0.2 raises ConnectTimeout for a connection that was closed after the request went out.
_RAISED_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


def is_unsent(progress: CallProgress, error: Exception) -> bool:
    """Whether the request certainly did not leave. False where in doubt."""
    if progress.stage is Stage.UNREPORTED:
        return isinstance(error, _RAISED_BEFORE_SENDING)
    return progress.stage is Stage.CONNECTING
