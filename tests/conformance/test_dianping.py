"""The channel `dianping` keeps every rule of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import pytest

from adapters.dianping.channel import DianpingChannel
from adapters.dianping.simulator import DianpingSimulator
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform
from core.testing.simulated import SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class DianpingPlatform(SimulatedPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"appSecret": "not-the-secret-of-this-app"}
    cannot_hold: Mapping[str, str] = {
        "times_card": "each use of a times card is a code of its own, and answers name the scanned code alone",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":98765,"msg":"?"}'


class TestDianping(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> DianpingChannel:
        return DianpingChannel()

    @pytest.fixture
    def platform(self, channel: DianpingChannel) -> CouponPlatform:
        clock = ManualClock()
        # deal_marketprice, and what the customer paid of the price: 168.50 and 78.05 yuan.
        facts = CouponFacts(16850, 7805, clock.now() + timedelta(days=30))
        return DianpingPlatform(channel, DianpingSimulator(clock), facts, unknown_code="0746199999")
