"""Bodies that no platform documents: whole answers spoilt at one place, and bodies that are none at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ExampleT = TypeVar("ExampleT")
Path = tuple[str | int, ...]

HOPELESS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  \n",
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "number": b"0",
    "text": b'"ok"',
    "bytes": b"\xff\xfe\x00\x80",
    "deep": b"[" * 100_000,
    "deep object": b'{"data":' * 5_000 + b"0" + b"}" * 5_000,
    "endless number": b'{"data":' + b"9" * 5_000 + b"}",
}
"""Bodies out of which nobody may read a success."""

WRONG_VALUES: tuple[Any, ...] = (
    None, "", "x", "９", 0, -1, 2**53 + 1, 1e300, 1.5, True, [], {}, [[]], [None], {"": None}, "x" * 5_000,
)  # fmt: skip


def draw_examples(strategy: st.SearchStrategy[ExampleT], count: int) -> list[ExampleT]:
    """`count` examples, the same ones in every run."""
    drawn: list[ExampleT] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(example: ExampleT) -> None:
        drawn.append(example)

    keep()
    return drawn


def spoil_answer(content: bytes, count: int = 60) -> list[bytes]:
    """Real answers gone wrong: cut off, a value replaced by another type, a member missing."""
    cuts = st.integers(0, max(0, len(content) - 1)).map(lambda size: content[:size])
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return draw_examples(cuts, count)
    spoilt = st.builds(
        spoil_at,
        st.just(document),
        st.sampled_from(list(walk_paths(document))),
        st.sampled_from([*WRONG_VALUES, MISSING]),
    )
    return draw_examples(cuts, count // 4) + draw_examples(spoilt.map(orjson.dumps), count)


def hollow_answer(content: bytes) -> bytes:
    """The answer with every value replaced by an empty object: right names, nothing in them."""
    try:
        return orjson.dumps(hollow_out(orjson.loads(content)))
    except orjson.JSONDecodeError:
        return b""


MISSING = object()


def walk_paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all members, at any depth."""
    yield path
    if isinstance(document, dict):
        for name, value in document.items():
            yield from walk_paths(value, (*path, name))
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from walk_paths(value, (*path, index))


def spoil_at(document: Any, path: Path, value: Any) -> Any:
    """A copy of `document` with `value` at `path`, or without that member."""
    if not path:
        return None if value is MISSING else value
    head, rest = path[0], path[1:]
    copy = dict(document) if isinstance(document, dict) else dict(enumerate(document))
    if not rest and value is MISSING:
        del copy[head]
    else:
        copy[head] = spoil_at(copy[head], rest, value)
    return copy if isinstance(document, dict) else list(copy.values())


def hollow_out(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: hollow_out(value) for name, value in document.items()}
    if isinstance(document, list):
        return [hollow_out(value) for value in document]
    return {}
