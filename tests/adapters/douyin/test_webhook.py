"""Deliveries: proved by their raw bytes, read into events, acknowledged as Douyin wants it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from adapters.douyin.channel import DouyinCredentials
from adapters.douyin.webhook import DouyinWebhooks, sign_delivery
from core.channels.contract import ChannelEvent, ProtocolFailure, WebhookDelivery, WebhookRejected

HERE = Path(__file__).parent
NOW = datetime(2025, 10, 10, 10, 0, tzinfo=UTC)
SECRET = "5e0c1f2a3b4d5e6f708192a3b4c5d6e7"
VECTORS = orjson.loads((HERE / "vectors" / "douyin-life-webhook-sign.json").read_bytes())["vectors"]
EXAMPLES = sorted(path.stem for path in (HERE / "payloads").glob("life-webhook-*.json"))
WEBHOOKS = DouyinWebhooks()


def make_credentials(secret: str = SECRET) -> DouyinCredentials:
    return DouyinCredentials(client_key="aw", client_secret=SecretStr(secret), account_id="72")


def make_delivery(body: bytes, headers: dict[str, str] | None = None) -> WebhookDelivery:
    return WebhookDelivery("POST", headers or {}, {}, body)


def sign(body: bytes, **headers: str) -> WebhookDelivery:
    return make_delivery(body, {"x-douyin-signature": sign_delivery(SecretStr(SECRET), body), **headers})


def parse(delivery: WebhookDelivery) -> Sequence[ChannelEvent]:
    return WEBHOOKS.parse(delivery, [make_credentials()])


def read_example(name: str) -> tuple[WebhookDelivery, Any]:
    example = orjson.loads((HERE / "payloads" / f"{name}.json").read_bytes())
    headers = {key.lower(): value for key, value in example["request"]["headers"].items()}
    return make_delivery(example["request"]["raw_body"].encode(), headers), example["response"]["body"]


# --------------------------------------------------------------------------------------------------------- signature
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector: Any) -> None:
    body = vector["raw_body"].encode()
    assert sign_delivery(SecretStr(vector["client_secret"]), body) == vector["signature"]
    delivery = make_delivery(body, {"x-douyin-signature": vector["signature"]})
    WEBHOOKS.verify(delivery, [make_credentials(vector["client_secret"])], NOW)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_authentic(name: str) -> None:
    WEBHOOKS.verify(read_example(name)[0], [make_credentials()], NOW)


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_changed_byte_is_not(name: str) -> None:
    delivery, _ = read_example(name)
    altered = make_delivery(delivery.body + b" ", dict(delivery.headers))
    with pytest.raises(WebhookRejected):
        WEBHOOKS.verify(altered, [make_credentials()], NOW)


def test_any_active_secret_will_do() -> None:
    rotated = [make_credentials("new"), make_credentials()]
    WEBHOOKS.verify(sign(b"{}"), rotated, NOW)


@pytest.mark.parametrize(
    ("headers", "credentials"),
    [
        ({}, [make_credentials()]),
        ({"x-douyin-signature": ""}, [make_credentials()]),
        ({"x-douyin-signature": "0" * 40}, [make_credentials()]),
        ({"x-douyin-signature": "é"}, [make_credentials()]),
        ({"x-douyin-signature": sign_delivery(SecretStr(SECRET), b"{}")}, [make_credentials("another")]),
        ({"x-douyin-signature": sign_delivery(SecretStr(SECRET), b"{}")}, []),
    ],
)
def test_unproved_deliveries_are_rejected(headers: dict[str, str], credentials: Any) -> None:
    with pytest.raises(WebhookRejected) as caught:
        WEBHOOKS.verify(make_delivery(b"{}", headers), credentials, NOW)
    assert SECRET not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ events
@pytest.mark.parametrize(
    ("name", "kind", "subject", "occurred_at"),
    [
        ("verify", "coupon.redeemed", "7550000000000000456", 1760090200),
        ("cancel", "coupon.reversed", "7550000000000000456", 1760090900),
        ("refund", "coupon.refunded", "7550000000000000457", 1760091500),
    ],
)
def test_certificate_events(name: str, kind: str, subject: str, occurred_at: int) -> None:
    delivery, reply = read_example(f"life-webhook-certificate-{name}")
    (event,) = parse(delivery)
    assert (event.kind, event.subject) == (kind, subject)
    assert event.occurred_at == datetime.fromtimestamp(occurred_at, UTC)
    assert event.event_id == f"life-webhook-certificate-{name}"
    assert orjson.loads(WEBHOOKS.acknowledge(delivery).body) == reply


def test_other_events_are_only_named() -> None:
    delivery, reply = read_example("life-webhook-order-paid")
    (event,) = parse(delivery)
    assert (event.kind, event.subject, event.raw) == (
        "unrecognised",
        None,
        {"event": "life_trade_order_notify"},
    )
    assert WEBHOOKS.acknowledge(delivery).status == 200
    assert orjson.loads(WEBHOOKS.acknowledge(delivery).body) == reply


def make_event(action: str = "verify", **certificate: Any) -> bytes:
    content = {"action": action, "msg_time": 1760090200, "certificate": {"certificate_id": 75, **certificate}}
    event = {"event": "life_trade_certificate_notify", "content": orjson.dumps(content).decode()}
    return orjson.dumps(event)


def test_unknown_action_is_unrecognised() -> None:
    (event,) = parse(sign(make_event("given_away")))
    assert (event.kind, event.subject) == ("unrecognised", "75")


def test_without_message_id_the_body_is_hashed() -> None:
    first, again, other = (parse(sign(make_event(action)))[0] for action in ["verify", "verify", "x"])
    assert first.event_id == again.event_id
    assert first.event_id != other.event_id


def test_overlong_message_id_is_hashed() -> None:
    (event,) = parse(sign(make_event(), **{"msg-id": "m" * 129}))
    assert len(event.event_id) == 64


def test_code_of_a_certificate_is_not_kept() -> None:
    (event,) = parse(sign(make_event(code="104686126200130")))
    assert "104686126200130" not in str(event.raw)


@pytest.mark.parametrize("challenge", [12345, "12345", 2**53 + 1])
def test_challenge_comes_back_as_it_came(challenge: object) -> None:
    body = orjson.dumps({"event": "verify_webhook", "client_key": "", "content": {"challenge": challenge}})
    assert parse(sign(body)) == ()
    assert orjson.loads(WEBHOOKS.acknowledge(sign(body)).body) == {"challenge": challenge}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (b'{"event":"life_trade_certificate_notify"}', "content"),
        (b'{"event":"life_trade_certificate_notify","content":"x"}', "content"),
        (b'{"event":"life_trade_certificate_notify","content":"{}"}', "content.certificate"),
        (
            b'{"event":"life_trade_certificate_notify","content":{"certificate":{}}}',
            "content.certificate.certificate_id",
        ),
    ],
)
def test_malformed_deliveries_name_the_place(body: bytes, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse(make_delivery(body))
    assert caught.value.path == path


def test_simulated_delivery_is_authentic(simulator: Any) -> None:
    sample = simulator.make("used")
    delivery = simulator.make_delivery("verify", sample.reference, event_id="m1")
    WEBHOOKS.verify(delivery, [make_credentials()], NOW)
    (event,) = parse(delivery)
    assert (event.event_id, event.kind, event.subject) == ("m1", "coupon.redeemed", sample.reference)
    assert event.occurred_at == simulator.clock.now()
