"""Deliveries of Youzan: MD5 over the app's id, the raw body and the app's secret.

Source: the push page of doc.youzanyun.com as noted 2026-09-11. The signature carries no time, so a replay is stopped
by the event id alone. The older `sign` inside the body covers `msg` only, and the page advises against it: it is
never looked at, so that nobody can fall back to it by leaving the header out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import orjson
from pydantic import SecretStr

from adapters.youzan.parse import mark_promocode, read_id, read_time
from adapters.youzan.tables import COUPON_PUSH, EVENT_KIND_BY_STATUS, TRADE_CLOSED_PUSH
from core.channels.contract import (
    ChannelEvent,
    ChannelModel,
    ProtocolFailure,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)

SIGNATURE_HEADER = "event-sign"
_LONGEST_ID = 128
_UNRECOGNISED = "unrecognised"
# What of a message is kept: it also carries the customer's phone and the code itself.
_KEPT = ("id", "status", "event_time", "order_no", "tid", "close_type", "update_time", "coupon_group_id")


def sign_delivery(client_id: str, client_secret: SecretStr, body: bytes) -> str:
    """The Event-Sign of a delivery: lower-case hex MD5."""
    signed = client_id.encode() + body + client_secret.get_secret_value().encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


class YouzanWebhooks(Webhooks):
    """Takes Youzan's deliveries. Of all pushes only those about coupons and closed orders are understood.

    No push tells of the use of a ticket or of a virtual code.
    """

    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        """See `Webhooks.verify`. Youzan signs no time, so `now` plays no part."""
        given = delivery.headers.get(SIGNATURE_HEADER, "").strip().lower().encode()
        if not given:
            raise WebhookRejected("the delivery has no Event-Sign header")
        matches = [_matches(each, delivery.body, given) for each in credentials]
        if not any(matches):
            raise WebhookRejected("the signature is by none of the account's client secrets")

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        """See `Webhooks.parse`."""
        push = _read_object(delivery.body, "body")
        if push.get("test") is True:
            return ()
        event_id = _read_event_id(push)
        type_ = push.get("type")
        if type_ == COUPON_PUSH:
            return (_parse_coupon_push(event_id, _read_message(push)),)
        if type_ == TRADE_CLOSED_PUSH:
            return (_parse_closed_trade(event_id, _read_message(push)),)
        return (ChannelEvent(event_id, _UNRECOGNISED, None, None, {"type": str(type_)}),)

    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        """See `Webhooks.acknowledge`. Youzan looks for the word in the body."""
        return WebhookReply(b'{"code":0,"msg":"success"}')


def _matches(credentials: ChannelModel, body: bytes, given: bytes) -> bool:
    client_id, secret = getattr(credentials, "client_id", None), getattr(credentials, "client_secret", None)
    if not isinstance(client_id, str) or not isinstance(secret, SecretStr):
        return False
    return hmac.compare_digest(sign_delivery(client_id, secret, body).encode(), given)


def _parse_coupon_push(event_id: str, message: Mapping[str, Any]) -> ChannelEvent:
    status, raw = str(message.get("status")), _keep(COUPON_PUSH, message)
    kind = EVENT_KIND_BY_STATUS.get(status, _UNRECOGNISED)
    if kind == _UNRECOGNISED or message.get("type", COUPON_PUSH) != COUPON_PUSH:
        # The same subscription brings news of whole activities, whose ids are no coupon's.
        return ChannelEvent(event_id, _UNRECOGNISED, None, None, raw)
    number = read_id(message.get("id"), "msg.id")
    subject = mark_promocode(number) if status.startswith("CODE_") else number
    occurred_at = read_time(message.get("event_time"), "msg.event_time")
    return ChannelEvent(event_id, kind, subject, occurred_at, raw)


def _parse_closed_trade(event_id: str, message: Mapping[str, Any]) -> ChannelEvent:
    """An order that is closed: a virtual code has its number, so that code is dead."""
    tid = read_id(message.get("tid"), "msg.tid")
    occurred_at = read_time(message.get("update_time"), "msg.update_time")
    return ChannelEvent(event_id, "coupon.refunded", tid, occurred_at, _keep(TRADE_CLOSED_PUSH, message))


def _keep(type_: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": type_, **{key: message[key] for key in _KEPT if key in message}}


def _read_event_id(push: Mapping[str, Any]) -> str:
    """`msg_id`, or else what stays the same when a push is repeated: `sendCount` does not."""
    given = push.get("msg_id")
    if isinstance(given, str) and 0 < len(given) <= _LONGEST_ID:
        return given
    steady = {key: value for key, value in push.items() if key not in {"sendCount", "msg_id"}}
    return hashlib.sha256(orjson.dumps(steady, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read_message(push: Mapping[str, Any]) -> dict[str, Any]:
    """`msg`: an object, JSON as text, or that URL-encoded with "+" or "%20" for blanks."""
    message = push.get("msg")
    if isinstance(message, str) and not message.lstrip().startswith("{"):
        message = unquote_plus(message)
    return _read_object(message, "msg")


def _read_object(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, str | bytes):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ProtocolFailure("not JSON", path=path) from None
    if not isinstance(value, dict):
        raise ProtocolFailure("not a JSON object", path=path)
    return value
