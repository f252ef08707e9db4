"""Tokens, three forms of errors, and what becomes of answers that are no answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from adapters.youzan.client import YouzanClient
from core.channels.contract import (
    ChannelAnswer,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Misconfigured,
    NothingSent,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
    Refusal,
    Refused,
)
from core.testing.clock import START
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

CODE = "E20260301100000000000003"
ORDER = RedeemOrder("leg", (RedeemItem(CODE, f"code/{CODE}//1"),), "", CODE, at=START)


def gateway(code: Any) -> Any:
    return {"gw_err_resp": {"trace_id": "yz7", "err_code": code, "err_msg": f"{CODE} 13800000000"}}


def business(code: Any, msg: str = f"{CODE} 13800000000") -> Any:
    return {"error_response": {"code": code, "msg": msg}}


def newer(code: Any) -> Any:
    return {"success": False, "code": code, "message": f"{CODE} 13800000000", "data": {}}


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


# ------------------------------------------------------------------------------------------------------------ tokens
async def test_one_token_for_many_calls(find: Any, simulator: Any, session: Any, make_kind: Any) -> None:
    code = make_kind("code").code
    for _ in range(3):
        await find(code)
    assert simulator.calls == {"token": 1, "youzan.trade.virtualcode.get": 3}
    token, call = session.http.requests[0], session.http.requests[-1]
    assert orjson.loads(token.content) == {
        "client_id": session.credentials.client_id,
        "client_secret": session.credentials.client_secret.get_secret_value(),
        "authorize_type": "silent",
        "grant_id": "90010001",
        "refresh": False,
    }
    assert (call.url, list(call.params)) == (
        "http://simulator.test/api/youzan.trade.virtualcode.get/3.0.0",
        ["access_token"],
    )
    assert not token.params
    assert "authorization" not in call.headers


async def test_token_lives_until_it_ends(session: Any, clock: Any) -> None:
    first = await YouzanClient(session).fetch_token()
    clock.advance(timedelta(days=2))
    again = await YouzanClient(session).fetch_token()
    assert (first.lifetime, again.lifetime) == (timedelta(days=7), timedelta(days=5))
    assert again.value == first.value


async def test_expired_token_is_renewed(find: Any, simulator: Any, clock: Any, make_kind: Any) -> None:
    code = make_kind("code").code
    await find(code)
    clock.advance(timedelta(days=7))
    await find(code)
    assert simulator.calls["token"] == 2


async def test_redeeming_survives_an_expired_token(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, clock: Any
) -> None:
    found = await find(make_kind("code").code)
    simulator.faults.script("redeem", FaultKind.EXPIRE_TOKEN)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    assert outcome.receipts
    assert simulator.calls["youzan.trade.virtualcode.apply"] == 2
    assert len(simulator.consumptions()[0].uses) == 1


@pytest.mark.parametrize("answer", [gateway(4201), gateway(4202), gateway(4203), business(40010)])
async def test_token_refused_twice(channel: Any, canned: Any, answer: Any) -> None:
    session = canned(answer, answer)
    failure = await catch(channel.coupons.redeem(session, ORDER))
    assert isinstance(failure, CredentialsRefused)
    assert failure.setting == "clientId"
    assert len(session.http.requests) == 2


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


@pytest.mark.parametrize(
    ("payload", "failure", "setting"),
    [
        ("token_client_missing", CredentialsRefused, "clientId"),
        ("token_not_json", CredentialsRefused, "clientSecret"),
        ("token_code_used", CredentialsRefused, "grantId"),
    ],
)
async def test_token_examples(
    channel: Any, session: Any, read_payload: Any, payload: str, failure: type, setting: str
) -> None:
    class TokenHttp:
        async def send(self, request: Any) -> ChannelAnswer:
            return ChannelAnswer("token", 200, {}, orjson.dumps(read_payload(payload)))

    caught = await catch(channel.check_account(replace(session, http=TokenHttp())))
    assert (type(caught), getattr(caught, "setting", None)) == (failure, setting)


@pytest.mark.parametrize(
    "data", [{}, {"access_token": ""}, {"access_token": "t"}, {"access_token": 5, "expires": 1}]
)
async def test_half_a_token_is_none(channel: Any, session: Any, data: Any) -> None:
    class TokenHttp:
        async def send(self, request: Any) -> ChannelAnswer:
            return ChannelAnswer("token", 200, {}, orjson.dumps({"success": True, "code": 200, "data": data}))

    caught = await catch(channel.check_account(replace(session, http=TokenHttp())))
    assert isinstance(caught, ChannelUnavailable)


async def test_token_rate_is_told(channel: Any, session: Any, simulator: Any) -> None:
    simulator.faults.script("token", FaultKind.RATE_LIMIT)
    caught = await catch(channel.check_account(session))
    assert isinstance(caught, RateLimited)
    assert caught.platform_code == "4101"


# ----------------------------------------------------------------------------------------------------------- trouble
@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        (gateway(4001), Misconfigured, Misconfigured),
        (gateway(4004), Misconfigured, Misconfigured),
        (gateway(4005), Misconfigured, Misconfigured),
        (gateway(4007), Misconfigured, Misconfigured),
        (gateway(4009), Misconfigured, Misconfigured),
        (gateway(4204), Misconfigured, Misconfigured),
        (gateway(4101), RateLimited, RateLimited),
        (gateway("4101"), RateLimited, RateLimited),
        (business(500100004), RateLimited, RateLimited),
        (newer(123000042), RateLimited, RateLimited),
        (gateway(5001), ChannelUnavailable, OutcomeUnknown),
        (gateway(5002), ChannelUnavailable, OutcomeUnknown),
        (gateway(5003), ChannelUnavailable, OutcomeUnknown),
        (gateway(50000), ChannelUnavailable, OutcomeUnknown),
        (gateway(9999), ChannelUnavailable, OutcomeUnknown),
        (business(106000001), ChannelUnavailable, OutcomeUnknown),
        (business(106100118), ChannelUnavailable, OutcomeUnknown),
        (business(106000003), ChannelUnavailable, OutcomeUnknown),
        (business(80001, "服务请求失败,请重试!"), ChannelUnavailable, OutcomeUnknown),
    ],
)
async def test_trouble_codes(
    channel: Any, canned: Any, scan: Any, answer: Any, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)
    assert read.platform_code == write.platform_code is not None


@pytest.mark.parametrize("code", [4001, 4005, 4007, 4204])
async def test_mends_are_named(channel: Any, canned: Any, scan: Any, read_payload: Any, code: int) -> None:
    caught = await catch(channel.coupons.look_up(canned(read_payload(f"gw_err_{code}")), scan(CODE)))
    assert isinstance(caught, Misconfigured)
    assert caught.setting == ("baseUrl" if code == 4001 else "clientId")


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((500, b"<html>"), ChannelUnavailable, OutcomeUnknown),
        ((503, b'{"response":{"is_success":true}}'), ChannelUnavailable, OutcomeUnknown),
        ((301, b""), ChannelUnavailable, OutcomeUnknown),
        ((404, b"not found"), ChannelUnavailable, OutcomeUnknown),
        ((429, b"slow down"), RateLimited, RateLimited),
        ((200, b""), ProtocolFailure, OutcomeUnknown),
        ((200, b"<html>"), ProtocolFailure, OutcomeUnknown),
        ((200, b"[]"), ProtocolFailure, OutcomeUnknown),
        ((200, b"{}"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"response":true}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"success":"yes","data":{}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"success":false}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"error_response":null,"response":{"is_success":true}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"error_response":{"code":0}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"gw_err_resp":[]}'), ProtocolFailure, OutcomeUnknown),
    ],
)
async def test_answers_that_are_none(
    channel: Any, canned: Any, scan: Any, answer: Any, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)


@pytest.mark.parametrize("answer", [business(987654), newer(987654)])
async def test_unlisted_code_is_refused(channel: Any, canned: Any, scan: Any, answer: Any) -> None:
    looked = await channel.coupons.look_up(canned(answer), scan(CODE))
    (outcome,) = await channel.coupons.redeem(canned(answer), ORDER)
    assert isinstance(looked, Refused)
    assert (looked.reason, looked.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "987654")
    assert outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL


async def test_error_beside_a_success_counts(channel: Any, canned: Any, scan: Any) -> None:
    both = {"response": {"is_success": True}, **business(987654)}
    (outcome,) = await channel.coupons.redeem(canned(both), ORDER)
    assert outcome.refusal.platform_code == "987654"


@pytest.mark.parametrize("code", [50000, 5000, 101300000, 106000004, 106100110])
async def test_codes_of_what_there_is_not(channel: Any, canned: Any, scan: Any, code: int) -> None:
    assert await channel.coupons.look_up(canned(business(code)), scan(CODE)) == NotMine()


@pytest.mark.parametrize("answer", [gateway(5002), gateway(4204), business(987654), gateway(4203)])
async def test_failures_tell_no_secrets(channel: Any, canned: Any, answer: Any) -> None:
    try:
        said: object = await channel.coupons.redeem(canned(answer, answer), ORDER)
        said = [each.refusal for each in said]  # type: ignore[attr-defined]
    except ChannelFailure as failure:
        said = f"{failure!r} {failure} {vars(failure)}"
    secrets = [CODE, "13800000000", "canned0token", "6f1d2c3b4a596877"]
    assert not [secret for secret in secrets if secret in repr(said)]


async def test_effects_are_declared(
    channel: Any, session: Any, find: Any, order_of: Any, make_kind: Any
) -> None:
    await channel.coupons.redeem(session, order_of(await find(make_kind("coupon").code)))
    effects = [(request.operation.rpartition(".")[2], request.effect) for request in session.http.requests]
    assert effects == [
        ("token", Effect.READ),
        ("get", Effect.READ),
        ("verify", Effect.WRITE),
        ("get", Effect.READ),
    ]


async def test_base_url_may_have_a_path(channel: Any, simulator: Any, scan: Any) -> None:
    session = make_session(channel, simulator, settings={"baseUrl": "http://simulator.test/youzan/"})
    await catch(channel.coupons.look_up(session, scan(CODE)))
    assert session.http.requests[0].url == "http://simulator.test/youzan/auth/token"
