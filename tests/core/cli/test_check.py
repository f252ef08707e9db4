"""`hexiao channel check`: every capability that a channel declares must be tried in the file that is checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = """
import pytest
from core.testing.identity import IdentityChannelSuite
from core.testing.coupons import CouponChannelSuite
from core.testing.paper_identity import PaperLoginChannel
from core.testing.paper_logins import PaperLogins
from core.testing.paper_platform import PaperPlatform

pytest_plugins = ["core.testing.report"]


class TestCoupons(CouponChannelSuite):
    @pytest.fixture
    def channel(self):
        return PaperLoginChannel()

    @pytest.fixture
    def platform(self):
        return PaperPlatform()
"""
LOGINS = """

class TestLogins(IdentityChannelSuite):
    @pytest.fixture
    def channel(self):
        return PaperLoginChannel()

    @pytest.fixture
    def platform(self):
        return PaperLogins()
"""


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    path = folder / "test_paper.py"
    path.write_text(text, "utf-8")
    hexiao = Path(sys.executable).with_name("hexiao")
    return subprocess.run([hexiao, "channel", "check", path], capture_output=True, text=True, timeout=120)


def test_whole_file_is_proved(tmp_path: Path) -> None:
    ended = check(tmp_path, SUITE + LOGINS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "identifying" in ended.stdout
    assert "Proved" in ended.stdout


def test_untried_capability_is_not_proved(tmp_path: Path) -> None:
    ended = check(tmp_path, SUITE)
    assert ended.returncode == 1
    said = " ".join(ended.stdout.split())
    assert "paper declares IDENTITY, and no IdentityChannelSuite tries it" in said
    assert "Not proved: 1 of" in said


def test_file_without_coupons_is_a_suite(tmp_path: Path) -> None:
    """A channel may log in and sell nothing; what it declares beside that is asked for all the same."""
    ended = check(tmp_path, SUITE.partition("class TestCoupons")[0] + LOGINS.lstrip())
    assert "paper declares COUPONS, and no CouponChannelSuite tries it" in " ".join(ended.stdout.split())
