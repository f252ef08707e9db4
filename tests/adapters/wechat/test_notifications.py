"""Subscribe messages: what goes out, what one consent is good for, and what every error means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.wechat.notifications import cut_value
from adapters.wechat.simulator.people import OTHER_TEMPLATE, TEMPLATE
from adapters.wechat.simulator.state import OPENID
from core.channels.contract import (
    Address,
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
    recipient=OPENID,
    template=TEMPLATE,
    values={"thing1": "城西店", "time2": "2026-03-02 10:00", "character_string3": "RES202603010001"},
    page="pages/reservation/detail?id=1",
)


def test_declares_how_it_sends(channel: Any) -> None:
    behaviour = channel.notifications.behaviour
    assert (behaviour.address, behaviour.needs_consent) == (Address.SUBJECT, True)
    assert behaviour.repeat_window is None


async def test_message_goes_out_whole(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    assert await channel.notifications.send(session, MESSAGE) == Delivered("1988000000000000001")
    request = session.http.requests[-1]
    assert request.url == "http://simulator.test/cgi-bin/message/subscribe/send"
    assert orjson.loads(request.content) == {
        "touser": OPENID,
        "template_id": TEMPLATE,
        "page": "pages/reservation/detail?id=1",
        "miniprogram_state": "formal",
        "lang": "zh_CN",
        "data": {
            "thing1": {"value": "城西店"},
            "time2": {"value": "2026-03-02 10:00"},
            "character_string3": {"value": "RES202603010001"},
        },
    }


async def test_message_without_page_leads_nowhere(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    await channel.notifications.send(session, replace(MESSAGE, page=None))
    assert "page" not in simulator.people.sent[0]


async def test_trial_edition_is_opened(channel: Any, simulator: Any) -> None:
    simulator.people.agree()
    session = make_session(channel, simulator, settings={"miniProgramState": "trial"})
    await channel.notifications.send(session, MESSAGE)
    assert simulator.people.sent[0]["miniprogram_state"] == "trial"


@pytest.mark.parametrize(
    ("language", "told"),
    [("zh-CN", "zh_CN"), ("zh-HK", "zh_HK"), ("zh-TW", "zh_TW"), ("en-GB", "en_US"), ("fr", "zh_CN")],
)
async def test_language(channel: Any, session: Any, simulator: Any, language: str, told: str) -> None:
    simulator.people.agree()
    await channel.notifications.send(session, replace(MESSAGE, language=language))
    assert simulator.people.sent[0]["lang"] == told


def test_recipient_and_values_are_not_said() -> None:
    assert OPENID not in repr(MESSAGE)
    assert "城西店" not in repr(MESSAGE)


# ---------------------------------------------------------------------------------------------------------- consents
async def test_one_consent_is_one_message(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    await channel.notifications.send(session, MESSAGE)
    assert await channel.notifications.send(session, MESSAGE) == DeliveryRefused(
        DeliveryRefusal.NO_CONSENT, "43101", "user refuse to accept the msg"
    )
    assert len(simulator.people.sent) == 1


async def test_consent_is_for_one_template(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree(template=OTHER_TEMPLATE)
    refused = await channel.notifications.send(session, MESSAGE)
    assert refused.reason is DeliveryRefusal.NO_CONSENT
    assert simulator.people.consents[OPENID, OTHER_TEMPLATE] == 1


async def test_consents_add_up(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    simulator.people.agree()
    answers = [await channel.notifications.send(session, MESSAGE) for _ in range(3)]
    assert [type(each) for each in answers] == [Delivered, Delivered, DeliveryRefused]


# ------------------------------------------------------------------------------------------------------------ values
@pytest.mark.parametrize(
    ("key", "value", "sent"),
    [
        ("thing1", "一二三四五六七八九十一二三四五六七八九十", "一二三四五六七八九十一二三四五六七八九十"),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十一", "一二三四五六七八九十一二三四五六七八九…"),
        ("thing12", "城西店\n二楼\t靠窗 ", "城西店 二楼 靠窗"),
        ("character_string3", "A" * 33, "A" * 32),
        ("letter4", "B" * 33, "B" * 32),
        ("symbol5", "!!!!!!", "!!!!!"),
        ("phrase6", "已经确认预约", "已经确认预"),
        ("name7", "欧阳一二三四五六七八九", "欧阳一二三四五六七八"),
        ("name7", "Wolfeschlegelsteinhausen", "Wolfeschlegelsteinha"),
        ("number8", "1" * 40, "1" * 40),
        ("amount9", "￥12345678901.50元", "￥12345678901.50元"),
        ("phone_number10", "+86-0766-66888866-12", "+86-0766-66888866-12"),
        ("car_number11", "粤A8Z888挂警用", "粤A8Z888挂警用"),
        ("time2", "2026年3月2日 10:00~2026年3月2日 11:30", "2026年3月2日 10:00~2026年3月2日 11:30"),
        ("anything", "x" * 99, "x" * 99),
        ("", "x", "x"),
    ],
)
def test_value_is_cut_to_its_kind(key: str, value: str, sent: str) -> None:
    assert cut_value(key, value) == sent


async def test_long_name_still_arrives(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    values = {**MESSAGE.values, "thing1": "杭州西湖区文三路城西银泰城旗舰店四楼美容美发沙龙"}
    assert isinstance(await channel.notifications.send(session, replace(MESSAGE, values=values)), Delivered)
    assert simulator.people.sent[0]["data"]["thing1"]["value"] == "杭州西湖区文三路城西银泰城旗舰店四楼美…"


# ------------------------------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        ({"recipient": "oNobody"}, DeliveryRefusal.UNREACHABLE, "40003"),
        ({"template": "none"}, DeliveryRefusal.TEMPLATE_UNKNOWN, "40037"),
        ({"values": {}}, DeliveryRefusal.CONTENT_REFUSED, "47003"),
        ({"values": {**MESSAGE.values, "time2": "morgen"}}, DeliveryRefusal.CONTENT_REFUSED, "47003"),
    ],
)
async def test_refusal_costs_no_consent(
    channel: Any, session: Any, simulator: Any, change: Any, reason: DeliveryRefusal, code: str
) -> None:
    simulator.people.agree()
    refused = await channel.notifications.send(session, replace(MESSAGE, **change))
    assert (refused.reason, refused.platform_code) == (reason, code)
    assert simulator.people.sent == []
    assert simulator.people.consents[OPENID, TEMPLATE] == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("subscribe_send_refused", DeliveryRefusal.NO_CONSENT),
        ("subscribe_send_bad_param", DeliveryRefusal.CONTENT_REFUSED),
        ("subscribe_send_bad_template", DeliveryRefusal.TEMPLATE_UNKNOWN),
    ],
)
async def test_documented_refusal(
    channel: Any, canned: Any, read_payload: Any, name: str, reason: DeliveryRefusal
) -> None:
    status, body = read_payload(name)
    refused = await channel.notifications.send(canned("send_message", (status, body)), MESSAGE)
    assert (refused.reason, refused.platform_code) == (reason, str(body["errcode"]))


@pytest.mark.parametrize(
    ("errcode", "reason"),
    [
        (41030, DeliveryRefusal.CONTENT_REFUSED),
        (43107, DeliveryRefusal.REFUSED_BY_CHANNEL),
        (43108, DeliveryRefusal.TOO_MANY),
        (45168, DeliveryRefusal.CONTENT_REFUSED),
        (98765, DeliveryRefusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_other_refusal(channel: Any, canned: Any, errcode: int, reason: DeliveryRefusal) -> None:
    session = canned("send_message", (200, {"errcode": errcode, "errmsg": "x"}))
    assert await channel.notifications.send(session, MESSAGE) == DeliveryRefused(reason, str(errcode), "x")


async def test_success_may_have_no_number(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned("send_message", read_payload("subscribe_send_ok"), (200, {"errcode": 0, "errmsg": "ok"}))
    assert await channel.notifications.send(session, MESSAGE) == Delivered("1988000000000000001")
    assert await channel.notifications.send(session, MESSAGE) == Delivered()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((200, {"errcode": -1, "errmsg": "system error"}), OutcomeUnknown),
        ((200, {"errcode": 45009, "errmsg": "x"}), RateLimited),
        ((200, {"errcode": 48001, "errmsg": "x"}), Misconfigured),
        ((500, b""), OutcomeUnknown),
        ((200, b"<html>"), OutcomeUnknown),
        ((200, {"msgid": 1}), OutcomeUnknown),
    ],
)
async def test_trouble_is_no_refusal(
    channel: Any, canned: Any, answer: Any, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await channel.notifications.send(canned("send_message", answer), MESSAGE)


async def test_lost_answer_is_unknown(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    simulator.faults.script("send_message", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await channel.notifications.send(session, MESSAGE)
    assert len(simulator.people.sent) == 1


async def test_dead_token_sends_once(channel: Any, session: Any, simulator: Any) -> None:
    simulator.people.agree()
    simulator.people.agree()
    await channel.notifications.send(session, MESSAGE)
    simulator.expire_tokens()
    assert isinstance(await channel.notifications.send(session, MESSAGE), Delivered)
    assert (simulator.calls["send_message"], len(simulator.people.sent)) == (3, 2)


async def test_fresh_token_is_refused(channel: Any, canned: Any, read_payload: Any, simulator: Any) -> None:
    refusal = read_payload("api_invalid_token")
    with pytest.raises(CredentialsRefused):
        await channel.notifications.send(canned("send_message", refusal, refusal), MESSAGE)
    assert (simulator.calls["token"], simulator.calls["send_message"]) == (2, 0)


async def test_no_token_no_message(channel: Any, canned: Any, simulator: Any) -> None:
    with pytest.raises(ChannelUnavailable):
        await channel.notifications.send(canned("token", (500, b"")), MESSAGE)
    assert simulator.calls["send_message"] == 0
