"""Deliveries of platforms: proved, stored once, acknowledged; worked on after that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    ChannelEvent,
    CouponStatus,
    Misconfigured,
    ProtocolFailure,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)
from core.clock import utc_now
from core.coupons.values import RedemptionStatus, coupon_id
from core.db.statements import (
    Json,
    Write,
    as_json,
    as_optional_instant,
    as_uuid,
    execute,
    fetch_rows,
    write_together,
)
from core.errors import BadInput, NotFound, Unauthenticated
from core.ids import new_id
from core.notifications.consents import add_grants, read_grants

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

BOOKING_CHANGED = "booking.changed"
ORDER_CHANGED = "order.changed"
_NO_ADDRESS = "there is no such address"
_PORTION = 100
_LONGEST_TEXT = 128
# Platforms tell of an order before their own lists know it: an hour and more with the pauses below.
_MOST_LOOKS = 10
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A delivered event that is to be worked on. `subject` is the platform's id of what it is about."""

    id: UUID
    tenant_id: UUID
    account_id: UUID
    channel: str
    kind: str
    subject: str | None
    occurred_at: datetime | None
    attempts: int
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


# ----------------------------------------------------------------------------------------------------- taking
async def take_delivery(
    runtime: Runtime, channel_code: str, account_id: UUID, delivery: WebhookDelivery
) -> WebhookReply:
    """Stores the events of an authentic delivery and answers what the platform wants to read.

    A repeated delivery is acknowledged again and changes nothing. Raises NotFound where there is no such
    address (no channel with webhooks, no active account, no secret), Unauthenticated for a delivery that is
    not proved authentic, and BadInput for an authentic one that cannot be read: the platform will deliver
    it again.
    """
    account = await _find_account(runtime, channel_code, account_id)
    webhooks = account.channel.webhooks
    if webhooks is None:
        raise NotFound(_NO_ADDRESS)
    events = await _read_delivery(runtime, account, webhooks, delivery)
    await _store_events(account.tenant_id, account_id, events, runtime.clock.now())
    if events:
        await runtime.work.kick("handle_inbox")
    return webhooks.acknowledge(delivery)


async def _find_account(runtime: Runtime, channel_code: str, account_id: UUID) -> BoundAccount:
    account = await runtime.accounts.find_delivery_account(channel_code, account_id)
    if account is None or account.status is AccountStatus.DISABLED:
        raise NotFound(_NO_ADDRESS)
    return account


async def _read_delivery(
    runtime: Runtime, account: BoundAccount, webhooks: Webhooks, delivery: WebhookDelivery
) -> Sequence[ChannelEvent]:
    """The events, once the delivery is proved authentic. No secret, no route."""
    about = {"channel": account.channel.code, "account": str(account.account_id)}
    try:
        credentials = await runtime.accounts.open_credentials(account)
        webhooks.verify(delivery, [credentials], runtime.clock.now())
        return webhooks.parse(delivery, [credentials])
    except Misconfigured:
        raise NotFound(_NO_ADDRESS) from None
    except WebhookRejected as error:
        log.warning("delivery refused", reason=str(error), **about)
        raise Unauthenticated("the delivery is not signed as it has to be") from None
    except ProtocolFailure as failure:
        log.warning("delivery not readable", path=failure.path, **about)
        raise BadInput("the delivery cannot be read") from None


async def _store_events(
    tenant_id: UUID, account_id: UUID, events: Sequence[ChannelEvent], now: datetime
) -> None:
    """All events in one commit; those that are stored already stay as they are."""
    writes = [_insert_event(tenant_id, account_id, event, now) for event in events]
    if writes:
        await write_together(writes)


def _insert_event(tenant_id: UUID, account_id: UUID, event: ChannelEvent, now: datetime) -> Write:
    return Write(
        "INSERT INTO inbox_event (id, tenant_id, created_at, account_id, event_id, kind, subject, occurred_at,"
        " raw, next_attempt_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)"
        " ON CONFLICT (tenant_id, account_id, event_id) DO NOTHING",
        (
            new_id(),
            tenant_id,
            utc_now(),
            account_id,
            _shorten(event.event_id),
            event.kind[:64],
            None if event.subject is None else _shorten(event.subject),
            event.occurred_at,
            Json(dict(event.raw)),
            now,
        ),
    )


def _shorten(text: str) -> str:
    """An id that fits its column: what is too long is known by its hash."""
    return text if len(text) <= _LONGEST_TEXT else hashlib.sha256(text.encode()).hexdigest()


# --------------------------------------------------------------------------------------------------- handling
async def handle_inbox(runtime: Runtime) -> int:
    """Works on the events that are due, and answers how many were handled. Failed ones come again."""
    handled = 0
    for event in await _read_due(runtime.clock.now()):
        if not await _claim(event, runtime.clock.now()):
            continue
        try:
            if event.kind == BOOKING_CHANGED:
                await _take_booking(runtime, event)
            if event.kind == ORDER_CHANGED and not await _take_order(runtime, event):
                continue
            await _handle(event, runtime.clock.now())
            handled += 1
        except Exception:
            log.exception(
                "delivered event failed", channel=event.channel, event_id=str(event.id), kind=event.kind
            )
    return handled


