from __future__ import annotations

from uuid import uuid4

import pytest

from core.errors import BadInput
from core.keys import KeyRing
from schema.pagination import Cursors, read_first, show_page_info

CURSORS = Cursors(KeyRing("a secret key for tests, 32 characters or more"))


def test_cursor_comes_back() -> None:
    row_id = uuid4()
    assert CURSORS.read_id("redemptions", CURSORS.write_id("redemptions", row_id)) == row_id
    assert CURSORS.read_seq("events", CURSORS.write_seq("events", 2**40)) == 2**40
    assert CURSORS.read_id("redemptions", None) is None


def test_cursor_survives_key_rotation() -> None:
    old, new = "an old secret key of thirty-two characters", "a new secret key of thirty-two characters"
    cursor = Cursors(KeyRing(old)).write_seq("events", 7)
    assert Cursors(KeyRing(new, [old])).read_seq("events", cursor) == 7


@pytest.mark.parametrize("cursor", ["", "x", "====", "YXJyYXljb25uZWN0aW9uOjA=", "é", "A" * 5_000])
def test_foreign_cursor_refused(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        CURSORS.read_id("redemptions", cursor)
    assert refused.value.field == ("after",)


def test_cursor_of_another_list_refused() -> None:
    with pytest.raises(BadInput):
        CURSORS.read_seq("events", CURSORS.write_id("redemptions", uuid4()))


def test_changed_cursor_refused() -> None:
    cursor = CURSORS.write_id("redemptions", uuid4())
    with pytest.raises(BadInput):
        CURSORS.read_id("redemptions", cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"))


@pytest.mark.parametrize(("first", "size"), [(None, 20), (1, 1), (100, 100)])
def test_page_sizes(first: int | None, size: int) -> None:
    assert read_first(first) == size


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_other_page_sizes_refused(first: int) -> None:
    with pytest.raises(BadInput) as refused:
        read_first(first)
    assert refused.value.field == ("first",)


def test_page_info_of_an_empty_page() -> None:
    info = show_page_info([], has_more=False, continued=True)
    assert (info.start_cursor, info.end_cursor) == (None, None)
    assert (info.has_next_page, info.has_previous_page) == (False, True)
