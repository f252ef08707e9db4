"""Rooms, chairs and machines that bookings take."""

from __future__ import annotations

from typing import Annotated

import strawberry

from core.reservations.setup.resources import (
    ResourceDraft,
    create_resource,
    list_store_resources,
    update_resource,
)
from core.reservations.values import ResourceView
from schema.changes import read_changes
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, show_id
from schema.problems import UserError, show_problems


@strawberry.type(description="A room, a chair, a machine: one booking at a time.")
class Resource(Node):
    name: str = strawberry.field(description="What it is called.")
    kind: str = strawberry.field(description="What services ask for.")
    capacity: int = strawberry.field(description="How many people fit.")
    active: bool = strawberry.field(description="Whether it can be booked; false for a retired one.")


def show_resource(view: ResourceView) -> Resource:
    return Resource(
        id=show_id("Resource", view.id),
        name=view.name,
        kind=view.kind,
        capacity=view.capacity,
        active=view.active,
    )


@strawberry.input(description="A new resource.")
class CreateResourceInput:
    store_id: strawberry.ID = strawberry.field(description="Where it is.")
    name: str = strawberry.field(description="What it is called, 120 characters at most.")
    kind: str = strawberry.field(description='What services ask for, as in "room"; 32 characters at most.')
    capacity: int | None = strawberry.field(default=1, description="How many people fit, 500 at most.")


@strawberry.type(description="The answer to createResource.")
class CreateResourcePayload:
    resource: Resource | None = strawberry.field(description="The resource, null if it was not added.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not added.")


@strawberry.input(
    description="Changes of a resource. What is left out, or null, stays as it is. Bookings already made stay."
)
class UpdateResourceInput:
    resource_id: strawberry.ID = strawberry.field(description="The resource.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What it is called.")
    kind: str | None = strawberry.field(default=strawberry.UNSET, description="What services ask for.")
    capacity: int | None = strawberry.field(default=strawberry.UNSET, description="How many people fit.")
    active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="False retires it: nobody can book it any more."
    )


@strawberry.type(description="The answer to updateResource.")
class UpdateResourcePayload:
    resource: Resource | None = strawberry.field(description="The resource, null if nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type
class ResourceQueries:
    @resolved(description="The resources of a store, oldest first.")
    async def resources(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        retired: Annotated[
            bool | None, strawberry.argument(description="Whether retired ones are listed too.")
        ] = False,
    ) -> list[Resource]:
        actor = await info.context.sign_in()
        found = await list_store_resources(
            actor, read_id(store_id, "Store", "storeId"), retired=bool(retired)
        )
        return [show_resource(view) for view in found]


@strawberry.type
class ResourceMutations:
    @mutation(description="Adds a resource to a store. May: owner, manager.")
    async def create_resource(
        self,
        info: Info,
        given: Annotated[CreateResourceInput, strawberry.argument(name="input", description="The resource.")],
    ) -> CreateResourcePayload:
        actor = await info.context.sign_in()
        draft = ResourceDraft(given.name, given.kind, 1 if given.capacity is None else given.capacity)
        answer = await create_resource(actor, read_id(given.store_id, "Store", "storeId"), draft)
        if isinstance(answer, ResourceView):
            return CreateResourcePayload(resource=show_resource(answer), user_errors=[])
        return CreateResourcePayload(resource=None, user_errors=show_problems(answer))

    @mutation(description="Changes a resource, or retires it. May: owner, manager.")
    async def update_resource(
        self,
        info: Info,
        given: Annotated[UpdateResourceInput, strawberry.argument(name="input", description="The changes.")],
    ) -> UpdateResourcePayload:
        actor = await info.context.sign_in()
        resource_id = read_id(given.resource_id, "Resource", "resourceId")
        answer = await update_resource(actor, resource_id, read_changes(given, ("resource_id",)))
        if isinstance(answer, ResourceView):
            return UpdateResourcePayload(resource=show_resource(answer), user_errors=[])
        return UpdateResourcePayload(resource=None, user_errors=show_problems(answer))
