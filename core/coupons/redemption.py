"""`redeemCoupons`: from a basket of codes to one answer, once per idempotency key.

known key? ─ answer │ admit ─ ask channels ─ choose coupons ─ stacking │ commit the intent ─ drive ─ answer
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.channels.contract import Found, Refusal, Scanned
from core.coupons.answers import pack_answer, show_problem, unpack_answer
from core.coupons.basket import PlannedLeg, arrange_legs, choose_coupons, find_conflicts
from core.coupons.codes import normalise_code
from core.coupons.detached import run_detached, wait_until
from core.coupons.guessing import admit_codes
from core.coupons.intent import Intent, build_intent, wait_for_winner
from core.coupons.journal import Saga
from core.coupons.ledger import load_redemptions, view_held
from core.coupons.order_use import OrderOver, OrderUse, find_order_use
from core.coupons.probing import Asked, Hint, ask_channels, decide_refusal
from core.coupons.refusals import describe_asked
from core.coupons.requests import find_redemptions, find_request
from core.coupons.saga import drive
from core.coupons.stacking import check_stacking, load_rules
from core.coupons.states import OPEN_REQUESTS, Operation, RequestStatus
from core.coupons.transitions import commit_intent, commit_refusal
from core.coupons.values import CodeInput, CouponProblem, RedeemOutcome, RedeemResult
from core.coupons.waiting import wait_for_end
from core.db.statements import Conflict, GuardFailed
from core.errors import BadInput, IdempotencyKeyReused
from core.ids import new_id
from core.messages import text
from core.runtime import Runtime

MAX_CODES = 20
MAX_COUNT = 100
MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class Wish:
    """What one actor asked for. `deadline` is on the event loop's clock; the answer is due by then."""

    actor: Actor
    store_id: UUID
    codes: tuple[CodeInput, ...]
    scanned: tuple[Scanned, ...]
    key: str
    input_hash: str
    deadline: float
    order: OrderUse | None = None


async def redeem_coupons(
    runtime: Runtime,
    actor: Actor | None,
    store_id: UUID,
    codes: Sequence[CodeInput],
    key: str,
    order_id: UUID | None = None,
) -> RedeemResult:
    """Redeems all codes or none; answers within `settings.answer_seconds`.

    What is not settled by then answers UNKNOWN with OUTCOME_UNKNOWN and settles by itself. Whoever called may be
    cancelled: the redemption goes on. With `order_id` the redemptions belong to that
    order, whose amounts stay as they are. Raises Unauthenticated, Forbidden, NotFound (store, order), BadInput (with
    the path of the wrong value) and IdempotencyKeyReused.
    """
    actor = require(actor, Action.REDEEM_COUPONS)
    await find_store(actor, store_id)
    order = await find_order_use(actor, store_id, order_id) if order_id else None
    return await _redeem(runtime, actor, store_id, codes, key, order)


async def redeem_for_order(
    runtime: Runtime, actor: Actor, store_id: UUID, codes: Sequence[CodeInput], key: str, order: OrderUse
) -> RedeemResult:
    """The same for an order that is being placed. Raises OrderOver where its guards are not met any more."""
    return await _redeem(runtime, actor, store_id, codes, key, order)


async def _redeem(
    runtime: Runtime,
    actor: Actor,
    store_id: UUID,
    codes: Sequence[CodeInput],
    key: str,
    order: OrderUse | None,
) -> RedeemResult:
    due, deadline = set_deadlines(runtime)
    check_key(key)
    wish = read_basket(runtime, actor, store_id, codes, key, order, deadline)
    known = await find_request(actor.tenant_id, actor.actor_id, Operation.REDEEM, key)
    if known is not None:
        return await _answer_known(runtime, wish, known)
    result = await wait_until(run_detached(_submit(runtime, wish)), due)
    return result or await _answer_late(wish)


def set_deadlines(runtime: Runtime) -> tuple[float, float]:
    """When the answer is due, and until when to wait for others so that it can be written in time (loop's clock)."""
    now, seconds = asyncio.get_running_loop().time(), runtime.settings.answer_seconds
    return now + seconds, now + 0.95 * seconds


def read_basket(
    runtime: Runtime,
    actor: Actor,
    store_id: UUID,
    codes: Sequence[CodeInput],
    key: str = "",
    order: OrderUse | None = None,
    deadline: float = 0,
) -> Wish:
    """The basket, checked. Raises BadInput with the path of the wrong value, which begins with `codes`."""
    # A customer's guesses are taken from their count beforehand, so that a basket cannot hold more than that.
    most = min(MAX_CODES, runtime.failures.limit(actor))
    if not 1 <= len(codes) <= most:
        raise BadInput(text("fault.codes_count", most=most), ("codes",))
    for index, code in enumerate(codes):
        if not 1 <= code.count <= MAX_COUNT:
            raise BadInput(text("fault.count_range", most=MAX_COUNT), ("codes", str(index), "count"))
    scanned = tuple(
        normalise_code(each.code, ("codes", str(index), "code")) for index, each in enumerate(codes)
    )
    input_hash = _hash_input(runtime, store_id, codes, order)
    return Wish(actor, store_id, tuple(codes), scanned, key, input_hash, deadline, order)


