"""Finding what was set up at the stores that an actor may enter, and writing changes of it down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from core.access.permissions import can_enter
from core.access.stores import find_store
from core.access.values import Actor
from core.db.conditions import Where
from core.db.statements import Write, as_uuid, fetch_row, fetch_rows
from core.errors import NotFound
from core.messages import text

View = TypeVar("View")
Read = Callable[[Mapping[str, Any]], View]


async def find_row(actor: Actor, table: str, row_id: UUID) -> dict[str, Any]:
    """A row of a store that the actor may enter, as it is now. Raises NotFound, for other merchants' alike."""
    row = await fetch_row(f"SELECT * FROM {table} WHERE tenant_id = $1 AND id = $2", actor.tenant_id, row_id)
    if row is None or not can_enter(actor, as_uuid(row["store_id"])):
        raise NotFound(text("fault.NOT_FOUND"))
    return row


async def load_visible(actor: Actor, table: str, ids: Iterable[UUID], read: Read[View]) -> dict[UUID, View]:
    """The rows among `ids` of stores that the actor may enter, retired ones too."""
    where = Where(actor.tenant_id)
    where.add_any("id", list(ids))
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    rows = await fetch_rows(f"SELECT * FROM {table} WHERE {where}", *where.values)
    return {as_uuid(row["id"]): read(row) for row in rows}


async def list_of_store(
    actor: Actor, table: str, store_id: UUID, read: Read[View], *, retired: bool
) -> tuple[View, ...]:
    """What a store has, oldest first; with what it no longer offers if `retired`. Raises NotFound."""
    await find_store(actor, store_id)
    offered = "" if retired else " AND active"
    rows = await fetch_rows(
        f"SELECT * FROM {table} WHERE tenant_id = $1 AND store_id = $2{offered} ORDER BY id",
        actor.tenant_id,
        store_id,
    )
    return tuple(map(read, rows))


def update_row(table: str, tenant_id: UUID, row_id: UUID, changes: Mapping[str, Any]) -> Write:
    """Sets these columns of one row, and leaves the others to whoever changes them at the same time."""
    columns = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, 3))
    return Write(
        f"UPDATE {table} SET {columns} WHERE tenant_id = $1 AND id = $2",
        (tenant_id, row_id, *changes.values()),
        expects=1,
    )
