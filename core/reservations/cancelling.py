"""`cancelReservation`, and cancelling by rules and channels: what was taken is given back in the same write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.reservations.announcing import (
    Change,
    Letter,
    build_trail,
    load_sealed_phone,
    plan_farewell,
    spread_news,
    withdraw_upcoming,
    write_letter,
)
from core.reservations.changing import (
    check_open,
    check_window,
    find_changeable,
    is_in_time,
    update_reservation,
)
from core.reservations.guard import release_time
from core.reservations.packages import return_session, spend_session
from core.reservations.preorders import return_stock
from core.reservations.problems import refuse_input
from core.reservations.quotas import release_quota
from core.reservations.requests import (
    Answered,
    Refused,
    Request,
    answer_once,
    find_answer,
    keep_answer,
    open_request,
)
from core.reservations.reservation_rows import find_own, load_reservation
from core.reservations.seats import return_seats
from core.reservations.setup.rows import find_service, load_policy
from core.reservations.values import (
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
    ServiceView,
)
from core.reservations.visits.attached_coupons import detach_codes
from core.runtime import Runtime

MAX_REASON: Final = 200
_ATTEMPTS: Final = 5
_FIELD: Final = ("reservationId",)


@dataclass(frozen=True, slots=True)
class _Ending:
    """One reservation on its way to being cancelled. `late`: past the customers' change window, by the customer."""

    actor: Actor | None
    present: ReservationView
    service: ServiceView | None
    status: ReservationStatus
    reason: str | None
    late: bool
    keeps_deposit: bool
    now: datetime

    @property
    def after(self) -> ReservationView:
        """The reservation as it will be."""
        return replace(
            self.present,
            status=self.status,
            cancel_reason=self.reason,
            cancelled_at=self.now,
            deposit_status=self.deposit_status,
            version=self.present.version + 1,
            sequence=self.present.sequence + 1,
        )

    @property
    def deposit_status(self) -> str:
        """What becomes of the deposit: one that nobody has paid is no longer due."""
        if self.present.deposit_status == "PAID":
            return "KEPT" if self.late and self.keeps_deposit else "RETURNED"
        return "NONE" if self.present.deposit_status == "DUE" else self.present.deposit_status


