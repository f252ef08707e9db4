"""WeChat's channel against WeChat's simulator, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.wechat.channel import WechatChannel
from adapters.wechat.simulator import WechatSimulator, app
from core.channels.contract import (
    ChannelAnswer,
    ChannelRequest,
    ChannelSession,
    Found,
    RedeemItem,
    RedeemOrder,
    ReversalOrder,
)
from core.testing.clock import START, ManualClock

HERE = Path(__file__).parent
LEG = "01890a5d-ac96-774b-bcce-b302099a8057"  # a UUIDv7 of 2023-06-30


@dataclass
class CannedHttp:
    """A ChannelHttp that gives the next of `answers` to the operation that they are for, and passes on the rest."""

    inner: Any
    operation: str
    answers: list[Any]
    requests: list[ChannelRequest] = field(default_factory=list)

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        self.requests.append(request)
        if request.operation != self.operation or not self.answers:
            return await self.inner.send(request)
        status, content = self.answers.pop(0)
        return ChannelAnswer(request.operation, status, {}, content)

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise AssertionError("no link is followed here")


@pytest.fixture
def simulator(clock: ManualClock) -> WechatSimulator:
    return app(clock)


@pytest.fixture
def channel() -> WechatChannel:
    return WechatChannel()


@pytest.fixture
def read_payload() -> Callable[[str], tuple[int, Any]]:
    """Status and body of an example, by the name of its file."""

    def read(name: str) -> tuple[int, Any]:
        example = orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())
        return example["http_status"], example["body"]

    return read


@pytest.fixture
def canned(session: ChannelSession[Any, Any]) -> Callable[..., ChannelSession[Any, Any]]:
    """The session with these answers, (status, document) each, to the next calls of one operation."""

    def make(operation: str, *answers: tuple[int, Any]) -> ChannelSession[Any, Any]:
        rows = [(status, body if isinstance(body, bytes) else orjson.dumps(body)) for status, body in answers]
        return replace(session, http=CannedHttp(session.http, operation, rows))

    return make


@pytest.fixture
def find(channel: WechatChannel, session: ChannelSession[Any, Any], scan: Any) -> Callable[..., Any]:
    """Looks a text up and expects to find it."""

    async def look_up(text: str) -> Found:
        found = await channel.coupons.look_up(session, scan(text))
        assert isinstance(found, Found), found
        return found

    return look_up


@pytest.fixture
def order_of() -> Callable[..., RedeemOrder]:
    """The leg that core makes of what was found."""

    def make(found: Found, token: str = LEG, attempt: int = 1) -> RedeemOrder:
        items = tuple(RedeemItem(each.reference, each.handle) for each in found.coupons)
        return RedeemOrder(token, items, "", found.order_reference, attempt, at=START)

    return make


@pytest.fixture
def reversal_of() -> Callable[..., ReversalOrder]:
    """The order that takes back the first coupon of a leg."""

    def make(order: RedeemOrder, token: str = "back-1", attempt: int = 1) -> ReversalOrder:
        item = order.items[0]
        receipts = (order.token,)
        return ReversalOrder(token, item.reference, item.handle, receipts, order.order_reference, attempt)

    return make
