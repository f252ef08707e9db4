"""Guests who did not come: marked by themselves after the grace, with what that means for deposit and package."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from core.db.statements import GuardFailed, as_uuid, fetch_rows, write_together
from core.reservations.announcing import Change, build_trail, spread_news
from core.reservations.changing import update_reservation
from core.reservations.packages import spend_session
from core.reservations.quotas import release_quota
from core.reservations.reservation_rows import load_reservation
from core.reservations.setup.rows import load_policy
from core.reservations.values import ReservationStatus, ReservationView
from core.runtime import Runtime

_PORTION: Final = 100
_ACTION: Final = "markNoShow"


async def mark_no_shows(runtime: Runtime) -> int:
    """Marks every confirmed reservation whose grace is over. Answers how many."""
    marked = 0
    while rows := await fetch_rows(
        "SELECT tenant_id, id FROM reservation WHERE status = 'CONFIRMED' AND no_show_at <= $1"
        f" ORDER BY no_show_at LIMIT {_PORTION}",
        runtime.clock.now(),
    ):
        for row in rows:
            marked += await _mark_no_show(runtime, as_uuid(row["tenant_id"]), as_uuid(row["id"]))
        if len(rows) < _PORTION:
            break
    if marked:
        await spread_news(runtime)
    return marked


async def _mark_no_show(runtime: Runtime, tenant_id: UUID, reservation_id: UUID) -> bool:
    """False where the guest came, or somebody cancelled, at the last moment."""
    present = await load_reservation(tenant_id, reservation_id)
    if present is None or present.status is not ReservationStatus.CONFIRMED:
        return False
    policy = await load_policy(tenant_id, present.store_id)
    after = replace(
        present,
        status=ReservationStatus.NO_SHOW,
        deposit_status=settle_deposit(present, keep=policy.keep_deposit),
        version=present.version + 1,
    )
    writes = [
        update_reservation(
            present, status=after.status.value, deposit_status=after.deposit_status, no_show_at=None
        ),
        *build_trail(Change(_ACTION, None, present, after)),
        *release_quota(present, runtime.clock.now()),
        *(spend_session(tenant_id, present.id) if present.package_id else []),
    ]
    try:
        await write_together(writes)
    except GuardFailed:
        return False
    return True


def settle_deposit(present: ReservationView, *, keep: bool) -> str:
    """What becomes of a no-show's deposit: one that nobody has paid is no longer due."""
    if present.deposit_status == "PAID":
        return "KEPT" if keep else "RETURNED"
    return "NONE" if present.deposit_status == "DUE" else present.deposit_status
