"""The conformance suite for channels that redeem coupons.

An adapter's author subclasses `CouponChannelSuite`, gives two fixtures and loads the report:

    pytest_plugins = ["core.testing.report"]

    class TestPaper(CouponChannelSuite):
        @pytest.fixture
        def channel(self) -> Channel: ...        # the adapter's Channel object

        @pytest.fixture
        def platform(self) -> CouponPlatform: ...  # its simulator, new for every test

Nothing else is needed, and nothing may be left out: standard tests can be neither skipped, deleted nor
overridden, unless `exemptions` names them with a written reason, which the report prints.
"""
# ruff: noqa: E402  # pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import sys
from typing import Any, ClassVar

import pytest

_EXPLAINED = (
    "core.testing.bench",
    "core.testing.checks",
    "core.testing.rules",
)
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Capability
from core.testing.bench import Bench
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import CouponPlatform
from core.testing.rules.cancelling import CancellingRules
from core.testing.rules.delivering import DeliveringRules
from core.testing.rules.failing import FailingRules
from core.testing.rules.listing import ListingRules
from core.testing.rules.looking import LookingRules
from core.testing.rules.recognising import RecognisingRules
from core.testing.rules.redeeming import RedeemingRules
from core.testing.rules.reversing import ReversingRules
from core.testing.rules.secrecy import SecrecyRules
from core.testing.suites import ChannelSuite, find_tampering, list_tests, standard_suite

__all__ = ["STANDARD_TESTS", "CouponChannelSuite", "find_tampering"]


@standard_suite
class CouponChannelSuite(
    RecognisingRules,
    LookingRules,
    RedeemingRules,
    ReversingRules,
    ListingRules,
    FailingRules,
    CancellingRules,
    SecrecyRules,
    DeliveringRules,
    ChannelSuite,
):
    """All standard tests of a channel with the capability COUPONS, and of its WEBHOOKS where declared."""

    proves: ClassVar[Capability] = Capability.COUPONS
    bench_type: ClassVar[type[PlatformBench[Any]]] = Bench

    @pytest.fixture
    def platform(self) -> CouponPlatform:
        """The platform, with a sample in every state; new for every test."""
        raise NotImplementedError("give a fixture `platform`")


STANDARD_TESTS = list_tests(CouponChannelSuite)
