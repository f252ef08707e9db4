"""What the suites of the kit have in common: none of their standard tests goes missing in silence.

A suite is a subclass of `ChannelSuite` under the decorator `standard_suite`, with a fixture `bench`. An adapter's author
subclasses the suite; `core.testing.report` and `hexiao channel check` know every test that came from it.
"""
# pytest must know which modules' asserts to explain before they are imported

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import pytest

if "core.testing.platform_bench" not in sys.modules:
    pytest.register_assert_rewrite("core.testing.platform_bench")

from core.channels.contract import Capability, Channel
from core.testing.notes import note_platform, note_proof, read_proofs
from core.testing.platform_bench import PlatformBench, expect_silence
from core.testing.transcript import Transcript

Tests = Mapping[str, Callable[..., Any]]
SuiteT = TypeVar("SuiteT", bound="type[ChannelSuite]")

PROOFS: Mapping[Capability, str] = {
    Capability.COUPONS: "CouponChannelSuite",
    Capability.IDENTITY: "IdentityChannelSuite",
    Capability.NOTIFICATIONS: "NotificationChannelSuite",
    Capability.RESERVATIONS: "ReservationChannelSuite",
    Capability.ORDERS: "OrderChannelSuite",
}
"""The suite that a channel which declares the capability must pass. That of coupons tries webhooks too."""

_TESTS: dict[type[ChannelSuite], Tests] = {}


class ChannelSuite:
    """Base of a suite.

    exemptions  standard test → the written reason why it does not hold here. An exempted test is left out, or
                replaced by a method of the same name
    bench_type  the bench on which its rules are tried
    proves      the capability that it is the proof of

    Making a subclass that tampers with the tests, or that gives an empty reason, raises TypeError.
    """

    pytestmark = pytest.mark.asyncio
    exemptions: ClassVar[Mapping[str, str]] = {}
    bench_type: ClassVar[type[PlatformBench[Any]]]
    proves: ClassVar[Capability]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if faults := find_tampering(cls):
            raise TypeError(f"{cls.__name__}: " + "; ".join(faults))

    @pytest.fixture
    def channel(self) -> Channel:
        """The adapter's Channel object."""
        raise NotImplementedError("give a fixture `channel`")

    @pytest.fixture
    def platform(self) -> Any:
        """The platform; new for every test."""
        raise NotImplementedError("give a fixture `platform`")

    @pytest.fixture
    def bench(
        self, request: pytest.FixtureRequest, channel: Channel, platform: Any
    ) -> Iterator[PlatformBench[Any]]:
        """Where the channel is tried. Afterwards, nothing that was said may carry a secret."""
        note_platform(request.config, type(self).__name__, platform.cannot_hold)
        note_proof(request.config, channel.code, channel.capabilities, self.proves)
        transcript = Transcript()
        with transcript.listen():
            bench = self.bench_type(channel, platform, transcript)
            yield bench
        expect_silence(bench)


def find_unproved(config: pytest.Config) -> list[str]:
    """A sentence for every declared capability of a tried channel whose suite was not run."""
    return [
        f"{code} declares {capability}, and no {PROOFS[capability]} tries it"
        for code, (declared, proved) in sorted(read_proofs(config).items())
        for capability in sorted(declared - proved)
        if capability in PROOFS
    ]


def standard_suite(suite: SuiteT) -> SuiteT:
    """Makes every test that the class has by now a standard test."""
    members = inspect.getmembers(suite, inspect.isfunction)
    _TESTS[suite] = {name: function for name, function in members if name.startswith("test_")}
    return suite


def find_owner(owner: object) -> type[ChannelSuite] | None:
    """The standard suite that a class is, or comes from; None for any other object."""
    lineage = owner.__mro__ if isinstance(owner, type) else ()
    return next((each for each in lineage if each in _TESTS), None)


def list_tests(owner: object) -> Tests:
    """Name → function of every standard test of the suite that a class comes from; empty for any other object."""
    suite = find_owner(owner)
    return _TESTS[suite] if suite else {}


def find_tampering(suite: type[ChannelSuite]) -> list[str]:
    """What is wrong with a subclass: standard tests missing or replaced, exemptions without a reason."""
    tests, owner = list_tests(suite), find_owner(suite)
    if owner is None:
        return []
    faults = [f"exempts {name}, which is no standard test" for name in suite.exemptions.keys() - tests]
    faults += [
        f"exempts {name} without a reason" for name, why in suite.exemptions.items() if not why.strip()
    ]
    changed = [name for name, test in tests.items() if getattr(suite, name, None) is not test]
    faults += [f"deletes or overrides {name}" for name in changed if name not in suite.exemptions]
    if inspect.getattr_static(suite, "bench", None) is not inspect.getattr_static(owner, "bench"):
        faults.append("overrides the fixture bench")
    if suite.bench_type is not owner.bench_type:
        faults.append("overrides bench_type")
    if getattr(suite, "__test__", True) is not True:
        faults.append("is hidden from pytest by __test__")
    return sorted(faults)