def check_key(key: str) -> None:
    """Raises BadInput for an idempotency key that is blank or too long."""
    if not key.strip() or len(key) > MAX_KEY:
        raise BadInput(text("fault.key_length", most=MAX_KEY), ("idempotencyKey",))


def _hash_input(runtime: Runtime, store_id: UUID, codes: Sequence[CodeInput], order: OrderUse | None) -> str:
    """A keyed hash: a plain one of a 12-digit code could be tried out."""
    parts = [
        (each.code, each.count, sorted(map(str, each.coupon_ids)), each.channel, str(each.account_id))
        for each in codes
    ]
    wanted = [str(store_id), parts, *([str(order.order_id)] if order else [])]
    return runtime.keys.fingerprint("redeem input", orjson.dumps(wanted).decode())


# -------------------------------------------------------------------------------------------------------------- submit
async def _submit(runtime: Runtime, wish: Wish) -> RedeemResult:
    admission = await admit_codes(runtime, wish.actor, wish.store_id, len(wish.codes))
    if isinstance(admission, int):
        problem = CouponProblem(Refusal.TOO_MANY_ATTEMPTS, ("codes",), retry_after=admission)
        return RedeemResult(RedeemOutcome.DECLINED, (), (problem,))
    problems: tuple[CouponProblem, ...] = ()
    try:
        while True:
            legs, problems = await plan_basket(runtime, wish, wish.order.spend if wish.order else None)
            if problems:
                return await _refuse(runtime, wish, problems)
            intent = await build_intent(runtime, _open_saga(runtime, wish), legs)
            try:
                guards = wish.order.guards if wish.order else ()
                await commit_intent(runtime, intent.saga, intent.coupons, intent.claims, guards)
            except GuardFailed:
                raise OrderOver from None
            except Conflict as conflict:
                ended = await _resolve_conflict(runtime, wish, conflict, intent)
                if ended is not None:
                    return ended
                continue
            return await _drive(runtime, wish, intent.saga)
    finally:
        await admission.close(problems)


async def plan_basket(
    runtime: Runtime, wish: Wish, spend: int | None
) -> tuple[list[PlannedLeg], tuple[CouponProblem, ...]]:
    """The legs to send, and why they may not be. All codes are asked for at once; `spend` in fen, where it is known."""
    asked = await _ask_all(runtime, wish)
    legs: list[PlannedLeg] = []
    problems: list[CouponProblem] = []
    for index, each in enumerate(asked):
        planned = await _plan_code(runtime, wish, index, each)
        (problems if isinstance(planned, CouponProblem) else legs).append(planned)  # type: ignore[arg-type]
    if not problems:
        legs = arrange_legs(legs)
        problems = find_conflicts(legs) or check_stacking(await load_rules(wish.actor.tenant_id), legs, spend)
    return legs, tuple(problems)


async def _ask_all(runtime: Runtime, wish: Wish) -> Sequence[Sequence[Asked]]:
    """What was said of each code. A basket of one code, the most common, needs no further task."""
    if len(wish.codes) == 1:
        return [await _ask(runtime, wish, 0)]
    return await asyncio.gather(*(_ask(runtime, wish, index) for index in range(len(wish.codes))))


async def _ask(runtime: Runtime, wish: Wish, index: int) -> Sequence[Asked]:
    wanted = wish.codes[index]
    hint = Hint(wanted.channel, wanted.account_id)
    return await ask_channels(runtime, wish.actor.tenant_id, wish.store_id, wish.scanned[index], hint)


async def _plan_code(
    runtime: Runtime, wish: Wish, index: int, asked: Sequence[Asked]
) -> PlannedLeg | CouponProblem:
    field, scanned = ("codes", str(index)), wish.scanned[index]
    found = [each for each in asked if isinstance(each.answer, Found)]
    if len(found) != 1:
        code = decide_refusal(asked)
        return await describe_asked(runtime, wish.actor.tenant_id, scanned, field, asked, code)
    answer, bound, behaviour = found[0].answer, found[0].candidate.bound, found[0].behaviour
    if not isinstance(answer, Found) or bound is None or behaviour is None:
        raise RuntimeError("found by a channel that was not asked")
    chosen = choose_coupons(wish.actor.tenant_id, index, wish.codes[index], answer, bound)
    if isinstance(chosen, Refusal):
        return CouponProblem(chosen, field, bound.channel.code)
    return PlannedLeg(bound, behaviour, scanned, answer.order_reference, answer.redeem_token, chosen)


def _open_saga(runtime: Runtime, wish: Wish) -> Saga:
    now, actor = runtime.clock.now(), wish.actor
    return Saga(
        id=new_id(),
        tenant_id=actor.tenant_id,
        store_id=wish.store_id,
        actor_id=actor.actor_id,
        token_id=actor.token_id,
        role=actor.role.value,
        customer_id=actor.customer_id,
        order_id=wish.order.order_id if wish.order else None,
        operation=Operation.REDEEM,
        key=wish.key,
        input_hash=wish.input_hash,
        status=RequestStatus.PROCESSING,
        created_at=now,
        next_attempt_at=now + timedelta(seconds=runtime.settings.lease_seconds),
    )


