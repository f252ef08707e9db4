"""The one way out: a pool of connections per process, and for each account a client with its rate and its
breaker.

What a failed call means is decided here and nowhere else. As long as no byte of the request left (host
unknown, refused, TLS handshake failed, no free connection) it is ChannelUnavailable. After that a READ is
ChannelUnavailable and a WRITE is OutcomeUnknown; in doubt the request counts as sent. An HTTP error status is
an answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Self, cast
from uuid import UUID

import httpx
import structlog

from core.channels.contract import (
    ChannelAnswer,
    ChannelFailure,
    ChannelRequest,
    ChannelUnavailable,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    RequestRate,
)
from core.channels.transport.addresses import AddressRefused, is_odd_number
from core.channels.transport.breaker import CallResult, CircuitBreaker, LocalBreaker
from core.channels.transport.carriers import CarrierName, build_carrier
from core.channels.transport.limiter import LocalLimiter, RateLimiter
from core.channels.transport.links import LinkHosts, trace_link
from core.channels.transport.progress import CallProgress, is_unsent
from core.settings import Settings

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_HEADERS = {"user-agent": "hexiao", "accept-encoding": "gzip, deflate"}
# One deadline holds for the whole call, see `exchange`.
_NO_TIMEOUTS = httpx.Timeout(None).as_dict()
_HOST = re.compile(r"[\w.:-]+")

log: structlog.stdlib.BoundLogger = structlog.get_logger("hexiao.channels")


class AnswerTooLarge(Exception):
    """A platform sent more than anyone should read."""


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keeps none. Even a policy that refuses them all costs an eighth of a call."""


class _CookielessClient(httpx.AsyncClient):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise TypeError("channels are called without cookies")


_NO_COOKIES = _NoCookies()


class Network:
    """Owns the connections of this process. Open it when the program starts, close it when it ends.

    `transport` replaces the carrier, to lead calls into an application of the same process.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        carrier: CarrierName = "aiohttp",
        transport: httpx.AsyncBaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        limiter: RateLimiter | None = None,
        breaker: CircuitBreaker | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.timeout = settings.channel_timeout_seconds
        self.limiter = limiter or LocalLimiter()
        self.breaker = breaker or LocalBreaker()
        self._allow_private = settings.allow_private_hosts
        self._carrier: CarrierName = carrier
        self._transport = transport
        self._tls = tls
        self._max_answer_bytes = max_answer_bytes
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Makes the pool; connections open as they are needed."""
        # At INFO httpx logs every URL with its query, and there platforms want their tokens.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        tls = self._tls or httpx.create_ssl_context(trust_env=False)
        self._client = _CookielessClient(
            transport=self._transport or build_carrier(self._carrier, tls, allow_private=self._allow_private),
            headers=_HEADERS,
            timeout=None,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes all connections; calls under way fail."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def open_client(
        self,
        *,
        channel: str,
        account_id: UUID,
        rate: RequestRate | None = None,
        link_hosts: Iterable[str] = (),
        owner_link_hosts: Iterable[str] = (),
    ) -> ChannelClient:
        """The way out of one account; cheap, made for each piece of work.

        link_hosts        the channel's; "*.example.com" covers subdomains
        owner_link_hosts  the account's own `shortLinkHosts`: "host" or "host:port"
        """
        hosts = LinkHosts(tuple(link_hosts), tuple(owner_link_hosts))
        return ChannelClient(self, channel, account_id, rate or RequestRate(), hosts)

    async def exchange(self, request: ChannelRequest) -> ChannelAnswer:
        """Sends one request, without rate limit and breaker. Raises as ChannelHttp.send does."""
        client = self._running_client(request.operation)
        progress = CallProgress()
        outgoing = self._build(request, progress)
        try:
            async with asyncio.timeout(request.timeout or self.timeout):
                response = await client.send(outgoing, stream=True)
                try:
                    content = await self._read_body(response)
                finally:
                    await response.aclose()
            return ChannelAnswer(request.operation, response.status_code, response.headers, content)
        except Exception as error:  # the carriers' own errors reach us too
            failure = _judge_failure(request, progress, error)
        # Raised here so that no carrier's error, which may quote the URL with its query, hangs on it.
        raise failure

    async def peek(self, url: str) -> tuple[int, str | None]:
        """The status and the Location header of a GET, whose body is not read.

        Raises AddressRefused for a private address, else what the carrier raises.
        """
        client = self._running_client("follow_link")
        request, progress = client.build_request("GET", url), CallProgress()
        request.extensions["progress"] = progress
        try:
            response = await client.send(request, stream=True)
        except Exception:
            if progress.address_refused:
                raise AddressRefused from None
            raise
        await response.aclose()
        return response.status_code, response.headers.get("location")

    def _running_client(self, operation: str) -> httpx.AsyncClient:
        if self._client is None:
            raise ChannelUnavailable("the network is closed", operation=operation)
        return self._client

    def _build(self, request: ChannelRequest, progress: CallProgress) -> httpx.Request:
        url = parse_target(request.url)
        if isinstance(url, str):
            raise Misconfigured(url, operation=request.operation)
        if request.params:
            url = url.copy_merge_params(dict(request.params))
        # Not by client.build_request: merging the client's cookies, parameters and headers costs as much again.
        headers = {**_HEADERS, **{name.lower(): value for name, value in request.headers.items()}}
        extensions = {"progress": progress, "timeout": _NO_TIMEOUTS}
        return httpx.Request(
            request.method, url, headers=headers, content=request.content, extensions=extensions
        )

    async def _read_body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        # To decode and to count, httpx wraps each part several times: more work than the reading itself.
        is_encoded = "content-encoding" in response.headers
        stream = response.aiter_bytes() if is_encoded else cast(httpx.AsyncByteStream, response.stream)
        async for part in stream:
            size += len(part)
            if size > self._max_answer_bytes:
                raise AnswerTooLarge
            parts.append(part)
        return b"".join(parts)


