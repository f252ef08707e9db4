"""Access tokens: bought once with a refresh token that then may be void, found again by whoever comes next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from adapters.kuaishou.client import GrantChain
from core.channels.contract import (
    ChannelAnswer,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    NothingSent,
    RateLimited,
    RedeemOrder,
)
from core.channels.transport.tokens import TokenStore
from core.ids import new_id
from core.keys import KeyRing
from core.testing.clock import START
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

TENANT, ACCOUNT = new_id(), new_id()
FIRST, SECOND = "simks-access-000001", "simks-access-000002"


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


async def test_one_token_for_many_calls(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    for _ in range(3):
        await find(code)
    assert simulator.calls == {"token": 1, "prepare": 3}
    assert session.http.requests[-1].headers["access-token"] == FIRST


async def test_refresh_is_sent_as_documented(simulator: Any, session: Any) -> None:
    await GrantChain(session).find()
    (sent,) = session.http.requests
    assert (sent.method, sent.url) == ("GET", "http://simulator.test/oauth2/refresh_token")
    assert sent.params == {
        "app_id": "ks700000000000000001",
        "app_secret": simulator.credentials["appSecret"],
        "grant_type": "refresh_token",
        "refresh_token": simulator.credentials["refreshToken"],
    }


@pytest.mark.parametrize(("hours", "refreshes"), [(47, 1), (47.9, 2), (49, 2)])
async def test_due_token_is_renewed(
    find: Any, simulator: Any, clock: Any, hours: float, refreshes: int
) -> None:
    code = simulator.make("usable").code
    await find(code)
    clock.advance(timedelta(hours=hours))
    await find(code)
    assert simulator.calls == {"token": refreshes, "prepare": 2}


async def test_refresh_token_rotates_for_a_year(session: Any, simulator: Any, clock: Any) -> None:
    for n in range(1, 183):
        assert (await GrantChain(session).find()).access_token == f"simks-access-{n:06d}"
        clock.advance(timedelta(hours=48))
    assert simulator.calls == {"token": 182}


async def test_newest_grant_without_the_hint(session: Any, simulator: Any, clock: Any) -> None:
    for _ in range(4):
        newest = await GrantChain(session).find()
        clock.advance(timedelta(hours=48))
    clock.advance(timedelta(hours=-1))
    hints = [name for name in session.tokens._tokens if name.startswith("start-")]
    for name in hints:
        await session.tokens.drop(name, session.tokens._tokens[name])
    assert (await GrantChain(session).find()).access_token == newest.access_token
    assert (len(hints), simulator.calls["token"]) == (1, 4)


async def test_refused_token_is_renewed_once(find: Any, simulator: Any) -> None:
    code = simulator.make("usable").code
    await find(code)
    simulator.faults.script("look_up", FaultKind.EXPIRE_TOKEN)
    await find(code)
    await find(code)
    assert simulator.calls == {"token": 2, "prepare": 4}


async def test_many_callers_share_a_renewal(session: Any, simulator: Any) -> None:
    refused = (await GrantChain(session).find()).access_token
    grants = await asyncio.gather(*(GrantChain(session).find(refused) for _ in range(10)))
    assert {grant.access_token for grant in grants} == {SECOND}
    assert simulator.calls == {"token": 2}


async def test_redeeming_survives_an_expired_token(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", FaultKind.EXPIRE_TOKEN)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    assert outcome.receipts
    assert (simulator.calls["verify"], len(simulator.consumptions()[0].uses)) == (2, 1)


async def test_token_refused_twice(channel: Any, canned: Any, read_payload: Any, scan: Any) -> None:
    expired = read_payload("token_expired_business_error")
    session = canned(expired, expired)
    failure = await catch(channel.coupons.look_up(session, scan("880260412345")))
    assert isinstance(failure, CredentialsRefused)
    assert (failure.setting, failure.platform_code) == ("refreshToken", "2190008")
    sent = [request.headers["access-token"] for request in session.http.requests]
    assert sent == ["canned-access-1", "canned-access-2"]


class SteadyHttp:
    """A platform whose refreshes renew the refresh token in force, in one of three ways to say so."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said
        self.refreshes: list[str] = []

    async def send(self, request: Any) -> ChannelAnswer:
        self.refreshes.append(request.params["refresh_token"])
        token = {"result": 1, "access_token": f"access-{len(self.refreshes)}", "expires_in": 172800}
        return ChannelAnswer("token", 200, {}, orjson.dumps({**token, **self.said}))


@pytest.mark.parametrize(
    "said", [{"refresh_token": "simulated-refresh-token-000000"}, {"refresh_token": ""}, {}]
)
async def test_refresh_token_that_stays(session: Any, clock: Any, said: dict[str, str]) -> None:
    http = SteadyHttp(said)
    steady = replace(session, http=http)
    for n in (1, 2, 3):
        assert (await GrantChain(steady).find()).access_token == f"access-{n}"
        clock.advance(timedelta(hours=48))
    assert http.refreshes == ["simulated-refresh-token-000000"] * 3


