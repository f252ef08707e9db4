"""Login of the mini-app: who a code stands for, the phone number behind the button, and every way it fails."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pydantic import ValidationError

from adapters.douyin.channel import DouyinCredentials, DouyinSettings
from adapters.douyin.sealing import open_by_key
from adapters.douyin.simulator.people import (
    MINI_APP_ID,
    MINI_APP_SECRET,
    OPENID,
    UNIONID,
    Person,
    mini_app_key,
    write_mini_app_key,
)
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

SOMEBODY = Identified(OPENID)
PHONE = PhoneFound("+8613800000000")


class Canned:
    """Gives one answer to one operation, and passes on the rest."""

    def __init__(self, inner: Any, operation: str, answer: tuple[int, Any]) -> None:
        self.inner, self.operation, self.answer = inner, operation, answer

    async def send(self, request: Any) -> Any:
        given = await self.inner.send(request)
        if request.operation != self.operation:
            return given
        status, body = self.answer
        return replace(given, status=status, content=body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.fixture
def answered(session: Any) -> Any:
    """The session with this answer, (status, document), to every call of one operation."""
    return lambda operation, *answer: replace(session, http=Canned(session.http, operation, answer))


@pytest.fixture
def log_in(channel: Any, session: Any, simulator: Any) -> Any:
    """Logs somebody in and expects to be told who it is."""

    async def enter(person: Person | None = None) -> Identified:
        found = await channel.identity.identify(session, simulator.people.make_login(person))
        assert isinstance(found, Identified)
        return found

    return enter


# ---------------------------------------------------------------------------------------------------- how it is set up
def test_credentials_of_the_mini_app_have_names() -> None:
    names = [field.alias for field in DouyinCredentials.model_fields.values()]
    assert names[:3] == ["clientKey", "clientSecret", "accountId"]
    assert names[3:] == ["miniAppId", "miniAppSecret", "miniAppPrivateKey"]
    assert DouyinSettings().mini_app_base_url == "https://developer.toutiao.com"


@pytest.mark.parametrize("missing", ["miniAppId", "miniAppSecret"])
def test_half_a_mini_app_is_refused(simulator: Any, missing: str) -> None:
    given = {name: value for name, value in simulator.credentials.items() if name != missing}
    with pytest.raises(ValidationError, match="or none of its keys"):
        DouyinCredentials.model_validate(given)


def test_odd_private_key_is_refused(simulator: Any) -> None:
    with pytest.raises(ValidationError, match="no RSA private key"):
        DouyinCredentials.model_validate({**simulator.credentials, "miniAppPrivateKey": "x"})


def test_secrets_are_hidden(simulator: Any) -> None:
    credentials = DouyinCredentials.model_validate(simulator.credentials)
    said = repr(credentials) + repr(credentials.mini_app)
    assert MINI_APP_SECRET not in said
    assert write_mini_app_key()[30:60] not in said


async def test_without_mini_app_nobody_logs_in(channel: Any, session: Any, simulator: Any) -> None:
    empty = dict.fromkeys(("mini_app_id", "mini_app_secret", "mini_app_private_key"))
    bare = replace(session, credentials=session.credentials.model_copy(update=empty))
    for work in (channel.identity.identify(bare, "x"), channel.identity.find_phone(bare, "x", SOMEBODY)):
        with pytest.raises(Misconfigured) as refused:
            await work
        assert refused.value.setting == "miniAppId"
    assert simulator.calls == {}


# ---------------------------------------------------------------------------------------------------------- who it is
async def test_code_tells_who_it_is(log_in: Any, session: Any, simulator: Any) -> None:
    found = await log_in()
    assert (found.subject, found.union_subject) == (OPENID, UNIONID)
    assert found.session_key is not None
    assert simulator.calls == {"identify": 1}
    (request,) = session.http.requests
    sent = orjson.loads(request.content)
    assert request.url == "http://simulator.test/api/apps/v2/jscode2session"
    assert (sent["appid"], sent["secret"]) == (MINI_APP_ID, MINI_APP_SECRET)


async def test_person_may_have_no_union(log_in: Any) -> None:
    assert (await log_in(Person("_000Alone", None))).union_subject is None


async def test_key_and_secret_are_not_said(log_in: Any, session: Any) -> None:
    found = await log_in()
    said = repr(found) + repr(session.http.requests)
    assert found.session_key not in said
    assert MINI_APP_SECRET not in said


async def test_code_is_good_once(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    await channel.identity.identify(session, code)
    assert await channel.identity.identify(session, code) == LoginRefused(
        LoginRefusal.CODE_INVALID, "40018", "bad code"
    )


async def test_code_dies_in_five_minutes(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    code = simulator.people.make_login()
    clock.advance(timedelta(minutes=5))
    assert (await channel.identity.identify(session, code)).reason is LoginRefusal.CODE_INVALID


@pytest.mark.parametrize(
    ("name", "value"), [("miniAppId", "tt0000"), ("miniAppSecret", "not-the-secret-of-this-app")]
)
async def test_wrong_credential_is_named(channel: Any, simulator: Any, name: str, value: str) -> None:
    session = make_session(channel, simulator, credentials={name: value})
    for work in (
        channel.identity.identify(session, simulator.people.make_login()),
        channel.identity.find_phone(session, simulator.people.make_phone_code(), SOMEBODY),
    ):
        with pytest.raises(CredentialsRefused) as refused:
            await work
        assert refused.value.setting == name
        assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("err_no", "reason"),
    [
        (40019, LoginRefusal.CODE_INVALID),
        (40014, LoginRefusal.CODE_INVALID),
        (98765, LoginRefusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_other_refusal(channel: Any, answered: Any, err_no: int, reason: LoginRefusal) -> None:
    session = answered("identify", 200, {"err_no": err_no, "err_tips": "x", "data": {"openid": "oX"}})
    assert await channel.identity.identify(session, "x") == LoginRefused(reason, str(err_no), "x")


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (200, {"err_no": -1, "err_tips": "x"}, ChannelUnavailable),
        (200, {"err_no": 28003018, "err_tips": "x"}, RateLimited),
        (200, {"err_no": 28001016, "err_tips": "x"}, Misconfigured),
        (429, b"", RateLimited),
        (502, b"<html>", ChannelUnavailable),
        (200, b"<html>", ProtocolFailure),
        (200, [], ProtocolFailure),
        (200, {"data": {"openid": "oX"}}, ProtocolFailure),
        (200, {"err_no": 0, "data": {}}, ProtocolFailure),
        (200, {"err_no": 0, "data": {"openid": "oX", "session_key": 1.5}}, ProtocolFailure),
    ],
)
async def test_trouble_is_no_refusal(
    channel: Any, answered: Any, status: int, body: Any, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await channel.identity.identify(answered("identify", status, body), "x")


async def test_lost_answer_costs_the_code(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_login()
    simulator.faults.script("identify", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(ChannelUnavailable):
        await channel.identity.identify(session, code)
    assert (await channel.identity.identify(session, code)).reason is LoginRefusal.CODE_INVALID


# ---------------------------------------------------------------------------------------------------------- the phone
async def test_phone_code_tells_the_number(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.people.make_phone_code()
    assert await channel.identity.find_phone(session, code, SOMEBODY) == PHONE
    token, call = session.http.requests
    assert orjson.loads(token.content) == {
        "client_key": MINI_APP_ID,
        "client_secret": MINI_APP_SECRET,
        "grant_type": "client_credential",
    }
    assert call.url == "http://simulator.test/api/apps/v1/get_phonenumber_info/"
    assert orjson.loads(call.content) == {"code": code}
    assert call.headers["access-token"].startswith("clt.")


async def test_phone_code_is_good_once_and_for_five_minutes(
    channel: Any, session: Any, simulator: Any, clock: Any
) -> None:
    first, second = simulator.people.make_phone_code(), simulator.people.make_phone_code()
    await channel.identity.find_phone(session, first, SOMEBODY)
    clock.advance(timedelta(minutes=5))
    for code in (first, second):
        assert await channel.identity.find_phone(session, code, SOMEBODY) == LoginRefused(
            LoginRefusal.CODE_EXPIRED, "28005187", "code已过期"
        )


async def test_unknown_phone_code(channel: Any, session: Any) -> None:
    refused = await channel.identity.find_phone(session, "nobody's", SOMEBODY)
    assert (refused.reason, refused.platform_code) == (LoginRefusal.CODE_INVALID, "28001007")


async def test_dead_token_costs_no_code(channel: Any, session: Any, simulator: Any) -> None:
    await channel.identity.find_phone(session, simulator.people.make_phone_code(), SOMEBODY)
    simulator.expire_tokens()
    code = simulator.people.make_phone_code()
    assert await channel.identity.find_phone(session, code, SOMEBODY) == PHONE
    assert (simulator.calls["token"], simulator.calls["find_phone"]) == (2, 3)


async def test_token_is_fetched_by_one(channel: Any, session: Any, simulator: Any) -> None:
    codes = [simulator.people.make_phone_code() for _ in range(5)]
    work = (channel.identity.find_phone(session, code, SOMEBODY) for code in codes)
    assert await asyncio.gather(*work) == [PHONE] * 5
    assert simulator.calls["token"] == 1


async def test_token_of_life_is_another(channel: Any, session: Any, simulator: Any, find: Any) -> None:
    await find(simulator.make("usable").code)
    await channel.identity.find_phone(session, simulator.people.make_phone_code(), SOMEBODY)
    keys = [orjson.loads(each.content)["client_key"] for each in session.http.requests if "oauth" in each.url]
    assert keys == ["aw1234567890abcd", MINI_APP_ID]
    assert simulator.calls["find_phone"] == 1


async def test_fresh_token_is_refused(channel: Any, answered: Any, simulator: Any) -> None:
    session = answered("find_phone", 200, {"err_no": 28001003, "err_msg": "x"})
    with pytest.raises(CredentialsRefused) as refused:
        await channel.identity.find_phone(session, "x", SOMEBODY)
    assert (refused.value.setting, refused.value.platform_code) == ("miniAppSecret", "28001003")
    assert simulator.calls["token"] == 2


@pytest.mark.parametrize(
    ("err_no", "reason"),
    [
        (28001012, LoginRefusal.NOT_PERMITTED),
        (28001052, LoginRefusal.RISK_BLOCKED),
        (98765, LoginRefusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_phone_refusal(channel: Any, answered: Any, err_no: int, reason: LoginRefusal) -> None:
    session = answered("find_phone", 200, {"err_no": err_no, "err_msg": "x", "data": ""})
    assert await channel.identity.find_phone(session, "x", SOMEBODY) == LoginRefused(reason, str(err_no), "x")


@pytest.mark.parametrize("data", [None, "", 7, {}])
async def test_success_without_number_is_not_believed(channel: Any, answered: Any, data: Any) -> None:
    session = answered("find_phone", 200, {"err_no": 0, "data": data})
    with pytest.raises(ProtocolFailure):
        await channel.identity.find_phone(session, "x", SOMEBODY)


# ----------------------------------------------------------------------------------------- what is sealed with the key
async def test_without_private_key_no_code_is_used_up(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"miniAppPrivateKey": None})
    with pytest.raises(Misconfigured) as refused:
        await channel.identity.find_phone(session, simulator.people.make_phone_code(), SOMEBODY)
    assert refused.value.setting == "miniAppPrivateKey"
    assert simulator.calls["find_phone"] == 0


async def test_changed_key_is_named(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.public_key = mini_app_key(2).public_key()
    with pytest.raises(Misconfigured) as refused:
        await channel.identity.find_phone(session, simulator.people.make_phone_code(), SOMEBODY)
    assert refused.value.setting == "miniAppPrivateKey"


@pytest.mark.parametrize("sealed", ["€", "AAAA", base64.b64encode(b"x" * 255).decode()])
async def test_spoilt_seal_is_not_opened(channel: Any, answered: Any, sealed: str) -> None:
    session = answered("find_phone", 200, {"err_no": 0, "data": sealed})
    with pytest.raises(Misconfigured):
        await channel.identity.find_phone(session, "x", SOMEBODY)


def seal(document: Any) -> str:
    return base64.b64encode(mini_app_key().public_key().encrypt(orjson.dumps(document), PKCS1v15())).decode()


def test_long_text_is_opened_block_by_block() -> None:
    blocks = [mini_app_key().public_key().encrypt(each * 245, PKCS1v15()) for each in (b"a", b"b")]
    opened = open_by_key(base64.b64encode(b"".join(blocks)).decode(), mini_app_key())
    assert opened == b"a" * 245 + b"b" * 245


GOOD = {"purePhoneNumber": "13800000000", "countryCode": "86", "watermark": {"appid": MINI_APP_ID}}


@pytest.mark.parametrize("change", [{}, {"countryCode": "+86"}, {"countryCode": 86}])
async def test_country_code_is_read(channel: Any, answered: Any, change: Any) -> None:
    session = answered("find_phone", 200, {"err_no": 0, "data": seal({**GOOD, **change})})
    assert await channel.identity.find_phone(session, "x", SOMEBODY) == PHONE


@pytest.mark.parametrize(
    "change",
    [
        {"watermark": {"appid": "tt0000"}},
        {"watermark": {}},
        {"watermark": None},
        {"purePhoneNumber": "138****0000"},
        {"purePhoneNumber": None},
        {"countryCode": ""},
    ],
)
async def test_odd_number_is_not_believed(channel: Any, answered: Any, change: Any) -> None:
    session = answered("find_phone", 200, {"err_no": 0, "data": seal({**GOOD, **change})})
    with pytest.raises(ProtocolFailure) as failure:
        await channel.identity.find_phone(session, "x", SOMEBODY)
    assert "138" not in str(failure.value)


# --------------------------------------------------------------------------------- what is sealed with the session key
async def test_sealed_number_is_opened_without_a_call(
    channel: Any, session: Any, simulator: Any, log_in: Any
) -> None:
    person = await log_in()
    assert await channel.identity.find_phone(session, simulator.people.seal_phone(), person) == PHONE
    assert simulator.calls == {"identify": 1}


async def test_sealed_number_needs_no_private_key(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"miniAppPrivateKey": None})
    person = await channel.identity.identify(session, simulator.people.make_login())
    assert await channel.identity.find_phone(session, simulator.people.seal_phone(), person) == PHONE


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
        await channel.identity.find_phone(session, simulator.people.seal_phone(app_id="tt0000"), person)


@pytest.mark.parametrize("text", ['{"encryptedData":"AAAA","iv":"AAAA"}', '{"encryptedData":"€","iv":"x"}'])
async def test_spoilt_text_is_invalid(channel: Any, session: Any, log_in: Any, text: str) -> None:
    refused = await channel.identity.find_phone(session, text, await log_in())
    assert refused == LoginRefused(LoginRefusal.CODE_INVALID)


@pytest.mark.parametrize("text", ["[]", "{}", '{"encryptedData":"x"}', '{"iv":1,"encryptedData":"x"}', "e31"])
async def test_other_texts_are_codes(channel: Any, session: Any, simulator: Any, text: str) -> None:
    refused = await channel.identity.find_phone(session, text, SOMEBODY)
    assert (refused.platform_code, simulator.calls["find_phone"]) == ("28001007", 1)


# --------------------------------------------------------------------------------------------------------- connecting
@pytest.mark.parametrize(
    ("name", "value"), [("miniAppId", "tt0000"), ("miniAppSecret", "not-the-secret-of-this-app")]
)
async def test_account_with_wrong_mini_app(channel: Any, simulator: Any, name: str, value: str) -> None:
    with pytest.raises(CredentialsRefused) as refused:
        await channel.check_account(make_session(channel, simulator, credentials={name: value}))
    assert refused.value.setting == name


async def test_account_without_mini_app_is_whole(channel: Any, session: Any, simulator: Any) -> None:
    empty = dict.fromkeys(("mini_app_id", "mini_app_secret", "mini_app_private_key"))
    bare = replace(session, credentials=session.credentials.model_copy(update=empty))
    await channel.check_account(bare)
    assert simulator.calls == {"token": 1}
