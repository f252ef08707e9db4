"""What becomes of answers that are no answers."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.kuaishou.parse import Handle
from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
)
from core.testing.clock import START
from core.testing.sessions import make_session

CODE = "880260412345"
HANDLE = Handle("enc-secret-handle", {"code": CODE}).pack()
ORDER = RedeemOrder(
    "ksvt-secret-token", (RedeemItem("500000000000001", HANDLE),), CODE, "240000000000001", at=START
)


def fail_with(code: int, words: str = "") -> Any:
    return {"result": 1, "data": {"error_code": code, "description": f"{words} {CODE} 13800000000"}}


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


@pytest.mark.parametrize(
    ("code", "words", "on_read", "on_write"),
    [
        (2100007, "", Misconfigured, Misconfigured),
        (2190004, "", Misconfigured, Misconfigured),
        (1508, "", Misconfigured, Misconfigured),
        (2119005, "", Misconfigured, Misconfigured),
        (2119003, "", RateLimited, RateLimited),
        (2100001, "", ChannelUnavailable, OutcomeUnknown),
        (2100004, "", ChannelUnavailable, OutcomeUnknown),
        (2119002, "", ChannelUnavailable, OutcomeUnknown),
        (6001001, "", ChannelUnavailable, OutcomeUnknown),
        (98765, "操作频繁", RateLimited, RateLimited),
        (98765, "系统繁忙,请稍后再试", ChannelUnavailable, OutcomeUnknown),
        (98765, "系统异常", ChannelUnavailable, OutcomeUnknown),
    ],
)
async def test_trouble(
    channel: Any, canned: Any, scan: Any, code: int, words: str, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(fail_with(code, words)), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(fail_with(code, words)), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)
    assert read.platform_code == write.platform_code == str(code)


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((500, b"<html>"), ChannelUnavailable, OutcomeUnknown),
        ((503, b'{"result":1,"data":{"error_code":0}}'), ChannelUnavailable, OutcomeUnknown),
        ((429, b"slow down"), RateLimited, RateLimited),
        ((302, b'{"result":1,"data":{"error_code":0}}'), ProtocolFailure, OutcomeUnknown),
        ((404, b"not found"), ProtocolFailure, OutcomeUnknown),
        ((200, b""), ProtocolFailure, OutcomeUnknown),
        ((200, b"[]"), ProtocolFailure, OutcomeUnknown),
        ((200, b"{}"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":1}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":"ok"}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":1,"data":null}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":1,"data":{"certificates":[]}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":1,"data":{"error_code":"none"}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"result":1,"data":{"error_code":0},"extra":[]}'), ProtocolFailure, OutcomeUnknown),
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
    secrets = [
        CODE,
        "13800000000",
        "ksvt-secret",
        "enc-secret",
        "canned-access",
        "Yk3dWq8L",
        "simulated-refresh",
    ]
    assert not [secret for secret in secrets if secret in repr(said)]


async def test_effects_are_declared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    await channel.coupons.redeem(session, order_of(await find(simulator.make("usable").code)))
    effects = [(request.operation, request.effect) for request in session.http.requests]
    assert effects == [("token", Effect.READ), ("prepare", Effect.READ), ("verify", Effect.WRITE)]


async def test_base_url_may_have_a_path(channel: Any, simulator: Any, scan: Any) -> None:
    session = make_session(channel, simulator, settings={"baseUrl": "http://simulator.test/kuaishou/"})
    await catch(channel.coupons.look_up(session, scan(CODE)))
    assert session.http.requests[0].url == "http://simulator.test/kuaishou/oauth2/refresh_token"
