"""The smallest complete channel keeps every rule."""

from __future__ import annotations

import pytest

from core.channels.contract import Channel
from core.testing.coupons import CouponChannelSuite
from core.testing.paper import PaperChannel
from core.testing.paper_platform import PaperPlatform
from core.testing.platforms import CouponPlatform

pytest_plugins = ["core.testing.report"]


class TestPaper(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperChannel()

    @pytest.fixture
    def platform(self) -> CouponPlatform:
        return PaperPlatform()
