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

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest

_EXPLAINED = ("core.testing.bench", "core.testing.checks", "core.testing.rules")
pytest.register_assert_rewrite(*(name for name in _EXPLAINED if name not in sys.modules))

from core.channels.contract import Channel
from core.testing.bench import Bench
from core.testing.notes import note_platform
from core.testing.platforms import CouponPlatform
from core.testing.rules.cancelling import CancellingRules
from core.testing.rules.delivering import DeliveringRules
from core.testing.rules.failing import FailingRules
from core.testing.rules.looking import LookingRules
from core.testing.rules.recognising import RecognisingRules
from core.testing.rules.redeeming import RedeemingRules
from core.testing.rules.reversing import ReversingRules
from core.testing.rules.secrecy import SecrecyRules, expect_silence
from core.testing.transcript import Transcript


class CouponChannelSuite(
    RecognisingRules,
    LookingRules,
    RedeemingRules,
    ReversingRules,
    FailingRules,
    CancellingRules,
    SecrecyRules,
    DeliveringRules,
):
    """All standard tests of a channel with the capability COUPONS, and of its WEBHOOKS where declared.

    exemptions  standard test → the written reason why it does not hold here. An exempted test is left out, or
                replaced by a method of the same name

    Making a subclass that tampers with the tests, or that gives an empty reason, raises TypeError.
    """

    pytestmark = pytest.mark.asyncio
    exemptions: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if faults := find_tampering(cls):
            raise TypeError(f"{cls.__name__}: " + "; ".join(faults))

    @pytest.fixture
    def channel(self) -> Channel:
        """The adapter's Channel object."""
        raise NotImplementedError("give a fixture `channel`")

    @pytest.fixture
    def platform(self) -> CouponPlatform:
        """The platform, with a sample in every state; new for every test."""
        raise NotImplementedError("give a fixture `platform`")

    @pytest.fixture
    def bench(
        self, request: pytest.FixtureRequest, channel: Channel, platform: CouponPlatform
    ) -> Iterator[Bench]:
        """Where the channel is tried. Afterwards, nothing that was said may carry a secret."""
        note_platform(request.config, type(self).__name__, platform.cannot_hold)
        transcript = Transcript()
        with transcript.listen():
            bench = Bench(channel, platform, transcript)
            yield bench
        expect_silence(bench)


def find_standard_tests() -> Mapping[str, Callable[..., Any]]:
    """Name → function of every standard test."""
    members = inspect.getmembers(CouponChannelSuite, inspect.isfunction)
    return {name: function for name, function in members if name.startswith("test_")}


STANDARD_TESTS = find_standard_tests()
_BENCH = inspect.getattr_static(CouponChannelSuite, "bench")


def find_tampering(suite: type[CouponChannelSuite]) -> list[str]:
    """What is wrong with a subclass: standard tests missing or replaced, exemptions without a reason."""
    faults = [
        f"exempts {name}, which is no standard test" for name in suite.exemptions.keys() - STANDARD_TESTS
    ]
    faults += [
        f"exempts {name} without a reason" for name, why in suite.exemptions.items() if not why.strip()
    ]
    changed = [name for name, test in STANDARD_TESTS.items() if getattr(suite, name, None) is not test]
    faults += [f"deletes or overrides {name}" for name in changed if name not in suite.exemptions]
    if inspect.getattr_static(suite, "bench", None) is not _BENCH:
        faults.append("overrides the fixture bench")
    if getattr(suite, "__test__", True) is not True:
        faults.append("is hidden from pytest by __test__")
    return sorted(faults)
