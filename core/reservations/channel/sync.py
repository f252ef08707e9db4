"""Reading the bookings of platforms: each store's next month, again and again, whether deliveries come or not.

A reading counts once it has got to the end of the list. What is on record as expected and was not in a whole list is
asked for by itself: platforms may leave cancelled ones out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from core.access.stores import load_store
from core.channels.bindings import BoundAccount
from core.channels.contract import (
    BookingPage,
    BookingQuery,
    ChannelBooking,
    ChannelFailure,
    ChannelSession,
    ProtocolFailure,
    Reservations,
)
from core.db.inserts import insert_row
from core.db.statements import GuardFailed, Json, Write, as_uuid, execute, fetch_rows, write_together
from core.ids import new_id
from core.reservations.channel.bookings import take_booking
from core.reservations.channel.desks import Call, Desk, call_desk, find_desk, list_codes, list_desks
from core.reservations.channel.records import Record, find_record, read_record, update_record
from core.reservations.channel.values import ConflictReason, Noted, Outcome
from core.runtime import Runtime

log = structlog.get_logger(__name__)

DAYS_AHEAD: Final = 31
PERIOD: Final = timedelta(minutes=5)
_LEASE: Final = timedelta(minutes=10)
_LONGEST_PAUSE: Final = timedelta(hours=1)
# After midnight the late visits of the day before may still change.
_LOOK_BACK: Final = timedelta(hours=6)
_MOST_PAGES: Final = 500
_MOST_MISSING: Final = 100
_PORTION: Final = 20


@dataclass(slots=True)
class SyncCounts:
    """What a reading brought. `finished`: whether it got to the end of every list. `failure`: why not."""

    finished: bool = True
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failure: ChannelFailure | None = None

    def count(self, noted: Noted) -> None:
        """One booking."""
        self.created += noted is Noted.CREATED
        self.updated += noted is Noted.UPDATED
        self.unchanged += noted is Noted.UNCHANGED


async def sync_bookings(runtime: Runtime) -> int:
    """Reads the lists that are due; answers how many were read to their end. Any process may do it at any time."""
    await _enter_desks(runtime)
    rows = await fetch_rows(
        "SELECT * FROM booking_sync WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2",
        runtime.clock.now(),
        _PORTION,
    )
    finished = 0
    for row in rows:
        tenant_id, account_id, store_id = (
            as_uuid(row[name]) for name in ("tenant_id", "account_id", "store_id")
        )
        desk = await find_desk(runtime, tenant_id, account_id, store_id)
        if desk is None:
            await execute("DELETE FROM booking_sync WHERE tenant_id = $1 AND id = $2", tenant_id, row["id"])
        elif await _take_lease(runtime, desk, row["fence"]):
            counts = await read_desk(runtime, desk)
            await _release(runtime, desk, row, counts)
            finished += counts.finished
    return finished


async def sync_account(runtime: Runtime, account: BoundAccount) -> SyncCounts:
    """Reads the lists of all stores of an account now, whatever is due."""
    counts = SyncCounts()
    for desk in await list_desks(runtime, account):
        await read_desk(runtime, desk, counts)
    return counts


async def look_soon(tenant_id: UUID, account_id: UUID, now: datetime) -> None:
    """The lists of an account are due: something has changed about how they are to be understood."""
    await execute(
        "UPDATE booking_sync SET next_attempt_at = $1 WHERE tenant_id = $2 AND account_id = $3",
        now, tenant_id, account_id,
    )  # fmt: skip


async def find_and_take(runtime: Runtime, account: BoundAccount, reference: str, store: str | None) -> None:
    """A delivery says that a booking has changed: how, is asked for. Raises ChannelFailure.

    `store` is the platform's store where the delivery names it; else all bound ones are asked in turn.
    """
    desks = await list_desks(runtime, account)
    record = await find_record(account.tenant_id, account.account_id or account.tenant_id, reference)
    known = record.store_id if record else None
    desks.sort(key=lambda desk: (desk.store_id != known, desk.account.external_store_id != store))
    for desk in desks:
        booking = await call_desk(runtime, desk, _ask_for(reference))
        if booking is not None:
            own = next(
                (each for each in desks if each.account.external_store_id == booking.external_store_id), desk
            )
            await take_booking(runtime, own, booking)
            return


# ------------------------------------------------------------------------------------------------------------- reading
async def read_desk(runtime: Runtime, desk: Desk, counts: SyncCounts | None = None) -> SyncCounts:
    """Reads one store's list, booking by booking. A booking that breaks does not keep the others from being read."""
    counts, query, seen = counts or SyncCounts(), await _make_query(runtime, desk), set[str]()
    try:
        async for booking in _list_bookings(runtime, desk, query):
            seen.add(booking.reference)
            await _take_counted(runtime, desk, booking, counts)
        for record in await _list_missing(desk, query, seen):
            await _ask_again(runtime, desk, record, counts)
    except ChannelFailure as failure:
        counts.finished, counts.failure = False, failure
    return counts


async def _make_query(runtime: Runtime, desk: Desk) -> BookingQuery:
    """From the beginning of the store's own day."""
    store = await load_store(desk.tenant_id, desk.store_id)
    zone = ZoneInfo(store.time_zone if store else "Asia/Shanghai")
    local = (runtime.clock.now() - _LOOK_BACK).astimezone(zone)
    since = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return BookingQuery(since, since + timedelta(days=DAYS_AHEAD + 1))


