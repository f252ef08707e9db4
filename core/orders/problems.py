"""The sentences for orders that are not placed or changed."""

from __future__ import annotations

from core.messages import Language, text
from core.messages.texts import TEXTS, placeholders
from core.orders.values import OrderErrorCode, OrderProblem


def describe_order_problem(problem: OrderProblem, language: Language | None = None) -> str:
    """The sentence for a refusal, in `language` or that of whoever is being answered.

    A `reason` among its values, as in {"reason": "key"}, picks the text `order.<code>.<reason>`.
    """
    plain = f"order.{problem.code}"
    values = {"name": problem.field[-1] if problem.field else "", **problem.values}
    picked = f"{plain}.{problem.values.get('reason')}"
    if picked in TEXTS and placeholders(TEXTS[picked][0]) <= values.keys():
        return text(picked, language, **values)
    return text(plain, language, **values)


def refuse_order(reason: str, *field: str, **values: object) -> OrderProblem:
    """INVALID at `field`, with the text `order.INVALID.<reason>`."""
    return OrderProblem(OrderErrorCode.INVALID, field, values={"reason": reason, **values})
