"""`bookReservation`: a slot or a hold becomes a reservation, with all that it takes, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.ids import new_id
from core.reservations.announcing import spread_news
from core.reservations.claims import Claim
from core.reservations.guests import check_contact, find_guest
from core.reservations.holds import Hold, claim_hold, find_living_hold
from core.reservations.packages import claim_session
from core.reservations.placing import Draft, place_reservation
from core.reservations.preorders import LineInput, claim_stock
from core.reservations.problems import refuse_input
from core.reservations.quotas import claim_quota
from core.reservations.requests import (
    Refused,
    Request,
    answer_once,
    claim_request,
    open_request,
)
from core.reservations.reservation_rows import find_own
from core.reservations.setup.rows import find_service, load_policy
from core.reservations.slots.choice import admit_slot, check_party, fit_slot, open_slot, settle_session
from core.reservations.values import (
    Contact,
    ReservationErrorCode,
    ReservationProblem,
    ReservationView,
    ServiceView,
    Slot,
)
from core.reservations.visits.attached_coupons import attach_codes
from core.runtime import Runtime

MAX_NOTE: Final = 500
MAX_COUPONS: Final = 20
MAX_LINES: Final = 50
MAX_QUANTITY: Final = 1000


@dataclass(frozen=True, slots=True)
class BookingInput:
    """What somebody wants to book: exactly one of `slot_token` and `hold_id`.

    party_size   of a hold that of the hold counts
    contact      None: from the customer's profile
    customer_id  for whom staff book; customers book for themselves
    """

    slot_token: str | None = field(repr=False)
    hold_id: UUID | None
    party_size: int
    contact: Contact | None
    note: str | None = field(repr=False)
    coupon_codes: tuple[str, ...] = field(repr=False)
    package_id: UUID | None
    preorder: tuple[LineInput, ...]
    idempotency_key: str
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was chosen, looked at, and not yet taken."""

    service: ServiceView
    slot: Slot
    party_size: int
    hold: Hold | None = None


async def book_reservation(
    runtime: Runtime, actor: Actor | None, wanted: BookingInput
) -> ReservationView | ReservationProblem:
    """Books a slot or a hold, or answers why not, with free slots instead where these would help.

    A repeat with the same key answers the same reservation, as it is by then, or the same refusal. Raises
    Unauthenticated, Forbidden, NotFound (store), BadInput (a key or coupon code that is none) and
    IdempotencyKeyReused.
    """
    actor = require(actor, Action.BOOK_RESERVATION)
    request = open_request(runtime, actor, "bookReservation", wanted.idempotency_key, _describe_input(wanted))

    async def work() -> ReservationView | ReservationProblem:
        return await _book(runtime, actor, request, wanted)

    async def recall(reservation_id: UUID) -> ReservationView | ReservationProblem:
        found = await find_own(actor, reservation_id)
        return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION)

    return await answer_once(runtime, request, work, recall)


def _describe_input(wanted: BookingInput) -> list[object]:
    contact = wanted.contact
    return [
        wanted.slot_token,
        wanted.hold_id,
        wanted.party_size,
        [contact.name, contact.phone] if contact else None,
        wanted.note,
        wanted.coupon_codes,
        wanted.package_id,
        [[line.sku_id, line.quantity] for line in wanted.preorder],
        wanted.customer_id,
    ]


async def _book(runtime: Runtime, actor: Actor, request: Request, wanted: BookingInput) -> ReservationView:
    wanted = _check_input(wanted)
    choice = await _choose(runtime, actor, wanted)
    draft = await _draft(runtime, actor, wanted, choice)
    answer = {"id": str(draft.id)}
    made = await place_reservation(
        draft,
        actor,
        Action.BOOK_RESERVATION,
        before=[claim_request(request, answer)],
        instead_of_place=claim_hold(choice.hold, draft.id, draft.created_at) if choice.hold else None,
        after=_claim_extras(actor, wanted, draft),
        writes=attach_codes(runtime.keys, actor.tenant_id, draft.id, wanted.coupon_codes),
    )
    if isinstance(made, ReservationProblem):
        raise Refused(_name_field(made, wanted), choice.slot, choice.party_size)
    await spread_news(runtime)
    return made


