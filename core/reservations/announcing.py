"""What is written with every change of a reservation: revision, event, audit entry, and messages to the guest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.audit import build_entry
from core.access.stores import load_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Json, Write, fetch_row
from core.events.outbox import outbox_write
from core.ids import new_id
from core.notifications.planning import cancel_notifications, plan_notification
from core.notifications.values import NotificationKind
from core.reservations.setup.rows import list_staff
from core.reservations.values import (
    CANCELLED_STATUSES,
    OPEN_STATUSES,
    Policy,
    ReservationStatus,
    ReservationView,
    ServiceView,
)
from core.runtime import Runtime

RESERVATION_CHANGED: Final = "reservation.changed"
SUBJECT: Final = "Reservation"

_UPCOMING: Final = (
    NotificationKind.RESERVATION_CONFIRMED,
    NotificationKind.RESERVATION_RESCHEDULED,
    NotificationKind.RESERVATION_REMINDER,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a reservation. `before` None: it came into being. `actor` None: a rule or a channel did it."""

    action: str
    actor: Actor | None
    before: ReservationView | None
    after: ReservationView


def build_trail(change: Change) -> list[Write]:
    """Revision, event and audit entry of a change, for the same write as the change itself."""
    after, actor = change.after, change.actor
    revision = insert_row(
        "reservation_revision",
        id=new_id(),
        tenant_id=after.tenant_id,
        reservation_id=after.id,
        version=after.version,
        action=change.action,
        actor_id=actor.actor_id if actor else None,
        role=actor.role.value if actor else None,
        before=Json(summarise(change.before) if change.before else {}),
        after=Json(summarise(after)),
    )
    details = {"status": after.status.value, "version": after.version}
    return [
        revision,
        outbox_write(after.tenant_id, after.store_id, RESERVATION_CHANGED, after.id),
        build_entry(actor or after.tenant_id, change.action, SUBJECT, after.id, details),
    ]


def summarise(view: ReservationView) -> dict[str, Any]:
    """What of a reservation its revisions keep: nothing personal."""
    return {
        "status": view.status.value,
        "start": view.start.isoformat(),
        "end": view.end.isoformat(),
        "staff_id": str(view.staff_id) if view.staff_id else None,
        "resource_ids": [str(each) for each in view.resource_ids],
        "session_id": str(view.session_id) if view.session_id else None,
        "party_size": view.party_size,
        "sequence": view.sequence,
    }


# ------------------------------------------------------------------------------------------------------------ messages
@dataclass(frozen=True, slots=True)
class Letter:
    """To whom messages about a reservation go, and what they say."""

    reservation: ReservationView
    phone_sealed: bytes | None
    values: dict[str, str]


async def write_letter(
    reservation: ReservationView, service: ServiceView, phone_sealed: bytes | None
) -> Letter:
    """The values that templates may show: service, store, time (the store's own), code, staff, people."""
    store = await load_store(reservation.tenant_id, reservation.store_id)
    local = reservation.start.astimezone(ZoneInfo(store.time_zone)) if store else reservation.start
    values = {
        "service": service.name,
        "store": store.name if store else "",
        "time": f"{local:%Y-%m-%d %H:%M}",
        "code": reservation.code,
        "people": str(reservation.party_size),
    }
    if reservation.staff_id is not None:
        staff = await list_staff(reservation.tenant_id, reservation.store_id)
        names = {each.id: each.name for each in staff}
        values["staff"] = names.get(reservation.staff_id, "")
    return Letter(reservation, phone_sealed, values)


def plan_upcoming(letter: Letter, kind: NotificationKind, policy: Policy, now: datetime) -> list[Write]:
    """The message that tells of the time, and the reminders of it that are still to come."""
    start, sequence = letter.reservation.start, letter.reservation.sequence
    reminders = [(minutes, start - timedelta(minutes=minutes)) for minutes in policy.reminder_minutes]
    return [
        *_plan(letter, kind, f"{kind}:{sequence}"),
        *(
            write
            for minutes, due_at in reminders
            if due_at > now
            for write in _plan(
                letter, NotificationKind.RESERVATION_REMINDER, f"reminder:{sequence}:{minutes}", due_at
            )
        ),
    ]


def plan_farewell(letter: Letter) -> list[Write]:
    """The message that it is cancelled. Those of its time are withdrawn by `withdraw_upcoming`."""
    return _plan(letter, NotificationKind.RESERVATION_CANCELLED, "cancelled")


def withdraw_upcoming(tenant_id: UUID, reservation_id: UUID) -> Write:
    """Withdraws what has not gone out and tells of the time."""
    return cancel_notifications(tenant_id, reservation_id, _UPCOMING)


def _plan(letter: Letter, kind: NotificationKind, label: str, due_at: datetime | None = None) -> list[Write]:
    """None where there is nobody to tell."""
    reservation = letter.reservation
    if reservation.customer_id is None and letter.phone_sealed is None:
        return []
    return [
        plan_notification(
            reservation.tenant_id,
            kind,
            reservation.customer_id,
            store_id=reservation.store_id,
            subject_type=SUBJECT,
            subject_id=reservation.id,
            values=letter.values,
            dedupe_key=f"reservation:{reservation.id}:{label}",
            due_at=due_at,
            version=reservation.sequence,
            phone_sealed=letter.phone_sealed,
        )
    ]


async def is_message_true(
    tenant_id: UUID, reservation_id: UUID, kind: NotificationKind, version: int
) -> bool:
    """Whether a message planned at this `sequence` of the reservation still tells the truth."""
    row = await fetch_row(
        "SELECT status, sequence FROM reservation WHERE tenant_id = $1 AND id = $2", tenant_id, reservation_id
    )
    if row is None:
        return False
    status = ReservationStatus(row["status"])
    if kind is NotificationKind.RESERVATION_CANCELLED:
        return status in CANCELLED_STATUSES
    if kind is NotificationKind.RESERVATION_REMINDER:
        return status in OPEN_STATUSES and row["sequence"] == version
    return status not in CANCELLED_STATUSES and row["sequence"] == version


async def load_sealed_phone(tenant_id: UUID, reservation_id: UUID) -> bytes | None:
    """The contact's phone, sealed to the reservation."""
    row = await fetch_row(
        "SELECT phone_sealed FROM reservation WHERE tenant_id = $1 AND id = $2", tenant_id, reservation_id
    )
    sealed = row["phone_sealed"] if row else None
    return bytes(sealed) if sealed is not None else None


async def spread_news(runtime: Runtime, *, freed: bool = False) -> None:
    """After the commit: subscribers see the change and messages go out. `freed`: seats that others may wait for."""
    runtime.events.wake()
    await runtime.work.kick("send_notifications")
    if freed:
        # Its sweep finds what nobody kicked.
        with suppress(LookupError):
            await runtime.work.kick("promote_waitlist")
