"""Global ids, and the interface of everything that has one."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import strawberry

from core.errors import BadInput
from core.ids import decode_global_id, decode_id, encode_global_id
from schema.texts import say


@strawberry.interface(description="Something with an id of its own, to be fetched again by `node(id:)`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, unique among everything, and stable.")


def show_id(type_name: str, row_id: UUID) -> strawberry.ID:
    """The global id of a row."""
    return strawberry.ID(encode_global_id(type_name, row_id))


def read_id(global_id: str, type_name: str, *field: str) -> UUID:
    """The row of a global id of `type_name`. Raises BadInput naming `field` where it is another's or none."""
    try:
        return decode_id(global_id, type_name)
    except ValueError:
        raise BadInput(say("id", path=".".join(field), type=type_name), field) from None


def read_optional_id(global_id: str | None, type_name: str, *field: str) -> UUID | None:
    return None if global_id is None else read_id(global_id, type_name, *field)


def read_ids(global_ids: Iterable[str] | None, type_name: str, *field: str) -> tuple[UUID, ...]:
    """The rows of several ids; `field` gets the index of the wrong one."""
    listed = enumerate(global_ids or ())
    return tuple(read_id(global_id, type_name, *field, str(index)) for index, global_id in listed)


def read_node_id(global_id: str) -> tuple[str, UUID]:
    """`(type name, row)` of any global id. Raises BadInput where it is none."""
    try:
        return decode_global_id(global_id)
    except ValueError:
        raise BadInput(say("node_id"), ("id",)) from None
