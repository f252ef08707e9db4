"""Failures while somebody logs in: time-outs, errors and rubbish never name a person, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Awaitable

from core.channels.contract import (
    ChannelFailure,
    CredentialsRefused,
    Effect,
    Identified,
    LoginRefused,
    Misconfigured,
    NothingSent,
)
from core.testing.garbage import HOPELESS, hollow_answer, spoil_answer
from core.testing.login_bench import LoginBench, need_phone_code
from core.testing.platform_bench import expect_silence
from core.testing.rules.identifying import log_in_fully, sends_for_phones
from core.testing.wire import answer_with, lose_answer, lose_request, refuse_connection


class FailingLoginRules:
    """What `Identity` promises while something is broken."""

    async def test_platform_down_is_a_failure(self, bench: LoginBench) -> None:
        await bench.log_in()
        sample = bench.make_login()
        failure = await bench.fail_next(bench.identify(sample.code), refuse_connection)
        assert isinstance(failure, NothingSent), f"nothing was sent, but it is {failure!r}"
        await bench.log_in(sample)

    async def test_lost_login_is_sent_once(self, bench: LoginBench) -> None:
        """A code is good once: a repeat of the adapter's own could only be refused, and would hide what happened."""
        await bench.log_in()
        for fault in (lose_request, lose_answer):
            sent = len(bench.wire.requests)
            await bench.fail_next(bench.identify(bench.make_login().code), fault)
            assert len(bench.wire.requests) == sent + 1, "a login without an answer was sent again"
        await bench.log_in()

    async def test_lost_answer_used_the_code(self, bench: LoginBench) -> None:
        await bench.log_in()
        sample = bench.make_login()
        await bench.fail_next(bench.identify(sample.code), lose_answer)
        answer = await bench.identify(sample.code)
        if bench.holds("used"):
            assert isinstance(answer, LoginRefused), "the code was used, and is good again"

    async def test_lost_phone_is_sent_once(self, bench: LoginBench) -> None:
        if not await sends_for_phones(bench):
            return
        for fault in (lose_request, lose_answer):
            sample = bench.make_login()
            person = await bench.log_in(sample)
            sent = len(bench.wire.requests)
            await bench.fail_next(bench.find_phone(need_phone_code(sample), person), fault)
            assert len(bench.wire.requests) == sent + 1, "a phone request without an answer was sent again"

    async def test_server_error_names_nobody(self, bench: LoginBench) -> None:
        await bench.log_in()
        for content in (b"", HOPELESS["html"], bench.wire.answers[-1].content):
            await bench.fail_next(bench.identify(bench.make_login().code), answer_with(content, 500))

    async def test_rubbish_names_nobody(self, bench: LoginBench) -> None:
        await bench.log_in()
        for content in (*HOPELESS.values(), hollow_answer(bench.wire.answers[-1].content)):
            await bench.fail_next(bench.identify(bench.make_login().code), answer_with(content))

    async def test_rubbish_is_no_phone(self, bench: LoginBench) -> None:
        if not await sends_for_phones(bench):
            return
        hollow = hollow_answer(bench.wire.answers[-1].content)
        person = await bench.log_in()
        for content in (*HOPELESS.values(), hollow):
            sample = bench.make_login()
            await bench.fail_next(bench.find_phone(need_phone_code(sample), person), answer_with(content))

    async def test_spoilt_login_is_no_crash(self, bench: LoginBench) -> None:
        await bench.log_in()
        for content in spoil_answer(bench.wire.answers[-1].content):
            await survive(bench, bench.identify(bench.make_login().code), content)

    async def test_spoilt_phone_is_no_crash(self, bench: LoginBench) -> None:
        if not await sends_for_phones(bench):
            return
        original, person = bench.wire.answers[-1].content, await bench.log_in()
        for content in spoil_answer(original):
            sample = bench.make_login()
            await survive(bench, bench.find_phone(need_phone_code(sample), person), content)

    async def test_wrong_credentials_log_nobody_in(self, bench: LoginBench) -> None:
        await bench.use_other_credentials()
        failure = await meet_failure(bench)
        assert isinstance(failure, CredentialsRefused | Misconfigured), f"refused credentials are {failure!r}"

    async def test_no_token_no_login(self, bench: LoginBench) -> None:
        bench.tokens.down = True
        failure = await meet_failure(bench)
        if bench.tokens.asked_while_down:
            assert isinstance(failure, NothingSent), f"no token, so nothing was sent, but it is {failure!r}"
        bench.tokens.down = False
        await log_in_fully(bench)

    async def test_cancelled_login(self, bench: LoginBench) -> None:
        await bench.log_in()
        effect = bench.wire.requests[-1].effect
        await bench.cancel_midway(bench.identify(bench.make_login().code), effect)
        await bench.log_in()

    async def test_cancelled_phone(self, bench: LoginBench) -> None:
        if not await sends_for_phones(bench):
            return
        effect, sample = bench.wire.requests[-1].effect, bench.make_login()
        person = await bench.log_in(sample)
        await bench.cancel_midway(bench.find_phone(need_phone_code(sample), person), effect)
        await log_in_fully(bench)

    async def test_failed_login_says_nothing(self, bench: LoginBench) -> None:
        await log_in_fully(bench)
        for fault in (lose_request, answer_with(b"", 500), answer_with(b"{"), lose_answer):
            await bench.fail_next(bench.identify(bench.make_login().code), fault)
        await bench.use_other_credentials()
        await meet_failure(bench)
        expect_silence(bench)


async def meet_failure(bench: LoginBench) -> ChannelFailure | None:
    """What a whole login raises, None where it goes well."""
    try:
        await log_in_fully(bench)
    except ChannelFailure as failure:
        return failure
    return None


async def survive(bench: LoginBench, work: Awaitable[object], content: bytes) -> None:
    """Awaits `work` on a spoilt answer: a failure of the contract or a sound answer, but no crash."""
    bench.wire.break_next(Effect.READ, answer_with(content))
    bench.wire.break_next(Effect.WRITE, answer_with(content))
    try:
        answer = await bench.call(work)
    except ChannelFailure:
        return
    except AssertionError as wrong:
        raise AssertionError(f"{content!r}: {wrong}") from None
    except Exception as crash:
        raise AssertionError(f"{content!r} raised {crash!r}, which is no ChannelFailure") from crash
    finally:
        bench.wire.disarm()
    assert not isinstance(answer, Identified) or answer.subject, f"{content!r} names nobody"
