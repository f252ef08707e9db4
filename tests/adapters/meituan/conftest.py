"""Meituan's channel against Meituan's simulator, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.meituan.channel import MeituanChannel
from adapters.meituan.simulator import CateringSimulator, GeneralSimulator, app, catering_app
from core.channels.contract import (
    ChannelAnswer,
    ChannelRequest,
    ChannelSession,
    Found,
    RedeemItem,
    RedeemOrder,
    ReversalOrder,
    Scanned,
    StatusQuery,
    parse_link,
)
from core.testing.clock import START, ManualClock
from core.testing.sessions import make_session

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


class Till:
    """A person at the till: looks a code up, redeems, asks, takes back."""

    def __init__(self, channel: MeituanChannel, session: ChannelSession[Any, Any]) -> None:
        self.coupons = channel.coupons
        self.session = session

    async def look_up(self, text: str) -> Any:
        return await self.coupons.look_up(self.session, Scanned(text, text, parse_link(text)))

    async def find(self, text: str) -> Found:
        found = await self.look_up(text)
        assert isinstance(found, Found), found
        return found

    async def prepare(self, text: str, *, first: int | None = None, times: int = 1) -> RedeemOrder:
        found = await self.find(text)
        items = tuple(RedeemItem(each.reference, each.handle, times) for each in found.coupons[:first])
        return RedeemOrder("0192-leg-1", items, text, found.order_reference, at=START)

    async def redeem(self, order: RedeemOrder) -> Any:
        return await self.coupons.redeem(self.session, order)

    async def status(self, order: RedeemOrder, item: int = 0) -> Any:
        asked = order.items[item]
        return await self.coupons.status(self.session, StatusQuery(asked.reference, asked.handle, order.code))

    async def reverse(self, reversal: ReversalOrder) -> Any:
        return await self.coupons.reverse(self.session, reversal)


def take_back(order: RedeemOrder, outcome: Any, attempt: int = 1) -> ReversalOrder:
    """The order that takes all uses of one redeemed coupon back."""
    item = next(each for each in order.items if each.reference == outcome.reference)
    receipts = tuple(receipt.reference for receipt in outcome.receipts)
    return ReversalOrder("r1", item.reference, item.handle, receipts, attempt=attempt)


@pytest.fixture
def channel() -> MeituanChannel:
    return MeituanChannel()


@pytest.fixture
def general(clock: ManualClock) -> GeneralSimulator:
    return app(clock)


@pytest.fixture
def catering(clock: ManualClock) -> CateringSimulator:
    return catering_app(clock)


@pytest.fixture
def till(channel: MeituanChannel, general: GeneralSimulator) -> Till:
    return Till(channel, make_session(channel, general))


@pytest.fixture
def waiter(channel: MeituanChannel, catering: CateringSimulator) -> Till:
    """The till of a restaurant."""
    return Till(channel, make_session(channel, catering))


@pytest.fixture
def read_payload() -> Callable[[str], Any]:
    """The response of an example, by the name of its file."""

    def read(name: str) -> Any:
        return orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())["response"]

    return read


@pytest.fixture
def canned(channel: MeituanChannel) -> Callable[..., Till]:
    """A till whose platform gives these answers: a body with HTTP 200, or (status, bytes)."""

    def make(*answers: Any, simulator: Any = None) -> Till:
        rows = [each if isinstance(each, tuple) else (200, orjson.dumps(each)) for each in answers]
        session = make_session(channel, simulator or app(ManualClock()))
        return Till(channel, replace(session, http=CannedHttp(rows)))

    return make
