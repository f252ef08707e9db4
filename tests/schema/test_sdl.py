from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLNamedType, specified_directives

from schema.export import SDL_FILE, print_sdl
from schema.roots import build_schema


def test_committed_sdl_is_current() -> None:
    assert SDL_FILE.read_text(encoding="utf-8") == print_sdl(), "run: python -m schema.export"


def test_everything_is_described() -> None:
    schema = build_schema()._schema
    named = [(name, kind) for name, kind in schema.type_map.items() if not name.startswith("__")]
    missing = [place for _, kind in named for place, text in list_descriptions(kind) if not text]
    assert len(named) > 40
    assert missing == []


def test_no_directives_of_our_own() -> None:
    known = {directive.name for directive in specified_directives}
    assert {directive.name for directive in build_schema()._schema.directives} <= known


def test_schemas_are_independent() -> None:
    assert build_schema()._schema is not build_schema()._schema


def list_descriptions(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Every place of a type that needs a description, with the one it has."""
    yield kind.name, kind.description
    fields: dict[str, Any] = getattr(kind, "fields", {})
    for name, value in {**fields, **getattr(kind, "values", {})}.items():
        yield f"{kind.name}.{name}", value.description
        for argument, definition in getattr(value, "args", {}).items():
            yield f"{kind.name}.{name}({argument}:)", definition.description
