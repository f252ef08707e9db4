"""Taking time of our calendar for bookings of platforms, through the same guard as everybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.customers import CustomerService
from core.access.privacy import normalise_phone
from core.channels.contract import BookingStatus, ChannelBooking
from core.db.statements import Conflict, Json, Write, write_together
from core.db.transactions import run_in_transaction
from core.ids import new_id
from core.messages import text
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
from core.reservations.changing import update_reservation
from core.reservations.channel.desks import Desk
from core.reservations.channel.messages import build_decision
from core.reservations.channel.records import Record, Superseded, claim_record, follow_record
from core.reservations.channel.slots import explain_problems, find_linked, list_candidates, prepare_slot
from core.reservations.channel.values import ConflictReason, Origin, Outcome
from core.reservations.claims import Claim, take_claims
from core.reservations.guard import Owner, release_time
from core.reservations.guests import Guest, seal_guest
from core.reservations.placing import Draft, claim_place, find_no_show, place_reservation
from core.reservations.quotas import claim_quota, reopen_quota
from core.reservations.seats import return_seats
from core.reservations.setup.rows import load_policy
from core.reservations.values import (
    AllocationState,
    OwnerKind,
    Policy,
    ReservationProblem,
    ReservationView,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

IMPORT: Final = "importBooking"
FOLLOW: Final = "followBooking"
_MAX_NAME, _MAX_NOTE = 120, 500


class _Refused(Exception):  # reads as what it is
    """Our calendar refuses a slot, inside a transaction that must be undone."""

    def __init__(self, problem: ReservationProblem) -> None:
        super().__init__(problem.code)
        self.problem = problem


# ------------------------------------------------------------------------------------------------------------- placing
async def place_booking(runtime: Runtime, desk: Desk, record: Record, booking: ChannelBooking) -> None:
    """Makes a reservation of a booking, or writes down why there is none.

    A request that cannot be taken is rejected; one that the platform has confirmed is kept as a conflict. Raises
    Superseded and GuardFailed where somebody else has changed the record meanwhile.
    """
    service, staff_id = await find_linked(record)
    if service is None:
        return await _keep_conflict(record, ConflictReason.UNMAPPED)
    if find_end(record, service) <= runtime.clock.now():
        return await write_together([follow_record(record, Outcome.ENDED)])
    draft = await _draft(runtime, desk, record, booking, service)
    problems = []
    for slot in await list_candidates(service, record.facts, staff_id):
        made = await _try_slot(runtime, desk, record, replace(draft, slot=slot))
        if made is None:
            return await spread_news(runtime)
        problems.append(made)
    return await turn_away(desk, record, explain_problems(problems))


def find_end(record: Record, service: ServiceView) -> datetime:
    """When the visit is over, as the platform says or as long as our service takes."""
    return record.facts.end or record.facts.start + timedelta(minutes=service.duration_minutes)


async def turn_away(desk: Desk, record: Record, reason: ConflictReason) -> None:
    """A request is rejected, and nothing is kept of it but the record; anything else is for a person."""
    if not awaits_decision(desk, record):
        return await _keep_conflict(record, reason)
    if _is_known(record, reason):
        return None
    outcome = Outcome.CONFLICT if record.reservation_id else Outcome.REFUSED
    words = text(f"reservation.{reason}", "zh-CN")
    rejection = build_decision(record, accept=False, reason=words)
    return await write_together([follow_record(record, outcome, reason), rejection])


def awaits_decision(desk: Desk, record: Record) -> bool:
    """Whether the platform waits for our yes or no."""
    asked = record.origin is Origin.PLATFORM and record.facts.status is BookingStatus.REQUESTED
    return asked and desk.port.behaviour.awaits_decision


def accept_booking(desk: Desk, record: Record) -> list[Write]:
    """The yes, where the platform waits for one."""
    return [build_decision(record, accept=True)] if awaits_decision(desk, record) else []


async def _keep_conflict(record: Record, reason: ConflictReason) -> None:
    if not _is_known(record, reason):
        await write_together([follow_record(record, Outcome.CONFLICT, reason)])


def _is_known(record: Record, reason: ConflictReason) -> bool:
    """Whether it is on record as a conflict, for this very reason."""
    same = record.outcome is Outcome.CONFLICT and record.conflict is reason
    return same and record.followed == record.facts


async def _draft(
    runtime: Runtime, desk: Desk, record: Record, booking: ChannelBooking, service: ServiceView
) -> Draft:
    reservation_id, facts = new_id(), record.facts
    policy = await load_policy(record.tenant_id, service.store_id)
    return Draft(
        service,
        policy.narrow(service),
        Slot(service.id, service.store_id, facts.start, facts.start),
        facts.party_size,
        runtime.clock.now(),
        await _find_guest(runtime, record.tenant_id, reservation_id, booking),
        note=(booking.note or "").strip()[:_MAX_NOTE] or None,
        source_channel=desk.channel,
        account_id=desk.account_id,
        external_id=record.external_id,
        external_updated_at=record.updated_at,
        id=reservation_id,
    )


async def _find_guest(
    runtime: Runtime, tenant_id: UUID, reservation_id: UUID, booking: ChannelBooking
) -> Guest:
    """Who comes. Where the platform hides the phone, nobody that we know."""
    name = (booking.customer_name or "").strip()[:_MAX_NAME] or None
    try:
        phone = normalise_phone(booking.phone) if booking.phone else None
    except ValueError:
        phone = None
    if phone is None:
        return Guest(name=name)
    customer_id = await CustomerService(runtime.keys).ensure_customer(tenant_id, phone, name)
    return seal_guest(runtime.keys, tenant_id, reservation_id, customer_id, name, phone)


async def _try_slot(runtime: Runtime, desk: Desk, record: Record, draft: Draft) -> ReservationProblem | None:
    """None where the reservation is made."""
    prepared = await prepare_slot(runtime, draft.service, draft.slot, draft.party_size)
    if isinstance(prepared, ReservationProblem):
        return prepared
    placed = follow_record(record, Outcome.PLACED, reservation_id=draft.id, status=BookingStatus.CONFIRMED)
    try:
        made = await place_reservation(
            replace(draft, slot=prepared),
            None,
            IMPORT,
            before=[claim_record(record, placed)],
            after=_claim_quota(draft),
            writes=accept_booking(desk, record),
        )
    except Conflict:
        raise Superseded("the booking has been placed meanwhile") from None
    return made if isinstance(made, ReservationProblem) else None


def _claim_quota(draft: Draft) -> list[Claim]:
    """It counts, and refuses nobody: the platform has its own rules."""
    customer_id = draft.guest.customer_id
    if customer_id is None:
        return []
    return claim_quota(draft.service, draft.policy, customer_id, draft.created_at, binding=False)


# -------------------------------------------------------------------------------------------------------------- moving
@dataclass(frozen=True, slots=True)
class _Move:
    """A reservation on its way to where the platform has it now."""

    record: Record
    present: ReservationView
    service: ServiceView
    policy: Policy
    slot: Slot

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
            party_size=self.record.count_people(present),
            version=present.version + 1,
            sequence=present.sequence + 1,
        )


async def move_booking(runtime: Runtime, desk: Desk, record: Record, present: ReservationView) -> None:
    """Moves a reservation to where the platform has it now; where that cannot be, it stays, and a person is told.

    Raises Superseded and GuardFailed where somebody else has changed record or reservation meanwhile.
    """
    service, staff_id = await find_linked(record)
    if service is None or service.id != present.service_id:
        reason = ConflictReason.OTHER_SERVICE if service else ConflictReason.UNMAPPED
        return await _keep_conflict(record, reason)
    followed = record.followed
    wished = (
        staff_id if followed is None or followed.staff_reference != record.facts.staff_reference else None
    )
    policy = (await load_policy(record.tenant_id, service.store_id)).narrow(service)
    problems = []
    for slot in await list_candidates(service, record.facts, wished, present):
        prepared = await prepare_slot(runtime, service, slot, record.count_people(present), present.id)
        if isinstance(prepared, ReservationProblem):
            problems.append(prepared)
            continue
        move = _Move(record, present, service, policy, prepared)
        problem = await _try_move(runtime, move, accept_booking(desk, record))
        if problem is None:
            return await spread_news(runtime, freed=present.session_id is not None)
        problems.append(problem)
    return await turn_away(desk, record, explain_problems(problems))


async def _try_move(runtime: Runtime, move: _Move, writes: Sequence[Write]) -> ReservationProblem | None:
    """None where it is moved; where the new time cannot be had, all is as it was."""
    sealed = await load_sealed_phone(move.present.tenant_id, move.present.id)
    letter = await write_letter(move.after, move.service, sealed)
    try:
        await run_in_transaction(lambda: _move(runtime, move, letter, writes))
    except _Refused as refused:
        return refused.problem
    return None


async def _move(runtime: Runtime, move: _Move, letter: Letter, writes: Sequence[Write]) -> None:
    """All of it, in the running transaction: the old time is let go of first, so that the new one may overlap it."""
    await write_together(_leave(move))
    now, present = runtime.clock.now(), move.present
    owner = Owner(present.tenant_id, present.store_id, present.id, OwnerKind.RESERVATION)
    place = claim_place(owner, move.service, move.slot, move.after.party_size, now)
    if present.end <= now:
        place += reopen_quota(move.service, move.policy, move.after, now)
    trail = build_trail(Change(FOLLOW, None, present, move.after))
    messages = plan_upcoming(letter, NotificationKind.RESERVATION_RESCHEDULED, move.policy, now)
    followed = claim_record(move.record, follow_record(move.record, Outcome.PLACED))
    problem = await take_claims([followed, *place], [*trail, *messages, *writes])
    if problem is not None:
        raise _Refused(problem)


def _leave(move: _Move) -> list[Write]:
    present, after = move.present, move.after
    update = update_reservation(
        present,
        start_at=after.start,
        end_at=after.end,
        staff_id=after.staff_id,
        resource_ids=Json([str(each) for each in after.resource_ids]),
        session_id=after.session_id,
        party_size=after.party_size,
        sequence=after.sequence,
        external_updated_at=move.record.updated_at,
        no_show_at=find_no_show(move.policy, after.start),
    )
    writes = [
        update,
        withdraw_upcoming(present.tenant_id, present.id),
        release_time(present.tenant_id, present.id, AllocationState.MOVED),
    ]
    if present.session_id is not None:
        writes.append(return_seats(present.tenant_id, present.session_id, present.party_size))
    return writes
