"""The channel `youzan` keeps every rule of the kit, with each of its three kinds of code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from adapters.youzan.channel import YouzanChannel, YouzanCredentials
from adapters.youzan.simulator import YouzanSimulator
from adapters.youzan.simulator.bookings import SERVICE
from adapters.youzan.tables import Kind
from core.channels.contract import ChannelModel, Refusal, WebhookDelivery
from core.testing.clock import START, ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import BookingPlatform, CouponFacts, CouponPlatform
from core.testing.reservations import ReservationChannelSuite
from core.testing.simulated import SimulatedBookings, SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class YouzanPlatform(SimulatedPlatform):
    simulator: YouzanSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"clientSecret": "not-the-secret-of-this-app"}
    refusals: Mapping[str, Refusal] = {"used_online": Refusal.ALREADY_REDEEMED}
    cannot_hold: Mapping[str, str] = {
        "wrong_store": "no call takes a store: whatever the shop sold can be used in all its stores",
        "times_card": "each of the three kinds is used once; cards of the beauty trade have interfaces of their own",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"error_response":{"code":987654,"msg":"?"}}'

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        assert isinstance(credentials, YouzanCredentials)
        secret = credentials.client_secret.get_secret_value()
        return self.simulator.tell_use(
            subject, event_id=event_id, client_id=credentials.client_id, client_secret=secret
        )


def make_platform(channel: YouzanChannel, kind: Kind, facts: CouponFacts, unknown: str) -> YouzanPlatform:
    return YouzanPlatform(channel, YouzanSimulator(ManualClock(), kinds=[kind]), facts, unknown)


class TestTickets(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> YouzanChannel:
        return YouzanChannel()

    @pytest.fixture
    def platform(self, channel: YouzanChannel) -> CouponPlatform:
        return make_platform(channel, Kind.TICKET, CouponFacts(19900, None), "20260302120000999999")


class TestVirtualCodes(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> YouzanChannel:
        return YouzanChannel()

    @pytest.fixture
    def platform(self, channel: YouzanChannel) -> CouponPlatform:
        return make_platform(channel, Kind.CODE, CouponFacts(7900, 5900), "E20260302120000999999999")


class TestShopCoupons(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> YouzanChannel:
        return YouzanChannel()

    @pytest.fixture
    def platform(self, channel: YouzanChannel) -> CouponPlatform:
        facts = CouponFacts(1000, None, START + timedelta(days=30))
        return make_platform(channel, Kind.COUPON, facts, "493299999999")


class YouzanBookings(SimulatedBookings):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"clientSecret": "not-the-secret-of-this-app"}
    cannot_hold: Mapping[str, str] = {
        "REQUESTED": "no call decides: what the shop has to accept is accepted in Youzan's own programs",
        "REJECTED": "a booking that the shop refuses is a cancelled one",
        "NO_SHOW": "Youzan has no word for guests who did not come",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"error_response":{"code":987654,"msg":"?"}}'


class TestBookings(ReservationChannelSuite):
    @pytest.fixture
    def channel(self) -> YouzanChannel:
        return YouzanChannel()

    @pytest.fixture
    def platform(self, channel: YouzanChannel) -> BookingPlatform:
        return YouzanBookings(channel, YouzanSimulator(ManualClock()), SERVICE, "R20260301100000999999999")
