"""Failures over bookings: silence is no yes, rubbish is no list, and nobody's phone is said aloud."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta

from core.channels.contract import (
    BookingQuery,
    BookingTaken,
    ChannelFailure,
    CredentialsRefused,
    Effect,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
)
from core.testing.booking_bench import BookingBench
from core.testing.garbage import HOPELESS, hollow_answer, spoil_answer
from core.testing.platform_bench import expect_silence, map_secrets
from core.testing.wire import answer_with, lose_answer, lose_request, refuse_connection

UNREADABLE = (ProtocolFailure, OutcomeUnknown)


class FailingBookingRules:
    """What `Reservations` promises while something is broken."""

    async def test_lost_booking_call_is_unknown(self, bench: BookingBench) -> None:
        if not bench.tells:
            return
        for fault in (lose_request, lose_answer):
            failure = await bench.fail(bench.tell(), Effect.WRITE, fault)
            assert isinstance(failure, OutcomeUnknown), f"sent and unanswered, it is {failure!r}"

    async def test_unsent_booking_call_sent_nothing(self, bench: BookingBench) -> None:
        if bench.tells:
            failure = await bench.fail(bench.tell(), Effect.WRITE, refuse_connection)
            assert isinstance(failure, NothingSent), f"nothing was sent, but it is {failure!r}"

    async def test_lost_booking_list_is_a_failure(self, bench: BookingBench) -> None:
        reference = bench.make()
        for read in (lambda: bench.find(reference), lambda: bench.list(make_query(bench))):
            failure = await bench.fail(read(), Effect.READ, lose_answer)
            assert isinstance(failure, NothingSent), f"a reading without an answer is {failure!r}"

    async def test_rubbish_is_no_yes(self, bench: BookingBench) -> None:
        if not bench.tells:
            return
        await bench.tell()
        hollow = hollow_answer(
            bench.wire.last_answer(bench.wire.last_request(Effect.WRITE).operation).content
        )
        for content in (*HOPELESS.values(), hollow):
            failure = await bench.fail(bench.tell(), Effect.WRITE, answer_with(content))
            assert isinstance(failure, UNREADABLE), f"{content[:40]!r} is {failure!r}"

    async def test_rubbish_is_no_booking_list(self, bench: BookingBench) -> None:
        """Neither an empty list nor a booking that there is not."""
        reference = bench.make()
        for content in HOPELESS.values():
            for read in (lambda: bench.find(reference), lambda: bench.list(make_query(bench))):
                await bench.fail(read(), Effect.READ, answer_with(content))

    async def test_spoilt_booking_is_no_crash(self, bench: BookingBench) -> None:
        reference = bench.make()
        await bench.find_well(reference)
        for content in spoil_answer(bench.wire.answers[-1].content):
            await survive(bench, bench.find(reference), content)
        await bench.list(make_query(bench))
        for content in spoil_answer(bench.wire.answers[-1].content):
            await survive(bench, bench.list(make_query(bench)), content)

    async def test_unlisted_booking_code_is_no_yes(self, bench: BookingBench) -> None:
        if not bench.tells:
            return
        await bench.tell()
        operation = bench.wire.last_request(Effect.WRITE).operation
        bench.wire.break_next(Effect.WRITE, answer_with(bench.platform.strange_answer(operation)))
        try:
            answer = await bench.tell()
        except OutcomeUnknown:
            return
        assert not isinstance(answer, BookingTaken), "read a yes out of an unlisted platform code"
        assert not answer.settled, "read a yes out of an unlisted platform code"

    async def test_server_error_is_no_yes(self, bench: BookingBench) -> None:
        if not bench.tells:
            return
        await bench.tell()
        success = bench.wire.last_answer(bench.wire.last_request(Effect.WRITE).operation).content
        for content in (b"", HOPELESS["html"], success):
            failure = await bench.fail(bench.tell(), Effect.WRITE, answer_with(content, 500))
            assert isinstance(failure, OutcomeUnknown), f"HTTP 500 is {failure!r}"

    async def test_wrong_credentials_read_no_bookings(self, bench: BookingBench) -> None:
        bench.make()
        await bench.use_other_credentials()
        try:
            answer = await bench.list(make_query(bench))
        except (CredentialsRefused, Misconfigured):
            return
        raise AssertionError(f"the platform refuses the credentials, but a list of {len(answer)} was read")

    async def test_cancelled_booking_call(self, bench: BookingBench) -> None:
        if bench.tells:
            await bench.cancel_midway(bench.start_telling(), Effect.WRITE)
            await bench.tell()

    async def test_bookings_say_nothing(self, bench: BookingBench) -> None:
        said = repr(bench.session.credentials) + repr(bench.session)
        assert not [secret for secret in map_secrets([bench.session.credentials]) if secret in said]
        booking = await bench.find_well(bench.make())
        assert not [phone for phone in bench.platform_secrets() if phone in repr(booking)]
        if bench.tells:
            await bench.tell()
            for fault in (lose_answer, answer_with(b"{"), answer_with(b"", 500)):
                await bench.fail(bench.tell(), Effect.WRITE, fault)
        await bench.use_other_credentials()
        with suppress(ChannelFailure):
            await bench.list(make_query(bench))
        expect_silence(bench)


def make_query(bench: BookingBench) -> BookingQuery:
    """The next day and a half."""
    return BookingQuery(bench.now + timedelta(hours=12), bench.now + timedelta(hours=36))


async def survive(bench: BookingBench, work: Awaitable[object], content: bytes) -> None:
    """Awaits `work` on a spoilt answer: a failure of the contract or a sound answer, but no crash."""
    bench.wire.break_next(Effect.READ, answer_with(content))
    try:
        await bench.call(work)
    except ChannelFailure:
        return
    except AssertionError as wrong:
        if str(wrong) == "the list has no end":
            return
        raise AssertionError(f"{content!r}: {wrong}") from None
    except Exception as crash:
        raise AssertionError(f"{content!r} raised {crash!r}, which is no ChannelFailure") from crash
    finally:
        bench.wire.disarm()
