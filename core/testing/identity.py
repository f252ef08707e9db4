"""The conformance suite for channels that log customers in by a mini-program.

It is used as the one for coupons is (see `core.testing.coupons`), on a platform that opens mini-programs:

    class TestPaperLogin(IdentityChannelSuite):
        @pytest.fixture
        def channel(self) -> Channel: ...       # the adapter's Channel object

        @pytest.fixture
        def platform(self) -> LoginPlatform: ...  # its simulator, new for every test
"""
# ruff: noqa: E402  # pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import sys
from typing import Any, ClassVar

import pytest

_EXPLAINED = ("core.testing.login_bench", "core.testing.rules")
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Capability
from core.testing.login_bench import LoginBench
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import LoginPlatform
from core.testing.rules.failing_logins import FailingLoginRules
from core.testing.rules.identifying import IdentifyingRules
from core.testing.suites import ChannelSuite, standard_suite


@standard_suite
class IdentityChannelSuite(IdentifyingRules, FailingLoginRules, ChannelSuite):
    """All standard tests of a channel with the capability IDENTITY."""

    proves: ClassVar[Capability] = Capability.IDENTITY
    bench_type: ClassVar[type[PlatformBench[Any]]] = LoginBench

    @pytest.fixture
    def platform(self) -> LoginPlatform:
        """The platform, whose mini-program people open; new for every test."""
        raise NotImplementedError("give a fixture `platform`")
