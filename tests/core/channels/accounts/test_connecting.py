"""An account is connected when the platform accepts it; nothing is stored otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.access.merchants import create_merchant
from core.access.problems import ProblemCode
from core.access.tokens import authenticate
from core.access.values import Role
from core.channels.accounts import AccountStatus, ChannelAccountView
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    FreshToken,
    Misconfigured,
    ProtocolFailure,
    RateLimited,
)
from core.channels.transport.tokens import TokenStore
from core.db.statements import GuardFailed, Write, fetch_rows
from core.errors import Forbidden, NotFound
from core.keys import KeyRing
from core.testing.clock import ManualClock

SECRET = "s3cret-of-the-mall"
OLD_KEY = "the old secret key, 32 characters+"
GOOD = {"clientKey": "key-1", "clientSecret": SECRET}


async def count_stored() -> list[int]:
    tables = ("channel_account", "channel_credential", "channel_token")
    return [len(await fetch_rows(f"SELECT id FROM {table}")) for table in tables]


async def test_account_connects(service, owner, account, mall):
    assert (account.channel, account.name, account.status) == ("mall", "Our mall", AccountStatus.ACTIVE)
    assert await service.find_account(owner, account.id) == account
    assert await service.list_accounts(owner) == (account,)
    assert mall.sessions[0].account_id == account.id
    entries = await fetch_rows("SELECT details FROM audit_entry WHERE action = 'connectChannel'")
    assert len(entries) == 1
    assert SECRET not in str(entries)


async def test_tokens_of_the_trial_are_kept(service, account):
    kept = TokenStore(KeyRing(OLD_KEY), ManualClock()).open_account(account.tenant_id, account.id)

    async def refuse() -> FreshToken:
        raise AssertionError("the token of the trial was not kept")

    assert await kept.get("client", refuse) == "token-1"
    (row,) = await fetch_rows("SELECT sealed FROM channel_token")
    assert b"token-1" not in bytes(row["sealed"])


async def test_tokens_come_with_the_account_or_not_at_all(service, owner, monkeypatch):
    def break_entry(*given: object) -> Write:
        return Write("UPDATE channel_account SET name='gone' WHERE name='nobody'", (), expects=1)

    monkeypatch.setattr("core.channels.accounts.build_entry", break_entry)
    with pytest.raises(GuardFailed):
        await service.connect_channel(owner, "mall", "Our mall", GOOD)
    assert await count_stored() == [0, 0, 0]


async def test_secrets_are_sealed(account):
    rows = await fetch_rows("SELECT field, sealed FROM channel_credential")
    assert {row["field"] for row in rows} == {"clientKey", "clientSecret"}
    assert SECRET.encode() not in b"".join(bytes(row["sealed"]) for row in rows)
    assert SECRET not in repr(account)


@pytest.mark.parametrize(
    ("credentials", "field", "code", "words"),
    [
        ({"clientSecret": SECRET}, ("credentials", "clientKey"), ProblemCode.REQUIRED, "clientKey"),
        ({**GOOD, "clientKey": " "}, ("credentials", "clientKey"), ProblemCode.REQUIRED, "clientKey"),
        ({**GOOD, "cilentKey": "x"}, ("credentials", "cilentKey"), ProblemCode.INVALID, "It has: clientKey"),
        ({**GOOD, "clientKey": 7}, ("credentials", "clientKey"), ProblemCode.INVALID, "must be a text"),
        (
            {**GOOD, "clientSecret": None},
            ("credentials", "clientSecret"),
            ProblemCode.INVALID,
            "must be a text",
        ),
        ({**GOOD, "businessId": "x"}, ("credentials", "businessId"), ProblemCode.INVALID, "must be a number"),
        (
            {**GOOD, "clientSecret": "a b"},
            ("credentials", "clientSecret"),
            ProblemCode.INVALID,
            "is not valid",
        ),
        ("text", ("credentials",), ProblemCode.INVALID, "must be an object"),
    ],
)
async def test_wrong_keys_told(service, owner, mall, credentials, field, code, words):
    [problem] = await service.connect_channel(owner, "mall", "Our mall", credentials)
    assert (problem.field, problem.code) == (field, code)
    assert words in problem.message()
    assert "a b" not in problem.message()
    assert mall.sessions == []
    assert await count_stored() == [0, 0, 0]


async def test_all_problems_told(service, owner):
    problems = await service.connect_channel(owner, "mall", "n" * 121, {}, {"speed": 1})
    assert [(each.field, each.code) for each in problems] == [
        (("name",), ProblemCode.TOO_LONG),
        (("credentials", "clientKey"), ProblemCode.REQUIRED),
        (("credentials", "clientSecret"), ProblemCode.REQUIRED),
        (("settings", "speed"), ProblemCode.INVALID),
    ]


@pytest.mark.parametrize(
    ("code", "problem"), [("maul", ProblemCode.NOT_FOUND), ("own", ProblemCode.NOT_ALLOWED)]
)
async def test_other_channels_refused(service, owner, code, problem):
    [found] = await service.connect_channel(owner, code, "Our mall", GOOD)
    assert (found.code, found.field) == (problem, ("channel",))
    assert code in found.message()
    assert await count_stored() == [0, 0, 0]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "https://10.1.2.3",
        "https://localhost./api",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://2130706433",
        "https://0x7f.1",
        "https://169.254.169.254",
        "http://api.mall.example",
        "https://user:word@api.mall.example",
        "https://api.mall.example:port",
        "api.mall.example",
        "ftp://api.mall.example",
        "",
    ],
)
async def test_private_address_refused(service, owner, mall, url):
    [problem] = await service.connect_channel(owner, "mall", "Our mall", GOOD, {"baseUrl": url})
    assert (problem.code, problem.field) == (ProblemCode.INVALID, ("settings", "baseUrl"))
    assert mall.sessions == []
    assert await count_stored() == [0, 0, 0]


async def test_demo_allows_private(make_service, owner):
    service = make_service(allow_private_hosts=True)
    url = "http://127.0.0.1:8080"
    account = await service.connect_channel(owner, "mall", "Our mall", GOOD, {"baseUrl": url})
    assert isinstance(account, ChannelAccountView)
    assert await count_stored() == [1, 2, 1]


@pytest.mark.parametrize(
    ("verdict", "code", "field"),
    [
        (
            CredentialsRefused("no", setting="client_secret"),
            ProblemCode.CREDENTIALS_REFUSED,
            ("credentials", "clientSecret"),
        ),
        (CredentialsRefused("no"), ProblemCode.CREDENTIALS_REFUSED, ("credentials",)),
        (Misconfigured("no", setting="baseUrl"), ProblemCode.INVALID, ("settings", "baseUrl")),
        (ChannelUnavailable("no"), ProblemCode.CHANNEL_UNAVAILABLE, ("channel",)),
        (RateLimited("no"), ProblemCode.CHANNEL_UNAVAILABLE, ("channel",)),
        (ProtocolFailure("no"), ProblemCode.CHANNEL_UNAVAILABLE, ("channel",)),
    ],
)
async def test_platform_verdict_told(service, owner, mall, verdict, code, field):
    mall.verdict = verdict
    [problem] = await service.connect_channel(owner, "mall", "Our mall", GOOD)
    assert (problem.code, problem.field) == (code, field)
    assert problem.message()
    assert await count_stored() == [0, 0, 0]


async def test_silent_platform_told(service, owner, mall, monkeypatch):
    async def wait(session):
        await asyncio.sleep(60)

    monkeypatch.setattr("core.channels.accounts._CHECK_SECONDS", 0.01)
    monkeypatch.setattr(mall, "check_account", wait)
    [problem] = await service.connect_channel(owner, "mall", "Our mall", GOOD)
    assert problem.code is ProblemCode.CHANNEL_UNAVAILABLE
    assert await count_stored() == [0, 0, 0]


async def test_staff_connect_nothing(service, owner, mall):
    with pytest.raises(Forbidden):
        await service.connect_channel(replace(owner, role=Role.STAFF), "mall", "Our mall", GOOD)
    assert mall.sessions == []


async def test_other_merchant_sees_nothing(service, account):
    other = await authenticate((await create_merchant("Other", "Other")).token)
    with pytest.raises(NotFound):
        await service.find_account(other, account.id)
    assert await service.list_accounts(other) == ()
    assert await service.load_accounts(other, [account.id]) == {}
