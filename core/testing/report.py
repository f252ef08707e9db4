"""A pytest plugin that keeps suites honest and prints what they leave out.

Load it with `pytest_plugins = ["core.testing.report"]`, in the test file or in the top conftest.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from core.testing.notes import keep_note, read_notes
from core.testing.suites import ChannelSuite, find_tampering, list_tests


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Exempted tests are not run, unless the subclass has its own in their place; every one is noted."""
    standard = [(item, suite) for item in items if (suite := _find_suite(item))]
    for suite in {suite for _, suite in standard}:
        _check_suite(config, suite)
    for item, suite in standard:
        if _is_left_out(suite, _name(item)):
            item.add_marker(pytest.mark.skip(reason=f"exempted: {suite.exemptions[_name(item)]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A standard test that is skipped or expected to fail, without an exemption, has failed."""
    report = yield
    suite = _find_suite(item)
    excused = report.skipped or hasattr(report, "wasxfail")
    if suite and excused and _name(item) not in suite.exemptions:
        report.outcome = "failed"
        report.longrepr = f"{_name(item)} is a standard test: it may not be skipped or expected to fail"
        vars(report).pop("wasxfail", None)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints what the suites leave out, and why."""
    if notes := read_notes(config):
        terminalreporter.section("conformance: left out")
        for note in notes:
            terminalreporter.write_line(note)


def _name(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _find_suite(item: pytest.Item) -> type[ChannelSuite] | None:
    """The suite that owns this standard test, None for any other test."""
    owner = getattr(item, "cls", None)
    is_suite = isinstance(owner, type) and issubclass(owner, ChannelSuite)
    return owner if is_suite and _name(item) in list_tests(owner) else None


def _check_suite(config: pytest.Config, suite: type[ChannelSuite]) -> None:
    # Once more, because a class can be changed after it was made.
    if faults := find_tampering(suite):
        raise pytest.UsageError(f"{suite.__name__}: " + "; ".join(faults))
    for name, reason in suite.exemptions.items():
        keep_note(config, f"{suite.__name__} exempts {name}: {reason}")


def _is_left_out(suite: type[ChannelSuite], name: str) -> bool:
    return name in suite.exemptions and getattr(suite, name) is list_tests(suite)[name]
