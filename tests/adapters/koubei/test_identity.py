"""Login of Alipay's mini-program, the phone number that it hands over sealed, and every way they fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from pydantic import ValidationError

from adapters.koubei.channel import KoubeiCredentials
from adapters.koubei.client import SignatureMismatch
from adapters.koubei.simulator.keys import make_key, write_public_key
from adapters.koubei.simulator.people import USER_ID, Person
from adapters.koubei.simulator.state import OPEN_ID
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

SOMEBODY = Identified(OPEN_ID)
OTHER_KEY = "b3RoZXIgc2l4dGVlbiBieQ=="


# ---------------------------------------------------------------------------------------------------------- who it is
@pytest.mark.parametrize(
    ("person", "subject", "union"),
    [
        (Person(), OPEN_ID, None),
        (Person(union_id="union1"), OPEN_ID, "union1"),
        (Person(open_id=None, user_id=USER_ID), USER_ID, USER_ID),
        (Person(user_id=USER_ID), OPEN_ID, USER_ID),
        (Person(user_id=USER_ID, union_id="union1"), OPEN_ID, "union1"),
    ],
)
async def test_code_tells_who_it_is(
    channel: Any, session: Any, simulator: Any, person: Person, subject: str, union: str | None
) -> None:
    found = await channel.identity.identify(session, simulator.people.make_login(person))
    assert found == Identified(subject, union)
    assert simulator.calls == {"alipay.system.oauth.token": 1}


async def test_login_call_is_signed_with_its_form(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    await channel.identity.identify(session, code)
    (request,) = session.http.requests
    assert parse_qs(request.content.decode()) == {"grant_type": ["authorization_code"], "code": [code]}
    assert request.params["method"] == "alipay.system.oauth.token"
    assert "biz_content" not in request.params


async def test_code_is_good_once(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    await channel.identity.identify(session, code)
    assert await channel.identity.identify(session, code) == LoginRefused(
        LoginRefusal.CODE_INVALID, "40002/isv.code-invalid", "授权码code无效"
    )


async def test_code_dies_in_a_day(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    code = simulator.people.make_login()
    clock.advance(timedelta(days=1))
    refused = await channel.identity.identify(session, code)
    assert refused.reason is LoginRefusal.CODE_INVALID


@pytest.mark.parametrize(
    ("sub_code", "reason"),
    [
        ("isv.unmatched-app-id", LoginRefusal.CODE_INVALID),
        ("isv.never-heard-of", LoginRefusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_other_refusal(channel: Any, canned: Any, sub_code: str, reason: LoginRefusal) -> None:
    session = canned({"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": "x"})
    assert await channel.identity.identify(session, "4b20") == LoginRefused(reason, f"40002/{sub_code}", "x")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"code": "20000", "msg": "x", "sub_code": "aop.unknow-error"}, ChannelUnavailable),
        ({"code": "40005", "msg": "x", "sub_code": "isv.app-call-limited"}, RateLimited),
        ({"code": "40006", "msg": "x", "sub_code": "isv.insufficient-isv-permissions"}, Misconfigured),
        ({"access_token": "authbse"}, ProtocolFailure),
        ({"open_id": OPEN_ID}, ProtocolFailure),
        ((502, b""), ChannelUnavailable),
        ((200, b"<html>"), ProtocolFailure),
    ],
)
async def test_trouble_is_no_refusal(
    channel: Any, canned: Any, answer: Any, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await channel.identity.identify(canned(answer), "4b20")


async def test_unsigned_login_is_not_believed(channel: Any, canned: Any) -> None:
    fields = orjson.dumps({"open_id": OPEN_ID, "access_token": "authbse"}).decode()
    content = f'{{"alipay_system_oauth_token_response":{fields}}}'.encode()
    with pytest.raises(ProtocolFailure):
        await channel.identity.identify(canned((200, content)), "4b20")


async def test_foreign_signature_is_not_believed(channel: Any, simulator: Any) -> None:
    key = write_public_key(make_key("somebody").public_key())
    session = make_session(channel, simulator, credentials={"alipayPublicKey": key})
    with pytest.raises(SignatureMismatch):
        await channel.identity.identify(session, simulator.people.make_login())


async def test_wrong_app_is_named(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"appId": "2014000000000000"})
    with pytest.raises(CredentialsRefused) as refused:
        await channel.identity.identify(session, simulator.people.make_login())
    assert refused.value.setting == "appId"


async def test_lost_answer_costs_the_code(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    simulator.faults.script("identify", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(ChannelUnavailable):
        await channel.identity.identify(session, code)
    assert (await channel.identity.identify(session, code)).reason is LoginRefusal.CODE_INVALID


# ---------------------------------------------------------------------------------------------------------- the phone
async def test_sealed_number_is_opened_without_a_call(channel: Any, session: Any, simulator: Any) -> None:
    handed_over = simulator.people.hand_over_phone(Person(phone="13900000001"))
    assert await channel.identity.find_phone(session, handed_over, SOMEBODY) == PhoneFound("+8613900000001")
    assert session.http.requests == []


async def test_country_code_counts(channel: Any, session: Any, simulator: Any) -> None:
    handed_over = simulator.people.hand_over({"code": "10000", "mobile": "61234567", "countryCode": "852"})
    assert await channel.identity.find_phone(session, handed_over, SOMEBODY) == PhoneFound("+85261234567")


def spoil(handed_over: str, **changes: Any) -> str:
    return orjson.dumps({**orjson.loads(handed_over), **changes}).decode()


@pytest.mark.parametrize("changes", [{"sign": "AAAA"}, {"sign": ""}, {"sign": None}, {"response": "AAAA"}])
async def test_unsigned_text_is_invalid(channel: Any, session: Any, simulator: Any, changes: Any) -> None:
    handed_over = spoil(simulator.people.hand_over_phone(), **changes)
    refused = await channel.identity.find_phone(session, handed_over, SOMEBODY)
    assert refused == LoginRefused(LoginRefusal.CODE_INVALID)


@pytest.mark.parametrize("text", ["", "4b20", "[]", "{}", '{"response":7}', '{"response":"{"}'])
async def test_other_texts_are_invalid(channel: Any, session: Any, text: str) -> None:
    assert await channel.identity.find_phone(session, text, SOMEBODY) == LoginRefused(
        LoginRefusal.CODE_INVALID
    )


NO_CONSENT = {
    "code": "40003",
    "msg": "Insufficient Conditions",
    "subCode": "isv.invalid-auth-relations",
    "subMsg": "无效的授权关系",
}


@pytest.mark.parametrize("response", [NO_CONSENT, orjson.dumps(NO_CONSENT).decode()])
async def test_open_error_is_read(channel: Any, session: Any, response: Any) -> None:
    handed_over = orjson.dumps({"response": response}).decode()
    assert await channel.identity.find_phone(session, handed_over, SOMEBODY) == LoginRefused(
        LoginRefusal.NOT_PERMITTED, "40003/isv.invalid-auth-relations", "无效的授权关系"
    )


async def test_sealed_error_is_read(channel: Any, session: Any, simulator: Any) -> None:
    handed_over = simulator.people.hand_over({"code": "20000", "msg": "x", "subCode": "aop.unknow-error"})
    assert await channel.identity.find_phone(session, handed_over, SOMEBODY) == LoginRefused(
        LoginRefusal.REFUSED_BY_CHANNEL, "20000/aop.unknow-error", "x"
    )


async def test_open_number_is_not_believed(channel: Any, session: Any) -> None:
    handed_over = orjson.dumps({"response": {"code": "10000", "mobile": "13800000000"}}).decode()
    with pytest.raises(ProtocolFailure) as failure:
        await channel.identity.find_phone(session, handed_over, SOMEBODY)
    assert "13800000000" not in str(failure.value)


@pytest.mark.parametrize("mobile", [None, "138****0000", "+8613800000000", "12", "1234567890123456"])
async def test_odd_number_is_not_believed(
    channel: Any, session: Any, simulator: Any, mobile: str | None
) -> None:
    handed_over = simulator.people.hand_over({"code": "10000", "mobile": mobile})
    with pytest.raises(ProtocolFailure):
        await channel.identity.find_phone(session, handed_over, SOMEBODY)


async def test_without_aes_key_a_person_must_mend_it(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"aesKey": None})
    with pytest.raises(Misconfigured) as refused:
        await channel.identity.find_phone(session, simulator.people.hand_over_phone(), SOMEBODY)
    assert refused.value.setting == "aesKey"


async def test_wrong_aes_key_is_named(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"aesKey": OTHER_KEY})
    with pytest.raises(Misconfigured) as refused:
        await channel.identity.find_phone(session, simulator.people.hand_over_phone(), SOMEBODY)
    assert refused.value.setting == "aesKey"
    assert OTHER_KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "short", "c2hvcnQ=", "€"])
def test_odd_aes_key_is_refused(simulator: Any, key: str) -> None:
    with pytest.raises(ValidationError):
        KoubeiCredentials.model_validate({**simulator.credentials, "aesKey": key})


def test_aes_key_is_hidden(simulator: Any) -> None:
    credentials = KoubeiCredentials.model_validate(simulator.credentials)
    assert simulator.credentials["aesKey"] not in repr(credentials)


async def test_key_is_not_needed_to_log_in(channel: Any, session: Any, simulator: Any) -> None:
    credentials = session.credentials.model_copy(update={"aes_key": None})
    code = simulator.people.make_login()
    assert isinstance(
        await channel.identity.identify(replace(session, credentials=credentials), code), Identified
    )
