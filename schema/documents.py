"""Documents parsed, measured and validated once, and kept as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ValuesOfCorrectTypeRule

from core.errors import BadInput
from core.settings import Settings
from schema.errors import PARSE_FAILED, VALIDATION_FAILED, Answer, CostExceeded, describe_document_error
from schema.limits import MAX_TOKENS, DocumentMeter, Measure, read_defaults, read_meter
from schema.literals import LiteralsRule
from schema.texts import say

# One kept character costs some hundred bytes of tree.
_KEPT_CHARACTERS: Final = 400_000
_RULES: Final = tuple(LiteralsRule if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules)


class DocumentRejected(Exception):
    """A document that cannot be parsed or is not valid. `errors` are as clients see them."""

    def __init__(self, errors: list[Answer]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


@dataclass(slots=True)
class Operation:
    """One operation of a document. `measure` is None where page sizes come from variables."""

    name: str
    node: OperationDefinitionNode
    measure: Measure | None

    @property
    def kind(self) -> OperationType:
        return self.node.operation


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document."""

    tree: DocumentNode
    operations: Mapping[str, Operation]
    meter: DocumentMeter

    def find_operation(self, name: str | None) -> Operation:
        """The named operation, or the only one. Raises BadInput where that does not say which."""
        if name:
            found = self.operations.get(name)
        else:
            found = next(iter(self.operations.values())) if len(self.operations) == 1 else None
        if found is None:
            raise BadInput(say("operation_unknown"), ("operationName",))
        return found


class Documents:
    """The documents of one schema, by their text."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._schema = schema
        self._max_cost = settings.max_cost
        self._max_depth = settings.max_depth
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._kept_characters = 0

    def read(self, query: str) -> Document:
        """The document of a text. Raises DocumentRejected, and CostExceeded for what no variables can make cheap."""
        kept = self._kept.get(query)
        if kept is not None:
            self._kept.move_to_end(query)
            return kept
        document = self._prepare(query)
        self._keep(query, document)
        return document

    def check(self, document: Document, operation: Operation, variables: Mapping[str, Any]) -> Measure:
        """What the operation asks for with these variables. Raises CostExceeded."""
        if operation.measure is not None:
            return operation.measure
        given = {**read_defaults(operation.node), **variables}
        return self._check(document.meter.measure(operation.name, given))

    def _prepare(self, query: str) -> Document:
        try:
            tree = parse(query, max_tokens=MAX_TOKENS)
        except GraphQLSyntaxError as error:
            raise DocumentRejected([describe_document_error(error, PARSE_FAILED)]) from None
        meter = read_meter(self._schema, tree)
        operations = {name: self._prepare_operation(meter, node) for name, node in _list_operations(tree)}
        if meter.count_redeems() > 1:
            raise CostExceeded(say("redeem_twice"))
        self._validate(tree)
        return Document(tree, operations, meter)

    def _prepare_operation(self, meter: DocumentMeter, node: OperationDefinitionNode) -> Operation:
        """Refuses before validation, whose own work grows with the document."""
        name = node.name.value if node.name else ""
        measure = self._check(meter.measure(name, {}) if not meter.depends_on_variables else Measure())
        return Operation(name, node, None if meter.depends_on_variables else measure)

    def _check(self, measure: Measure) -> Measure:
        if measure.cost > self._max_cost:
            raise CostExceeded(say("cost_exceeded", requested=measure.cost, limit=self._max_cost), measure)
        if measure.depth > self._max_depth:
            raise CostExceeded(say("depth_exceeded", depth=measure.depth, limit=self._max_depth), measure)
        return measure

    def _validate(self, tree: DocumentNode) -> None:
        errors: list[GraphQLError] = validate(
            self._schema, tree, _RULES, max_errors=20, hide_suggestions=True
        )
        if errors:
            raise DocumentRejected([describe_document_error(error, VALIDATION_FAILED) for error in errors])

    def _keep(self, query: str, document: Document) -> None:
        if len(query) > _KEPT_CHARACTERS // 10:
            return
        self._kept[query] = document
        self._kept_characters += len(query)
        while self._kept_characters > _KEPT_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._kept_characters -= len(oldest)


def _list_operations(tree: DocumentNode) -> list[tuple[str, OperationDefinitionNode]]:
    return [
        (node.name.value if node.name else "", node)
        for node in tree.definitions
        if isinstance(node, OperationDefinitionNode)
    ]
