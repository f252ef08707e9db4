"""Driving a request to its end. May be called for the same request by several processes: the fence lets one through.

`drive` never judges a lost answer by itself: a leg without an answer becomes UNKNOWN and is settled by what the platform
says, now or at `next_attempt_at`. A refusal anywhere takes every success of the basket back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from core.channels.contract import Redeemed, RedeemRefused, Refusal, Refused
from core.coupons import journal
from core.coupons.announcing import notify_redeemed
from core.coupons.answers import pack_answer
from core.coupons.attribution import Finding
from core.coupons.calls import Called, call_redeem, learn_behaviour
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.refusals import describe_refusal
from core.coupons.settlement import (
    Answers,
    ask_state,
    has_landed,
    may_repeat,
    may_send_late,
    needs_review,
    pause_until,
    settle_time,
)
from core.coupons.states import LegStatus, Operation, RequestStatus
from core.coupons.takeback import drive_reversal, take_back
from core.coupons.transitions import commit_end, commit_leg, commit_pause, commit_sent
from core.coupons.values import CouponProblem, RedeemOutcome, RedemptionStatus
from core.db.statements import GuardFailed, Write
from core.runtime import Runtime

log = structlog.get_logger(__name__)

_MAYBE_OURS = frozenset({Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP})


async def drive(runtime: Runtime, saga: Saga) -> Saga:
    """Carries the request on until it ends or has to wait. The caller holds it; afterwards nobody does."""
    await learn_behaviour(runtime, saga)
    try:
        if saga.operation is Operation.REVERSE:
            await drive_reversal(runtime, saga)
        else:
            await _drive_redemption(runtime, saga)
    except GuardFailed:
        log.info("another process holds the request", request=str(saga.id))
    return saga


async def _drive_redemption(runtime: Runtime, saga: Saga) -> None:
    for leg in saga.legs:
        if saga.status is not RequestStatus.PROCESSING:
            break
        if leg.status is LegStatus.SUCCEEDED:
            continue
        if not await _carry_leg(runtime, saga, leg):
            return
    if saga.status is RequestStatus.PROCESSING:
        await _finish_redeemed(runtime, saga, ())
    elif saga.status is RequestStatus.COMPENSATING:
        await _compensate(runtime, saga)


async def _carry_leg(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    """Brings one leg to an answer. False where the request has to wait or has ended; success falls through."""
    if leg.status is LegStatus.INTENT:
        if not may_send_late(runtime, saga):
            return await _reject_unsent(runtime, saga, leg)
        await commit_sent(runtime, saga, leg)
    if leg.may_send:
        return await _send(runtime, saga, leg)
    return await _settle(runtime, saga, leg)


async def _send(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    leg.may_send = False
    called = await call_redeem(runtime, saga, leg)
    log_writes = _log_attempt(runtime, saga, leg, called)
    if called.answer is not None:
        if _is_proof_missing(leg, called.answer):
            return await _ask(runtime, saga, leg)
        return await _take_answers(runtime, saga, leg, called.answer, log_writes)
    if called.nothing_sent and not leg.uncertain:
        return await _take_answers(runtime, saga, leg, _refuse_all(saga, leg), log_writes)
    first_doubt = not leg.uncertain
    await _mark_unknown(runtime, saga, leg, log_writes, called.error)
    return await _settle(runtime, saga, leg) if first_doubt else await _wait(runtime, saga, leg)


async def _settle(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    """One attempt to learn what an unanswered leg did: a repeat where the platform knows its token, else a question."""
    if not leg.uncertain or leg.status is not LegStatus.UNKNOWN:
        await _mark_unknown(runtime, saga, leg, (), None)
    if may_repeat(runtime, saga, leg) and leg.attempts <= saga.attempts + 1:
        await commit_sent(runtime, saga, leg)
        return await _send(runtime, saga, leg)
    return await _ask(runtime, saga, leg)


async def _ask(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    told = await ask_state(runtime, saga, leg)
    untold = told is Finding.UNTOLD
    answers = None if told is Finding.UNTOLD else told
    if answers:
        return await _take_answers(runtime, saga, leg, answers, ())
    if answers is not None and has_landed(runtime, leg):
        return await _conclude_unused(runtime, saga, leg)
    if needs_review(runtime, saga, leg, untold=untold):
        return await _hand_over(runtime, saga, leg)
    return await _wait(runtime, saga, leg)


async def _conclude_unused(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    """The platform surely did nothing: send again while that is still wanted, else decline."""
    if may_send_late(runtime, saga):
        await commit_sent(runtime, saga, leg)
        return await _send(runtime, saga, leg)
    return await _take_answers(runtime, saga, leg, _refuse_all(saga, leg), ())


def _refuse_all(saga: Saga, leg: LegRow) -> Answers:
    """The platform certainly did nothing, because it could not be reached."""
    refusal = Refused(Refusal.CHANNEL_UNAVAILABLE)
    return [RedeemRefused(each.reference, refusal) for each in saga.of_leg(leg)]


def _is_proof_missing(leg: LegRow, answers: Answers) -> bool:
    """After a doubtful sending, "already used" may be our own doing: only the coupon's state can tell."""
    return leg.uncertain and any(
        isinstance(answer, RedeemRefused) and answer.refusal.reason in _MAYBE_OURS for answer in answers
    )


