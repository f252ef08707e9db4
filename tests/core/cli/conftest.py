"""What the tests of the command line share: an environment of their own, and a way to run a command in process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.cli import main
from core.settings import load_settings

SECRET = "a-secret-key-for-tests-that-is-long-enough"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    output: str
    errors: str


Hexiao = Callable[..., Ended]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings for a database that does not exist yet."""
    for name in [each for each in os.environ if each.startswith("HEXIAO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEXIAO_DATABASE_URL", f"sqlite:///{tmp_path}/cli.sqlite3")
    monkeypatch.setenv("HEXIAO_SECRET_KEY", SECRET)
    monkeypatch.setenv("HEXIAO_PUBLIC_URL", "https://coupons.example.cn")
    load_settings.cache_clear()
    yield tmp_path / "cli.sqlite3"
    load_settings.cache_clear()


@pytest.fixture
def hexiao(environment: Path, capsys: pytest.CaptureFixture[str]) -> Hexiao:
    """`hexiao("init", "--merchant", "X")` runs the command as the console script does."""

    def run(*arguments: str) -> Ended:
        load_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run
