"""Own coupons by the batch: creating batches and reading them. `core.coupons.issuing` issues their codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, can_enter, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import load_stores
from core.access.values import Actor
from core.channels.contract import CouponKind
from core.clock import to_utc
from core.coupons.issuing import issue_coupons as issue_coupons
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    Write,
    as_json,
    as_optional_instant,
    as_uuid,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.money import format_yuan

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_QUANTITY: Final = 1_000_000
MAX_TIMES: Final = 1000
# A column holds 2³¹ - 1 fen; the sum of a batch must fit as well.
MAX_AMOUNT: Final = 2_000_000_000
_NAME_LENGTH: Final = 120
_KINDS_WITH_AMOUNT: Final = frozenset({CouponKind.CASH_VOUCHER, CouponKind.DISCOUNT})


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """A batch as somebody wants it. Amounts in fen; instants aware.

    face_value    what one coupon takes off; a times card's is spread over its uses
    per_customer  how many coupons one customer may be issued
    budget        what all coupons of the batch together may take off
    store_ids     where they can be used; None: in every store of the merchant
    """

    name: str
    kind: CouponKind
    quantity: int
    face_value: int | None = None
    times_each: int = 1
    per_customer: int | None = None
    budget: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    store_ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView(BatchDraft):
    """A batch as it is. `issued` coupons exist; `spent` (fen) is counted where there is a budget."""

    id: UUID
    tenant_id: UUID
    issued: int
    spent: int


async def create_batch(
    runtime: Runtime,
    actor: Actor,
    *,
    name: str,
    kind: CouponKind,
    quantity: int,
    face_value: int | None = None,
    times_each: int = 1,
    per_customer: int | None = None,
    budget: int | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    store_ids: Sequence[UUID] | None = None,
) -> BatchView | list[UserProblem]:
    """Creates a batch, see `BatchDraft`. Nothing is issued yet.

    Answers it, or everything that is wrong with it, each with the field of the input. Raises Unauthenticated
    and Forbidden.
    """
    require(actor, Action.CREATE_COUPON_BATCH)
    draft = BatchDraft(
        name=name.strip(),
        kind=kind,
        quantity=quantity,
        face_value=face_value,
        times_each=times_each,
        per_customer=per_customer,
        budget=budget,
        valid_from=valid_from and to_utc(valid_from),
        valid_until=valid_until and to_utc(valid_until),
        store_ids=None if store_ids is None else tuple(dict.fromkeys(store_ids)),
    )
    problems = [*check_batch(draft, runtime.clock.now()), *await _check_stores(actor, draft)]
    return problems or await _insert_batch(actor, draft)


async def load_batches(actor: Actor, batch_ids: Iterable[UUID]) -> Mapping[UUID, BatchView]:
    """The batches of the actor's merchant among these ids. Customers see none."""
    wanted = [] if actor.is_customer else list(batch_ids)
    if not wanted:
        return {}
    places = ", ".join(f"${number}" for number in range(2, len(wanted) + 2))
    sql = f"SELECT * FROM coupon_batch WHERE tenant_id = $1 AND id IN ({places})"
    views = (_read_batch(row) for row in await fetch_rows(sql, actor.tenant_id, *wanted))
    return {view.id: view for view in views}


# ------------------------------------------------------------------------------------------------ checking
def check_batch(draft: BatchDraft, now: datetime) -> list[UserProblem]:
    """What is wrong with the draft, by itself; empty where nothing is. Pure."""
    problems = check_text(draft.name, ("name",), _NAME_LENGTH)
    if draft.kind is CouponKind.UNRECOGNISED:
        problems.append(UserProblem(ProblemCode.INVALID, ("kind",)))
    problems += check_range("quantity", draft.quantity, 1, MAX_QUANTITY)
    problems += check_range("timesEach", draft.times_each, 1, MAX_TIMES)
    if draft.per_customer is not None:
        problems += check_range("perCustomer", draft.per_customer, 1, MAX_QUANTITY)
    return [*problems, *_check_amounts(draft), *_check_validity(draft, now)]


def check_range(name: str, value: int, lowest: int, highest: int) -> list[UserProblem]:
    """Whether a number of the input lies within its limits, which are included."""
    if value < lowest:
        return [UserProblem(ProblemCode.TOO_SMALL, (name,), values={"limit": lowest})]
    if value > highest:
        return [UserProblem(ProblemCode.TOO_LARGE, (name,), values={"limit": highest})]
    return []


