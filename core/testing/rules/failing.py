"""Failures: time-outs, errors and rubbish never become a statement about the coupon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CouponStatus,
    CredentialsRefused,
    Effect,
    Idempotency,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
    Redeemed,
    RedeemOrder,
)
from core.testing.bench import Bench, make_reversal, over_the_network
from core.testing.garbage import HOPELESS, hollow_answer, spoil_answer
from core.testing.platforms import Uses
from core.testing.rules.redeeming import expect_used
from core.testing.wire import LateLanding, answer_with, lose_answer, lose_request, refuse_connection

# Within every platform's window for signed times.
LATE = timedelta(seconds=20)
UNREADABLE = (ProtocolFailure, OutcomeUnknown)


class FailingRules:
    """What every call promises while something is broken."""

    @over_the_network
    async def test_lost_look_up_is_unavailable(self, bench: Bench) -> None:
        await bench.find()
        failure = await bench.fail(bench.look_up(), Effect.READ, lose_request)
        assert isinstance(failure, ChannelUnavailable), f"a lost look-up is {failure!r}"
        await bench.find()

    @over_the_network
    async def test_lost_request_is_unknown(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, lose_request)
        assert isinstance(failure, OutcomeUnknown), f"a sent and unanswered redemption is {failure!r}"
        assert await bench.uses() == Uses(0, 0)
        if bench.tells_status:
            state = await bench.status(order)
            assert (state.uses, state.status) == ((), CouponStatus.AVAILABLE)

    @over_the_network
    async def test_lost_answer_is_unknown(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, lose_answer)
        assert isinstance(failure, OutcomeUnknown), f"a redemption without an answer is {failure!r}"
        assert await bench.uses() == Uses(1, 1)
        if bench.tells_status:
            await expect_used(bench, order)

    @over_the_network
    async def test_late_application_is_seen(self, bench: Bench) -> None:
        """Applied after our time-out: unknown at first, and then the platform's word counts, not our memory."""
        order, late = await bench.prepare(first=1), LateLanding()
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, late)
        assert isinstance(failure, OutcomeUnknown), f"a redemption that is still under way is {failure!r}"
        assert await bench.uses() == Uses(0, 0)
        if bench.tells_status:
            state = await bench.status(order)
            assert (state.uses, state.status) == ((), CouponStatus.AVAILABLE)
        bench.platform.advance(min(bench.behaviour.in_flight, LATE))
        await late.land()
        assert await bench.uses() == Uses(1, 1)
        if bench.tells_status:
            await expect_used(bench, order)
        await bench.redeem(replace(order, attempt=2))
        assert await bench.uses() == Uses(1, 1), "the repeat was counted as another use"

    @over_the_network
    async def test_repeat_after_lost_answer(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.fail(bench.redeem(order), Effect.WRITE, lose_answer)
        outcome = (await bench.redeem(replace(order, attempt=2)))[0]
        assert await bench.uses() == Uses(1, 1)
        if bench.behaviour.idempotency is Idempotency.TOKEN:
            assert isinstance(outcome, Redeemed), "idempotency is TOKEN, but the repeat is refused"

    @over_the_network
    async def test_repeat_within_token_lifetime(self, bench: Bench) -> None:
        """The lifetime of the token is what the adapter declares, so the repeat comes just before its end."""
        behaviour = bench.behaviour
        if behaviour.idempotency is not Idempotency.TOKEN:
            return
        order = await bench.prepare(first=1)
        await bench.fail(bench.redeem(order), Effect.WRITE, lose_answer)
        bench.platform.advance(behaviour.token_lifetime * 0.95)
        outcome = (await bench.redeem(replace(order, attempt=2)))[0]
        assert isinstance(outcome, Redeemed), "the token is forgotten before its declared lifetime is over"
        assert await bench.uses() == Uses(1, 1)

    @over_the_network
    async def test_unsent_redeem_sent_nothing(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, refuse_connection)
        assert isinstance(failure, NothingSent), f"nothing was sent, but it is {failure!r}"
        await bench.redeem_well(order)
        assert await bench.uses() == Uses(1, 1)

    @over_the_network
    async def test_no_token_sends_nothing(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await redeem_without_token(bench, order)
        if bench.tokens.asked_while_down:
            assert isinstance(failure, NothingSent), f"no token, so nothing was sent, but it is {failure!r}"
            assert await bench.uses() == Uses(0, 0)

    @over_the_network
    async def test_wrong_credentials_are_refused(self, bench: Bench) -> None:
        await bench.use_other_credentials()
        try:
            answer = await bench.look_up()
        except (CredentialsRefused, Misconfigured):
            return
        raise AssertionError(f"the platform refuses the credentials, but look_up answered {answer!r}")

    @over_the_network
    async def test_server_error_on_look_up(self, bench: Bench) -> None:
        await bench.find()
        for content in (b"", await read_answer(bench)):
            failure = await bench.fail(bench.look_up(), Effect.READ, answer_with(content, 500))
            assert isinstance(failure, ChannelUnavailable | ProtocolFailure), f"HTTP 500 is {failure!r}"

    @over_the_network
    async def test_server_error_on_redeem(self, bench: Bench) -> None:
        """Neither a refusal nor a success, whatever the body says."""
        order = await bench.prepare(first=1)
        await bench.redeem_well(order)
        success = bench.wire.answers[-1].content
        for content in (b"", HOPELESS["html"], success):
            failure = await bench.fail(bench.redeem(order), Effect.WRITE, answer_with(content, 500))
            assert isinstance(failure, OutcomeUnknown), f"HTTP 500 on a redemption is {failure!r}"

    @over_the_network
    async def test_rubbish_look_up_is_a_failure(self, bench: Bench) -> None:
        await bench.find()
        for content in (*HOPELESS.values(), hollow_answer(await read_answer(bench))):
            failure = await bench.fail(bench.look_up(), Effect.READ, answer_with(content))
            assert isinstance(failure, ChannelUnavailable | ProtocolFailure), (
                f"{content[:40]!r} is {failure!r}"
            )

    @over_the_network
    async def test_rubbish_redeem_is_no_success(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.redeem_well(order)
        hollow = hollow_answer(bench.wire.answers[-1].content)
        for content in (*HOPELESS.values(), hollow):
            failure = await bench.fail(bench.redeem(order), Effect.WRITE, answer_with(content))
            assert isinstance(failure, UNREADABLE), f"{content[:40]!r} is {failure!r}"

    @over_the_network
    async def test_spoilt_look_up_is_no_crash(self, bench: Bench) -> None:
        await bench.find()
        for content in spoil_answer(await read_answer(bench)):
            await survive(bench, bench.look_up(), Effect.READ, content)

    @over_the_network
    async def test_spoilt_redeem_is_no_crash(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.redeem_well(order)
        for content in spoil_answer(bench.wire.answers[-1].content):
            failure = await survive(bench, bench.redeem(order), Effect.WRITE, content)
            assert not isinstance(failure, NothingSent), f"sent, but {content!r} is {failure!r}"

    @over_the_network
    async def test_spoilt_status_is_no_crash(self, bench: Bench) -> None:
        if not bench.tells_status:
            return
        order = await bench.prepare(first=1)
        await bench.redeem_well(order)
        await bench.status(order)
        for content in (*HOPELESS.values(), *spoil_answer(bench.wire.answers[-1].content)):
            await survive(bench, bench.status(order), Effect.READ, content)

    @over_the_network
    async def test_spoilt_reversal_is_no_crash(self, bench: Bench) -> None:
        if not bench.behaviour.reversal.possible:
            return
        order = await bench.prepare(first=1)
        reversal = make_reversal(order, (await bench.redeem_well(order))[0])
        for content in HOPELESS.values():
            failure = await bench.fail(bench.reverse(reversal), Effect.WRITE, answer_with(content))
            assert isinstance(failure, UNREADABLE), f"{content[:40]!r} is {failure!r}"
        assert (await bench.uses()).living == 1


async def redeem_without_token(bench: Bench, order: RedeemOrder) -> ChannelFailure | None:
    bench.tokens.down = True
    try:
        await bench.redeem(order)
    except ChannelFailure as failure:
        return failure
    return None


async def read_answer(bench: Bench) -> bytes:
    """The platform's own answer to the last request of a look-up."""
    return bench.wire.answers[-1].content if bench.wire.answers[-1].status < 400 else b""


async def survive(bench: Bench, work: object, effect: Effect, content: bytes) -> ChannelFailure | None:
    """Awaits `work` on a spoilt answer: a failure of the contract or a sound answer, but no crash."""
    bench.wire.break_next(effect, answer_with(content))
    try:
        await bench.call(work)  # type: ignore[arg-type]
    except ChannelFailure as failure:
        return failure
    except AssertionError as wrong:
        raise AssertionError(f"{content!r}: {wrong}") from None
    except Exception as crash:
        raise AssertionError(f"{content!r} raised {crash!r}, which is no ChannelFailure") from crash
    finally:
        bench.wire.disarm()
    return None
