"""Faults: what is wrong with a request itself. What a person can run into is data, not one of these.

Fault
├── Unauthenticated
├── Forbidden
├── NotFound
├── BadInput
├── RateLimited
├── IdempotencyKeyReused
└── ChannelDown
"""

from __future__ import annotations

from typing import ClassVar


class Fault(Exception):
    """A request that cannot be served. `message` is safe to show; `code` is what clients branch on."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(Fault):
    code = "UNAUTHENTICATED"


class Forbidden(Fault):
    code = "FORBIDDEN"


class NotFound(Fault):
    code = "NOT_FOUND"


class BadInput(Fault):
    """`field` is the path of the wrong value inside the arguments, as strings."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, field: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field = field


class RateLimited(Fault):
    """Too many requests. `retry_after` is in seconds, at least 1."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)


class IdempotencyKeyReused(Fault):
    code = "IDEMPOTENCY_KEY_REUSED"


class ChannelDown(Fault):
    code = "CHANNEL_UNAVAILABLE"
