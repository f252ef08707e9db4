"""Koubei's channel against the simulated gateway, in one process, at a known time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from adapters.koubei.channel import KoubeiChannel
from adapters.koubei.simulator import KoubeiSimulator
from adapters.koubei.simulator.gateway import write_signed
from adapters.koubei.simulator.state import CERTIFICATES, TICKETS, Recipe
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


class BothSeller(KoubeiSimulator):
    """Tickets and certificates in every state, the latter as "certificate_usable" and so on."""

    recipes: ClassVar[Mapping[str, Recipe]] = {
        **TICKETS,
        **{f"certificate_{state}": recipe for state, recipe in CERTIFICATES.items()},
    }
    states = tuple(recipes)


@dataclass
class CannedHttp:
    """A ChannelHttp that answers each call with the next of `answers`: signed fields, or (status, bytes)."""

    answers: list[Any]
    requests: list[ChannelRequest] = field(default_factory=list)

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, dict):
            answer = (200, bytes(write_signed(request.operation, answer).body))
        return ChannelAnswer(request.operation, answer[0], {}, answer[1])

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise AssertionError("no link is followed here")


@pytest.fixture
def simulator(clock: ManualClock) -> KoubeiSimulator:
    return BothSeller(clock)


@pytest.fixture
def channel() -> KoubeiChannel:
    return KoubeiChannel()


@pytest.fixture
def read_payload() -> Callable[[str], dict[str, Any]]:
    """The fields of an example answer, by the name of its file."""

    def read(name: str) -> dict[str, Any]:
        response = orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())["response"]
        return next(dict(value) for key, value in response.items() if key.endswith("_response"))

    return read


@pytest.fixture
def canned(session: ChannelSession[Any, Any]) -> Callable[..., ChannelSession[Any, Any]]:
    """A session whose platform gives these answers: fields, which are signed, or (status, bytes)."""

    def make(*answers: Any) -> ChannelSession[Any, Any]:
        return replace(session, http=CannedHttp(list(answers)))

    return make


@pytest.fixture
def find(channel: KoubeiChannel, session: ChannelSession[Any, Any], scan: Any) -> Callable[..., Any]:
    """Looks a code up and expects to find it."""

    async def look_up(text: str | None) -> Found:
        found = await channel.coupons.look_up(session, scan(text))
        assert isinstance(found, Found), found
        return found

    return look_up


@pytest.fixture
def order_of() -> Callable[..., RedeemOrder]:
    """The leg that core makes of what was found."""

    def make(
        found: Found, times: int = 1, token: str = "0194b2c1-0000-7000-8000-000000000001"
    ) -> RedeemOrder:
        items = tuple(RedeemItem(each.reference, each.handle, times) for each in found.coupons)
        return RedeemOrder(found.redeem_token or token, items, "", found.order_reference, at=START)

    return make


@pytest.fixture
def reversal_of() -> Callable[..., ReversalOrder]:
    """The order that takes one redeemed coupon back, as core makes it."""

    def make(order: RedeemOrder, outcome: Any, attempt: int = 1) -> ReversalOrder:
        item = next(each for each in order.items if each.reference == outcome.reference)
        receipts = tuple(receipt.reference for receipt in outcome.receipts)
        token = "0194b2c1-0000-7000-8000-00000000000a"
        return ReversalOrder(token, item.reference, item.handle, receipts, order.order_reference, attempt)

    return make
