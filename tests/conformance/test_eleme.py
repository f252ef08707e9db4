"""The channel `eleme` keeps every rule of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from adapters.eleme.channel import ElemeChannel
from adapters.eleme.simulator import ElemeSimulator
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform
from core.testing.simulated import SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class ElemePlatform(SimulatedPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"topAppSecret": "not-the-secret-of-this-app"}
    link_states: ClassVar[frozenset[str]] = frozenset()

    def strange_answer(self, operation: str) -> bytes:
        return b'{"error_response":{"code":15,"msg":"?","sub_code":"isv.SOMETHING_NEW","sub_msg":"?"}}'


class TestEleme(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> ElemeChannel:
        return ElemeChannel()

    @pytest.fixture
    def platform(self, channel: ElemeChannel) -> CouponPlatform:
        # original_price and real_amount of the simulator's meal; consult shows no dates.
        facts = CouponFacts(12800, 9100)
        return ElemePlatform(channel, ElemeSimulator(ManualClock()), facts, unknown_code="882461999999")