# ------------------------------------------------------------------------------------------------------------- answers
async def _take_answers(
    runtime: Runtime, saga: Saga, leg: LegRow, answers: Answers, log_writes: Sequence[Write]
) -> bool:
    """Books the platform's answers. True where the next leg may go."""
    by_reference = {answer.reference: answer for answer in answers}
    redemptions = saga.of_leg(leg)
    if any(each.reference not in by_reference for each in redemptions):
        await _mark_unknown(runtime, saga, leg, log_writes, "the answer leaves coupons out")
        return await _wait(runtime, saga, leg)
    # The platform speaks again: what comes next is looked at in short pauses once more.
    saga.attempts = 0
    now = runtime.clock.now()
    for redemption in redemptions:
        _book(redemption, by_reference[redemption.reference], now)
    refused = any(each.status is RedemptionStatus.DECLINED for each in redemptions)
    leg.status = LegStatus.REJECTED if refused else LegStatus.SUCCEEDED
    if refused:
        return await _turn_back(runtime, saga, leg, log_writes)
    finished = all(each.status is LegStatus.SUCCEEDED for each in saga.legs)
    if finished:
        await _finish_redeemed(runtime, saga, (leg,), log_writes)
    else:
        await commit_leg(runtime, saga, (leg,), log_writes)
    notify_redeemed(runtime, saga, redemptions, leg.channel)
    return not finished


def _book(redemption: RedemptionRow, answer: Redeemed | RedeemRefused, now: datetime) -> None:
    if isinstance(answer, RedeemRefused):
        redemption.status = RedemptionStatus.DECLINED
        redemption.decline_code = answer.refusal.reason.value
        redemption.channel_code = answer.refusal.platform_code
        return
    redemption.status = RedemptionStatus.SUCCEEDED
    redemption.receipts = [
        {"reference": each.reference, "redeemed_at": (each.redeemed_at or now).isoformat()}
        for each in answer.receipts
    ]
    redemption.redeemed_at = next((each.redeemed_at for each in answer.receipts if each.redeemed_at), now)
    redemption.reversible_until = answer.reversible_until
    face = [each.face_value for each in answer.receipts if each.face_value is not None]
    paid = [each.paid_amount for each in answer.receipts if each.paid_amount is not None]
    redemption.discount = sum(face) if len(face) == len(answer.receipts) else redemption.discount
    redemption.paid_amount = sum(paid) if len(paid) == len(answer.receipts) else redemption.paid_amount


async def _turn_back(runtime: Runtime, saga: Saga, leg: LegRow, log_writes: Sequence[Write]) -> bool:
    """A leg was refused: later legs are given up, earlier successes are taken back."""
    if leg.uncertain:
        leg.settle_at = runtime.clock.now() + settle_time(runtime, leg)
    given_up = [each for each in saga.legs if each.status is LegStatus.INTENT]
    for each in given_up:
        each.status = LegStatus.REJECTED
        for redemption in saga.of_leg(each):
            redemption.status = RedemptionStatus.DECLINED
    succeeded = any(each.status is RedemptionStatus.SUCCEEDED for each in saga.redemptions)
    if not succeeded:
        answer = await _declined(saga)
        await commit_end(runtime, saga, RequestStatus.FAILED, answer, (leg, *given_up), log_writes)
        return False
    saga.status = RequestStatus.COMPENSATING
    await commit_leg(runtime, saga, (leg, *given_up), log_writes)
    notify_redeemed(runtime, saga, saga.of_leg(leg), leg.channel)
    return True


