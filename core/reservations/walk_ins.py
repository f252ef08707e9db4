"""`bookWalkIn`: whoever stands at the counter, through the same guard as everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Write, as_instant, as_optional_uuid, as_uuid, fetch_rows
from core.ids import new_id
from core.reservations.announcing import spread_news
from core.reservations.claims import Claim
from core.reservations.guests import check_contact, find_guest
from core.reservations.placing import Draft, place_reservation
from core.reservations.problems import refuse_input
from core.reservations.quotas import claim_quota
from core.reservations.requests import Refused, Request, answer_once, claim_request, open_request
from core.reservations.reservation_rows import find_own
from core.reservations.setup.rows import find_service, list_staff, load_policy
from core.reservations.slots.availability import check_slot, pick_resources
from core.reservations.slots.choice import check_party, settle_session
from core.reservations.values import (
    Contact,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
    ServiceKind,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

# A walk-in begins at the last five minutes' mark, so that the time after it stays usable.
STEP: Final = timedelta(minutes=5)
# Whose class or visit begins later is expected and not there yet.
_SOON: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class WalkInInput:
    """Who came. `start` None: now. `staff_id` None: whoever is free."""

    store_id: UUID
    service_id: UUID
    idempotency_key: str
    staff_id: UUID | None = None
    start: datetime | None = None
    contact: Contact | None = None
    party_size: int = 1


async def book_walk_in(
    runtime: Runtime, actor: Actor | None, wanted: WalkInInput
) -> ReservationView | ReservationProblem:
    """Books whoever came, checked in at once unless it begins later, or answers why not.

    The staff member and the resources are free ones. Raises Unauthenticated, Forbidden, NotFound (store), BadInput
    and IdempotencyKeyReused.
    """
    actor = require(actor, Action.BOOK_WALK_IN)
    contact = [wanted.contact.name, wanted.contact.phone] if wanted.contact else None
    described = [
        wanted.store_id, wanted.service_id, wanted.staff_id, wanted.start, contact, wanted.party_size,
    ]  # fmt: skip
    request = open_request(runtime, actor, "bookWalkIn", wanted.idempotency_key, described)

    async def work() -> ReservationView | ReservationProblem:
        return await _book(runtime, request, wanted)

    async def recall(reservation_id: UUID) -> ReservationView | ReservationProblem:
        found = await find_own(actor, reservation_id)
        return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION)

    return await answer_once(runtime, request, work, recall)


async def _book(runtime: Runtime, request: Request, wanted: WalkInInput) -> ReservationView:
    check_party(wanted.party_size)
    wanted = replace(wanted, contact=check_contact(wanted.contact))
    await find_store(request.actor, wanted.store_id)
    service = await find_service(request.actor.tenant_id, wanted.service_id)
    if service is None or not service.active or service.store_id != wanted.store_id:
        raise Refused(refuse_input("retired", "serviceId"))
    now = runtime.clock.now()
    if wanted.start is not None and wanted.start <= now - timedelta(minutes=service.duration_minutes):
        raise Refused(ReservationProblem(ReservationErrorCode.TOO_SOON, ("start",)))
    draft = await _draft(runtime, request, wanted, service)
    refused = Refused(ReservationProblem(ReservationErrorCode.RESOURCE_UNAVAILABLE, ("start",)))
    async for slot in _find_slots(service, wanted, now):
        try:
            return await _try(runtime, request, replace(draft, slot=slot))
        except Refused as found:
            # That one works and is taken tells more than that another does not work.
            if refused.problem.code is not ReservationErrorCode.SLOT_TAKEN:
                refused = found
    raise refused


async def _draft(runtime: Runtime, request: Request, wanted: WalkInInput, service: ServiceView) -> Draft:
    reservation_id, now = new_id(), runtime.clock.now()
    guest = await find_guest(runtime.keys, request.actor, reservation_id, wanted.contact)
    policy = await load_policy(service.tenant_id, service.store_id)
    return Draft(
        service,
        policy.narrow(service),
        Slot(service.id, service.store_id, now, now),
        wanted.party_size,
        now,
        guest,
        walk_in=True,
        id=reservation_id,
    )


async def _try(runtime: Runtime, request: Request, draft: Draft) -> ReservationView:
    """One slot. Raises Refused where rules or others are in the way."""
    service, slot, party_size = draft.service, draft.slot, draft.party_size
    problem = await check_slot(runtime, service, slot, party_size, customer_rules=False)
    if problem is not None:
        raise Refused(replace(problem, field=("start",)), slot, party_size)
    if not service.kind.has_seats:
        found = await pick_resources(service, slot, party_size, now=draft.created_at)
        if found is None:
            raise Refused(
                ReservationProblem(ReservationErrorCode.RESOURCE_UNAVAILABLE, ("start",)), slot, party_size
            )
        slot = replace(slot, resource_ids=found)
    arrived = slot.start <= draft.created_at + _SOON
    draft = replace(
        draft,
        slot=await settle_session(service, slot),
        status=ReservationStatus.CHECKED_IN if arrived else ReservationStatus.CONFIRMED,
    )
    made = await place_reservation(
        draft,
        request.actor,
        Action.BOOK_WALK_IN,
        before=[claim_request(request, {"id": str(draft.id)})],
        after=_claim_quota(draft),
        writes=_check_in(request.actor, draft),
    )
    if isinstance(made, ReservationProblem):
        raise Refused(replace(made, field=made.field or ("start",)), slot, party_size)
    await spread_news(runtime)
    return made


def _claim_quota(draft: Draft) -> list[Claim]:
    """Whoever is here already has no open reservation by it."""
    if draft.arrived or draft.guest.customer_id is None:
        return []
    return claim_quota(draft.service, draft.policy, draft.guest.customer_id, draft.created_at, binding=False)


def _check_in(actor: Actor, draft: Draft) -> list[Write]:
    if not draft.arrived:
        return []
    row = insert_row(
        "check_in",
        id=new_id(),
        tenant_id=actor.tenant_id,
        created_at=draft.created_at,
        reservation_id=draft.id,
        store_id=draft.service.store_id,
        method="STAFF",
        actor_id=actor.actor_id,
    )
    return [row]


# ---------------------------------------------------------------------------------------------------------------- slots
async def _find_slots(service: ServiceView, wanted: WalkInInput, now: datetime) -> AsyncIterator[Slot]:
    """The slots that would do, one after the other."""
    if service.kind is ServiceKind.GROUP_CLASS:
        for slot in await _list_classes(service, wanted, now):
            yield slot
        return
    start = wanted.start or floor_instant(now)
    slot = Slot(
        service.id, service.store_id, start, start + timedelta(minutes=service.duration_minutes),
        wanted.staff_id if service.kind.needs_staff else None,
    )  # fmt: skip
    if slot.staff_id is not None or not service.kind.needs_staff:
        yield slot
        return
    for member in await list_staff(service.tenant_id, service.store_id):
        if service.required_skills <= member.skills:
            yield replace(slot, staff_id=member.id)


async def _list_classes(service: ServiceView, wanted: WalkInInput, now: datetime) -> list[Slot]:
    """The class of that start; else the one that is on, or comes next."""
    rows = await fetch_rows(
        "SELECT * FROM class_session WHERE tenant_id = $1 AND service_id = $2 AND status = 'OPEN'"
        " AND start_at >= $3 AND end_at > $4 ORDER BY start_at LIMIT 20",
        service.tenant_id,
        service.id,
        wanted.start or now - timedelta(minutes=service.duration_minutes),
        now,
    )
    slots = [
        Slot(
            service.id, service.store_id, as_instant(row["start_at"]), as_instant(row["end_at"]),
            as_optional_uuid(row["staff_id"]), session_id=as_uuid(row["id"]),
        )
        for row in rows
    ]  # fmt: skip
    fitting = [slot for slot in slots if wanted.staff_id in (None, slot.staff_id)]
    if wanted.start is not None:
        return [slot for slot in fitting if slot.start == wanted.start]
    return fitting[:1]


def floor_instant(instant: datetime) -> datetime:
    """The last full five minutes."""
    return instant - timedelta(seconds=instant.timestamp() % STEP.total_seconds())
