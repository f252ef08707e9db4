"""Once per idempotency key: the answer of a mutation is kept with what it did, refusals included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Conflict, Json, Write, as_json, fetch_row, write_together
from core.errors import BadInput, IdempotencyKeyReused
from core.ids import new_id
from core.messages import text
from core.reservations.claims import Claim
from core.reservations.slots.availability import suggest_slots
from core.reservations.slots.tokens import parse_slot, write_slot
from core.reservations.values import ReservationErrorCode, ReservationProblem, Slot
from core.runtime import Runtime

MAX_KEY: Final = 255

# Where another slot would help.
SUGGESTED: Final = frozenset(
    {
        ReservationErrorCode.SLOT_TAKEN,
        ReservationErrorCode.SLOT_EXPIRED,
        ReservationErrorCode.HOLD_EXPIRED,
        ReservationErrorCode.CLASS_FULL,
        ReservationErrorCode.OUTSIDE_HOURS,
        ReservationErrorCode.TOO_SOON,
        ReservationErrorCode.TOO_FAR_AHEAD,
        ReservationErrorCode.OVERLAPS_OWN_RESERVATION,
        ReservationErrorCode.STAFF_NOT_QUALIFIED,
        ReservationErrorCode.RESOURCE_UNAVAILABLE,
    }
)

Done = TypeVar("Done")
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One mutation of one actor. `input_hash` tells a repeat from another wish under the same key."""

    actor: Actor
    operation: str
    key: str
    input_hash: str


class Refused(Exception):  # reads as what it is
    """A mutation that is not done. `slot` is the one that was wanted, near which others are suggested."""

    def __init__(self, problem: ReservationProblem, slot: Slot | None = None, party_size: int = 1) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.slot = slot
        self.party_size = party_size


class Answered(Exception):  # reads as what it is
    """The key's request was answered before, or by a twin at the same time."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("this idempotency key has its answer")
        self.answer = answer


def open_request(runtime: Runtime, actor: Actor, operation: str, key: str, wanted: object) -> Request:
    """The request of a key; `wanted` is all of the input, as JSON values. Raises BadInput for a key that is none."""
    if not key.strip() or len(key) > MAX_KEY:
        raise BadInput(text("fault.key_length", most=MAX_KEY), ("idempotencyKey",))
    # A keyed hash: a plain one of a phone could be tried out.
    plain = orjson.dumps([operation, wanted], default=str, option=orjson.OPT_SORT_KEYS).decode()
    return Request(actor, operation, key, runtime.keys.fingerprint("reservation input", plain))


def claim_request(request: Request, answer: Answer) -> Claim:
    """The claim on the key, first of a mutation's claims. Its explanation raises Answered where it was taken."""

    async def explain() -> None:
        known = await find_answer(request)
        if known is not None:
            raise Answered(known)

    return Claim([keep_answer(request, answer)], explain)


def keep_answer(request: Request, answer: Answer) -> Write:
    """The INSERT of a request with its answer. A Conflict of `reservation_request` means that there is one."""
    return insert_row(
        "reservation_request",
        id=new_id(),
        tenant_id=request.actor.tenant_id,
        actor_id=request.actor.actor_id,
        operation=request.operation,
        idempotency_key=request.key,
        input_hash=request.input_hash,
        answer=Json(dict(answer)),
    )


async def find_answer(request: Request) -> Answer | None:
    """What was answered to this key. Raises IdempotencyKeyReused where it was asked for something else."""
    row = await fetch_row(
        "SELECT input_hash, answer FROM reservation_request WHERE tenant_id = $1 AND actor_id = $2"
        " AND operation = $3 AND idempotency_key = $4",
        request.actor.tenant_id, request.actor.actor_id, request.operation, request.key,
    )  # fmt: skip
    if row is None:
        return None
    if row["input_hash"] != request.input_hash:
        raise IdempotencyKeyReused(text("fault.IDEMPOTENCY_KEY_REUSED"))
    answer: Answer = as_json(row["answer"])
    return answer


async def answer_once(
    runtime: Runtime,
    request: Request,
    work: Callable[[], Awaitable[Done]],
    recall: Callable[[UUID], Awaitable[Done | ReservationProblem]],
) -> Done | ReservationProblem:
    """What `work` answers the first time and `recall` of its id afterwards, or the refusal that `work` raised.

    `work` begins its claims with `claim_request`. It is not asked first whether the key is known: the key is looked
    at when something stands against the mutation, as it does against every repeat.
    """
    try:
        try:
            return await work()
        except Refused as refused:
            await _keep_refusal(request, refused)
            return await suggest_instead(runtime, request.actor, refused)
    except Answered as known:
        return await _repeat(runtime, request, known.answer, recall)


async def _repeat(
    runtime: Runtime,
    request: Request,
    answer: Answer,
    recall: Callable[[UUID], Awaitable[Done | ReservationProblem]],
) -> Done | ReservationProblem:
    if "id" in answer:
        return await recall(UUID(answer["id"]))
    return await suggest_instead(runtime, request.actor, _unpack(answer))


async def _keep_refusal(request: Request, refused: Refused) -> None:
    """Raises Answered where the key has an answer already."""
    problem, slot = refused.problem, refused.slot
    answer = {
        "code": problem.code.value,
        "field": list(problem.field),
        "values": problem.values,
        "slot": write_slot(slot) if slot else None,
        "party": refused.party_size,
    }
    try:
        await write_together([keep_answer(request, answer)])
    except Conflict:
        known = await find_answer(request)
        if known is not None:
            raise Answered(known) from None


def _unpack(answer: Answer) -> Refused:
    problem = ReservationProblem(
        ReservationErrorCode(answer["code"]), tuple(answer["field"]), values=dict(answer["values"])
    )
    slot = parse_slot(answer["slot"]) if answer["slot"] else None
    return Refused(problem, slot, answer["party"])


async def suggest_instead(runtime: Runtime, actor: Actor, refused: Refused) -> ReservationProblem:
    """The problem with what is free now near the slot that was wanted."""
    if refused.slot is None or refused.problem.code not in SUGGESTED:
        return refused.problem
    found = await suggest_slots(runtime, actor, refused.slot, refused.party_size)
    return replace(refused.problem, suggestions=found)
