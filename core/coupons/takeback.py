"""Taking one redemption back at its platform: for a reversal that a person asked for, and for a basket that failed."""

from __future__ import annotations

from enum import StrEnum

from core.channels.contract import Refusal, Reversed, StatusBy
from core.coupons.announcing import notify_reversed
from core.coupons.answers import pack_answer
from core.coupons.attribution import are_gone
from core.coupons.calls import behaviour_of, call_reverse, call_status
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.receipts import find_origin
from core.coupons.requests import read_request
from core.coupons.settlement import REVIEW_AFTER, pause_until
from core.coupons.states import RequestStatus
from core.coupons.transitions import commit_pause, commit_reversal, commit_reversing
from core.coupons.values import CouponProblem, RedeemOutcome, RedemptionStatus
from core.runtime import Runtime


class _Ending(StrEnum):
    DONE = "DONE"
    NOT_SENT = "NOT_SENT"
    OPEN = "OPEN"


async def take_back(runtime: Runtime, saga: Saga, redemption: RedemptionRow) -> bool:
    """For a basket that failed. True once the redemption is REVERSED or NEEDS_ATTENTION, False while it is open."""
    leg = saga.leg_of(redemption)
    resumed = redemption.status is RedemptionStatus.REVERSING
    if not resumed:
        await commit_reversing(runtime, saga, redemption)
    ending = await _reverse(runtime, saga, leg, redemption, resumed)
    if ending in {_Ending.OPEN, _Ending.NOT_SENT} and runtime.clock.now() < saga.created_at + REVIEW_AFTER:
        return False
    if ending is _Ending.DONE:
        _mark_reversed(runtime, redemption)
    else:
        redemption.status = RedemptionStatus.NEEDS_ATTENTION
    saga.attempts = 0
    await commit_reversal(runtime, saga, redemption)
    notify_reversed(runtime, saga, redemption, leg.channel)
    return True


async def drive_reversal(runtime: Runtime, saga: Saga) -> None:
    """For `reverseRedemption`: the redemption is REVERSING already; carries the request to its end or to a pause."""
    redemption = saga.redemptions[0]
    leg = saga.leg_of(redemption)
    if redemption.status is not RedemptionStatus.REVERSING:
        raise RuntimeError("a reversal was driven whose redemption is not being reversed")
    ending = await _reverse(runtime, saga, leg, redemption, resumed=saga.fence > 1 or saga.attempts > 0)
    if ending is _Ending.NOT_SENT and saga.fence == 1:
        ending = Refusal.CHANNEL_UNAVAILABLE
    if ending in {_Ending.OPEN, _Ending.NOT_SENT}:
        await commit_pause(runtime, saga, pause_until(runtime, saga, None))
        return
    if ending is _Ending.DONE:
        _mark_reversed(runtime, redemption)
        end = (RequestStatus.SUCCEEDED, pack_answer(RedeemOutcome.REDEEMED))
    else:
        redemption.status = await _status_before(saga, redemption)
        problem = CouponProblem(Refusal(ending), ("redemptionId",), leg.channel)
        end = (RequestStatus.FAILED, pack_answer(RedeemOutcome.DECLINED, [problem]))
    await commit_reversal(runtime, saga, redemption, end)
    notify_reversed(runtime, saga, redemption, leg.channel)


async def _reverse(
    runtime: Runtime, saga: Saga, leg: LegRow, redemption: RedemptionRow, resumed: bool
) -> _Ending | Refusal:
    """One attempt at the platform. After a doubtful one it looks first: the uses may be gone already."""
    if not behaviour_of(runtime, leg).reversal.possible:
        return Refusal.NOT_REVERSIBLE
    if resumed and await are_uses_gone(runtime, saga, leg, redemption):
        return _Ending.DONE
    called = await call_reverse(runtime, saga, leg, redemption, attempt=saga.attempts + 1)
    if called.answer is None:
        return _Ending.NOT_SENT if called.nothing_sent else _Ending.OPEN
    if isinstance(called.answer, Reversed):
        return _Ending.DONE
    reason = called.answer.refusal.reason
    if reason is not Refusal.ALREADY_REVERSED:
        return reason
    if behaviour_of(runtime, leg).status_by in {StatusBy.NONE, StatusBy.UNUSED_ONLY}:
        # The platform's word on the receipt is all there is: somebody may have used the coupon again.
        return _Ending.DONE
    gone = await are_uses_gone(runtime, saga, leg, redemption)
    if gone:
        return _Ending.DONE
    return _Ending.OPEN if gone is None else Refusal.REFUSED_BY_CHANNEL


async def are_uses_gone(runtime: Runtime, saga: Saga, leg: LegRow, redemption: RedemptionRow) -> bool | None:
    """Whether the platform records none of the redemption's uses any more; None where it does not say."""
    if behaviour_of(runtime, leg).status_by is StatusBy.NONE:
        return None
    called = await call_status(runtime, saga, leg, redemption)
    if called.answer is None:
        return None
    receipts = {str(receipt["reference"]) for receipt in redemption.receipts}
    return are_gone(called.answer, behaviour_of(runtime, leg).status_by, receipts, leg.token)


async def _status_before(saga: Saga, redemption: RedemptionRow) -> RedemptionStatus:
    """What a redemption is again whose reversal was refused: fine if its basket stood, else a case for a person."""
    origin = await read_request(saga.tenant_id, await find_origin(saga.tenant_id, redemption.id))
    stood = origin.status is RequestStatus.SUCCEEDED
    return RedemptionStatus.SUCCEEDED if stood else RedemptionStatus.NEEDS_ATTENTION


def _mark_reversed(runtime: Runtime, redemption: RedemptionRow) -> None:
    redemption.status = RedemptionStatus.REVERSED
    redemption.reversed_at = runtime.clock.now()
