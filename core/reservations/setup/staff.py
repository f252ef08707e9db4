"""People who can be booked: adding, changing, retiring and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
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
from core.reservations.setup.checks import NAME_LENGTH, check_words, tidy_words
from core.reservations.setup.rows import forget_setup, read_staff
from core.reservations.values import StaffView


@dataclass(frozen=True, slots=True)
class StaffDraft:
    """A staff member as somebody wants them."""

    name: str
    skills: tuple[str, ...] = ()
    active: bool = True


async def create_staff_member(
    actor: Actor, store_id: UUID, draft: StaffDraft
) -> StaffView | list[UserProblem]:
    """Adds somebody to a store. Answers them, or everything that is wrong.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_STAFF_MEMBER)
    await find_store(actor, store_id)
    draft = _tidy_staff(draft)
    problems = _check_staff(draft)
    if problems:
        return problems
    staff_id = new_id()
    row = insert_row(
        "staff_member", id=staff_id, tenant_id=actor.tenant_id, store_id=store_id, **_build_columns(draft)
    )
    entry = build_entry(actor, "createStaffMember", "StaffMember", staff_id, {"skills": list(draft.skills)})
    await write_together([row, entry])
    forget_setup(actor.tenant_id, store_id)
    return _show_staff(draft, staff_id, actor.tenant_id, store_id)


async def update_staff_member(
    actor: Actor, staff_id: UUID, changes: Mapping[str, Any]
) -> StaffView | list[UserProblem]:
    """Changes what `changes` names of a StaffDraft. Bookings already made stay, also those of somebody retired.

    Answers them, or everything that is wrong. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.UPDATE_STAFF_MEMBER)
    now = read_staff(await find_row(actor, "staff_member", staff_id))
    draft = _tidy_staff(replace(StaffDraft(now.name, tuple(sorted(now.skills)), now.active), **changes))
    problems = _check_staff(draft)
    if problems or not changes:
        return problems or now
    columns = _build_columns(draft)
    # A name is personal: the trail says that it changed, not to what.
    details = {name: getattr(draft, name) for name in changes if name != "name"}
    await write_together(
        [
            update_row("staff_member", actor.tenant_id, staff_id, {name: columns[name] for name in changes}),
            build_entry(
                actor,
                "updateStaffMember",
                "StaffMember",
                staff_id,
                {**details, "renamed": "name" in changes},
            ),
        ]
    )
    forget_setup(actor.tenant_id, now.store_id)
    return _show_staff(draft, staff_id, actor.tenant_id, now.store_id)


async def list_staff_members(actor: Actor, store_id: UUID, *, retired: bool = False) -> tuple[StaffView, ...]:
    """The store's staff, oldest first."""
    require(actor, Action.LIST_STAFF_MEMBERS)
    return await list_of_store(actor, "staff_member", store_id, read_staff, retired=retired)


async def load_staff_members(actor: Actor, staff_ids: Iterable[UUID]) -> Mapping[UUID, StaffView]:
    """Those among these ids of stores that the actor may enter, retired ones too."""
    return await load_visible(actor, "staff_member", staff_ids, read_staff)


def _tidy_staff(draft: StaffDraft) -> StaffDraft:
    return replace(draft, name=draft.name.strip(), skills=tidy_words(draft.skills))


def _check_staff(draft: StaffDraft) -> list[UserProblem]:
    return [*check_text(draft.name, ("name",), NAME_LENGTH), *check_words("skills", draft.skills)]


def _build_columns(draft: StaffDraft) -> dict[str, Any]:
    return {"name": draft.name, "skills": Json(list(draft.skills)), "active": draft.active}


def _show_staff(draft: StaffDraft, staff_id: UUID, tenant_id: UUID, store_id: UUID) -> StaffView:
    return StaffView(staff_id, tenant_id, store_id, draft.name, frozenset(draft.skills), draft.active)
