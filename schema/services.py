"""Services that can be booked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from core.errors import NotFound
from core.messages import text
from core.reservations.setup.services import ServiceDraft, create_service, list_services, update_service
from core.reservations.values import ServiceKind, ServiceView
from schema import enums as enums
from schema.changes import read_changes
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, show_id
from schema.money import Money, read_yuan, show_optional_money
from schema.problems import UserError, show_problems
from schema.stores import Store, show_store

_LEAD = "How many minutes before its start it must be booked; null: as the store has it."
_HORIZON = "How many days ahead it can be booked; null: as the store has it."
_CHANGE = "Until how many minutes before its start customers may change it; null: as the store has it."
_GRACE = "How many minutes after its start a guest is a no-show; null: as the store has it."
_LIMIT = "How many open reservations of it one customer may have; null: any number."


@strawberry.type(description="Something that can be booked at a store.")
class Service(Node):
    view: strawberry.Private[ServiceView]
    name: str = strawberry.field(description="What it is called.")
    kind: ServiceKind = strawberry.field(description="What is booked.")
    duration_minutes: int = strawberry.field(description="How long it takes, without buffers.")
    buffer_before_minutes: int = strawberry.field(
        description="How long before it staff and resources are busy."
    )
    buffer_after_minutes: int = strawberry.field(
        description="How long after it staff and resources are busy."
    )
    required_skills: list[str] = strawberry.field(
        description="What a staff member must be able to do; empty: anybody."
    )
    required_resource_kinds: list[str] = strawberry.field(
        description="Of each of these kinds one resource is taken."
    )
    capacity: int = strawberry.field(description="Seats of a class, or pick-ups at one time.")
    price: Money | None = strawberry.field(description="What it costs; null where that is open.")
    deposit: Money | None = strawberry.field(description="What is paid beforehand; null: nothing.")
    minimum_spend: Money | None = strawberry.field(
        description="What a party must spend at least; null: any sum."
    )
    visits: int = strawberry.field(description="How many visits a course has.")
    lead_minutes: int | None = strawberry.field(description=_LEAD)
    horizon_days: int | None = strawberry.field(description=_HORIZON)
    change_minutes: int | None = strawberry.field(description=_CHANGE)
    grace_minutes: int | None = strawberry.field(description=_GRACE)
    limit_per_customer: int | None = strawberry.field(description=_LIMIT)
    active: bool = strawberry.field(description="Whether it is offered; false for a retired one.")

    @resolved(description="Where it is given.")
    async def store(self, info: Info) -> Store:
        return await load_store(info.context, self.view)


async def load_store(context: Context, view: Any) -> Store:
    """The store of something that was set up. Raises NotFound."""
    store = await (await context.load()).stores.load(view.store_id)
    if store is None:
        raise NotFound(text("fault.store_not_found"))
    return show_store(store)


def show_service(view: ServiceView) -> Service:
    return Service(
        id=show_id("Service", view.id),
        view=view,
        name=view.name,
        kind=view.kind,
        duration_minutes=view.duration_minutes,
        buffer_before_minutes=view.buffer_before_minutes,
        buffer_after_minutes=view.buffer_after_minutes,
        required_skills=sorted(view.required_skills),
        required_resource_kinds=list(view.required_resource_kinds),
        capacity=view.capacity,
        price=show_optional_money(view.price),
        deposit=show_optional_money(view.deposit),
        minimum_spend=show_optional_money(view.minimum_spend),
        visits=view.visits,
        lead_minutes=view.lead_minutes,
        horizon_days=view.horizon_days,
        change_minutes=view.change_minutes,
        grace_minutes=view.grace_minutes,
        limit_per_customer=view.limit_per_customer,
        active=view.active,
    )


@strawberry.input(description="A new service.")
class CreateServiceInput:
    store_id: strawberry.ID = strawberry.field(description="Where it is given.")
    name: str = strawberry.field(description="What it is called, 120 characters at most.")
    kind: ServiceKind = strawberry.field(description="What is booked. It never changes.")
    duration_minutes: int = strawberry.field(description="How long it takes, 1 to 1,440 minutes.")
    buffer_before_minutes: int | None = strawberry.field(
        default=0, description="How long before it staff and resources are busy, 480 minutes at most."
    )
    buffer_after_minutes: int | None = strawberry.field(
        default=0, description="How long after it staff and resources are busy, 480 minutes at most."
    )
    required_skills: list[str] | None = strawberry.field(
        default_factory=list, description="What a staff member must be able to do; empty: anybody."
    )
    required_resource_kinds: list[str] | None = strawberry.field(
        default_factory=list,
        description='Of each of these kinds one resource is taken. A ROOM without any takes one of "room".',
    )
    capacity: int | None = strawberry.field(
        default=1, description="Seats of a class, or pick-ups at one time, 500 at most."
    )
    price: Decimal | None = strawberry.field(default=None, description="What it costs, in yuan.")
    deposit: Decimal | None = strawberry.field(default=None, description="What is paid beforehand, in yuan.")
    minimum_spend: Decimal | None = strawberry.field(
        default=None, description="What a party must spend at least, in yuan."
    )
    visits: int | None = strawberry.field(default=1, description="How many visits a course has, 1 to 100.")
    lead_minutes: int | None = strawberry.field(default=None, description=_LEAD)
    horizon_days: int | None = strawberry.field(default=None, description=_HORIZON)
    change_minutes: int | None = strawberry.field(default=None, description=_CHANGE)
    grace_minutes: int | None = strawberry.field(default=None, description=_GRACE)
    limit_per_customer: int | None = strawberry.field(default=None, description=_LIMIT)


@strawberry.type(description="The answer to createService.")
class CreateServicePayload:
    service: Service | None = strawberry.field(description="The service, null if it was not created.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.input(
    description="Changes of a service. What is left out stays as it is; null clears what may be null, and"
    " leaves the rest. Bookings already made stay as they are."
)
class UpdateServiceInput:
    service_id: strawberry.ID = strawberry.field(description="The service.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What it is called.")
    duration_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long it takes."
    )
    buffer_before_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long before it staff and resources are busy."
    )
    buffer_after_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long after it staff and resources are busy."
    )
    required_skills: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="What a staff member must be able to do."
    )
    required_resource_kinds: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Of each of these kinds one resource is taken."
    )
    capacity: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Seats of classes scheduled from now on, or pick-ups at one time.",
    )
    price: Decimal | None = strawberry.field(default=strawberry.UNSET, description="In yuan.")
    deposit: Decimal | None = strawberry.field(default=strawberry.UNSET, description="In yuan.")
    minimum_spend: Decimal | None = strawberry.field(default=strawberry.UNSET, description="In yuan.")
    visits: int | None = strawberry.field(
        default=strawberry.UNSET, description="How many visits a course has."
    )
    lead_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_LEAD)
    horizon_days: int | None = strawberry.field(default=strawberry.UNSET, description=_HORIZON)
    change_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_CHANGE)
    grace_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_GRACE)
    limit_per_customer: int | None = strawberry.field(default=strawberry.UNSET, description=_LIMIT)
    active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="False retires it: nobody can book it any more."
    )


@strawberry.type(description="The answer to updateService.")
class UpdateServicePayload:
    service: Service | None = strawberry.field(description="The service, null if nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type
class ServiceQueries:
    @resolved(description="What can be booked at a store, oldest first.")
    async def services(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        retired: Annotated[
            bool | None, strawberry.argument(description="Whether those no longer offered are listed too.")
        ] = False,
    ) -> list[Service]:
        actor = await info.context.sign_in()
        found = await list_services(actor, read_id(store_id, "Store", "storeId"), retired=bool(retired))
        return [show_service(view) for view in found]


@strawberry.type
class ServiceMutations:
    @mutation(description="Adds a service to a store. May: owner, manager.")
    async def create_service(
        self,
        info: Info,
        given: Annotated[CreateServiceInput, strawberry.argument(name="input", description="The service.")],
    ) -> CreateServicePayload:
        actor = await info.context.sign_in()
        answer = await create_service(actor, read_id(given.store_id, "Store", "storeId"), _read_draft(given))
        if isinstance(answer, ServiceView):
            return CreateServicePayload(service=show_service(answer), user_errors=[])
        return CreateServicePayload(service=None, user_errors=show_problems(answer))

    @mutation(description="Changes a service, or retires it. May: owner, manager.")
    async def update_service(
        self,
        info: Info,
        given: Annotated[UpdateServiceInput, strawberry.argument(name="input", description="The changes.")],
    ) -> UpdateServicePayload:
        actor = await info.context.sign_in()
        service_id = read_id(given.service_id, "Service", "serviceId")
        answer = await update_service(actor, service_id, _read_service_changes(given))
        if isinstance(answer, ServiceView):
            return UpdateServicePayload(service=show_service(answer), user_errors=[])
        return UpdateServicePayload(service=None, user_errors=show_problems(answer))


_CLEARABLE = frozenset(
    {
        "price",
        "deposit",
        "minimum_spend",
        "lead_minutes",
        "horizon_days",
        "change_minutes",
        "grace_minutes",
        "limit_per_customer",
    }
)


def _read_draft(given: CreateServiceInput) -> ServiceDraft:
    return ServiceDraft(
        name=given.name,
        kind=given.kind,
        duration_minutes=given.duration_minutes,
        buffer_before_minutes=given.buffer_before_minutes or 0,
        buffer_after_minutes=given.buffer_after_minutes or 0,
        required_skills=tuple(given.required_skills or ()),
        required_resource_kinds=tuple(given.required_resource_kinds or ()),
        capacity=1 if given.capacity is None else given.capacity,
        price=read_yuan(given.price, "price"),
        deposit=read_yuan(given.deposit, "deposit"),
        minimum_spend=read_yuan(given.minimum_spend, "minimumSpend"),
        visits=1 if given.visits is None else given.visits,
        lead_minutes=given.lead_minutes,
        horizon_days=given.horizon_days,
        change_minutes=given.change_minutes,
        grace_minutes=given.grace_minutes,
        limit_per_customer=given.limit_per_customer,
    )


def _read_service_changes(given: UpdateServiceInput) -> Mapping[str, Any]:
    changes = read_changes(given, ("service_id",), _CLEARABLE)
    for name, path in (("price", "price"), ("deposit", "deposit"), ("minimum_spend", "minimumSpend")):
        if name in changes:
            changes[name] = read_yuan(changes[name], path)
    return changes
