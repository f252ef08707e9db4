"""The slot that somebody chose: read from its token, and looked at before it is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core.access.stores import find_store
from core.access.values import Actor
from core.reservations.problems import refuse_input
from core.reservations.requests import Refused
from core.reservations.seats import ensure_session
from core.reservations.setup.rows import find_service, list_resources
from core.reservations.slots.availability import check_slot, pick_resources
from core.reservations.slots.offers import list_fitting
from core.reservations.slots.tokens import SlotExpired, SlotUnreadable, read_slot
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ServiceKind,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

MOST_PEOPLE: Final = 500
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


def open_slot(runtime: Runtime, actor: Actor, token: str, party_size: int) -> Slot:
    """The slot of a token. Raises Refused with SLOT_EXPIRED, or INVALID at `slotToken`."""
    try:
        return read_slot(runtime.keys, actor.tenant_id, token, runtime.clock.now())
    except SlotUnreadable:
        raise Refused(refuse_input("slot_token", "slotToken")) from None
    except SlotExpired:
        slot = read_slot(runtime.keys, actor.tenant_id, token, _ALWAYS)
        problem = ReservationProblem(ReservationErrorCode.SLOT_EXPIRED, ("slotToken",))
        raise Refused(problem, slot, party_size) from None


def check_party(party_size: int) -> None:
    """Raises Refused for nobody, and for more than any place holds."""
    if not 1 <= party_size <= MOST_PEOPLE:
        raise Refused(refuse_input("party_size", "partySize", most=MOST_PEOPLE))


async def admit_slot(runtime: Runtime, actor: Actor, slot: Slot, party_size: int) -> ServiceView:
    """The service of a slot that the actor may take as far as rules go: whether it is free shows when it is taken.

    Raises Refused, and NotFound for a store that the actor may not enter.
    """
    await find_store(actor, slot.store_id)
    service = await find_service(actor.tenant_id, slot.service_id)
    if service is None or not service.active:
        raise Refused(refuse_input("retired", "slotToken"), slot, party_size)
    problem = await check_slot(runtime, service, slot, party_size, customer_rules=actor.is_customer)
    if problem is not None:
        raise Refused(replace(problem, field=problem.field or ("slotToken",)), slot, party_size)
    return service


async def fit_slot(
    service: ServiceView, slot: Slot, party_size: int, now: datetime, ignoring: UUID | None = None
) -> Slot:
    """The slot with resources that the party fits into: it may have been offered to a smaller one.

    Free ones, if there are; else it shows that they are taken when they are taken. What `ignoring` has counts as free.
    """
    fitting = list_fitting(service, await list_resources(service.tenant_id, service.store_id), party_size)
    large = {resource.id for kind in fitting.values() for resource in kind}
    if slot.session_id is not None or large.issuperset(slot.resource_ids):
        return slot
    free = await pick_resources(service, slot, party_size, ignoring=ignoring, now=now)
    smallest = tuple(kind[0].id for kind in fitting.values() if kind)
    return replace(slot, resource_ids=smallest if free is None else free)


async def settle_session(service: ServiceView, slot: Slot) -> Slot:
    """The slot with its session: that of a pick-up time comes into being now."""
    if service.kind is not ServiceKind.PICKUP:
        return slot
    session_id: UUID = await ensure_session(service, slot)
    return replace(slot, session_id=session_id)
