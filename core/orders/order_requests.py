"""Once per idempotency key: the answer of a mutation of orders is kept with what it did, refusals included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from core.access.values import Actor
from core.coupons.redemption import check_key
from core.db.inserts import insert_row
from core.db.statements import Conflict, Json, Write, as_json, fetch_row, write_together
from core.errors import IdempotencyKeyReused
from core.ids import new_id
from core.messages import text
from core.orders.values import OrderErrorCode, OrderProblem
from core.runtime import Runtime

Packed = dict[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """One mutation of one actor. `input_hash` tells a repeat from another wish under the same key."""

    actor: Actor
    operation: str
    key: str
    input_hash: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a key was answered: the order that was made or changed, or why none was."""

    order_id: UUID | None
    problems: tuple[OrderProblem, ...] = ()


class Answered(Exception):  # reads as what it is
    """The key was answered before, or by a twin at the same time."""

    def __init__(self, known: Known) -> None:
        super().__init__("this idempotency key has its answer")
        self.known = known


def open_request(runtime: Runtime, actor: Actor, operation: str, key: str, wanted: object) -> Request:
    """The request of a key; `wanted` is all of the input, as JSON values. Raises BadInput for a key that is none."""
    check_key(key)
    # A keyed hash: a plain one of a code or a phone could be tried out.
    plain = orjson.dumps([operation, wanted], default=str, option=orjson.OPT_SORT_KEYS).decode()
    return Request(actor, operation, key, runtime.keys.fingerprint("order input", plain))


def keep_answer(request: Request, order_id: UUID | None, problems: Sequence[OrderProblem] = ()) -> Write:
    """The INSERT of a request with its answer. A Conflict of `order_request` means that there is one."""
    answer: Packed = {"id": str(order_id) if order_id else None, "problems": pack_problems(problems)}
    return insert_row(
        "order_request",
        id=new_id(),
        tenant_id=request.actor.tenant_id,
        actor_id=request.actor.actor_id,
        operation=request.operation,
        idempotency_key=request.key,
        input_hash=request.input_hash,
        answer=Json(answer),
    )


async def find_answer(request: Request) -> Known | None:
    """What was answered to this key. Raises IdempotencyKeyReused where it was asked for something else."""
    row = await fetch_row(
        "SELECT input_hash, answer FROM order_request WHERE tenant_id = $1 AND actor_id = $2"
        " AND operation = $3 AND idempotency_key = $4",
        request.actor.tenant_id, request.actor.actor_id, request.operation, request.key,
    )  # fmt: skip
    if row is None:
        return None
    if row["input_hash"] != request.input_hash:
        raise IdempotencyKeyReused(text("fault.IDEMPOTENCY_KEY_REUSED"))
    answer = as_json(row["answer"])
    order_id = UUID(answer["id"]) if answer["id"] else None
    return Known(order_id, unpack_problems(answer["problems"]))


async def raise_answered(request: Request) -> None:
    """Raises Answered where the key has its answer by now."""
    known = await find_answer(request)
    if known is not None:
        raise Answered(known)


async def keep_refusal(request: Request, problems: Sequence[OrderProblem]) -> None:
    """Keeps a refusal for repeats. Raises Answered where a twin was quicker."""
    try:
        await write_together([keep_answer(request, None, problems)])
    except Conflict:
        await raise_answered(request)
        raise


def pack_problems(problems: Sequence[OrderProblem]) -> list[Packed]:
    """Problems as JSON."""
    return [
        {
            "code": each.code.value,
            "field": list(each.field),
            "coupon_code": each.coupon_code,
            "values": dict(each.values),
        }
        for each in problems
    ]


def unpack_problems(packed: Sequence[Mapping[str, Any]]) -> tuple[OrderProblem, ...]:
    """What `pack_problems` made."""
    return tuple(
        OrderProblem(
            OrderErrorCode(each["code"]), tuple(each["field"]), each["coupon_code"], dict(each["values"])
        )
        for each in packed
    )
