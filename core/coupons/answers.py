"""The answer of a request: how it is kept at its end, and how it is told to one reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.access.permissions import can_enter
from core.access.values import Actor
from core.channels.contract import Refusal
from core.coupons.values import CouponProblem, RedeemOutcome

_HIDDEN_FROM_CUSTOMERS = frozenset({Refusal.CHANNEL_NOT_CONNECTED})


def pack_answer(outcome: RedeemOutcome, problems: Sequence[CouponProblem] = ()) -> dict[str, Any]:
    """An answer as JSON."""
    return {"outcome": outcome.value, "problems": [_pack_problem(problem) for problem in problems]}


def unpack_answer(answer: Mapping[str, Any]) -> tuple[RedeemOutcome, tuple[CouponProblem, ...]]:
    """What `pack_answer` made."""
    return RedeemOutcome(answer["outcome"]), tuple(_unpack_problem(each) for each in answer["problems"])


def show_problem(actor: Actor, problem: CouponProblem) -> CouponProblem:
    """The problem as this actor may see it: a code of no connected channel looks unknown to a customer."""
    code = problem.code
    if actor.is_customer and code in _HIDDEN_FROM_CUSTOMERS:
        return CouponProblem(Refusal.UNKNOWN_CODE, problem.field)
    if actor.is_customer:
        return CouponProblem(code, problem.field, problem.channel, retry_after=problem.retry_after)
    store_id = problem.store_id if problem.store_id and can_enter(actor, problem.store_id) else None
    return CouponProblem(
        code,
        problem.field,
        problem.channel,
        problem.channel_code,
        problem.redeemed_at,
        store_id,
        problem.retry_after,
    )


def _pack_problem(problem: CouponProblem) -> dict[str, Any]:
    return {
        "code": problem.code.value,
        "field": list(problem.field),
        "channel": problem.channel,
        "channel_code": problem.channel_code,
        "redeemed_at": problem.redeemed_at.isoformat() if problem.redeemed_at else None,
        "store_id": str(problem.store_id) if problem.store_id else None,
    }


def _unpack_problem(packed: Mapping[str, Any]) -> CouponProblem:
    redeemed_at, store_id = packed["redeemed_at"], packed["store_id"]
    return CouponProblem(
        code=Refusal(packed["code"]),
        field=tuple(packed["field"]),
        channel=packed["channel"],
        channel_code=packed["channel_code"],
        redeemed_at=datetime.fromisoformat(redeemed_at) if redeemed_at else None,
        store_id=UUID(store_id) if store_id else None,
    )
