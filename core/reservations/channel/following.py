"""Following how a platform's booking goes on: cancelled, arrived, completed, not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from core.channels.contract import BookingStatus
from core.db.statements import Write, write_together
from core.reservations.announcing import Change, build_trail, spread_news
from core.reservations.cancelling import cancel_as
from core.reservations.changing import update_reservation
from core.reservations.channel.messages import withdraw_messages
from core.reservations.channel.placing import FOLLOW
from core.reservations.channel.records import Record, follow_record, update_record
from core.reservations.channel.values import ConflictReason, Outcome
from core.reservations.packages import spend_session
from core.reservations.quotas import release_quota
from core.reservations.setup.rows import load_policy
from core.reservations.values import (
    CANCELLED_STATUSES,
    OPEN_STATUSES,
    ReservationStatus,
    ReservationView,
)
from core.reservations.visits.check_in import build_arrival
from core.reservations.visits.no_shows import settle_deposit
from core.runtime import Runtime

_METHOD: Final = "CHANNEL"


async def follow_cancellation(runtime: Runtime, record: Record, present: ReservationView | None) -> None:
    """The platform's booking is off: so is our reservation, unless the guest is here."""
    if present is not None and present.status in OPEN_STATUSES:
        by_customer = record.facts.status is BookingStatus.CANCELLED
        await cancel_as(
            runtime,
            record.tenant_id,
            present.id,
            ReservationStatus.CANCELLED_BY_CUSTOMER if by_customer else ReservationStatus.CANCELLED_BY_STORE,
            writes=[follow_record(record, Outcome.ENDED), withdraw_messages(record.tenant_id, record.id)],
        )
        return
    writes = [follow_record(record, Outcome.ENDED), withdraw_messages(record.tenant_id, record.id)]
    if present is not None and present.status is ReservationStatus.CHECKED_IN:
        writes = [follow_record(record, Outcome.CONFLICT, ConflictReason.UNDER_WAY)]
    await write_together(writes)


async def follow_visit(runtime: Runtime, record: Record, present: ReservationView) -> bool:
    """One step towards ARRIVED, COMPLETED or NO_SHOW; False where there is none left. Never a step back."""
    writes = await _plan_step(runtime, record, present)
    if not writes:
        return False
    await write_together([update_record(record), *writes])
    await spread_news(runtime)
    return True


async def _plan_step(runtime: Runtime, record: Record, present: ReservationView) -> list[Write]:
    wanted, now = record.facts.status, runtime.clock.now()
    if wanted is BookingStatus.NO_SHOW:
        return await _miss(present, now) if present.status is ReservationStatus.CONFIRMED else []
    if present.status in (*OPEN_STATUSES, ReservationStatus.NO_SHOW):
        after = _change(present, status=ReservationStatus.CHECKED_IN, checked_in_at=now)
        return [*build_arrival(record.account_id, present, _METHOD, now), *_trail(present, after)]
    if wanted is BookingStatus.COMPLETED and present.status is ReservationStatus.CHECKED_IN:
        after = _change(present, status=ReservationStatus.COMPLETED, completed_at=now)
        update = update_reservation(present, status=after.status.value, completed_at=now)
        return [update, *_trail(present, after)]
    return []


async def _miss(present: ReservationView, now: datetime) -> list[Write]:
    policy = await load_policy(present.tenant_id, present.store_id)
    deposit = settle_deposit(present, keep=policy.keep_deposit)
    after = _change(present, status=ReservationStatus.NO_SHOW, deposit_status=deposit)
    update = update_reservation(present, status=after.status.value, deposit_status=deposit, no_show_at=None)
    return [
        update,
        *_trail(present, after),
        *release_quota(present, now),
        *(spend_session(present.tenant_id, present.id) if present.package_id else []),
    ]


def _change(present: ReservationView, **changes: object) -> ReservationView:
    return replace(present, version=present.version + 1, **changes)  # type: ignore[arg-type]


def _trail(present: ReservationView, after: ReservationView) -> list[Write]:
    return build_trail(Change(FOLLOW, None, present, after))


def find_obstacle(record: Record, present: ReservationView) -> ConflictReason | None:
    """Why a change at the platform cannot be followed by a reservation that is not open any more; None: it need not."""
    moved = record.followed is None or record.facts.is_moved(record.followed)
    if present.status in CANCELLED_STATUSES:
        reopened = record.followed is not None and record.followed.status in (
            BookingStatus.CANCELLED,
            BookingStatus.REJECTED,
        )
        if reopened:
            return ConflictReason.REOPENED
        return ConflictReason.CANCELLED_HERE if moved else None
    if moved and present.status is ReservationStatus.CHECKED_IN:
        return ConflictReason.UNDER_WAY
    return None
