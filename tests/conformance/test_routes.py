"""`routed` puts a simulator behind httpx."""

from __future__ import annotations

import httpx
import pytest
from respx.models import AllMockedAssertionError

from adapters.douyin.simulator import DouyinSimulator
from core.testing.routes import routed


async def test_client_reaches_the_simulator() -> None:
    simulator = DouyinSimulator()
    async with httpx.AsyncClient() as client:
        with routed(simulator) as router:
            answer = await client.post(f"{simulator.address}/oauth/client_token/", json={})
            assert answer.json()["data"]["error_code"] == 10002
            assert [call.request.url.path for call in router.calls] == ["/oauth/client_token/"]


async def test_other_addresses_are_refused() -> None:
    async with httpx.AsyncClient() as client:
        with routed(DouyinSimulator()), pytest.raises(AllMockedAssertionError):
            await client.get("https://elsewhere.example/")
