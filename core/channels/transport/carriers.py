"""The two carriers under httpx: aiohttp's connections (a fifth of the CPU) and httpcore's own.

Both report their progress, connect to public addresses only unless told otherwise, and send a request once:
nothing here repeats one, not even on a kept connection that the peer had just closed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from typing import Any, Literal

import aiohttp
import httpcore
import httpx
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from core.channels.transport.addresses import (
    AddressInfo,
    AddressRefused,
    open_public_socket,
    require_public,
)
from core.channels.transport.progress import CallProgress, Stage, current_progress

CarrierName = Literal["aiohttp", "httpcore"]

# A kept connection is dropped well before the 60 s after which common gateways close it: the closer the two
# are, the more often a write meets a connection that is being closed and ends in doubt.
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=15.0)
# One platform that hangs must not take the connections of the others.
_CONNECTIONS_PER_HOST = 200


def build_carrier(
    name: CarrierName, context: ssl.SSLContext, *, allow_private: bool
) -> httpx.AsyncBaseTransport:
    """A carrier that trusts what `context` trusts. Its connections live until it is closed."""
    if name == "aiohttp":
        return AiohttpCarrier(context, allow_private=allow_private)
    return HttpcoreCarrier(context, allow_private=allow_private)


class AiohttpCarrier(AiohttpTransport):
    """httpx on aiohttp's connection pool."""

    def __init__(self, context: ssl.SSLContext, *, allow_private: bool) -> None:
        super().__init__(verify=context, trust_env=False, limits=LIMITS)
        self._allow_private = allow_private

    def get_client(self) -> aiohttp.ClientSession:
        connector = _ReportingConnector(
            ssl=self.ssl_context,
            limit=LIMITS.max_connections or 0,
            limit_per_host=_CONNECTIONS_PER_HOST,
            keepalive_timeout=LIMITS.keepalive_expiry,
            socket_factory=None if self._allow_private else _open_reporting_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
            # What httpx prepared is what is sent; aiohttp would add a content type of its own.
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        progress = request.extensions.get("progress") or CallProgress()
        progress.url = URL(str(request.url), encoded=True)
        token = current_progress.set(progress)
        try:
            return await super().handle_async_request(request)
        finally:
            current_progress.reset(token)


class _ReportingConnector(aiohttp.TCPConnector):
    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> aiohttp.connector.Connection:
        progress = current_progress.get()
        progress.stage = Stage.CONNECTING
        connection = await super().connect(req, traces, timeout)
        progress.stage = Stage.SENDING
        return connection


class ConnectionLost(aiohttp.ClientError):
    """The connection broke after the request was handed to it."""


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Sends the URL as httpx wrote it, and once.

    aiohttp writes %3A in a query as ":", which breaks signatures over the URL as sent (WeChat Pay's). It also
    repeats GET, PUT and DELETE when a kept connection breaks, but leaves errors alone that are not its own
    connection errors.
    """
    progress = current_progress.get()
    if progress.url is not None:
        request.url = progress.url
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if progress.stage is Stage.CONNECTING:
            raise
        raise ConnectionLost(type(error).__name__) from error


def _open_reporting_socket(info: AddressInfo) -> socket.socket:
    try:
        return open_public_socket(info)
    except AddressRefused:
        current_progress.get().address_refused = True
        raise


class HttpcoreCarrier(httpx.AsyncHTTPTransport):
    """httpx on httpcore's connection pool."""

    def __init__(self, context: ssl.SSLContext, *, allow_private: bool) -> None:
        super().__init__(verify=context, trust_env=False, limits=LIMITS)
        # httpx has no argument for the network backend.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=_Backend(allow_private),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        progress = request.extensions.get("progress") or CallProgress()
        progress.stage = Stage.CONNECTING
        request.extensions = {**request.extensions, "trace": progress.trace}
        token = current_progress.set(progress)
        try:
            return await super().handle_async_request(request)
        finally:
            current_progress.reset(token)


class _Backend(httpcore.AsyncNetworkBackend):
    """Resolves a name itself, so that the address that is judged is the one that is connected to."""

    def __init__(self, allow_private: bool) -> None:
        self._backend = httpcore.AnyIOBackend()
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in [host] if self._allow_private else await _resolve_public(host, port):
            try:
                return _Stream(
                    await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """Closes its socket when a TLS handshake is cancelled; httpcore 1.0 would leave it open."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self.read = stream.read  # type: ignore[method-assign]
        self.write = stream.write  # type: ignore[method-assign]
        self.aclose = stream.aclose  # type: ignore[method-assign]
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._stream.aclose()
            raise


async def _resolve_public(host: str, port: int) -> list[str]:
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        for address in addresses:
            require_public(address)
    except AddressRefused as error:
        current_progress.get().address_refused = True
        raise httpcore.ConnectError(str(error)) from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return addresses
