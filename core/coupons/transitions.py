"""The commits of the saga, each under a name of its own: what a crash may fall between.

All of them raise GuardFailed once another process holds the request; the holder must then stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.coupons import journal
from core.coupons.coupon_rows import count_uses
from core.coupons.journal import Claim, LegRow, RedemptionRow, Saga
from core.coupons.states import LegStatus, RequestStatus
from core.coupons.values import RedemptionStatus
from core.db.statements import Write, write_together
from core.runtime import Runtime

REDEEMABLE = (RedemptionStatus.PENDING, RedemptionStatus.UNKNOWN)
_CLAIMLESS = frozenset({RedemptionStatus.DECLINED, RedemptionStatus.REVERSED})


async def commit_intent(
    runtime: Runtime,
    saga: Saga,
    coupons: Sequence[Write],
    claims: Sequence[Claim],
    guards: Sequence[Write] = (),
) -> None:
    """Request, coupons, legs, redemptions and claims, with the first leg already SENT, if `guards` are met.

    Raises Conflict, and GuardFailed.
    """
    writes = [*guards, journal.insert_request(saga), *coupons]
    writes += [journal.insert_leg(saga, leg, runtime.keys) for leg in saga.legs]
    writes += [journal.insert_redemption(saga, each, saga.leg_of(each)) for each in saga.redemptions]
    writes += [journal.insert_claim(saga, claim) for claim in claims]
    await write_together(writes)


async def commit_refusal(saga: Saga, answer: dict[str, Any], now: datetime) -> None:
    """A request that ended before anything was sent, with its answer. Raises Conflict."""
    saga.status, saga.answer, saga.next_attempt_at = RequestStatus.FAILED, answer, None
    await write_together([journal.insert_request(saga, finished_at=now)])


async def commit_sent(runtime: Runtime, saga: Saga, leg: LegRow) -> None:
    """The leg is about to leave. From here on nobody may assume that the platform did nothing."""
    leg.status, leg.attempts, leg.may_send = LegStatus.SENT, leg.attempts + 1, True
    leg.sent_at = runtime.clock.now()
    await write_together([_hold(runtime, saga), journal.update_leg(saga, leg)])


async def commit_leg(
    runtime: Runtime, saga: Saga, legs: Sequence[LegRow], log: Sequence[Write] = (), error: str | None = None
) -> None:
    """What is now known of the legs and their redemptions; the request goes on."""
    await write_together([_hold(runtime, saga), *_leg_writes(saga, legs, error), *log])


async def commit_end(
    runtime: Runtime,
    saga: Saga,
    status: RequestStatus,
    answer: dict[str, Any],
    legs: Sequence[LegRow] = (),
    log: Sequence[Write] = (),
) -> None:
    """The end of the request: its state, its answer, the last legs and the events in one commit."""
    finish = journal.finish_request(saga, status, answer, runtime.clock.now())
    await write_together([finish, *_leg_writes(saga, legs, None), *log])
    saga.status, saga.answer = status, answer
    runtime.events.wake()


async def commit_reversing(runtime: Runtime, saga: Saga, redemption: RedemptionRow) -> None:
    """The redemption is about to be taken back."""
    before = redemption.status
    redemption.status = RedemptionStatus.REVERSING
    await write_together([_hold(runtime, saga), journal.update_redemption(saga, redemption, (before,))])


async def commit_reversal(
    runtime: Runtime,
    saga: Saga,
    redemption: RedemptionRow,
    end: tuple[RequestStatus, dict[str, Any]] | None = None,
    log: Sequence[Write] = (),
) -> None:
    """How the taking back of one redemption ended, and with `end` the request with it."""
    writes: list[Write] = []
    if end is not None:
        writes.append(journal.finish_request(saga, *end, runtime.clock.now()))
    else:
        writes.append(_hold(runtime, saga))
    writes.append(journal.update_redemption(saga, redemption, (RedemptionStatus.REVERSING,)))
    if redemption.status in _CLAIMLESS:
        writes.append(journal.release_claims(saga, redemption))
        writes.append(count_uses(saga.tenant_id, redemption.coupon_id, -redemption.times))
    await write_together([*writes, journal.announce(saga, redemption), *log])
    if end is not None:
        saga.status, saga.answer = end
    runtime.events.wake()


async def commit_pause(runtime: Runtime, saga: Saga, until: datetime) -> None:
    """Nobody holds the request any more; it is due again at `until`."""
    saga.attempts, saga.next_attempt_at = saga.attempts + 1, until
    await write_together([journal.guard_request(saga, saga.status, until, saga.attempts)])
    runtime.events.wake()


def _hold(runtime: Runtime, saga: Saga) -> Write:
    saga.next_attempt_at = runtime.clock.now() + timedelta(seconds=runtime.settings.lease_seconds)
    return journal.guard_request(saga, saga.status, saga.next_attempt_at, saga.attempts)


def _leg_writes(saga: Saga, legs: Sequence[LegRow], error: str | None) -> Iterable[Write]:
    for leg in legs:
        yield journal.update_leg(saga, leg, error)
        for redemption in saga.of_leg(leg):
            yield journal.update_redemption(saga, redemption, REDEEMABLE)
            yield journal.announce(saga, redemption)
            if redemption.status is RedemptionStatus.SUCCEEDED:
                yield count_uses(saga.tenant_id, redemption.coupon_id, redemption.times)
            if redemption.status in _CLAIMLESS:
                yield journal.release_claims(saga, redemption)
