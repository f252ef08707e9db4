"""The channel `house` keeps every rule of the kit, on each database: here the platform is our own tables."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from core.channels.contract import (
    ChannelRequest,
    ChannelSession,
    NoCredentials,
    NoSettings,
    Redeemed,
    RedeemItem,
    RedeemOrder,
)
from core.coupons.house import HouseChannel, fingerprint_code
from core.coupons.house_codes import group_code, make_code
from core.coupons.models import CouponBatch, HouseCoupon, HouseUse
from core.ids import new_id
from core.keys import KeyRing
from core.settings import Settings
from core.testing.clock import START, ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform, Uses
from core.testing.sessions import MemoryTokens

pytest_plugins = ["core.testing.report"]

KEYS = KeyRing("a secret key for these tests, 32 characters")
DAY = timedelta(days=1)


class NoNetwork:
    async def send(self, request: ChannelRequest) -> NoReturn:
        raise AssertionError("own coupons need no network")

    async def follow_link(self, url: str, *, until_parameter: str) -> NoReturn:
        raise AssertionError("own coupons need no network")


class HousePlatform(CouponPlatform):
    """A merchant with one own coupon in every state. `fill` makes them."""

    cannot_hold: Mapping[str, str] = {
        "refunded": "own coupons are given, not sold, so nobody is paid back",
        "two_coupons": "every own coupon has a code of its own",
    }

    def __init__(self, channel: HouseChannel) -> None:
        self.channel = channel
        self.clock = ManualClock()
        self.tenant_id, self.store_id = new_id(), new_id()
        self.facts = CouponFacts(1000, None, self.clock.now() + 30 * DAY)
        self.unknown_code = group_code(make_code())
        self.samples: dict[str, str] = {}
        self._ids: dict[str, UUID] = {}

    def open_session(self) -> ChannelSession[Any, Any]:
        return ChannelSession(
            tenant_id=self.tenant_id,
            account_id=self.tenant_id,
            credentials=NoCredentials(),
            settings=NoSettings(),
            http=NoNetwork(),
            tokens=MemoryTokens(),
            clock=self.clock,
            external_store_id=str(self.store_id),
        )

    async def count_uses(self, state: str) -> Uses:
        uses = HouseUse.filter(tenant_id=self.tenant_id, coupon_id=self._ids[state])
        return Uses(await uses.count(), await uses.filter(reversed_at__isnull=True).count())

    async def make_codes(self, count: int) -> list[str]:
        return [(await self.make("new"))[0] for _ in range(count)]

    def open_other_session(self) -> ChannelSession[Any, Any]:
        return replace(self.open_session(), external_store_id=str(new_id()))

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    async def fill(self) -> None:
        now = self.clock.now()
        await self.place("usable")
        await self.place("expired", valid_until=now - DAY)
        await self.place("not_yet_valid", valid_from=now + DAY)
        await self.place("wrong_store", store_ids=[str(new_id())])
        await self.place("cancelled", status="CANCELLED")
        await self.place("times_card", times=5)
        await self.place("used")
        await self.use("used")

    async def place(self, state: str, **changes: Any) -> None:
        self.samples[state], self._ids[state] = await self.make(state, **changes)

    async def make(
        self, name: str, *, status: str = "AVAILABLE", times: int = 1, **batch: Any
    ) -> tuple[str, UUID]:
        """The code and the id of a new coupon, in a batch of its own."""
        code, batch_id = make_code(), new_id()
        validity = {"valid_from": None, "valid_until": self.facts.valid_until, **batch}
        own = {"tenant_id": self.tenant_id, "created_at": self.clock.now()}
        await CouponBatch.create(
            id=batch_id, name=name, kind="CASH_VOUCHER", face_value=1000, quantity=1, **validity, **own
        )
        coupon = await HouseCoupon.create(
            id=new_id(),
            batch_id=batch_id,
            code_fingerprint=fingerprint_code(KEYS, self.tenant_id, code),
            code_tail=code[-4:],
            times_total=times,
            status=status,
            **own,
        )
        return group_code(code), coupon.id

    async def use(self, state: str) -> None:
        reference = str(self._ids[state])
        order = RedeemOrder(
            "at the counter", (RedeemItem(reference, reference),), self.samples[state], at=START
        )
        (outcome,) = await self.channel.coupons.redeem(self.open_session(), order)
        assert isinstance(outcome, Redeemed)


def list_databases() -> list[str]:
    """Without a PostgreSQL there is nothing to try it on; in CI there must be one."""
    server = urlsplit(os.environ.get("HEXIAO_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432"))
    try:
        socket.create_connection((server.hostname, server.port or 5432), timeout=1).close()
    except OSError:
        return ["sqlite", "postgres"] if os.environ.get("CI") else ["sqlite"]
    return ["sqlite", "postgres"]


@pytest.mark.parametrize("database_kind", list_databases(), indirect=True)
class TestHouse(CouponChannelSuite):
    exemptions: ClassVar[Mapping[str, str]] = {
        "test_raw_document_is_kept": "the document of an own coupon is its row in our own tables",
    }

    @pytest.fixture
    def channel(self) -> HouseChannel:
        return HouseChannel(KEYS)

    @pytest.fixture
    async def platform(self, channel: HouseChannel, database: Settings) -> CouponPlatform:
        platform = HousePlatform(channel)
        await platform.fill()
        return platform
