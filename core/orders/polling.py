"""Reading the changed orders of platforms, again and again, whether deliveries come or not.

An account is read window by window. The end of a window is fixed before its reading begins, and the watermark moves to it
only once the last page is in: what changes meanwhile lies in the next window. A reading that was cut off goes on at the
page where it stopped. The fence of `order_cursor` sees to it that a reader who was too slow moves nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from core.access.permissions import Action, require
from core.access.values import Actor
from core.channels.bindings import BoundAccount
from core.channels.contract import (
    ChannelFailure,
    ChannelOrder,
    ChannelSession,
    OrderPage,
    OrderQuery,
    Orders,
    ProtocolFailure,
)
from core.db.inserts import insert_row
from core.db.statements import (
    GuardFailed,
    Write,
    as_instant,
    as_optional_instant,
    as_uuid,
    execute,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.orders.adopting import adopt_orders
from core.orders.ingest import IngestOutcome, Shops, ingest_order, load_shops
from core.orders.leftovers import leave_order
from core.orders.order_desks import (
    PORTION,
    ask_for_orders,
    find_order_account,
    list_order_channels,
    read_orders,
)
from core.runtime import Runtime

log = structlog.get_logger(__name__)

PERIOD: Final = timedelta(minutes=1)
# What was sold before the account was connected.
HISTORY: Final = timedelta(days=30)
_LEASE: Final = timedelta(minutes=10)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_PAGES: Final = 100_000
_MAX_CURSOR: Final = 2000
_MAX_ERROR: Final = 300
# A task hands over after this; the next run goes on.
_LONGEST_RUN: Final = 60.0
# Somebody waits for it.
_LONGEST_SYNC: Final = 8.0


@dataclass(slots=True)
class OrderCounts:
    """What a reading brought. `finished`: whether it has caught up with the present. `failure`: why not."""

    finished: bool = False
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    left: int = 0
    failure: ChannelFailure | None = None

    def count(self, outcome: IngestOutcome) -> None:
        """One order."""
        self.created += outcome is IngestOutcome.CREATED
        self.updated += outcome is IngestOutcome.UPDATED
        self.unchanged += outcome is IngestOutcome.UNCHANGED


@dataclass(slots=True)
class _Reader:
    """Whoever reads an account's orders now, and how far it has come.

    until, cursor  the window that is being read and the page that comes next; None between two windows
    """

    runtime: Runtime
    account: BoundAccount
    account_id: UUID
    port: Orders
    fence: int
    watermark: datetime
    until: datetime | None
    cursor: str | None
    deadline: float
    counts: OrderCounts = field(default_factory=OrderCounts)
    shops: Shops = field(default_factory=Shops)

    @property
    def tenant_id(self) -> UUID:
        return self.account.tenant_id


async def poll_orders(runtime: Runtime) -> int:
    """Reads the accounts that are due; answers how many have caught up. Any process may do it at any time."""
    await _enter_accounts(runtime)
    rows = await fetch_rows(
        "SELECT * FROM order_cursor WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2",
        runtime.clock.now(),
        PORTION,
    )
    caught_up = 0
    for row in rows:
        account = await find_order_account(runtime, as_uuid(row["tenant_id"]), as_uuid(row["account_id"]))
        if account is None:
            await execute(
                "UPDATE order_cursor SET next_attempt_at = $1 WHERE tenant_id = $2 AND id = $3 AND fence = $4",
                runtime.clock.now() + _LONGEST_PAUSE, row["tenant_id"], row["id"], row["fence"],
            )  # fmt: skip
        else:
            counts = await _read_account(runtime, account, row, _LONGEST_RUN)
            caught_up += counts.finished
    return caught_up


async def sync_orders(runtime: Runtime, account: BoundAccount, seconds: float) -> OrderCounts:
    """Reads an account's orders now, whether they are due or not, for `seconds` at most; the task goes on from there."""
    await _enter_accounts(runtime, account)
    row = await fetch_row(
        "SELECT * FROM order_cursor WHERE tenant_id = $1 AND account_id = $2",
        account.tenant_id,
        account.account_id,
    )
    return await _read_account(runtime, account, row, seconds) if row else OrderCounts()


