"""Sessions: the given one first, renewed when it is refused, and no renewal lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.dianping.client import DianpingClient, SessionPair
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Found,
    FreshToken,
    NothingSent,
    RateLimited,
    RedeemItem,
    RedeemOrder,
)
from core.channels.transport.tokens import TokenStore
from core.ids import new_id
from core.keys import KeyRing
from core.testing.clock import START
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

KEYS = KeyRing("a secret key for tests, 32 characters or more")
ORDER = RedeemOrder("leg-1", (RedeemItem("0332808512", "0332808512"),), "0332808512", at=START)


def read_sessions(session: Any) -> list[str]:
    """The sessions that were sent, in order."""
    sent = [request.content.decode() for request in session.http.requests if b"session=" in request.content]
    return [form.partition("session=")[2].partition("&")[0] for form in sent]


async def test_given_session_needs_no_renewal(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    for _ in range(3):
        await find(code)
    assert simulator.calls == {"prepare": 3}
    assert set(read_sessions(session)) == {simulator.credentials["session"]}


async def test_expired_session_is_renewed_once(find: Any, simulator: Any, clock: Any, session: Any) -> None:
    code = simulator.make("usable").code
    clock.advance(timedelta(days=29))
    await find(code)
    simulator.expire_tokens()
    await find(code)
    await find(code)
    assert simulator.calls == {"prepare": 4, "token": 1}
    assert read_sessions(session)[-1] == f"sess-{1:034d}"


async def test_redeeming_survives_an_expired_session(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", FaultKind.EXPIRE_TOKEN)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    assert len(outcome.receipts) == 1
    assert (simulator.calls["consume"], len(simulator.consumptions()[0].uses)) == (2, 1)


async def test_each_renewal_uses_the_newest_token(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    for renewals in range(1, 4):
        simulator.expire_tokens()
        await find(code)
        assert (simulator.calls["token"], simulator.sessions.remaining) == (renewals, 12 - renewals)
    assert read_sessions(session)[-1] == f"sess-{3:034d}"


async def test_newest_token_outlives_the_session(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    simulator.expire_tokens()
    await find(code)
    # What is left when the session's own token has run out.
    tokens = session.tokens._tokens
    del tokens[next(name for name in tokens if name.startswith("session-"))]
    simulator.expire_tokens()
    await find(code)
    assert (simulator.calls["token"], simulator.sessions.remaining) == (2, 10)


async def test_crash_after_renewal_loses_nothing(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    simulator.expire_tokens()
    await find(code)
    # As if the process had died before it kept the new refresh token beside the pair.
    tokens = session.tokens._tokens
    del tokens[next(name for name in tokens if name.startswith("refresh-"))]
    await find(code)
    simulator.expire_tokens()
    await find(code)
    assert simulator.sessions.remaining == 10


async def test_failed_renewal_loses_nothing(
    channel: Any, find: Any, simulator: Any, session: Any, scan: Any
) -> None:
    code = simulator.make("usable").code
    for _ in range(2):
        simulator.expire_tokens()
        await find(code)
    simulator.expire_tokens()
    simulator.faults.script("token", FaultKind.ERROR_500)
    with pytest.raises(ChannelUnavailable):
        await channel.coupons.look_up(session, scan(code))
    await find(code)
    assert simulator.sessions.remaining == 9


async def test_many_callers_renew_once(find: Any, simulator: Any) -> None:
    code = simulator.make("usable").code
    await find(code)
    simulator.expire_tokens()
    await asyncio.gather(*(find(code) for _ in range(8)))
    assert (simulator.calls["token"], simulator.sessions.remaining) == (1, 11)


async def test_new_authorisation_starts_afresh(channel: Any, simulator: Any, session: Any, scan: Any) -> None:
    code = scan(simulator.make("usable").code)
    spent = make_session(channel, simulator, credentials={"session": "old", "refreshToken": "spent"})
    with pytest.raises(CredentialsRefused):
        await channel.coupons.look_up(spent, code)
    again = replace(spent, credentials=session.credentials)
    assert isinstance(await channel.coupons.look_up(again, code), Found)
    assert simulator.sessions.remaining == 12


async def test_last_renewal_says_so(channel: Any, find: Any, simulator: Any, session: Any, scan: Any) -> None:
    code = simulator.make("usable").code
    simulator.sessions.remaining = 1
    simulator.expire_tokens()
    await find(code)
    simulator.expire_tokens()
    with pytest.raises(CredentialsRefused) as caught:
        await channel.coupons.look_up(session, scan(code))
    assert (caught.value.setting, simulator.calls["token"]) == ("refreshToken", 1)


async def test_refused_renewal_names_the_token(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"refreshToken": "rfsh-of-another"})
    simulator.expire_tokens()
    with pytest.raises(CredentialsRefused) as caught:
        await channel.coupons.redeem(session, ORDER)
    assert (caught.value.setting, caught.value.platform_code) == ("refreshToken", "609")
    assert simulator.calls == {"consume": 1, "token": 1}


async def test_renewed_session_refused_too(channel: Any, canned: Any, read_payload: Any) -> None:
    expired = read_payload("15_session_expired")
    session = canned(expired, read_payload("18_oauth_token_ok"), expired)
    with pytest.raises(CredentialsRefused) as caught:
        await channel.coupons.redeem(session, ORDER)
    assert (caught.value.setting, caught.value.platform_code) == ("session", "608")
    assert read_sessions(session)[-1] == "6b53c12aadbe71b150a1a0c400000000test0001"
    assert len(session.http.requests) == 3


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"code": 603, "msg": "app_secret错误"}, CredentialsRefused),
        ({"code": 611, "msg": "请求过于频繁"}, RateLimited),
        ({"code": 500, "msg": "?"}, ChannelUnavailable),
        ({"code": 899, "msg": "?"}, CredentialsRefused),
        ({"code": 200, "expires_in": 2592000}, ChannelUnavailable),
        ({"code": 200, "access_token": "", "expires_in": 2592000}, ChannelUnavailable),
        ({"code": 200, "access_token": "a", "expires_in": None}, ChannelUnavailable),
        ({"code": 200, "access_token": "a", "expires_in": "soon"}, ChannelUnavailable),
        ((200, b"<html>"), ChannelUnavailable),
        ((502, b""), ChannelUnavailable),
    ],
)
async def test_renewals_that_fail(
    channel: Any, canned: Any, read_payload: Any, answer: Any, failure: type
) -> None:
    session = canned(read_payload("15_session_expired"), answer)
    with pytest.raises(NothingSent) as caught:
        await channel.coupons.redeem(session, ORDER)
    assert type(caught.value) is failure
    assert len(session.http.requests) == 2


def test_pair_hides_itself() -> None:
    pair = SessionPair("sess-secret", "rfsh-secret")
    assert SessionPair.read(pair.text) == pair
    assert "secret" not in repr(pair) + repr(FreshToken(pair.text, timedelta(1)))


# ----------------------------------------------------------------------------------------------- several processes
def start_process(session: Any, tenant_id: UUID, account_id: UUID) -> Any:
    """A process of its own: it shares nothing with another but the database and the platform."""
    tokens = TokenStore(KEYS, session.clock).open_account(tenant_id, account_id)
    return replace(session, tokens=tokens)


@pytest.mark.usefixtures("database")
async def test_process_that_slept_renews_with_the_newest_token(
    channel: Any, session: Any, simulator: Any, scan: Any
) -> None:
    ids = new_id(), new_id()
    one, sleeper = start_process(session, *ids), start_process(session, *ids)
    code = scan(simulator.make("usable").code)
    assert isinstance(await channel.coupons.look_up(sleeper, code), Found)
    for _ in range(2):
        simulator.expire_tokens()
        assert isinstance(await channel.coupons.look_up(one, code), Found)
    simulator.expire_tokens()
    # The first process found its session refused and died before it renewed it.
    pair = await one.tokens.get(f"session-{_name_generation(session)}", _refuse)
    await one.tokens.drop(f"session-{_name_generation(session)}", pair)
    assert isinstance(await channel.coupons.look_up(sleeper, code), Found)
    assert (simulator.calls["token"], simulator.sessions.remaining) == (3, 9)


def _name_generation(session: Any) -> str:
    return DianpingClient(session)._generation


async def _refuse() -> FreshToken:
    raise AssertionError("fetched although it was kept")
