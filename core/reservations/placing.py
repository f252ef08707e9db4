"""Placing a reservation: its row and all that it takes, in one write."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Conflict, Json, Write
from core.db.transactions import is_transient
from core.ids import new_id
from core.notifications.values import NotificationKind
from core.reservations.announcing import Change, build_trail, plan_upcoming, write_letter
from core.reservations.claims import Claim, Contended, take_claims
from core.reservations.guard import Owner, Span, Take, claim_time, find_taken, list_takes
from core.reservations.guests import Guest
from core.reservations.seats import claim_seats
from core.reservations.slots.availability import pick_resources
from core.reservations.values import (
    OwnerKind,
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
    ServiceView,
    Slot,
    TakenKind,
)

# Without what is easily mistaken: 0 and O, 1 and I and L, U and V.
CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTWXYZ"
CODE_LENGTH: Final = 6
# How many rooms that somebody else was quicker to take are tried in turn.
TRIES: Final = 30
_ATTEMPTS: Final = 5
_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Draft:
    """A reservation that is about to be made.

    slot       with its session, where the service has seats
    owns_time  whether the guest's own time is taken as well: they book for themselves
    """

    service: ServiceView
    policy: Policy
    slot: Slot
    party_size: int
    created_at: datetime
    guest: Guest = field(default_factory=Guest)
    owns_time: bool = False
    status: ReservationStatus = ReservationStatus.CONFIRMED
    note: str | None = None
    package_id: UUID | None = None
    walk_in: bool = False
    source_channel: str = "house"
    account_id: UUID | None = None
    external_id: str | None = None
    external_updated_at: datetime | None = None
    id: UUID = field(default_factory=new_id)
    code: str = field(default_factory=lambda: make_code())
    calendar_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def deposit(self) -> int:
        """What is due beforehand, in fen: nothing of who is there, or has booked at a platform that sees to it."""
        return 0 if self.walk_in or self.external_id else self.service.deposit or 0

    @property
    def arrived(self) -> bool:
        return self.status is ReservationStatus.CHECKED_IN


def make_code() -> str:
    """A code that can be read out: six letters and digits."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


async def place_reservation(
    draft: Draft,
    actor: Actor | None,
    action: str,
    *,
    before: Sequence[Claim] = (),
    instead_of_place: Claim | None = None,
    after: Sequence[Claim] = (),
    writes: Sequence[Write] = (),
) -> ReservationView | ReservationProblem:
    """Makes the reservation with all `before`, its place, `after` and `writes`, or answers why not.

    instead_of_place  takes the slot by other means than a claim on time or seats: a hold that is used

    Where one of the slot's resources is taken, other free ones of the same kinds are tried. Raises Conflict for a key
    of another table than `reservation`.
    """
    for _ in range(TRIES):
        place = _claim_draft(draft, instead_of_place)
        rows = await _build_rows(draft, actor, action)
        try:
            problem = await take_patiently([*before, *place, *after], [*rows, *writes])
        except Conflict as conflict:
            if conflict.table != "reservation" or draft.external_id is not None:
                raise
            draft = replace(draft, code=make_code())
            continue
        if problem is None:
            return show_draft(draft)
        other = (
            None
            if instead_of_place
            else await find_other_resources(problem, *_describe(draft), draft.created_at)
        )
        if other is None:
            return problem
        draft = replace(draft, slot=replace(draft.slot, resource_ids=other))
    return ReservationProblem(ReservationErrorCode.SLOT_TAKEN)


async def take_patiently(claims: Sequence[Claim], writes: Sequence[Write] = ()) -> ReservationProblem | None:
    """`take_claims`, again where the database ended a deadlock or others came and went in between."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await take_claims(claims, writes)
        except Exception as error:
            if not (isinstance(error, Contended) or is_transient(error)):
                raise
        await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311
    return await take_claims(claims, writes)


# --------------------------------------------------------------------------------------------------------------- claims
def claim_place(
    owner: Owner, service: ServiceView, slot: Slot, party_size: int, now: datetime, own: Sequence[Take] = ()
) -> list[Claim]:
    """The claims on a slot (seats of a session, or time of staff and resources) and on the guest's own time."""
    if slot.session_id is not None:
        seats = claim_seats(owner.tenant_id, slot.session_id, party_size, now)
        return [seats, *([claim_time(owner, own, now)] if own else [])]
    takes = [*list_slot_takes(service, slot), *own]
    return [claim_time(owner, takes, now)] if takes else []


def own_takes(customer_id: UUID, slot: Slot) -> list[Take]:
    """The time of a guest who books for themselves, without buffers."""
    return [Take(TakenKind.CUSTOMER, customer_id, Span(slot.start, slot.end))]


def list_slot_takes(service: ServiceView, slot: Slot) -> list[Take]:
    """What a slot takes of its staff member and resources."""
    return list_takes(service, Span(slot.start, slot.end), slot.staff_id, slot.resource_ids)


