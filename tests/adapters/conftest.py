"""What the tests of every adapter share. Each adapter's own conftest gives `channel` and `simulator`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from core.channels.contract import ChannelSession, Found, RecordedUse, Scanned, UseQuery
from core.coupons.codes import normalise_code
from core.testing.sessions import make_session


@pytest.fixture
def session(channel: Any, simulator: Any) -> ChannelSession[Any, Any]:
    """The channel against its simulator, in one process."""
    return make_session(channel, simulator)


@pytest.fixture
def scan() -> Callable[[str], Scanned]:
    """What core makes of a scanned text."""
    return normalise_code


@pytest.fixture
def find(channel: Any, session: ChannelSession[Any, Any], scan: Any) -> Callable[..., Any]:
    """Looks a code up and expects to find it."""

    async def look_up(text: str) -> Found:
        found = await channel.coupons.look_up(session, scan(text))
        assert isinstance(found, Found)
        return found

    return look_up


async def read_uses(
    channel: Any,
    session: ChannelSession[Any, Any],
    since: datetime,
    until: datetime,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> list[RecordedUse]:
    """All uses of a window, page by page; `meanwhile` happens once, after the first page that has a follower."""
    uses: list[RecordedUse] = []
    cursor: str | None = None
    while True:
        page = await channel.coupons.list_uses(session, UseQuery(since, until, cursor))
        uses += page.uses
        if page.next_cursor is None:
            return uses
        cursor = page.next_cursor
        if meanwhile and page.uses:
            await meanwhile()
            meanwhile = None


@pytest.fixture
def carry(simulator: Any) -> Callable[..., httpx.Response]:
    """Brings a request to the simulator, for official packages that do not await."""

    async def send(method: str, url: str, **request: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(simulator), trust_env=False) as client:
            return await client.request(method, url, **request)

    return lambda method, url, **request: asyncio.run(send(method, url, **request))
