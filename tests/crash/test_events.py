"""What one process commits, the subscribers of another see soon."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.crash.platform import PlatformControl
from tests.crash.processes import Servers
from tests.crash.shop import Basket, Shop, Till

pytestmark = pytest.mark.crash

_WATCH = """
subscription ($store: ID!, $after: String) {
  redemptionChanged(storeId: $store, after: $after) { id status }
}"""


@asynccontextmanager
async def _watch(address: str, shop: Shop, after: str | None = None) -> AsyncIterator[ClientConnection]:
    """A subscription over graphql-transport-ws."""
    url = address.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        token = {"Authorization": f"Bearer {shop.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": token}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": _WATCH, "variables": {"store": shop.store, "after": after}}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        yield socket


async def _read_next(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message = json.loads(await socket.recv())
    assert message["type"] == "next", message
    return dict(message["payload"])


async def test_other_process_sees_event(shop: Shop, servers: Servers) -> None:
    seller, watcher = servers.start(), servers.start()
    async with _watch(watcher.address, shop) as socket, Till(seller.address, shop) as till:
        await asyncio.sleep(0.3)  # a subscription is not acknowledged
        answer = await till.submit(Basket("a", ((shop.own_codes[0], 1),)))
        answered = time.monotonic()
        event = await _read_next(socket)
    assert event["data"]["redemptionChanged"] == {"id": answer.redemptions[0], "status": "SUCCEEDED"}
    assert time.monotonic() - answered < 1


async def test_subscriber_goes_on_elsewhere(shop: Shop, servers: Servers, platform: PlatformControl) -> None:
    first, second = servers.start(), servers.start()
    async with _watch(first.address, shop) as socket, Till(second.address, shop) as till:
        await asyncio.sleep(0.3)
        await till.submit(Basket("a", ((shop.own_codes[0], 1),)))
        cursor = (await _read_next(socket))["extensions"]["cursor"]
        first.kill()
        missed = await till.submit(Basket("b", ((shop.own_codes[1], 1),)))
    async with _watch(second.address, shop, cursor) as socket:
        event = await _read_next(socket)
    assert event["data"]["redemptionChanged"]["id"] == missed.redemptions[0]
