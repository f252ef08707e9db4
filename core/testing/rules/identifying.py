"""Identifying: a fresh code names its person once, a fresh phone code their number, and anything else is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.channels.contract import Capability, ChannelFailure, Identified, LoginRefused, PhoneFound
from core.testing.login_bench import LoginBench, need_phone_code
from core.testing.platform_bench import expect_silence, map_secrets
from core.testing.platforms import LOGIN_REFUSALS
from core.testing.wire import answer_with

STRANGE_REASON = "REFUSED_BY_CHANNEL"
ONE_SECOND = timedelta(seconds=1)


class IdentifyingRules:
    """What `Identity` promises while the platform works."""

    async def test_identity_is_as_declared(self, bench: LoginBench) -> None:
        declared = Capability.IDENTITY in bench.channel.capabilities
        assert declared, "the suite is for channels that declare IDENTITY"
        assert bench.channel.identity is not None, "the channel declares IDENTITY and brings none"

    async def test_code_names_the_person(self, bench: LoginBench) -> None:
        sample = bench.make_login()
        person = await bench.log_in(sample)
        assert (person.subject, person.union_subject) == (sample.subject, sample.union_subject)

    async def test_person_keeps_their_id(self, bench: LoginBench) -> None:
        first = bench.make_login()
        person, stranger = await bench.log_in(first), await bench.log_in()
        again = await bench.log_in(bench.make_login(first.subject))
        assert (again.subject, again.union_subject) == (person.subject, person.union_subject)
        assert stranger.subject != person.subject, "two persons have one id"

    async def test_unknown_code_is_refused(self, bench: LoginBench) -> None:
        answer = await bench.identify(bench.platform.unknown_code)
        bench.expect_refusal(answer, "unknown", LOGIN_REFUSALS["unknown"])

    async def test_used_code_is_refused(self, bench: LoginBench) -> None:
        if not bench.holds("used"):
            return
        sample = bench.make_login()
        await bench.log_in(sample)
        bench.expect_refusal(await bench.identify(sample.code), "used", LOGIN_REFUSALS["used"])

    async def test_expired_code_is_refused(self, bench: LoginBench) -> None:
        if not bench.holds("expired"):
            return
        sample = bench.make_login()
        bench.platform.advance(bench.platform.code_lifetime + ONE_SECOND)
        bench.expect_refusal(await bench.identify(sample.code), "expired", LOGIN_REFUSALS["expired"])

    async def test_odd_login_codes_are_no_crash(self, bench: LoginBench) -> None:
        for text in ["0", "ÄÖ", "x" * 500, "%2F..%00", "' OR 1=1 --", "{}", "=&="]:
            try:
                answer = await bench.identify(text)
            except ChannelFailure:
                continue
            assert isinstance(answer, LoginRefused), f"the made-up code {text[:20]!r} gave {answer!r}"

    async def test_phone_is_found(self, bench: LoginBench) -> None:
        if not bench.has_phones:
            return
        sample = bench.make_login()
        assert await bench.log_in_with_phone(sample) == sample.phone, "another number than the person's"

    async def test_unknown_phone_code_is_refused(self, bench: LoginBench) -> None:
        if not bench.has_phones:
            return
        answer = await bench.find_phone(bench.platform.unknown_phone_code, await bench.log_in())
        bench.expect_refusal(answer, "unknown_phone", LOGIN_REFUSALS["unknown_phone"])

    async def test_used_phone_code_is_refused(self, bench: LoginBench) -> None:
        if not bench.has_phones or not bench.holds("used_phone"):
            return
        sample = bench.make_login()
        person = await bench.log_in(sample)
        assert isinstance(await bench.find_phone(need_phone_code(sample), person), PhoneFound)
        again = await bench.find_phone(need_phone_code(sample), person)
        bench.expect_refusal(again, "used_phone", LOGIN_REFUSALS["used_phone"])

    async def test_expired_phone_code_is_refused(self, bench: LoginBench) -> None:
        if not bench.has_phones or not bench.holds("expired_phone"):
            return
        sample = bench.make_login()
        bench.platform.advance(bench.platform.phone_lifetime + ONE_SECOND)
        person = await bench.log_in(bench.make_login(sample.subject))
        answer = await bench.find_phone(need_phone_code(sample), person)
        bench.expect_refusal(answer, "expired_phone", LOGIN_REFUSALS["expired_phone"])

    async def test_odd_phone_codes_are_no_crash(self, bench: LoginBench) -> None:
        if not bench.has_phones:
            return
        person = await bench.log_in()
        for text in ["0", "ÄÖ", "x" * 4000, "{}", "[]", "null", '{"iv":"","encryptedData":""}', "%00"]:
            try:
                answer = await bench.find_phone(text, person)
            except ChannelFailure:
                continue
            assert isinstance(answer, LoginRefused), f"the made-up phone code {text[:20]!r} gave a phone"

    async def test_unlisted_answer_is_refused(self, bench: LoginBench) -> None:
        """A code that no document lists is a refusal with the platform's own code beside it, never a person."""
        await bench.log_in()
        last = bench.wire.requests[-1]
        bench.wire.break_next(last.effect, answer_with(bench.platform.strange_answer(last.operation)))
        answer = await bench.identify(bench.make_login().code)
        assert isinstance(answer, LoginRefused), f"read {type(answer).__name__} out of an unlisted code"
        assert answer.reason == STRANGE_REASON, f"an unlisted code is {answer.reason}"
        assert answer.platform_code, "keep the platform's own code beside ours"

    async def test_unlisted_phone_answer_is_refused(self, bench: LoginBench) -> None:
        if not await sends_for_phones(bench):
            return
        last = bench.wire.requests[-1]
        sample = bench.make_login()
        person = await bench.log_in(sample)
        bench.wire.break_next(last.effect, answer_with(bench.platform.strange_answer(last.operation)))
        answer = await bench.find_phone(need_phone_code(sample), person)
        assert isinstance(answer, LoginRefused), f"read {type(answer).__name__} out of an unlisted code"
        assert answer.reason == STRANGE_REASON, f"an unlisted code is {answer.reason}"

    async def test_token_is_shared(self, bench: LoginBench) -> None:
        """An access token is fetched through the session, once, whoever logs in at the same time."""
        await asyncio.gather(*(log_in_fully(bench) for _ in range(3)))
        assert bench.tokens.fetched <= 1, "three logins had several tokens fetched"
        sent = len(bench.wire.requests)
        await log_in_fully(bench)
        pieces = 2 if bench.has_phones else 1
        assert len(bench.wire.requests) - sent <= pieces, "a login sends more than one request a piece"
        assert bench.tokens.fetched <= 1, "a token was fetched again while the first was good"

    async def test_void_token_is_renewed(self, bench: LoginBench) -> None:
        await log_in_fully(bench)
        if not bench.tokens.seen:
            return
        bench.platform.expire_tokens()
        await log_in_fully(bench)

    async def test_login_says_nothing(self, bench: LoginBench) -> None:
        """Codes, phones, session keys and credentials show in no log, output or repr."""
        sample = bench.make_login()
        person = await bench.log_in(sample)
        said = repr(person) + str(person) + repr(bench.session) + repr(bench.session.credentials)
        if bench.has_phones:
            said += repr(await bench.find_phone(need_phone_code(sample), person))
        assert not [each for each in bench.secrets() if len(each) >= 6 and each in said], (
            "a repr tells a secret"
        )
        assert map_secrets([bench.session.credentials]), "credentials need at least one SecretStr"
        expect_silence(bench)


async def log_in_fully(bench: LoginBench) -> None:
    """Everything that a login can ask of this platform."""
    await (bench.log_in_with_phone() if bench.has_phones else bench.log_in())


async def sends_for_phones(bench: LoginBench) -> bool:
    """Whether a phone costs a request of its own, which then was the last; some platforms have it decrypted here."""
    if not bench.has_phones:
        return False
    sample = bench.make_login()
    person = await bench.log_in(sample)
    sent = len(bench.wire.requests)
    assert isinstance(person, Identified)
    await bench.find_phone(need_phone_code(sample), person)
    return len(bench.wire.requests) > sent
