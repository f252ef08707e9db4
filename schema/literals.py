"""Wrong input values, told by place and type. graphql-core's own texts quote the value, which may be a coupon code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    SKIP,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    ValueNode,
    VisitorAction,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)
from graphql.pyutils import Undefined
from graphql.utilities import validate_input_literal, validate_input_value
from graphql.validation import ValuesOfCorrectTypeRule

from core.errors import BadInput
from schema.errors import ValueRejected, find_fault
from schema.texts import say

Path = Sequence[str | int]
# graphql-core names the field that is missing or unknown in the text only.
_FIELD_NAME = re.compile(r"(?:required|unknown) field '(\w+)'")


class LiteralsRule(ValuesOfCorrectTypeRule):
    """The stock rule with texts of our own; a value that one of our scalars refuses is BAD_USER_INPUT."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        def report(error: GraphQLError, path: list[str | int]) -> None:
            message = _describe_value(error, input_type, path, "value")
            kind = GraphQLError if find_fault(error) is None else ValueRejected
            self.report_error(kind(message, error.nodes or node))

        if input_type is not None:
            validate_input_literal(node, input_type, report, None, None, True)
        return SKIP


def find_wrong_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> list[BadInput]:
    """What is wrong with an operation's variables, each with its path; at most ten."""
    found: list[BadInput] = []
    for name, input_type, required in _list_variables(schema, operation):
        value = variables.get(name, Undefined)
        if value is Undefined and not required:
            continue

        def report(
            error: GraphQLError, path: list[str | int], root: str = name, of: Any = input_type
        ) -> None:
            message = _describe_value(error, of, path, root)
            named = _FIELD_NAME.search(error.message)
            place = (root, *path, *(named.groups() if named else ()))
            found.append(BadInput(message, tuple(str(part) for part in place)))

        validate_input_value(value, input_type, report, True)
    return found[:10]


def _list_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> Iterator[tuple[str, GraphQLInputType, bool]]:
    """`(name, type, required)` of each variable."""
    for definition in operation.variable_definitions or ():
        input_type: Any = type_from_ast(schema, definition.type)
        required = is_non_null_type(input_type) and definition.default_value is None
        yield definition.variable.name.value, input_type, required


def _describe_value(error: GraphQLError, input_type: GraphQLInputType | None, path: Path, root: str) -> str:
    named = _FIELD_NAME.search(error.message)
    where = ".".join(str(part) for part in (root, *path, *(named.groups() if named else ())))
    fault = find_fault(error)
    if fault is not None:
        return f"{where}: {fault.message}"
    if "unknown field" in error.message:
        return say("value_unknown", path=where)
    if "non-null" in error.message or "required" in error.message:
        return say("value_missing", path=where)
    return say("value_type", path=where, type=_find_type(input_type, path))


def _find_type(input_type: Any, path: Path) -> str:
    """The name of the type at a path inside an input type."""
    for part in path:
        if is_non_null_type(input_type):
            input_type = input_type.of_type
        if is_list_type(input_type):
            input_type = input_type.of_type
        elif is_input_object_type(input_type) and part in input_type.fields:
            input_type = input_type.fields[part].type
    return str(input_type)
