"""Resolvers called as they are. Strawberry's own way costs 0.15 ms for one redeemCoupons.

It converts every argument and reads every plain field through several layers of Python, for features that this schema
does not use (field extensions, exception handlers, Maybe). graphql-core can do both by itself: `out_type` and `out_name`
build the input classes, and a resolver is called with `(source, info, **arguments)`, where `info.context` is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any, Final, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution import Executor
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

_DEFINITION: Final = GraphQLCoreConverter.DEFINITION_BACKREF


def bind_resolvers(schema: GraphQLSchema) -> None:
    """Ties the types of a schema to their Python classes and functions directly. Changes the schema."""
    for kind in schema.type_map.values():
        if _DEFINITION not in kind.extensions:
            continue
        if isinstance(kind, GraphQLInputObjectType):
            _bind_input(kind)
        elif isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                _bind_field(field, watched=kind is schema.subscription_type)


def _bind_input(kind: GraphQLInputObjectType) -> None:
    definition = kind.extensions[_DEFINITION]
    for field in kind.fields.values():
        field.out_name = field.extensions[_DEFINITION].python_name
    kind.out_type = _build_with(definition.origin)  # type: ignore[method-assign, assignment]


def _build_with(build: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda values: build(**values)


def _bind_field(field: GraphQLField, *, watched: bool) -> None:
    definition: StrawberryField = field.extensions[_DEFINITION]
    for argument in field.args.values():
        argument.out_name = argument.extensions[_DEFINITION].python_name
    if definition.base_resolver is None:
        field.resolve = _build_reader(field, attrgetter(definition.python_name))
    elif watched:
        field.subscribe = definition.base_resolver._unbound_wrapped_func
    else:
        field.resolve = definition.base_resolver._unbound_wrapped_func


def _build_reader(field: GraphQLField, read: Callable[[Any], Any]) -> Callable[..., Any]:
    kind: Any = get_nullable_type(field.type)
    if not is_leaf_type(kind):
        return lambda source, _info: read(source)
    return LeafReader(read, _build_output(kind), nullable=field.type is kind)


def _build_output(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, GraphQLEnumType):
        definition = kind.extensions[_DEFINITION]
        names = {definition.wrapped_cls(value.value): name for name, value in kind.values.items()}
        return names.__getitem__
    return cast("Callable[[Any], Any]", kind.coerce_output_value)


class LeafReader:
    """The resolver of a scalar or enum that is an attribute of its object: known not to wait for anything."""

    __slots__ = ("nullable", "output", "read")

    def __init__(self, read: Callable[[Any], Any], output: Callable[[Any], Any], *, nullable: bool) -> None:
        self.read = read
        self.output = output
        self.nullable = nullable

    def __call__(self, source: Any, _info: Any) -> Any:
        return self.read(source)


class LeafExecutor(Executor[Any]):
    """graphql-core's executor with a short way for such fields, which are most of every answer.

    Whatever is unusual about a value goes the long way, so that errors are graphql-core's own.
    """

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Any,
        path: Any,
        position_context: Any,
    ) -> Any:
        field = self.schema.get_field(parent_type, field_details_list[0].node.name.value)
        reader = field.resolve if field else None
        if type(reader) is LeafReader:
            value = reader.read(source)
            if value is not None:
                with suppress(Exception):
                    return reader.output(value)
            elif reader.nullable:
                return None
        return super().execute_field(parent_type, source, field_details_list, path, position_context)
