"""Promises of `hexiao init`, `migrate` and `token`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from core.access.tokens import authenticate
from core.access.values import Actor, Role
from core.db.lifecycle import opened_database
from core.errors import Unauthenticated
from core.ids import decode_id
from core.settings import load_settings


def who_is(token: str) -> Actor:
    async def ask() -> Actor:
        async with opened_database(load_settings()):
            return await authenticate(token)

    return asyncio.run(ask())


def begin(hexiao, merchant: str = "山茶小馆") -> dict[str, str]:
    ended = hexiao("init", "--merchant", merchant, "--store", "西湖店")
    assert ended.exit_code == 0, ended.errors
    return json.loads(ended.output)


def test_init_makes_an_owner(hexiao) -> None:
    made = begin(hexiao)
    owner = who_is(made["token"])
    assert set(made) == {"merchantId", "storeId", "token"}
    assert owner.role is Role.OWNER
    assert owner.tenant_id == decode_id(made["merchantId"], "Merchant")


def test_init_refuses_unknown_zone(hexiao) -> None:
    ended = hexiao("init", "--merchant", "A", "--store", "B", "--time-zone", "Asia/Atlantis")
    assert ended.exit_code == 2
    assert "Asia/Atlantis" in ended.errors
    assert ended.output == ""


def test_migrate_may_be_repeated(hexiao, environment: Path) -> None:
    first, second = hexiao("migrate"), hexiao("migrate")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "applied" in first.output
    assert "applied" not in second.output
    assert environment.exists()


def test_token_is_printed_alone(hexiao) -> None:
    made = begin(hexiao)
    ended = hexiao("token", "create", "--role", "staff", "--store", made["storeId"], "--scope", "reverse")
    actor = who_is(ended.output.strip())
    assert ended.output.count("\n") == 1
    assert actor.role is Role.STAFF
    assert actor.scopes == {"reverse"}
    assert actor.store_ids == {decode_id(made["storeId"], "Store")}


@pytest.mark.parametrize("role", ["staff", "pos"])
def test_counter_tokens_need_stores(hexiao, role: str) -> None:
    begin(hexiao)
    ended = hexiao("token", "create", "--role", role)
    assert ended.exit_code == 2
    assert ended.output == ""


def test_token_needs_a_merchant(hexiao) -> None:
    hexiao("migrate")
    ended = hexiao("token", "create", "--role", "owner")
    assert ended.exit_code == 1
    assert "hexiao init" in ended.errors


def test_several_merchants_are_listed(hexiao) -> None:
    first, second = begin(hexiao, "一号"), begin(hexiao, "二号")
    ended = hexiao("token", "create", "--role", "owner")
    assert ended.exit_code == 2
    assert first["merchantId"] in ended.errors
    assert second["merchantId"] in ended.errors
    chosen = hexiao("token", "create", "--role", "owner", "--merchant", second["merchantId"])
    assert who_is(chosen.output.strip()).tenant_id == decode_id(second["merchantId"], "Merchant")


def test_foreign_ids_are_named(hexiao) -> None:
    made = begin(hexiao)
    ended = hexiao("token", "create", "--role", "staff", "--store", made["merchantId"])
    assert ended.exit_code == 2
    assert ended.errors.startswith("--store: this is the id of a Merchant")


def test_revoked_token_is_refused(hexiao) -> None:
    token = begin(hexiao)["token"]
    assert hexiao("token", "revoke", token).exit_code == 0
    with pytest.raises(Unauthenticated):
        who_is(token)


def test_revoking_nothing_fails(hexiao) -> None:
    hexiao("migrate")
    ended = hexiao("token", "revoke", "hx_" + "a" * 43)
    assert ended.exit_code == 1
    assert ended.output == ""
    assert "hx_" not in ended.errors
