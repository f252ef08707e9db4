"""`reverseRedemption`: taking one redemption back because a person asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.values import Actor, Role
from core.channels.contract import Refusal
from core.coupons import journal
from core.coupons.answers import pack_answer, show_problem, unpack_answer
from core.coupons.detached import run_detached, wait_until
from core.coupons.journal import Saga
from core.coupons.ledger import load_redemptions
from core.coupons.redemption import check_key, set_deadlines
from core.coupons.requests import find_living_reversal, find_request, load_rows
from core.coupons.saga import drive
from core.coupons.states import OPEN_REQUESTS, Operation, RequestStatus
from core.coupons.transitions import commit_refusal
from core.coupons.values import (
    CouponProblem,
    RedeemOutcome,
    RedemptionStatus,
    RedemptionView,
    ReverseResult,
)
from core.coupons.waiting import wait_for_end
from core.db.statements import Conflict, GuardFailed, write_together
from core.errors import BadInput, IdempotencyKeyReused, NotFound
from core.ids import new_id
from core.messages import text
from core.runtime import Runtime

MAX_REASON = 500

_REFUSAL_BY_STATUS = {
    RedemptionStatus.PENDING: Refusal.OUTCOME_UNKNOWN,
    RedemptionStatus.UNKNOWN: Refusal.OUTCOME_UNKNOWN,
    RedemptionStatus.DECLINED: Refusal.NOT_REVERSIBLE,
    RedemptionStatus.REVERSED: Refusal.ALREADY_REVERSED,
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """`actor` is noted as who did it; `reader` says what of it may be seen."""

    actor: Actor
    reader: Actor
    redemption: RedemptionView
    reason: str
    key: str
    input_hash: str
    deadline: float


async def reverse_redemption(
    runtime: Runtime, actor: Actor | None, redemption_id: UUID, reason: str, key: str
) -> ReverseResult:
    """Takes a redemption back at its platform; answers within `settings.answer_seconds`.

    What is not settled by then answers OUTCOME_UNKNOWN, and settles by itself. Raises Unauthenticated, Forbidden,
    NotFound for a redemption that the actor may not see, BadInput, IdempotencyKeyReused.
    """
    actor = require(actor, Action.REVERSE_REDEMPTION)
    check_key(key)
    if not reason.strip() or len(reason) > MAX_REASON:
        raise BadInput(text("fault.reason_length", most=MAX_REASON), ("reason",))
    return await _reverse(runtime, actor, actor, redemption_id, reason, key)


async def reverse_with_order(
    runtime: Runtime, actor: Actor, redemption_id: UUID, reason: str, key: str
) -> ReverseResult:
    """The same because the order is cancelled, which whoever cancels it was allowed to do. Whatever the reversal itself
    asks for is not asked of `actor`, who is only noted. Raises NotFound."""
    reader = replace(actor, role=Role.OWNER, store_ids=None, customer_id=None)
    return await _reverse(runtime, actor, reader, redemption_id, reason, key)


async def _reverse(
    runtime: Runtime, actor: Actor, reader: Actor, redemption_id: UUID, reason: str, key: str
) -> ReverseResult:
    due, deadline = set_deadlines(runtime)
    redemption = (await load_redemptions(reader, [redemption_id])).get(redemption_id)
    if redemption is None:
        raise NotFound(text("fault.redemption_not_found"))
    input_hash = runtime.keys.fingerprint("reverse input", f"{redemption_id}|{reason}")
    wish = _Wish(actor, reader, redemption, reason.strip(), key, input_hash, deadline)
    known = await find_request(actor.tenant_id, actor.actor_id, Operation.REVERSE, key)
    if known is not None:
        return await _answer_known(wish, known)
    result = await wait_until(run_detached(_submit(runtime, wish)), due)
    return result or await _answer_late(wish)


async def _submit(runtime: Runtime, wish: _Wish) -> ReverseResult:
    saga = _open_saga(runtime, wish)
    try:
        await write_together(
            [
                journal.insert_request(saga),
                journal.mark_reversing(saga, RedemptionStatus.SUCCEEDED),
                build_entry(
                    wish.actor,
                    Action.REVERSE_REDEMPTION,
                    "Redemption",
                    wish.redemption.id,
                    {"reason": wish.reason},
                ),
            ]
        )
    except GuardFailed:
        return await _answer_unfit(runtime, wish, saga)
    except Conflict:
        return await _answer_conflict(runtime, wish, saga)
    await load_rows(saga, runtime.keys)
    await drive(runtime, saga)
    return await _answer_ended(wish, await wait_for_end(saga.tenant_id, saga.id, wish.deadline))


def _open_saga(runtime: Runtime, wish: _Wish) -> Saga:
    now, actor = runtime.clock.now(), wish.actor
    return Saga(
        id=new_id(),
        tenant_id=actor.tenant_id,
        store_id=wish.redemption.store_id,
        actor_id=actor.actor_id,
        token_id=actor.token_id,
        role=actor.role.value,
        customer_id=None,
        operation=Operation.REVERSE,
        key=wish.key,
        input_hash=wish.input_hash,
        subject_id=wish.redemption.id,
        reason=wish.reason,
        status=RequestStatus.PROCESSING,
        created_at=now,
        next_attempt_at=now + timedelta(seconds=runtime.settings.lease_seconds),
    )


# ------------------------------------------------------------------------------------------------------------- answers
async def _answer_late(wish: _Wish) -> ReverseResult:
    """How it stands now that the answer is due. The reversal itself goes on."""
    problem = CouponProblem(Refusal.OUTCOME_UNKNOWN, ("redemptionId",), wish.redemption.channel)
    return ReverseResult(await _present(wish), (problem,))


async def _answer_unfit(runtime: Runtime, wish: _Wish, saga: Saga) -> ReverseResult:
    """The redemption is in no state to be taken back: that is the answer, and it is kept."""
    present = (await load_redemptions(wish.reader, [wish.redemption.id]))[wish.redemption.id]
    if present.status is RedemptionStatus.REVERSING:
        return await _answer_rival(runtime, wish, saga)
    code = _REFUSAL_BY_STATUS.get(present.status, Refusal.OUTCOME_UNKNOWN)
    problem = CouponProblem(code, ("redemptionId",), present.channel)
    try:
        await commit_refusal(saga, pack_answer(RedeemOutcome.DECLINED, [problem]), runtime.clock.now())
    except Conflict:
        return await _answer_conflict(runtime, wish, saga)
    return ReverseResult(present, (show_problem(wish.reader, problem),))


async def _answer_rival(runtime: Runtime, wish: _Wish, saga: Saga) -> ReverseResult:
    """Another request is taking it back just now: wait for its end, then judge anew."""
    rival = await find_living_reversal(saga.tenant_id, wish.redemption.id)
    if rival is not None:
        ended = await wait_for_end(saga.tenant_id, rival, wish.deadline)
        if ended.answer is None:
            return await _answer_late(wish)
    return await _submit(runtime, wish)


async def _answer_conflict(runtime: Runtime, wish: _Wish, saga: Saga) -> ReverseResult:
    """The same key, or another living reversal of the same redemption."""
    known = await find_request(saga.tenant_id, saga.actor_id, Operation.REVERSE, wish.key)
    return await _answer_known(wish, known) if known else await _answer_rival(runtime, wish, saga)


async def _answer_known(wish: _Wish, known: Saga) -> ReverseResult:
    if known.input_hash != wish.input_hash:
        raise IdempotencyKeyReused(text("fault.IDEMPOTENCY_KEY_REUSED"))
    if known.status in OPEN_REQUESTS:
        known = await wait_for_end(known.tenant_id, known.id, wish.deadline)
    return await _answer_ended(wish, known)


async def _answer_ended(wish: _Wish, saga: Saga) -> ReverseResult:
    if saga.answer is None or saga.status in OPEN_REQUESTS:
        return await _answer_late(wish)
    _, problems = unpack_answer(saga.answer)
    return ReverseResult(
        await _present(wish), tuple(show_problem(wish.reader, problem) for problem in problems)
    )


async def _present(wish: _Wish) -> RedemptionView | None:
    return (await load_redemptions(wish.reader, [wish.redemption.id])).get(wish.redemption.id)
