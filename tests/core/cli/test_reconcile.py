"""Promises of `hexiao reconcile`: what it prints, how it ends, and what it says about wrong input."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import structlog

from core.channels.contract import ChannelUnavailable
from core.coupons.house import HouseCoupons
from core.db.inserts import insert_row
from core.db.lifecycle import opened_database
from core.db.statements import fetch_rows, write_together
from core.ids import decode_id, encode_global_id, new_id
from core.settings import load_settings

SHANGHAI = ZoneInfo("Asia/Shanghai")


def in_database(work: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with opened_database(load_settings()):
            return await work()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The command sends the log to standard error; later tests want it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def store(hexiao) -> str:
    """A merchant's only store."""
    made = json.loads(hexiao("init", "--merchant", "山茶小馆", "--store", "西湖店").output)
    return str(made["storeId"])


def day(back: int = 1) -> str:
    return (datetime.now(SHANGHAI).date() - timedelta(days=back)).isoformat()


def add_use(store: str, back: int = 1) -> UUID:
    """A use of an own coupon at noon, which no redemption tells of."""
    use_id = new_id()
    noon = datetime.now(SHANGHAI).replace(hour=12, minute=0, second=0, microsecond=0)

    async def write() -> None:
        [row] = await fetch_rows("SELECT tenant_id FROM store")
        use = insert_row(
            "house_use",
            id=use_id,
            tenant_id=UUID(row["tenant_id"]),
            coupon_id=new_id(),
            batch_id=new_id(),
            token=str(use_id),
            number=0,
            store_id=decode_id(store, "Store"),
            amount=1250,
            used_at=(noon - timedelta(days=back)).astimezone(UTC),
        )
        await write_together([use])

    in_database(write)
    return use_id


def test_nothing_differs(hexiao, store):
    ended = hexiao("reconcile")
    assert (ended.exit_code, ended.errors.strip()) == (0, "")
    assert day() in ended.output
    assert "Both sides agree." in ended.output


def test_differences_are_a_table(hexiao, store, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    use_id = add_use(store)
    ended = hexiao("reconcile", "--day", day())
    assert ended.exit_code == 1
    for shown in ("MISSING_LOCAL", f"{day()} 12:00:00", str(use_id), "12.50", "Differences: 1."):
        assert shown in ended.output


def test_json_has_everything(hexiao, store):
    use_id = add_use(store)
    ended = hexiao("reconcile", "--json", "--store", store, "--day", day())
    [found] = json.loads(ended.output)
    assert ended.exit_code == 1
    assert (found["day"], found["storeId"], found["channel"], found["accountId"]) == (
        day(),
        store,
        "house",
        None,
    )
    assert (found["status"], found["theirsCount"], found["differenceCount"]) == ("DONE", 1, 1)
    [difference] = found["differences"]
    assert (difference["kind"], difference["receipt"]) == ("MISSING_LOCAL", str(use_id))
    assert (difference["theirs"], difference["redemptionId"]) == ("12.50", None)


def test_several_days(hexiao, store):
    add_use(store, back=2)
    found = json.loads(hexiao("reconcile", "--json", "--since", day(3)).output)
    assert [(each["day"], each["differenceCount"]) for each in found] == [
        (day(3), 0),
        (day(2), 1),
        (day(1), 0),
    ]
    until = json.loads(hexiao("reconcile", "--json", "--since", day(3), "--until", day(3)).output)
    assert [each["day"] for each in until] == [day(3)]


def test_unreadable_record(hexiao, store, monkeypatch):
    async def fail(self, session, query):
        raise ChannelUnavailable("the database gave no answer")

    monkeypatch.setattr(HouseCoupons, "list_uses", fail)
    ended = hexiao("reconcile")
    assert ended.exit_code == 2
    assert "The platform did not answer" in ended.output.replace("\n", " ")
    [found] = json.loads(hexiao("reconcile", "--json").output)
    assert (found["status"], found["theirsCount"]) == ("FAILED", None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--day", "yesterday"], "--day yesterday: write a day as in 2026-05-01"),
        (["--since", "2026-13-01"], "--since 2026-13-01: write a day"),
        (["--until", "2026-01-01"], "--until needs --since"),
        (["--day", "2026-01-01", "--since", "2026-01-01"], "give either --day, or --since and --until"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "lies before"),
        (["--since", "2020-01-01", "--until", "2020-12-31"], "92 days at once are the most"),
        (["--day", day(0)], f"{day(0)} is not complete yet in 西湖店; the last day that is: {day()}"),
        (["--since", day(-3)], "is not complete yet"),
        (["--store", "x"], "--store: "),
        (["--store", encode_global_id("Merchant", new_id())], "--store: this is the id of a Merchant"),
        (["--store", encode_global_id("Store", new_id())], "no such store is bound to an account"),
        (["--account", encode_global_id("ChannelAccount", new_id())], "no such store is bound to an account"),
    ],
)
def test_wrong_input(hexiao, store, arguments, sentence):
    ended = hexiao("reconcile", *arguments)
    assert ended.exit_code == 2
    assert sentence in ended.errors
    assert in_database(lambda: fetch_rows("SELECT id FROM reconciliation_run")) == []


def test_database_without_tables(hexiao):
    ended = hexiao("reconcile")
    assert ended.exit_code == 1
    assert "hexiao migrate" in ended.errors
