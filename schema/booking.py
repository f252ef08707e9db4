"""Holding, booking, moving and cancelling."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.reservations.booking import BookingInput, book_reservation
from core.reservations.cancelling import cancel_reservation
from core.reservations.holds import HoldView, extend_hold, hold_slot, release_hold
from core.reservations.preorders import LineInput
from core.reservations.rescheduling import reschedule_reservation
from core.reservations.values import Contact, ReservationProblem, ReservationView
from core.reservations.walk_ins import WalkInInput, book_walk_in
from schema.context import Context, Info
from schema.fields import mutation
from schema.ids import read_id, read_optional_id, show_id
from schema.reservations import (
    Reservation,
    ReservationUserError,
    show_reservation,
    show_reservation_problems,
)
from schema.slots import TimeSlot, show_slot

_KEY = "Chosen by the client, the same for every repeat. Kept 24 hours at least."


# -------------------------------------------------------------------------------------------------------------- holding
@strawberry.type(description="A time kept for whoever asked for it.")
class SlotHold:
    id: strawberry.ID = strawberry.field(description="With which it is booked.")
    slot: TimeSlot = strawberry.field(description="The time.")
    expires_at: datetime = strawberry.field(description="When it ends.")
    seconds_left: int = strawberry.field(description="How long it lasts from now.")
    extendable: bool = strawberry.field(description="Whether it can be extended: once.")


async def show_hold(context: Context, view: HoldView) -> SlotHold:
    return SlotHold(
        id=show_id("SlotHold", view.id),
        slot=await show_slot(context, view.slot),
        expires_at=view.expires_at,
        seconds_left=view.count_seconds(context.runtime.clock.now()),
        extendable=not view.extended,
    )


@strawberry.input(description="A time to keep while the form is filled in.")
class HoldSlotInput:
    slot_token: str = strawberry.field(description="The token of a time that was offered.")
    party_size: int | None = strawberry.field(default=1, description="How many people come.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to holdSlot.")
class HoldSlotPayload:
    hold: SlotHold | None = strawberry.field(description="The hold, null if the time is not kept.")
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it is not.")


@strawberry.input(description="A hold that should last longer.")
class ExtendHoldInput:
    hold_id: strawberry.ID = strawberry.field(description="The hold.")


@strawberry.type(description="The answer to extendHold.")
class ExtendHoldPayload:
    hold: SlotHold | None = strawberry.field(description="The hold, null if it was not extended.")
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it was not.")


@strawberry.input(description="A hold to give up.")
class ReleaseHoldInput:
    hold_id: strawberry.ID = strawberry.field(description="The hold.")


@strawberry.type(description="The answer to releaseHold.")
class ReleaseHoldPayload:
    released: bool = strawberry.field(description="Whether the time is not held any more.")
    user_errors: list[ReservationUserError] = strawberry.field(
        description="Why there was nothing to give up."
    )


# -------------------------------------------------------------------------------------------------------------- booking
@strawberry.input(description="Who comes.")
class ContactInput:
    name: str = strawberry.field(description="120 characters at most.")
    phone: str = strawberry.field(
        description="A mainland mobile number, or another one with + and its country."
    )


@strawberry.input(description="How many of something are ordered.")
class OrderLineInput:
    sku_id: strawberry.ID = strawberry.field(description="The variant of a product.")
    quantity: int = strawberry.field(description="1 to 1,000.")


@strawberry.input(description="A time to book: exactly one of `slotToken` and `holdId`.")
class BookReservationInput:
    slot_token: str | None = strawberry.field(
        default=None, description="The token of a time that was offered."
    )
    hold_id: strawberry.ID | None = strawberry.field(default=None, description="A hold of one's own.")
    party_size: int | None = strawberry.field(
        default=1, description="How many people come; of a hold, as many as it was made for."
    )
    contact: ContactInput | None = strawberry.field(
        default=None, description="Who comes; taken from the customer's profile when absent."
    )
    note: str | None = strawberry.field(
        default=None, description="What the guest wishes for, 500 characters at most."
    )
    coupon_codes: list[str] | None = strawberry.field(
        default=None, description="Redeemed at check-in; unused if the reservation is cancelled."
    )
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="A course or lesson package to draw a visit from."
    )
    preorder: list[OrderLineInput] | None = strawberry.field(
        default=None, description="What is to be ready; its stock is taken at once."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom staff book; else the customer with the contact's phone."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to bookReservation.")
class BookReservationPayload:
    reservation: Reservation | None = strawberry.field(description="The reservation, null if none was made.")
    user_errors: list[ReservationUserError] = strawberry.field(description="Why none was made.")


@strawberry.input(description="Somebody who came without a reservation.")
class BookWalkInInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    service_id: strawberry.ID = strawberry.field(description="The service.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="With whom; whoever is free when absent."
    )
    start: datetime | None = strawberry.field(default=None, description="Now when absent.")
    contact: ContactInput | None = strawberry.field(default=None, description="Who came.")
    party_size: int | None = strawberry.field(default=1, description="How many people came.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to bookWalkIn.")
class BookWalkInPayload:
    reservation: Reservation | None = strawberry.field(
        description="The reservation, checked in unless it begins later; null if none was made."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why none was made.")


# ------------------------------------------------------------------------------------------------------------- changing
@strawberry.input(description="Another time for a reservation.")
class RescheduleReservationInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    slot_token: str = strawberry.field(description="The token of a time of the same service.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to rescheduleReservation.")
class RescheduleReservationPayload:
    reservation: Reservation | None = strawberry.field(
        description="The reservation at its new time, null if it was not moved."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it was not moved.")


@strawberry.input(description="A reservation to cancel.")
class CancelReservationInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    reason: str | None = strawberry.field(default=None, description="Why, 200 characters at most.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="The answer to cancelReservation.")
class CancelReservationPayload:
    reservation: Reservation | None = strawberry.field(
        description="The cancelled reservation, null if it was not cancelled now."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it was not.")


@strawberry.type
class BookingMutations:
    @mutation(
        description="Keeps a time for some minutes while the form is filled in. May: everybody; staff and pos in their"
        " stores."
    )
    async def hold_slot(
        self,
        info: Info,
        given: Annotated[HoldSlotInput, strawberry.argument(name="input", description="The time.")],
    ) -> HoldSlotPayload:
        context, size = info.context, 1 if given.party_size is None else given.party_size
        actor = await context.sign_in()
        answer = await hold_slot(context.runtime, actor, given.slot_token, size, given.idempotency_key)
        hold, problems = await _show_hold_answer(context, answer)
        return HoldSlotPayload(hold=hold, user_errors=problems)

    @mutation(description="Makes a hold last as long again, once. May: whoever holds it.")
    async def extend_hold(
        self,
        info: Info,
        given: Annotated[ExtendHoldInput, strawberry.argument(name="input", description="The hold.")],
    ) -> ExtendHoldPayload:
        context = info.context
        hold_id = read_id(given.hold_id, "SlotHold", "holdId")
        answer = await extend_hold(context.runtime, await context.sign_in(), hold_id)
        hold, problems = await _show_hold_answer(context, answer)
        return ExtendHoldPayload(hold=hold, user_errors=problems)

    @mutation(description="Gives a hold up, so that others can book the time. May: whoever holds it.")
    async def release_hold(
        self,
        info: Info,
        given: Annotated[ReleaseHoldInput, strawberry.argument(name="input", description="The hold.")],
    ) -> ReleaseHoldPayload:
        context = info.context
        hold_id = read_id(given.hold_id, "SlotHold", "holdId")
        problem = await release_hold(context.runtime, await context.sign_in(), hold_id)
        problems = await show_reservation_problems(context, [problem] if problem else [])
        return ReleaseHoldPayload(released=problem is None, user_errors=problems)

    @mutation(
        description="Books a time: staff, rooms, seats, package and pre-ordered goods together, or nothing. May:"
        " everybody; staff and pos in their stores, customers for themselves."
    )
    async def book_reservation(
        self,
        info: Info,
        given: Annotated[
            BookReservationInput, strawberry.argument(name="input", description="The reservation.")
        ],
    ) -> BookReservationPayload:
        context = info.context
        answer = await book_reservation(context.runtime, await context.sign_in(), _read_booking(given))
        reservation, problems = await show_answer(context, answer)
        return BookReservationPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Books and checks in whoever came without a reservation. May: owner, manager, staff, pos (their"
        " stores)."
    )
    async def book_walk_in(
        self,
        info: Info,
        given: Annotated[BookWalkInInput, strawberry.argument(name="input", description="Who came.")],
    ) -> BookWalkInPayload:
        context = info.context
        wanted = WalkInInput(
            store_id=read_id(given.store_id, "Store", "storeId"),
            service_id=read_id(given.service_id, "Service", "serviceId"),
            idempotency_key=given.idempotency_key,
            staff_id=read_optional_id(given.staff_id, "StaffMember", "staffId"),
            start=given.start,
            contact=read_contact(given.contact),
            party_size=1 if given.party_size is None else given.party_size,
        )
        answer = await book_walk_in(context.runtime, await context.sign_in(), wanted)
        reservation, problems = await show_answer(context, answer)
        return BookWalkInPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Moves a reservation to another time of its service; its id, code and calendar address stay. May:"
        " owner, manager, staff, pos (their stores), customer (their own, before the change window closes)."
    )
    async def reschedule_reservation(
        self,
        info: Info,
        given: Annotated[
            RescheduleReservationInput, strawberry.argument(name="input", description="The new time.")
        ],
    ) -> RescheduleReservationPayload:
        context = info.context
        answer = await reschedule_reservation(
            context.runtime,
            await context.sign_in(),
            read_id(given.reservation_id, "Reservation", "reservationId"),
            given.slot_token,
            given.idempotency_key,
        )
        reservation, problems = await show_answer(context, answer)
        return RescheduleReservationPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Cancels a reservation and gives back what it took. May: owner, manager, staff, pos (their stores),"
        " customer (their own, before the change window closes)."
    )
    async def cancel_reservation(
        self,
        info: Info,
        given: Annotated[
            CancelReservationInput, strawberry.argument(name="input", description="The reservation.")
        ],
    ) -> CancelReservationPayload:
        context = info.context
        answer = await cancel_reservation(
            context.runtime,
            await context.sign_in(),
            read_id(given.reservation_id, "Reservation", "reservationId"),
            given.reason,
            given.idempotency_key,
        )
        reservation, problems = await show_answer(context, answer)
        return CancelReservationPayload(reservation=reservation, user_errors=problems)


async def show_answer(
    context: Context, answer: ReservationView | ReservationProblem
) -> tuple[Reservation | None, list[ReservationUserError]]:
    """The two sides of a payload."""
    if isinstance(answer, ReservationView):
        return show_reservation(answer), []
    return None, await show_reservation_problems(context, [answer])


async def _show_hold_answer(
    context: Context, answer: HoldView | ReservationProblem
) -> tuple[SlotHold | None, list[ReservationUserError]]:
    if isinstance(answer, HoldView):
        return await show_hold(context, answer), []
    return None, await show_reservation_problems(context, [answer])


def _read_booking(given: BookReservationInput) -> BookingInput:
    return BookingInput(
        slot_token=given.slot_token,
        hold_id=read_optional_id(given.hold_id, "SlotHold", "holdId"),
        party_size=1 if given.party_size is None else given.party_size,
        contact=read_contact(given.contact),
        note=given.note,
        coupon_codes=tuple(given.coupon_codes or ()),
        package_id=read_optional_id(given.package_id, "CustomerPackage", "packageId"),
        preorder=read_lines(given.preorder, "preorder"),
        idempotency_key=given.idempotency_key,
        customer_id=read_optional_id(given.customer_id, "Customer", "customerId"),
    )


def read_contact(given: ContactInput | None) -> Contact | None:
    """Who comes, as it was typed."""
    return Contact(given.name, given.phone) if given else None


def read_lines(given: list[OrderLineInput] | None, *field: str) -> tuple[LineInput, ...]:
    """What is ordered. Raises BadInput naming the wrong id."""
    return tuple(
        LineInput(_read_sku(line, (*field, str(index), "skuId")), line.quantity)
        for index, line in enumerate(given or ())
    )


def _read_sku(line: OrderLineInput, field: tuple[str, ...]) -> UUID:
    return read_id(line.sku_id, "Sku", *field)
