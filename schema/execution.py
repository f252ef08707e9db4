"""From a request to its answer: document, limits, execution, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard, cast

import strawberry
from graphql import ExecutionResult, OperationType, execute, subscribe
from strawberry.execution import optimized_is_awaitable

from core.errors import BadInput, Fault
from core.settings import Settings
from schema.context import Context
from schema.documents import Document, DocumentRejected, Documents, Operation
from schema.errors import MASKED, Answer, CostExceeded, describe_fault, describe_field_error, find_fault
from schema.limits import Measure
from schema.literals import find_wrong_variables
from schema.persisted import PersistedQueries
from schema.requests import GraphQLRequest
from schema.resolvers import LeafExecutor
from schema.texts import say

# The dearest service answers within `answer_seconds`; what takes so much longer is stuck.
OPERATION_SECONDS: Final = 30.0
_IS_AWAITABLE: Final = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


@dataclass(slots=True)
class Result:
    """The answer to one operation. `executed` is False for a request error, which has no `data` entry."""

    errors: list[Answer] = field(default_factory=list)
    data: Any = None
    executed: bool = False
    extensions: dict[str, Any] = field(default_factory=dict)

    def to_answer(self) -> Answer:
        answer: Answer = {"data": self.data} if self.executed else {}
        if self.errors:
            answer["errors"] = self.errors
        if self.extensions:
            answer["extensions"] = self.extensions
        return answer


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed."""

    document: Document
    operation: Operation
    variables: Mapping[str, Any]
    extensions: dict[str, Any]

    @property
    def kind(self) -> OperationType:
        return self.operation.kind


class Engine:
    """Executes the operations of one schema."""

    def __init__(self, schema: strawberry.Schema, settings: Settings) -> None:
        self._schema = schema._schema
        self._max_cost = settings.max_cost
        self._documents = Documents(self._schema, settings)
        self._persisted = PersistedQueries()

    def prepare(self, request: GraphQLRequest) -> Prepared | Result:
        """The operation, valid and within the limits; or the request errors."""
        try:
            query = self._persisted.find(request.query, request.extensions)
            document = self._documents.read(query)
            operation = document.find_operation(request.operation_name)
            measure = self._documents.check(document, operation, request.variables)
        except DocumentRejected as rejected:
            return Result(rejected.errors)
        except CostExceeded as fault:
            return Result([describe_fault(fault)], extensions=self._report_cost(fault.measure))
        except Fault as fault:
            return Result([describe_fault(fault)])
        return Prepared(document, operation, request.variables, self._report_cost(measure))

    async def execute(self, prepared: Prepared, context: Context) -> Result:
        """The answer to a query or mutation. Never raises."""
        running = execute(
            self._schema,
            prepared.document.tree,
            context_value=context,
            variable_values=cast("dict[str, Any]", prepared.variables),
            operation_name=prepared.operation.name or None,
            is_awaitable=_IS_AWAITABLE,
            executor_class=LeafExecutor,
            hide_suggestions=True,
        )
        if isinstance(running, ExecutionResult):
            return self._conclude(prepared, running)
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                return self._conclude(prepared, await running)
        except TimeoutError:
            stopped = {"message": say("time_limit"), "extensions": {"code": MASKED}}
            return Result([stopped], executed=True, extensions=prepared.extensions)

    async def subscribe(self, prepared: Prepared, context: Context) -> AsyncGenerator[Result, None]:
        """The answers to a subscription, one per event, each with `extensions.cursor`.

        Raises the Fault that ends it. A request error is the only result then.
        """
        stream = await self._open_stream(prepared, context)
        if isinstance(stream, ExecutionResult):
            _raise_fault(stream)
            yield self._conclude(prepared, stream, started=False)
            return
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", stream)) as results:
            async for result in results:
                answer = self._conclude(prepared, result)
                if context.cursor is not None:
                    answer.extensions = {**answer.extensions, "cursor": context.cursor}
                yield answer

    async def _open_stream(
        self, prepared: Prepared, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        opened = subscribe(
            self._schema,
            prepared.document.tree,
            context_value=context,
            variable_values=cast("dict[str, Any]", prepared.variables),
            operation_name=prepared.operation.name or None,
            is_awaitable=_IS_AWAITABLE,
            hide_suggestions=True,
        )
        if isinstance(opened, (ExecutionResult, AsyncIterator)):
            return opened
        return await opened

    def _conclude(self, prepared: Prepared, result: ExecutionResult, started: bool = True) -> Result:
        if not result.errors:
            return Result([], result.data, True, prepared.extensions)
        if result.data is None and all(error.path is None for error in result.errors):
            wrong = self._find_wrong_variables(prepared)
            if wrong:
                return Result([describe_fault(fault) for fault in wrong], extensions=prepared.extensions)
        errors = [describe_field_error(error) for error in result.errors]
        return Result(errors, result.data, started, prepared.extensions)

    def _find_wrong_variables(self, prepared: Prepared) -> list[BadInput]:
        return find_wrong_variables(self._schema, prepared.operation.node, prepared.variables)

    def _report_cost(self, measure: Measure | None) -> dict[str, Any]:
        if measure is None:
            return {}
        return {"cost": {"requested": measure.cost, "limit": self._max_cost, "depth": measure.depth}}


def _raise_fault(result: ExecutionResult) -> None:
    """Lets the fault of a refused subscription through as such."""
    for error in result.errors or ():
        fault = find_fault(error)
        if fault is not None:
            raise fault
