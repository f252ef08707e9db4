"""Deliveries of Douyin Life: signed with SHA-1 over the app's secret and the raw body.

Source: https://developer.open-douyin.com/docs/resource/zh-CN/local-life/connect/webhooks, read 2025-10. The
signature carries no time, so a replay is stopped by the event id alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import SecretStr

from adapters.douyin.tables import EVENT_KIND_BY_ACTION
from core.channels.contract import (
    ChannelEvent,
    ChannelModel,
    ProtocolFailure,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)
from core.channels.wire import (
    read_epoch,
    read_id,
)

SIGNATURE_HEADER = "x-douyin-signature"
ID_HEADER = "msg-id"
_ADDRESS_TEST = "verify_webhook"
_CERTIFICATE_EVENT = "life_trade_certificate_notify"
_LONGEST_ID = 128


def sign_delivery(client_secret: SecretStr, body: bytes) -> str:
    """The signature of a delivery: lower-case hex SHA-1 of the secret followed by the raw body."""
    return hashlib.sha1(client_secret.get_secret_value().encode() + body, usedforsecurity=False).hexdigest()


class DouyinWebhooks(Webhooks):
    """Takes Douyin's deliveries. Of all events only those about certificates are understood."""

    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        """See `Webhooks.verify`. Douyin signs no time, so `now` plays no part."""
        given = delivery.headers.get(SIGNATURE_HEADER, "").strip().lower().encode()
        if not given:
            raise WebhookRejected("the delivery has no X-Douyin-Signature header")
        secrets = [getattr(each, "client_secret", None) for each in credentials]
        matches = [_matches(secret, delivery.body, given) for secret in secrets if secret is not None]
        if not any(matches):
            raise WebhookRejected("the signature is by none of the account's client secrets")

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        """See `Webhooks.parse`."""
        document = _read_object(delivery.body, "body")
        name = document.get("event")
        if name == _ADDRESS_TEST:
            return ()
        event_id = _read_event_id(delivery)
        if name != _CERTIFICATE_EVENT:
            return (ChannelEvent(event_id, "unrecognised", None, None, {"event": str(name)}),)
        return (_parse_certificate_event(event_id, document),)

    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        """See `Webhooks.acknowledge`. The address test wants its challenge back as it came."""
        document = _read_object(delivery.body, "body")
        if document.get("event") != _ADDRESS_TEST:
            return WebhookReply(b"{}")
        content = _read_object(document.get("content"), "content")
        return WebhookReply(orjson.dumps({"challenge": content.get("challenge")}))


def _matches(secret: SecretStr, body: bytes, given: bytes) -> bool:
    return hmac.compare_digest(sign_delivery(secret, body).encode(), given)


def _parse_certificate_event(event_id: str, document: Mapping[str, Any]) -> ChannelEvent:
    content = _read_object(document.get("content"), "content")
    certificate = content.get("certificate")
    if not isinstance(certificate, dict):
        raise ProtocolFailure("the event is about no certificate", path="content.certificate")
    return ChannelEvent(
        event_id=event_id,
        kind=EVENT_KIND_BY_ACTION.get(str(content.get("action")), "unrecognised"),
        subject=read_id(certificate.get("certificate_id"), "content.certificate.certificate_id"),
        occurred_at=read_epoch(content.get("msg_time"), "content.msg_time"),
        raw={**content, "certificate": {key: certificate[key] for key in certificate if key != "code"}},
    )


def _read_event_id(delivery: WebhookDelivery) -> str:
    given = delivery.headers.get(ID_HEADER, "")
    return given if 0 < len(given) <= _LONGEST_ID else hashlib.sha256(delivery.body).hexdigest()


def _read_object(value: object, path: str) -> dict[str, Any]:
    """A JSON object, or one written as text: `content` is text in events, an object in the address test."""
    if isinstance(value, str | bytes):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ProtocolFailure("not JSON", path=path) from None
    if not isinstance(value, dict):
        raise ProtocolFailure("not a JSON object", path=path)
    return value
