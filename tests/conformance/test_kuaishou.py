"""The channel `kuaishou` keeps every rule of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import pytest

from adapters.kuaishou.channel import KuaishouChannel
from adapters.kuaishou.simulator import KuaishouSimulator
from core.channels.contract import Refusal
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform
from core.testing.simulated import SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class KuaishouPlatform(SimulatedPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"appSecret": "not-the-secret-of-this-app"}
    # prepare lists nothing for an order without a usable coupon, whatever the reason.
    refusals: Mapping[str, Refusal] = {
        "expired": Refusal.ALREADY_REDEEMED,
        "refunded": Refusal.ALREADY_REDEEMED,
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"result":1,"data":{"error_code":98765,"description":"?"},"extra":{"error_code":98765}}'


class TestKuaishou(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> KuaishouChannel:
        return KuaishouChannel()

    @pytest.fixture
    def platform(self, channel: KuaishouChannel) -> CouponPlatform:
        clock = ManualClock()
        # original_amount and coupon_pay_amount of the simulator's meal: 199 yuan, sold for 99.
        facts = CouponFacts(19900, 9900, clock.now() + timedelta(days=30))
        return KuaishouPlatform(channel, KuaishouSimulator(clock), facts, unknown_code="880269999999")