async def sync_account_orders(runtime: Runtime, actor: Actor | None, account_id: UUID) -> OrderCounts:
    """The same for whoever asks for it. An account without orders has caught up.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    actor = require(actor, Action.SYNC_CHANNEL)
    await runtime.accounts.find_account(actor, account_id)
    account = await find_order_account(runtime, actor.tenant_id, account_id)
    return await sync_orders(runtime, account, _LONGEST_SYNC) if account else OrderCounts(finished=True)


async def find_and_ingest(runtime: Runtime, account: BoundAccount, reference: str) -> bool:
    """A delivery says that an order has changed: how, is asked for. Whether the platform knows it. Raises ChannelFailure."""
    orders = await ask_for_orders(runtime, account, [reference])
    for order in orders:
        await ingest_order(runtime, account, order)
    return any(order.reference == reference for order in orders)


# ------------------------------------------------------------------------------------------------------------- reading
async def _read_account(
    runtime: Runtime, account: BoundAccount, row: Mapping[str, Any], seconds: float
) -> OrderCounts:
    """Window by window up to the present, as long as there is time. Failures are noted, and tried again later."""
    port, fence = account.channel.orders, row["fence"] + 1
    if port is None or account.account_id is None or not await _take_lease(runtime, row):
        return OrderCounts()
    reader = _Reader(
        runtime, account, account.account_id, port, fence, as_instant(row["watermark"]),
        as_optional_instant(row["reading_until"]), row["cursor"], time.monotonic() + seconds,
    )  # fmt: skip
    try:
        await _read_windows(reader)
        await _rest(reader, 0, None)
    except ChannelFailure as failure:
        reader.counts.failure = failure
        await _note_failure(reader, row["attempts"] + 1, failure)
    except GuardFailed:
        # Somebody else reads it now, and will get further than this one.
        log.info("another process reads these orders", channel=account.channel.code)
    return reader.counts


async def _read_windows(reader: _Reader) -> None:
    await adopt_orders(reader.tenant_id, reader.account_id)
    reader.shops = await load_shops(reader.tenant_id, reader.account_id)
    while not reader.counts.finished and time.monotonic() < reader.deadline:
        now = reader.runtime.clock.now()
        until = reader.until or _find_end(reader, now)
        if reader.until is None:
            await _begin_window(reader, until)
        if await _read_window(reader, until):
            reader.counts.finished = until >= now


def _find_end(reader: _Reader, now: datetime) -> datetime:
    """The end of the next window, which begins in the past that is read again."""
    behaviour = reader.port.behaviour
    step = behaviour.longest_window - behaviour.overlap
    return min(now, reader.watermark + max(step, behaviour.longest_window / 2))


async def _read_window(reader: _Reader, until: datetime) -> bool:
    """Page by page; whether it got to the end in time."""
    behaviour = reader.port.behaviour
    since = max(reader.watermark - behaviour.overlap, until - behaviour.longest_window)
    for _ in range(_MOST_PAGES):
        page = await _read_page(reader, OrderQuery(since, until, reader.cursor))
        await _take_page(reader, page)
        if page.next_cursor is None:
            await _end_window(reader, until)
            return True
        if page.next_cursor == reader.cursor or len(page.next_cursor) > _MAX_CURSOR:
            break
        await _turn_page(reader, page.next_cursor)
        if time.monotonic() >= reader.deadline:
            return False
    raise ProtocolFailure("the list has no end", operation="list_orders")


async def _read_page(reader: _Reader, query: OrderQuery) -> OrderPage:
    async def read(port: Orders, session: ChannelSession[Any, Any]) -> OrderPage:
        return await port.list_orders(session, query)

    return await read_orders(reader.runtime, reader.account, read)


async def _take_page(reader: _Reader, page: OrderPage) -> None:
    for order in page.orders:
        await _take_order(reader, order)
    for start in range(0, len(page.references), PORTION):
        portion = page.references[start : start + PORTION]
        for order in await ask_for_orders(reader.runtime, reader.account, portion):
            await _take_order(reader, order)


async def _take_order(reader: _Reader, order: ChannelOrder) -> None:
    """One that cannot be taken in is left to the inbox, which tries again; it keeps no other from being read."""
    try:
        outcome = await ingest_order(reader.runtime, reader.account, order, reader.shops)
    except Exception:
        log.exception("an order could not be taken in", channel=reader.account.channel.code)
        await leave_order(reader.account, order, reader.runtime.clock.now())
        reader.counts.left += 1
    else:
        reader.counts.count(outcome)


# --------------------------------------------------------------------------------------------------------- the cursor
async def _enter_accounts(runtime: Runtime, only: BoundAccount | None = None) -> None:
    """Accounts that were connected since the last time are due at once, with what was sold before."""
    codes = [only.channel.code] if only else list_order_channels(runtime)
    if not codes:
        return
    places = ", ".join(f"${number}" for number in range(1, len(codes) + 1))
    rows = await fetch_rows(
        f"SELECT a.tenant_id, a.id FROM channel_account a WHERE a.status <> 'DISABLED' AND a.channel IN ({places})"
        " AND NOT EXISTS (SELECT 1 FROM order_cursor c WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id)"
        " LIMIT 100",
        *codes,
    )
    now = runtime.clock.now()
    for row in rows:
        entry = insert_row(
            "order_cursor",
            id=new_id(),
            tenant_id=as_uuid(row["tenant_id"]),
            account_id=as_uuid(row["id"]),
            watermark=now - HISTORY,
            next_attempt_at=now,
            fence=0,
            attempts=0,
        )
        await execute(f"{entry.sql} ON CONFLICT DO NOTHING", *entry.values)


async def _take_lease(runtime: Runtime, row: Mapping[str, Any]) -> bool:
    """Whether this process is the one to read it now."""
    taken = await execute(
        "UPDATE order_cursor SET fence = fence + 1, next_attempt_at = $1"
        " WHERE tenant_id = $2 AND id = $3 AND fence = $4",
        runtime.clock.now() + _LEASE, row["tenant_id"], row["id"], row["fence"],
    )  # fmt: skip
    return taken == 1


async def _begin_window(reader: _Reader, until: datetime) -> None:
    await _move(reader, reading_until=until, cursor=None)
    reader.until, reader.cursor = until, None


async def _turn_page(reader: _Reader, cursor: str) -> None:
    await _move(reader, cursor=cursor)
    reader.cursor = cursor


async def _end_window(reader: _Reader, until: datetime) -> None:
    await _move(reader, watermark=until, reading_until=None, cursor=None)
    reader.watermark, reader.until, reader.cursor = until, None, None


async def _rest(reader: _Reader, attempts: int, error: str | None) -> None:
    """Until it is due again: at once, if the present was not reached."""
    pause = PERIOD if reader.counts.finished else timedelta(0)
    due = reader.runtime.clock.now() + pause
    await _move(reader, next_attempt_at=due, attempts=attempts, last_error=error)


async def _note_failure(reader: _Reader, attempts: int, failure: ChannelFailure) -> None:
    """A cursor that the platform does not take any more would fail for ever: the window is begun anew then."""
    asked = timedelta(seconds=min(failure.retry_after or 0, _LONGEST_PAUSE.total_seconds()))
    pause = max(asked, min(PERIOD * 2 ** min(attempts - 1, 10), _LONGEST_PAUSE))
    changes: dict[str, Any] = {"cursor": None} if isinstance(failure, ProtocolFailure) else {}
    await _move(
        reader,
        next_attempt_at=reader.runtime.clock.now() + pause,
        attempts=attempts,
        last_error=f"{type(failure).__name__}: {failure}"[:_MAX_ERROR],
        **changes,
    )


async def _move(reader: _Reader, **columns: Any) -> None:
    """Changes the cursor, and keeps the lease. Raises GuardFailed where somebody else has taken it."""
    columns.setdefault("next_attempt_at", reader.runtime.clock.now() + _LEASE)
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 4))
    sql = f"UPDATE order_cursor SET {changes} WHERE tenant_id = $1 AND account_id = $2 AND fence = $3"
    values: Sequence[Any] = (reader.tenant_id, reader.account_id, reader.fence, *columns.values())
    await write_together([Write(sql, values, expects=1)])
