"""docs/settings.md, written from the settings themselves: `python -m core.cli.settings_page > docs/settings.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.settings import Settings

_HEAD = """\
# Settings

Every setting is an environment variable `HEXIAO_…`. The same names without the prefix, in lower case, may stand in a
TOML file that `HEXIAO_CONFIG` names; the environment wins over the file. Lists are JSON in the environment, as in
`HEXIAO_ALLOWED_ORIGINS='["https://shop.example.cn"]'`. A wrong value stops the start with a sentence that names the
setting. This page is written by `make settings-page`.

| setting | type | default | what it does |
| --- | --- | --- | --- |
"""


def write_page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_write_rows())


def _write_rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        cells = (
            f"`HEXIAO_{name.upper()}`",
            _describe_type(field),
            _describe_default(field),
            _describe(field),
        )
        yield f"| {' | '.join(cells)} |\n"


def _describe_type(field: FieldInfo) -> str:
    options = [each for each in get_args(field.annotation) if each is not type(None)]
    if get_origin(field.annotation) is Literal:
        return " or ".join(f"`{each}`" for each in options)
    if get_origin(field.annotation) is list:
        return "list"
    kind: Any = options[0] if options else field.annotation
    return {"int": "whole number", "float": "number", "bool": "true or false"}.get(kind.__name__, "text")


def _describe_default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**must be set**"
    return "–" if field.default is None else f"`{json.dumps(field.default)}`"


def _describe(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(write_page())
