"""`hexiao channel check`: the conformance kit on a channel, and what it found, for people to read."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.sentences import FAILED, WRONG_USE, CommandFailed

if TYPE_CHECKING:
    import pytest
    from rich.console import Console

_LONGEST_REASON = 160
_SUITE = re.compile(r"^class \w+\([^)]*ChannelSuite\b", re.MULTILINE)
# Whatever the author's own configuration says, a check is a check.
_OPTIONS = ("-o", "addopts=", "-o", "asyncio_default_fixture_loop_scope=function")
_SUBJECTS = (
    "recognising",
    "looking",
    "redeeming",
    "reversing",
    "listing",
    "failing",
    "cancelling",
    "secrecy",
    "delivering",
    "identifying",
    "failing_logins",
    "booking",
    "failing_bookings",
    "messaging",
    "failing_messages",
    "ordering",
    "failing_orders",
    "declaring",
)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule on one suite. `outcome`: "kept", "broken" or "exempt"; `reason` why, for the last two."""

    suite: str
    subject: str
    rule: str
    outcome: str
    reason: str = ""


@dataclass(slots=True)
class Verdict:
    """What the kit found. `notes` are exemptions and states that the platform cannot hold."""

    results: list[RuleResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def broken(self) -> list[RuleResult]:
        return [each for each in self.results if each.outcome == "broken"]


def find_suite(module: str) -> Path:
    """The file of a suite, given as a path, a module, or the code of a built-in channel. Raises CommandFailed."""
    path = Path(module)
    if path.suffix == ".py" or path.is_dir():
        if path.exists():
            return path
        raise CommandFailed(f"there is no file {module}", WRONG_USE)
    candidates = [
        module,
        f"{module}.tests.test_{module}",
        f"tests.conformance.test_{module.rpartition('.')[2]}",
    ]
    for name in candidates:
        if (found := _find_module(name)) is not None:
            return found
    raise CommandFailed(
        f"{module!r} is neither a file nor a module with a conformance suite; give the test file, as in"
        " `hexiao channel check tests/test_kiosk.py`",
        WRONG_USE,
    )


def _find_module(name: str) -> Path | None:
    """The file of a module that holds a suite. It is not imported here: pytest does that."""
    path = Path(*name.split(".")).with_suffix(".py")
    if path.is_file() and _holds_suite(path):
        return path
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin and _holds_suite(Path(spec.origin)):
            return Path(spec.origin)
    return None


def _holds_suite(path: Path) -> bool:
    return path.suffix == ".py" and _SUITE.search(path.read_text("utf-8")) is not None


def run_kit(path: Path) -> Verdict:
    """Runs the suites of a file. Raises CommandFailed where the kit is not installed or the file holds no suite."""
    try:
        import pytest
    except ImportError:
        raise CommandFailed("the kit is not installed: pip install 'hexiao[kit]'") from None
    listener = _Listener()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(
            [str(path), "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *_OPTIONS],
            plugins=[listener],
        )
    verdict = listener.verdict
    if not verdict.results:
        verdict.trouble = said.getvalue().strip()[-2000:] or f"pytest ended with {int(code)}"
        raise CommandFailed(f"{path} could not be tried:\n{verdict.trouble}", FAILED)
    return verdict


class _Listener:
    """A pytest plugin that takes down what becomes of each standard test."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._owners: dict[str, tuple[str, str, str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        from core.testing.suites import list_tests

        for item in session.items:
            name = getattr(item, "originalname", None) or item.name
            owner = getattr(item, "cls", None)
            if owner is not None and (test := list_tests(owner).get(name)):
                subject = test.__module__.rpartition(".")[2]
                self._owners[item.nodeid] = (owner.__name__, subject, name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        owner = self._owners.get(report.nodeid)
        if owner is None or (report.when != "call" and report.passed):
            return
        outcome = {"passed": "kept", "skipped": "exempt"}.get(report.outcome, "broken")
        if report.when == "teardown" and outcome != "broken":
            return
        self.verdict.results.append(RuleResult(*owner, outcome, _explain(report)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from core.testing.notes import read_notes
        from core.testing.suites import find_unproved

        self.verdict.notes = list(read_notes(session.config))
        self.verdict.results += [
            RuleResult("–", "declaring", "declared_capability_is_tried", "broken", reason)
            for reason in find_unproved(session.config)
        ]


def _explain(report: pytest.TestReport) -> str:
    """The first line of what went wrong."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(crash.message if crash else report.longrepr or "").strip().splitlines()
    return words[0][:_LONGEST_REASON] if words else ""


def print_verdict(verdict: Verdict, console: Console) -> None:
    """A table of the rules by subject, what is broken, and the last word."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("suite", "subject", "kept", "broken", "exempt"):
        table.add_column(heading, justify="left" if heading in {"suite", "subject"} else "right")
    for suite, subject, counts in _count(verdict.results):
        table.add_row(suite, subject, *(str(counts[name] or "–") for name in ("kept", "broken", "exempt")))
    console.print(table)
    for note in verdict.notes:
        console.print(f"· {note}", style="yellow", markup=False, highlight=False)
    for each in verdict.broken:
        console.print(
            f"✗ {each.suite}.{each.rule}: {each.reason}", style="red", markup=False, highlight=False
        )
    kept = sum(each.outcome == "kept" for each in verdict.results)
    if verdict.broken:
        console.print(
            f"Not proved: {len(verdict.broken)} of {len(verdict.results)} rules are broken.", style="bold red"
        )
    else:
        console.print(f"Proved: {kept} rules are kept.", style="bold green")


def _count(results: Sequence[RuleResult]) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Suite, subject, and how many rules ended how, in the order in which a reader meets them."""
    found = dict.fromkeys((each.suite, each.subject) for each in results)
    order = {subject: place for place, subject in enumerate(_SUBJECTS)}
    for suite, subject in sorted(found, key=lambda pair: (pair[0], order.get(pair[1], len(order)))):
        counts = dict.fromkeys(("kept", "broken", "exempt"), 0)
        for each in results:
            if (each.suite, each.subject) == (suite, subject):
                counts[each.outcome] += 1
        yield suite, subject, counts
