"""Deliveries: proved by their raw bytes, read into events, acknowledged as Youzan wants it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from pydantic import SecretStr

from adapters.youzan.channel import YouzanCredentials
from adapters.youzan.webhook import YouzanWebhooks, sign_delivery
from core.channels.contract import ChannelEvent, ProtocolFailure, WebhookDelivery, WebhookRejected

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
WEBHOOKS = YouzanWebhooks()


def read_vectors(name: str) -> list[Any]:
    return list(orjson.loads((HERE / "vectors" / f"{name}.json").read_bytes())["vectors"])


def make_credentials(client_id: str, secret: str) -> YouzanCredentials:
    return YouzanCredentials(client_id=client_id, client_secret=SecretStr(secret), grant_id="9001")


def deliver(body: Any, **headers: str) -> WebhookDelivery:
    return WebhookDelivery("POST", headers, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def parse(delivery: WebhookDelivery) -> Sequence[ChannelEvent]:
    return WEBHOOKS.parse(delivery, [make_credentials("client", "secret")])


def push(message: Any, type_: str = "COUPON_CUSTOMER_PROMOTION", **changes: Any) -> WebhookDelivery:
    body = {"type": type_, "msg": message, "msg_id": "event-1", "version": 1, "sendCount": 0, "test": False}
    return deliver({**body, **changes})


def tell(**changes: Any) -> dict[str, Any]:
    return {
        "id": "10887216",
        "type": "COUPON_CUSTOMER_PROMOTION",
        "status": "CARD_CONSUME",
        "event_time": "2026-03-01 10:00:05",
        "mobile": "13800000000",
        "verify_code": "ZAN3466537296698",
        **changes,
    }


# --------------------------------------------------------------------------------------------------------- signature
@pytest.mark.parametrize("vector", read_vectors("youzan-event-sign"), ids=lambda vector: vector["name"])
def test_vectors(vector: Any) -> None:
    body, secret = vector["raw_body"].encode(), vector["client_secret"]
    assert sign_delivery(vector["client_id"], SecretStr(secret), body) == vector["event_sign"]
    delivery = deliver(body, **{"event-sign": vector["event_sign"]})
    WEBHOOKS.verify(delivery, [make_credentials(vector["client_id"], secret)], NOW)


@pytest.mark.parametrize("vector", read_vectors("youzan-event-sign"), ids=lambda vector: vector["name"])
@pytest.mark.parametrize("spoil", ["body", "client_id", "client_secret", "header"])
def test_one_changed_byte_is_not(vector: Any, spoil: str) -> None:
    headers = {"event-sign": vector["event_sign"][:-1] + "x" if spoil == "header" else vector["event_sign"]}
    body = vector["raw_body"].encode() + (b" " if spoil == "body" else b"")
    keys = [vector[name] + ("x" if spoil == name else "") for name in ("client_id", "client_secret")]
    with pytest.raises(WebhookRejected):
        WEBHOOKS.verify(deliver(body, **headers), [make_credentials(*keys)], NOW)


@pytest.mark.parametrize("vector", read_vectors("youzan-push-body-sign"), ids=lambda vector: vector["name"])
def test_sign_in_the_body_proves_nothing(vector: Any) -> None:
    body = {"client_id": vector["client_id"], "msg": vector["msg"], "sign": vector["sign"]}
    keys = [make_credentials(vector["client_id"], vector["client_secret"])]
    for headers in ({}, {"event-sign": vector["sign"]}):
        with pytest.raises(WebhookRejected):
            WEBHOOKS.verify(deliver(body, **headers), keys, NOW)


# ------------------------------------------------------------------------------------------------------------ events
@pytest.mark.parametrize(
    ("status", "kind", "subject"),
    [
        ("CARD_CONSUME", "coupon.redeemed", "10887216"),
        ("CODE_CONSUME", "coupon.redeemed", "promocode-10887216"),
        ("CARD_REVERT", "coupon.reversed", "10887216"),
        ("CODE_REVERT", "coupon.reversed", "promocode-10887216"),
        ("CARD_TAKE", "unrecognised", None),
        ("CARD_BACK", "unrecognised", None),
        ("CARD_GROUP_INVALID", "unrecognised", None),
        (None, "unrecognised", None),
    ],
)
def test_coupon_pushes(status: Any, kind: str, subject: str | None) -> None:
    (event,) = parse(push(tell(status=status)))
    assert (event.event_id, event.kind, event.subject) == ("event-1", kind, subject)


def test_event_tells_when_and_hides_whom() -> None:
    (event,) = parse(push(tell()))
    assert event.occurred_at == datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)
    assert not {"mobile", "verify_code"} & event.raw.keys()


def test_news_of_an_activity_is_no_coupon() -> None:
    (event,) = parse(push(tell(type="COUPON_PROMOTION")))
    assert (event.kind, event.subject) == ("unrecognised", None)


@pytest.mark.parametrize("write", [orjson.dumps, bytes.decode, quote, quote_plus])
def test_message_may_be_written_in_four_ways(write: Any) -> None:
    text = orjson.dumps(tell())
    message = tell() if write is orjson.dumps else text.decode() if write is bytes.decode else write(text)
    (event,) = parse(push(message))
    assert event.occurred_at == datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("vector", read_vectors("youzan-push-body-sign"), ids=lambda vector: vector["name"])
def test_messages_of_the_vectors_are_read(vector: Any) -> None:
    (event,) = parse(push(vector["msg"], vector["type"]))
    closed = vector["type"] == "trade_TradeClose"
    assert event.kind == ("coupon.refunded" if closed else "unrecognised")
    assert event.subject == ("E20260301100000000000003" if closed else None)


def test_paid_order_is_no_coupon(read_payload: Any) -> None:
    (event,) = parse(deliver(read_payload("push_trade_paid")))
    assert (event.kind, event.subject) == ("unrecognised", None)
    assert event.event_id == "00000000-0000-4000-8000-000000000001"


def test_test_of_the_address_is_no_event() -> None:
    assert parse(push({}, test=True)) == ()


def test_repeat_without_an_id_has_the_same() -> None:
    ids = [
        parse(push(tell(status=status), msg_id=None, sendCount=count, version=version))[0].event_id
        for status, count, version in [
            ("CARD_CONSUME", 0, 1),
            ("CARD_CONSUME", 3, 1),
            ("CARD_CONSUME", 0, 2),
            ("CARD_REVERT", 0, 1),
        ]
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("delivery", "path"),
    [
        (deliver(b""), "body"),
        (deliver(b"[]"), "body"),
        (push("%7B"), "msg"),
        (push(None), "msg"),
        (push("[1]"), "msg"),
        (push(tell(id=None)), "msg.id"),
        (push(tell(event_time="yesterday")), "msg.event_time"),
        (push({}, "trade_TradeClose"), "msg.tid"),
    ],
)
def test_broken_deliveries_name_the_place(delivery: WebhookDelivery, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse(delivery)
    assert caught.value.path == path


def test_acknowledgement_has_the_word() -> None:
    reply = WEBHOOKS.acknowledge(push(tell()))
    assert (reply.status, orjson.loads(reply.body)) == (200, {"code": 0, "msg": "success"})
