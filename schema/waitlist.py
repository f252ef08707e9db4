"""Waiting for a seat of a full class."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.errors import NotFound
from core.messages import text
from core.reservations.values import ReservationProblem
from core.reservations.waitlist.joining import (
    JoinInput,
    join_waitlist,
    leave_waitlist,
    list_own_waitlist,
    list_waitlist,
)
from core.reservations.waitlist.offers import AcceptInput, accept_offer
from core.reservations.waitlist.rows import EntryView, WaitlistStatus
from schema import reservation_enums as reservation_enums
from schema.booking import ContactInput, read_contact, show_answer
from schema.classes import ClassSession, show_class
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.reservations import (
    Reservation,
    ReservationUserError,
    show_reservation,
    show_reservation_problems,
)

_KEY = "Chosen by the client, the same for every repeat. Kept 24 hours at least."


@strawberry.type(description="Somebody who waits for seats of a full class.")
class WaitlistEntry(Node):
    view: strawberry.Private[EntryView]
    status: WaitlistStatus = strawberry.field(description="How far it has come.")
    party_size: int = strawberry.field(description="How many seats are wanted.")
    position: int | None = strawberry.field(
        description="1 for who has waited longest; null unless it is WAITING."
    )
    joined_at: datetime = strawberry.field(description="Since when they wait.")
    offer_expires_at: datetime | None = strawberry.field(
        description="Until when the offered seats are kept; null before there is an offer."
    )

    @resolved(description="The class.")
    async def class_session(self, info: Info) -> ClassSession:
        view = await (await info.context.load()).classes.load(self.view.session_id)
        if view is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return show_class(view)

    @resolved(description="Who waits.")
    async def customer(self, info: Info) -> Customer | None:
        view = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(view) if view else None

    @resolved(description="What an accepted offer has become.")
    async def reservation(self, info: Info) -> Reservation | None:
        if self.view.reservation_id is None:
            return None
        view = await (await info.context.load()).reservations.load(self.view.reservation_id)
        return show_reservation(view) if view else None


def show_entry(view: EntryView) -> WaitlistEntry:
    return WaitlistEntry(
        id=show_id("WaitlistEntry", view.id),
        view=view,
        status=view.status,
        party_size=view.party_size,
        position=view.position,
        joined_at=view.created_at,
        offer_expires_at=view.offer_expires_at,
    )


async def find_own_entry(context: Context, row_id: UUID) -> WaitlistEntry | None:
    """An entry that the caller may see."""
    view = await (await context.load()).waitlist.load(row_id)
    return show_entry(view) if view else None


@strawberry.input(description="Seats of a full class to wait for.")
class JoinWaitlistInput:
    session_id: strawberry.ID = strawberry.field(description="The class.")
    party_size: int | None = strawberry.field(default=1, description="How many seats are wanted.")
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom staff ask; else the customer with the contact's phone."
    )
    contact: ContactInput | None = strawberry.field(
        default=None, description="For whom staff ask. Customers wait for themselves."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to joinWaitlist.")
class JoinWaitlistPayload:
    waitlist_entry: WaitlistEntry | None = strawberry.field(
        description="The place on the waitlist, null if there is none."
    )
    user_errors: list[ReservationUserError] = strawberry.field(
        description="Why there is none. A class with seats left is among the suggestions: book it."
    )


@strawberry.input(description="A place on a waitlist to give up.")
class LeaveWaitlistInput:
    entry_id: strawberry.ID = strawberry.field(description="The place on the waitlist.")


@strawberry.type(description="The answer to leaveWaitlist.")
class LeaveWaitlistPayload:
    waitlist_entry: WaitlistEntry | None = strawberry.field(
        description="The place that was given up, null if it was not."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it was not.")


@strawberry.input(description="Offered seats to take.")
class AcceptWaitlistOfferInput:
    entry_id: strawberry.ID = strawberry.field(description="The place on the waitlist.")
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="A lesson package to draw a visit from."
    )
    contact: ContactInput | None = strawberry.field(
        default=None, description="Who comes; from the customer's profile when absent."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to acceptWaitlistOffer.")
class AcceptWaitlistOfferPayload:
    reservation: Reservation | None = strawberry.field(
        description="The reservation of the seats, null if none was made."
    )
    user_errors: list[ReservationUserError] = strawberry.field(
        description="Why none was made; HOLD_EXPIRED where the offer has run out."
    )


@strawberry.type
class WaitlistQueries:
    @resolved(
        description="Who waits for a class or has an offer, longest first. May: owner, manager, staff, pos (their"
        " stores)."
    )
    async def waitlist(
        self,
        info: Info,
        session_id: Annotated[strawberry.ID, strawberry.argument(description="The class.")],
    ) -> list[WaitlistEntry]:
        actor = await info.context.sign_in()
        found = await list_waitlist(actor, read_id(session_id, "ClassSession", "sessionId"))
        return [show_entry(view) for view in found]

    @resolved(
        description="The customer's last 100 places on waitlists, newest first, with those that have ended. May:"
        " customer."
    )
    async def my_waitlist(self, info: Info) -> list[WaitlistEntry]:
        return [show_entry(view) for view in await list_own_waitlist(await info.context.sign_in())]


@strawberry.type
class WaitlistMutations:
    @mutation(
        description="Waits for seats of a full class. Whoever has waited longest is offered what comes free. May:"
        " everybody; staff and pos in their stores, customers for themselves."
    )
    async def join_waitlist(
        self,
        info: Info,
        given: Annotated[JoinWaitlistInput, strawberry.argument(name="input", description="The class.")],
    ) -> JoinWaitlistPayload:
        context = info.context
        wanted = JoinInput(
            session_id=read_id(given.session_id, "ClassSession", "sessionId"),
            party_size=1 if given.party_size is None else given.party_size,
            idempotency_key=given.idempotency_key,
            customer_id=read_optional_id(given.customer_id, "Customer", "customerId"),
            contact=read_contact(given.contact),
        )
        answer = await join_waitlist(context.runtime, await context.sign_in(), wanted)
        entry, problems = await _show_entry_answer(context, answer)
        return JoinWaitlistPayload(waitlist_entry=entry, user_errors=problems)

    @mutation(
        description="Gives up waiting, or offered seats, which go to the next. A repeat changes nothing. May: everybody;"
        " staff and pos in their stores, customers their own."
    )
    async def leave_waitlist(
        self,
        info: Info,
        given: Annotated[LeaveWaitlistInput, strawberry.argument(name="input", description="The place.")],
    ) -> LeaveWaitlistPayload:
        context = info.context
        entry_id = read_id(given.entry_id, "WaitlistEntry", "entryId")
        answer = await leave_waitlist(context.runtime, await context.sign_in(), entry_id)
        entry, problems = await _show_entry_answer(context, answer)
        return LeaveWaitlistPayload(waitlist_entry=entry, user_errors=problems)

    @mutation(
        description="Books the seats that were offered, while the offer lasts. May: everybody; staff and pos in their"
        " stores, customers their own."
    )
    async def accept_waitlist_offer(
        self,
        info: Info,
        given: Annotated[
            AcceptWaitlistOfferInput, strawberry.argument(name="input", description="The offer.")
        ],
    ) -> AcceptWaitlistOfferPayload:
        context = info.context
        wanted = AcceptInput(
            entry_id=read_id(given.entry_id, "WaitlistEntry", "entryId"),
            idempotency_key=given.idempotency_key,
            package_id=read_optional_id(given.package_id, "CustomerPackage", "packageId"),
            contact=read_contact(given.contact),
        )
        answer = await accept_offer(context.runtime, await context.sign_in(), wanted)
        reservation, problems = await show_answer(context, answer)
        return AcceptWaitlistOfferPayload(reservation=reservation, user_errors=problems)


async def _show_entry_answer(
    context: Context, answer: EntryView | ReservationProblem
) -> tuple[WaitlistEntry | None, list[ReservationUserError]]:
    if isinstance(answer, EntryView):
        return show_entry(answer), []
    return None, await show_reservation_problems(context, [answer])
