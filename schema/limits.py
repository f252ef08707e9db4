"""How much one document may ask for: cost and depth, measured in one pass that visits every fragment once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)

from schema.pagination import DEFAULT_PAGE, LARGEST_PAGE

MAX_TOKENS: Final = 2_000
# A look-up asks platforms; introspection answers with much more than its own fields.
FIELD_COSTS: Final[Mapping[str, int]] = {
    "Query.couponLookup": 100,
    "Mutation.connectChannel": 100,
    "Mutation.reconcileChannel": 100,
    "Query.__schema": 1_000,
    "Query.__type": 100,
}
_ONCE_PER_DOCUMENT = "redeemCoupons"
# Fragments may double at each step; the figure need not be exact beyond what any limit allows.
_CAP: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Measure:
    """`cost` is in fields times page sizes, `depth` in nested fields, `redeems` in redeemCoupons selected."""

    cost: int = 0
    depth: int = 0
    redeems: int = 0


@dataclass(slots=True)
class Selection:
    """A selection set, reduced to what the measure needs. `paged` holds the page size of each child."""

    own_cost: int = 0
    redeems: int = 0
    has_fields: bool = False
    children: list[tuple[Any, Selection]] = field(default_factory=list)
    inline: list[Selection] = field(default_factory=list)
    spreads: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DocumentMeter:
    """The reduced operations and fragments of one document, kept beside it.

    `order` names the fragments so that each comes after those it spreads; a document with a cycle has no order, and
    validation refuses it.
    """

    operations: Mapping[str, Selection]
    fragments: Mapping[str, Selection]
    order: tuple[str, ...]
    depends_on_variables: bool

    def measure(self, operation: str, variables: Mapping[str, Any]) -> Measure:
        """What one operation asks for, with these variables as page sizes."""
        return _Measuring(self, variables).measure(self.operations[operation])

    def count_redeems(self) -> int:
        """How many redeemCoupons all operations together select."""
        measuring = _Measuring(self, {})
        return sum(measuring.measure(selection).redeems for selection in self.operations.values())


def read_meter(schema: GraphQLSchema, document: DocumentNode) -> DocumentMeter:
    """Reduces a parsed document, valid or not. The empty name stands for the anonymous operation."""
    reader = _Reader(schema)
    operations: dict[str, Selection] = {}
    fragments: dict[str, Selection] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            name = definition.name.value if definition.name else ""
            operations[name] = reader.read(definition.selection_set, root)
        elif isinstance(definition, FragmentDefinitionNode):
            parent = schema.type_map.get(definition.type_condition.name.value)
            fragments[definition.name.value] = reader.read(definition.selection_set, parent)
    return DocumentMeter(operations, fragments, _order(fragments), reader.met_variable)


def _order(fragments: Mapping[str, Selection]) -> tuple[str, ...]:
    spreads = {name: frozenset(_find_spreads(selection)) for name, selection in fragments.items()}
    try:
        return tuple(TopologicalSorter(spreads).static_order())
    except CycleError:
        return ()


def _find_spreads(selection: Selection) -> Iterator[str]:
    yield from selection.spreads
    for inner in (*selection.inline, *(child for _, child in selection.children)):
        yield from _find_spreads(inner)


class _Reader:
    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.met_variable = False

    def read(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None) -> Selection:
        selection = Selection()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                self._read_field(selection, node, parent)
            elif isinstance(node, FragmentSpreadNode):
                selection.spreads.append(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                narrowed = self.schema.type_map.get(condition.name.value) if condition else parent
                selection.inline.append(self.read(node.selection_set, narrowed))
        return selection

    def _read_field(self, selection: Selection, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        selection.has_fields = True
        selection.own_cost += FIELD_COSTS.get(f"{parent.name if parent else ''}.{name}", 1)
        selection.redeems += name == _ONCE_PER_DOCUMENT
        # Introspection has a price of its own, and a depth limit among the validation rules.
        if node.selection_set is None or name.startswith("__"):
            return
        definition = getattr(parent, "fields", {}).get(name)
        child_type = get_named_type(definition.type) if definition else None
        page = self._read_page(node) if definition and "first" in definition.args else 1
        selection.children.append((page, self.read(node.selection_set, child_type)))

    def _read_page(self, node: FieldNode) -> int | VariableNode:
        value: ValueNode | None = next(
            (arg.value for arg in node.arguments or () if arg.name.value == "first"), None
        )
        if isinstance(value, VariableNode):
            self.met_variable = True
            return value
        if isinstance(value, IntValueNode):
            # Three digits are over the largest page already, and the resolver refuses those.
            return _clamp(int(value.value[:4]))
        return DEFAULT_PAGE


class _Measuring:
    def __init__(self, meter: DocumentMeter, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._fragments: dict[str, Measure] = {}
        for name in meter.order:
            if name in meter.fragments:
                self._fragments[name] = self.measure(meter.fragments[name])

    def measure(self, selection: Selection) -> Measure:
        cost, depth, redeems = selection.own_cost, int(selection.has_fields), selection.redeems
        for page, child in selection.children:
            inner = self.measure(child)
            cost += self._page_size(page) * inner.cost
            depth = max(depth, 1 + inner.depth)
        for part in self._find_parts(selection):
            cost, depth, redeems = cost + part.cost, max(depth, part.depth), redeems + part.redeems
        return Measure(min(cost, _CAP), depth, min(redeems, _CAP))

    def _find_parts(self, selection: Selection) -> list[Measure]:
        inline = [self.measure(part) for part in selection.inline]
        return inline + [self._fragments.get(name, Measure()) for name in selection.spreads]

    def _page_size(self, page: int | VariableNode) -> int:
        if isinstance(page, int):
            return page
        value = self._variables.get(page.name.value)
        return _clamp(value) if isinstance(value, int) else DEFAULT_PAGE


def read_defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """The defaults of an operation's variables, unchecked."""
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _clamp(page: int) -> int:
    return max(1, min(page, LARGEST_PAGE))