# ------------------------------------------------------------------------------------------------------------- choosing
async def _choose(runtime: Runtime, actor: Actor, wanted: BookingInput) -> _Choice:
    if wanted.hold_id is not None:
        return await _choose_hold(runtime, actor, wanted.hold_id, wanted.party_size)
    slot = open_slot(runtime, actor, wanted.slot_token or "", wanted.party_size)
    service = await admit_slot(runtime, actor, slot, wanted.party_size)
    slot = await settle_session(service, slot)
    slot = await fit_slot(service, slot, wanted.party_size, runtime.clock.now())
    return _Choice(service, slot, wanted.party_size)


async def _choose_hold(runtime: Runtime, actor: Actor, hold_id: UUID, party_size: int) -> _Choice:
    """What is held was looked at when it was held. A party of 1 is what clients send who leave it to the hold."""
    hold = await find_living_hold(runtime, actor, hold_id)
    if party_size not in (1, hold.view.party_size):
        raise Refused(refuse_input("party_held", "partySize", held=hold.view.party_size))
    service = await find_service(actor.tenant_id, hold.view.slot.service_id)
    if service is None:
        raise Refused(refuse_input("retired", "holdId"), hold.view.slot, hold.view.party_size)
    return _Choice(service, hold.view.slot, hold.view.party_size, hold)


def _check_input(wanted: BookingInput) -> BookingInput:
    """The input with a phone in E.164 and a trimmed note. Raises Refused with the path of what is wrong."""
    if (wanted.slot_token is None) == (wanted.hold_id is None):
        raise Refused(refuse_input("one_of", "slotToken"))
    check_party(wanted.party_size)
    note = (wanted.note or "").strip() or None
    if note is not None and len(note) > MAX_NOTE:
        raise Refused(refuse_input("too_long", "note", limit=MAX_NOTE))
    for name, entries, limit in (
        ("couponCodes", wanted.coupon_codes, MAX_COUPONS),
        ("preorder", wanted.preorder, MAX_LINES),
    ):
        if len(entries) > limit:
            raise Refused(refuse_input("too_many", name, limit=limit))
    for index, line in enumerate(wanted.preorder):
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise Refused(refuse_input("quantity", "preorder", str(index), "quantity", most=MAX_QUANTITY))
    return replace(wanted, note=note, contact=check_contact(wanted.contact))


def _name_field(problem: ReservationProblem, wanted: BookingInput) -> ReservationProblem:
    """The problem with the input that it is about, where it names none."""
    chosen = ("holdId",) if wanted.hold_id is not None else ("slotToken",)
    return replace(problem, field=problem.field or chosen)


# ------------------------------------------------------------------------------------------------------------- drafting
async def _draft(runtime: Runtime, actor: Actor, wanted: BookingInput, choice: _Choice) -> Draft:
    service, reservation_id = choice.service, new_id()
    policy = await load_policy(actor.tenant_id, service.store_id)
    guest = await find_guest(runtime.keys, actor, reservation_id, wanted.contact, wanted.customer_id)
    return Draft(
        service,
        policy.narrow(service),
        choice.slot,
        choice.party_size,
        runtime.clock.now(),
        guest,
        owns_time=actor.is_customer,
        note=wanted.note,
        package_id=wanted.package_id,
        id=reservation_id,
    )


def _claim_extras(actor: Actor, wanted: BookingInput, draft: Draft) -> list[Claim]:
    """What the reservation takes beside its place. A quota binds customers; for others it only counts."""
    service, customer_id = draft.service, draft.guest.customer_id
    claims: list[Claim] = []
    if customer_id is not None:
        claims += claim_quota(service, draft.policy, customer_id, draft.created_at, binding=actor.is_customer)
    if wanted.package_id is not None:
        claims.append(
            claim_session(
                actor.tenant_id, wanted.package_id, draft.id, customer_id, service, draft.slot.start
            )
        )
    if wanted.preorder:
        claims.append(claim_stock(actor.tenant_id, service.store_id, wanted.preorder, draft.id))
    return claims
