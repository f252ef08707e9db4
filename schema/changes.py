"""Inputs that change something: what was left out stays as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import strawberry


def read_changes(given: Any, without: Collection[str], clearable: Collection[str] = ()) -> dict[str, Any]:
    """What an input names, by its names in Python, lists as tuples. Null counts for `clearable` ones only."""
    values = {item.name: getattr(given, item.name) for item in dataclasses.fields(given)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name not in without and value is not strawberry.UNSET and (value is not None or name in clearable)
    }
