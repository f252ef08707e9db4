"""Group classes at their times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.errors import NotFound
from core.messages import text
from core.reservations.guard import Span
from core.reservations.setup.classes import ClassView, cancel_class, find_class, list_classes, schedule_class
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.problems import UserError, show_problems
from schema.services import Service, show_service
from schema.shifts import From, To
from schema.slots import TimeSlot, show_slot


@strawberry.type(description="A group class at one time.")
class ClassSession(Node):
    view: strawberry.Private[ClassView]
    capacity: int = strawberry.field(description="How many seats it has.")
    booked: int = strawberry.field(description="How many of them are taken or held.")
    cancelled: bool = strawberry.field(description="Whether it was cancelled.")
    cancel_reason: str | None = strawberry.field(description="Why it was cancelled.")

    @resolved(description="What is given.")
    async def service(self, info: Info) -> Service:
        view = await (await info.context.load()).services.load(self.view.service_id)
        if view is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return show_service(view)

    @resolved(description="A seat of it; it cannot be booked once the class is full or cancelled.")
    async def slot(self, info: Info) -> TimeSlot:
        return await show_slot(info.context, self.view.slot)


def show_class(view: ClassView) -> ClassSession:
    return ClassSession(
        id=show_id("ClassSession", view.id),
        view=view,
        capacity=view.capacity,
        booked=view.booked,
        cancelled=not view.open,
        cancel_reason=view.cancel_reason,
    )


@strawberry.input(description="A class at one time.")
class ScheduleClassInput:
    service_id: strawberry.ID = strawberry.field(description="A service of the kind GROUP_CLASS.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who gives it; null: nobody of the staff, a guest teacher say."
    )
    start: datetime = strawberry.field(description="When it begins.")
    capacity: int | None = strawberry.field(
        default=None, description="How many seats it has, 500 at most; null: as many as the service."
    )


@strawberry.type(description="The answer to scheduleClass.")
class ScheduleClassPayload:
    slot: TimeSlot | None = strawberry.field(description="A seat of it, null if it was not scheduled.")
    class_session: ClassSession | None = strawberry.field(
        description="The class, null if it was not scheduled."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Why it was not scheduled; CONFLICT where staff or a resource is taken at that time."
    )


@strawberry.input(description="A class that is not to be.")
class CancelClassInput:
    session_id: strawberry.ID = strawberry.field(description="The class.")
    reason: str = strawberry.field(description="Why, for the guests; 200 characters at most.")


@strawberry.type(description="The answer to cancelClass.")
class CancelClassPayload:
    class_session: ClassSession | None = strawberry.field(
        description="The class, null if it was not cancelled."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not cancelled.")


@strawberry.type
class ClassQueries:
    @resolved(
        description="The classes of a store that begin in a span of time, cancelled ones too; earliest first."
    )
    async def class_sessions(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        from_: From,
        to: To,
    ) -> list[ClassSession]:
        actor = await info.context.sign_in()
        found = await list_classes(actor, read_id(store_id, "Store", "storeId"), Span(from_, to))
        return [show_class(view) for view in found]


@strawberry.type
class ClassMutations:
    @mutation(
        description="Schedules a class, which takes its staff member and resources, or nothing. May: owner, manager."
    )
    async def schedule_class(
        self,
        info: Info,
        given: Annotated[ScheduleClassInput, strawberry.argument(name="input", description="The class.")],
    ) -> ScheduleClassPayload:
        context = info.context
        answer = await schedule_class(
            context.runtime,
            await context.sign_in(),
            read_id(given.service_id, "Service", "serviceId"),
            given.start,
            read_optional_id(given.staff_id, "StaffMember", "staffId"),
            given.capacity,
        )
        if not isinstance(answer, ClassView):
            return ScheduleClassPayload(slot=None, class_session=None, user_errors=show_problems(answer))
        slot = await show_slot(context, answer.slot)
        return ScheduleClassPayload(slot=slot, class_session=show_class(answer), user_errors=[])

    @mutation(
        description="Cancels a class and every booking of it; the guests are told. A repeat changes nothing."
        " May: owner, manager."
    )
    async def cancel_class(
        self,
        info: Info,
        given: Annotated[CancelClassInput, strawberry.argument(name="input", description="The class.")],
    ) -> CancelClassPayload:
        context = info.context
        session_id = read_id(given.session_id, "ClassSession", "sessionId")
        answer = await cancel_class(context.runtime, await context.sign_in(), session_id, given.reason)
        if isinstance(answer, ClassView):
            return CancelClassPayload(class_session=show_class(answer), user_errors=[])
        return CancelClassPayload(class_session=None, user_errors=show_problems(answer))


async def find_own_class(context: Context, session_id: UUID) -> ClassSession:
    """A class of a store that the token reaches. Raises NotFound."""
    return show_class(await find_class(await context.sign_in(), session_id))
