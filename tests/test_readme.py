"""The README promises a redeem in three calls; here they are run as they stand, against a running demo."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCS = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))
PRINTED_ADDRESS = "http://127.0.0.1:8000"

pytestmark = pytest.mark.skipif(not which("curl") or not which("bash"), reason="needs curl and bash")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-c", "from core.cli import main; main()", "demo", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def read_block(name: str) -> str:
    found = re.findall(r"^```sh\n(.*?)^```$", (ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{name} has one block that is run"
    return str(found[0])


def run_block(block: str, address: str) -> list[dict[str, Any]]:
    """The answers of the block's calls, one JSON document each."""
    script = "set -euo pipefail\n" + block.replace(PRINTED_ADDRESS, address).replace(
        "\nJSON\n", "\nJSON\necho\n"
    )
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=30, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def test_three_calls_redeem(address: str) -> None:
    found, redeemed = run_block(read_block("README.md"), address)
    assert [each["status"] for each in found["data"]["couponLookup"]["coupons"]] == ["AVAILABLE"]
    payload = redeemed["data"]["redeemCoupons"]
    assert (payload["outcome"], payload["userErrors"]) == ("REDEEMED", [])
    assert len(payload["redemptions"]) == 2


def test_same_key_answers_the_same(address: str) -> None:
    first = run_block(read_block("README.md"), address)[-1]
    again = run_block(read_block("README.md"), address)[-1]
    assert first["data"] == again["data"]
    assert first["data"]["redeemCoupons"]["outcome"] == "REDEEMED"


def test_one_coupon_of_every_channel(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "every-channel.md").read_text("utf-8")
    [block] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(block.replace(PRINTED_ADDRESS, address), {})
    outcome, *lines = capsys.readouterr().out.splitlines()
    assert (outcome, len(lines)) == ("REDEEMED", 9)


def test_booking_takes_two_operations(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "reservations.md").read_text("utf-8")
    [block] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(block.replace(PRINTED_ADDRESS, address), {})
    code, start, problems = capsys.readouterr().out.split(maxsplit=2)
    assert (len(code), start[-1], problems.strip()) == (6, "Z", "[]")


def test_both_languages_show_the_same() -> None:
    assert read_block("README.md") == read_block("README.zh-CN.md")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", *DOCS])
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", page.read_text("utf-8"))
    paths = [path for pair in links for path in pair if path and "://" not in path]
    assert [path for path in paths if not (page.parent / path).exists()] == []
