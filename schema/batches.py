"""The chain's own coupons: batches and issuing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from core.channels.contract import CouponKind
from core.coupons.batches import BatchView, create_batch, issue_coupons
from core.errors import BadInput
from core.money import parse_yuan
from schema import enums as enums
from schema.context import Info
from schema.fields import mutation
from schema.ids import Node, read_id, read_ids, read_optional_id, show_id
from schema.problems import UserError, show_problems
from schema.texts import say


@strawberry.type(description="Own coupons of one kind.")
class CouponBatch(Node):
    name: str = strawberry.field(description="What the coupons are called.")
    kind: CouponKind = strawberry.field(description="What they are.")
    quantity: int = strawberry.field(description="How many may be issued in all.")
    issued: int = strawberry.field(description="How many were issued.")


def show_batch(batch: BatchView) -> CouponBatch:
    return CouponBatch(
        id=show_id("CouponBatch", batch.id),
        name=batch.name,
        kind=batch.kind,
        quantity=batch.quantity,
        issued=batch.issued,
    )


@strawberry.input(description="A new batch of own coupons.")
class CreateCouponBatchInput:
    name: str = strawberry.field(description="What the coupons are called, 120 characters at most.")
    kind: CouponKind = strawberry.field(description="What they are.")
    face_value: Decimal | None = strawberry.field(
        default=None, description="What one takes off, in yuan; needed for CASH_VOUCHER."
    )
    quantity: int = strawberry.field(description="How many may be issued, 1 to 1,000,000.")
    times_each: int | None = strawberry.field(default=1, description="How often one can be used.")
    valid_from: datetime | None = strawberry.field(default=None, description="When they begin to be valid.")
    valid_until: datetime | None = strawberry.field(default=None, description="When they cease to be valid.")
    store_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Where they are valid; null: in every store."
    )
    per_customer: int | None = strawberry.field(
        default=None, description="How many one customer may be issued."
    )
    budget: Decimal | None = strawberry.field(
        default=None, description="What all of them together may take off, in yuan."
    )


@strawberry.type(description="The answer to createCouponBatch.")
class CreateCouponBatchPayload:
    batch: CouponBatch | None = strawberry.field(description="The batch, null if it was not created.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.input(description="Coupons to issue.")
class IssueCouponsInput:
    batch_id: strawberry.ID = strawberry.field(description="The batch.")
    quantity: int = strawberry.field(description="How many, 1,000 at most.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Whose they are to be.")
    idempotency_key: str = strawberry.field(
        description="Chosen by the client; a repeat with the same key answers the same codes."
    )


@strawberry.type(description="The answer to issueCoupons.")
class IssueCouponsPayload:
    codes: list[str] = strawberry.field(description="The codes; empty if none were issued.")
    user_errors: list[UserError] = strawberry.field(description="Why none were issued.")


@strawberry.type
class BatchMutations:
    @mutation(description="Creates a batch of own coupons. May: owner, manager.")
    async def create_coupon_batch(
        self,
        info: Info,
        given: Annotated[CreateCouponBatchInput, strawberry.argument(name="input", description="The batch.")],
    ) -> CreateCouponBatchPayload:
        context = info.context
        answer = await create_batch(
            context.runtime,
            await context.sign_in(),
            name=given.name,
            kind=given.kind,
            quantity=given.quantity,
            face_value=_read_yuan(given.face_value, "faceValue"),
            times_each=1 if given.times_each is None else given.times_each,
            per_customer=given.per_customer,
            budget=_read_yuan(given.budget, "budget"),
            valid_from=given.valid_from,
            valid_until=given.valid_until,
            store_ids=None if given.store_ids is None else read_ids(given.store_ids, "Store", "storeIds"),
        )
        if isinstance(answer, BatchView):
            return CreateCouponBatchPayload(batch=show_batch(answer), user_errors=[])
        return CreateCouponBatchPayload(batch=None, user_errors=show_problems(answer))

    @mutation(description="Issues coupons of a batch. May: owner, manager.")
    async def issue_coupons(
        self,
        info: Info,
        given: Annotated[IssueCouponsInput, strawberry.argument(name="input", description="What to issue.")],
    ) -> IssueCouponsPayload:
        context = info.context
        answer = await issue_coupons(
            context.runtime,
            await context.sign_in(),
            read_id(given.batch_id, "CouponBatch", "batchId"),
            given.quantity,
            given.idempotency_key,
            read_optional_id(given.customer_id, "Customer", "customerId"),
        )
        if isinstance(answer, tuple):
            return IssueCouponsPayload(codes=list(answer), user_errors=[])
        return IssueCouponsPayload(codes=[], user_errors=show_problems(answer))


def _read_yuan(yuan: Decimal | None, field: str) -> int | None:
    """Yuan as fen. Raises BadInput for more than two decimals."""
    try:
        return None if yuan is None else parse_yuan(yuan)
    except ValueError:
        raise BadInput(say("decimal"), (field,)) from None
