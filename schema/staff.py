"""People who can be booked."""

from __future__ import annotations

from typing import Annotated

import strawberry

from core.reservations.setup.staff import (
    StaffDraft,
    create_staff_member,
    list_staff_members,
    update_staff_member,
)
from core.reservations.values import StaffView
from schema.changes import read_changes
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, show_id
from schema.problems import UserError, show_problems


@strawberry.type(description="Somebody who can be booked at a store.")
class StaffMember(Node):
    name: str = strawberry.field(description="As guests know them.")
    skills: list[str] = strawberry.field(description="What they can do.")
    active: bool = strawberry.field(description="Whether they can be booked; false for who has left.")


def show_staff_member(view: StaffView) -> StaffMember:
    return StaffMember(
        id=show_id("StaffMember", view.id), name=view.name, skills=sorted(view.skills), active=view.active
    )


@strawberry.input(description="A new staff member.")
class CreateStaffMemberInput:
    store_id: strawberry.ID = strawberry.field(description="Where they work.")
    name: str = strawberry.field(description="As guests know them, 120 characters at most.")
    skills: list[str] | None = strawberry.field(default_factory=list, description="What they can do.")


@strawberry.type(description="The answer to createStaffMember.")
class CreateStaffMemberPayload:
    staff_member: StaffMember | None = strawberry.field(
        description="The staff member, null if nobody was added."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nobody was added.")


@strawberry.input(
    description="Changes of a staff member. What is left out, or null, stays as it is. Bookings already made stay."
)
class UpdateStaffMemberInput:
    staff_id: strawberry.ID = strawberry.field(description="The staff member.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="As guests know them.")
    skills: list[str] | None = strawberry.field(default=strawberry.UNSET, description="What they can do.")
    active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="False retires them: nobody can book them any more."
    )


@strawberry.type(description="The answer to updateStaffMember.")
class UpdateStaffMemberPayload:
    staff_member: StaffMember | None = strawberry.field(
        description="The staff member, null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type
class StaffQueries:
    @resolved(description="Who can be booked at a store, oldest first.")
    async def staff_members(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        retired: Annotated[
            bool | None, strawberry.argument(description="Whether those who have left are listed too.")
        ] = False,
    ) -> list[StaffMember]:
        actor = await info.context.sign_in()
        found = await list_staff_members(actor, read_id(store_id, "Store", "storeId"), retired=bool(retired))
        return [show_staff_member(view) for view in found]


@strawberry.type
class StaffMutations:
    @mutation(description="Adds somebody who can be booked to a store. May: owner, manager.")
    async def create_staff_member(
        self,
        info: Info,
        given: Annotated[
            CreateStaffMemberInput, strawberry.argument(name="input", description="The staff member.")
        ],
    ) -> CreateStaffMemberPayload:
        actor = await info.context.sign_in()
        draft = StaffDraft(given.name, tuple(given.skills or ()))
        answer = await create_staff_member(actor, read_id(given.store_id, "Store", "storeId"), draft)
        if isinstance(answer, StaffView):
            return CreateStaffMemberPayload(staff_member=show_staff_member(answer), user_errors=[])
        return CreateStaffMemberPayload(staff_member=None, user_errors=show_problems(answer))

    @mutation(description="Changes a staff member, or retires them. May: owner, manager.")
    async def update_staff_member(
        self,
        info: Info,
        given: Annotated[
            UpdateStaffMemberInput, strawberry.argument(name="input", description="The changes.")
        ],
    ) -> UpdateStaffMemberPayload:
        actor = await info.context.sign_in()
        staff_id = read_id(given.staff_id, "StaffMember", "staffId")
        answer = await update_staff_member(actor, staff_id, read_changes(given, ("staff_id",)))
        if isinstance(answer, StaffView):
            return UpdateStaffMemberPayload(staff_member=show_staff_member(answer), user_errors=[])
        return UpdateStaffMemberPayload(staff_member=None, user_errors=show_problems(answer))
