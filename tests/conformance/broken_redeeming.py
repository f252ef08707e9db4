"""Channels that redeem, reverse or tell the state wrongly, and platforms that are not as declared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.channels.contract import (
    CouponBehaviour,
    CouponState,
    CouponStatus,
    Effect,
    Idempotency,
    LookUp,
    Receipt,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
)
from core.testing.paper import PaperCoupons
from core.testing.paper_platform import PaperPlatform
from tests.conformance.mutants import breaks

Outcomes = Sequence[Redeemed | RedeemRefused]


# ------------------------------------------------------------------------------------------------------ redeeming
@breaks("test_redeems_once")
class PlatformCountsTwice(PaperPlatform):
    def answer_use(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().answer_use(body)
        coupon = self.coupon(body["ids"][0])
        coupon.uses.append(replace(coupon.uses[-1], receipt="another"))
        return answer


@breaks("test_redeems_once")
class OnlySaysSo(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        return [Redeemed(item.reference, make_receipts(item.reference, item.times)) for item in order.items]


@breaks("test_redeems_once", "answered for others or not for all")
class AnswersForTheFirst(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        return (await super().redeem(session, order))[1:]


@breaks("test_receipt_tells_when", "redeemed_at is")
class TakesLocalTimeForReceipts(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        late = session.clock.now() + timedelta(hours=8)
        return [shift_receipts(outcome, late) for outcome in await super().redeem(session, order)]


@breaks("test_second_token_is_refused", "was redeemed again")
class TakesUsedForRedeemed(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        outcomes = await super().redeem(session, order)
        return [Redeemed(each.reference, make_receipts(each.reference, 1)) for each in outcomes]


@breaks("test_second_token_is_refused")
class CallsUsedExpired(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        expired = Refused(Refusal.EXPIRED)
        outcomes = await super().redeem(session, order)
        return [
            replace(each, refusal=expired) if isinstance(each, RedeemRefused) else each for each in outcomes
        ]


@breaks("test_repeat_consumes_once", "idempotency is TOKEN, but")
@breaks("test_repeat_after_lost_answer", "idempotency is TOKEN, but")
@breaks("test_repeat_sends_identical_body", "identical body")
class TakesANewTokenEachTime(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        return await super().redeem(session, replace(order, token=f"{order.token}-{order.attempt}"))


@breaks("test_repeat_consumes_once", "another use")
class SingleUseIsNotChecked(PaperPlatform):
    """A platform that neither remembers tokens nor that a coupon was used."""

    def answer_use(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for coupon in self.coupons:
            coupon.total += 1
        return self.use_coupons(body["token"], body["ids"])


@breaks("test_times_card_takes_several")
class CardIgnoresTheToken(PaperPlatform):
    def answer_use(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.use_coupons(body["token"], body["ids"])


@breaks("test_times_card_takes_several", "uses need")
class UsesACardOnce(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        once = tuple(replace(item, times=1) for item in order.items)
        return await super().redeem(session, replace(order, items=once))


@breaks("test_repeat_within_token_lifetime", "forgotten before")
class ForgetsTokensSoon(PaperPlatform):
    def advance(self, by: timedelta) -> None:
        super().advance(by)
        self._answers.clear()


@breaks("test_account_behaves_as_declared", "idempotency")
class PromisesTooMuchForAll(PaperCoupons):
    def behave(self, session: Any) -> CouponBehaviour:
        return replace(self.behaviour, idempotency=Idempotency.NATURAL_SINGLE_USE)


@breaks("test_account_behaves_as_declared", "for all accounts or none")
class ListsUsesForSome(PaperCoupons):
    def behave(self, session: Any) -> CouponBehaviour:
        return replace(self.behaviour, lists_uses=False)


@breaks("test_account_behaves_as_declared", "window where reversal is not possible")
class BehavesImpossibly(PaperCoupons):
    def behave(self, session: Any) -> CouponBehaviour:
        return replace(self.behaviour, reversal=Reversibility(False, timedelta(hours=1)))


@breaks("test_reversal_window_is_true")
class PromisesTooMuchForOne(PaperCoupons):
    def behave(self, session: Any) -> CouponBehaviour:
        return replace(self.behaviour, reversal=Reversibility(True, timedelta(hours=2)))


@breaks("test_status_before_and_after", "uses are shown")
class ShowsUsesUndeclared(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, status_by=StatusBy.UNUSED_ONLY)


@breaks("test_status_before_and_after", "shown as unused")
@breaks("test_lost_answer_is_unknown", "shown as unused")
class ShowsEverythingAsUnused(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, status_by=StatusBy.UNUSED_ONLY)

    async def status(self, session: Any, query: StatusQuery) -> CouponState:
        return CouponState(query.reference, CouponStatus.AVAILABLE)


@breaks("test_partial_success_is_told", "all or nothing")
class IsNotAtomic(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, batch_atomic=True)


@breaks("test_partial_success_is_told")
class OneSpeaksForAll(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        outcomes = await super().redeem(session, order)
        refused = [each.refusal for each in outcomes if isinstance(each, RedeemRefused)]
        return [RedeemRefused(each.reference, refused[0]) for each in outcomes] if refused else outcomes


@breaks("test_unknown_redeem_answer_is_no_success", "unlisted platform code")
class TakesUnknownForSuccess(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        outcomes = await super().redeem(session, order)
        return [take_unknown(each) for each in outcomes]


# --------------------------------------------------------------------------------------------------------- status
@breaks("test_status_before_and_after")
class ForgetsUses(PaperPlatform):
    def answer_state(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().answer_state(body)
        return {**answer, "uses": []}


@breaks("test_status_before_and_after")
@breaks("test_lost_request_is_unknown")
class AlwaysSaysUsed(PaperCoupons):
    async def status(self, session: Any, query: StatusQuery) -> CouponState:
        return replace(await super().status(session, query), status=CouponStatus.REDEEMED)


@breaks("test_status_shows_what_is_declared", "shows the leg's token")
class HidesTheToken(PaperCoupons):
    async def status(self, session: Any, query: StatusQuery) -> CouponState:
        state = await super().status(session, query)
        return replace(state, uses=tuple(replace(use, token=None) for use in state.uses))


@breaks("test_lost_answer_is_unknown")
class SeesNoUses(PaperCoupons):
    async def status(self, session: Any, query: StatusQuery) -> CouponState:
        return replace(await super().status(session, query), uses=())


# ------------------------------------------------------------------------------------------------------- reversals
@breaks("test_reversal_gives_back")
class OnlySaysReversed(PaperCoupons):
    async def reverse(self, session: Any, order: ReversalOrder) -> ReversalAnswer:
        return Reversed()


@breaks("test_reversal_can_be_repeated", "a repeated reversal is")
class StumblesOverRepeats(PaperCoupons):
    async def reverse(self, session: Any, order: ReversalOrder) -> ReversalAnswer:
        answer = await super().reverse(session, order)
        if isinstance(answer, ReversalRefused):
            return ReversalRefused(Refused(Refusal.REFUSED_BY_CHANNEL))
        return answer


@breaks("test_old_reversal_spares_new_use", "a newer use")
class ReversesWhateverLives(PaperPlatform):
    def answer_undo(self, body: Mapping[str, Any]) -> dict[str, Any]:
        owners = [each for each in self.coupons if any(use.receipt in body["receipts"] for use in each.uses)]
        for coupon in owners:
            for use in coupon.living:
                use.living = False
        return {"code": 0}


@breaks("test_reversal_takes_one_of_several")
class ReversesTheWholeCard(ReversesWhateverLives):
    pass


@breaks("test_reversal_window_is_true", "within the declared window")
class DeclaresTooLongAWindow(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, reversal=Reversibility(True, timedelta(days=1)))


@breaks("test_late_reversal_is_refused")
class DeclaresTooShortAWindow(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, reversal=Reversibility(True, timedelta(minutes=5)))


@breaks("test_late_reversal_is_refused")
class CallsLateUnknown(PaperCoupons):
    async def reverse(self, session: Any, order: ReversalOrder) -> ReversalAnswer:
        answer = await super().reverse(session, order)
        if isinstance(answer, ReversalRefused):
            return ReversalRefused(Refused(Refusal.REFUSED_BY_CHANNEL))
        return answer


@breaks("test_reversal_gives_back", "NOT_REVERSIBLE")
class ReversesAgainstItsWord(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, reversal=Reversibility(False))


@breaks("test_reversible_until_is_true")
class PromisesTooMuch(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        until = session.clock.now() + timedelta(days=7)
        outcomes = await super().redeem(session, order)
        return [
            replace(each, reversible_until=until) if isinstance(each, Redeemed) else each for each in outcomes
        ]


# ------------------------------------------------------------------------------------------------------- cancelling
class OneAtATime(PaperCoupons):
    """Takes a lock and forgets to let go of it when the call is cancelled."""

    operation = ""

    def __init__(self) -> None:
        self.busy = False

    async def call(self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]) -> Any:
        if self.busy:
            raise RuntimeError("busy")
        self.busy = operation == self.operation
        answer = await super().call(session, operation, effect, body)
        self.busy = False
        return answer


@breaks("test_cancelled_look_up", "busy")
class KeepsTheLookUp(OneAtATime):
    operation = "find"


@breaks("test_cancelled_redeem", "busy")
class KeepsTheRedemption(OneAtATime):
    operation = "use"


@breaks("test_cancelled_status", "busy")
class KeepsTheStatus(OneAtATime):
    operation = "state"


@breaks("test_cancelled_reversal", "busy")
class KeepsTheReversal(OneAtATime):
    operation = "undo"


@breaks("test_cancelled_look_up", "swallowed")
class SwallowsCancellation(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        try:
            return await super().look_up(session, scanned)
        except asyncio.CancelledError:
            return Refused(Refusal.CHANNEL_UNAVAILABLE)


def make_receipts(reference: str, times: int) -> Any:
    return tuple(Receipt(f"{reference}-made-up-{number}") for number in range(times))


def shift_receipts(outcome: Redeemed | RedeemRefused, late: Any) -> Redeemed | RedeemRefused:
    if isinstance(outcome, RedeemRefused):
        return outcome
    return replace(outcome, receipts=tuple(replace(each, redeemed_at=late) for each in outcome.receipts))


def take_unknown(outcome: Redeemed | RedeemRefused) -> Redeemed | RedeemRefused:
    unknown = isinstance(outcome, RedeemRefused) and outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL
    return Redeemed(outcome.reference, make_receipts(outcome.reference, 1)) if unknown else outcome
