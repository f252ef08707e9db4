"""Login of the mini-program: who a code stands for, the phone number behind the button, and every way it fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from adapters.wechat.simulator.people import Person
from adapters.wechat.simulator.state import OPENID
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Identified,
    LoginRefusal,
    LoginRefused,
    Misconfigured,
    PhoneFound,
    ProtocolFailure,
    RateLimited,
)
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

SOMEBODY = Identified("oTESTopenid0000000000000001", None, "dGVzdHNlc3Npb25rZXkwMDA=")


@pytest.fixture
def log_in(channel: Any, session: Any, simulator: Any) -> Any:
    """Logs somebody in and expects to be told who it is."""

    async def enter(person: Person | None = None) -> Identified:
        found = await channel.identity.identify(session, simulator.people.make_login(person))
        assert isinstance(found, Identified)
        return found

    return enter


# ---------------------------------------------------------------------------------------------------------- who it is
async def test_code_tells_who_it_is(log_in: Any, simulator: Any) -> None:
    found = await log_in()
    assert (found.subject, found.union_subject) == (OPENID, "oUnIoNsImUlAtEd-0000000000001")
    assert found.session_key is not None
    assert simulator.calls == {"identify": 1}


async def test_app_without_open_platform_has_no_union(log_in: Any) -> None:
    assert (await log_in(Person("oAlone-000000000000000000001", None))).union_subject is None


async def test_documented_answer_is_read(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned("identify", read_payload("jscode2session_ok"))
    found = await channel.identity.identify(session, "0a1")
    assert found == Identified(
        "oTESTopenid0000000000000001", "uTESTunionid000000000000001", "dGVzdHNlc3Npb25rZXkwMDA="
    )


async def test_login_call_names_the_app(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    await channel.identity.identify(session, code)
    (request,) = session.http.requests
    assert (request.method, request.url) == ("GET", "http://simulator.test/sns/jscode2session")
    assert request.params == {
        "appid": "wx5a1b2c3d4e5f6071",
        "secret": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "js_code": code,
        "grant_type": "authorization_code",
    }


async def test_key_and_secret_are_not_said(log_in: Any, session: Any) -> None:
    found = await log_in()
    said = repr(found) + repr(session.http.requests) + repr(PhoneFound("+8613800000000"))
    assert found.session_key not in said
    assert "0f1e2d3c4b5a" not in said
    assert "13800000000" not in said


async def test_code_is_good_once(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    await channel.identity.identify(session, code)
    assert await channel.identity.identify(session, code) == LoginRefused(
        LoginRefusal.CODE_INVALID, "40029", "invalid code"
    )


async def test_code_dies_in_five_minutes(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    code = simulator.people.make_login()
    clock.advance(timedelta(minutes=5))
    refused = await channel.identity.identify(session, code)
    assert (refused.reason, refused.platform_code) == (LoginRefusal.CODE_INVALID, "40029")


@pytest.mark.parametrize(
    ("name", "reason", "code"),
    [
        ("jscode2session_invalid_code", LoginRefusal.CODE_INVALID, "40029"),
        ("jscode2session_blocked", LoginRefusal.RISK_BLOCKED, "40226"),
    ],
)
async def test_documented_refusal(
    channel: Any, canned: Any, read_payload: Any, name: str, reason: LoginRefusal, code: str
) -> None:
    refused = await channel.identity.identify(canned("identify", read_payload(name)), "0a1")
    assert (refused.reason, refused.platform_code) == (reason, code)
    assert "rid" not in refused.platform_message


async def test_unlisted_refusal_is_no_success(channel: Any, canned: Any) -> None:
    session = canned("identify", (200, {"errcode": 98765, "errmsg": "?", "openid": "oX"}))
    assert await channel.identity.identify(session, "0a1") == LoginRefused(
        LoginRefusal.REFUSED_BY_CHANNEL, "98765", "?"
    )


@pytest.mark.parametrize(("name", "value"), [("appSecret", "wrong"), ("appId", "wx0000")])
async def test_wrong_credential_is_named(channel: Any, simulator: Any, name: str, value: str) -> None:
    session = make_session(channel, simulator, credentials={name: value})
    code = simulator.people.make_login()
    with pytest.raises(CredentialsRefused) as refused:
        await channel.identity.identify(session, code)
    assert refused.value.setting == name
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((200, {"errcode": -1, "errmsg": "system error"}), ChannelUnavailable),
        ((200, {"errcode": 45011, "errmsg": "x"}), RateLimited),
        ((200, {"errcode": 40164, "errmsg": "x"}), Misconfigured),
        ((429, b""), RateLimited),
        ((502, b"<html>"), ChannelUnavailable),
        ((200, b"<html>"), ProtocolFailure),
        ((200, {"session_key": "x"}), ProtocolFailure),
        ((200, {"errcode": 0, "errmsg": "ok"}), ProtocolFailure),
        ((200, {"openid": 7.5}), ProtocolFailure),
    ],
)
async def test_trouble_is_no_refusal(
    channel: Any, canned: Any, answer: Any, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await channel.identity.identify(canned("identify", answer), "0a1")


async def test_lost_answer_costs_the_code(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    simulator.faults.script("identify", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(ChannelUnavailable):
        await channel.identity.identify(session, code)
    assert simulator.calls["identify"] == 1
    refused = await channel.identity.identify(session, code)
    assert refused.reason is LoginRefusal.CODE_INVALID


async def test_hundred_logins_a_minute(log_in: Any, clock: Any) -> None:
    for _ in range(100):
        await log_in()
    with pytest.raises(RateLimited):
        await log_in()
    await log_in(Person("oAnother-0000000000000000001"))
    clock.advance(timedelta(minutes=1))
    await log_in()


# ---------------------------------------------------------------------------------------------------------- the phone
async def test_phone_code_tells_the_number(channel: Any, session: Any, simulator: Any, log_in: Any) -> None:
    person, code = await log_in(), simulator.people.make_phone_code()
    assert await channel.identity.find_phone(session, code, person) == PhoneFound("+8613800000000")
    assert orjson.loads(session.http.requests[-1].content) == {"code": code, "openid": OPENID}


async def test_phone_code_is_good_once_and_for_five_minutes(
    channel: Any, session: Any, simulator: Any, log_in: Any, clock: Any
) -> None:
    person = await log_in()
    first, second = simulator.people.make_phone_code(), simulator.people.make_phone_code()
    await channel.identity.find_phone(session, first, person)
    clock.advance(timedelta(minutes=5))
    for code in (first, second):
        refused = await channel.identity.find_phone(session, code, person)
        assert (refused.reason, refused.platform_code) == (LoginRefusal.CODE_INVALID, "40029")


async def test_somebody_elses_phone_code(channel: Any, session: Any, simulator: Any, log_in: Any) -> None:
    other = Person("oAnother-0000000000000000001", None, "13900000000")
    person, code = await log_in(), simulator.people.make_phone_code(other)
    refused = await channel.identity.find_phone(session, code, person)
    assert refused == LoginRefused(LoginRefusal.CODE_INVALID, "40003", "invalid openid")


@pytest.mark.parametrize("country", ["86", 86])
async def test_country_code_is_text_or_number(
    channel: Any, canned: Any, read_payload: Any, country: object
) -> None:
    status, body = read_payload("getuserphonenumber_ok")
    info = {**body["phone_info"], "countryCode": country, "watermark": {"appid": "wx5a1b2c3d4e5f6071"}}
    session = canned("find_phone", (status, {**body, "phone_info": info}))
    assert await channel.identity.find_phone(session, "e31", SOMEBODY) == PhoneFound("+8613800000000")


async def test_number_for_another_app_is_not_believed(channel: Any, canned: Any, read_payload: Any) -> None:
    with pytest.raises(ProtocolFailure) as failure:
        await channel.identity.find_phone(
            canned("find_phone", read_payload("getuserphonenumber_ok")), "e31", SOMEBODY
        )
    assert failure.value.path == "phone_info.watermark.appid"


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"purePhoneNumber": "13800000000"},
        {"purePhoneNumber": "13800000000", "countryCode": "++86"},
        {"purePhoneNumber": "138****0000", "countryCode": "86"},
        {"purePhoneNumber": "12345678901234", "countryCode": "86"},
    ],
)
async def test_odd_number_is_not_believed(channel: Any, canned: Any, info: dict[str, Any]) -> None:
    session = canned("find_phone", (200, {"errcode": 0, "errmsg": "ok", "phone_info": info}))
    with pytest.raises(ProtocolFailure) as failure:
        await channel.identity.find_phone(session, "e31", SOMEBODY)
    assert "138" not in str(failure.value)


@pytest.mark.parametrize(
    ("errcode", "reason"),
    [
        (40029, LoginRefusal.CODE_INVALID),
        (40013, LoginRefusal.CODE_INVALID),
        (98765, LoginRefusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_phone_refusal(channel: Any, canned: Any, errcode: int, reason: LoginRefusal) -> None:
    session = canned("find_phone", (200, {"errcode": errcode, "errmsg": "x"}))
    refused = await channel.identity.find_phone(session, "e31", SOMEBODY)
    assert (refused.reason, refused.platform_code) == (reason, str(errcode))


async def test_app_without_permission_for_phones(channel: Any, canned: Any) -> None:
    session = canned("find_phone", (200, {"errcode": 48001, "errmsg": "api unauthorized"}))
    with pytest.raises(Misconfigured) as refused:
        await channel.identity.find_phone(session, "e31", SOMEBODY)
    assert refused.value.setting == "appId"


async def test_dead_token_costs_no_code(channel: Any, session: Any, simulator: Any, log_in: Any) -> None:
    person = await log_in()
    await channel.identity.find_phone(session, simulator.people.make_phone_code(), person)
    simulator.expire_tokens()
    code = simulator.people.make_phone_code()
    assert isinstance(await channel.identity.find_phone(session, code, person), PhoneFound)
    assert (simulator.calls["token"], simulator.calls["find_phone"]) == (2, 3)


async def test_token_is_fetched_by_one(channel: Any, session: Any, simulator: Any, log_in: Any) -> None:
    person = await log_in()
    codes = [simulator.people.make_phone_code() for _ in range(5)]
    found = await asyncio.gather(*(channel.identity.find_phone(session, code, person) for code in codes))
    assert found == [PhoneFound("+8613800000000")] * 5
    assert simulator.calls["token"] == 1


# --------------------------------------------------------------------------------------- the phone in a sealed text
async def test_sealed_number_is_opened_without_a_call(
    channel: Any, session: Any, simulator: Any, log_in: Any
) -> None:
    person = await log_in()
    sealed = simulator.people.seal_phone()
    assert await channel.identity.find_phone(session, sealed, person) == PhoneFound("+8613800000000")
    assert simulator.calls == {"identify": 1}


async def test_older_session_key_opens_nothing(
    channel: Any, session: Any, simulator: Any, log_in: Any
) -> None:
    older = await log_in()
    await log_in()
    refused = await channel.identity.find_phone(session, simulator.people.seal_phone(), older)
    assert refused == LoginRefused(LoginRefusal.CODE_INVALID)


async def test_without_session_key_log_in_again(
    channel: Any, session: Any, simulator: Any, log_in: Any
) -> None:
    person = replace(await log_in(), session_key=None)
    refused = await channel.identity.find_phone(session, simulator.people.seal_phone(), person)
    assert refused == LoginRefused(LoginRefusal.CODE_EXPIRED)


async def test_sealed_number_for_another_app(channel: Any, session: Any, simulator: Any, log_in: Any) -> None:
    person = await log_in()
    with pytest.raises(ProtocolFailure):
        await channel.identity.find_phone(session, simulator.people.seal_phone(app_id="wx0000"), person)


@pytest.mark.parametrize("text", ['{"encryptedData":"AAAA","iv":"AAAA"}', '{"encryptedData":"€","iv":"x"}'])
async def test_spoilt_text_is_invalid(channel: Any, session: Any, log_in: Any, text: str) -> None:
    refused = await channel.identity.find_phone(session, text, await log_in())
    assert refused == LoginRefused(LoginRefusal.CODE_INVALID)


@pytest.mark.parametrize("text", ["[]", "{}", '{"encryptedData":"x"}', '{"iv":1,"encryptedData":"x"}', "e31"])
async def test_other_texts_are_codes(
    channel: Any, session: Any, simulator: Any, log_in: Any, text: str
) -> None:
    refused = await channel.identity.find_phone(session, text, await log_in())
    assert (refused.platform_code, simulator.calls["find_phone"]) == ("40029", 1)
