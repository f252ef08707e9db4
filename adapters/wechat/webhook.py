"""Deliveries of the mini-program's message push (消息推送), in plain, compatible and secure mode, as JSON or XML.

Source: https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html, read 2026-11. In plain
mode nothing but the time and a nonce is signed, so an account with an `encodingAesKey` takes sealed messages only: what
is sealed is signed too. WeChat Pay's own callbacks are not taken: they are signed with certificates that would have to be
fetched first, and tell no more of a coupon than that it was given to a customer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import SecretStr

from adapters.wechat.signing import open_pushed, sign_push
from adapters.wechat.tables import CONSENT_EVENTS, GRANTING_EVENT, YES
from core.channels.contract import (
    ChannelEvent,
    ChannelModel,
    ProtocolFailure,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)
from core.channels.wire import read_epoch, read_id

# INFERRED: WeChat repeats an unanswered delivery three times within seconds; no page limits the age of a time stamp.
DELIVERY_WINDOW = timedelta(minutes=5)
_UNRECOGNISED = "unrecognised"
_LONGEST_SUBJECT = 128
_SEALED_XML = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([A-Za-z0-9+/=\s]+?)(?:\]\]>)?\s*</Encrypt>")
_LEAF = re.compile(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", re.DOTALL)
_ROW = re.compile(r"<List>(.*?)</List>", re.DOTALL)


class WechatWebhooks(Webhooks):
    """Takes the message push. Of all events only those about subscribe messages are understood.

    No event tells of a used, returned or refunded coupon.
    """

    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        """See `Webhooks.verify`. The address test is signed as plain messages are."""
        stamp = delivery.params.get("timestamp", "")
        if not re.fullmatch(r"\d{1,11}", stamp, re.ASCII):
            raise WebhookRejected("the delivery has no time")
        if abs(now.timestamp() - int(stamp)) > DELIVERY_WINDOW.total_seconds():
            raise WebhookRejected("the delivery is too old, or of another time")
        if not any(_is_signed(delivery, each) for each in credentials):
            raise WebhookRejected("the signature is by none of the account's push tokens")

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        """See `Webhooks.parse`."""
        if delivery.method == "GET":
            return ()
        content = _open(delivery.body, credentials)
        message = _read_message(content)
        event_id, event = hashlib.sha256(content).hexdigest(), str(message.get("Event"))
        if event not in CONSENT_EVENTS:
            return (ChannelEvent(event_id, _UNRECOGNISED, None, None, {"event": event[:64]}),)
        subject = read_id(message.get("FromUserName"), "FromUserName")
        if len(subject) > _LONGEST_SUBJECT:
            raise ProtocolFailure("an id is too long", path="FromUserName")
        raw = {"event": event, "grants": list(_list_grants(event, message))}
        occurred_at = read_epoch(message.get("CreateTime"), "CreateTime")
        return (ChannelEvent(event_id, "message.consent", subject, occurred_at, raw),)

    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        """See `Webhooks.acknowledge`. The address test wants its own text back."""
        reply = delivery.params.get("echostr", "") if delivery.method == "GET" else "success"
        return WebhookReply(reply.encode(), media_type="text/plain")


# --------------------------------------------------------------------------------------------------- signature and seal
def _is_signed(delivery: WebhookDelivery, credentials: ChannelModel) -> bool:
    token, key = getattr(credentials, "token", None), getattr(credentials, "encoding_aes_key", None)
    if not isinstance(token, SecretStr):
        return False
    parts = [delivery.params.get("timestamp", ""), delivery.params.get("nonce", "")]
    given = delivery.params.get("signature", "")
    if delivery.method != "GET" and isinstance(key, SecretStr):
        sealed = _find_sealed(delivery.body)
        if sealed is None:
            return False
        parts, given = [*parts, sealed], delivery.params.get("msg_signature", "")
    return hmac.compare_digest(sign_push(token.get_secret_value(), *parts).encode(), given.encode())


def _find_sealed(body: bytes) -> str | None:
    """The sealed text of a delivery; None for a plain one."""
    if found := _SEALED_XML.search(body):
        return found[1].decode()
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    sealed = document.get("Encrypt") if isinstance(document, dict) else None
    return sealed if isinstance(sealed, str) and sealed else None


def _open(body: bytes, credentials: Sequence[ChannelModel]) -> bytes:
    """The message: opened with the first key that fits, or the plain body of an account without any."""
    keyed = [each for each in credentials if getattr(each, "encoding_aes_key", None) is not None]
    if not keyed:
        return body
    sealed = _find_sealed(body)
    for each in keyed if sealed else ():
        try:
            return open_pushed(each.encoding_aes_key.get_secret_value(), each.app_id, sealed or "")  # type: ignore[attr-defined]
        except ValueError:
            continue
    raise ProtocolFailure("the message is not sealed with the account's encodingAesKey", path="Encrypt")


# ------------------------------------------------------------------------------------------------------------- messages
def _read_message(content: bytes) -> dict[str, Any]:
    """A message in one of its two forms. Raises ProtocolFailure for anything else."""
    text = content.decode(errors="replace")
    if text.lstrip().startswith("<"):
        return _read_xml(text)
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ProtocolFailure("neither JSON nor XML", path="body") from None
    if not isinstance(document, dict) or ("Event" not in document and "MsgType" not in document):
        raise ProtocolFailure("not a message", path="body")
    return document


def _read_xml(text: str) -> dict[str, Any]:
    """The leaves of a message, and those of each List. Nothing else of XML is understood, entities least of all."""
    message: dict[str, Any] = {}
    for name, value in _read_leaves(_ROW.sub("", text)):
        message.setdefault(name, value)
    if "Event" not in message and "MsgType" not in message:
        raise ProtocolFailure("not a message", path="body")
    return {**message, "List": [dict(_read_leaves(row)) for row in _ROW.findall(text)]}


def _read_leaves(text: str) -> Iterator[tuple[str, str]]:
    for name, quoted, bare in _LEAF.findall(text):
        yield name, (quoted or bare).strip()


def _list_grants(event: str, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One grant for each template of the event. A single one may come without a list around it.

    Only an answer in the mini-program's own question lets a message through: what a customer allows in the settings
    later on, and what became of a message, give no new one.
    """
    rows = message.get("List")
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, dict):
            raise ProtocolFailure("not a list of objects", path="List")
        said = row.get("SubscribeStatusString")
        template = read_id(row.get("TemplateId"), "List.TemplateId")
        yield {"template": template, "accepted": event == GRANTING_EVENT and said == YES}