async def cancel_reservation(
    runtime: Runtime, actor: Actor | None, reservation_id: UUID, reason: str | None, key: str | None = None
) -> ReservationView | ReservationProblem:
    """Cancels a reservation, or answers why not. Customers are bound by the change window, others are not.

    A repeat with the same key answers the same; without one, or with another, ALREADY_CANCELLED. Raises
    Unauthenticated, Forbidden, BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.CANCEL_RESERVATION)
    if key is None:
        try:
            return await _cancel_own(runtime, actor, reservation_id, reason, None)
        except Refused as refused:
            return refused.problem
    request = open_request(runtime, actor, "cancelReservation", key, [reservation_id, reason])

    async def work() -> ReservationView | ReservationProblem:
        return await _cancel_own(runtime, actor, reservation_id, reason, request)

    async def recall(_: UUID) -> ReservationView | ReservationProblem:
        return await find_own(actor, reservation_id) or _unknown()

    return await answer_once(runtime, request, work, recall)


async def cancel_as(
    runtime: Runtime,
    tenant_id: UUID,
    reservation_id: UUID,
    status: ReservationStatus,
    reason: str | None = None,
    *,
    actor: Actor | None = None,
    writes: Sequence[Write] = (),
) -> ReservationView | ReservationProblem:
    """Cancels for a rule or a channel, whatever the change window says; `writes` are done in the same commit.

    `status` is CANCELLED_BY_STORE, or CANCELLED_BY_CUSTOMER, who bears what the policy says of late ones. Answers
    UNKNOWN_RESERVATION, ALREADY_CANCELLED, or INVALID (the visit has begun or is over) where there is nothing to cancel.
    """
    for _ in range(_ATTEMPTS):
        present = await load_reservation(tenant_id, reservation_id)
        if present is None:
            return _unknown()
        try:
            check_open(present)
        except Refused as refused:
            return refused.problem
        ending = await _prepare(runtime, actor, present, status, reason)
        if await _commit(ending, writes):
            await spread_news(runtime, freed=present.session_id is not None)
            return ending.after
    raise GuardFailed("the reservation is being changed again and again")


async def _cancel_own(
    runtime: Runtime, actor: Actor, reservation_id: UUID, reason: str | None, request: Request | None
) -> ReservationView | ReservationProblem:
    reason = (reason or "").strip() or None
    if reason is not None and len(reason) > MAX_REASON:
        raise Refused(refuse_input("too_long", "reason", limit=MAX_REASON))
    status = (
        ReservationStatus.CANCELLED_BY_CUSTOMER if actor.is_customer else ReservationStatus.CANCELLED_BY_STORE
    )
    kept = [keep_answer(request, {"id": str(reservation_id)})] if request else []
    for _ in range(_ATTEMPTS):
        present = await find_changeable(actor, reservation_id)
        check_window(actor, present, await _narrow_policy(present), runtime.clock.now())
        ending = await _prepare(runtime, actor, present, status, reason)
        try:
            if not await _commit(ending, kept):
                continue
        except Conflict:
            await _raise_answered(request)
            raise
        await spread_news(runtime, freed=present.session_id is not None)
        return ending.after
    raise GuardFailed("the reservation is being changed again and again")


async def _raise_answered(request: Request | None) -> None:
    known = await find_answer(request) if request else None
    if known is not None:
        raise Answered(known)


async def _narrow_policy(present: ReservationView) -> Policy:
    policy = await load_policy(present.tenant_id, present.store_id)
    service = await find_service(present.tenant_id, present.service_id)
    return policy.narrow(service) if service else policy


async def _prepare(
    runtime: Runtime,
    actor: Actor | None,
    present: ReservationView,
    status: ReservationStatus,
    reason: str | None,
) -> _Ending:
    policy, now = await _narrow_policy(present), runtime.clock.now()
    service = await find_service(present.tenant_id, present.service_id)
    by_customer = status is ReservationStatus.CANCELLED_BY_CUSTOMER
    late = by_customer and not is_in_time(present, policy, now)
    return _Ending(actor, present, service, status, reason, late, policy.keep_deposit, now)


async def _commit(ending: _Ending, writes: Sequence[Write]) -> bool:
    """False where somebody else changed the reservation meanwhile: look again."""
    letter = await _write_farewell(ending)
    change = Change(Action.CANCEL_RESERVATION, ending.actor, ending.present, ending.after)
    try:
        await write_together([*writes, *_end(ending), *build_trail(change), *plan_farewell(letter)])
    except GuardFailed:
        return False
    return True


async def _write_farewell(ending: _Ending) -> Letter:
    after = ending.after
    sealed = await load_sealed_phone(after.tenant_id, after.id)
    if ending.service is None:
        return Letter(after, sealed, {"code": after.code})
    return await write_letter(after, ending.service, sealed)


def _end(ending: _Ending) -> list[Write]:
    """The reservation's end, and everything that it had taken."""
    present, after = ending.present, ending.after
    tenant_id = present.tenant_id
    update = update_reservation(
        present,
        status=after.status.value,
        cancel_reason=after.cancel_reason,
        cancelled_at=after.cancelled_at,
        deposit_status=after.deposit_status,
        sequence=after.sequence,
        no_show_at=None,
    )
    writes = [
        update,
        release_time(tenant_id, present.id),
        detach_codes(tenant_id, present.id),
        withdraw_upcoming(tenant_id, present.id),
        *return_stock(tenant_id, present.id),
    ]
    if present.session_id is not None:
        writes.append(return_seats(tenant_id, present.session_id, present.party_size))
    if present.package_id is not None:
        settle = spend_session if ending.late else return_session
        writes += settle(tenant_id, present.id)
    return [*writes, *release_quota(present, ending.now)]


def _unknown() -> ReservationProblem:
    return ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _FIELD)
