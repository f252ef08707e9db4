"""The example channel: a package of its own, found by its entry point, proved by the kit, redeemed like any other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.cli import main
from core.testing.coupons import STANDARD_TESTS

RULES = len(STANDARD_TESTS)
ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "channel-kiosk"
GUIDE = ROOT / "docs" / "writing-a-channel.md"
HEXIAO = [str(Path(sys.executable).with_name("hexiao"))]
REDEEM = """mutation ($input: RedeemCouponsInput!) { redeemCoupons(input: $input) {
  outcome redemptions { status channel { code } discount { amount } } userErrors { code } } }"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed, apart from everything else."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder), str(EXAMPLE)], check=True, timeout=120)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEXIAO_")}
    return {**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def demo(installed: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A running demo that has found the example."""
    with subprocess.Popen(
        [*HEXIAO, "demo", "--port", "0", "--json"], env=installed, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def test_example_is_found(installed):
    listed = subprocess.run(
        [*HEXIAO, "channel", "list", "--json"], env=installed, check=True, capture_output=True, timeout=60
    )
    found = {row["code"]: row["distribution"] for row in json.loads(listed.stdout)}
    assert found["kiosk"] == "channel-kiosk"


def test_example_is_redeemed(demo):
    code = next(
        each["code"] for each in demo["codes"] if (each["channel"], each["state"]) == ("kiosk", "usable")
    )
    token = next(each["token"] for each in demo["tokens"] if each["role"] == "MANAGER")
    basket = {"storeId": demo["stores"][0]["id"], "codes": [{"code": code}], "idempotencyKey": "kiosk"}
    answer = httpx.post(
        f"{demo['address']}/graphql",
        json={"query": REDEEM, "variables": {"input": basket}},
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
    ).json()["data"]["redeemCoupons"]
    assert (answer["outcome"], answer["userErrors"]) == ("REDEEMED", [])
    assert answer["redemptions"] == [
        {"status": "SUCCEEDED", "channel": {"code": "kiosk"}, "discount": {"amount": "99.00"}}
    ]


def test_example_keeps_every_rule(installed):
    suite = str(EXAMPLE / "tests" / "test_kiosk.py")
    checked = subprocess.run(
        [*HEXIAO, "channel", "check", suite],
        env=installed,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (checked.returncode, f"Proved: {RULES} rules are kept." in checked.stdout) == (0, True), (
        checked.stdout
    )


def test_new_channel_keeps_every_rule(tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["channel", "new", "taobao", "--in", str(tmp_path)])
    package = tmp_path / "channel-taobao"
    assert ended.value.code in (0, None)
    assert "kiosk" not in "".join(path.read_text("utf-8").lower() for path in package.rglob("*.*"))
    environment = {**os.environ, "PYTHONPATH": str(package)}
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package, env=environment, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert f"{RULES} passed" in tried.stdout, tried.stdout


@pytest.mark.parametrize("name", ["9x", "Taobao", "tao-bao", ""])
def test_wrong_name_writes_nothing(tmp_path, name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["channel", "new", name, "--in", str(tmp_path)])
    assert ended.value.code == 2
    assert "is no name for a channel" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_left_alone(tmp_path, capsys):
    (tmp_path / "channel-taobao").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["channel", "new", "taobao", "--in", str(tmp_path)])
    assert ended.value.code == 2
    assert "nothing was written" in capsys.readouterr().err


def test_check_names_the_broken_rule(installed, tmp_path):
    suite = (EXAMPLE / "tests" / "test_kiosk.py").read_text("utf-8")
    broken = tmp_path / "test_broken.py"
    broken.write_text(suite.replace("CouponFacts(9900", "CouponFacts(9901"), "utf-8")
    checked = subprocess.run(
        [*HEXIAO, "channel", "check", str(broken)], env=installed, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 1
    assert re.findall(r"TestKiosk\.(test_\w+)", checked.stdout) == ["test_money_is_fen"]
    assert f"Not proved: 1 of {RULES} rules are broken." in checked.stdout


def test_guide_is_true(monkeypatch):
    """The Python of docs/writing-a-channel.md runs, block after block."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(block, scope)  # our own document
