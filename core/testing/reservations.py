"""The conformance suite for channels that take bookings.

It is used as the one for coupons is (see `core.testing.coupons`), on a platform that takes bookings:

    class TestPaperBookings(ReservationChannelSuite):
        @pytest.fixture
        def channel(self) -> Channel: ...         # the adapter's Channel object

        @pytest.fixture
        def platform(self) -> BookingPlatform: ...  # its simulator, new for every test
"""
# ruff: noqa: E402  # pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import sys
from typing import Any, ClassVar

import pytest

_EXPLAINED = ("core.testing.booking_bench", "core.testing.rules")
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Capability
from core.testing.booking_bench import BookingBench
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import BookingPlatform
from core.testing.rules.booking import BookingRules
from core.testing.rules.failing_bookings import FailingBookingRules
from core.testing.suites import ChannelSuite, standard_suite


@standard_suite
class ReservationChannelSuite(BookingRules, FailingBookingRules, ChannelSuite):
    """All standard tests of a channel with the capability RESERVATIONS."""

    proves: ClassVar[Capability] = Capability.RESERVATIONS
    bench_type: ClassVar[type[PlatformBench[Any]]] = BookingBench

    @pytest.fixture
    def platform(self) -> BookingPlatform:
        """The platform, empty; new for every test."""
        raise NotImplementedError("give a fixture `platform`")