async def _list_bookings(runtime: Runtime, desk: Desk, query: BookingQuery) -> AsyncIterator[ChannelBooking]:
    cursor: str | None = None
    visited: set[str | None] = set()
    while cursor not in visited and len(visited) < _MOST_PAGES:
        visited.add(cursor)
        page = await call_desk(runtime, desk, _read_page(BookingQuery(query.since, query.until, cursor)))
        for booking in page.bookings:
            yield booking
        cursor = page.next_cursor
        if cursor is None:
            return
    raise ProtocolFailure("the list has no end", operation="list_bookings")


def _read_page(query: BookingQuery) -> Call[BookingPage]:
    async def read(port: Reservations, session: ChannelSession[Any, Any]) -> BookingPage:
        return await port.list_bookings(session, query)

    return read


def _ask_for(reference: str) -> Call[ChannelBooking | None]:
    async def ask(port: Reservations, session: ChannelSession[Any, Any]) -> ChannelBooking | None:
        return await port.find_booking(session, reference)

    return ask


async def _take_counted(runtime: Runtime, desk: Desk, booking: ChannelBooking, counts: SyncCounts) -> None:
    if booking.external_store_id not in (None, desk.account.external_store_id):
        return
    try:
        counts.count(await take_booking(runtime, desk, booking))
    except Exception:
        counts.finished = False
        log.exception("a platform's booking could not be taken in", channel=desk.channel)


async def _list_missing(desk: Desk, query: BookingQuery, seen: set[str]) -> Sequence[Record]:
    """What we expect in the window and the whole list did not have."""
    rows = await fetch_rows(
        "SELECT * FROM channel_booking WHERE tenant_id = $1 AND account_id = $2 AND store_id = $3"
        " AND start_at >= $4 AND start_at < $5 AND external_id IS NOT NULL"
        " AND status IN ('REQUESTED', 'CONFIRMED') AND outcome IN ('PLACED', 'CONFLICT') ORDER BY start_at",
        desk.tenant_id, desk.account_id, desk.store_id, query.since, query.until,
    )  # fmt: skip
    missing = [read_record(row) for row in rows if row["external_id"] not in seen]
    return missing[:_MOST_MISSING]


async def _ask_again(runtime: Runtime, desk: Desk, record: Record, counts: SyncCounts) -> None:
    booking = await call_desk(runtime, desk, _ask_for(record.external_id or ""))
    if booking is not None:
        await _take_counted(runtime, desk, booking, counts)
    elif record.conflict is not ConflictReason.GONE:
        # Somebody who has just seen it knows better.
        with suppress(GuardFailed):
            await write_together([_mark_gone(record)])


def _mark_gone(record: Record) -> Write:
    return update_record(
        record,
        outcome=Outcome.CONFLICT.value,
        conflict=ConflictReason.GONE.value,
        followed=Json(record.facts.write()),
    )


# ------------------------------------------------------------------------------------------------------------- leasing
async def _enter_desks(runtime: Runtime) -> None:
    """Stores that were bound since the last time are due at once."""
    codes = list_codes(runtime)
    if not codes:
        return
    places = ", ".join(f"${number}" for number in range(1, len(codes) + 1))
    rows = await fetch_rows(
        "SELECT a.tenant_id, a.id, s.store_id FROM channel_account a JOIN channel_store s"
        " ON s.tenant_id = a.tenant_id AND s.account_id = a.id WHERE a.status <> 'DISABLED'"
        f" AND a.channel IN ({places}) AND NOT EXISTS (SELECT 1 FROM booking_sync y"
        " WHERE y.tenant_id = a.tenant_id AND y.account_id = a.id AND y.store_id = s.store_id) LIMIT 100",
        *codes,
    )
    for row in rows:
        entry = insert_row(
            "booking_sync",
            id=new_id(),
            tenant_id=as_uuid(row["tenant_id"]),
            account_id=as_uuid(row["id"]),
            store_id=as_uuid(row["store_id"]),
            next_attempt_at=runtime.clock.now(),
            attempts=0,
            fence=0,
        )
        await execute(f"{entry.sql} ON CONFLICT DO NOTHING", *entry.values)


async def _take_lease(runtime: Runtime, desk: Desk, fence: int) -> bool:
    """Whether this process is the one to read the list now."""
    taken = await execute(
        "UPDATE booking_sync SET fence = fence + 1, next_attempt_at = $1 WHERE tenant_id = $2"
        " AND account_id = $3 AND store_id = $4 AND fence = $5",
        runtime.clock.now() + _LEASE, desk.tenant_id, desk.account_id, desk.store_id, fence,
    )  # fmt: skip
    return taken == 1


async def _release(runtime: Runtime, desk: Desk, row: dict[str, object], counts: SyncCounts) -> None:
    """The mark of the last whole reading moves only where this one was whole."""
    now = runtime.clock.now()
    failed = 0 if counts.finished else int(str(row["attempts"])) + 1
    pause = min(PERIOD * 2 ** min(failed, 8), _LONGEST_PAUSE)
    await execute(
        "UPDATE booking_sync SET next_attempt_at = $1, attempts = $2, finished_at = coalesce($3, finished_at)"
        " WHERE tenant_id = $4 AND account_id = $5 AND store_id = $6 AND fence = $7",
        now + pause, failed, now if counts.finished else None, desk.tenant_id, desk.account_id, desk.store_id,
        int(str(row["fence"])) + 1,
    )  # fmt: skip
