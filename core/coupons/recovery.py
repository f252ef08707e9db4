"""Finishing what a crash, a lost answer or a late landing left open. Any process may do it, at any time.

What is due stands on the rows themselves, so that a lost wake-up is found by the next sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from core.channels.contract import StatusBy
from core.coupons import journal
from core.coupons.announcing import notify_reversed
from core.coupons.attribution import Finding, name_receipt
from core.coupons.calls import behaviour_of, learn_behaviour
from core.coupons.coupon_rows import count_uses
from core.coupons.journal import LegRow, RedemptionRow, Saga
from core.coupons.requests import load_rows, read_request, take_over
from core.coupons.saga import drive
from core.coupons.settlement import find_uses
from core.coupons.states import Operation, RequestStatus
from core.coupons.takeback import are_uses_gone
from core.coupons.values import RedemptionStatus
from core.db.statements import Conflict, GuardFailed, as_uuid, execute, fetch_rows, write_together
from core.ids import new_id
from core.runtime import Runtime

log = structlog.get_logger(__name__)

_UNUSED = (RedemptionStatus.DECLINED, RedemptionStatus.REVERSED)
_BATCH = 50
_AT_ONCE = 8
_LOOK_AGAIN = timedelta(seconds=60)
_GIVE_UP_LOOKING = timedelta(hours=24)


async def sweep_redemptions(runtime: Runtime) -> int:
    """Drives what is due and looks once more at legs whose settle time is over. Answers how many it worked on."""
    now = runtime.clock.now()
    due = await fetch_rows(
        "SELECT tenant_id, id FROM redemption_request WHERE status IN ('PROCESSING','COMPENSATING')"
        " AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2",
        now, _BATCH,
    )  # fmt: skip
    settling = await fetch_rows(
        "SELECT tenant_id, id, request_id, settle_at FROM redemption_leg WHERE settle_at IS NOT NULL AND settle_at <= $1"
        " ORDER BY settle_at LIMIT $2",
        now, _BATCH,
    )  # fmt: skip
    gate = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(
        *(_fenced(gate, _drive_due(runtime, row)) for row in due),
        *(_fenced(gate, _look_once_more(runtime, row)) for row in settling),
    )
    return len(due) + len(settling)


async def _fenced(gate: asyncio.Semaphore, work: Any) -> None:
    """One broken case must not keep the others from being finished."""
    async with gate:
        try:
            await work
        except Exception:
            log.exception("recovery failed")


async def _drive_due(runtime: Runtime, row: dict[str, Any]) -> None:
    hold = timedelta(seconds=runtime.settings.lease_seconds)
    tenant_id, request_id = as_uuid(row["tenant_id"]), as_uuid(row["id"])
    saga = await take_over(tenant_id, request_id, runtime.clock.now(), hold, runtime.keys)
    if saga is not None:
        await drive(runtime, saga)


# ------------------------------------------------------------------------------------------------------- second looks
async def _look_once_more(runtime: Runtime, row: dict[str, Any]) -> None:
    """After a negative end that followed an uncertain sending the call may still have landed: take it back then."""
    tenant_id, leg_id = as_uuid(row["tenant_id"]), as_uuid(row["id"])
    now = runtime.clock.now()
    # Only one process looks at a time, and a crash in between leaves the leg due again.
    if not await execute(
        "UPDATE redemption_leg SET settle_at=$1 WHERE tenant_id=$2 AND id=$3 AND settle_at=$4",
        now + _LOOK_AGAIN, tenant_id, leg_id, row["settle_at"],
    ):  # fmt: skip
        return
    origin = await load_rows(await read_request(tenant_id, as_uuid(row["request_id"])), runtime.keys)
    await learn_behaviour(runtime, origin)
    leg = next(each for each in origin.legs if each.id == leg_id)
    answered = [await _look_at(runtime, origin, leg, redemption) for redemption in origin.of_leg(leg)]
    if all(answered) or now > origin.created_at + _GIVE_UP_LOOKING:
        await execute(
            "UPDATE redemption_leg SET settle_at=NULL WHERE tenant_id=$1 AND id=$2", tenant_id, leg_id
        )


async def _look_at(runtime: Runtime, origin: Saga, leg: LegRow, redemption: RedemptionRow) -> bool:
    """Compares one redemption with its platform; False where the platform did not answer."""
    if behaviour_of(runtime, leg).status_by is StatusBy.NONE:
        return True
    if redemption.status is RedemptionStatus.SUCCEEDED:
        gone = await are_uses_gone(runtime, origin, leg, redemption)
        if gone:
            await _book_foreign_reversal(runtime, origin, redemption, leg.channel)
        return gone is not None
    if redemption.status not in _UNUSED or not leg.uncertain:
        return True
    attribution = await find_uses(runtime, origin, leg, redemption)
    if attribution is None:
        return False
    if attribution.finding is Finding.OURS:
        receipts = [
            {
                "reference": name_receipt(use, leg.token),
                "redeemed_at": (use.used_at or runtime.clock.now()).isoformat(),
            }
            for use in attribution.uses
        ]
        await _take_landing_back(runtime, origin, redemption, receipts)
    return True


async def _take_landing_back(
    runtime: Runtime, origin: Saga, redemption: RedemptionRow, receipts: Sequence[dict[str, Any]]
) -> None:
    """The person was told "declined" and the coupon is used all the same: a reversal of our own accord."""
    now = runtime.clock.now()
    redemption.receipts, redemption.status = list(receipts), RedemptionStatus.REVERSING
    saga = _open_reversal(origin, redemption.id, now)
    try:
        await write_together(
            [
                journal.insert_request(saga),
                journal.update_redemption(origin, redemption, _UNUSED),
                journal.announce(origin, redemption),
            ]
        )
    except (Conflict, GuardFailed):
        return
    log.warning("a late landing is taken back", redemption=str(redemption.id))
    runtime.events.wake()


def _open_reversal(origin: Saga, redemption_id: UUID, now: datetime) -> Saga:
    return Saga(
        id=new_id(),
        tenant_id=origin.tenant_id,
        store_id=origin.store_id,
        actor_id=origin.actor_id,
        role=origin.role,
        customer_id=origin.customer_id,
        operation=Operation.REVERSE,
        key=f"late landing {redemption_id}",
        input_hash="",
        subject_id=redemption_id,
        reason="the platform redeemed the coupon after it was declined",
        status=RequestStatus.PROCESSING,
        created_at=now,
        attempts=1,
        next_attempt_at=now,
    )


async def _book_foreign_reversal(
    runtime: Runtime, origin: Saga, redemption: RedemptionRow, channel: str
) -> None:
    """Somebody took the use back at the platform itself."""
    redemption.status, redemption.reversed_at = RedemptionStatus.REVERSED, runtime.clock.now()
    try:
        await write_together(
            [
                journal.update_redemption(origin, redemption, (RedemptionStatus.SUCCEEDED,)),
                journal.release_claims(origin, redemption),
                count_uses(origin.tenant_id, redemption.coupon_id, -redemption.times),
                journal.announce(origin, redemption),
            ]
        )
    except GuardFailed:
        return
    runtime.events.wake()
    notify_reversed(runtime, origin, redemption, channel)
