"""One change of an order for each idempotency key: looked at, guarded by what was seen, tried again if it moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from core.access.values import Actor
from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.db.transactions import run_again
from core.errors import NotFound
from core.messages import text
from core.orders.order_requests import Answered, Request, keep_answer, keep_refusal, raise_answered
from core.orders.order_rows import find_own_order
from core.orders.values import OrderProblem, OrderView

# A refusal with such a reason says nothing final: the same key may try again.
PASSING: Final = frozenset({"settling"})
_ATTEMPTS: Final = 5


async def find_order(actor: Actor, order_id: UUID) -> OrderView:
    """The order that the actor may see. Raises NotFound."""
    order = await find_own_order(actor, order_id)
    if order is None:
        raise NotFound(text("fault.order_not_found"))
    return order


async def change_once(
    request: Request,
    order_id: UUID,
    attempt: Callable[[OrderView], Awaitable[OrderView | OrderProblem | None]],
) -> OrderView | OrderProblem:
    """What `attempt` makes of the order, or why it may not; None from it: look again. A repeat is answered alike.

    Raises NotFound, IdempotencyKeyReused and GuardFailed.
    """
    try:
        await raise_answered(request)
        for _ in range(_ATTEMPTS):
            done = await attempt(await find_order(request.actor, order_id))
            if isinstance(done, OrderProblem):
                await _keep_problem(request, done)
            if done is not None:
                return done
    except Answered as answered:
        problems = answered.known.problems
        return problems[0] if problems else await find_order(request.actor, order_id)
    raise GuardFailed("the order is being changed again and again")


async def write_once(request: Request, order_id: UUID, writes: Sequence[Write]) -> bool:
    """The change with the answer to its key. False where a guard was not met: look again. Raises Answered."""
    everything = [keep_answer(request, order_id), *writes]
    try:
        await run_again(lambda: write_together(everything))
    except GuardFailed:
        await raise_answered(request)
        return False
    except Conflict as conflict:
        await raise_answered(request)
        if conflict.table == "order_request":
            raise
        return False
    return True


async def _keep_problem(request: Request, problem: OrderProblem) -> None:
    if problem.values.get("reason") not in PASSING:
        await keep_refusal(request, [problem])
