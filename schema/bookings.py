"""Bookings of platforms: what their products are here, what a person must look at, and reading them at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.channels.contract import BookingStatus
from core.errors import NotFound
from core.messages import text
from core.orders.polling import sync_account_orders
from core.reservations.channel.conflicts import (
    ConflictView,
    explain_sync,
    find_conflict,
    list_conflicts,
    resolve_conflict,
    sync_channel,
)
from core.reservations.channel.links import (
    LinkInput,
    LinkView,
    find_link,
    link_service,
    list_links,
    unlink_service,
)
from core.reservations.channel.values import ConflictReason
from schema import enums as enums
from schema.channels import Channel, ChannelAccount, find_channel, load_account, show_account
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.problems import UserError, show_problems
from schema.reservations import Reservation, show_reservation
from schema.services import Service, show_service
from schema.staff import StaffMember, show_staff_member
from schema.stores import Store, show_store


@strawberry.type(description="What a platform calls one of our services or staff members at one store.")
class BookingLink(Node):
    view: strawberry.Private[LinkView]
    reference: str = strawberry.field(
        description="The platform's id of the product or person; `*` stands for whatever has no other link."
    )

    @resolved(description="Whose platform it is.")
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)

    @resolved(description="Where it holds.")
    async def store(self, info: Info) -> Store:
        return await _load_store(info.context, self.view.store_id)

    @resolved(description="Our service; null for the link of a person.")
    async def service(self, info: Info) -> Service | None:
        if self.view.service_id is None:
            return None
        view = await (await info.context.load()).services.load(self.view.service_id)
        return show_service(view) if view else None

    @resolved(description="Our staff member; null for the link of a service.")
    async def staff(self, info: Info) -> StaffMember | None:
        if self.view.staff_id is None:
            return None
        view = await (await info.context.load()).staff.load(self.view.staff_id)
        return show_staff_member(view) if view else None


@strawberry.type(
    description="A booking at a platform that our calendar could not follow: a person must look at it."
)
class BookingConflict(Node):
    view: strawberry.Private[ConflictView]
    reference: str | None = strawberry.field(
        description="The platform's id of the booking; null for one of ours that never got there."
    )
    reason: ConflictReason | None = strawberry.field(description="Why a person must look.")
    status: BookingStatus = strawberry.field(description="Where it stands at the platform.")
    start: datetime = strawberry.field(description="When it begins, as the platform has it.")
    end: datetime | None = strawberry.field(
        description="When it ends; null where the platform knows the start only."
    )
    party_size: int = strawberry.field(description="How many people come, as the platform has it.")
    service_reference: str | None = strawberry.field(description="What was booked, in the platform's words.")
    staff_reference: str | None = strawberry.field(description="Who was asked for, in the platform's words.")
    contact_name: str | None = strawberry.field(description="Who comes, as far as the platform tells.")
    phone_tail: str | None = strawberry.field(description="The last four digits of the contact's phone.")
    is_resolved: bool = strawberry.field(name="resolved", description="Whether somebody has looked at it.")
    resolution: str | None = strawberry.field(description="What they noted.")

    @resolved(description="The platform.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(description="The account; null for staff and terminals of one store.")
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)

    @resolved(description="Where it is.")
    async def store(self, info: Info) -> Store:
        return await _load_store(info.context, self.view.store_id)

    @resolved(
        description="Our reservation of it, which stands otherwise than at the platform; null: there is none."
    )
    async def reservation(self, info: Info) -> Reservation | None:
        if self.view.reservation_id is None:
            return None
        view = await (await info.context.load()).reservations.load(self.view.reservation_id)
        return show_reservation(view) if view else None


async def _load_store(context: Context, store_id: UUID) -> Store:
    store = await (await context.load()).stores.load(store_id)
    if store is None:
        raise NotFound(text("fault.store_not_found"))
    return show_store(store)


def show_link(view: LinkView) -> BookingLink:
    return BookingLink(id=show_id("BookingLink", view.id), view=view, reference=view.reference)


def show_conflict(view: ConflictView) -> BookingConflict:
    return BookingConflict(
        id=show_id("BookingConflict", view.id),
        view=view,
        reference=view.reference,
        reason=view.reason,
        status=view.status,
        start=view.start,
        end=view.end,
        party_size=view.party_size,
        service_reference=view.service_reference,
        staff_reference=view.staff_reference,
        contact_name=view.contact_name,
        phone_tail=view.phone_tail,
        is_resolved=view.resolved,
        resolution=view.resolution,
    )


async def find_own_link(context: Context, row_id: UUID) -> Node | None:
    return show_link(await find_link(await context.sign_in(), row_id))


async def find_own_conflict(context: Context, row_id: UUID) -> Node | None:
    return show_conflict(await find_conflict(await context.sign_in(), row_id))


@strawberry.input(
    description="What a platform's product or person is here. Exactly one of service and staff."
)
class LinkBookingServiceInput:
    account_id: strawberry.ID = strawberry.field(description="The account.")
    store_id: strawberry.ID = strawberry.field(description="The store, which is bound to the account.")
    reference: str = strawberry.field(
        description="The platform's id, 128 characters at most; `*`: whatever has no link of its own."
    )
    service_id: strawberry.ID | None = strawberry.field(default=None, description="Our service.")
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Our staff member.")


@strawberry.type(description="The answer to linkBookingService.")
class LinkBookingServicePayload:
    link: BookingLink | None = strawberry.field(description="The link, null if nothing was linked.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was linked.")


@strawberry.input(description="A link to take away.")
class UnlinkBookingServiceInput:
    link_id: strawberry.ID = strawberry.field(description="The link.")


@strawberry.type(description="The answer to unlinkBookingService.")
class UnlinkBookingServicePayload:
    link: BookingLink | None = strawberry.field(description="The link as it was.")
    user_errors: list[UserError] = strawberry.field(description="Always empty.")


@strawberry.input(description="A booking that somebody has looked at.")
class ResolveBookingConflictInput:
    conflict_id: strawberry.ID = strawberry.field(description="The conflict.")
    note: str = strawberry.field(default="", description="What was done, 200 characters at most.")


@strawberry.type(description="The answer to resolveBookingConflict.")
class ResolveBookingConflictPayload:
    conflict: BookingConflict | None = strawberry.field(
        description="The conflict, null if it was not resolved."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not resolved.")


@strawberry.input(description="An account to read now.")
class SyncChannelInput:
    account_id: strawberry.ID = strawberry.field(description="The account.")


@strawberry.type(description="The answer to syncChannel.")
class SyncChannelPayload:
    account: ChannelAccount | None = strawberry.field(description="The account.")
    finished: bool = strawberry.field(
        description="Whether all was read to its end. If not, it goes on by itself."
    )
    created: int = strawberry.field(description="How many bookings and orders were new.")
    updated: int = strawberry.field(description="How many had changed.")
    unchanged: int = strawberry.field(description="How many were known as they are.")
    user_errors: list[UserError] = strawberry.field(description="Why not everything was read.")


@strawberry.type
class ChannelBookingQueries:
    @resolved(description="The links of an account, oldest first, 500 at most. May: owner, manager.")
    async def booking_links(
        self,
        info: Info,
        account_id: Annotated[strawberry.ID, strawberry.argument(description="The account.")],
        store_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of this store.")
        ] = None,
    ) -> list[BookingLink]:
        links = await list_links(
            await info.context.sign_in(),
            read_id(account_id, "ChannelAccount", "accountId"),
            read_optional_id(store_id, "Store", "storeId"),
        )
        return [show_link(link) for link in links]

    @resolved(
        description="Bookings of platforms that somebody of the store must look at, by the start of the visit; 100 at"
        " most. May: owner, manager, staff, pos."
    )
    async def booking_conflicts(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
    ) -> list[BookingConflict]:
        actor = await info.context.sign_in()
        found = await list_conflicts(actor, read_id(store_id, "Store", "storeId"))
        return [show_conflict(conflict) for conflict in found]


@strawberry.type
class ChannelBookingMutations:
    @mutation(
        description="Says which of our services a platform's product is, or which of our people a person there is;"
        " again corrects it. Bookings that waited for it are taken in. May: owner, manager."
    )
    async def link_booking_service(
        self,
        info: Info,
        given: Annotated[
            LinkBookingServiceInput, strawberry.argument(name="input", description="What it is here.")
        ],
    ) -> LinkBookingServicePayload:
        context = info.context
        wanted = LinkInput(
            read_id(given.account_id, "ChannelAccount", "accountId"),
            read_id(given.store_id, "Store", "storeId"),
            given.reference,
            read_optional_id(given.service_id, "Service", "serviceId"),
            read_optional_id(given.staff_id, "StaffMember", "staffId"),
        )
        answer = await link_service(context.runtime, await context.sign_in(), wanted)
        if isinstance(answer, LinkView):
            return LinkBookingServicePayload(link=show_link(answer), user_errors=[])
        return LinkBookingServicePayload(link=None, user_errors=show_problems(answer))

    @mutation(description="Takes a link away; reservations that came through it stay. May: owner, manager.")
    async def unlink_booking_service(
        self,
        info: Info,
        given: Annotated[
            UnlinkBookingServiceInput, strawberry.argument(name="input", description="The link.")
        ],
    ) -> UnlinkBookingServicePayload:
        context = info.context
        link_id = read_id(given.link_id, "BookingLink", "linkId")
        view = await unlink_service(context.runtime, await context.sign_in(), link_id)
        return UnlinkBookingServicePayload(link=show_link(view), user_errors=[])

    @mutation(
        description="Says that somebody has seen to a booking. A request that is not in our calendar is rejected at"
        " the platform. May: owner, manager, staff."
    )
    async def resolve_booking_conflict(
        self,
        info: Info,
        given: Annotated[
            ResolveBookingConflictInput, strawberry.argument(name="input", description="The conflict.")
        ],
    ) -> ResolveBookingConflictPayload:
        context = info.context
        conflict_id = read_id(given.conflict_id, "BookingConflict", "conflictId")
        answer = await resolve_conflict(context.runtime, await context.sign_in(), conflict_id, given.note)
        if isinstance(answer, ConflictView):
            return ResolveBookingConflictPayload(conflict=show_conflict(answer), user_errors=[])
        return ResolveBookingConflictPayload(conflict=None, user_errors=show_problems(answer))

    @mutation(
        description="Reads now what an account's platform has, instead of waiting until it is due. May: owner, manager."
    )
    async def sync_channel(
        self,
        info: Info,
        given: Annotated[SyncChannelInput, strawberry.argument(name="input", description="The account.")],
    ) -> SyncChannelPayload:
        context, actor = info.context, await info.context.sign_in()
        account_id = read_id(given.account_id, "ChannelAccount", "accountId")
        counts = await sync_channel(context.runtime, actor, account_id)
        orders = await sync_account_orders(context.runtime, actor, account_id)
        failure = counts.failure or orders.failure
        account = await context.runtime.accounts.find_account(actor, account_id)
        return SyncChannelPayload(
            account=await show_account(context, account),
            finished=counts.finished and orders.finished,
            created=counts.created + orders.created,
            updated=counts.updated + orders.updated,
            unchanged=counts.unchanged + orders.unchanged,
            user_errors=show_problems([explain_sync(failure)] if failure else []),
        )
