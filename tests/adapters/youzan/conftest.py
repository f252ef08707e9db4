"""Youzan's channel against Youzan's simulator, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.youzan.channel import YouzanChannel
from adapters.youzan.simulator import YouzanSimulator
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
    """A ChannelHttp that answers each call of the interface with the next of `answers`, and tokens by itself."""

    answers: list[tuple[int, bytes]]
    requests: list[ChannelRequest] = field(default_factory=list)

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        if request.operation == "token":
            data = {"access_token": "canned0token", "expires": 4102416000000}
            body = {"success": True, "code": 200, "data": data}
            return ChannelAnswer(request.operation, 200, {}, orjson.dumps(body))
        self.requests.append(request)
        status, content = self.answers.pop(0)
        return ChannelAnswer(request.operation, status, {}, content)

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise AssertionError("no link is followed here")


@pytest.fixture
def simulator(clock: ManualClock) -> YouzanSimulator:
    return YouzanSimulator(clock)


@pytest.fixture
def channel() -> YouzanChannel:
    return YouzanChannel()


@pytest.fixture
def read_payload() -> Callable[[str], Any]:
    """The body of an example, by the name of its file."""

    def read(name: str) -> Any:
        return orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())["body"]

    return read


@pytest.fixture
def canned(session: ChannelSession[Any, Any]) -> Callable[..., ChannelSession[Any, Any]]:
    """A session whose platform gives these answers: a body with HTTP 200, or (status, bytes)."""

    def make(*answers: Any) -> ChannelSession[Any, Any]:
        rows = [each if isinstance(each, tuple) else (200, orjson.dumps(each)) for each in answers]
        return replace(session, http=CannedHttp(rows))

    return make


@pytest.fixture
def make_kind(clock: ManualClock, simulator: YouzanSimulator) -> Callable[..., Any]:
    """A coupon of this kind and state, in the one simulator."""

    def make(kind: str, state: str = "usable") -> Any:
        while True:
            sample = simulator.make(state)
            if simulator.vouchers[-1].kind == kind:
                return sample
            simulator.vouchers.pop()

    return make


@pytest.fixture
def order_of() -> Callable[..., RedeemOrder]:
    """The leg that core makes of what was found, or of the first few."""

    def make(found: Found, first: int | None = None, attempt: int = 1) -> RedeemOrder:
        items = tuple(RedeemItem(each.reference, each.handle) for each in found.coupons[:first])
        return RedeemOrder("leg", items, "", found.order_reference, attempt, at=START)

    return make
