"""A platform over a real socket, which answers byte for byte what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.channels.contract import ChannelRequest, Effect
from core.channels.transport.network import ChannelClient, Network
from core.ids import new_id
from core.settings import Settings

Behaviour = Callable[["RawPlatform", asyncio.StreamWriter, bytes], Awaitable[None]]

# Reading the certificates of all authorities takes longer than most tests.
TLS = httpx.create_ssl_context(trust_env=False)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class RawPlatform:
    """Counts connections and keeps every request; `behaviour` answers one request."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = answer(OK)
        self.refuse_requests = False
        self.connections = 0
        self.requests: list[bytes] = []
        self.release = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self, **options: Any) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, **options)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self.release.set()
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while not self.refuse_requests and (request := await _read_request(reader)):
                self.requests.append(request)
                await self.behaviour(self, writer, request)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0"
    )
    return head + await reader.readexactly(int(length.split(b":")[1]))


def answer(*parts: bytes, close: bool = False, delay: float = 0) -> Behaviour:
    """Writes these bytes, after `delay` seconds."""

    async def behave(platform: RawPlatform, writer: asyncio.StreamWriter, _request: bytes) -> None:
        await asyncio.sleep(delay)
        writer.writelines(parts)
        await writer.drain()
        if close:
            writer.close()

    return behave


async def close_silently(platform: RawPlatform, writer: asyncio.StreamWriter, _request: bytes) -> None:
    writer.close()


async def reset_connection(platform: RawPlatform, writer: asyncio.StreamWriter, _request: bytes) -> None:
    writer.transport.abort()


async def never_answer(platform: RawPlatform, writer: asyncio.StreamWriter, _request: bytes) -> None:
    await platform.release.wait()


@pytest.fixture
async def platform() -> AsyncIterator[RawPlatform]:
    """A platform on 127.0.0.1 that answers `{}` until a test changes its behaviour."""
    started = RawPlatform()
    await started.start()
    yield started
    await started.stop()


def make_settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {"allow_private_hosts": True, "channel_timeout_seconds": 2.0, **changes}
    return Settings(secret_key="a secret key for tests, 32 characters or more", **values)


@asynccontextmanager
async def opened_network(settings: Settings | None = None, **options: Any) -> AsyncIterator[Network]:
    """A network, closed afterwards; the carriers close their sockets a moment later."""
    async with Network(settings or make_settings(), **{"tls": TLS, **options}) as network:
        yield network
    await asyncio.sleep(0)


@pytest.fixture(params=["aiohttp", "httpcore"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Every promise about the network holds on both carriers."""
    return str(request.param)


@pytest.fixture
async def network(carrier: str) -> AsyncIterator[Network]:
    async with opened_network(carrier=carrier) as opened:
        yield opened


@pytest.fixture
def client(network: Network) -> ChannelClient:
    return open_client(network)


def open_client(network: Network, account_id: UUID | None = None, **options: Any) -> ChannelClient:
    return network.open_client(channel="acme", account_id=account_id or new_id(), **options)


def make_request(port: int, effect: Effect = Effect.WRITE, **changes: Any) -> ChannelRequest:
    values: dict[str, Any] = {
        "operation": "acme.use",
        "method": "POST",
        "url": f"http://127.0.0.1:{port}/use",
        "effect": effect,
        "content": b'{"id":"1"}',
        **changes,
    }
    return ChannelRequest(**values)
