"""Promises of `hexiao serve` and `hexiao demo`, kept by real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.demo.server import DemoOptions, temporary_folder

HEXIAO = [sys.executable, "-c", "from core.cli import main; main()"]
LOOK_UP = """query($store: ID!, $code: String!) {
  couponLookup(storeId: $store, code: $code) { coupons { title } userErrors { code } }
}"""
REDEEM = (
    "mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) { outcome userErrors { code } } }"
)

# What each state of a coupon answers at the first store; an empty list means that it can be used.
ANSWERS = {
    ("douyin", "usable"): [],
    ("douyin", "used"): ["ALREADY_REDEEMED"],
    ("douyin", "expired"): ["EXPIRED"],
    ("douyin", "times_card"): [],
    ("douyin", "two_coupons"): [],
    ("douyin", "wrong_store"): ["WRONG_STORE"],
    ("house", "usable"): [],
    ("house", "used"): ["ALREADY_REDEEMED"],
    ("house", "expired"): ["EXPIRED"],
    ("house", "not_yet_valid"): ["NOT_YET_VALID"],
    ("house", "times_card"): [],
}


class Demo:
    """A running demo, as a visitor meets it."""

    def __init__(self, process: subprocess.Popen[str], guide: dict[str, Any]) -> None:
        self.process = process
        self.guide = guide
        self.client = httpx.Client(base_url=guide["address"], timeout=10, trust_env=False)

    def token(self, role: str) -> str:
        return next(each["token"] for each in self.guide["tokens"] if each["role"] == role)

    def code(self, channel: str, state: str) -> str:
        return next(c["code"] for c in self.guide["codes"] if (c["channel"], c["state"]) == (channel, state))

    def run(self, query: str, role: str = "MANAGER", **variables: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        return dict(answer.json())

    def stop(self, number: int) -> int:
        self.client.close()
        self.process.send_signal(number)
        return self.process.wait(20)


def start_demo() -> Demo:
    process = subprocess.Popen([*HEXIAO, "demo", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        return Demo(process, json.loads(process.stdout.readline()))


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    running = start_demo()
    yield running
    assert running.stop(signal.SIGTERM) == 0
    assert not Path(running.guide["folder"]).exists()


@pytest.mark.parametrize(("channel", "state"), list(ANSWERS), ids=str)
def test_demo_has_every_state(demo: Demo, channel: str, state: str) -> None:
    store = demo.guide["stores"][0]["id"]
    answer = demo.run(LOOK_UP, store=store, code=demo.code(channel, state))
    found = answer["data"]["couponLookup"]
    assert [each["code"] for each in found["userErrors"]] == ANSWERS[channel, state]
    assert bool(found["coupons"]) or ANSWERS[channel, state]


def test_demo_redeems_both_channels(demo: Demo) -> None:
    codes = [{"code": demo.code("douyin", "usable")}, {"code": demo.code("house", "usable")}]
    wish = {"storeId": demo.guide["stores"][0]["id"], "codes": codes, "idempotencyKey": "both"}
    first = demo.run(REDEEM, input=wish)["data"]["redeemCoupons"]
    again = demo.run(REDEEM, input={**wish, "idempotencyKey": "again"})["data"]["redeemCoupons"]
    assert first == {"outcome": "REDEEMED", "userErrors": []}
    assert again["outcome"] == "DECLINED"
    assert {each["code"] for each in again["userErrors"]} == {"ALREADY_REDEEMED"}


def test_demo_serves_the_second_store(demo: Demo) -> None:
    store = demo.guide["stores"][1]["id"]
    answer = demo.run(LOOK_UP, store=store, code=demo.code("douyin", "wrong_store"))
    assert answer["data"]["couponLookup"]["userErrors"] == []


def test_demo_has_every_role(demo: Demo) -> None:
    roles = {each["role"] for each in demo.guide["tokens"]}
    assert roles == {"OWNER", "MANAGER", "STAFF", "POS", "CUSTOMER"}
    assert all("errors" not in demo.run("{ channels { code } }", role) for role in roles)


def test_demo_logs_in_by_every_mini_program(demo: Demo) -> None:
    """Each with a fresh code, from a simulated platform, to the customer with that platform's phone."""
    programs = demo.client.get("/demo.json").json()["programs"]
    assert {"wechat", "douyin", "koubei"} <= {each["channel"] for each in programs}
    for program in programs:
        request = demo.client.get(program["login"]).json()
        answer = demo.client.post("/graphql", json=request).json()["data"]["loginWithMiniProgram"]
        assert answer["userErrors"] == [], program
        assert answer["token"].startswith("hx_")
        assert answer["customer"]["phone"], program
    assert demo.client.get("/demo.login?channel=house").status_code == 404


def test_page_needs_nothing_from_elsewhere(demo: Demo) -> None:
    page = demo.client.get("/")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    files = ["landing.css", "landing.js", "texts.js", "operations.js", "graphql.js", "camellia.svg"]
    bodies = [demo.client.get(f"/static/{name}") for name in files]
    assert [each.status_code for each in bodies] == [200] * len(files)
    addresses = [each.text.replace("http://www.w3.org/2000/svg", "") for each in (page, *bodies)]
    assert not any("http://" in text or "https://" in text for text in addresses)


def test_page_reads_the_guide(demo: Demo) -> None:
    guide = demo.client.get("/demo.json").json()
    assert [each["code"] for each in guide["codes"]] == [each["code"] for each in demo.guide["codes"]]
    assert all(each["qr"].startswith("<svg") for each in guide["codes"])


def test_interrupt_leaves_nothing_behind() -> None:
    running = start_demo()
    folder, port = Path(running.guide["folder"]), int(running.guide["address"].rpartition(":")[2])
    assert folder.exists()
    assert running.stop(signal.SIGINT) == 0
    assert not folder.exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("keep", [True, False])
async def test_folder_stays_only_if_wanted(keep: bool) -> None:
    async with temporary_folder(DemoOptions("", "127.0.0.1", 0, keep=keep)) as folder:
        (folder / "demo.sqlite3").touch()
    assert folder.exists() is keep
    shutil.rmtree(folder, ignore_errors=True)


def test_taken_port_is_told(hexiao) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = hexiao("demo", "--port", str(taken.getsockname()[1]))
    assert ended.exit_code == 1
    assert "is taken" in ended.errors
    assert "--port" in ended.errors


def test_old_schema_is_refused(hexiao) -> None:
    ended = hexiao("serve", "--port", "0")
    assert ended.exit_code == 1
    assert ended.errors.strip().endswith("run: hexiao migrate")


def test_server_answers_and_stops(hexiao) -> None:
    token = json.loads(hexiao("init", "--merchant", "A", "--store", "B").output)["token"]
    command = [*HEXIAO, "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[-1].removesuffix("/graphql")
        try:
            answer = ask(address, token)
            page = httpx.get(f"{address}/", trust_env=False)
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert {each["code"] for each in answer["data"]["channels"]} >= {"douyin", "house"}
    assert page.status_code == 404, "the landing page is the demo's"


def ask(address: str, token: str) -> dict[str, Any]:
    """The channels, once the server listens."""
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(100):
        try:
            answer = httpx.post(
                f"{address}/graphql",
                json={"query": "{ channels { code } }"},
                headers=headers,
                trust_env=False,
            )
            return dict(answer.json())
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the server did not listen")
