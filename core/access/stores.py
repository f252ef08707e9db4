"""Stores: finding those that an actor may enter, and opening new ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.audit import build_entry
from core.access.permissions import Action, can_enter, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.values import Actor, StoreView
from core.cache import ExpiringCache
from core.db.inserts import insert_row
from core.db.statements import Write, as_uuid, fetch_rows, write_together
from core.errors import NotFound
from core.ids import new_id
from core.messages import text

_NAME_LENGTH = 120
_COLUMNS = "id, tenant_id, name, time_zone"

# Every redemption asks for its store. Stores hardly change: up to five seconds old is new enough.
_stores: ExpiringCache[tuple[UUID, UUID], StoreView] = ExpiringCache(lifetime=5, capacity=10_000)


async def find_store(actor: Actor, store_id: UUID) -> StoreView:
    """The store, which the actor may enter.

    Raises NotFound for another merchant's store and for one out of the token's reach alike. The answer may be
    five seconds old.
    """
    store = await _load_store(actor.tenant_id, store_id) if can_enter(actor, store_id) else None
    if store is None:
        raise NotFound(text("fault.store_not_found"))
    return store


async def load_stores(actor: Actor, store_ids: Iterable[UUID]) -> Mapping[UUID, StoreView]:
    """The stores of the actor's merchant among these ids, for showing where something happened.

    Not limited to the stores the actor may enter. Unknown ids are missing from the answer, which may be five
    seconds old.
    """
    found = {store_id: _stores.get((actor.tenant_id, store_id)) for store_id in store_ids}
    missing = [store_id for store_id, store in found.items() if store is None]
    loaded = {store.id: store for store in await _select_stores(actor.tenant_id, missing)} if missing else {}
    return {store_id: store for store_id, known in found.items() if (store := known or loaded.get(store_id))}


async def load_store(tenant_id: UUID, store_id: UUID) -> StoreView | None:
    """The merchant's store, whoever asks; None where there is none. The answer may be five seconds old."""
    return await _load_store(tenant_id, store_id)


async def list_stores(actor: Actor) -> tuple[StoreView, ...]:
    """Every store the actor may enter, oldest first."""
    require(actor, Action.LIST_STORES)
    rows = await fetch_rows(
        f"SELECT {_COLUMNS} FROM store WHERE tenant_id = $1 ORDER BY id",
        actor.tenant_id,
    )
    return tuple(store for store in map(_read_store, rows) if can_enter(actor, store.id))


async def create_store(
    actor: Actor, name: str, time_zone: str = "Asia/Shanghai"
) -> StoreView | tuple[UserProblem, ...]:
    """Opens a store. Answers it, or what is wrong with the name or the IANA time zone."""
    require(actor, Action.CREATE_STORE)
    problems = check_store(name, time_zone)
    if problems:
        return problems
    store = StoreView(new_id(), actor.tenant_id, name.strip(), time_zone)
    await write_together(
        [build_store(store), build_entry(actor, "createStore", "Store", store.id, {"name": store.name})]
    )
    return store


def check_store(name: str, time_zone: str) -> tuple[UserProblem, ...]:
    """What is wrong with a new store's name and time zone; empty where nothing is."""
    problems = check_text(name, ("name",), _NAME_LENGTH)
    if not _is_time_zone(time_zone):
        values = {"value": time_zone[:64]}
        problems.append(UserProblem(ProblemCode.INVALID, ("timeZone",), "problem.time_zone", values))
    return tuple(problems)


def build_store(store: StoreView) -> Write:
    """The INSERT of a store."""
    return insert_row(
        "store", id=store.id, tenant_id=store.tenant_id, name=store.name, time_zone=store.time_zone
    )


async def _load_store(tenant_id: UUID, store_id: UUID) -> StoreView | None:
    known = _stores.get((tenant_id, store_id))
    if known is not None:
        return known
    return next(iter(await _select_stores(tenant_id, [store_id])), None)


async def _select_stores(tenant_id: UUID, store_ids: list[UUID]) -> list[StoreView]:
    places = ", ".join(f"${number}" for number in range(2, len(store_ids) + 2))
    sql = f"SELECT {_COLUMNS} FROM store WHERE tenant_id = $1 AND id IN ({places})"
    stores = [_read_store(row) for row in await fetch_rows(sql, tenant_id, *store_ids)]
    for store in stores:
        _stores.put((tenant_id, store.id), store)
    return stores


def _read_store(row: Mapping[str, Any]) -> StoreView:
    return StoreView(as_uuid(row["id"]), as_uuid(row["tenant_id"]), row["name"], row["time_zone"])


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # an OSError for a folder of zones, such as "Asia"
        return False
    return name != "localtime"  # a file of the machine, not a zone