async def _read_due(now: datetime) -> list[StoredEvent]:
    rows = await fetch_rows(
        "SELECT e.*, a.channel FROM inbox_event e JOIN channel_account a ON a.id = e.account_id"
        " WHERE e.handled_at IS NULL AND e.next_attempt_at <= $1 ORDER BY e.next_attempt_at, e.id LIMIT $2",
        now,
        _PORTION,
    )
    return [_to_event(row) for row in rows]


async def _claim(event: StoredEvent, now: datetime) -> bool:
    """Whether this process is the one to work on it now. The next attempt is set before this one begins."""
    pause = min(_FIRST_PAUSE * 2 ** min(event.attempts, 20), _LONGEST_PAUSE)
    claimed = await execute(
        "UPDATE inbox_event SET attempts = attempts + 1, next_attempt_at = $1"
        " WHERE tenant_id = $2 AND id = $3 AND attempts = $4 AND handled_at IS NULL",
        now + pause,
        event.tenant_id,
        event.id,
        event.attempts,
    )
    return claimed == 1


async def _take_booking(runtime: Runtime, event: StoredEvent) -> None:
    """How the booking stands is asked for: deliveries come late, twice, and in any order. Safe to do again."""
    # Imported late: bookings kick tasks.
    from core.reservations.channel.sync import find_and_take

    account = await runtime.accounts.find_delivery_account(event.channel, event.account_id)
    if account is not None and account.status is not AccountStatus.DISABLED and event.subject:
        store = event.raw.get("externalStoreId")
        await find_and_take(runtime, account, event.subject, str(store) if store else None)


async def _take_order(runtime: Runtime, event: StoredEvent) -> bool:
    """The same for an order. False: the platform does not know it yet, and may at the next attempt."""
    # Imported late, as above.
    from core.orders.polling import find_and_ingest

    account = await runtime.accounts.find_delivery_account(event.channel, event.account_id)
    if account is None or account.status is AccountStatus.DISABLED or not event.subject:
        return True
    if account.channel.orders is None or await find_and_ingest(runtime, account, event.subject):
        return True
    return event.attempts >= _MOST_LOOKS


async def _handle(event: StoredEvent, now: datetime) -> None:
    """What the event changes, and that it was handled, in one commit."""
    done = Write(
        "UPDATE inbox_event SET handled_at = $1, next_attempt_at = NULL WHERE tenant_id = $2 AND id = $3",
        (now, event.tenant_id, event.id),
    )
    await write_together([*_effects(event, now), done])


def _effects(event: StoredEvent, now: datetime) -> list[Write]:
    """Kinds that this version does not know change nothing; their rows are kept."""
    match event.kind:
        case "coupon.refunded":
            return [_mark_coupon(event, CouponStatus.REFUNDED)]
        case "coupon.redeemed":
            # Our own redemption tells us nothing new; one that we hold for failed may have landed late.
            return [
                _mark_coupon(event, CouponStatus.REDEEMED),
                _look_again(event, RedemptionStatus.DECLINED, now),
            ]
        case "coupon.reversed":
            return [
                _mark_coupon(event, CouponStatus.AVAILABLE),
                _look_again(event, RedemptionStatus.SUCCEEDED, now),
            ]
        case "message.consent":
            return add_grants(event.tenant_id, event.account_id, event.subject or "", read_grants(event.raw))
    return []


def _mark_coupon(event: StoredEvent, status: CouponStatus) -> Write:
    """A refund is final. Of a use, whatever was seen later is newer, and a times card has more of them."""
    sql = "UPDATE coupon SET status = $1 WHERE tenant_id = $2 AND id = $3"
    values = (status.value, event.tenant_id, _coupon_id(event))
    if status is CouponStatus.REFUNDED:
        return Write(sql, values)
    guarded = f"{sql} AND times_total = 1"
    if event.occurred_at is None:
        return Write(guarded, values)
    return Write(f"{guarded} AND seen_at <= $4", (*values, event.occurred_at))


def _look_again(event: StoredEvent, doubted: RedemptionStatus, now: datetime) -> Write:
    """The leg of the coupon's latest redemption in this state is due for a status query."""
    return Write(
        "UPDATE redemption_leg SET settle_at = $1 WHERE tenant_id = $2 AND id IN"
        " (SELECT leg_id FROM redemption WHERE tenant_id = $2 AND coupon_id = $3 AND status = $4"
        " ORDER BY id DESC LIMIT 1) AND status IN ('SUCCEEDED', 'REJECTED', 'NEEDS_REVIEW')",
        (now, event.tenant_id, _coupon_id(event), doubted.value),
    )


def _coupon_id(event: StoredEvent) -> UUID:
    return coupon_id(event.tenant_id, event.account_id, event.channel, event.subject or "")


def _to_event(row: Mapping[str, Any]) -> StoredEvent:
    return StoredEvent(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        account_id=as_uuid(row["account_id"]),
        channel=row["channel"],
        kind=row["kind"],
        subject=row["subject"],
        occurred_at=as_optional_instant(row["occurred_at"]),
        attempts=int(row["attempts"]),
        raw=as_json(row["raw"]),
    )
