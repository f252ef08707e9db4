"""`rescheduleReservation`: another time for the same reservation, in one transaction.

Its id, code and calendar address stay. The old time is let go of first, so that the new one may overlap it; where the
new one cannot be had, all is as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.statements import GuardFailed, Json, Write, fetch_row, write_together
from core.db.transactions import run_in_transaction
from core.notifications.values import NotificationKind
from core.reservations.announcing import (
    Change,
    Letter,
    build_trail,
    load_sealed_phone,
    plan_upcoming,
    spread_news,
    withdraw_upcoming,
    write_letter,
)
from core.reservations.changing import check_window, find_changeable, update_reservation
from core.reservations.claims import take_claims
from core.reservations.guard import Owner, Take, release_time
from core.reservations.packages import claim_session
from core.reservations.placing import claim_place, find_no_show, find_other_resources, own_takes
from core.reservations.problems import refuse_input
from core.reservations.quotas import reopen_quota
from core.reservations.requests import Refused, Request, answer_once, claim_request, open_request
from core.reservations.reservation_rows import find_own
from core.reservations.seats import return_seats
from core.reservations.setup.rows import load_policy
from core.reservations.slots.choice import admit_slot, fit_slot, open_slot, settle_session
from core.reservations.values import (
    AllocationState,
    OwnerKind,
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationView,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Move:
    """One reservation on its way to another slot."""

    request: Request
    present: ReservationView
    service: ServiceView
    policy: Policy
    slot: Slot
    own: Sequence[Take]

    @property
    def after(self) -> ReservationView:
        """The reservation as it will be."""
        slot, present = self.slot, self.present
        return replace(
            present,
            start=slot.start,
            end=slot.end,
            staff_id=slot.staff_id,
            resource_ids=slot.resource_ids,
            session_id=slot.session_id,
            version=present.version + 1,
            sequence=present.sequence + 1,
        )


class _Elsewhere(Exception):  # reads as what it is
    """The slot's resources are taken: try these."""

    def __init__(self, resource_ids: tuple[UUID, ...]) -> None:
        super().__init__()
        self.resource_ids = resource_ids


async def reschedule_reservation(
    runtime: Runtime, actor: Actor | None, reservation_id: UUID, slot_token: str, key: str
) -> ReservationView | ReservationProblem:
    """Moves a reservation to another slot of its service, or answers why not.

    Customers are bound by the change window, others are not. A repeat with the same key answers the same. Raises
    Unauthenticated, Forbidden, NotFound (store), BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.RESCHEDULE_RESERVATION)
    request = open_request(runtime, actor, "rescheduleReservation", key, [reservation_id, slot_token])

    async def work() -> ReservationView | ReservationProblem:
        moved = await _reschedule(runtime, request, reservation_id, slot_token)
        await spread_news(runtime, freed=moved.session_id is not None)
        return moved

    async def recall(_: UUID) -> ReservationView | ReservationProblem:
        found = await find_own(actor, reservation_id)
        return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, ("reservationId",))

    return await answer_once(runtime, request, work, recall)


async def _reschedule(
    runtime: Runtime, request: Request, reservation_id: UUID, slot_token: str
) -> ReservationView:
    """Tries again where somebody else changed the reservation meanwhile, or a resource was taken."""
    other: tuple[UUID, ...] | None = None
    for _ in range(_ATTEMPTS):
        move = await _prepare(runtime, request, reservation_id, slot_token)
        if other is not None:
            move = replace(move, slot=replace(move.slot, resource_ids=other))
        letter = await write_letter(
            move.after, move.service, await load_sealed_phone(move.present.tenant_id, reservation_id)
        )
        try:
            return await run_in_transaction(lambda move=move, letter=letter: _move(runtime, move, letter))  # type: ignore[misc]
        except _Elsewhere as found:
            other = found.resource_ids
        except GuardFailed:
            continue
    raise Refused(ReservationProblem(ReservationErrorCode.SLOT_TAKEN, ("slotToken",)), move.slot)


async def _prepare(runtime: Runtime, request: Request, reservation_id: UUID, slot_token: str) -> _Move:
    actor, now = request.actor, runtime.clock.now()
    present = await find_changeable(actor, reservation_id)
    slot = open_slot(runtime, actor, slot_token, present.party_size)
    if slot.service_id != present.service_id:
        raise Refused(refuse_input("other_service", "slotToken"))
    policy = await load_policy(actor.tenant_id, present.store_id)
    service = await admit_slot(runtime, actor, slot, present.party_size)
    policy = policy.narrow(service)
    check_window(actor, present, policy, now)
    slot = await settle_session(service, slot)
    slot = await fit_slot(service, slot, present.party_size, now, present.id)
    await _check_package(present, service, slot)
    return _Move(request, present, service, policy, slot, await _find_own_takes(present, slot))


async def _check_package(present: ReservationView, service: ServiceView, slot: Slot) -> None:
    """What was drawn stays drawn; the package must be valid at the new time as well."""
    if present.package_id is None:
        return
    claim = claim_session(
        present.tenant_id, present.package_id, present.id, present.customer_id, service, slot.start
    )
    problem = await claim.explain()
    if problem is not None and problem.code is ReservationErrorCode.PACKAGE_NOT_VALID:
        raise Refused(replace(problem, field=("slotToken",)), slot)


async def _find_own_takes(present: ReservationView, slot: Slot) -> Sequence[Take]:
    """The guest's own time, where the reservation takes it."""
    row = await fetch_row(
        "SELECT resource_id FROM booking_allocation WHERE tenant_id = $1 AND owner_id = $2 AND state = 'CONFIRMED'"
        " AND taken_kind = 'CUSTOMER'",
        present.tenant_id,
        present.id,
    )
    return own_takes(present.customer_id, slot) if row and present.customer_id else []


