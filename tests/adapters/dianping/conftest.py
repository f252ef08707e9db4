"""Dianping's channel against Dianping's simulator, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.dianping.channel import DianpingChannel
from adapters.dianping.simulator import DianpingSimulator, app
from core.channels.contract import (
    ChannelAnswer,
    ChannelRequest,
    ChannelSession,
    Found,
    RedeemItem,
    RedeemOrder,
)
from core.testing.clock import START, ManualClock

HERE = Path(__file__).parent


@dataclass
class CannedHttp:
    """A ChannelHttp that answers each call with the next of `answers`."""

    answers: list[tuple[int, bytes]]
    requests: list[ChannelRequest] = field(default_factory=list)

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        self.requests.append(request)
        status, content = self.answers.pop(0)
        return ChannelAnswer(request.operation, status, {}, content)

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise AssertionError("no link is followed here")


@pytest.fixture
def simulator(clock: ManualClock) -> DianpingSimulator:
    return app(clock)


@pytest.fixture
def channel() -> DianpingChannel:
    return DianpingChannel()


@pytest.fixture
def read_payload() -> Callable[[str], Any]:
    """The response of an example, by the name of its file."""

    def read(name: str) -> Any:
        return orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())["response"]

    return read


@pytest.fixture
def canned(session: ChannelSession[Any, Any]) -> Callable[..., ChannelSession[Any, Any]]:
    """A session whose platform gives these answers: a body with HTTP 200, or (status, bytes)."""

    def make(*answers: Any) -> ChannelSession[Any, Any]:
        rows = [each if isinstance(each, tuple) else (200, orjson.dumps(each)) for each in answers]
        return replace(session, http=CannedHttp(rows))

    return make


@pytest.fixture
def order_of() -> Callable[..., RedeemOrder]:
    """The leg that core makes of what was found."""

    def make(found: Found, token: str = "leg-1", attempt: int = 1, times: int = 1) -> RedeemOrder:
        items = tuple(RedeemItem(each.reference, each.handle, times) for each in found.coupons)
        return RedeemOrder(token, items, "", found.order_reference, attempt, at=START)

    return make