async def _reject_unsent(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    for redemption in saga.of_leg(leg):
        redemption.status = RedemptionStatus.DECLINED
        redemption.decline_code = Refusal.CHANNEL_UNAVAILABLE.value
    leg.status = LegStatus.REJECTED
    return await _turn_back(runtime, saga, leg, ())


# ---------------------------------------------------------------------------------------------------------------- ends
async def _finish_redeemed(
    runtime: Runtime, saga: Saga, legs: Sequence[LegRow], log_writes: Sequence[Write] = ()
) -> None:
    answer = pack_answer(RedeemOutcome.REDEEMED)
    await commit_end(runtime, saga, RequestStatus.SUCCEEDED, answer, legs, log_writes)


async def _compensate(runtime: Runtime, saga: Saga) -> None:
    """Takes back what succeeded, the last first, and ends the request."""
    used = {RedemptionStatus.SUCCEEDED, RedemptionStatus.REVERSING}
    for redemption in reversed([each for each in saga.redemptions if each.status in used]):
        if not await take_back(runtime, saga, redemption):
            await commit_pause(runtime, saga, pause_until(runtime, saga, None))
            return
    second_looks = _plan_second_looks(runtime, saga)
    stuck = any(each.status is RedemptionStatus.NEEDS_ATTENTION for each in saga.redemptions)
    if stuck:
        answer = pack_answer(RedeemOutcome.UNKNOWN, await _problems(saga))
        await commit_end(runtime, saga, RequestStatus.NEEDS_REVIEW, answer, log=second_looks)
    else:
        await commit_end(runtime, saga, RequestStatus.FAILED, await _declined(saga), log=second_looks)


def _plan_second_looks(runtime: Runtime, saga: Saga) -> list[Write]:
    """A leg that was sent more than once may land once more after it was taken back."""
    doubtful = [leg for leg in saga.legs if leg.uncertain]
    for leg in doubtful:
        leg.settle_at = runtime.clock.now() + settle_time(runtime, leg)
    return [journal.update_leg(saga, leg) for leg in doubtful]


async def _declined(saga: Saga) -> dict[str, object]:
    return pack_answer(RedeemOutcome.DECLINED, await _problems(saga))


async def _problems(saga: Saga) -> list[CouponProblem]:
    return [
        await describe_refusal(saga, saga.leg_of(each), each)
        for each in saga.redemptions
        if each.decline_code is not None
    ]


async def _hand_over(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    """The platform offers no way to know: a person has to look."""
    leg.status = LegStatus.NEEDS_REVIEW
    for redemption in saga.of_leg(leg):
        redemption.status = RedemptionStatus.NEEDS_ATTENTION
    problem = CouponProblem(Refusal.OUTCOME_UNKNOWN, ("codes", str(leg.input_index)), leg.channel)
    answer = pack_answer(RedeemOutcome.UNKNOWN, [problem])
    await commit_end(runtime, saga, RequestStatus.NEEDS_REVIEW, answer, (leg,))
    return False


async def _mark_unknown(
    runtime: Runtime, saga: Saga, leg: LegRow, log_writes: Sequence[Write], error: str | None
) -> None:
    leg.status, leg.uncertain = LegStatus.UNKNOWN, True
    for redemption in saga.of_leg(leg):
        redemption.status = RedemptionStatus.UNKNOWN
    await commit_leg(runtime, saga, (leg,), log_writes, error)
    runtime.events.wake()


async def _wait(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    await commit_pause(runtime, saga, pause_until(runtime, saga, leg))
    return False


def _log_attempt(runtime: Runtime, saga: Saga, leg: LegRow, called: Called[Answers]) -> list[Write]:
    """A clean first call is told by the leg itself; every other one gets a line of its own."""
    if called.answer is not None and leg.attempts == 1:
        return []
    outcome = "ANSWERED" if called.answer is not None else "NOT_SENT" if called.nothing_sent else "UNKNOWN"
    now = runtime.clock.now()
    return [journal.insert_attempt(saga, leg, "REDEEM", outcome, called.error, called.milliseconds, now)]
