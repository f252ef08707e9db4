"""Deliveries: only what the platform signed is believed, and repeats are known by their id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.channels.contract import (
    Capability,
    ChannelEvent,
    ChannelModel,
    ProtocolFailure,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)
from core.testing.bench import Bench
from core.testing.checks import check_instant, check_raw, check_text
from core.testing.garbage import HOPELESS, spoil_answer

KINDS = frozenset(
    {
        "coupon.redeemed",
        "coupon.reversed",
        "coupon.refunded",
        "booking.changed",
        "message.consent",
        "unrecognised",
    }
)
SUBJECT = "7400000000000000001"


class DeliveringRules:
    """What `Webhooks` promises. A channel that does not declare WEBHOOKS must not bring any."""

    async def test_webhooks_are_as_declared(self, bench: Bench) -> None:
        declared = Capability.WEBHOOKS in bench.channel.capabilities
        assert declared == (bench.channel.webhooks is not None)
        assert Capability.COUPONS in bench.channel.capabilities

    async def test_genuine_delivery_is_taken(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            verify(bench, webhooks, deliver(bench))

    async def test_forged_delivery_is_rejected(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            other = deliver(bench, credentials=bench.platform.other_credentials())
            good = deliver(bench)
            for forged in (other, alter_body(good), strip_signature(good)):
                expect_rejected(bench, webhooks, forged)

    async def test_no_secret_no_entry(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            expect_rejected(bench, webhooks, deliver(bench), credentials=())

    async def test_rotated_secret_is_taken(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            old, new = bench.session.credentials, bench.platform.other_credentials()
            delivery = deliver(bench, credentials=old)
            verify(bench, webhooks, delivery, credentials=(new, old))
            verify(bench, webhooks, delivery, credentials=(old, new))
            expect_rejected(bench, webhooks, delivery, credentials=(new,))

    async def test_stale_delivery_is_rejected(self, bench: Bench) -> None:
        window = bench.platform.delivery_window
        if (webhooks := bench.channel.webhooks) and window is not None:
            now = bench.session.clock.now()
            verify(bench, webhooks, deliver(bench, sent_at=now - window + timedelta(seconds=5)))
            for age in (window + timedelta(seconds=5), -window - timedelta(seconds=5)):
                expect_rejected(bench, webhooks, deliver(bench, sent_at=now - age))

    async def test_event_tells_what_happened(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            events = parse(bench, webhooks, deliver(bench))
            assert [(event.kind, event.subject) for event in events] == [
                (bench.platform.delivered_kind, SUBJECT)
            ]

    async def test_replay_has_the_same_id(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            later = bench.session.clock.now() + timedelta(seconds=30)
            first = parse(bench, webhooks, deliver(bench, event_id="event-1"))
            replayed = parse(bench, webhooks, deliver(bench, event_id="event-1", sent_at=later))
            another = parse(bench, webhooks, deliver(bench, event_id="event-2"))
            assert [event.event_id for event in replayed] == [event.event_id for event in first]
            assert not {event.event_id for event in another} & {event.event_id for event in first}

    async def test_spoilt_delivery_is_no_crash(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            good = deliver(bench)
            for body in (*HOPELESS.values(), *spoil_answer(good.body)):
                spoilt = replace(good, body=body)
                survive_delivery(bench, webhooks, spoilt)
                survive_verify(bench, webhooks, spoilt)

    async def test_delivery_is_acknowledged(self, bench: Bench) -> None:
        if webhooks := bench.channel.webhooks:
            reply = webhooks.acknowledge(deliver(bench))
            assert isinstance(reply, WebhookReply)
            assert 200 <= reply.status < 300
            assert bench.wire.requests == [], "webhooks use no network"


def deliver(
    bench: Bench,
    *,
    credentials: ChannelModel | None = None,
    event_id: str = "event-1",
    sent_at: datetime | None = None,
) -> WebhookDelivery:
    return bench.platform.make_delivery(
        SUBJECT,
        credentials=credentials or bench.session.credentials,
        event_id=event_id,
        sent_at=sent_at or bench.session.clock.now(),
    )


def verify(
    bench: Bench,
    webhooks: Webhooks,
    delivery: WebhookDelivery,
    credentials: Sequence[ChannelModel] | None = None,
) -> None:
    active = (bench.session.credentials,) if credentials is None else credentials
    webhooks.verify(delivery, active, bench.session.clock.now())


def expect_rejected(
    bench: Bench,
    webhooks: Webhooks,
    delivery: WebhookDelivery,
    credentials: Sequence[ChannelModel] | None = None,
) -> None:
    try:
        verify(bench, webhooks, delivery, credentials)
    except WebhookRejected as rejected:
        bench.transcript.note_failure(rejected)
        return
    raise AssertionError("a delivery that proves nothing was taken for genuine")


def alter_body(delivery: WebhookDelivery) -> WebhookDelivery:
    """The delivery with its last letter or digit changed: blanks around it may be left unsigned."""
    body = bytearray(delivery.body)
    place = max(place for place, byte in enumerate(body) if chr(byte).isascii() and chr(byte).isalnum())
    body[place] = ord("x") if body[place] != ord("x") else ord("y")
    return replace(delivery, body=bytes(body))


def strip_signature(delivery: WebhookDelivery) -> WebhookDelivery:
    return replace(delivery, headers={}, params={})


def parse(bench: Bench, webhooks: Webhooks, delivery: WebhookDelivery) -> Sequence[ChannelEvent]:
    events = webhooks.parse(delivery, (bench.session.credentials,))
    for event in events:
        check_text(event.event_id, "event_id")
        assert event.kind in KINDS, f"kind is {event.kind!r}"
        check_text(event.subject, "subject", optional=True)
        check_instant(event.occurred_at, "occurred_at")
        check_raw(event.raw, "the event")
    return events


def survive_delivery(bench: Bench, webhooks: Webhooks, delivery: WebhookDelivery) -> None:
    try:
        parse(bench, webhooks, delivery)
    except ProtocolFailure:
        return
    except Exception as crash:
        raise AssertionError(
            f"{delivery.body[:300]!r} raised {crash!r}, which is no ProtocolFailure"
        ) from crash


def survive_verify(bench: Bench, webhooks: Webhooks, delivery: WebhookDelivery) -> None:
    try:
        verify(bench, webhooks, delivery)
    except WebhookRejected:
        return
    except Exception as crash:
        raise AssertionError(f"verifying {delivery.body[:300]!r} raised {crash!r}") from crash
