"""Messaging: a message goes out once and whole, and whatever keeps it back is told."""

from __future__ import annotations

from dataclasses import replace

from core.channels.contract import (
    Address,
    Capability,
    ChannelFailure,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Effect,
    NotificationBehaviour,
    OutcomeUnknown,
)
from core.testing.message_bench import MessageBench
from core.testing.platform_bench import expect_silence, map_secrets
from core.testing.wire import answer_with


class MessagingRules:
    """What `Notifications` promises while the platform works."""

    async def test_messages_are_as_declared(self, bench: MessageBench) -> None:
        declared = Capability.NOTIFICATIONS in bench.channel.capabilities
        assert declared, "the suite is for channels that declare NOTIFICATIONS"
        assert isinstance(bench.behaviour, NotificationBehaviour)
        if bench.behaviour.address is Address.PHONE:
            recipient = bench.platform.messages["good"].recipient
            assert recipient.startswith("+"), "a channel that sends to phones is given them in E.164"

    async def test_message_is_sent(self, bench: MessageBench) -> None:
        message = bench.write()
        await bench.send_well(message)
        [sent] = bench.platform.list_messages()
        assert sent.template == message.template, "another template than the one asked for"
        assert dict(sent.values) == dict(message.values), "other values than those given"

    async def test_every_message_is_sent(self, bench: MessageBench) -> None:
        references = [(await bench.send_well()).reference for _ in range(2)]
        assert bench.sent == 2, "two messages with tokens of their own are two"
        assert references[0] is None or references[0] != references[1], "two messages have one reference"

    async def test_unreachable_person_is_refused(self, bench: MessageBench) -> None:
        if bench.holds("unreachable"):
            await bench.expect_refusal("unreachable")

    async def test_unknown_template_is_refused(self, bench: MessageBench) -> None:
        if bench.holds("unknown_template"):
            await bench.expect_refusal("unknown_template")

    async def test_bad_content_is_refused(self, bench: MessageBench) -> None:
        if bench.holds("bad_content"):
            await bench.expect_refusal("bad_content")

    async def test_too_many_messages_are_refused(self, bench: MessageBench) -> None:
        if bench.holds("too_many"):
            await bench.expect_refusal("too_many")

    async def test_missing_consent_is_refused(self, bench: MessageBench) -> None:
        if bench.behaviour.needs_consent:
            await bench.expect_refusal("no_consent")

    async def test_consent_is_good_for_one(self, bench: MessageBench) -> None:
        if not bench.behaviour.needs_consent:
            return
        message = bench.write()
        await bench.send_well(message)
        answer = await bench.send(replace(message, token="another-message"))  # noqa: S106  # no secret
        bench.check_refusal(answer, "no_consent")
        assert bench.sent == 1, "one yes was good for two messages"

    async def test_long_values_are_cut(self, bench: MessageBench) -> None:
        if bench.holds("long"):
            await bench.send_well(bench.write("long"))
            assert bench.sent == 1

    async def test_unknown_delivery_answer_is_no_success(self, bench: MessageBench) -> None:
        await bench.send_well()
        message = bench.write()
        operation = bench.wire.last_request(Effect.WRITE).operation
        bench.wire.break_next(Effect.WRITE, answer_with(bench.platform.strange_answer(operation)))
        try:
            answer = await bench.send(message)
        except OutcomeUnknown:
            return
        assert isinstance(answer, DeliveryRefused), "read a success out of an unlisted platform code"
        assert answer.reason is DeliveryRefusal.REFUSED_BY_CHANNEL

    async def test_recognised_repeat_sends_once(self, bench: MessageBench) -> None:
        if bench.behaviour.repeat_window is None:
            return
        message = bench.write()
        first = await bench.send_well(message)
        body = bench.wire.last_request(Effect.WRITE)
        bench.platform.advance(bench.behaviour.repeat_window * 0.95)
        again = await bench.send(message)
        assert isinstance(again, Delivered), "repeats are declared to be recognised, but this one is refused"
        assert (bench.sent, again.reference) == (1, first.reference), "the repeat was another message"
        repeat = bench.wire.last_request(Effect.WRITE)
        assert (repeat.url, repeat.content) == (body.url, body.content), "a repeat has the identical body"

    async def test_good_messages_say_nothing(self, bench: MessageBench) -> None:
        credentials = bench.session.credentials
        said = repr(credentials) + str(credentials) + repr(bench.session)
        assert not [secret for secret in map_secrets([credentials]) if secret in said]
        for state in bench.platform.messages:
            try:
                await bench.send(bench.write(state))
            except ChannelFailure:
                continue
        expect_silence(bench)
