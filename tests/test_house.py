"""The house rules that a machine can hold: import arrows, lengths, and what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("core", "adapters", "schema")
LONGEST_FUNCTION = 60

# What an adapter may know of core: the port with what helps to fill it, and two small values.
PORT = {
    "core.channels.contract",
    "core.channels.day_lists",
    "core.channels.hookspec",
    "core.channels.observers",
    "core.channels.wire",
    "core.clock",
    "core.money",
}
DOWNLOAD_HOSTS = re.compile(
    r"files\.pythonhosted|registry\.npmjs|npm[m]irror|pypi\.org/simple|--(?:extra-)?index-url|\"resolved\":"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work/(?:main|shared|tmp))/")


@cache
def _modules(room: str) -> tuple[Path, ...]:
    return tuple(sorted((ROOT / room).rglob("*.py")))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _imports(path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, also under TYPE_CHECKING and inside functions."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _points_into(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _crossings(room: str, *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _modules(room)
        for name in _imports(path)
        if _points_into(name, *forbidden)
    ]


def _committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _matches(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in _committed_files():
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def test_core_looks_at_nobody() -> None:
    assert _modules("core")
    assert _crossings("core", "adapters", "schema", "strawberry", "tests") == []


def test_schema_asks_services_only() -> None:
    models = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("core/*/models.py")
    ]
    assert models
    assert _crossings("schema", "adapters", "tests", "tortoise", *models) == []


def _outside_the_port(path: Path) -> list[str]:
    channel, *inside = path.relative_to(ROOT / "adapters").parts
    # A simulator may be one module or a package of its own.
    kit = {"core.testing"} if inside and inside[0].startswith("simulator") else set()
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for name in _imports(path)
        if _points_into(name, *ROOMS, "tests") and not _points_into(name, f"adapters.{channel}", *PORT, *kit)
    ]


def test_adapters_know_the_port_only() -> None:
    assert _modules("adapters")
    assert [line for path in _modules("adapters") for line in _outside_the_port(path)] == []


def test_arrows_are_really_read() -> None:
    names = set(_imports(ROOT / "core" / "runtime.py"))
    assert _points_into("core.runtime.Runtime", "core")
    assert not _points_into("coreutils", "core")
    assert any(_points_into(name, "core.settings") for name in names)


@pytest.mark.parametrize("room", [*ROOMS, "tests"])
def test_functions_stay_short(room: str) -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in _modules(room)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


@pytest.mark.parametrize("room", ROOMS)
def test_modules_say_what_they_are(room: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _modules(room)
        # Migrations are generated.
        if "migrations" not in path.parts and _tree(path).body and not ast.get_docstring(_tree(path))
    ]
    assert silent == []


def test_files_name_no_machine() -> None:
    assert _matches(MACHINE_PATHS) == []


def test_files_name_no_download_host() -> None:
    assert _matches(DOWNLOAD_HOSTS) == []
