"""`checkInReservation`: the guest is here. Attached coupons are redeemed right after, and their refusal keeps nobody out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.channels.contract import Refusal
from core.coupons.ledger import load_redemptions
from core.coupons.values import RedemptionView
from core.db.inserts import insert_row
from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.ids import new_id
from core.messages import refusal_text
from core.reservations.announcing import Change, build_trail, spread_news
from core.reservations.changing import update_reservation
from core.reservations.claims import take_claims
from core.reservations.placing import find_no_show
from core.reservations.quotas import release_quota, reopen_quota
from core.reservations.requests import (
    Answered,
    Refused,
    Request,
    answer_once,
    claim_request,
    find_answer,
    keep_answer,
    open_request,
)
from core.reservations.reservation_rows import find_own, load_reservation
from core.reservations.setup.rows import find_service, load_policy
from core.reservations.values import (
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.reservations.visits.arrivals import Ambiguous, CheckInMethod, Shown, find_arrival
from core.reservations.visits.attached_coupons import AttachedCoupon, AttachedStatus, list_attached
from core.reservations.visits.coupon_settling import redeem_attached
from core.runtime import Runtime

_ATTEMPTS: Final = 5
_UNDO_FIELD: Final = ("reservationId",)


@dataclass(frozen=True, slots=True)
class CheckInInput:
    """What the guest showed: exactly one of code, QR text, and phone (whole, or its last four digits)."""

    store_id: UUID
    idempotency_key: str
    code: str | None = None
    qr: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CheckInResult:
    """Who was checked in, with what became of the coupons; or why nobody was, with whom it may be."""

    reservation: ReservationView | None = None
    candidates: tuple[ReservationView, ...] = ()
    redemptions: tuple[RedemptionView, ...] = ()
    problems: tuple[ReservationProblem, ...] = ()


async def check_in_reservation(runtime: Runtime, actor: Actor | None, wanted: CheckInInput) -> CheckInResult:
    """Checks a guest in, once per idempotency key, and redeems the coupons attached to the reservation.

    A coupon that its platform refuses gives COUPON_REFUSED beside the reservation: the guest is in all the same.
    Raises Unauthenticated, Forbidden, NotFound (store), BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.CHECK_IN_RESERVATION)
    store = await find_store(actor, wanted.store_id)
    shown = Shown(store, wanted.code, wanted.qr, wanted.phone)
    described = [wanted.store_id, wanted.code, wanted.qr, wanted.phone]
    request = open_request(runtime, actor, "checkInReservation", wanted.idempotency_key, described)
    candidates: tuple[ReservationView, ...] = ()

    async def work() -> ReservationView:
        nonlocal candidates
        try:
            return await _check_in(runtime, actor, request, shown)
        except Ambiguous as ambiguous:
            candidates = ambiguous.candidates
            raise

    answer = await answer_once(runtime, request, work, lambda found: _recall(actor, found))
    if isinstance(answer, ReservationProblem):
        if answer.code is ReservationErrorCode.AMBIGUOUS_PHONE and not candidates:
            candidates = await _find_candidates(runtime, actor, shown)
        return CheckInResult(candidates=candidates, problems=(answer,))
    await redeem_attached(runtime, actor, answer)
    return await _show_result(runtime, actor, answer)


async def undo_check_in(
    runtime: Runtime, actor: Actor | None, reservation_id: UUID, key: str
) -> ReservationView | ReservationProblem:
    """Takes a check-in back: the guest is expected again. Coupons that were redeemed stay so.

    Answers INVALID for a guest who is not checked in. Raises as `check_in_reservation` does.
    """
    actor = require(actor, Action.CHECK_IN_RESERVATION)
    request = open_request(runtime, actor, "undoCheckIn", key, [reservation_id])

    async def work() -> ReservationView:
        return await _undo(runtime, actor, request, reservation_id)

    return await answer_once(runtime, request, work, lambda found: _recall(actor, found))


# ------------------------------------------------------------------------------------------------------------- checking
async def _check_in(runtime: Runtime, actor: Actor, request: Request, shown: Shown) -> ReservationView:
    policy = await load_policy(actor.tenant_id, shown.store.id)
    for _ in range(_ATTEMPTS):
        known = await find_answer(request)
        if known is not None:
            raise Answered(known)
        now = runtime.clock.now()
        present, method = await find_arrival(runtime.keys, actor, shown, policy, now)
        if await _commit(actor, request, present, method, now):
            await spread_news(runtime)
            return _arrive(present, now)
    raise GuardFailed("the reservation is being changed again and again")


async def _commit(
    actor: Actor, request: Request, present: ReservationView, method: CheckInMethod, now: datetime
) -> bool:
    """False where somebody else changed the reservation, or used the key, meanwhile: look again."""
    change = Change(Action.CHECK_IN_RESERVATION, actor, present, _arrive(present, now))
    try:
        await write_together(
            [
                keep_answer(request, {"id": str(present.id)}),
                *build_arrival(actor.actor_id, present, method.value, now),
                *build_trail(change),
            ]
        )
    except (GuardFailed, Conflict):
        return False
    return True


