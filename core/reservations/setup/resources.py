"""Rooms, chairs and machines: adding, changing, retiring and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import write_together
from core.ids import new_id
from core.reservations.setup.access import find_row, list_of_store, load_visible, update_row
from core.reservations.setup.checks import NAME_LENGTH, WORD_LENGTH, check_range
from core.reservations.setup.rows import forget_setup, read_resource
from core.reservations.values import ResourceView

_MAX_CAPACITY = 500


@dataclass(frozen=True, slots=True)
class ResourceDraft:
    """A resource as somebody wants it. `capacity`: how many people fit."""

    name: str
    kind: str
    capacity: int = 1
    active: bool = True


async def create_resource(
    actor: Actor, store_id: UUID, draft: ResourceDraft
) -> ResourceView | list[UserProblem]:
    """Adds a resource to a store. Answers it, or everything that is wrong.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_RESOURCE)
    await find_store(actor, store_id)
    draft = _tidy_resource(draft)
    problems = _check_resource(draft)
    if problems:
        return problems
    resource_id, values = new_id(), asdict(draft)
    await write_together(
        [
            insert_row("resource", id=resource_id, tenant_id=actor.tenant_id, store_id=store_id, **values),
            build_entry(actor, "createResource", "Resource", resource_id, values),
        ]
    )
    forget_setup(actor.tenant_id, store_id)
    return ResourceView(resource_id, actor.tenant_id, store_id, **values)


async def update_resource(
    actor: Actor, resource_id: UUID, changes: Mapping[str, Any]
) -> ResourceView | list[UserProblem]:
    """Changes what `changes` names of a ResourceDraft. Bookings already made stay.

    Answers it, or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.UPDATE_RESOURCE)
    now = read_resource(await find_row(actor, "resource", resource_id))
    draft = _tidy_resource(replace(ResourceDraft(now.name, now.kind, now.capacity, now.active), **changes))
    problems = _check_resource(draft)
    if problems or not changes:
        return problems or now
    columns = {name: getattr(draft, name) for name in changes}
    await write_together(
        [
            update_row("resource", actor.tenant_id, resource_id, columns),
            build_entry(actor, "updateResource", "Resource", resource_id, columns),
        ]
    )
    forget_setup(actor.tenant_id, now.store_id)
    return ResourceView(resource_id, actor.tenant_id, now.store_id, **asdict(draft))


async def list_store_resources(
    actor: Actor, store_id: UUID, *, retired: bool = False
) -> tuple[ResourceView, ...]:
    """The store's resources, oldest first."""
    require(actor, Action.LIST_RESOURCES)
    return await list_of_store(actor, "resource", store_id, read_resource, retired=retired)


async def load_resources(actor: Actor, resource_ids: Iterable[UUID]) -> Mapping[UUID, ResourceView]:
    """Those among these ids of stores that the actor may enter, retired ones too."""
    return await load_visible(actor, "resource", resource_ids, read_resource)


def _tidy_resource(draft: ResourceDraft) -> ResourceDraft:
    return replace(draft, name=draft.name.strip(), kind=draft.kind.strip())


def _check_resource(draft: ResourceDraft) -> list[UserProblem]:
    return [
        *check_text(draft.name, ("name",), NAME_LENGTH),
        *check_text(draft.kind, ("kind",), WORD_LENGTH),
        *check_range(("capacity",), draft.capacity, 1, _MAX_CAPACITY),
    ]
