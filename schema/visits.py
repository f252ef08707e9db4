"""What happens at and after a visit: check-in, deposit, settling, rating, and what the shop knows of its guest."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from core.reservations.values import ReservationProblem, ReservationView
from core.reservations.visits.check_in import CheckInInput, check_in_reservation, undo_check_in
from core.reservations.visits.deposits import record_deposit
from core.reservations.visits.profiles import ProfileView, RecordView, read_profile
from core.reservations.visits.ratings import RatingView, rate_reservation
from core.reservations.visits.settling import SettleInput, settle_reservation
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import mutation, resolved
from schema.ids import read_id
from schema.money import Money, read_yuan, show_money
from schema.redemptions import Redemption, show_redemption
from schema.reservations import (
    Reservation,
    ReservationUserError,
    show_reservation,
    show_reservation_problems,
)
from schema.services import Service, show_service
from schema.staff import StaffMember, show_staff_member

_KEY = "Chosen by the client, the same for every repeat. Kept 24 hours at least."


# ------------------------------------------------------------------------------------------------------------- check-in
@strawberry.input(description="A guest who is here: exactly one of `code`, `qr` and `phone`.")
class CheckInReservationInput:
    store_id: strawberry.ID = strawberry.field(description="The store at which the guest is.")
    code: str | None = strawberry.field(default=None, description="The reservation's code.")
    qr: str | None = strawberry.field(default=None, description="The text of the guest's QR code.")
    phone: str | None = strawberry.field(
        default=None, description="The contact's phone, or its last four digits."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to checkInReservation.")
class CheckInReservationPayload:
    reservation: Reservation | None = strawberry.field(description="Who was checked in; null if nobody was.")
    candidates: list[Reservation] = strawberry.field(
        description="With AMBIGUOUS_PHONE: whose it may be. Check one in by its code."
    )
    redemptions: list[Redemption] = strawberry.field(
        description="What became of the coupons that were attached."
    )
    user_errors: list[ReservationUserError] = strawberry.field(
        description="Why nobody was checked in; or, with COUPON_REFUSED, which coupons of a guest who was."
    )


@strawberry.input(description="A check-in that was a mistake.")
class UndoCheckInInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to undoCheckIn.")
class UndoCheckInPayload:
    reservation: Reservation | None = strawberry.field(
        description="The reservation as it is now, null if nothing was undone."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why nothing was undone.")


# ------------------------------------------------------------------------------------------------------------- settling
@strawberry.input(description="What was done at a visit.")
class SettleReservationInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation of a guest who is here.")
    note: str | None = strawberry.field(
        default=None, description="For the staff, 2,000 characters at most. The guest does not see it."
    )
    spent: Decimal | None = strawberry.field(default=None, description="In yuan; points follow from it.")
    products: list[str] | None = strawberry.field(default=None, description="What was used or sold.")
    preferences: list[str] | None = strawberry.field(
        default=None, description="What the guest likes, for the profile."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="The answer to settleReservation.")
class SettleReservationPayload:
    reservation: Reservation | None = strawberry.field(
        description="The completed reservation, null if it was not settled."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why it was not.")


@strawberry.input(description="A deposit that was paid at the counter.")
class RecordDepositInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")


@strawberry.type(description="The answer to recordDeposit.")
class RecordDepositPayload:
    reservation: Reservation | None = strawberry.field(
        description="The reservation as it is now, null if there is no deposit to be paid."
    )
    user_errors: list[ReservationUserError] = strawberry.field(description="Why there is none.")


# -------------------------------------------------------------------------------------------------------------- rating
@strawberry.input(description="What a guest thought of a visit.")
class RateReservationInput:
    reservation_id: strawberry.ID = strawberry.field(description="A completed reservation.")
    stars: int = strawberry.field(description="1 to 5.")
    comment: str | None = strawberry.field(default=None, description="1,000 characters at most.")


@strawberry.type(description="A guest's opinion of a visit.")
class Rating:
    stars: int = strawberry.field(description="1 to 5.")
    comment: str | None = strawberry.field(description="What was said.")


@strawberry.type(description="The answer to rateReservation.")
class RateReservationPayload:
    rating: Rating | None = strawberry.field(description="The rating, null if none was kept.")
    user_errors: list[ReservationUserError] = strawberry.field(description="Why none was kept.")


# ------------------------------------------------------------------------------------------------------------- profile
@strawberry.type(description="What was done at one visit.")
class ServiceRecord:
    view: strawberry.Private[RecordView]
    at: datetime = strawberry.field(description="When it was settled.")
    spent: Money = strawberry.field(description="What the guest spent.")
    note: str | None = strawberry.field(description="For the staff; null for the guest.")
    products: list[str] = strawberry.field(description="What was used or sold.")
    preferences: list[str] = strawberry.field(description="What was noted of the guest's likings.")

    @resolved(description="The visit.")
    async def reservation(self, info: Info) -> Reservation | None:
        view = await (await info.context.load()).reservations.load(self.view.reservation_id)
        return show_reservation(view) if view else None

    @resolved(description="What was given.")
    async def service(self, info: Info) -> Service | None:
        view = await (await info.context.load()).services.load(self.view.service_id)
        return show_service(view) if view else None


@strawberry.type(description="What the shop knows of a guest, all of it from visits.")
class CustomerProfile:
    view: strawberry.Private[ProfileView]
    visits: int = strawberry.field(description="How many were settled.")
    no_shows: int = strawberry.field(description="How often the guest did not come.")
    spent: Money = strawberry.field(description="In all visits together.")
    points: int = strawberry.field(description="What the guest has.")
    average_stars: float | None = strawberry.field(description="Of the guest's ratings; null without any.")
    last_visit_at: datetime | None = strawberry.field(description="When the last visit was settled.")
    preferences: list[str] = strawberry.field(description="What the guest likes, the most frequent first.")
    records: list[ServiceRecord] = strawberry.field(description="The last 100 visits, newest first.")

    @resolved(description="Whose profile it is.")
    async def customer(self, info: Info) -> Customer | None:
        view = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(view) if view else None

    @resolved(description="With whom most of the last 100 visits were.")
    async def usual_staff(self, info: Info) -> StaffMember | None:
        if self.view.usual_staff_id is None:
            return None
        view = await (await info.context.load()).staff.load(self.view.usual_staff_id)
        return show_staff_member(view) if view else None

    @resolved(description="What was given at most of the last 100 visits.")
    async def usual_service(self, info: Info) -> Service | None:
        if self.view.usual_service_id is None:
            return None
        view = await (await info.context.load()).services.load(self.view.usual_service_id)
        return show_service(view) if view else None


@strawberry.type
class VisitQueries:
    @resolved(
        description="What is known of a guest. May: owner, manager, staff, pos (visits to their stores), customer (their"
        " own, without notes)."
    )
    async def customer_profile(
        self,
        info: Info,
        customer_id: Annotated[strawberry.ID, strawberry.argument(description="The customer.")],
    ) -> CustomerProfile:
        context = info.context
        view = await read_profile(await context.sign_in(), read_id(customer_id, "Customer", "customerId"))
        return CustomerProfile(
            view=view,
            visits=view.visits,
            no_shows=view.no_shows,
            spent=show_money(view.spent),
            points=view.points,
            average_stars=view.average_stars,
            last_visit_at=view.last_visit_at,
            preferences=list(view.preferences),
            records=[_show_record(record) for record in view.records],
        )


@strawberry.type
class VisitMutations:
    @mutation(
        description="Checks a guest in, and redeems the coupons attached to the reservation; a coupon that is refused"
        " keeps nobody out. May: owner, manager, staff, pos (their stores)."
    )
    async def check_in_reservation(
        self,
        info: Info,
        given: Annotated[
            CheckInReservationInput, strawberry.argument(name="input", description="What the guest showed.")
        ],
    ) -> CheckInReservationPayload:
        context = info.context
        wanted = CheckInInput(
            read_id(given.store_id, "Store", "storeId"),
            given.idempotency_key,
            given.code,
            given.qr,
            given.phone,
        )
        result = await check_in_reservation(context.runtime, await context.sign_in(), wanted)
        return CheckInReservationPayload(
            reservation=show_reservation(result.reservation) if result.reservation else None,
            candidates=[show_reservation(view) for view in result.candidates],
            redemptions=[show_redemption(view) for view in result.redemptions],
            user_errors=await show_reservation_problems(context, result.problems),
        )

    @mutation(
        description="Takes a check-in back; redeemed coupons stay redeemed. May: owner, manager, staff, pos (their"
        " stores)."
    )
    async def undo_check_in(
        self,
        info: Info,
        given: Annotated[UndoCheckInInput, strawberry.argument(name="input", description="The reservation.")],
    ) -> UndoCheckInPayload:
        context, actor = info.context, await info.context.sign_in()
        reservation_id = read_id(given.reservation_id, "Reservation", "reservationId")
        answer = await undo_check_in(context.runtime, actor, reservation_id, given.idempotency_key)
        reservation, problems = await _show_answer(context, answer)
        return UndoCheckInPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Completes a visit: its record, spend and points in one. May: owner, manager, staff, pos (their"
        " stores)."
    )
    async def settle_reservation(
        self,
        info: Info,
        given: Annotated[
            SettleReservationInput, strawberry.argument(name="input", description="What was done.")
        ],
    ) -> SettleReservationPayload:
        context, actor = info.context, await info.context.sign_in()
        wanted = SettleInput(
            read_id(given.reservation_id, "Reservation", "reservationId"),
            given.idempotency_key,
            given.note,
            read_yuan(given.spent, "spent") or 0,
            tuple(given.products or ()),
            tuple(given.preferences or ()),
        )
        reservation, problems = await _show_answer(
            context, await settle_reservation(context.runtime, actor, wanted)
        )
        return SettleReservationPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Notes that the deposit was paid; a reservation that waited for it is confirmed. May: owner, manager,"
        " staff, pos (their stores)."
    )
    async def record_deposit(
        self,
        info: Info,
        given: Annotated[
            RecordDepositInput, strawberry.argument(name="input", description="The reservation.")
        ],
    ) -> RecordDepositPayload:
        context, actor = info.context, await info.context.sign_in()
        reservation_id = read_id(given.reservation_id, "Reservation", "reservationId")
        answer = await record_deposit(context.runtime, actor, reservation_id)
        reservation, problems = await _show_answer(context, answer)
        return RecordDepositPayload(reservation=reservation, user_errors=problems)

    @mutation(
        description="Keeps what a guest thought of a completed visit, once. May: everybody; customers of their own visits."
    )
    async def rate_reservation(
        self,
        info: Info,
        given: Annotated[RateReservationInput, strawberry.argument(name="input", description="The rating.")],
    ) -> RateReservationPayload:
        context, actor = info.context, await info.context.sign_in()
        reservation_id = read_id(given.reservation_id, "Reservation", "reservationId")
        answer = await rate_reservation(context.runtime, actor, reservation_id, given.stars, given.comment)
        if isinstance(answer, RatingView):
            rating = Rating(stars=answer.stars, comment=answer.comment)
            return RateReservationPayload(rating=rating, user_errors=[])
        problems = await show_reservation_problems(context, [answer])
        return RateReservationPayload(rating=None, user_errors=problems)


async def _show_answer(
    context: Context, answer: ReservationView | ReservationProblem
) -> tuple[Reservation | None, list[ReservationUserError]]:
    if isinstance(answer, ReservationView):
        return show_reservation(answer), []
    return None, await show_reservation_problems(context, [answer])


def _show_record(record: RecordView) -> ServiceRecord:
    return ServiceRecord(
        view=record,
        at=record.at,
        spent=show_money(record.spent),
        note=record.note,
        products=list(record.products),
        preferences=list(record.preferences),
    )
