"""Ids. Rows have UUIDv7, made here, so that they sort by age and need no round trip."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def encode_global_id(type_name: str, row_id: UUID) -> str:
    """The id that clients see: URL-safe base64 of the type's name and the row's 16 bytes."""
    return base64.urlsafe_b64encode(f"{type_name}:".encode() + row_id.bytes).decode().rstrip("=")


def decode_global_id(global_id: str) -> tuple[str, UUID]:
    """`(type name, row id)` of a global id. Raises ValueError with a sentence where it is none."""
    try:
        padded = global_id + "=" * (-len(global_id) % 4)
        type_name, separator, row_bytes = base64.b64decode(padded, altchars=b"-_", validate=True).partition(
            b":"
        )
        if not separator:
            raise ValueError
        return type_name.decode("ascii"), UUID(bytes=row_bytes)
    except (binascii.Error, ValueError):
        raise ValueError("this is not an id that Hexiao gave out") from None


def decode_id(global_id: str, type_name: str) -> UUID:
    """The row id of a global id of `type_name`. Raises ValueError where it is another's or none."""
    found, row_id = decode_global_id(global_id)
    if found != type_name:
        raise ValueError(f"this is the id of a {found}, not of a {type_name}")
    return row_id
