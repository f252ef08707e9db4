"""What goes out, and what every answer of Aliyun's means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import respx

from adapters.aliyun_sms.simulator import ACCESS_KEY_ID, SIGN_NAME, TEMPLATE, UNREACHABLE_PHONE
from adapters.aliyun_sms.tables import (
    CREDENTIAL_BY_CODE,
    DOUBTFUL,
    MEND_BY_CODE,
    REFUSAL_BY_CODE,
    THROTTLED,
)
from core.channels.contract import (
    Address,
    Capability,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Misconfigured,
    OutcomeUnknown,
    OutgoingMessage,
    RateLimited,
)
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

MESSAGE = OutgoingMessage(
    token="0194b2c1-0000-7000-8000-000000000001",
    recipient="+8613812345678",
    template=TEMPLATE,
    values={"store": "城西店", "time": "2026-03-02 10:00"},
    page="pages/mine",
)


def answer_always(session: Any, status: int, body: Any) -> Any:
    """The same session, whose platform answers everything with this."""

    class Canned:
        async def send(self, request: Any) -> Any:
            from core.channels.contract import ChannelAnswer

            return ChannelAnswer(request.operation, status, {}, orjson.dumps(body))

    return replace(session, http=Canned())


def test_declares_messages_only(channel: Any) -> None:
    assert channel.capabilities == {Capability.NOTIFICATIONS}
    behaviour = channel.notifications.behaviour
    assert (behaviour.address, behaviour.needs_consent) == (Address.PHONE, False)
    assert behaviour.repeat_window is None


async def test_message_goes_out_whole(channel: Any, session: Any, simulator: Any) -> None:
    assert await channel.notifications.send(session, MESSAGE) == Delivered("biz-000001^0")
    [request] = session.http.requests
    assert (request.method, request.url, request.content) == ("POST", "http://simulator.test/", b"")
    assert request.params == {
        "PhoneNumbers": "13812345678",
        "SignName": SIGN_NAME,
        "TemplateCode": TEMPLATE,
        "TemplateParam": '{"store":"城西店","time":"2026-03-02 10:00"}',
        "OutId": MESSAGE.token,
    }
    assert request.headers["x-acs-date"] == "2026-03-02T04:00:00Z"
    [sent] = simulator.list_messages()
    assert (sent.recipient, sent.values, sent.token) == ("13812345678", MESSAGE.values, MESSAGE.token)


async def test_number_abroad_keeps_its_country(channel: Any, session: Any, simulator: Any) -> None:
    await channel.notifications.send(session, replace(MESSAGE, recipient="+85261234567"))
    assert simulator.sent[0].phone == "85261234567"


async def test_own_name_of_a_template(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, settings={"templates": {"reminder": TEMPLATE}})
    await channel.notifications.send(session, replace(MESSAGE, template="reminder"))
    assert simulator.sent[0].template == TEMPLATE


@pytest.mark.parametrize(
    ("given", "sent"),
    [("店" * 60, "店" * 34 + "…"), ("店" * 35, "店" * 35), (" 城西\n 店 ", "城西 店")],
)
async def test_values_fit_a_variable(
    channel: Any, session: Any, simulator: Any, given: str, sent: str
) -> None:
    values = {**MESSAGE.values, "store": given}
    await channel.notifications.send(session, replace(MESSAGE, values=values))
    assert simulator.sent[0].values["store"] == sent


async def test_every_call_has_a_number_of_its_own(channel: Any, session: Any) -> None:
    for _ in range(2):
        await channel.notifications.send(session, MESSAGE)
    nonces = [request.headers["x-acs-signature-nonce"] for request in session.http.requests]
    assert len(set(nonces)) == 2


# ------------------------------------------------------------------------------------------------------------ answers
@pytest.mark.parametrize(("code", "reason"), REFUSAL_BY_CODE.items())
async def test_refusals(channel: Any, session: Any, code: str, reason: DeliveryRefusal) -> None:
    canned = answer_always(session, 200, {"Code": code, "Message": "13812345678号码有误"})
    answer = await channel.notifications.send(canned, MESSAGE)
    assert answer == DeliveryRefused(reason, code, "…号码有误")


@pytest.mark.parametrize("status", [200, 400])
async def test_unlisted_code_is_a_refusal(channel: Any, session: Any, status: int) -> None:
    canned = answer_always(session, status, {"Code": "isv.SOMETHING_NEW"})
    answer = await channel.notifications.send(canned, MESSAGE)
    assert answer == DeliveryRefused(DeliveryRefusal.REFUSED_BY_CHANNEL, "isv.SOMETHING_NEW")


@pytest.mark.parametrize(
    ("codes", "failure"),
    [
        (CREDENTIAL_BY_CODE, CredentialsRefused),
        (MEND_BY_CODE, Misconfigured),
        (THROTTLED, RateLimited),
        (DOUBTFUL, OutcomeUnknown),
    ],
)
async def test_trouble_with_the_call(
    channel: Any, session: Any, codes: Any, failure: type[ChannelFailure]
) -> None:
    for code in codes:
        with pytest.raises(failure) as raised:
            await channel.notifications.send(answer_always(session, 400, {"Code": code}), MESSAGE)
        assert raised.value.platform_code == code


@pytest.mark.parametrize(
    "body", [{"Code": "OK"}, {"Code": "OK", "BizId": ""}, {"Code": 0}, {}, [], "OK", None, {"Code": ""}]
)
async def test_success_needs_its_number(channel: Any, session: Any, body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.notifications.send(answer_always(session, 200, body), MESSAGE)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_server_error_says_nothing(channel: Any, session: Any, status: int) -> None:
    for body in ({"Code": "OK", "BizId": "1"}, {"Code": "Throttling.User"}):
        with pytest.raises(OutcomeUnknown):
            await channel.notifications.send(answer_always(session, status, body), MESSAGE)


@respx.mock(using="httpx", assert_all_called=False)
async def test_signed_host_is_the_one_that_is_called(respx_mock: Any, channel: Any, session: Any) -> None:
    """A port of its own is part of the host; the usual one is not."""
    import httpx

    route = respx_mock.post(url__startswith="https://sms.example").respond(json={"Code": "OK", "BizId": "1"})
    for base, host in (
        ("https://sms.example:8443", "sms.example:8443"),
        ("https://sms.example:443", "sms.example"),
    ):
        settings = channel.settings_model.model_validate({"baseUrl": base})
        sent: list[Any] = []

        class Way:
            async def send(self, request: Any, sent: list[Any] = sent) -> Any:
                from core.channels.contract import ChannelAnswer

                async with httpx.AsyncClient() as client:
                    answer = await client.post(request.url, params=request.params, headers=request.headers)
                sent.append(request)
                return ChannelAnswer(request.operation, answer.status_code, {}, answer.content)

        await channel.notifications.send(replace(session, settings=settings, http=Way()), MESSAGE)
        assert route.calls.last.request.headers["host"] == host
        assert "SignedHeaders=host;x-acs-action" in sent[0].headers["authorization"]


# ------------------------------------------------------------------------------------------------------ the simulator
@pytest.mark.parametrize(
    ("credentials", "setting"),
    [({"accessKeyId": "another"}, "accessKeyId"), ({"accessKeySecret": "another"}, "accessKeySecret")],
)
async def test_wrong_keys(channel: Any, simulator: Any, credentials: Any, setting: str) -> None:
    session = make_session(channel, simulator, credentials=credentials)
    with pytest.raises(CredentialsRefused) as raised:
        await channel.notifications.send(session, MESSAGE)
    assert (raised.value.setting, simulator.sent) == (setting, [])


async def test_unapproved_signature(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"signName": "别人的店"})
    with pytest.raises(Misconfigured) as raised:
        await channel.notifications.send(session, MESSAGE)
    assert raised.value.setting == "signName"


async def test_wrong_clock(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    from core.testing.clock import ManualClock

    late = replace(session, clock=ManualClock(clock.now() - timedelta(minutes=16)))
    with pytest.raises(Misconfigured):
        await channel.notifications.send(late, MESSAGE)
    assert simulator.sent == []


async def test_copied_call_is_refused(channel: Any, session: Any, simulator: Any) -> None:
    """The same bytes once more are no second message."""
    await channel.notifications.send(session, MESSAGE)
    answer = await session.http.send(session.http.requests[0])
    assert (answer.status, orjson.loads(answer.content)["Code"]) == (400, "SignatureNonceUsed")
    assert len(simulator.sent) == 1


async def test_altered_call_is_refused(channel: Any, session: Any, simulator: Any) -> None:
    await channel.notifications.send(session, MESSAGE)
    request = session.http.requests[0]
    headers = {**request.headers, "x-acs-signature-nonce": "another"}
    for altered in (
        replace(request, headers=headers),
        replace(request, params={**request.params, "PhoneNumbers": "13800000001"}),
        replace(request, content=b"x"),
    ):
        answer = await session.http.send(altered)
        assert orjson.loads(answer.content)["Code"] == "SignatureDoesNotMatch"
    assert len(simulator.sent) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipient": f"+86{UNREACHABLE_PHONE}"}, DeliveryRefusal.UNREACHABLE),
        ({"recipient": "+8610086"}, DeliveryRefusal.UNREACHABLE),
        ({"template": "SMS_999"}, DeliveryRefusal.TEMPLATE_UNKNOWN),
        ({"values": {"store": "城西店"}}, DeliveryRefusal.CONTENT_REFUSED),
        ({"values": {"store": "see https://x.cn", "time": "10:00"}}, DeliveryRefusal.CONTENT_REFUSED),
        ({"values": {"store": "彩票店", "time": "10:00"}}, DeliveryRefusal.CONTENT_REFUSED),
    ],
)
async def test_simulated_refusals(
    channel: Any, session: Any, simulator: Any, change: Any, reason: DeliveryRefusal
) -> None:
    answer = await channel.notifications.send(session, replace(MESSAGE, **change))
    assert isinstance(answer, DeliveryRefused)
    assert (answer.reason, simulator.sent) == (reason, [])


async def test_fifty_a_day(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    for _ in range(50):
        assert isinstance(await channel.notifications.send(session, MESSAGE), Delivered)
    refused = await channel.notifications.send(session, MESSAGE)
    assert isinstance(refused, DeliveryRefused)
    assert refused.reason is DeliveryRefusal.TOO_MANY
    clock.advance(timedelta(days=1))
    assert isinstance(await channel.notifications.send(session, MESSAGE), Delivered)


async def test_throttled_call(channel: Any, session: Any, simulator: Any) -> None:
    simulator.faults.script("send", FaultKind.RATE_LIMIT)
    with pytest.raises(RateLimited):
        await channel.notifications.send(session, MESSAGE)
    assert simulator.sent == []


# ------------------------------------------------------------------------------------------------------------ account
async def test_account_is_checked(channel: Any, session: Any) -> None:
    await channel.check_account(session)
    assert session.http.requests[0].headers["x-acs-action"] == "QuerySmsSign"


async def test_signature_that_is_not_approved(channel: Any, session: Any, simulator: Any) -> None:
    simulator.signs[SIGN_NAME] = 0
    with pytest.raises(Misconfigured) as raised:
        await channel.check_account(session)
    assert raised.value.setting == "signName"


async def test_key_that_may_only_send_is_enough(channel: Any, session: Any) -> None:
    await channel.check_account(answer_always(session, 200, {"Code": "isp.RAM_PERMISSION_DENY"}))


async def test_platform_that_tells_nothing(channel: Any, session: Any) -> None:
    with pytest.raises(ChannelUnavailable):
        await channel.check_account(answer_always(session, 200, {"Code": "isv.SOMETHING_NEW"}))


def test_credentials_are_hidden(session: Any) -> None:
    assert session.credentials.access_key_id == ACCESS_KEY_ID
    assert "simulatedSecret" not in repr(session)


@pytest.mark.parametrize("url", ["ftp://x", "dysmsapi.aliyuncs.com", ""])
def test_base_url_must_be_an_address(channel: Any, url: str) -> None:
    with pytest.raises(ValueError, match="baseUrl"):
        channel.settings_model.model_validate({"baseUrl": url})
