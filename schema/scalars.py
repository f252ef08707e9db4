"""Scalars of our own: stock ones take naive and date-only instants and print `5` for `5.00`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from core.clock import to_utc
from core.errors import BadInput
from schema.texts import say

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{1,6})?", re.ASCII)


def parse_instant(value: Any) -> datetime:
    """ISO-8601 with an offset → aware, in UTC. Raises BadInput for anything else, date-only and naive ones included."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise BadInput(say("instant"))
    try:
        return to_utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise BadInput(say("instant")) from None


def format_instant(value: datetime) -> str:
    """In UTC with a Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_day(value: Any) -> date:
    """A day as in "2026-05-01". Raises BadInput for anything else, instants included."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise BadInput(say("day"))
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadInput(say("day")) from None


def parse_decimal(value: Any) -> Decimal:
    """A plain decimal number, as a string or an integer. Raises BadInput for NaN, exponents and the like."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadInput(say("decimal"))
    written = repr(value) if isinstance(value, float) else str(value)
    if not _DECIMAL.fullmatch(written):
        raise BadInput(say("decimal"))
    return Decimal(written)


def format_decimal(value: Decimal) -> str:
    """Without exponent, with the decimals it has."""
    return format(value, "f")


def _keep(value: Any) -> Any:
    return value


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant. Input is ISO-8601 with an offset, output is in UTC: `2026-05-01T02:00:00Z`.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=format_instant,
        parse_value=parse_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of a calendar, as in `2026-05-01`. Which instants that is depends on the time zone.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=date.isoformat,
        parse_value=parse_day,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as a string. Money always has two decimals, in yuan: `"88.00"`.',
        serialize=format_decimal,
        parse_value=parse_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=_keep,
        parse_value=_keep,
    ),
}
