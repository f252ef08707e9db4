"""`acceptWaitlistOffer`: the seats that were offered become a reservation; no others are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.db.statements import Write, fetch_row
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.notifications.planning import cancel_notifications, plan_notification
from core.notifications.values import NotificationKind
from core.reservations.announcing import spread_news, write_letter
from core.reservations.claims import Claim
from core.reservations.guests import check_contact, find_guest
from core.reservations.packages import claim_session
from core.reservations.placing import Draft, place_reservation, show_draft
from core.reservations.problems import refuse_input
from core.reservations.quotas import claim_quota
from core.reservations.requests import Refused, Request, answer_once, claim_request, open_request
from core.reservations.reservation_rows import find_own
from core.reservations.setup.classes import ClassView, find_class
from core.reservations.setup.rows import find_service, load_policy
from core.reservations.values import Contact, ReservationErrorCode, ReservationProblem, ReservationView
from core.reservations.waitlist.rows import SUBJECT, EntryView, WaitlistStatus, find_entry
from core.runtime import Runtime

_FIELD: Final = ("entryId",)
_GONE: Final = ReservationProblem(ReservationErrorCode.HOLD_EXPIRED, _FIELD)


@dataclass(frozen=True, slots=True)
class AcceptInput:
    """Which offer is taken. `contact` None: from the customer's profile."""

    entry_id: UUID
    idempotency_key: str
    package_id: UUID | None = None
    contact: Contact | None = None


async def accept_offer(
    runtime: Runtime, actor: Actor | None, wanted: AcceptInput
) -> ReservationView | ReservationProblem:
    """Books the seats of an offer while it lasts, or answers why not; HOLD_EXPIRED once it is over.

    A repeat with the same key answers the same reservation. Raises Unauthenticated, Forbidden, NotFound, BadInput and
    IdempotencyKeyReused.
    """
    actor = require(actor, Action.ACCEPT_WAITLIST_OFFER)
    contact = wanted.contact
    described = [wanted.entry_id, wanted.package_id, [contact.name, contact.phone] if contact else None]
    request = open_request(runtime, actor, "acceptWaitlistOffer", wanted.idempotency_key, described)

    async def work() -> ReservationView:
        return await _accept(runtime, actor, request, replace(wanted, contact=check_contact(contact)))

    async def recall(reservation_id: UUID) -> ReservationView | ReservationProblem:
        found = await find_own(actor, reservation_id)
        return found or ReservationProblem(ReservationErrorCode.UNKNOWN_RESERVATION, _FIELD)

    return await answer_once(runtime, request, work, recall)


async def _accept(runtime: Runtime, actor: Actor, request: Request, wanted: AcceptInput) -> ReservationView:
    entry = await find_entry(actor, wanted.entry_id)
    if entry is None:
        raise NotFound(text("fault.NOT_FOUND"))
    session = await find_class(actor, entry.session_id)
    _check_offer(entry, session, runtime.clock.now())
    draft = await _draft(runtime, actor, wanted, entry, session)
    made = await place_reservation(
        draft,
        actor,
        Action.ACCEPT_WAITLIST_OFFER,
        before=[claim_request(request, {"id": str(draft.id)})],
        instead_of_place=_claim_offer(entry, draft.id, draft.created_at),
        after=_claim_extras(actor, wanted, entry, draft),
        writes=await _write_news(entry, draft),
    )
    if isinstance(made, ReservationProblem):
        problem = replace(made, field=made.field or _FIELD)
        raise Refused(problem, session.slot, entry.party_size)
    await spread_news(runtime)
    return made


def _check_offer(entry: EntryView, session: ClassView, now: datetime) -> None:
    """Raises Refused where there is nothing to accept; that it is still so shows when it is taken."""
    if entry.status is WaitlistStatus.WAITING:
        raise Refused(refuse_input("no_offer", *_FIELD))
    if entry.status is WaitlistStatus.PROMOTED:
        raise Refused(refuse_input("promoted", *_FIELD))
    if entry.status is WaitlistStatus.OFFERED and _is_living(entry, now):
        return
    raise Refused(_GONE, session.slot, entry.party_size)


def _is_living(entry: EntryView, now: datetime) -> bool:
    return entry.offer_expires_at is not None and entry.offer_expires_at > now


async def _draft(
    runtime: Runtime, actor: Actor, wanted: AcceptInput, entry: EntryView, session: ClassView
) -> Draft:
    service = await find_service(entry.tenant_id, session.service_id)
    if service is None:
        raise NotFound(text("fault.service_not_found"))
    policy, reservation_id = await load_policy(entry.tenant_id, entry.store_id), new_id()
    guest = await find_guest(runtime.keys, actor, reservation_id, wanted.contact, entry.customer_id)
    return Draft(
        service,
        policy.narrow(service),
        session.slot,
        entry.party_size,
        runtime.clock.now(),
        guest,
        owns_time=actor.is_customer,
        package_id=wanted.package_id,
        id=reservation_id,
    )


def _claim_offer(entry: EntryView, reservation_id: UUID, now: datetime) -> Claim:
    """The claim that turns an offer into a reservation's place, while it lasts. Its seats go over as they are."""
    tenant_id, entry_id = entry.tenant_id, entry.id
    use = Write(
        "UPDATE waitlist_entry SET status = 'PROMOTED', reservation_id = $1 WHERE tenant_id = $2 AND id = $3"
        " AND status = 'OFFERED' AND offer_expires_at > $4 AND EXISTS (SELECT 1 FROM class_session"
        " WHERE tenant_id = $2 AND id = $5 AND status = 'OPEN')",
        (reservation_id, tenant_id, entry_id, now, entry.session_id),
        expects=1,
    )

    async def explain() -> ReservationProblem | None:
        row = await fetch_row(
            "SELECT w.id FROM waitlist_entry w JOIN class_session s ON s.tenant_id = w.tenant_id"
            " AND s.id = w.session_id AND s.status = 'OPEN' WHERE w.tenant_id = $1 AND w.id = $2"
            " AND w.status = 'OFFERED' AND w.offer_expires_at > $3",
            tenant_id, entry_id, now,
        )  # fmt: skip
        return None if row else _GONE

    return Claim([use], explain)


def _claim_extras(actor: Actor, wanted: AcceptInput, entry: EntryView, draft: Draft) -> Sequence[Claim]:
    """What the reservation takes beside its seats, as for any other booking."""
    service, start = draft.service, draft.slot.start
    quota = claim_quota(service, draft.policy, entry.customer_id, draft.created_at, binding=actor.is_customer)
    if wanted.package_id is None:
        return quota
    package = claim_session(entry.tenant_id, wanted.package_id, draft.id, entry.customer_id, service, start)
    return [*quota, package]


async def _write_news(entry: EntryView, draft: Draft) -> list[Write]:
    """The message of the offer is withdrawn if it has not gone out; another tells that the seats are theirs."""
    letter = await write_letter(show_draft(draft), draft.service, None)
    # The reservation's code may be made anew while it is placed; its own message tells it.
    values = {name: value for name, value in letter.values.items() if name != "code"}
    return [
        cancel_notifications(entry.tenant_id, entry.id, [NotificationKind.WAITLIST_OFFERED]),
        plan_notification(
            entry.tenant_id,
            NotificationKind.WAITLIST_PROMOTED,
            entry.customer_id,
            store_id=entry.store_id,
            subject_type=SUBJECT,
            subject_id=entry.id,
            values=values,
            dedupe_key=f"waitlist:{entry.id}:promoted",
        ),
    ]
