"""The kit bites: every rule fails for an adapter that breaks it, and no suite can be made smaller in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.testing.coupons import STANDARD_TESTS, CouponChannelSuite, find_tampering
from core.testing.suites import ChannelSuite, list_tests
from core.testing.trial import try_rule
from tests.conformance import (
    broken_bookings,
    broken_failing,
    broken_identity,
    broken_listing,
    broken_looking,
    broken_notifications,
    broken_orders,
    broken_redeeming,
)
from tests.conformance.mutants import MUTANTS, SOUND, Mutant

pytest_plugins = ["pytester"]

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "channel-kit.md"
FOREIGN = {"foreign": ("FOREIGN123",)}
BROKEN = (
    broken_bookings,
    broken_failing,
    broken_identity,
    broken_listing,
    broken_looking,
    broken_notifications,
    broken_orders,
    broken_redeeming,
)
RULES = [(suite, rule) for suite in SOUND for rule in list_tests(suite)]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.name}-{mutant.rule}")
async def test_rule_bites(mutant: Mutant) -> None:
    tried = (mutant.rule, mutant.make_channel(), mutant.make_platform(), FOREIGN, mutant.suite)
    broken = await try_rule(*tried)
    assert broken is not None, f"{mutant.name} passes {mutant.rule}"
    assert mutant.complaint or isinstance(broken, AssertionError)
    assert mutant.complaint in str(broken)


def test_every_rule_has_a_mutant() -> None:
    assert {mutant.rule for mutant in MUTANTS} == {rule for _, rule in RULES}
    assert len({rule for _, rule in RULES}) == len(RULES), "two suites have rules of one name"


@pytest.mark.parametrize(("suite", "rule"), RULES, ids=[rule for _, rule in RULES])
async def test_sound_channel_passes(suite: type[ChannelSuite], rule: str) -> None:
    channel, platform = SOUND[suite]
    assert await try_rule(rule, channel(), platform(), FOREIGN, suite) is None


def test_override_is_refused() -> None:
    async def test_redeems_once(self: CouponChannelSuite, bench: object) -> None: ...

    with pytest.raises(TypeError, match="overrides test_redeems_once"):
        type("Tampered", (CouponChannelSuite,), {"test_redeems_once": test_redeems_once})


def test_deletion_is_refused() -> None:
    with pytest.raises(TypeError, match="deletes or overrides test_redeems_once"):
        type("Tampered", (CouponChannelSuite,), {"test_redeems_once": None})


def test_late_deletion_is_seen() -> None:
    suite = type("Tampered", (CouponChannelSuite,), {})
    suite.test_redeems_once = None  # type: ignore[attr-defined]
    assert find_tampering(suite) == ["deletes or overrides test_redeems_once"]


def test_own_bench_is_refused() -> None:
    with pytest.raises(TypeError, match="overrides the fixture bench"):
        type("Tampered", (CouponChannelSuite,), {"bench": pytest.fixture(lambda self: None)})


def test_other_bench_is_refused() -> None:
    with pytest.raises(TypeError, match="overrides bench_type"):
        type("Tampered", (CouponChannelSuite,), {"bench_type": object})


def test_every_suite_is_guarded() -> None:
    for suite in SOUND:
        rule = next(iter(list_tests(suite)))
        with pytest.raises(TypeError, match=f"deletes or overrides {rule}"):
            type("Tampered", (suite,), {rule: None})


def test_empty_reason_is_refused() -> None:
    with pytest.raises(TypeError, match="exempts test_redeems_once without a reason"):
        type("Tampered", (CouponChannelSuite,), {"exemptions": {"test_redeems_once": " "}})


def test_unknown_exemption_is_refused() -> None:
    with pytest.raises(TypeError, match="test_redeems_never, which is no standard test"):
        type("Tampered", (CouponChannelSuite,), {"exemptions": {"test_redeems_never": "no"}})


def test_written_reason_is_taken() -> None:
    suite = type("Excused", (CouponChannelSuite,), {"exemptions": {"test_redeems_once": "sold out"}})
    assert find_tampering(suite) == []


def test_document_counts_the_rules() -> None:
    assert f"the kit brings {len(STANDARD_TESTS)} tests for coupons" in DOCUMENT.read_text("utf-8")


def test_documented_file_passes(pytester: pytest.Pytester) -> None:
    example = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[0]
    author = example[example.index("class DouyinPlatform") :]
    assert len([line for line in author.splitlines() if line.strip()]) <= 30
    pytester.makepyfile(example)
    result = pytester.runpytest_inprocess(*OPTIONS, "")
    result.assert_outcomes(passed=len(STANDARD_TESTS))


SUITE = """
import pytest
from core.testing.coupons import CouponChannelSuite
from core.testing.paper import PaperChannel
from core.testing.paper_platform import PaperPlatform

pytest_plugins = ["core.testing.report"]


class NoExpired(PaperPlatform):
    samples = {name: code for name, code in PaperPlatform.samples.items() if name != "expired"}
    cannot_hold = {"expired": "paper lasts"}


class TestPaper(CouponChannelSuite):
    exemptions = {"test_looking_again_agrees": "the ink runs", "test_money_is_fen": "replaced below"}

    @pytest.fixture
    def channel(self):
        return PaperChannel()

    @pytest.fixture
    def platform(self):
        return NoExpired()

    @pytest.fixture(autouse=True)
    def weather(self, request):
        if request.node.originalname == "test_redeems_once":
            pytest.skip("it rains")
        if request.node.originalname == "test_raw_document_is_kept":
            request.applymarker(pytest.mark.xfail(reason="it rains", strict=False))

    async def test_money_is_fen(self, bench):
        assert (await bench.find()).coupons[0].face_value == 10000
"""
OPTIONS = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function", "-k")


def test_report_tells_what_is_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess(
        *OPTIONS, "looking_again or test_money or redeems_once or raw_document"
    )
    result.assert_outcomes(passed=1, skipped=1, failed=1, errors=1, deselected=len(STANDARD_TESTS) - 4)
    result.stdout.fnmatch_lines(
        [
            "test_redeems_once is a standard test: it may not be skipped or expected to fail",
            "*conformance: left out*",
            "TestPaper exempts test_looking_again_agrees: the ink runs",
            "TestPaper exempts test_money_is_fen: replaced below",
            "TestPaper holds no 'expired': paper lasts",
        ]
    )


def test_report_must_be_loaded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE.replace("pytest_plugins", "unused"))
    result = pytester.runpytest_inprocess(*OPTIONS, "raw_document")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*load the report*"])