class ChannelClient:
    """contract.ChannelHttp for one account."""

    __slots__ = ("_account_id", "_channel", "_link_hosts", "_network", "_rate")

    def __init__(
        self, network: Network, channel: str, account_id: UUID, rate: RequestRate, link_hosts: LinkHosts
    ) -> None:
        self._network = network
        self._channel = channel
        self._account_id = account_id
        self._rate = rate
        self._link_hosts = link_hosts

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        """See contract.ChannelHttp. Also raises Misconfigured where the URL may not be called at all."""
        started = time.perf_counter()
        try:
            answer = await self._send_guarded(request)
        except ChannelFailure as failure:
            failure.operation = request.operation
            self._note(request.operation, started, failure=type(failure).__name__)
            raise
        self._note(request.operation, started, status=answer.status)
        return answer

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        """See contract.ChannelHttp."""
        started = time.perf_counter()
        try:
            await self._network.limiter.take(self._account_id, self._rate)
            async with asyncio.timeout(self._network.timeout):
                found = await trace_link(url, until_parameter, self._link_hosts, self._network.peek)
        except TimeoutError:
            self._note("follow_link", started, failure=ChannelUnavailable.__name__)
            raise ChannelUnavailable("the link's host does not answer", operation="follow_link") from None
        except ChannelFailure as failure:
            self._note("follow_link", started, failure=type(failure).__name__)
            raise
        self._note("follow_link", started)
        return found

    async def _send_guarded(self, request: ChannelRequest) -> ChannelAnswer:
        network, account_id = self._network, self._account_id
        await network.breaker.enter(account_id)
        started, result = time.monotonic(), CallResult.ABANDONED
        try:
            await network.limiter.take(account_id, self._rate)
            answer = await network.exchange(request)
            result = CallResult.FAILED if answer.status >= 500 else CallResult.ANSWERED
        except (ChannelUnavailable, OutcomeUnknown):
            result = CallResult.FAILED
            raise
        except asyncio.CancelledError:
            # Look-ups are given up before the call's own time is over; a platform that hangs must still be
            # noticed.
            if time.monotonic() - started > (request.timeout or network.timeout) / 2:
                result = CallResult.FAILED
            raise
        finally:
            await network.breaker.record(account_id, result)
        return answer

    def _note(self, operation: str, started: float, **outcome: object) -> None:
        write = log.warning if "failure" in outcome else log.info
        write(
            "channel call",
            channel=self._channel,
            operation=operation,
            account_id=str(self._account_id),
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            **outcome,
        )


@lru_cache(maxsize=1024)
def parse_target(url: str) -> httpx.URL | str:
    """The URL of a call, or a sentence that says why it may not be called."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "the address of the platform is not a URL"
    if parsed.scheme not in {"http", "https"} or not _HOST.fullmatch(parsed.host):
        return "the address of the platform must begin with https:// or http:// and name a host"
    if parsed.userinfo:
        return "the address of the platform must not contain a user name"
    if is_odd_number(parsed.host):
        return "the address of the platform is a number in an unusual spelling"
    return parsed


def _judge_failure(request: ChannelRequest, progress: CallProgress, error: Exception) -> ChannelFailure:
    if progress.address_refused:
        sentence = "the address of the platform is private (HEXIAO_ALLOW_PRIVATE_HOSTS=1 would allow it)"
        return Misconfigured(sentence, operation=request.operation)
    kind = type(error).__name__
    if is_unsent(progress, error):
        return ChannelUnavailable(f"the platform cannot be reached ({kind})", operation=request.operation)
    sentence = f"the request was sent and not answered whole ({kind})"
    if request.effect is Effect.WRITE:
        return OutcomeUnknown(sentence, operation=request.operation)
    return ChannelUnavailable(sentence, operation=request.operation)
