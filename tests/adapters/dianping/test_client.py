"""Signatures, and what becomes of answers that are no answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from pydantic import SecretStr

from adapters.dianping.client import sign_request
from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
)
from core.testing.clock import START
from core.testing.faults import FaultKind

CODE = "0332808512"
ORDER = RedeemOrder("leg-1", (RedeemItem(CODE, CODE),), CODE, at=START)
VECTORS = orjson.loads((Path(__file__).parent / "vectors" / "dianping-md5.json").read_bytes())["vectors"]


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


# --------------------------------------------------------------------------------------------------------- signatures
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_signature_vectors(vector: Any) -> None:
    assert sign_request(vector["params"], SecretStr(vector["app_secret"])) == vector["sign"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_empty_values_are_not_signed(vector: Any) -> None:
    params = {**vector["params"], "app_shop_id": "", "sign": "0" * 32}
    assert sign_request(params, SecretStr(vector["app_secret"])) == vector["sign"]


async def test_request_is_as_documented(find: Any, simulator: Any, session: Any) -> None:
    code = simulator.make("usable").code
    await find(code)
    (sent,) = session.http.requests
    form = dict(parse_qsl(sent.content.decode()))
    assert (sent.method, sent.url) == ("POST", "http://simulator.test/router/tuangou/receipt/prepare")
    assert sent.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert len(form.pop("sign")) == 32
    assert form == {
        "app_key": "1000069",
        "timestamp": "2026-03-02 12:00:00",
        "session": simulator.credentials["session"],
        "format": "json",
        "v": "1",
        "sign_method": "MD5",
        "receipt_code": code,
        "open_shop_uuid": session.external_store_id,
    }


async def test_effects_are_declared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    await channel.coupons.redeem(session, order_of(await find(simulator.make("usable").code)))
    effects = [(request.operation, request.effect) for request in session.http.requests]
    assert effects == [("prepare", Effect.READ), ("consume", Effect.WRITE)]


async def test_store_without_id_sends_nothing(channel: Any, session: Any, scan: Any) -> None:
    nowhere = replace(session, external_store_id=None)
    for work in (channel.coupons.look_up(nowhere, scan(CODE)), channel.coupons.redeem(nowhere, ORDER)):
        failure = await catch(work)
        assert isinstance(failure, Misconfigured)
        assert failure.setting == "externalStoreId"
    assert session.http.requests == []


# ----------------------------------------------------------------------------------------------------------- trouble
@pytest.mark.parametrize(
    ("code", "words", "on_read", "on_write", "setting"),
    [
        (606, "签名校验失败", CredentialsRefused, CredentialsRefused, "appSecret"),
        (606, "invalid Sign", CredentialsRefused, CredentialsRefused, "appSecret"),
        (605, "app_key不存在", CredentialsRefused, CredentialsRefused, "appKey"),
        (607, "timestamp已超出有效范围", Misconfigured, Misconfigured, None),
        (610, "无接口权限", Misconfigured, Misconfigured, "session"),
        (612, "门店不存在", Misconfigured, Misconfigured, "externalStoreId"),
        (812, "门店未授权", Misconfigured, Misconfigured, "externalStoreId"),
        (611, "请求过于频繁", RateLimited, RateLimited, None),
        (899, "操作过于频繁", RateLimited, RateLimited, None),
        (500, "系统异常", ChannelUnavailable, OutcomeUnknown, None),
        (899, "系统繁忙，请稍后再试", ChannelUnavailable, OutcomeUnknown, None),
        (500, "?", ChannelUnavailable, OutcomeUnknown, None),
        (0, "", ChannelUnavailable, OutcomeUnknown, None),
        (-1, "success", ChannelUnavailable, OutcomeUnknown, None),
    ],
)
async def test_trouble_by_words(
    channel: Any, canned: Any, scan: Any, code: int, words: str, on_read: type, on_write: type, setting: Any
) -> None:
    answer = {"code": code, "msg": words}
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)
    assert getattr(read, "setting", None) == getattr(write, "setting", None) == setting
    assert read.platform_code == write.platform_code == str(code)


@pytest.mark.parametrize(
    ("payload", "failure"), [("16_sign_error", CredentialsRefused), ("17_rate_limited", RateLimited)]
)
async def test_trouble_examples(
    channel: Any, canned: Any, read_payload: Any, payload: str, failure: type
) -> None:
    assert type(await catch(channel.coupons.redeem(canned(read_payload(payload)), ORDER))) is failure


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((500, b"<html>"), ChannelUnavailable, OutcomeUnknown),
        ((503, b'{"code":200,"data":[]}'), ChannelUnavailable, OutcomeUnknown),
        ((404, b'{"code":801,"msg":"x"}'), ChannelUnavailable, OutcomeUnknown),
        ((429, b"slow down"), RateLimited, RateLimited),
        ((200, b""), ProtocolFailure, OutcomeUnknown),
        ((200, b"<html>"), ProtocolFailure, OutcomeUnknown),
        ((200, b"[]"), ProtocolFailure, OutcomeUnknown),
        ((200, b"{}"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":"none"}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":true}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":200}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":200,"data":{"receipt_code":7}}'), ProtocolFailure, OutcomeUnknown),
    ],
)
async def test_answers_that_are_none(
    channel: Any, canned: Any, scan: Any, answer: Any, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), ORDER))
    assert (type(read), type(write)) == (on_read, on_write)


@pytest.mark.parametrize("kind", [FaultKind.LOSE, FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500])
async def test_lost_answers(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, kind: FaultKind
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", kind)
    assert isinstance(await catch(channel.coupons.redeem(session, order_of(found))), OutcomeUnknown)
    applied = kind is FaultKind.DROP_AFTER_APPLY
    assert simulator.consumptions()[0].living == int(applied)


@pytest.mark.parametrize("code", [606, 608, 611, 500, 899])
async def test_failures_tell_no_secrets(channel: Any, canned: Any, simulator: Any, code: int) -> None:
    answer = {"code": code, "msg": f"{CODE} 13800000000"}
    session = canned(answer, {"code": 609, "msg": f"refresh_token {CODE}"})
    try:
        said: object = await channel.coupons.redeem(session, replace(ORDER, items=(RedeemItem("x", CODE),)))
    except ChannelFailure as failure:
        said = f"{failure!r} {failure} {vars(failure)}"
    secrets = [CODE, "13800000000", *list(simulator.credentials.values())[1:]]
    assert not [secret for secret in secrets if secret in repr(said)]
