"""The channel `kiosk` keeps every rule of the kit."""

from datetime import timedelta

import pytest
from channel_kiosk.channel import KioskChannel
from channel_kiosk.simulator import KioskSimulator

from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import CouponFacts
from core.testing.simulated import SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class KioskPlatform(SimulatedPlatform):
    wrong_credentials = {"appSecret": "not-the-secret"}
    cannot_hold = {"two_coupons": "every ticket has a code of its own"}

    def strange_answer(self, operation):
        return b'{"code": 98765, "message": "?", "data": {}}'


class TestKiosk(CouponChannelSuite):
    @pytest.fixture
    def channel(self):
        return KioskChannel()

    @pytest.fixture
    def platform(self, channel):
        clock = ManualClock()
        facts = CouponFacts(9900, 8850, clock.now() + timedelta(days=30))
        return KioskPlatform(channel, KioskSimulator(clock), facts, unknown_code="KIOSK99999999")
