"""The conformance suite for channels that send messages to customers.

It is used as the one for coupons is (see `core.testing.coupons`), on a platform that keeps what it sends:

    class TestPaperMessages(NotificationChannelSuite):
        @pytest.fixture
        def channel(self) -> Channel: ...         # the adapter's Channel object

        @pytest.fixture
        def platform(self) -> MessagePlatform: ...  # its simulator, new for every test
"""
# ruff: noqa: E402  # pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import sys
from typing import Any, ClassVar

import pytest

_EXPLAINED = ("core.testing.message_bench", "core.testing.rules")
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Capability
from core.testing.message_bench import MessageBench
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import MessagePlatform
from core.testing.rules.failing_messages import FailingMessageRules
from core.testing.rules.messaging import MessagingRules
from core.testing.suites import ChannelSuite, standard_suite


@standard_suite
class NotificationChannelSuite(MessagingRules, FailingMessageRules, ChannelSuite):
    """All standard tests of a channel with the capability NOTIFICATIONS."""

    proves: ClassVar[Capability] = Capability.NOTIFICATIONS
    bench_type: ClassVar[type[PlatformBench[Any]]] = MessageBench

    @pytest.fixture
    def platform(self) -> MessagePlatform:
        """The platform, with a message in every state; new for every test."""
        raise NotImplementedError("give a fixture `platform`")
