"""Tokens, and what becomes of answers that are no answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    FreshToken,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
)
from core.testing.clock import START
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

ORDER = RedeemOrder(
    "vt-secret-token", (RedeemItem("7550000000000000456", "enc-secret-handle"),), "", "1093", at=START
)
CODE = "104686126200130"


def fail_with(code: int, sub_code: int = 0) -> Any:
    message = f"{CODE} 13800000000"
    return {"data": {"error_code": code, "description": message}, "extra": {"sub_error_code": sub_code}}


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


# ------------------------------------------------------------------------------------------------------------ tokens
async def test_one_token_for_many_calls(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    for _ in range(3):
        await find(code)
    assert simulator.calls == {"token": 1, "prepare": 3}
    sent = session.http.requests[-1]
    assert sent.headers["access-token"].startswith("clt.")
    assert sent.headers["rpc-transit-life-account"] == "7200000000000000001"


@pytest.mark.parametrize("hours", [2, 3])
async def test_expired_token_is_renewed(find: Any, simulator: Any, clock: Any, hours: int) -> None:
    code = simulator.make("usable").code
    await find(code)
    clock.advance(timedelta(hours=hours))
    await find(code)
    assert simulator.calls == {"token": 2, "prepare": 3}


async def test_unknown_token_is_renewed(find: Any, simulator: Any, session: Any) -> None:
    async def fetch_old() -> FreshToken:
        return FreshToken("clt.old", timedelta(hours=2))

    assert await session.tokens.get("client", fetch_old) == "clt.old"
    await find(simulator.make("usable").code)
    assert simulator.calls == {"prepare": 2, "token": 1}


async def test_redeeming_survives_an_expired_token(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", FaultKind.EXPIRE_TOKEN)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    assert outcome.receipts
    assert simulator.calls["verify"] == 2
    assert len(simulator.consumptions()[0].uses) == 1


async def test_token_refused_twice(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("life-token-expired"), read_payload("life-token-invalid"))
    failure = await catch(channel.coupons.redeem(session, ORDER))
    assert isinstance(failure, CredentialsRefused)
    assert failure.platform_code == "2190002"
    assert len(session.http.requests) == 2


async def test_too_many_token_fetches(channel: Any, simulator: Any) -> None:
    for _ in range(500):
        simulator.tokens.issue(simulator.clock.now())
    failure = await catch(channel.check_account(make_session(channel, simulator)))
    assert isinstance(failure, RateLimited)
    assert failure.platform_code == "10020"


@pytest.mark.parametrize(
    "kind", [FaultKind.LOSE, FaultKind.ERROR_500, FaultKind.GARBAGE, FaultKind.DROP_AFTER_APPLY]
)
async def test_no_token_means_nothing_sent(
    channel: Any, session: Any, simulator: Any, kind: FaultKind
) -> None:
    simulator.faults.script("token", kind)
    failure = await catch(channel.coupons.redeem(session, ORDER))
    assert isinstance(failure, NothingSent)
    assert simulator.calls == {"token": 1}


# ----------------------------------------------------------------------------------------------------------- trouble
@pytest.mark.parametrize(
    ("code", "on_read", "on_write"),
    [
        (2100007, Misconfigured, Misconfigured),
        (2190004, Misconfigured, Misconfigured),
        (1508, Misconfigured, Misconfigured),
        (2119005, Misconfigured, Misconfigured),
        (2119010, Misconfigured, Misconfigured),
        (2119003, RateLimited, RateLimited),
        (2100001, ChannelUnavailable, OutcomeUnknown),
        (2100004, ChannelUnavailable, OutcomeUnknown),
        (2119002, ChannelUnavailable, OutcomeUnknown),
        (6001001, ChannelUnavailable, OutcomeUnknown),
        (3000001, ChannelUnavailable, OutcomeUnknown),
    ],
)
async def test_trouble_codes(
    channel: Any, canned: Any, scan: Any, code: int, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(fail_with(code)), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(fail_with(code)), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)
    assert read.platform_code == write.platform_code == str(code)


@pytest.mark.parametrize(
    ("payload", "failure", "setting"),
    [
        ("life-ip-not-whitelisted", Misconfigured, "clientKey"),
        ("life-merchant-not-authorised", Misconfigured, "accountId"),
        ("life-rate-limited", RateLimited, None),
        ("life-system-busy", ChannelUnavailable, None),
    ],
)
async def test_trouble_examples(
    channel: Any, canned: Any, scan: Any, read_payload: Any, payload: str, failure: type, setting: str | None
) -> None:
    caught = await catch(channel.coupons.look_up(canned(read_payload(payload)), scan(CODE)))
    assert type(caught) is failure
    assert getattr(caught, "setting", None) == setting


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((500, b"<html>"), ChannelUnavailable, OutcomeUnknown),
        ((503, b'{"data":{"error_code":0}}'), ChannelUnavailable, OutcomeUnknown),
        ((429, b"slow down"), RateLimited, RateLimited),
        ((404, b"not found"), ProtocolFailure, OutcomeUnknown),
        ((200, b""), ProtocolFailure, OutcomeUnknown),
        ((200, b"<html>"), ProtocolFailure, OutcomeUnknown),
        ((200, b"[]"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"data":null}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"data":{}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"data":{"error_code":"none"}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"data":{"error_code":0},"extra":[]}'), ProtocolFailure, OutcomeUnknown),
    ],
)
async def test_answers_that_are_none(
    channel: Any, canned: Any, scan: Any, answer: Any, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)


@pytest.mark.parametrize("code", [2100004, 2119005, 2119003, 2190002, 987654])
async def test_failures_tell_no_secrets(channel: Any, canned: Any, code: int) -> None:
    session = canned(fail_with(code), fail_with(code))
    try:
        said: object = await channel.coupons.redeem(session, ORDER)
    except ChannelFailure as failure:
        said = f"{failure!r} {failure} {vars(failure)}"
    secrets = [CODE, "13800000000", "vt-secret-token", "enc-secret-handle", "clt.canned", "5e0c1f2a3b4d5e6f"]
    assert not [secret for secret in secrets if secret in repr(said)]


async def test_effects_are_declared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    await channel.coupons.redeem(session, order_of(await find(simulator.make("usable").link)))
    effects = [(request.operation, request.effect) for request in session.http.requests]
    assert effects == [
        ("follow_link", Effect.READ),
        ("token", Effect.READ),
        ("prepare", Effect.READ),
        ("verify", Effect.WRITE),
    ]


async def test_base_url_may_have_a_path(channel: Any, canned: Any, simulator: Any, scan: Any) -> None:
    session = make_session(channel, simulator, settings={"baseUrl": "http://simulator.test/douyin/"})
    await catch(channel.coupons.look_up(session, scan(CODE)))
    assert session.http.requests[0].url == "http://simulator.test/douyin/oauth/client_token/"
