"""Secrecy: credentials, tokens and codes are used and never said."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from core.channels.contract import ChannelFailure, Effect, NoCredentials
from core.testing.bench import Bench, make_reversal
from core.testing.platform_bench import expect_silence, map_secrets
from core.testing.wire import answer_with, lose_answer, lose_request

A_MOMENT = timedelta(minutes=1)


class SecrecyRules:
    """What goes into logs, output, exceptions and reprs. Every other test checks its own run too."""

    async def test_credentials_are_hidden(self, bench: Bench) -> None:
        credentials = bench.session.credentials
        assert isinstance(credentials, bench.channel.credentials_model)
        if isinstance(credentials, NoCredentials):
            return
        secrets = map_secrets([credentials])
        assert secrets, "credentials need at least one SecretStr: which of them is the secret?"
        said = repr(credentials) + str(credentials) + repr(bench.session)
        assert not [secret for secret in secrets if secret in said]

    async def test_answers_hide_codes(self, bench: Bench) -> None:
        """A receipt or a reference may be the code itself: it is read there, and shows in no repr."""
        answers: list[object] = [await bench.look_up(state) for state in bench.platform.samples]
        order = await bench.prepare(first=1)
        redeemed = (await bench.redeem_well(order))[0]
        answers += [order, redeemed, await bench.look_up(), make_reversal(order, redeemed)]
        if bench.tells_status:
            answers.append(await bench.status(order))
        if bench.lists_uses:
            now = bench.session.clock.now()
            bench.platform.advance(bench.behaviour.list_delay)
            answers += await bench.list_uses(now - A_MOMENT, now + A_MOMENT)
        shown = [type(answer).__name__ for answer in answers if bench.find_codes(repr(answer))]
        assert not shown, f"these show a code in their repr: {shown}"

    async def test_good_run_says_nothing(self, bench: Bench) -> None:
        for state in bench.platform.samples:
            await bench.look_up(state)
        order = await bench.prepare()
        await bench.redeem_well(order)
        await bench.redeem(order)
        expect_silence(bench)

    async def test_bad_run_says_nothing(self, bench: Bench) -> None:
        if bench.offline:
            await bench.look_up_text(bench.platform.unknown_code)
            return expect_silence(bench)
        order = await bench.prepare()
        for fault in (lose_request, answer_with(b"", 500), answer_with(b"{"), lose_answer):
            for work, effect in ((bench.look_up(), Effect.READ), (bench.redeem(order), Effect.WRITE)):
                await bench.fail(work, effect, fault)
        await bench.use_other_credentials()
        with suppress(ChannelFailure):
            await bench.look_up()
        return expect_silence(bench)