def _check_amounts(draft: BatchDraft) -> list[UserProblem]:
    problems = [*_check_amount("faceValue", draft.face_value), *_check_amount("budget", draft.budget)]
    if draft.face_value is None and draft.kind in _KINDS_WITH_AMOUNT:
        problems.append(UserProblem(ProblemCode.REQUIRED, ("faceValue",)))
    elif draft.face_value is None and draft.budget is not None:
        problems.append(UserProblem(ProblemCode.NOT_ALLOWED, ("budget",)))
    return problems


def _check_amount(name: str, fen: int | None) -> list[UserProblem]:
    if fen is not None and fen < 1:
        return [UserProblem(ProblemCode.TOO_SMALL, (name,), values={"limit": format_yuan(1)})]
    if fen is not None and fen > MAX_AMOUNT:
        return [UserProblem(ProblemCode.TOO_LARGE, (name,), values={"limit": format_yuan(MAX_AMOUNT)})]
    return []


def _check_validity(draft: BatchDraft, now: datetime) -> list[UserProblem]:
    """It must end after it begins, and not be over already."""
    begin = draft.valid_from or now
    if draft.valid_until is not None and draft.valid_until <= max(begin, now):
        limit = max(begin, now).isoformat(timespec="seconds")
        return [UserProblem(ProblemCode.TOO_SMALL, ("validUntil",), values={"limit": limit})]
    return []


async def _check_stores(actor: Actor, draft: BatchDraft) -> list[UserProblem]:
    """Stores of the merchant only, and for who is bound to stores only those."""
    if draft.store_ids is None:
        bound = actor.store_ids is not None
        return [UserProblem(ProblemCode.REQUIRED, ("storeIds",))] if bound else []
    if not draft.store_ids:
        return [UserProblem(ProblemCode.INVALID, ("storeIds",))]
    found = await load_stores(actor, draft.store_ids)
    return [
        UserProblem(ProblemCode.NOT_FOUND, ("storeIds", str(index)), "problem.store_not_found")
        for index, store_id in enumerate(draft.store_ids)
        if store_id not in found or not can_enter(actor, store_id)
    ]


# ------------------------------------------------------------------------------------------------ rows
async def _insert_batch(actor: Actor, draft: BatchDraft) -> BatchView:
    batch_id = new_id()
    store_ids = None if draft.store_ids is None else Json([str(store_id) for store_id in draft.store_ids])
    row = insert_row(
        "coupon_batch",
        id=batch_id,
        tenant_id=actor.tenant_id,
        name=draft.name,
        kind=draft.kind.value,
        face_value=draft.face_value,
        quantity=draft.quantity,
        issued=0,
        times_each=draft.times_each,
        per_customer=draft.per_customer,
        budget=draft.budget,
        spent=0,
        valid_from=draft.valid_from,
        valid_until=draft.valid_until,
        store_ids=store_ids,
    )
    await write_together([row, _build_audit(actor, batch_id, draft)])
    return _show_batch(draft, id=batch_id, tenant_id=actor.tenant_id, issued=0, spent=0)


def _build_audit(actor: Actor, batch_id: UUID, draft: BatchDraft) -> Write:
    details = {
        "name": draft.name,
        "kind": draft.kind.value,
        "quantity": draft.quantity,
        "faceValue": draft.face_value,
        "budget": draft.budget,
    }
    return build_entry(actor, "createCouponBatch", "CouponBatch", batch_id, details)


def _show_batch(draft: BatchDraft, **counts: Any) -> BatchView:
    return BatchView(**{item.name: getattr(draft, item.name) for item in fields(BatchDraft)}, **counts)


def _read_batch(row: Mapping[str, Any]) -> BatchView:
    store_ids = as_json(row["store_ids"])
    return BatchView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        name=row["name"],
        kind=CouponKind(row["kind"]),
        quantity=row["quantity"],
        issued=row["issued"],
        face_value=row["face_value"],
        times_each=row["times_each"],
        per_customer=row["per_customer"],
        budget=row["budget"],
        spent=row["spent"],
        valid_from=as_optional_instant(row["valid_from"]),
        valid_until=as_optional_instant(row["valid_until"]),
        store_ids=None if store_ids is None else tuple(UUID(store_id) for store_id in store_ids),
    )
