"""Leaving UNKNOWN: repeating with the same token, asking for the coupon's state, or waiting a little longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from core.channels.contract import (
    CouponBehaviour,
    Idempotency,
    Receipt,
    Redeemed,
    RedeemRefused,
    Refusal,
    Refused,
    StatusBy,
)
from core.coupons.attribution import Attribution, Finding, Sending, attribute_uses, name_receipt
from core.coupons.calls import behaviour_of, call_status
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.receipts import read_other_receipts
from core.coupons.values import RedemptionStatus
from core.runtime import Runtime

# How long after it was asked for a redemption may still be sent again; later it is declined instead.
SENDING_LIFETIME = timedelta(minutes=10)
# When a person has to look, because the platform gave no usable word for so long.
REVIEW_AFTER = timedelta(hours=24)
_PAUSES = (1, 2, 5, 15, 60, 300, 900)

Answers = Sequence[Redeemed | RedeemRefused]


def settle_time(runtime: Runtime, leg: LegRow) -> timedelta:
    """How long after its sending a lost call of this leg may still take effect."""
    override = runtime.settings.settle_seconds
    return behaviour_of(runtime, leg).in_flight if override is None else timedelta(seconds=override)


def may_repeat(runtime: Runtime, saga: Saga, leg: LegRow) -> bool:
    """Whether the platform would still recognise the leg's token and repeat its first effect."""
    behaviour = behaviour_of(runtime, leg)
    lifetime = min(behaviour.token_lifetime, SENDING_LIFETIME)
    return behaviour.idempotency is Idempotency.TOKEN and runtime.clock.now() < saga.created_at + lifetime


def may_send_late(runtime: Runtime, saga: Saga) -> bool:
    """Whether the person who asked may still be waiting for this redemption."""
    return runtime.clock.now() < saga.created_at + SENDING_LIFETIME


def has_landed(runtime: Runtime, leg: LegRow) -> bool:
    """Whether the time in which a lost call could still take effect is over."""
    return leg.sent_at is None or runtime.clock.now() >= leg.sent_at + settle_time(runtime, leg)


def pause_until(runtime: Runtime, saga: Saga, leg: LegRow | None) -> datetime:
    """When to look again: sooner at first, and at the latest when the settle time ends."""
    now = runtime.clock.now()
    pause = now + timedelta(seconds=_PAUSES[min(saga.attempts, len(_PAUSES) - 1)])
    if leg is None or leg.sent_at is None:
        return pause
    landed = leg.sent_at + settle_time(runtime, leg)
    return min(pause, landed) if landed > now else pause


def needs_review(runtime: Runtime, saga: Saga, leg: LegRow, *, untold: bool) -> bool:
    """Whether asking on is pointless: nothing to ask, its last word said (`untold`), or no usable word for a day."""
    silent = untold or behaviour_of(runtime, leg).status_by is StatusBy.NONE
    blind = silent and not may_repeat(runtime, saga, leg)
    return (blind and has_landed(runtime, leg)) or runtime.clock.now() >= saga.created_at + REVIEW_AFTER


async def ask_state(runtime: Runtime, saga: Saga, leg: LegRow) -> Answers | Literal[Finding.UNTOLD] | None:
    """What the platform records, as answers to the leg.

    An empty sequence: surely unused. None: not to be told now. UNTOLD: not unused, and never to be told by whom.
    """
    behaviour = behaviour_of(runtime, leg)
    if behaviour.status_by is StatusBy.NONE:
        return None
    answers: list[Redeemed | RedeemRefused] = []
    unused = 0
    for redemption in saga.of_leg(leg):
        attribution = await find_uses(runtime, saga, leg, redemption)
        match attribution.finding if attribution else Finding.UNCLEAR:
            case Finding.OURS if attribution:
                redemption.attribution = "CONFIRMED" if attribution.confirmed else "INFERRED"
                answers.append(_as_redeemed(leg, redemption, attribution, behaviour))
            case Finding.OTHERS:
                answers.append(RedeemRefused(redemption.reference, Refused(Refusal.ALREADY_REDEEMED)))
            case Finding.UNUSED:
                unused += 1
            case Finding.UNTOLD:
                return Finding.UNTOLD
            case _:
                return None
    return answers if not (unused and answers) else _fill_unused(saga, leg, answers)


async def find_uses(
    runtime: Runtime, saga: Saga, leg: LegRow, redemption: RedemptionRow
) -> Attribution | None:
    """Whose the coupon's uses are; None where the platform did not answer."""
    called = await call_status(runtime, saga, leg, redemption)
    if called.answer is None:
        return None
    sending = Sending(leg.token, leg.external_store_id, saga.created_at, redemption.times)
    known = await read_other_receipts(saga.tenant_id, redemption)
    if redemption.status is RedemptionStatus.REVERSED:
        known |= {str(receipt["reference"]) for receipt in redemption.receipts}
    return attribute_uses(called.answer, sending, behaviour_of(runtime, leg).status_by, known)


def _as_redeemed(
    leg: LegRow, redemption: RedemptionRow, attribution: Attribution, behaviour: CouponBehaviour
) -> Redeemed:
    uses = attribution.uses
    window = behaviour.reversal.window
    first = next((use.used_at for use in uses if use.used_at), None)
    return Redeemed(
        redemption.reference,
        tuple(Receipt(name_receipt(use, leg.token), use.used_at) for use in uses),
        first + window if first and window else None,
    )


def _fill_unused(saga: Saga, leg: LegRow, answers: list[Redeemed | RedeemRefused]) -> Answers:
    """One call used some coupons and not others: the others count as refused, and the basket is taken back."""
    answered = {answer.reference for answer in answers}
    missing = [each for each in saga.of_leg(leg) if each.reference not in answered]
    refusal = Refused(Refusal.REFUSED_BY_CHANNEL)
    return [*answers, *(RedeemRefused(each.reference, refusal) for each in missing)]
