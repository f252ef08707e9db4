"""Relay paging by keyset cursors: opaque, signed, and steady while rows are added."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import strawberry

from core.errors import BadInput
from core.keys import KeyRing
from schema.texts import say

DEFAULT_PAGE: Final = 20
LARGEST_PAGE: Final = 100
_SIGNATURE_BYTES = 16

First = Annotated[
    int | None,
    strawberry.argument(description=f"How many, {DEFAULT_PAGE} unless given, {LARGEST_PAGE} at most."),
]
After = Annotated[
    str | None,
    strawberry.argument(description="The cursor to go on from, of an edge or `pageInfo.endCursor`."),
]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are some before this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first edge, null for an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last edge; the next page's `after`."
    )


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads cursors. `kind` names the list, so that the cursor of one is refused by another."""

    keys: KeyRing

    def write(self, kind: str, position: bytes) -> str:
        signature = self.keys.sign(f"cursor:{kind}", position)
        return base64.urlsafe_b64encode(signature + position).decode().rstrip("=")

    def read(self, kind: str, cursor: str) -> bytes:
        """The position in a cursor. Raises BadInput for one that was not written here for this list."""
        try:
            content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise BadInput(say("cursor"), ("after",)) from None
        signature, position = content[:_SIGNATURE_BYTES], content[_SIGNATURE_BYTES:]
        if not self.keys.verify(f"cursor:{kind}", position, signature):
            raise BadInput(say("cursor"), ("after",))
        return position

    def write_id(self, kind: str, row_id: UUID) -> str:
        return self.write(kind, row_id.bytes)

    def read_id(self, kind: str, cursor: str | None) -> UUID | None:
        return None if cursor is None else UUID(bytes=self.read(kind, cursor))

    def write_seq(self, kind: str, seq: int) -> str:
        return self.write(kind, seq.to_bytes(8, "big"))

    def read_seq(self, kind: str, cursor: str | None) -> int | None:
        return None if cursor is None else int.from_bytes(self.read(kind, cursor), "big")


def read_first(first: int | None) -> int:
    """The page size. Raises BadInput outside of 1 … 100."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= LARGEST_PAGE:
        raise BadInput(say("page_size", limit=LARGEST_PAGE), ("first",))
    return first


def show_page_info(cursors: list[str], *, has_more: bool, continued: bool) -> PageInfo:
    """`continued`: whether the page was asked for with `after`."""
    return PageInfo(
        has_next_page=has_more,
        has_previous_page=continued,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