async def _refuse(runtime: Runtime, wish: Wish, problems: tuple[CouponProblem, ...]) -> RedeemResult:
    """A refusal before anything was sent is an answer like any other: it is kept for repeats."""
    saga = _open_saga(runtime, wish)
    try:
        await commit_refusal(saga, pack_answer(RedeemOutcome.DECLINED, problems), runtime.clock.now())
    except Conflict:
        return await _answer_rival(runtime, wish)
    return _show(wish, RedeemResult(RedeemOutcome.DECLINED, (), problems))


async def _resolve_conflict(
    runtime: Runtime, wish: Wish, conflict: Conflict, intent: Intent
) -> RedeemResult | None:
    """Somebody was quicker: the same key, or another basket with one of our coupons. None: plan again."""
    known = await find_request(wish.actor.tenant_id, wish.actor.actor_id, Operation.REDEEM, wish.key)
    if known is not None:
        return await _answer_known(runtime, wish, known)
    if conflict.table != "redemption_claim":
        raise conflict
    problems = await wait_for_winner(runtime, intent, wish.deadline)
    if problems is None:
        return None
    if any(problem.code is Refusal.LOCKED for problem in problems):
        # The winner is still in the dark. This is no end: the same key may try again.
        return _show(wish, RedeemResult(RedeemOutcome.DECLINED, (), problems))
    return await _refuse(runtime, wish, problems)


async def _drive(runtime: Runtime, wish: Wish, saga: Saga) -> RedeemResult:
    await drive(runtime, saga)
    if saga.answer is not None:
        outcome, problems = unpack_answer(saga.answer)
        views = tuple(view_held(saga, redemption) for redemption in saga.redemptions)
        codes = {each.coupon_id: saga.leg_of(each).order.code for each in saga.redemptions}
        return _show(wish, RedeemResult(outcome, views, problems, codes))
    # Where nobody will look again before the answer is due, there is nothing to wait for.
    hopeless = saga.next_attempt_at is not None and saga.next_attempt_at >= _due_at(runtime, wish)
    ended = await wait_for_end(saga.tenant_id, saga.id, 0 if hopeless else wish.deadline)
    return await _answer_ended(wish, ended)


def _due_at(runtime: Runtime, wish: Wish) -> datetime:
    """The deadline on the wall clock."""
    return runtime.clock.now() + timedelta(seconds=wish.deadline - asyncio.get_running_loop().time())


# ------------------------------------------------------------------------------------------------------------- answers
async def _answer_late(wish: Wish) -> RedeemResult:
    """How it stands now that the answer is due. The redemption itself goes on."""
    begun = await find_request(wish.actor.tenant_id, wish.actor.actor_id, Operation.REDEEM, wish.key)
    if begun is None:
        return RedeemResult(RedeemOutcome.UNKNOWN, (), (CouponProblem(Refusal.OUTCOME_UNKNOWN, ("codes",)),))
    return await _answer_ended(wish, begun)


async def _answer_rival(runtime: Runtime, wish: Wish) -> RedeemResult:
    known = await find_request(wish.actor.tenant_id, wish.actor.actor_id, Operation.REDEEM, wish.key)
    if known is None:
        raise RuntimeError("a key is taken by a request that does not exist")
    return await _answer_known(runtime, wish, known)


async def _answer_known(runtime: Runtime, wish: Wish, known: Saga) -> RedeemResult:
    """The answer of the request that has this key: waits with it while it runs."""
    if known.input_hash != wish.input_hash:
        raise IdempotencyKeyReused(text("fault.IDEMPOTENCY_KEY_REUSED"))
    if known.status in OPEN_REQUESTS:
        known = await wait_for_end(known.tenant_id, known.id, wish.deadline)
    return await _answer_ended(wish, known)


async def _answer_ended(wish: Wish, saga: Saga) -> RedeemResult:
    """The kept answer of an ended request; the present state of an open one."""
    found = await find_redemptions(saga.tenant_id, saga.id)
    views = await load_redemptions(wish.actor, [id_ for id_, _ in found])
    redemptions = tuple(views[id_] for id_, _ in found if id_ in views)
    codes = {views[id_].coupon_id: wish.scanned[index].text for id_, index in found if id_ in views}
    if saga.answer is None or saga.status in OPEN_REQUESTS:
        problem = CouponProblem(Refusal.OUTCOME_UNKNOWN, ("codes",))
        return RedeemResult(RedeemOutcome.UNKNOWN, redemptions, (problem,), codes)
    outcome, problems = unpack_answer(saga.answer)
    return _show(wish, RedeemResult(outcome, redemptions, problems, codes))


def _show(wish: Wish, result: RedeemResult) -> RedeemResult:
    problems = tuple(show_problem(wish.actor, problem) for problem in result.problems)
    return replace(result, problems=problems)
