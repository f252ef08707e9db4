"""What becomes of answers that say nothing about the coupon."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.meituan.tables import TROUBLE_BY_CODE, Trouble
from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
)
from core.testing.clock import START

CODE = "0332808512"
ORDER = RedeemOrder("req-0001", (RedeemItem(CODE, f"{CODE}:993500001:1:1"),), CODE, at=START)
BY_TROUBLE = {
    Trouble.MISCONFIGURED: (Misconfigured, Misconfigured),
    Trouble.RATE_LIMITED: (RateLimited, RateLimited),
    Trouble.BUSY: (ChannelUnavailable, OutcomeUnknown),
    Trouble.UNAUTHORISED: (CredentialsRefused, CredentialsRefused),
}


def fail_with(code: str, data: Any = None) -> Any:
    return {"code": code, "msg": f"券{CODE} 13800000000", "data": data, "traceId": "1"}


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


@pytest.mark.parametrize("code", TROUBLE_BY_CODE)
async def test_documented_codes(canned: Any, code: str) -> None:
    on_read, on_write = BY_TROUBLE[TROUBLE_BY_CODE[code]]
    read = await catch(canned(fail_with(code), fail_with(code)).look_up(CODE))
    write = await catch(canned(fail_with(code)).redeem(ORDER))
    assert (type(read), type(write)) == (on_read, on_write)
    assert (read.platform_code, write.platform_code) == (code, code)
    assert write.platform_message == "券… …"


@pytest.mark.parametrize(
    ("sub_code", "failure", "setting"),
    [
        (3, CredentialsRefused, "signKey"),
        (4, CredentialsRefused, "appAuthToken"),
        ("4", CredentialsRefused, "appAuthToken"),
        (5, CredentialsRefused, "appAuthToken"),
        (22, CredentialsRefused, "appAuthToken"),
        (19, Misconfigured, "developerId"),
        (99, CredentialsRefused, None),
        ({}, CredentialsRefused, None),
    ],
)
async def test_refused_keys(canned: Any, sub_code: Any, failure: type, setting: str | None) -> None:
    till = canned(fail_with("OP_UNIAUTH_FAILED", {"code": sub_code}))
    caught: Any = await catch(till.redeem(ORDER))
    assert (type(caught), caught.setting) == (failure, setting)
    assert len(till.session.http.requests) == 1


@pytest.mark.parametrize(
    ("payload", "failure"),
    [
        ("11_sign_error", CredentialsRefused),
        ("12_token_expired", CredentialsRefused),
        ("13_token_invalid", CredentialsRefused),
        ("14_rate_limited", RateLimited),
        ("15_timeout_retry_once", OutcomeUnknown),
    ],
)
async def test_examples_of_failures(canned: Any, read_payload: Any, payload: str, failure: type) -> None:
    assert type(await catch(canned(read_payload(payload)).redeem(ORDER))) is failure


async def test_reading_is_repeated_once(canned: Any, read_payload: Any) -> None:
    till = canned(
        read_payload("15_timeout_retry_once"), read_payload("03_ddzh_prepare_already_used"), (500, b"")
    )
    assert (await till.look_up(CODE)).reason == "ALREADY_REDEEMED"
    assert [each.operation for each in till.session.http.requests] == ["prepare", "prepare", "getconsumed"]


async def test_redeeming_is_never_repeated(canned: Any, read_payload: Any) -> None:
    till = canned(read_payload("15_timeout_retry_once"))
    await catch(till.redeem(ORDER))
    assert len(till.session.http.requests) == 1


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        ((429, b""), RateLimited, RateLimited),
        ((500, b'{"code":"OP_SUCCESS","data":{}}'), ChannelUnavailable, OutcomeUnknown),
        ((404, b'{"code":"OP_SUCCESS","data":{}}'), ProtocolFailure, OutcomeUnknown),
        ((404, b"<html>"), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":"OP_SUCCESS","data":null}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"code":0,"data":{}}'), ProtocolFailure, OutcomeUnknown),
        ((200, b'{"error":{"code":3,"message":"x"}}'), ProtocolFailure, OutcomeUnknown),
    ],
)
async def test_answers_that_are_none(canned: Any, answer: Any, on_read: type, on_write: type) -> None:
    assert type(await catch(canned(answer).look_up(CODE))) is on_read
    assert type(await catch(canned(answer).redeem(ORDER))) is on_write


async def test_success_with_a_failing_status(canned: Any, read_payload: Any) -> None:
    whole = orjson.dumps(read_payload("06_ddzh_consume_ok"))
    assert isinstance(await catch(canned((404, whole)).redeem(ORDER)), OutcomeUnknown)


async def test_ended_authorisation(till: Any, general: Any) -> None:
    sample = general.make("usable")
    general.void_token = 22
    failure: Any = await catch(till.look_up(sample.code))
    assert (type(failure), failure.setting) == (CredentialsRefused, "appAuthToken")


async def test_failures_tell_no_code(canned: Any) -> None:
    failure = await catch(canned(fail_with("OP_SYSTEM_ERROR")).redeem(ORDER))
    assert CODE not in f"{failure!r} {vars(failure)}"
