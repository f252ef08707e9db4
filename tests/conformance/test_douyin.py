"""The channel `douyin` keeps every rule of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from adapters.douyin.channel import DouyinChannel, DouyinCredentials
from adapters.douyin.simulator import DouyinSimulator
from adapters.douyin.simulator.bookings import SKU
from core.channels.contract import ChannelModel, LoginRefusal, Refusal, WebhookDelivery
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.identity import IdentityChannelSuite
from core.testing.platforms import BookingPlatform, CouponFacts, CouponPlatform, LoginPlatform
from core.testing.reservations import ReservationChannelSuite
from core.testing.simulated import SimulatedBookings, SimulatedLogins, SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class DouyinPlatform(SimulatedPlatform):
    simulator: DouyinSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"clientSecret": "not-the-secret-of-this-app"}
    # prepare answers 1212 for an order without a usable coupon, whatever the reason.
    refusals: Mapping[str, Refusal] = {"refunded": Refusal.ALREADY_REDEEMED}

    def strange_answer(self, operation: str) -> bytes:
        return b'{"data":{"error_code":98765,"description":"?"},"extra":{"error_code":98765}}'

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        assert isinstance(credentials, DouyinCredentials)
        secret = credentials.client_secret.get_secret_value()
        return self.simulator.make_delivery("verify", subject, event_id=event_id, client_secret=secret)


class TestDouyin(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> DouyinChannel:
        return DouyinChannel()

    @pytest.fixture
    def platform(self, channel: DouyinChannel) -> CouponPlatform:
        clock = ManualClock()
        simulator = DouyinSimulator(clock)
        simulator.address = "https://v.douyin.com"
        # original_amount and coupon_pay_amount of the simulator's meal: 99 yuan, sold for 91.
        facts = CouponFacts(9900, 9100, clock.now() + timedelta(days=30))
        return DouyinPlatform(channel, simulator, facts, unknown_code="104699999999990")


class DouyinLogins(SimulatedLogins):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"miniAppSecret": "not-the-secret-of-this-app"}
    # One number for a login code that never was, is used or is over; a used phone code is over.
    refusals: Mapping[str, LoginRefusal] = {
        "expired": LoginRefusal.CODE_INVALID,
        "used_phone": LoginRefusal.CODE_EXPIRED,
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"err_no":98765,"err_tips":"?","data":{}}'


class TestDouyinLogins(IdentityChannelSuite):
    @pytest.fixture
    def channel(self) -> DouyinChannel:
        return DouyinChannel()

    @pytest.fixture
    def platform(self, channel: DouyinChannel) -> LoginPlatform:
        return DouyinLogins(channel, DouyinSimulator(ManualClock()), "code-of-nobody")


class DouyinBookings(SimulatedBookings):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"clientSecret": "not-the-secret-of-this-app"}
    cannot_hold: Mapping[str, str] = {
        "ARRIVED": "a visit shows by the coupon that is redeemed for it",
        "NO_SHOW": "no word of the list is known for it",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"data":{"error_code":98765,"description":"?"},"extra":{"error_code":98765}}'


class TestBookings(ReservationChannelSuite):
    @pytest.fixture
    def channel(self) -> DouyinChannel:
        return DouyinChannel()

    @pytest.fixture
    def platform(self, channel: DouyinChannel) -> BookingPlatform:
        return DouyinBookings(channel, DouyinSimulator(ManualClock()), SKU, "8000000000009999999")
