"""Free seats of a full class go to who has waited longest: as offers, whose seats nobody else can take.

What is to be done for a class is worked out from one look at it and written in one go, and only if the class and the
entries are then still what they were. So two workers never offer the same seats, and a crash loses none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from core.access.audit import build_entry
from core.access.stores import load_store
from core.db.statements import GuardFailed, Write, as_uuid, fetch_row, fetch_rows
from core.notifications.planning import plan_notification
from core.notifications.values import NotificationKind
from core.reservations.announcing import spread_news
from core.reservations.setup.classes import ClassView, read_class
from core.reservations.setup.rows import find_service, load_policy
from core.reservations.values import Policy
from core.reservations.waitlist.rows import (
    SUBJECT,
    EntryView,
    WaitlistStatus,
    end_entry,
    load_open_entries,
    write_entries,
)
from core.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PORTION: Final = 200
_ATTEMPTS: Final = 5
# The rules act for the merchant.
_OFFERED: Final = "offerWaitlistSeats"
_ENDED: Final = "expireWaitlistEntry"

_FIND_DUE: Final = (
    "SELECT DISTINCT w.tenant_id, w.session_id FROM waitlist_entry w"
    " JOIN class_session s ON s.tenant_id = w.tenant_id AND s.id = w.session_id"
    " WHERE w.status IN ('WAITING', 'OFFERED') AND w.session_id > $1 AND (s.status <> 'OPEN' OR s.start_at <= $2"
    " OR w.offer_expires_at <= $2 OR (w.status = 'WAITING' AND s.booked < s.capacity))"
    f" ORDER BY w.session_id LIMIT {_PORTION}"
)
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of the entries of one class, and how its `booked` changes by it."""

    ended: tuple[EntryView, ...] = ()
    offered: tuple[EntryView, ...] = ()

    @property
    def seats(self) -> int:
        """How many more seats are taken afterwards; below zero where more are given back."""
        back = sum(entry.party_size for entry in self.ended if entry.status is WaitlistStatus.OFFERED)
        return sum(entry.party_size for entry in self.offered) - back


async def promote_waitlist(runtime: Runtime) -> int:
    """Offers what is free, takes back offers that have run out, and ends waiting for what has begun.

    Answers how many entries changed.
    """
    changed, last = 0, _FIRST
    while rows := await fetch_rows(_FIND_DUE, last, runtime.clock.now()):
        for row in rows:
            last = as_uuid(row["session_id"])
            changed += await promote_session(runtime, as_uuid(row["tenant_id"]), last)
        if len(rows) < _PORTION:
            break
    if changed:
        await spread_news(runtime)
    return changed


async def promote_session(runtime: Runtime, tenant_id: UUID, session_id: UUID) -> int:
    """The same for one class, without telling anybody. Answers how many entries changed."""
    for _ in range(_ATTEMPTS):
        row = await fetch_row(
            "SELECT * FROM class_session WHERE tenant_id = $1 AND id = $2", tenant_id, session_id
        )
        if row is None:
            return 0
        session, now = read_class(row), runtime.clock.now()
        policy = await load_policy(tenant_id, session.store_id)
        plan = plan_seats(session, await load_open_entries(tenant_id, session_id), policy, now)
        if plan == Plan():
            return 0
        try:
            await write_entries(await _build_writes(session, plan, policy, now))
        except GuardFailed:
            continue
        return len(plan.ended) + len(plan.offered)
    # Whoever was faster has promoted, or the next sweep does.
    log.info("waitlist not promoted: the class is changing", session=str(session_id))
    return 0


def plan_seats(session: ClassView, entries: Iterable[EntryView], policy: Policy, now: datetime) -> Plan:
    """Who is offered seats, and whose waiting ends. `entries` are the open ones, longest waiting first. Pure.

    The oldest whose party fits comes first; a large party does not keep seats empty for which a smaller one waits.
    """
    entries = list(entries)
    if not session.open or session.start <= now:
        return Plan(ended=tuple(entries))
    ended = tuple(entry for entry in entries if entry.offer_expires_at and entry.offer_expires_at <= now)
    if now >= find_cutoff(session, policy):
        return Plan(ended)
    free = session.capacity - session.booked - Plan(ended).seats
    offered: list[EntryView] = []
    for entry in entries:
        if entry.status is WaitlistStatus.WAITING and entry.party_size <= free:
            offered.append(entry)
            free -= entry.party_size
    return Plan(ended, tuple(offered))


def find_cutoff(session: ClassView, policy: Policy) -> datetime:
    """From when on nothing is offered any more, and offers have run out."""
    return session.start - timedelta(minutes=policy.waitlist_cutoff_minutes)


# ------------------------------------------------------------------------------------------------------------ writing
async def _build_writes(session: ClassView, plan: Plan, policy: Policy, now: datetime) -> list[Write]:
    expires_at = min(now + timedelta(minutes=policy.offer_minutes), find_cutoff(session, policy))
    values = await _write_letter(session, expires_at) if plan.offered else {}
    return [
        _move_seats(session, plan.seats),
        *(write for entry in plan.ended for write in _end(entry)),
        *(write for entry in plan.offered for write in _offer(entry, expires_at, values)),
    ]


def _move_seats(session: ClassView, seats: int) -> Write:
    """Also where none move: what was worked out holds for the class as it was read."""
    return Write(
        "UPDATE class_session SET booked = booked + $1 WHERE tenant_id = $2 AND id = $3 AND booked = $4"
        " AND status = $5",
        (seats, session.tenant_id, session.id, session.booked, "OPEN" if session.open else "CANCELLED"),
        expects=1,
    )


def _end(entry: EntryView) -> list[Write]:
    trail = build_entry(entry.tenant_id, _ENDED, SUBJECT, entry.id, {"was": entry.status.value})
    return [*end_entry(entry, WaitlistStatus.EXPIRED), trail]


def _offer(entry: EntryView, expires_at: datetime, values: dict[str, str]) -> Sequence[Write]:
    return [
        Write(
            "UPDATE waitlist_entry SET status = 'OFFERED', offer_expires_at = $1 WHERE tenant_id = $2 AND id = $3"
            " AND status = 'WAITING'",
            (expires_at, entry.tenant_id, entry.id),
            expects=1,
        ),
        plan_notification(
            entry.tenant_id,
            NotificationKind.WAITLIST_OFFERED,
            entry.customer_id,
            store_id=entry.store_id,
            subject_type=SUBJECT,
            subject_id=entry.id,
            values={**values, "people": str(entry.party_size)},
            dedupe_key=f"waitlist:{entry.id}:offered",
        ),
        build_entry(entry.tenant_id, _OFFERED, SUBJECT, entry.id, {"until": expires_at.isoformat()}),
    ]


async def _write_letter(session: ClassView, expires_at: datetime) -> dict[str, str]:
    """What an offer says: service, store, the class's time and the offer's end, both in the store's own time."""
    store = await load_store(session.tenant_id, session.store_id)
    service = await find_service(session.tenant_id, session.service_id)
    zone = ZoneInfo(store.time_zone if store else "UTC")
    return {
        "service": service.name if service else "",
        "store": store.name if store else "",
        "time": f"{session.start.astimezone(zone):%Y-%m-%d %H:%M}",
        "until": f"{expires_at.astimezone(zone):%Y-%m-%d %H:%M}",
    }
