"""Services that can be booked: creating, changing, retiring and reading them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Json, write_together
from core.ids import new_id
from core.reservations.setup.access import find_row, list_of_store, load_visible, update_row
from core.reservations.setup.checks import (
    NAME_LENGTH,
    check_amount,
    check_ranges,
    check_words,
    spell,
    tidy_words,
)
from core.reservations.setup.rows import forget_setup, read_service
from core.reservations.values import ServiceKind, ServiceView

_ROOM_KIND: Final = "room"
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "duration_minutes": (1, 1440),
    "buffer_before_minutes": (0, 480),
    "buffer_after_minutes": (0, 480),
    "capacity": (1, 500),
    "visits": (1, 100),
    "lead_minutes": (0, 43_200),
    "horizon_days": (1, 365),
    "change_minutes": (0, 43_200),
    "grace_minutes": (0, 1440),
    "limit_per_customer": (1, 100),
}
_AMOUNTS: Final = ("price", "deposit", "minimum_spend")


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """A service as somebody wants it; see `core.reservations.models.Service`. Minutes; money in fen."""

    name: str
    kind: ServiceKind
    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    required_skills: tuple[str, ...] = ()
    required_resource_kinds: tuple[str, ...] = ()
    capacity: int = 1
    price: int | None = None
    deposit: int | None = None
    minimum_spend: int | None = None
    visits: int = 1
    lead_minutes: int | None = None
    horizon_days: int | None = None
    change_minutes: int | None = None
    grace_minutes: int | None = None
    limit_per_customer: int | None = None
    active: bool = True


async def create_service(
    actor: Actor, store_id: UUID, draft: ServiceDraft
) -> ServiceView | list[UserProblem]:
    """Adds a service to a store. A room without kinds of resources takes one of the kind "room".

    Answers it, or everything that is wrong with it. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_SERVICE)
    await find_store(actor, store_id)
    draft = tidy_service(draft)
    problems = check_service(draft)
    if problems:
        return problems
    service_id, columns = new_id(), _build_columns(draft)
    await write_together(
        [
            insert_row("service", id=service_id, tenant_id=actor.tenant_id, store_id=store_id, **columns),
            build_entry(actor, "createService", "Service", service_id, {"name": draft.name}),
        ]
    )
    return _show_service(draft, service_id, actor.tenant_id, store_id)


async def update_service(
    actor: Actor, service_id: UUID, changes: Mapping[str, Any]
) -> ServiceView | list[UserProblem]:
    """Changes what `changes` names of a ServiceDraft, but for its kind. Bookings already made stay as they are.

    Answers the service, or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.UPDATE_SERVICE)
    now = read_service(await find_row(actor, "service", service_id))
    draft = tidy_service(dataclasses.replace(_draft_again(now), **changes))
    problems = check_service(draft)
    if problems or not changes:
        return problems or now
    columns = _build_columns(draft)
    details = {spell(name): getattr(draft, name) for name in changes}
    await write_together(
        [
            update_row("service", actor.tenant_id, service_id, {name: columns[name] for name in changes}),
            build_entry(actor, "updateService", "Service", service_id, details),
        ]
    )
    forget_setup(actor.tenant_id, now.store_id, service_id)
    return _show_service(draft, service_id, actor.tenant_id, now.store_id)


async def list_services(actor: Actor, store_id: UUID, *, retired: bool = False) -> tuple[ServiceView, ...]:
    """The store's services, oldest first."""
    require(actor, Action.LIST_SERVICES)
    return await list_of_store(actor, "service", store_id, read_service, retired=retired)


async def load_services(actor: Actor, service_ids: Iterable[UUID]) -> Mapping[UUID, ServiceView]:
    """Those among these ids of stores that the actor may enter, retired ones too."""
    return await load_visible(actor, "service", service_ids, read_service)


def tidy_service(draft: ServiceDraft) -> ServiceDraft:
    """Trimmed, with what its kind needs."""
    kinds = tidy_words(draft.required_resource_kinds)
    if draft.kind is ServiceKind.ROOM and not kinds:
        kinds = (_ROOM_KIND,)
    return dataclasses.replace(
        draft,
        name=draft.name.strip(),
        required_skills=tidy_words(draft.required_skills),
        required_resource_kinds=kinds,
    )


def check_service(draft: ServiceDraft) -> list[UserProblem]:
    """What is wrong with a tidied draft; empty where nothing is."""
    return [
        *check_text(draft.name, ("name",), NAME_LENGTH),
        *check_ranges({name: getattr(draft, name) for name in _LIMITS}, _LIMITS),
        *check_words("requiredSkills", draft.required_skills),
        *check_words("requiredResourceKinds", draft.required_resource_kinds),
        *(each for name in _AMOUNTS for each in check_amount((spell(name),), getattr(draft, name))),
    ]


def _build_columns(draft: ServiceDraft) -> dict[str, Any]:
    values = {item.name: getattr(draft, item.name) for item in dataclasses.fields(draft)}
    return {
        **values,
        "kind": draft.kind.value,
        "required_skills": Json(list(draft.required_skills)),
        "required_resource_kinds": Json(list(draft.required_resource_kinds)),
    }


def _show_service(draft: ServiceDraft, service_id: UUID, tenant_id: UUID, store_id: UUID) -> ServiceView:
    values = {item.name: getattr(draft, item.name) for item in dataclasses.fields(draft)}
    values["required_skills"] = frozenset(draft.required_skills)
    return ServiceView(id=service_id, tenant_id=tenant_id, store_id=store_id, **values)


def _draft_again(service: ServiceView) -> ServiceDraft:
    values = {item.name: getattr(service, item.name) for item in dataclasses.fields(ServiceDraft)}
    values["required_skills"] = tuple(sorted(service.required_skills))
    return ServiceDraft(**values)