async def _move(runtime: Runtime, move: _Move, letter: Letter) -> ReservationView:
    """All of it, in the running transaction. Raises GuardFailed, Answered, Refused or _Elsewhere: nothing is changed."""
    await write_together(_leave(move))
    now, present = runtime.clock.now(), move.present
    owner = Owner(present.tenant_id, present.store_id, present.id, OwnerKind.RESERVATION)
    place = (
        []
        if _keeps_seats(move)
        else claim_place(owner, move.service, move.slot, present.party_size, now, move.own)
    )
    if present.end <= now:
        place += reopen_quota(move.service, move.policy, move.after, now)
    change = Change(Action.RESCHEDULE_RESERVATION, move.request.actor, present, move.after)
    messages = plan_upcoming(letter, NotificationKind.RESERVATION_RESCHEDULED, move.policy, now)
    problem = await take_claims(
        [claim_request(move.request, {"id": str(present.id)}), *place], [*build_trail(change), *messages]
    )
    if problem is None:
        return move.after
    other = await find_other_resources(problem, owner, move.service, move.slot, present.party_size, now)
    if other is not None:
        raise _Elsewhere(other)
    problem = replace(problem, field=problem.field or ("slotToken",))
    raise Refused(problem, move.slot, present.party_size)


def _keeps_seats(move: _Move) -> bool:
    return move.slot.session_id is not None and move.slot.session_id == move.present.session_id


def _leave(move: _Move) -> list[Write]:
    """Lets go of the old time, and says the new one."""
    present, after = move.present, move.after
    update = update_reservation(
        present,
        start_at=after.start,
        end_at=after.end,
        staff_id=after.staff_id,
        resource_ids=Json([str(each) for each in after.resource_ids]),
        session_id=after.session_id,
        sequence=after.sequence,
        no_show_at=find_no_show(move.policy, after.start),
    )
    writes = [update, withdraw_upcoming(present.tenant_id, present.id)]
    if _keeps_seats(move):
        return writes
    writes.append(release_time(present.tenant_id, present.id, AllocationState.MOVED))
    if present.session_id is not None:
        writes.append(return_seats(present.tenant_id, present.session_id, present.party_size))
    return writes
