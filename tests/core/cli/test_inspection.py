"""Promises of `hexiao doctor`, `channel list`, `keys rotate`, `--version` and `--help`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from uuid import UUID

from core.db.inserts import insert_row
from core.db.lifecycle import opened_database
from core.db.statements import Json, execute, fetch_rows, write_together
from core.ids import decode_id, new_id
from core.keys import KeyRing
from core.program import build_keys
from core.settings import load_settings

OLD_KEY = "an-older-secret-key-that-was-used-before-now"


def in_database(work: Callable[[], Awaitable[object]]) -> object:
    async def run() -> object:
        async with opened_database(load_settings()):
            return await work()

    return asyncio.run(run())


def begin(hexiao) -> UUID:
    made = json.loads(hexiao("init", "--merchant", "山茶小馆", "--store", "西湖店").output)
    return decode_id(made["merchantId"], "Merchant")


def add_account(tenant_id: UUID, keys: KeyRing, status: str = "ACTIVE") -> UUID:
    """A connected Douyin account whose one credential is sealed with these keys; bound to no store."""
    account_id = new_id()
    sealed = keys.seal(b'"hush-hush"', str(tenant_id), "douyin", str(account_id), "clientSecret")
    writes = [
        insert_row(
            "channel_account",
            id=account_id,
            tenant_id=tenant_id,
            channel="douyin",
            name="D",
            status=status,
            settings=Json({}),
        ),
        insert_row(
            "channel_credential",
            id=new_id(),
            tenant_id=tenant_id,
            account_id=account_id,
            field="clientSecret",
            sealed=sealed,
        ),
    ]
    in_database(lambda: write_together(writes))
    return account_id


def problems(ended) -> list[str]:
    return [each["problem"] for each in json.loads(ended.output)]


def test_doctor_finds_nothing_wrong(hexiao) -> None:
    begin(hexiao)
    ended = hexiao("doctor")
    assert ended.exit_code == 0
    assert ended.output.startswith("✓")


def test_doctor_asks_for_migration(hexiao) -> None:
    ended = hexiao("doctor", "--json")
    assert ended.exit_code == 3
    assert [each["mend"] for each in json.loads(ended.output)] == ["Run: hexiao migrate"]


def test_doctor_sees_unsafe_settings(hexiao, monkeypatch) -> None:
    begin(hexiao)
    monkeypatch.setenv("HEXIAO_SECRET_KEY", "ab" * 20)
    monkeypatch.setenv("HEXIAO_ALLOW_PRIVATE_HOSTS", "1")
    monkeypatch.delenv("HEXIAO_PUBLIC_URL")
    ended = hexiao("doctor", "--json")
    assert ended.exit_code == 3
    assert problems(ended) == [
        "HEXIAO_SECRET_KEY is easy to guess",
        "channels may call private addresses",
        "the address that platforms reach is not known, so webhook addresses are wrong",
    ]
    assert "abab" not in ended.output


def test_doctor_sees_a_missing_invariant(hexiao) -> None:
    begin(hexiao)
    indexes = in_database(
        lambda: fetch_rows(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%redemption_claim%'"
        )
    )
    name = next(row["name"] for row in indexes if not row["name"].startswith("sqlite_"))
    in_database(lambda: execute(f'DROP INDEX "{name}"'))
    ended = hexiao("doctor", "--json")
    assert ended.exit_code == 3
    assert problems(ended)[0].startswith("not up to date")
    assert hexiao("migrate").exit_code == 0
    assert hexiao("doctor").exit_code == 0


def test_doctor_sees_a_sick_account(hexiao) -> None:
    tenant_id = begin(hexiao)
    add_account(tenant_id, build_keys(load_settings()), "NEEDS_ATTENTION")
    ended = hexiao("doctor", "--json")
    assert ended.exit_code == 3
    assert len(problems(ended)) == 2
    assert "it is bound to no store" in problems(ended)


def test_keys_are_rotated(hexiao, monkeypatch) -> None:
    tenant_id = begin(hexiao)
    add_account(tenant_id, KeyRing(OLD_KEY))
    monkeypatch.setenv("HEXIAO_PREVIOUS_SECRET_KEYS", json.dumps([OLD_KEY]))
    assert any("older key" in each for each in problems(hexiao("doctor", "--json")))
    ended = hexiao("keys", "rotate")
    assert ended.exit_code == 0
    assert ended.output == "sealed anew: 1, already current: 0, unreadable: 0\n"
    assert not any("older key" in each for each in problems(hexiao("doctor", "--json")))
    assert hexiao("keys", "rotate").output == "sealed anew: 0, already current: 1, unreadable: 0\n"


def test_unknown_key_needs_attention(hexiao) -> None:
    add_account(begin(hexiao), KeyRing(OLD_KEY))
    ended = hexiao("keys", "rotate")
    assert ended.exit_code == 3
    assert "unreadable: 1" in ended.output
    assert "HEXIAO_PREVIOUS_SECRET_KEYS" in ended.errors


def test_channels_are_listed(hexiao) -> None:
    listed = {row["code"]: row for row in json.loads(hexiao("channel", "list", "--json").output)}
    assert {"douyin", "house"} <= set(listed)
    assert listed["douyin"]["capabilities"] == ["COUPONS", "IDENTITY", "RESERVATIONS", "WEBHOOKS"]
    assert listed["douyin"]["simulator"] == "adapters.douyin.simulator:app"
    assert "douyin" in hexiao("channel", "list").output


def test_version_is_printed(hexiao) -> None:
    ended = hexiao("--version")
    assert ended.output == f"hexiao {version('hexiao')}\n"


def test_wrong_use_ends_with_two(hexiao) -> None:
    assert hexiao("token", "create", "--role", "emperor").exit_code == 2
    assert hexiao("no-such-command").exit_code == 2


def test_help_loads_nothing_heavy() -> None:
    heavy = ("tortoise", "strawberry", "granian", "httpx", "cryptography", "pydantic")
    code = f"import sys, core.cli; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
