"""The message push: only what is signed, and sealed where a key is set up, is believed; a yes arrives as a grant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from adapters.wechat.channel import WechatCredentials
from adapters.wechat.signing import open_pushed, sign_push
from adapters.wechat.simulator.push import push_plain, push_sealed, seal_push, write_consent
from adapters.wechat.webhook import DELIVERY_WINDOW, WechatWebhooks
from core.channels.contract import ChannelEvent, ProtocolFailure, WebhookDelivery, WebhookRejected

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TOKEN, AES_KEY, APP_ID = "testToken01", "testkey0testkey0testkey0testkey0testkey0tes", "wxtest0000000001"
KEYS = {"appId": APP_ID, "token": TOKEN, "encodingAesKey": AES_KEY}
OPENID, TEMPLATE = "oTESTopenid0000000000000001", "TEST_TEMPLATE_ID_0001"
WEBHOOKS = WechatWebhooks()


def read_vectors(name: str) -> list[Any]:
    return list(orjson.loads((HERE / "vectors" / f"wechat-push-{name}.json").read_bytes())["vectors"])


def make_credentials(token: str | None = TOKEN, key: str | None = AES_KEY) -> WechatCredentials:
    return WechatCredentials(
        app_id=APP_ID,
        app_secret=SecretStr("s"),
        token=SecretStr(token) if token else None,
        encoding_aes_key=SecretStr(key) if key else None,
    )


SEALING, PLAIN = make_credentials(), make_credentials(key=None)


def tell(answer: str = "accept", **changes: Any) -> dict[str, Any]:
    return {**write_consent(OPENID, TEMPLATE, answer, NOW), **changes}


def take(delivery: WebhookDelivery, *credentials: WechatCredentials) -> Sequence[ChannelEvent]:
    """As core does: verified first."""
    WEBHOOKS.verify(delivery, credentials, NOW)
    return WEBHOOKS.parse(delivery, credentials)


# --------------------------------------------------------------------------------------------------- signature and seal
@pytest.mark.parametrize("vector", read_vectors("signature"), ids=lambda vector: vector["name"])
def test_signature_vectors(vector: Any) -> None:
    parts = vector["timestamp"], vector["nonce"]
    assert sign_push(vector["token"], *parts) == vector["signature"]
    check_signature(vector["token"], vector["signature"], *parts)


@pytest.mark.parametrize("vector", read_vectors("aes"), ids=lambda vector: vector["name"])
def test_seal_vectors(vector: Any) -> None:
    key, sealed = vector["encoding_aes_key"], vector["encrypt"]
    parts = vector["timestamp"], vector["nonce"], sealed
    assert sign_push(vector["token"], *parts) == vector["msg_signature"]
    assert open_pushed(key, vector["appid"], sealed).decode() == vector["plaintext"]
    if random := vector.get("random16"):
        again = seal_push(key, vector["appid"], vector["plaintext"].encode(), random.encode())
        assert again == sealed


@pytest.mark.parametrize("text", ['{"a":1}', "x" * 31, "优惠券" * 50, ""])
def test_seal_is_that_of_others(text: str) -> None:
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    sealed = seal_push(AES_KEY, APP_ID, text.encode())
    signature = sign_push(TOKEN, "1772424000", "n", sealed)
    assert crypto.decrypt_message({"Encrypt": sealed}, signature, "1772424000", "n") == text
    theirs = crypto.encrypt_message(text, "n", "1772424000")
    found = theirs.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    assert open_pushed(AES_KEY, APP_ID, found).decode() == text


@pytest.mark.parametrize(
    ("key", "app_id", "sealed"),
    [
        ("other" * 8 + "abc", APP_ID, seal_push(AES_KEY, APP_ID, b"{}")),
        (AES_KEY, "wxanother", seal_push(AES_KEY, APP_ID, b"{}")),
        (AES_KEY, APP_ID, seal_push(AES_KEY, APP_ID, b"{}")[:-4]),
        (AES_KEY, APP_ID, "no base64"),
        (AES_KEY, APP_ID, ""),
    ],
)
def test_what_is_not_sealed_for_us_stays_shut(key: str, app_id: str, sealed: str) -> None:
    with pytest.raises(ValueError, match="not sealed") as caught:
        open_pushed(key, app_id, sealed)
    assert key not in str(caught.value)


@pytest.mark.parametrize("compatible", [False, True])
def test_sealed_messages_are_taken(compatible: bool) -> None:
    (event,) = take(push_sealed(KEYS, tell(), NOW, compatible=compatible), SEALING)
    assert (event.kind, event.subject) == ("message.consent", OPENID)


def test_plain_messages_are_taken_without_a_key() -> None:
    (event,) = take(push_plain(TOKEN, tell(), NOW), PLAIN)
    assert (event.kind, event.subject) == ("message.consent", OPENID)


def test_key_asks_for_sealed_messages() -> None:
    with pytest.raises(WebhookRejected):
        take(push_plain(TOKEN, tell(), NOW), SEALING)


def test_plain_part_beside_a_seal_is_not_believed() -> None:
    sealed = push_sealed(KEYS, tell("reject"), NOW, compatible=True)
    body = {**orjson.loads(sealed.body), "FromUserName": "somebody", "List": tell()["List"]}
    (event,) = take(replace(sealed, body=orjson.dumps(body)), SEALING)
    assert (event.subject, event.raw["grants"]) == (OPENID, [{"template": TEMPLATE, "accepted": False}])


def test_sealed_message_without_a_key_is_not_read() -> None:
    delivery = push_sealed(KEYS, tell(), NOW)
    with pytest.raises(ProtocolFailure):
        take(delivery, PLAIN)


def test_seal_of_another_key_is_not_read() -> None:
    other = make_credentials(key="other" * 8 + "abc")
    with pytest.raises(ProtocolFailure, match="not sealed"):
        take(push_sealed(KEYS, tell(), NOW), other)


def test_rotated_key_is_found() -> None:
    new = make_credentials("newToken", "other" * 8 + "abc")
    for keys in ((new, SEALING), (SEALING, new)):
        (event,) = take(push_sealed(KEYS, tell(), NOW), *keys)
        assert event.subject == OPENID


@pytest.mark.parametrize(
    "changes",
    [
        {"msg_signature": "0" * 40},
        {"msg_signature": ""},
        {"msg_signature": "é"},
        {"nonce": "another"},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": "-1772424000"},
        {"timestamp": "1772424001"},
    ],
)
def test_altered_parameters_are_rejected(changes: dict[str, str]) -> None:
    delivery = push_sealed(KEYS, tell(), NOW)
    with pytest.raises(WebhookRejected) as caught:
        take(replace(delivery, params={**delivery.params, **changes}), SEALING)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("credentials", [(), (make_credentials(None, None),), (make_credentials("other"),)])
def test_no_token_no_entry(credentials: tuple[WechatCredentials, ...]) -> None:
    for delivery in (push_sealed(KEYS, tell(), NOW), push_plain(TOKEN, tell(), NOW)):
        with pytest.raises(WebhookRejected):
            take(delivery, *credentials)


@pytest.mark.parametrize(
    "age", [DELIVERY_WINDOW + timedelta(seconds=1), -DELIVERY_WINDOW - timedelta(seconds=1)]
)
def test_stale_delivery_is_rejected(age: timedelta) -> None:
    with pytest.raises(WebhookRejected, match="of another time"):
        take(push_sealed(KEYS, tell(), NOW - age), SEALING)


# ------------------------------------------------------------------------------------------------------ the address test
def test_address_test_wants_its_text_back() -> None:
    params = {**push_plain(TOKEN, {}, NOW).params, "echostr": "4375120948345356249"}
    delivery = WebhookDelivery("GET", {}, params, b"")
    for credentials in (SEALING, PLAIN):
        assert take(delivery, credentials) == ()
    reply = WEBHOOKS.acknowledge(delivery)
    assert (reply.body, reply.status, reply.media_type) == (b"4375120948345356249", 200, "text/plain")


def test_unsigned_address_test_is_rejected() -> None:
    params = {"timestamp": str(int(NOW.timestamp())), "nonce": "n", "echostr": "x", "signature": "0" * 40}
    with pytest.raises(WebhookRejected):
        take(WebhookDelivery("GET", {}, params, b""), SEALING)


def test_messages_are_acknowledged_with_the_word() -> None:
    reply = WEBHOOKS.acknowledge(push_sealed(KEYS, tell(), NOW))
    assert (reply.body, reply.status) == (b"success", 200)


# --------------------------------------------------------------------------------------------------------------- events
@pytest.mark.parametrize(
    ("event", "answer", "accepted"),
    [
        ("subscribe_msg_popup_event", "accept", True),
        ("subscribe_msg_popup_event", "reject", False),
        ("subscribe_msg_popup_event", "ban", False),
        ("subscribe_msg_popup_event", None, False),
        ("subscribe_msg_change_event", "accept", False),
        ("subscribe_msg_change_event", "reject", False),
        ("subscribe_msg_sent_event", None, False),
    ],
)
def test_only_an_answer_to_the_question_grants(event: str, answer: str | None, accepted: bool) -> None:
    message = tell(Event=event, List=[{"TemplateId": TEMPLATE, "SubscribeStatusString": answer}])
    (found,) = take(push_sealed(KEYS, message, NOW), SEALING)
    assert (found.kind, found.subject, found.occurred_at) == ("message.consent", OPENID, NOW)
    assert found.raw == {"event": event, "grants": [{"template": TEMPLATE, "accepted": accepted}]}


def test_single_answer_may_come_without_a_list() -> None:
    (event,) = take(push_sealed(KEYS, tell(List=tell()["List"][0]), NOW), SEALING)
    assert event.raw["grants"] == [{"template": TEMPLATE, "accepted": True}]


XML = (
    f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{OPENID}]]></FromUserName>"
    "<CreateTime>1772424000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent>"
    "<List><TemplateId><![CDATA[T1]]></TemplateId>"
    "<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>2</PopupScene></List>"
    "<List><TemplateId><![CDATA[T2]]></TemplateId>"
    "<SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString><PopupScene>2</PopupScene></List>"
    "</SubscribeMsgPopupEvent></xml>"
)


def test_xml_says_the_same() -> None:
    grants = [{"template": "T1", "accepted": True}, {"template": "T2", "accepted": False}]
    sealed = WeChatCrypto(TOKEN, AES_KEY, APP_ID).encrypt_message(XML, "n", str(int(NOW.timestamp())))
    signature = sealed.partition("<MsgSignature><![CDATA[")[2].partition("]]>")[0]
    params = {"timestamp": str(int(NOW.timestamp())), "nonce": "n", "msg_signature": signature}
    for delivery, keys in (
        (WebhookDelivery("POST", {}, params, sealed.encode()), SEALING),
        (replace(push_plain(TOKEN, {}, NOW), body=XML.encode()), PLAIN),
    ):
        (event,) = take(delivery, keys)
        assert (event.subject, event.occurred_at, event.raw["grants"]) == (OPENID, NOW, grants)


def test_other_events_are_unrecognised_and_kept_without_their_contents() -> None:
    message = tell(Event="channels_ec_voucher_send_succ", voucher_list=[{"code": "TESTVOUCHER0001"}])
    (event,) = take(push_sealed(KEYS, message, NOW), SEALING)
    assert (event.kind, event.subject) == ("unrecognised", None)
    assert event.raw == {"event": "channels_ec_voucher_send_succ"}


def test_repeated_message_has_the_same_id() -> None:
    first, again = (take(push_sealed(KEYS, tell(), NOW), SEALING)[0] for _ in range(2))
    other = take(push_sealed(KEYS, tell(CreateTime=1772424001), NOW), SEALING)[0]
    assert first.event_id == again.event_id != other.event_id


@pytest.mark.parametrize(
    "message",
    [
        {},
        tell(FromUserName=None),
        tell(FromUserName="o" * 129),
        tell(List=None),
        tell(List=["T1"]),
        tell(List=[{"SubscribeStatusString": "accept"}]),
        tell(CreateTime="soon"),
    ],
)
def test_unreadable_messages_are_failures(message: Any) -> None:
    with pytest.raises(ProtocolFailure):
        take(push_sealed(KEYS, message, NOW), SEALING)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<xml></xml>", b"<html>", b"\xff\xfe"])
def test_unreadable_bodies_are_failures(body: bytes) -> None:
    with pytest.raises(ProtocolFailure):
        take(replace(push_plain(TOKEN, {}, NOW), body=body), PLAIN)
