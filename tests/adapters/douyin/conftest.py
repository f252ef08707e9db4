"""Douyin's channel against Douyin's simulator, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.douyin.channel import DouyinChannel
from adapters.douyin.simulator import DouyinSimulator, app
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
            body = {"data": {"access_token": "clt.canned", "expires_in": 7200, "error_code": 0}}
            return ChannelAnswer(request.operation, 200, {}, orjson.dumps(body))
        self.requests.append(request)
        status, content = self.answers.pop(0)
        return ChannelAnswer(request.operation, status, {}, content)

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise AssertionError("no link is followed here")


@pytest.fixture
def simulator(clock: ManualClock) -> DouyinSimulator:
    return app(clock)


@pytest.fixture
def channel() -> DouyinChannel:
    return DouyinChannel()


@pytest.fixture
def read_payload() -> Callable[[str], Any]:
    """The response body of an example, by the name of its file."""

    def read(name: str) -> Any:
        return orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())["response"]["body"]

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

    def make(found: Found, times: int = 1, attempt: int = 1, handles: Sequence[str] = ()) -> RedeemOrder:
        items = tuple(RedeemItem(each.reference, each.handle, times) for each in found.coupons)
        assert found.redeem_token
        return RedeemOrder(found.redeem_token, items, "", found.order_reference, attempt, at=START)

    return make
