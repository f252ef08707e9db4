"""`python -m schema.export`: writes the schema as SDL to schema/schema.graphql."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from graphql import print_schema

from schema.roots import build_schema

SDL_FILE: Final = Path(__file__).with_name("schema.graphql")


def print_sdl() -> str:
    """The schema as it is committed."""
    return print_schema(build_schema()._schema) + "\n"


if __name__ == "__main__":
    SDL_FILE.write_text(print_sdl(), encoding="utf-8")
