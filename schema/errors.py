"""Errors as clients see them: a stable `extensions.code`, a sentence in their language, and never the text of a fault."""

from __future__ import annotations

import re
import traceback
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLError

from core.errors import BadInput, Fault, RateLimited
from core.messages import current_language, text
from core.messages.texts import TEXTS
from schema.limits import Measure

log = structlog.get_logger(__name__)

Answer = dict[str, Any]

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
MASKED = "INTERNAL_SERVER_ERROR"
_CHINESE = re.compile("[\u4e00-\u9fff]")
# A syntax error quotes the token it met, which may be a coupon code.
_QUOTED_VALUE = re.compile(r"\b(String|BlockString|Int|Float|Name) (['\"]).*\2", re.DOTALL)


class CostExceeded(Fault):
    """The document asks for more than one request may. `measure` is what it asks for, where that is known."""

    code = "COST_LIMIT_EXCEEDED"

    def __init__(self, message: str, measure: Measure | None = None) -> None:
        super().__init__(message)
        self.measure = measure


class ValueRejected(GraphQLError):
    """A literal or variable that a scalar of ours refuses; BAD_USER_INPUT rather than an invalid document."""


def describe_fault(fault: Fault) -> Answer:
    """One entry of `errors` for a fault without a place in the document."""
    extensions: Answer = {"code": fault.code}
    if isinstance(fault, BadInput) and fault.field:
        extensions["field"] = list(fault.field)
    if isinstance(fault, RateLimited):
        extensions["retryAfterSeconds"] = fault.retry_after
    return {"message": _choose_sentence(fault), "extensions": extensions}


def _choose_sentence(fault: Fault) -> str:
    """The fault's own sentence, or the general one of its code where that is in another language.

    Services speak English where only developers can meet the fault, and work that outlives its request does not know
    the reader's language.
    """
    if (_CHINESE.search(fault.message) is not None) == (current_language() == "zh-CN"):
        return fault.message
    key = f"fault.{fault.code}"
    return text(key, seconds=getattr(fault, "retry_after", 1)) if key in TEXTS else fault.message


def describe_document_error(error: GraphQLError, code: str) -> Answer:
    """One entry for a document that cannot be parsed or is not valid."""
    if isinstance(error, ValueRejected):
        code = BAD_USER_INPUT
    message = _QUOTED_VALUE.sub(r"\1", error.message) if code == PARSE_FAILED else error.message
    answer: Answer = {"message": message, "extensions": {"code": code}}
    _add_place(answer, error)
    return answer


def describe_field_error(error: GraphQLError) -> Answer:
    """One entry for a field that failed. What is no `Fault` is logged under an id and masked."""
    fault = find_fault(error)
    cause = _find_cause(error)
    if fault is None and isinstance(cause, GraphQLError) and cause.message.startswith("Argument "):
        # A variable that may be null where the argument may not: known only at execution.
        fault = BadInput(text("fault.BAD_USER_INPUT"))
    answer = describe_fault(fault) if fault is not None else mask_error(cause)
    _add_place(answer, error)
    return answer


def find_fault(error: GraphQLError) -> Fault | None:
    """The fault that an error of graphql-core carries, however deep."""
    cause = _find_cause(error)
    return cause if isinstance(cause, Fault) else None


def _find_cause(error: GraphQLError) -> BaseException:
    """What was raised at the bottom of it."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def mask_error(error: BaseException) -> Answer:
    """What a client is told of an error that should not happen: an id, under which the log has the rest.

    Texts of foreign exceptions may quote codes and phones, so that the log has their kind and frames only.
    """
    error_id = uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("graphql.masked_error", error_id=error_id, kind=type(error).__name__, frames=frames)
    return {"message": text(f"fault.{MASKED}"), "extensions": {"code": MASKED, "id": error_id}}


def _add_place(answer: Answer, error: GraphQLError) -> None:
    if error.locations:
        answer["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        answer["path"] = error.path
