"""The conformance suite for channels that bring orders.

It is used as the one for coupons is (see `core.testing.coupons`), on a platform that sells things:

    class TestPaperOrders(OrderChannelSuite):
        @pytest.fixture
        def channel(self) -> Channel: ...       # the adapter's Channel object

        @pytest.fixture
        def platform(self) -> OrderPlatform: ...  # its simulator, new for every test
"""
# ruff: noqa: E402  # pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import sys
from typing import Any, ClassVar

import pytest

_EXPLAINED = ("core.testing.order_bench", "core.testing.checks", "core.testing.rules")
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Capability
from core.testing.order_bench import OrderBench
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import OrderPlatform
from core.testing.rules.failing_orders import FailingOrderRules
from core.testing.rules.ordering import OrderingRules
from core.testing.suites import ChannelSuite, standard_suite


@standard_suite
class OrderChannelSuite(OrderingRules, FailingOrderRules, ChannelSuite):
    """All standard tests of a channel with the capability ORDERS."""

    proves: ClassVar[Capability] = Capability.ORDERS
    bench_type: ClassVar[type[PlatformBench[Any]]] = OrderBench

    @pytest.fixture
    def platform(self) -> OrderPlatform:
        """The platform, which sells things; new for every test."""
        raise NotImplementedError("give a fixture `platform`")
