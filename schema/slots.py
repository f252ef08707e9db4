"""Times that can be booked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from core.reservations.slots.tokens import sign_slot
from core.reservations.values import Slot, SlotReason
from schema import enums as enums
from schema.context import Context, Info
from schema.fields import resolved
from schema.resources import Resource, show_resource
from schema.staff import StaffMember, show_staff_member

View = TypeVar("View")


@strawberry.type(description="A time that can be booked.")
class TimeSlot:
    slot: strawberry.Private[Slot]
    tenant_id: strawberry.Private[UUID]
    start: datetime = strawberry.field(description="When the service begins, without buffers.")
    end: datetime = strawberry.field(description="When it ends, without buffers.")
    staff: StaffMember | None = strawberry.field(
        description="Who gives it, null where nobody of the staff does."
    )
    resources: list[Resource] = strawberry.field(description="What it would take, one of each kind.")
    seats_remaining: int = strawberry.field(
        description="How many seats of a class, pick-ups or people are left; 1 for an appointment."
    )
    score: float = strawberry.field(
        description="How well it suits, higher is better; to compare within one answer only."
    )
    reasons: list[SlotReason] = strawberry.field(description="Why it is recommended.")

    @resolved(description="Opaque and signed; for 15 minutes it holds or books this very slot.")
    def token(self, info: Info) -> str:
        runtime = info.context.runtime
        return sign_slot(runtime.keys, self.tenant_id, self.slot, runtime.clock.now())


async def show_slots(context: Context, slots: Sequence[Slot]) -> list[TimeSlot]:
    """Slots with their staff and resources, which are read once for all of them."""
    loaders, actor = await context.load(), await context.sign_in()
    staff = await _load_each(loaders.staff, (slot.staff_id for slot in slots))
    resources = await _load_each(loaders.resources, (each for slot in slots for each in slot.resource_ids))
    members = {staff_id: show_staff_member(view) for staff_id, view in staff.items()}
    things = {resource_id: show_resource(view) for resource_id, view in resources.items()}
    return [
        TimeSlot(
            slot=slot,
            tenant_id=actor.tenant_id,
            start=slot.start,
            end=slot.end,
            staff=members.get(slot.staff_id) if slot.staff_id else None,
            resources=[things[each] for each in slot.resource_ids if each in things],
            seats_remaining=slot.seats,
            score=slot.score,
            reasons=list(slot.reasons),
        )
        for slot in slots
    ]


async def show_slot(context: Context, slot: Slot) -> TimeSlot:
    """One slot."""
    return (await show_slots(context, [slot]))[0]


async def _load_each(
    loader: DataLoader[UUID, View | None], wanted: Iterable[UUID | None]
) -> dict[UUID, View]:
    ids = [each for each in dict.fromkeys(wanted) if each is not None]
    found = await loader.load_many(ids) if ids else []
    return {row_id: view for row_id, view in zip(ids, found, strict=True) if view is not None}
