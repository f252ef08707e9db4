"""Channel sessions for tests: the channel's own code, a simulator in the same process, nothing in between.

The carrier keeps the promises of `ChannelHttp` about lost answers; limits and breakers are not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.channels.contract import (
    Channel,
    ChannelAnswer,
    ChannelFailure,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    Effect,
    FreshToken,
    OutcomeUnknown,
    ProtocolFailure,
    TokenFetch,
)
from core.ids import new_id
from core.testing.simulator import Simulator

_LONGEST_WAY = 5


class InProcessHttp:
    """`ChannelHttp` over an ASGI application. `requests` keeps what was sent, in order."""

    def __init__(self, app: ASGIApp, link_hosts: tuple[str, ...] = (), timeout: float = 2.0) -> None:
        self.requests: list[ChannelRequest] = []
        self._link_hosts = link_hosts
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(_refuse_half_answers(app)), trust_env=False
        )

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        """See `ChannelHttp.send`."""
        self.requests.append(request)
        try:
            async with asyncio.timeout(request.timeout or self._timeout):
                response = await self._client.request(
                    request.method,
                    request.url,
                    params=dict(request.params),
                    headers=dict(request.headers),
                    content=request.content,
                )
        except (TimeoutError, ConnectionError):
            raise _lose_answer(request) from None
        return ChannelAnswer(
            request.operation, response.status_code, dict(response.headers), response.content
        )

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        """See `ChannelHttp.follow_link`."""
        for _ in range(_LONGEST_WAY):
            if until_parameter in parse_qs(urlsplit(url).query):
                return url
            self._check_host(url)
            answer = await self.send(ChannelRequest("follow_link", "GET", url, Effect.READ))
            if "location" not in answer.headers:
                break
            url = urljoin(url, answer.headers["location"])
        raise ProtocolFailure("the link does not lead to a coupon", operation="follow_link")

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        names = {parts.hostname or "", parts.netloc}
        if not any(fnmatchcase(name, pattern) for name in names for pattern in self._link_hosts):
            raise ProtocolFailure("the link leads to a host that is not listed", operation="follow_link")


class MemoryTokens:
    """`AccessTokens` in a dictionary."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str, fetch: TokenFetch) -> str:
        """See `AccessTokens.get`."""
        async with self._lock:
            if name not in self._tokens:
                self._tokens[name] = (await fetch()).value
            return self._tokens[name]

    async def drop(self, name: str, token: str) -> None:
        """See `AccessTokens.drop`."""
        if self._tokens.get(name) == token:
            del self._tokens[name]

    async def replace(self, name: str, old: str, new: FreshToken) -> str:
        """See `AccessTokens.replace`."""
        if self._tokens.get(name, old) == old:
            self._tokens[name] = new.value
        return self._tokens[name]


def make_session(
    channel: Channel,
    simulator: Simulator,
    *,
    credentials: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    external_store_id: str | None = None,
    timeout: float = 2.0,
) -> ChannelSession[Any, Any]:
    """A session of `channel` whose platform is `simulator`, with the simulator's own account by default.

    `credentials` and `settings` replace single keys, spelled as in `connectChannel`; `timeout` is in seconds.
    """
    account_settings = {**simulator.settings(simulator.address), **(settings or {})}
    return ChannelSession(
        tenant_id=new_id(),
        account_id=new_id(),
        credentials=channel.credentials_model.model_validate(
            {**simulator.credentials, **(credentials or {})}
        ),
        settings=channel.settings_model.model_validate(account_settings),
        http=InProcessHttp(simulator, _list_hosts(channel, account_settings), timeout),
        tokens=MemoryTokens(),
        clock=simulator.clock,
        external_store_id=external_store_id or simulator.external_store_id,
    )


def _list_hosts(channel: Channel, settings: Mapping[str, Any]) -> tuple[str, ...]:
    return (*channel.link_hosts, *settings.get("shortLinkHosts", ()))


def _lose_answer(request: ChannelRequest) -> ChannelFailure:
    failure = ChannelUnavailable if request.effect is Effect.READ else OutcomeUnknown
    return failure("no whole answer", operation=request.operation)


def _refuse_half_answers(app: ASGIApp) -> ASGIApp:
    """Raises ConnectionError where a server would close the connection in the middle of an answer."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        whole = False

        async def watch(message: Message) -> None:
            nonlocal whole
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        await app(scope, receive, watch)
        if not whole:
            raise ConnectionResetError("closed in the middle of an answer")

    return served
