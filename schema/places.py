"""Cursors of lists that are ordered by an instant and then by id."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from schema.context import Context

_POSITION: Final = struct.Struct(">q16s")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def write_place(context: Context, kind: str, at: datetime, row_id: UUID) -> str:
    """The cursor of a row of the list `kind`."""
    return context.cursors.write(kind, _POSITION.pack((at - _EPOCH) // _MICROSECOND, row_id.bytes))


def read_place(context: Context, kind: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """Where a cursor of the list `kind` lies. Raises BadInput for any other text."""
    if cursor is None:
        return None
    microseconds, row_id = _POSITION.unpack(context.cursors.read(kind, cursor))
    return _EPOCH + microseconds * _MICROSECOND, UUID(bytes=row_id)