def build_arrival(actor_id: UUID, present: ReservationView, method: str, now: datetime) -> list[Write]:
    """What makes a guest a present one."""
    update = update_reservation(
        present, status=ReservationStatus.CHECKED_IN.value, checked_in_at=now, no_show_at=None
    )
    row = insert_row(
        "check_in",
        id=new_id(),
        tenant_id=present.tenant_id,
        created_at=now,
        reservation_id=present.id,
        store_id=present.store_id,
        method=method,
        actor_id=actor_id,
    )
    if present.status is ReservationStatus.NO_SHOW:
        # A no-show was not counted as open any more.
        return [update, row]
    return [update, row, *release_quota(present, now)]


def _arrive(present: ReservationView, now: datetime) -> ReservationView:
    return replace(
        present, status=ReservationStatus.CHECKED_IN, checked_in_at=now, version=present.version + 1
    )


# --------------------------------------------------------------------------------------------------------------- undoing
async def _undo(runtime: Runtime, actor: Actor, request: Request, reservation_id: UUID) -> ReservationView:
    for _ in range(_ATTEMPTS):
        present = await find_own(actor, reservation_id)
        if present is None:
            raise Refused(ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _UNDO_FIELD))
        if present.status is not ReservationStatus.CHECKED_IN:
            known = await find_answer(request)
            if known is not None:
                raise Answered(known)
            values: dict[str, object] = {"reason": "not_checked_in"}
            raise Refused(ReservationProblem(ReservationErrorCode.INVALID, _UNDO_FIELD, values=values))
        after = replace(
            present, status=ReservationStatus.CONFIRMED, checked_in_at=None, version=present.version + 1
        )
        try:
            return await _commit_undo(runtime, actor, request, present, after)
        except GuardFailed:
            continue
    raise GuardFailed("the reservation is being changed again and again")


async def _commit_undo(
    runtime: Runtime, actor: Actor, request: Request, present: ReservationView, after: ReservationView
) -> ReservationView:
    now, policy = runtime.clock.now(), await _narrow_policy(present)
    writes = [
        update_reservation(
            present,
            status=after.status.value,
            checked_in_at=None,
            no_show_at=find_no_show(policy, present.start),
        ),
        _withdraw_check_in(actor, present, now),
        *await _count_open_again(present, policy, now),
        *build_trail(Change("undoCheckIn", actor, present, after)),
    ]
    problem = await take_claims([claim_request(request, {"id": str(present.id)})], writes)
    if problem is not None:
        raise Refused(problem)
    await spread_news(runtime)
    return after


def _withdraw_check_in(actor: Actor, present: ReservationView, now: datetime) -> Write:
    return Write(
        "UPDATE check_in SET undone_at = $1, undone_by = $2 WHERE tenant_id = $3 AND reservation_id = $4"
        " AND undone_at IS NULL",
        (now, actor.actor_id, present.tenant_id, present.id),
    )


async def _count_open_again(present: ReservationView, policy: Policy, now: datetime) -> Sequence[Write]:
    service = await find_service(present.tenant_id, present.service_id)
    claims = reopen_quota(service, policy, present, now) if service else []
    return [write for claim in claims for write in claim.writes]


async def _narrow_policy(present: ReservationView) -> Policy:
    policy = await load_policy(present.tenant_id, present.store_id)
    service = await find_service(present.tenant_id, present.service_id)
    return policy.narrow(service) if service else policy


# --------------------------------------------------------------------------------------------------------------- showing
async def _recall(actor: Actor, reservation_id: UUID) -> ReservationView | ReservationProblem:
    found = await load_reservation(actor.tenant_id, reservation_id)
    return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION)


async def _find_candidates(runtime: Runtime, actor: Actor, shown: Shown) -> tuple[ReservationView, ...]:
    policy = await load_policy(actor.tenant_id, shown.store.id)
    try:
        await find_arrival(runtime.keys, actor, shown, policy, runtime.clock.now())
    except Ambiguous as ambiguous:
        return ambiguous.candidates
    except Refused:
        return ()
    return ()


async def _show_result(runtime: Runtime, actor: Actor, reservation: ReservationView) -> CheckInResult:
    coupons = await list_attached(runtime.keys, reservation.tenant_id, reservation.id)
    ids = [each for coupon in coupons for each in coupon.redemption_ids]
    redemptions = await load_redemptions(actor, ids) if ids else {}
    problems = tuple(
        ReservationProblem(
            ReservationErrorCode.COUPON_REFUSED,
            ("couponCodes", str(coupon.position)),
            values=_explain_refusal(coupon),
        )
        for coupon in coupons
        if coupon.refusal and coupon.status in (AttachedStatus.REFUSED, AttachedStatus.ATTACHED)
    )
    seen = tuple(redemptions[each] for each in ids if each in redemptions)
    return CheckInResult(reservation, redemptions=seen, problems=problems)


def _explain_refusal(coupon: AttachedCoupon) -> dict[str, object]:
    """One that could not be asked about is redeemed later, by itself."""
    if coupon.refusal is None or coupon.status is AttachedStatus.ATTACHED:
        return {"tail": coupon.code_tail, "reason": "later"}
    return {"tail": coupon.code_tail, "why": refusal_text(Refusal(coupon.refusal), "staff")}
