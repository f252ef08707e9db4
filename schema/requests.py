"""A GraphQL request as it comes in, whatever carried it: its parameters and their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from core.errors import BadInput
from schema.texts import say

# PostgreSQL cannot store U+0000, and nobody means it: plain, as \u0000, or as GraphQL's \u{0}.
_NUL: Final = re.compile(r"\x00|\\u(?:0000|\{0+\})")
_NUL_BYTES: Final = re.compile(rb"\x00|\\u(?:0000|\{0+\})")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of one operation. `query` is None where a persisted one is meant."""

    query: str | None
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)


def read_json(body: bytes | str) -> Any:
    """Any JSON value. Raises BadInput for what is no JSON in UTF-8, too deep, or holds U+0000."""
    nul = _NUL.search(body) if isinstance(body, str) else _NUL_BYTES.search(body)
    if nul:
        raise BadInput(say("body_not_json"))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadInput(say("body_not_json")) from None


def read_body(body: bytes) -> GraphQLRequest:
    """The request in a POST body. Raises BadInput."""
    data = read_json(body)
    if isinstance(data, list):
        raise BadInput(say("batch_refused"))
    if not isinstance(data, dict):
        raise BadInput(say("body_not_object"))
    return read_parameters(data)


def read_query_string(query_string: bytes) -> GraphQLRequest:
    """The request in a URL; `variables` and `extensions` are JSON. Raises BadInput."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    data: dict[str, Any] = dict(reversed(pairs))
    for name in ("variables", "extensions"):
        if data.get(name):
            data[name] = read_json(data[name])
        else:
            data.pop(name, None)
    if _NUL.search(data.get("query", "")):
        raise BadInput(say("body_not_json"))
    return read_parameters(data)


def read_parameters(data: Mapping[str, Any]) -> GraphQLRequest:
    """Checks the types of query, variables, operationName and extensions. Raises BadInput."""
    _check_type(data, "variables", dict, "a map")
    _check_type(data, "extensions", dict, "a map")
    _check_type(data, "operationName", str, "a string")
    query, extensions = data.get("query"), data.get("extensions") or {}
    if not isinstance(query, str) and (query is not None or "persistedQuery" not in extensions):
        raise BadInput(say("query_missing"), ("query",))
    return GraphQLRequest(query, data.get("variables") or {}, data.get("operationName"), extensions)


def _check_type(data: Mapping[str, Any], name: str, kind: type, described: str) -> None:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadInput(say("parameter_type", name=name, kind=described), (name,))
