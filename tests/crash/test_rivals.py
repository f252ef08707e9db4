"""Fifty tills redeem the same coupon at the same moment, over two workers and over two servers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.audit import describe, find_violations, read_books, wait_until_quiet
from tests.crash.platform import PlatformControl
from tests.crash.processes import Servers, free_port, wait_until_open
from tests.crash.shop import Answer, Basket, Shop, Till

pytestmark = pytest.mark.crash

RIVALS = 50


@pytest.fixture
def two_workers(servers: Servers, tmp_path: Path) -> Iterator[str]:
    """The address of `hexiao serve --workers 2`."""
    port, log = free_port(), tmp_path / "serve.log"
    command = [sys.executable, "-c", "from core.cli import main; main()", "serve", "--workers", "2"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, **servers.variables(), "HEXIAO_ANSWER_SECONDS": "8"},
            stdout=output,
            stderr=output,
        )
    try:
        wait_until_open(f"http://127.0.0.1:{port}/livez", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


async def test_one_of_fifty_by_two_workers(two_workers: str, shop: Shop, platform: PlatformControl) -> None:
    coupon = platform.seed(usable=1)["usable"][0]
    answers = await _race([two_workers], shop, coupon["code"])
    await _check_race(answers, shop, platform, coupon["reference"])


async def test_one_of_fifty_by_two_servers(shop: Shop, servers: Servers, platform: PlatformControl) -> None:
    servers.environment["HEXIAO_ANSWER_SECONDS"] = "8"
    addresses = [servers.start().address, servers.start().address]
    coupon = platform.seed(usable=1)["usable"][0]
    answers = await _race(addresses, shop, coupon["code"])
    await _check_race(answers, shop, platform, coupon["reference"])


async def _race(addresses: list[str], shop: Shop, code: str) -> list[Answer]:
    tills = [Till(addresses[number % len(addresses)], shop) for number in range(RIVALS)]
    try:
        baskets = [Basket(f"till {number}", ((code, 1),)) for number in range(RIVALS)]
        return await asyncio.gather(
            *(till.submit(basket) for till, basket in zip(tills, baskets, strict=True))
        )
    finally:
        await asyncio.gather(*(till.__aexit__() for till in tills))


async def _check_race(answers: list[Answer], shop: Shop, platform: PlatformControl, reference: str) -> None:
    told = Counter((answer.outcome, answer.errors) for answer in answers)
    assert told == {
        ("REDEEMED", ()): 1,
        ("DECLINED", (("ALREADY_REDEEMED", "codes.0"),)): RIVALS - 1,
    }
    assert len(platform.uses()[reference]) == 1
    await wait_until_quiet(shop.settings)
    books = await read_books(shop.settings)
    violations = find_violations(books, platform.uses(), {reference: 1})
    assert not violations, describe(books, violations)
    assert len(books.requests) == RIVALS
