"""Reservations: what they are, listing them, and the times that can be booked."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry

from core.errors import NotFound
from core.messages import text
from core.reservations.ledger import Position, count_reservations, list_reservations
from core.reservations.ledger import ReservationFilter as CoreFilter
from core.reservations.problems import describe_problem
from core.reservations.slots.availability import SlotQuery, list_slots, recommend_slots
from core.reservations.values import (
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.reservations.visits.check_in_payloads import sign_payload
from schema import enums as enums
from schema.channels import Channel, find_channel
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.reservation_details import ReservationDetails
from schema.resources import Resource, show_resource
from schema.services import Service, show_service
from schema.slots import TimeSlot, show_slots
from schema.staff import StaffMember, show_staff_member
from schema.stores import Store, show_store

CURSOR: Final = "reservations"
_POSITION: Final = struct.Struct(">q16s")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@strawberry.type(description="One visit of one party.")
class Reservation(Node, ReservationDetails):
    view: strawberry.Private[ReservationView]
    code: str = strawberry.field(description="What the guest says at the counter; unique in the store.")
    status: ReservationStatus = strawberry.field(description="How far it has come.")
    start: datetime = strawberry.field(description="When the service begins, without buffers.")
    end: datetime = strawberry.field(description="When it ends, without buffers.")
    party_size: int = strawberry.field(description="How many people come.")
    contact_name: str | None = strawberry.field(description="Who comes, as it was given.")
    phone_tail: str | None = strawberry.field(description="The last four digits of the contact's phone.")
    note: str | None = strawberry.field(description="What the guest wished for.")
    walk_in: bool = strawberry.field(description="Whether the guest came without a reservation.")
    cancel_reason: str | None = strawberry.field(description="Why it was cancelled, as it was given.")

    @resolved(description="The text to show as a QR code for the check-in; good to the end of that day.")
    async def check_in_payload(self, info: Info) -> str:
        context, view = info.context, self.view
        store = await (await context.load()).stores.load(view.store_id)
        zone = ZoneInfo(store.time_zone if store else "UTC")
        return sign_payload(context.runtime.keys, view.tenant_id, view.id, view.start, zone)

    @resolved(description="Where it is.")
    async def store(self, info: Info) -> Store:
        store = await (await info.context.load()).stores.load(self.view.store_id)
        if store is None:
            raise NotFound(text("fault.store_not_found"))
        return show_store(store)

    @resolved(description="What was booked.")
    async def service(self, info: Info) -> Service:
        view = await (await info.context.load()).services.load(self.view.service_id)
        if view is None:
            raise NotFound(text("fault.service_not_found"))
        return show_service(view)

    @resolved(description="Whose it is; null for a guest nobody knows.")
    async def customer(self, info: Info) -> Customer | None:
        if self.view.customer_id is None:
            return None
        view = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(view) if view else None

    @resolved(description="Who gives it; null where nobody of the staff does.")
    async def staff(self, info: Info) -> StaffMember | None:
        if self.view.staff_id is None:
            return None
        view = await (await info.context.load()).staff.load(self.view.staff_id)
        return show_staff_member(view) if view else None

    @resolved(description="What it takes, one of each kind.")
    async def resources(self, info: Info) -> list[Resource]:
        found = await (await info.context.load()).resources.load_many(list(self.view.resource_ids))
        return [show_resource(view) for view in found if view is not None]

    @resolved(description="Where it was booked; `house` is our own.")
    def source(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.source_channel)

    @resolved(description="Its calendar entry (ICS), readable without a token by whoever has this address.")
    def calendar_url(self, info: Info) -> str:
        return f"{info.context.base_url.rstrip('/')}/calendar/{self.view.calendar_key}.ics"


def show_reservation(view: ReservationView) -> Reservation:
    return Reservation(
        id=show_id("Reservation", view.id),
        view=view,
        code=view.code,
        status=view.status,
        start=view.start,
        end=view.end,
        party_size=view.party_size,
        contact_name=view.contact_name,
        phone_tail=view.phone_tail,
        note=view.note,
        walk_in=view.walk_in,
        cancel_reason=view.cancel_reason,
    )


async def find_own_reservation(context: Context, row_id: UUID) -> Reservation | None:
    """A reservation that the caller may see."""
    view = await (await context.load()).reservations.load(row_id)
    return show_reservation(view) if view else None


@strawberry.type(description="Why a reservation was not made, changed or checked in.")
class ReservationUserError:
    code: ReservationErrorCode = strawberry.field(description="The reason; never changes with the language.")
    message: str = strawberry.field(description="For people, in the language of Accept-Language.")
    field: list[str] | None = strawberry.field(
        description='The path inside the input, as in `["contact", "phone"]`.'
    )
    suggestions: list[TimeSlot] = strawberry.field(
        description="Free times instead, nearest first, as they are now; where another time would help."
    )


async def show_reservation_problems(
    context: Context, problems: Sequence[ReservationProblem]
) -> list[ReservationUserError]:
    """The problems with their texts and their free slots."""
    return [
        ReservationUserError(
            code=problem.code,
            message=describe_problem(problem),
            field=list(problem.field) or None,
            suggestions=await show_slots(context, problem.suggestions),
        )
        for problem in problems
    ]


# ------------------------------------------------------------------------------------------------------------- listing
@strawberry.input(description="Which reservations to list; what is given must all hold.")
class ReservationFilter:
    store_id: strawberry.ID | None = strawberry.field(default=None, description="In this store.")
    since: datetime | None = strawberry.field(
        name="from", default=None, description="That start at this instant or later."
    )
    until: datetime | None = strawberry.field(
        name="to", default=None, description="That start before this instant."
    )
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="With this staff member.")
    service_id: strawberry.ID | None = strawberry.field(default=None, description="Of this service.")
    status: list[ReservationStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    phone_tail: str | None = strawberry.field(
        default=None, description="Whose contact's phone ends in these four digits."
    )


@strawberry.type(description="A reservation in a list.")
class ReservationEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: Reservation = strawberry.field(description="The reservation.")


@strawberry.type(description="A page of reservations, earliest start first.")
class ReservationConnection:
    filter: strawberry.Private[CoreFilter]
    edges: list[ReservationEdge] = strawberry.field(description="The reservations of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many the filter meets in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_reservations(await info.context.sign_in(), self.filter)


@strawberry.input(description="A window in which to look for free times, 31 days at most.")
class AvailabilityInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    service_id: strawberry.ID = strawberry.field(description="The service.")
    since: datetime = strawberry.field(name="from", description="The earliest start.")
    until: datetime = strawberry.field(name="to", description="All starts lie before this instant.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="With this staff member only."
    )
    party_size: int | None = strawberry.field(default=1, description="How many people come.")


@strawberry.type
class ReservationQueries:
    @resolved(
        description="Reservations, earliest start first. May: owner, manager, staff, pos (their stores), customer"
        " (their own)."
    )
    async def reservations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        given: Annotated[
            ReservationFilter | None, strawberry.argument(name="filter", description="Which ones.")
        ] = None,
    ) -> ReservationConnection:
        context = info.context
        size, position = read_first(first), _read_position(context, after)
        wanted = _read_filter(given)
        page = await list_reservations(await context.sign_in(), wanted, size, position)
        cursors = [_write_position(context, view) for view in page.reservations]
        return ReservationConnection(
            filter=wanted,
            edges=[
                ReservationEdge(cursor=cursor, node=show_reservation(view))
                for cursor, view in zip(cursors, page.reservations, strict=True)
            ],
            page_info=show_page_info(cursors, has_more=page.has_more, continued=after is not None),
        )

    @resolved(
        description="Every free time of a window, by start and then by staff member. May: everybody; staff and pos in"
        " their stores."
    )
    async def availability(
        self,
        info: Info,
        given: Annotated[AvailabilityInput, strawberry.argument(name="input", description="The window.")],
    ) -> list[TimeSlot]:
        context = info.context
        query = SlotQuery(
            store_id=read_id(given.store_id, "Store", "storeId"),
            service_id=read_id(given.service_id, "Service", "serviceId"),
            start=given.since,
            end=given.until,
            staff_id=read_optional_id(given.staff_id, "StaffMember", "staffId"),
            party_size=1 if given.party_size is None else given.party_size,
        )
        return await show_slots(context, await list_slots(context.runtime, await context.sign_in(), query))

    @resolved(
        description="The best free times, best first: near the customer's habits, and without gaps nobody could book."
        " May: everybody; staff and pos in their stores."
    )
    async def recommended_slots(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        service_id: Annotated[strawberry.ID, strawberry.argument(description="The service.")],
        limit: Annotated[int | None, strawberry.argument(description="How many, 50 at most.")] = 3,
        party_size: Annotated[int | None, strawberry.argument(description="How many people come.")] = 1,
        near: Annotated[
            datetime | None,
            strawberry.argument(description="Close to this instant instead of the usual time."),
        ] = None,
        customer_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="By whose habits, where staff ask.")
        ] = None,
    ) -> list[TimeSlot]:
        context = info.context
        slots = await recommend_slots(
            context.runtime,
            await context.sign_in(),
            read_id(store_id, "Store", "storeId"),
            read_id(service_id, "Service", "serviceId"),
            limit=3 if limit is None else limit,
            party_size=1 if party_size is None else party_size,
            near=near,
            customer_id=read_optional_id(customer_id, "Customer", "customerId"),
        )
        return await show_slots(context, slots)


def _read_filter(given: ReservationFilter | None) -> CoreFilter:
    if given is None:
        return CoreFilter()
    return CoreFilter(
        store_id=read_optional_id(given.store_id, "Store", "filter", "storeId"),
        since=given.since,
        until=given.until,
        staff_id=read_optional_id(given.staff_id, "StaffMember", "filter", "staffId"),
        service_id=read_optional_id(given.service_id, "Service", "filter", "serviceId"),
        statuses=tuple(given.status or ()),
        phone_tail=given.phone_tail,
    )


def _write_position(context: Context, view: ReservationView) -> str:
    return context.cursors.write(CURSOR, _POSITION.pack((view.start - _EPOCH) // _MICROSECOND, view.id.bytes))


def _read_position(context: Context, cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    microseconds, row_id = _POSITION.unpack(context.cursors.read(CURSOR, cursor))
    return Position(_EPOCH + microseconds * _MICROSECOND, UUID(bytes=row_id))
