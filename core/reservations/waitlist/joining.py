"""Waiting for a seat of a full class: joining and leaving. Offers are made by `core.reservations.waitlist.promotion`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.conditions import Where
from core.db.statements import GuardFailed, Write, fetch_row
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.reservations.announcing import spread_news
from core.reservations.claims import Claim
from core.reservations.guests import check_contact, find_guest
from core.reservations.placing import take_patiently
from core.reservations.problems import refuse_input
from core.reservations.requests import Refused, Request, answer_once, claim_request, open_request
from core.reservations.seats import return_seats
from core.reservations.setup.classes import ClassView, find_class
from core.reservations.setup.rows import load_policy
from core.reservations.slots.choice import check_party
from core.reservations.values import Contact, ReservationErrorCode, ReservationProblem
from core.reservations.waitlist.promotion import find_cutoff
from core.reservations.waitlist.rows import (
    SUBJECT,
    EntryView,
    WaitlistStatus,
    end_entry,
    find_entry,
    load_open_entries,
    select_entries,
    write_entries,
)
from core.runtime import Runtime

_FIELD: Final = ("sessionId",)
_ATTEMPTS: Final = 5
_MOST_SHOWN: Final = 100
_OPEN: Final = (WaitlistStatus.WAITING, WaitlistStatus.OFFERED)
_BOOKED: Final = (
    "SELECT 1 AS booked FROM reservation WHERE tenant_id = $1 AND session_id = $2 AND customer_id = $3"
    " AND status IN ('PENDING_PAYMENT', 'CONFIRMED')"
)
# Who could book does not wait; who has a seat, or waits already, does not wait again.
_INSERT: Final = (
    "INSERT INTO waitlist_entry (tenant_id, session_id, customer_id, id, created_at, store_id, party_size, status)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, 'WAITING' WHERE EXISTS (SELECT 1 FROM class_session WHERE tenant_id = $1"
    f" AND id = $2 AND status = 'OPEN' AND booked + $7 > capacity) AND NOT EXISTS ({_BOOKED})"
)


@dataclass(frozen=True, slots=True)
class JoinInput:
    """Who wants to wait. Customers wait for themselves; staff name a customer, or the contact of one."""

    session_id: UUID
    party_size: int
    idempotency_key: str
    customer_id: UUID | None = None
    contact: Contact | None = None


async def join_waitlist(
    runtime: Runtime, actor: Actor | None, wanted: JoinInput
) -> EntryView | ReservationProblem:
    """Puts somebody on the waitlist of a class that has no seats left for them, once; or answers why not.

    Where there are seats the class itself is suggested. A repeat with the same key answers the same entry, as it is
    by then. Raises Unauthenticated, Forbidden, NotFound (class), BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.JOIN_WAITLIST)
    contact = wanted.contact
    described = [
        wanted.session_id,
        wanted.party_size,
        wanted.customer_id,
        [contact.name, contact.phone] if contact else None,
    ]
    request = open_request(runtime, actor, "joinWaitlist", wanted.idempotency_key, described)

    async def work() -> EntryView:
        return await _join(runtime, actor, request, wanted)

    async def recall(entry_id: UUID) -> EntryView:
        return await _find_own(actor, entry_id)

    answer = await answer_once(runtime, request, work, recall)
    return await _suggest_class(actor, wanted, answer)


async def leave_waitlist(
    runtime: Runtime, actor: Actor | None, entry_id: UUID
) -> EntryView | ReservationProblem:
    """Gives up waiting, or an offer, whose seats go to the next. A repeat changes nothing.

    Answers INVALID for an entry that has become a reservation. Raises Unauthenticated, Forbidden and NotFound.
    """
    actor = require(actor, Action.LEAVE_WAITLIST)
    for _ in range(_ATTEMPTS):
        entry = await _find_own(actor, entry_id)
        if entry.status is WaitlistStatus.PROMOTED:
            return refuse_input("promoted", "entryId")
        if entry.status not in _OPEN:
            return entry
        try:
            await write_entries(_leave(actor, entry))
        except GuardFailed:
            continue
        await spread_news(runtime, freed=entry.status is WaitlistStatus.OFFERED)
        return replace(entry, status=WaitlistStatus.LEFT, position=None)
    raise GuardFailed("the entry is being changed again and again")


async def list_waitlist(actor: Actor | None, session_id: UUID) -> tuple[EntryView, ...]:
    """Who waits for a class or has an offer, longest first. Raises Unauthenticated, Forbidden and NotFound."""
    actor = require(actor, Action.LIST_WAITLIST)
    session = await find_class(actor, session_id)
    return tuple(await load_open_entries(actor.tenant_id, session.id))


