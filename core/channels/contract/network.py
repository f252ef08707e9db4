"""The one way out to a platform, and the access tokens of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

import orjson

from core.channels.contract.failures import ProtocolFailure


class Effect(StrEnum):
    """Whether a call can change anything at the platform: it decides what a time-out means."""

    READ = "READ"
    WRITE = "WRITE"


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """One HTTP call. `url` is absolute and without a query; `content` goes out byte for byte."""

    operation: str
    method: str
    url: str = field(repr=False)
    effect: Effect
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What came back, whatever its HTTP status. Header names are lower case."""

    operation: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises ProtocolFailure if it is none."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise ProtocolFailure("the answer is not JSON", operation=self.operation) from None


class ChannelHttp(Protocol):
    """The one way out. Bound to a channel account: its rate limit, its breaker, its allowed hosts."""

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        """Sends and answers, following no redirect. HTTP error statuses are answers too.

        Raises Misconfigured for an address that may not be called, ChannelUnavailable when nothing was sent or
        a READ got no answer, RateLimited when the account's own rate is used up, and OutcomeUnknown when a
        WRITE was sent and its answer did not arrive whole in time.
        """
        ...

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        """The first URL, along the redirects of `url`, whose query carries `until_parameter`; it is not fetched.

        Every host on the way must be one that the channel or the account's owner lists, with a public address.
        Raises ChannelUnavailable when a host does not answer, and ProtocolFailure when the way leads to a host that
        is not listed, is too long, or ends without the parameter.
        """
        ...


class AccessTokens(Protocol):
    """The account's access tokens, shared by all tasks and processes, refreshed by one at a time."""

    async def get(self, name: str, fetch: TokenFetch) -> str:
        """The cached token of this name, or what `fetch` brings. Concurrent callers share one fetch."""
        ...

    async def drop(self, name: str, token: str) -> None:
        """Forgets `token`, because the platform refused it. Does nothing if another has taken its place."""
        ...

    async def replace(self, name: str, old: str, new: FreshToken) -> str:
        """Keeps `new` in the place of `old`, in one step across all processes, and answers what is kept then.

        That is `new`, also where nothing is kept; or another, where somebody else has replaced `old` before. For
        refresh tokens that rotate: forgetting one before the next is kept may lose both.
        """
        ...


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A token as the platform gave it. `lifetime` counts from now."""

    value: str
    lifetime: timedelta

    def __repr__(self) -> str:
        return f"FreshToken(lifetime={self.lifetime!r})"


class TokenFetch(Protocol):
    async def __call__(self) -> FreshToken: ...
