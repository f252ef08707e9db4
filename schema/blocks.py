"""Time that nobody can book."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.reservations.guard import Span
from core.reservations.problems import refuse_input
from core.reservations.setup.blocks import BlockView, block_time, list_blocks, unblock_time
from core.reservations.values import TakenKind
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import read_id, read_optional_id, show_id
from schema.reservations import (
    Reservation,
    ReservationUserError,
    show_reservation,
    show_reservation_problems,
)
from schema.resources import Resource, show_resource
from schema.shifts import From, To
from schema.staff import StaffMember, show_staff_member


@strawberry.type(description="Time of a staff member or resource that nobody can book.")
class TimeBlock:
    view: strawberry.Private[BlockView]
    id: strawberry.ID = strawberry.field(description="For unblockTime.")
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends.")
    reason: str | None = strawberry.field(description="Why, for the staff.")
    active: bool = strawberry.field(description="Whether it is blocked; false once it was given free.")

    @resolved(description="Whose time it is; null for a resource's.")
    async def staff(self, info: Info) -> StaffMember | None:
        if self.view.kind is not TakenKind.STAFF:
            return None
        view = await (await info.context.load()).staff.load(self.view.target_id)
        return show_staff_member(view) if view else None

    @resolved(description="What is blocked; null for a staff member's time.")
    async def resource(self, info: Info) -> Resource | None:
        if self.view.kind is not TakenKind.RESOURCE:
            return None
        view = await (await info.context.load()).resources.load(self.view.target_id)
        return show_resource(view) if view else None


def show_block(view: BlockView) -> TimeBlock:
    return TimeBlock(
        id=show_id("TimeBlock", view.id),
        view=view,
        start=view.start,
        end=view.end,
        reason=view.reason,
        active=view.active,
    )


@strawberry.input(description="Time that nobody is to book, of either a staff member or a resource.")
class BlockTimeInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Whose time.")
    resource_id: strawberry.ID | None = strawberry.field(default=None, description="What is not to be had.")
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends, 366 days later at most.")
    reason: str | None = strawberry.field(
        default=None, description="Why, for the staff; 200 characters at most."
    )


@strawberry.type(description="The answer to blockTime.")
class BlockTimePayload:
    time_block: TimeBlock | None = strawberry.field(description="The block, null if nothing was blocked.")
    reservations: list[Reservation] = strawberry.field(
        description="The reservations in the way, earliest first, 100 at most."
    )
    user_errors: list[ReservationUserError] = strawberry.field(
        description="Why nothing was blocked; SLOT_TAKEN where any of it is booked, held or blocked."
    )


@strawberry.input(description="A block that is to end.")
class UnblockTimeInput:
    block_id: strawberry.ID = strawberry.field(description="The block.")


@strawberry.type(description="The answer to unblockTime.")
class UnblockTimePayload:
    time_block: TimeBlock | None = strawberry.field(description="The block, which has ended.")
    user_errors: list[ReservationUserError] = strawberry.field(description="Always empty so far.")


@strawberry.type
class BlockQueries:
    @resolved(
        description="Blocked time of a store that lies in a span of time or reaches into it, earliest first."
        " May: owner, manager, staff, pos."
    )
    async def time_blocks(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        from_: From,
        to: To,
    ) -> list[TimeBlock]:
        actor = await info.context.sign_in()
        found = await list_blocks(actor, read_id(store_id, "Store", "storeId"), Span(from_, to))
        return [show_block(view) for view in found]


@strawberry.type
class BlockMutations:
    @mutation(
        description="Blocks time of a staff member or resource, unless any of it is taken. May: owner, manager,"
        " staff, pos (their stores)."
    )
    async def block_time(
        self,
        info: Info,
        given: Annotated[BlockTimeInput, strawberry.argument(name="input", description="The block.")],
    ) -> BlockTimePayload:
        context, actor = info.context, await info.context.sign_in()
        store_id, target = read_id(given.store_id, "Store", "storeId"), _read_target(given)
        if target is None:
            problem = refuse_input("block_target", "staffId")
            return BlockTimePayload(
                time_block=None,
                reservations=[],
                user_errors=await show_reservation_problems(context, [problem]),
            )
        span = Span(given.start, given.end)
        answer = await block_time(context.runtime, actor, store_id, *target, span, given.reason)
        if isinstance(answer, BlockView):
            return BlockTimePayload(time_block=show_block(answer), reservations=[], user_errors=[])
        return BlockTimePayload(
            time_block=None,
            reservations=await _load_reservations(context, answer.reservation_ids),
            user_errors=await show_reservation_problems(context, [answer.problem]),
        )

    @mutation(
        description="Gives blocked time free. A repeat changes nothing. May: owner, manager, staff, pos."
    )
    async def unblock_time(
        self,
        info: Info,
        given: Annotated[UnblockTimeInput, strawberry.argument(name="input", description="The block.")],
    ) -> UnblockTimePayload:
        actor = await info.context.sign_in()
        view = await unblock_time(actor, read_id(given.block_id, "TimeBlock", "blockId"))
        return UnblockTimePayload(time_block=show_block(view), user_errors=[])


def _read_target(given: BlockTimeInput) -> tuple[TakenKind, UUID] | None:
    """Whose or what's time; None unless exactly one is named."""
    staff_id = read_optional_id(given.staff_id, "StaffMember", "staffId")
    resource_id = read_optional_id(given.resource_id, "Resource", "resourceId")
    if staff_id is not None and resource_id is None:
        return TakenKind.STAFF, staff_id
    if resource_id is not None and staff_id is None:
        return TakenKind.RESOURCE, resource_id
    return None


async def _load_reservations(context: Context, reservation_ids: tuple[UUID, ...]) -> list[Reservation]:
    found = await (await context.load()).reservations.load_many(list(reservation_ids))
    return [show_reservation(view) for view in found if view is not None]
