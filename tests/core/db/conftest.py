"""Valid rows of any table, for tests that say only what matters to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tortoise import fields
from tortoise.models import Model

from core.clock import utc_now
from core.db.statements import Json, execute, fetch_row
from core.ids import new_id


@pytest.fixture
def insert_row() -> Callable[..., Awaitable[dict[str, Any]]]:
    """`await insert_row(Model, column=value)`: raw SQL; what is not given is filled with something valid and new."""
    return _insert_row


@pytest.fixture
def count_rows() -> Callable[[type[Model]], Awaitable[int]]:
    return _count_rows


async def _insert_row(model: type[Model], **values: Any) -> dict[str, Any]:
    row = {name: values.get(name, _make_value(name, field)) for name, field in model._meta.fields_map.items()}
    columns = [model._meta.fields_db_projection[name] for name in row]
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    count = await execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({marks})",
        *map(_bind, row.values()),
    )
    assert count == 1
    return row


async def _count_rows(model: type[Model]) -> int:
    row = await fetch_row(f"SELECT count(*) AS number FROM {model._meta.db_table}")
    return row["number"] if row else 0


def _bind(value: Any) -> Any:
    return Json(value) if isinstance(value, (dict, list)) else value


def _make_value(name: str, field: Any) -> Any:
    if callable(field.default):
        return field.default()
    if field.default is not None or field.null:
        return field.default
    if isinstance(field, fields.UUIDField):
        return new_id()
    if isinstance(field, fields.CharField):
        return new_id().hex[-field.max_length :]
    if isinstance(field, fields.DatetimeField):
        return utc_now() + timedelta(hours=1 if name == "end_at" else 0)
    if isinstance(field, fields.DateField):
        return utc_now().date()
    return b"sealed" if isinstance(field, fields.BinaryField) else 1