async def find_other_resources(
    problem: ReservationProblem,
    owner: Owner,
    service: ServiceView,
    slot: Slot,
    party_size: int,
    now: datetime,
) -> tuple[UUID, ...] | None:
    """Resources instead of a slot's own, which are taken; None where it is the staff member, or none are free."""
    if problem.code is not ReservationErrorCode.SLOT_TAKEN or slot.session_id is not None:
        return None
    staff = [take for take in list_slot_takes(service, slot) if take.kind is TakenKind.STAFF]
    if not slot.resource_ids or (staff and await find_taken(owner, staff)):
        return None
    found = await pick_resources(service, slot, party_size, ignoring=owner.owner_id, now=now)
    return found if found is not None and set(found) != set(slot.resource_ids) else None


def _claim_draft(draft: Draft, instead_of_place: Claim | None) -> list[Claim]:
    owner, service, slot, party_size = _describe(draft)
    guest = draft.guest.customer_id if draft.owns_time else None
    own = own_takes(guest, slot) if guest else []
    if instead_of_place is None:
        return claim_place(owner, service, slot, party_size, draft.created_at, own)
    return [instead_of_place, *([claim_time(owner, own, draft.created_at)] if own else [])]


def _describe(draft: Draft) -> tuple[Owner, ServiceView, Slot, int]:
    owner = Owner(draft.service.tenant_id, draft.service.store_id, draft.id, OwnerKind.RESERVATION)
    return owner, draft.service, draft.slot, draft.party_size


# ----------------------------------------------------------------------------------------------------------------- rows
async def _build_rows(draft: Draft, actor: Actor | None, action: str) -> list[Write]:
    view = show_draft(draft)
    rows = [insert_reservation(draft), *build_trail(Change(action, actor, None, view))]
    if draft.walk_in:
        return rows
    letter = await write_letter(view, draft.service, draft.guest.phone_sealed)
    kind = NotificationKind.RESERVATION_CONFIRMED
    return [*rows, *plan_upcoming(letter, kind, draft.policy, draft.created_at)]


def insert_reservation(draft: Draft) -> Write:
    """The row of the reservation."""
    service, slot, guest = draft.service, draft.slot, draft.guest
    return insert_row(
        "reservation",
        id=draft.id,
        tenant_id=service.tenant_id,
        created_at=draft.created_at,
        store_id=service.store_id,
        service_id=service.id,
        session_id=slot.session_id,
        staff_id=slot.staff_id,
        resource_ids=Json([str(each) for each in slot.resource_ids]),
        customer_id=guest.customer_id,
        package_id=draft.package_id,
        code=draft.code,
        calendar_key=draft.calendar_key,
        status=draft.status.value,
        version=1,
        sequence=0,
        start_at=slot.start,
        end_at=slot.end,
        party_size=draft.party_size,
        contact_name=guest.name,
        phone_sealed=guest.phone_sealed,
        phone_fingerprint=guest.phone_fingerprint,
        phone_tail=guest.phone_tail,
        note=draft.note,
        walk_in=draft.walk_in,
        source_channel=draft.source_channel,
        account_id=draft.account_id,
        external_id=draft.external_id,
        external_updated_at=draft.external_updated_at,
        deposit=draft.deposit,
        deposit_status="DUE" if draft.deposit else "NONE",
        checked_in_at=draft.created_at if draft.arrived else None,
        no_show_at=find_no_show(draft.policy, slot.start),
    )


def find_no_show(policy: Policy, start: datetime) -> datetime | None:
    """When a guest who has not come is a no-show; None: never by itself."""
    return None if policy.grace_minutes is None else start + timedelta(minutes=policy.grace_minutes)


def show_draft(draft: Draft) -> ReservationView:
    """The reservation as it is once its row is there."""
    service, slot, guest = draft.service, draft.slot, draft.guest
    return ReservationView(
        id=draft.id,
        tenant_id=service.tenant_id,
        store_id=service.store_id,
        service_id=service.id,
        customer_id=guest.customer_id,
        status=draft.status,
        start=slot.start,
        end=slot.end,
        party_size=draft.party_size,
        code=draft.code,
        calendar_key=draft.calendar_key,
        version=1,
        sequence=0,
        created_at=draft.created_at,
        staff_id=slot.staff_id,
        resource_ids=slot.resource_ids,
        session_id=slot.session_id,
        package_id=draft.package_id,
        source_channel=draft.source_channel,
        account_id=draft.account_id,
        external_id=draft.external_id,
        contact_name=guest.name,
        phone_tail=guest.phone_tail,
        note=draft.note,
        walk_in=draft.walk_in,
        deposit=draft.deposit,
        deposit_status="DUE" if draft.deposit else "NONE",
        checked_in_at=draft.created_at if draft.arrived else None,
    )
