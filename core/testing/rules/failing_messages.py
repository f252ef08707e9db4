"""Failures while a message is sent: nobody takes silence for a delivery, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

from core.channels.contract import (
    ChannelFailure,
    CredentialsRefused,
    Delivered,
    Effect,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)
from core.testing.garbage import HOPELESS, hollow_answer, spoil_answer
from core.testing.message_bench import MessageBench
from core.testing.platform_bench import expect_silence
from core.testing.wire import answer_with, lose_answer, lose_request, refuse_connection

UNREADABLE = (ProtocolFailure, OutcomeUnknown)


class FailingMessageRules:
    """What `Notifications` promises while something is broken."""

    async def test_lost_message_is_unknown(self, bench: MessageBench) -> None:
        message = bench.write()
        failure = await bench.fail(bench.send(message), Effect.WRITE, lose_request)
        assert isinstance(failure, OutcomeUnknown), f"a sent and unanswered message is {failure!r}"
        assert bench.sent == 0

    async def test_lost_delivery_answer_is_unknown(self, bench: MessageBench) -> None:
        """And the adapter does not try again by itself: that is for core to decide."""
        message = bench.write()
        failure = await bench.fail(bench.send(message), Effect.WRITE, lose_answer)
        assert isinstance(failure, OutcomeUnknown), f"a message without an answer is {failure!r}"
        assert bench.sent == 1
        writes = [each for each in bench.wire.requests if each.effect is Effect.WRITE]
        assert len(writes) == 1, "a message without an answer was sent again"

    async def test_unsent_message_sent_nothing(self, bench: MessageBench) -> None:
        message = bench.write()
        failure = await bench.fail(bench.send(message), Effect.WRITE, refuse_connection)
        assert isinstance(failure, NothingSent), f"nothing was sent, but it is {failure!r}"
        await bench.send_well(message)
        assert bench.sent == 1

    async def test_no_token_sends_no_message(self, bench: MessageBench) -> None:
        message, failure = bench.write(), None
        bench.tokens.down = True
        try:
            await bench.send(message)
        except ChannelFailure as raised:
            failure = raised
        if bench.tokens.asked_while_down:
            assert isinstance(failure, NothingSent), f"no token, so nothing was sent, but it is {failure!r}"
            assert bench.sent == 0

    async def test_void_message_token_is_renewed(self, bench: MessageBench) -> None:
        if not bench.holds("tokens"):
            return
        await bench.send_well()
        bench.platform.expire_tokens()
        await bench.send_well()
        assert bench.sent == 2

    async def test_wrong_credentials_send_nothing(self, bench: MessageBench) -> None:
        message = bench.write()
        await bench.use_other_credentials()
        try:
            answer = await bench.send(message)
        except (CredentialsRefused, Misconfigured):
            assert bench.sent == 0
            return
        raise AssertionError(f"the platform refuses the credentials, but send answered {answer!r}")

    async def test_message_rate_is_told(self, bench: MessageBench) -> None:
        if not bench.holds("rate"):
            return
        message = bench.write()
        bench.platform.limit_rate()
        try:
            answer = await bench.send(message)
        except RateLimited:
            assert bench.sent == 0
            await bench.send_well(message)
            return
        raise AssertionError(f"too many calls, but send answered {answer!r}")

    async def test_server_error_on_message(self, bench: MessageBench) -> None:
        """Neither a refusal nor a success, whatever the body says."""
        await bench.send_well()
        success = bench.wire.answers[-1].content
        for content in (b"", HOPELESS["html"], success):
            failure = await bench.fail(bench.send(bench.write()), Effect.WRITE, answer_with(content, 500))
            assert isinstance(failure, OutcomeUnknown), f"HTTP 500 on a message is {failure!r}"

    async def test_rubbish_is_no_delivery(self, bench: MessageBench) -> None:
        await bench.send_well()
        hollow = hollow_answer(bench.wire.answers[-1].content)
        for content in (*HOPELESS.values(), hollow):
            failure = await bench.fail(bench.send(bench.write()), Effect.WRITE, answer_with(content))
            assert isinstance(failure, UNREADABLE), f"{content[:40]!r} is {failure!r}"

    async def test_spoilt_delivery_answer_is_no_crash(self, bench: MessageBench) -> None:
        await bench.send_well()
        for content in spoil_answer(bench.wire.answers[-1].content):
            failure = await survive(bench, bench.send(bench.write()), content)
            assert not isinstance(failure, NothingSent), f"sent, but {content!r} is {failure!r}"

    async def test_cancelled_message(self, bench: MessageBench) -> None:
        await bench.cancel_midway(bench.send(bench.write()), Effect.WRITE)
        assert bench.sent == 0
        await bench.send_well()

    async def test_failed_messages_say_nothing(self, bench: MessageBench) -> None:
        for fault in (lose_request, answer_with(b"", 500), answer_with(b"{"), lose_answer):
            await bench.fail(bench.send(bench.write()), Effect.WRITE, fault)
        await bench.use_other_credentials()
        with suppress(ChannelFailure):
            await bench.send(bench.write())
        expect_silence(bench)


async def survive(bench: MessageBench, work: Awaitable[object], content: bytes) -> ChannelFailure | None:
    """Awaits `work` on a spoilt answer: a failure of the contract or a sound answer, but no crash."""
    bench.wire.break_next(Effect.WRITE, answer_with(content))
    try:
        answer = await bench.call(work)
    except ChannelFailure as failure:
        return failure
    except AssertionError as wrong:
        raise AssertionError(f"{content!r}: {wrong}") from None
    except Exception as crash:
        raise AssertionError(f"{content!r} raised {crash!r}, which is no ChannelFailure") from crash
    finally:
        bench.wire.disarm()
    assert not isinstance(answer, Delivered) or content, "an empty answer is no delivery"
    return None