async def test_refused_token_comes_again(session: Any) -> None:
    http = SteadyHttp({"access_token": "the same", "refresh_token": ""})
    steady = replace(session, http=http)
    assert (await GrantChain(steady).find(refused="the same")).access_token == "the same"
    assert len(http.refreshes) == 1


# ----------------------------------------------------------------------------------------------- several processes
def start_process(session: Any, tenant_id: UUID, account_id: UUID) -> GrantChain:
    """A process of its own: it shares nothing with another but the database and the platform."""
    keys = KeyRing("a secret key for tests, 32 characters or more")
    tokens = TokenStore(keys, session.clock).open_account(tenant_id, account_id)
    return GrantChain(replace(session, tokens=tokens))


@pytest.mark.usefixtures("database")
async def test_processes_share_the_chain(session: Any, simulator: Any, clock: Any) -> None:
    one, other = (start_process(session, TENANT, ACCOUNT) for _ in range(2))
    for n in range(1, 5):
        grants = await asyncio.gather(*(chain.find() for chain in (one, other, one, other)))
        assert {grant.access_token for grant in grants} == {f"simks-access-{n:06d}"}
        clock.advance(timedelta(hours=48))
    clock.advance(timedelta(hours=-1))
    assert await start_process(session, TENANT, ACCOUNT).find() == grants[0]
    assert simulator.calls == {"token": 4}


@pytest.mark.usefixtures("database")
async def test_failed_renewal_loses_nothing(session: Any, simulator: Any, clock: Any) -> None:
    await start_process(session, TENANT, ACCOUNT).find()
    clock.advance(timedelta(hours=48))
    simulator.faults.script("token", FaultKind.LOSE, FaultKind.ERROR_500)
    for _ in range(2):
        assert isinstance(await catch(start_process(session, TENANT, ACCOUNT).find()), ChannelUnavailable)
    assert (await start_process(session, TENANT, ACCOUNT).find()).access_token == SECOND
    assert simulator.calls == {"token": 4}


@pytest.mark.parametrize("key", ["appId", "appSecret", "refreshToken"])
async def test_wrong_credential_is_named(channel: Any, simulator: Any, scan: Any, key: str) -> None:
    session = make_session(channel, simulator, credentials={key: "wrong0123456789"})
    failure = await catch(channel.coupons.look_up(session, scan("880260412345")))
    assert isinstance(failure, CredentialsRefused)
    assert failure.setting == key
    assert "wrong0123456789" not in f"{failure!r} {vars(failure)}"
    assert simulator.calls == {"token": 1}


@pytest.mark.parametrize(
    ("answer", "expected", "setting"),
    [
        ((200, b'{"result":100200101,"error_msg":"invalid code"}'), CredentialsRefused, None),
        ((200, '{"result":7,"error_msg":"商家授权已失效"}'.encode()), CredentialsRefused, "refreshToken"),
        ((200, '{"result":7,"error_msg":"系统繁忙"}'.encode()), ChannelUnavailable, None),
        ((200, '{"result":7,"error_msg":"请求过于频繁"}'.encode()), RateLimited, None),
        ((429, b""), RateLimited, None),
        ((500, b""), ChannelUnavailable, None),
        ((502, b'{"result":1,"access_token":"a","expires_in":172800}'), ChannelUnavailable, None),
        ((200, b"<html>"), ChannelUnavailable, None),
        ((200, b"{}"), ChannelUnavailable, None),
        ((200, b'{"result":1,"access_token":"","expires_in":172800}'), ChannelUnavailable, None),
        ((200, b'{"result":1,"access_token":"a","expires_in":0}'), ChannelUnavailable, None),
        ((200, b'{"result":1,"access_token":"a"}'), ChannelUnavailable, None),
    ],
)
async def test_refresh_without_a_token(
    session: Any, answer: Any, expected: type, setting: str | None
) -> None:
    class OneAnswer:
        async def send(self, request: Any) -> ChannelAnswer:
            return ChannelAnswer("token", answer[0], {}, answer[1])

    failure = await catch(GrantChain(replace(session, http=OneAnswer())).find())
    assert (type(failure), getattr(failure, "setting", None)) == (expected, setting)
    assert not [name for name in session.tokens._tokens if name.startswith("grant-")]


@pytest.mark.parametrize(
    "kind", [FaultKind.LOSE, FaultKind.ERROR_500, FaultKind.GARBAGE, FaultKind.RATE_LIMIT]
)
async def test_no_token_means_nothing_sent(
    channel: Any, session: Any, simulator: Any, kind: FaultKind
) -> None:
    simulator.faults.script("token", kind)
    failure = await catch(channel.coupons.redeem(session, RedeemOrder("ksvt", (), "", "24", at=START)))
    assert isinstance(failure, NothingSent)
    assert simulator.calls == {"token": 1}


async def test_grants_tell_no_secrets(session: Any) -> None:
    grant = await GrantChain(session).find()
    assert "simks" not in f"{grant!r} {grant}"
    assert not [name for name in session.tokens._tokens if "simulated" in name or len(name) > 32]