async def list_own_waitlist(actor: Actor | None) -> tuple[EntryView, ...]:
    """A customer's last 100 entries, newest first, with those that have ended. Raises Unauthenticated and Forbidden."""
    actor = require(actor, Action.LIST_OWN_WAITLIST)
    where = Where(actor.tenant_id)
    where.add("customer_id = ?", actor.customer_id)
    return tuple(await select_entries(where, "id DESC", _MOST_SHOWN))


async def _find_own(actor: Actor, entry_id: UUID) -> EntryView:
    entry = await find_entry(actor, entry_id)
    if entry is None:
        raise NotFound(text("fault.NOT_FOUND"))
    return entry


# ------------------------------------------------------------------------------------------------------------ joining
async def _join(runtime: Runtime, actor: Actor, request: Request, wanted: JoinInput) -> EntryView:
    check_party(wanted.party_size)
    now, session = runtime.clock.now(), await find_class(actor, wanted.session_id)
    await _admit(session, wanted.party_size, now)
    entry_id = new_id()
    entry = EntryView(
        entry_id,
        actor.tenant_id,
        session.store_id,
        session.id,
        await _find_customer(runtime, actor, entry_id, wanted),
        wanted.party_size,
        WaitlistStatus.WAITING,
        now,
    )
    trail = build_entry(actor, Action.JOIN_WAITLIST, SUBJECT, entry_id, {"partySize": wanted.party_size})
    claims = [claim_request(request, {"id": str(entry_id)}), _claim_entry(entry)]
    problem = await take_patiently(claims, [trail])
    if problem is not None:
        raise Refused(problem)
    return await _find_own(actor, entry_id)


async def _admit(session: ClassView, party_size: int, now: datetime) -> None:
    """Raises Refused where waiting would be in vain."""
    if not session.open or session.start <= now:
        raise Refused(refuse_input("class_over", *_FIELD))
    if now >= find_cutoff(session, await load_policy(session.tenant_id, session.store_id)):
        raise Refused(refuse_input("waitlist_closed", *_FIELD))
    if party_size > session.capacity:
        raise Refused(ReservationProblem(ReservationErrorCode.PARTY_TOO_LARGE, ("partySize",)))


async def _find_customer(runtime: Runtime, actor: Actor, entry_id: UUID, wanted: JoinInput) -> UUID:
    contact = check_contact(wanted.contact)
    guest = await find_guest(runtime.keys, actor, entry_id, contact, wanted.customer_id)
    if guest.customer_id is None:
        raise Refused(refuse_input("required", "customerId"))
    return guest.customer_id


def _claim_entry(entry: EntryView) -> Claim:
    who = (entry.tenant_id, entry.session_id, entry.customer_id)
    values = (*who, entry.id, entry.created_at, entry.store_id, entry.party_size)

    async def explain() -> ReservationProblem | None:
        waiting = await load_open_entries(entry.tenant_id, entry.session_id)
        if any(other.customer_id == entry.customer_id for other in waiting):
            return refuse_input("waiting", *_FIELD)
        if await fetch_row(_BOOKED, *who):
            return ReservationProblem(ReservationErrorCode.OVERLAPS_OWN_RESERVATION, _FIELD)
        row = await fetch_row(
            "SELECT capacity - booked AS seats, status FROM class_session WHERE tenant_id = $1 AND id = $2",
            entry.tenant_id,
            entry.session_id,
        )
        if row is None or row["status"] != "OPEN":
            return refuse_input("class_over", *_FIELD)
        return refuse_input("seats_left", *_FIELD) if row["seats"] >= entry.party_size else None

    return Claim([Write(_INSERT, values, expects=1)], explain)


async def _suggest_class(
    actor: Actor, wanted: JoinInput, answer: EntryView | ReservationProblem
) -> EntryView | ReservationProblem:
    """With the class as it is now, where it can be booked."""
    if isinstance(answer, EntryView) or answer.values.get("reason") != "seats_left":
        return answer
    session = await find_class(actor, wanted.session_id)
    free = session.open and session.slot.seats >= wanted.party_size
    return replace(answer, suggestions=(session.slot,) if free else ())


# ------------------------------------------------------------------------------------------------------------ leaving
def _leave(actor: Actor, entry: EntryView) -> Sequence[Write]:
    writes = [
        *end_entry(entry, WaitlistStatus.LEFT),
        build_entry(actor, Action.LEAVE_WAITLIST, SUBJECT, entry.id, {"was": entry.status.value}),
    ]
    if entry.status is not WaitlistStatus.OFFERED:
        return writes
    # The class before its entries, as offers are written: two that met in different orders would wait for each other.
    return [return_seats(entry.tenant_id, entry.session_id, entry.party_size), *writes]
