"""Signatures, and what becomes of answers that are no answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from adapters.eleme.client import sign_parameters
from adapters.eleme.tables import CREDENTIAL_BY_CODE, MEND_BY_CODE, TROUBLE_BY_CODE, Trouble
from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)

CODE = "523162942005"
VECTORS = orjson.loads((Path(__file__).parent / "vectors" / "eleme-top-md5.json").read_bytes())["vectors"]
USE_ROOT = "alibaba_alsc_merchant_ext_ticketcode_use_response"


def fail_with(code: Any, sub_code: str = "") -> Any:
    words = f"{CODE} 13800000000"
    return {"error_response": {"code": code, "msg": words, "sub_code": sub_code, "sub_msg": words}}


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


# -------------------------------------------------------------------------------------------------------- signatures
@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_signs_as_documented(vector: Any) -> None:
    assert sign_parameters(vector["params"], vector["secret"]) == vector["sign"]


def test_signature_covers_every_parameter() -> None:
    parameters = VECTORS[1]["params"]
    signed = {name: sign_parameters({**parameters, name: "other"}, "helloworld") for name in parameters}
    assert VECTORS[1]["sign"] not in signed.values()
    assert len(set(signed.values())) == len(parameters)


async def test_call_is_signed_whole(find: Any, simulator: Any, session: Any) -> None:
    await find(simulator.make("usable").code)
    (sent,) = session.http.requests
    query, form = dict(sent.params), dict(parse_qsl(sent.content.decode()))
    assert query.pop("sign") == sign_parameters({**query, **form}, simulator.credentials["topAppSecret"])
    assert query == {
        "method": "alibaba.alsc.daodian.ticket.consult",
        "app_key": "34567890",
        "timestamp": query["timestamp"],
        "v": "2.0",
        "format": "json",
        "sign_method": "md5",
    }
    assert form.keys() == {"session", "consult_request"}


async def test_time_is_beijing_time(find: Any, simulator: Any, session: Any, clock: Any) -> None:
    await find(simulator.make("usable").code)
    hour = (clock.now().hour + 8) % 24
    assert session.http.requests[0].params["timestamp"][11:13] == f"{hour:02d}"


async def test_session_stays_out_of_the_address(find: Any, simulator: Any, session: Any) -> None:
    await find(simulator.make("usable").code)
    (sent,) = session.http.requests
    assert simulator.credentials["topSession"] not in f"{sent.url} {sent.params} {sent!r}"
    assert sent.headers == {"content-type": "application/x-www-form-urlencoded;charset=utf-8"}


async def test_effects_are_declared(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("usable").code
    await channel.coupons.redeem(session, order_of(await find(code), code))
    effects = [(request.operation, request.effect) for request in session.http.requests]
    assert effects == [("consult", Effect.READ), ("use", Effect.WRITE)]


# ----------------------------------------------------------------------------------------------------------- trouble
@pytest.mark.parametrize(
    ("code", "sub_code", "on_read", "on_write"),
    [
        (4, "", RateLimited, RateLimited),
        (5, "", RateLimited, RateLimited),
        (6, "", RateLimited, RateLimited),
        (7, "accesscontrol.limited-by-api-access-count", RateLimited, RateLimited),
        (8, "", RateLimited, RateLimited),
        (9, "", Misconfigured, Misconfigured),
        (10, "", ChannelUnavailable, OutcomeUnknown),
        (11, "isv.permission-api-package-limit", Misconfigured, Misconfigured),
        (12, "", Misconfigured, Misconfigured),
        (13, "", Misconfigured, Misconfigured),
        (15, "", ChannelUnavailable, OutcomeUnknown),
        (50, "", ChannelUnavailable, OutcomeUnknown),
        (15, "isp.remote-service-timeout", ChannelUnavailable, OutcomeUnknown),
        (50, "isp.unknown-error", ChannelUnavailable, OutcomeUnknown),
        (15, "isv.SYSTEM_ERROR", ChannelUnavailable, OutcomeUnknown),
        (22, "", Misconfigured, Misconfigured),
        ("25", "", CredentialsRefused, CredentialsRefused),
        (27, "", CredentialsRefused, CredentialsRefused),
        (28, "", CredentialsRefused, CredentialsRefused),
        (31, "", Misconfigured, Misconfigured),
        (42, "", Misconfigured, Misconfigured),
        (53, "", CredentialsRefused, CredentialsRefused),
    ],
)
async def test_trouble_codes(
    channel: Any, canned: Any, scan: Any, order: Any,
    code: Any, sub_code: str, on_read: type, on_write: type,
) -> None:  # fmt: skip
    body = fail_with(code, sub_code)
    read = await catch(channel.coupons.look_up(canned(body), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(body), order()))
    assert (type(read), type(write)) == (on_read, on_write)
    assert read.platform_code == write.platform_code == (f"{code}/{sub_code}" if sub_code else str(code))


def test_every_trouble_has_a_mend() -> None:
    named = {kind: {code for code, each in TROUBLE_BY_CODE.items() if each is kind} for kind in Trouble}
    assert named[Trouble.CREDENTIALS] == CREDENTIAL_BY_CODE.keys()
    assert named[Trouble.MISCONFIGURED] == MEND_BY_CODE.keys()


@pytest.mark.parametrize(
    ("code", "setting"), [(24, "topAppSecret"), (26, "topSession"), (29, "topAppKey"), (53, "topSession")]
)
async def test_refused_credential_is_named(
    channel: Any, canned: Any, order: Any, code: int, setting: str
) -> None:
    failure = await catch(channel.coupons.redeem(canned(fail_with(code)), order()))
    assert isinstance(failure, CredentialsRefused)
    assert failure.setting == setting


async def test_number_of_a_service_is_no_trouble(channel: Any, canned: Any, scan: Any) -> None:
    result = {"success": False, "error_code": "27", "error_msg": "?"}
    body = {"alibaba_alsc_daodian_ticket_consult_response": {"result": result}}
    answer = await channel.coupons.look_up(canned(body), scan(CODE))
    assert (answer.reason, answer.platform_code) == ("REFUSED_BY_CHANNEL", "27")


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((500, b"<html>"), ChannelUnavailable, OutcomeUnknown),
        ((503, b'{"error_response":{"code":27}}'), ChannelUnavailable, OutcomeUnknown),
        ((429, b"slow down"), RateLimited, RateLimited),
        ((404, b"not found"), ProtocolFailure, OutcomeUnknown),
        ((200, b""), ProtocolFailure, OutcomeUnknown),
        ((200, b"[]"), ProtocolFailure, OutcomeUnknown),
        ((200, b"{}"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"error_response":null}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"error_response":{"msg":"?"}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"alibaba_alsc_daodian_ticket_consult_response":{}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"alibaba_alsc_merchant_ext_ticketcode_use_response":{}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"alibaba_alsc_merchant_ext_ticketcode_use_response":1}'), ProtocolFailure, OutcomeUnknown),
    ],
)
async def test_answers_that_are_none(
    channel: Any, canned: Any, scan: Any, order: Any, answer: Any, on_read: type, on_write: type
) -> None:
    read = await catch(channel.coupons.look_up(canned(answer), scan(CODE)))
    write = await catch(channel.coupons.redeem(canned(answer), order()))
    assert (type(read), type(write)) == (on_read, on_write)


@pytest.mark.parametrize("code", [7, 10, 11, 15, 25, 987654])
async def test_failures_tell_no_secrets(channel: Any, canned: Any, order: Any, code: int) -> None:
    session = canned(fail_with(code, "isv.x" if code == 987654 else ""))
    try:
        said: object = await channel.coupons.redeem(session, order())
    except ChannelFailure as failure:
        said = f"{failure!r} {failure} {vars(failure)}"
    secrets = [CODE, "13800000000", session.credentials.top_session.get_secret_value(), "e1c0d2b3a4958677"]
    assert not [secret for secret in secrets if secret in repr(said)]


async def test_gateway_address_is_used_whole(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned(read_payload("26_alsc_ticket_consult_invalid"))
    await channel.coupons.look_up(session, scan(CODE))
    assert [each.url for each in session.http.requests] == ["http://simulator.test/router/rest"]
