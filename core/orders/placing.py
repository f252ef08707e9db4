"""`placeOrder`: the order and its stock are written first, then the coupons are redeemed, then it is what it is to be.

A refusal anywhere leaves stock, coupons and orders as before. Whatever dies on the way is finished by `settle_orders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor, StoreView
from core.channels.contract.orders import OrderStatus, OrderType
from core.coupons.detached import run_detached, wait_until
from core.coupons.redemption import read_basket, set_deadlines
from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.db.transactions import run_again
from core.ids import new_id
from core.orders.announcing import OrderChange, add_timeline, build_order_trail
from core.orders.coupon_codes import NO_CODES, Codes, name_codes
from core.orders.order_requests import (
    Answered,
    Request,
    find_answer,
    keep_answer,
    keep_refusal,
    open_request,
    raise_answered,
)
from core.orders.own_orders import (
    Buyer,
    check_contact,
    check_note,
    find_buyer,
    insert_order,
    make_number,
)
from core.orders.placed import PlacedOrder, show_placed, wait_for_placement
from core.orders.placements import Placement, PlacementStatus, insert_placement, open_placement
from core.orders.pricing import Basket, build_lines, insert_line, price_lines, take_stock
from core.orders.settling import confirm_due, drive_placement
from core.orders.values import HOUSE, OrderErrorCode, OrderProblem, OrderView
from core.payments.values import PaymentMethod
from core.reservations.preorders import LineInput
from core.reservations.values import Contact
from core.runtime import Runtime

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class OrderInput:
    """What somebody wants to order."""

    store_id: UUID
    lines: tuple[LineInput, ...]
    idempotency_key: str
    codes: Codes = NO_CODES
    contact: Contact | None = None
    note: str | None = None
    payment: PaymentMethod = PaymentMethod.AT_COUNTER


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order that is about to be written, with everything that is written with it."""

    order: OrderView
    placement: Placement
    basket: Basket
    buyer: Buyer
    next_attempt_at: datetime | None


async def place_order(runtime: Runtime, actor: Actor | None, wanted: OrderInput) -> PlacedOrder:
    """Places an order, or answers everything that speaks against it; within `settings.answer_seconds`.

    While a coupon's outcome is unknown the order is PENDING_PAYMENT with COUPON_OUTCOME_UNKNOWN, and keeps its stock.
    Raises Unauthenticated, Forbidden, NotFound (store), BadInput (with the path of the wrong value) and
    IdempotencyKeyReused.
    """
    due, _ = set_deadlines(runtime)
    actor = require(actor, Action.PLACE_ORDER)
    store = await find_store(actor, wanted.store_id)
    with name_codes(wanted.codes):
        _check_codes(runtime, actor, wanted)
    request = open_request(runtime, actor, Action.PLACE_ORDER, wanted.idempotency_key, _describe(wanted))
    try:
        known = await find_answer(request)
        if known is None:
            return await _place_first(runtime, request, store, wanted, due)
    except Answered as answered:
        known = answered.known
    if known.order_id is None:
        return PlacedOrder(None, (), known.problems)
    await wait_for_placement(runtime, actor.tenant_id, known.order_id, due)
    return await show_placed(runtime, actor.tenant_id, known.order_id, wanted.codes)


async def _place_first(
    runtime: Runtime, request: Request, store: StoreView, wanted: OrderInput, due: float
) -> PlacedOrder:
    placed = await _place(runtime, request, store, wanted)
    if not isinstance(placed, Placement):
        return PlacedOrder(None, (), placed)
    if placed.status is PlacementStatus.PLACING:
        await wait_until(run_detached(drive_placement(runtime, placed)), due)
    return await show_placed(runtime, placed.tenant_id, placed.order_id, wanted.codes)


def _check_codes(runtime: Runtime, actor: Actor, wanted: OrderInput) -> None:
    if wanted.codes.inputs:
        read_basket(runtime, actor, wanted.store_id, wanted.codes.inputs)


def _describe(wanted: OrderInput) -> list[object]:
    """All of the input but its key, as JSON values."""
    codes = [[c.code, c.count, c.coupon_ids, c.channel, c.account_id] for c in wanted.codes.inputs]
    contact = [wanted.contact.name, wanted.contact.phone] if wanted.contact else None
    lines = [[line.sku_id, line.quantity] for line in wanted.lines]
    return [wanted.store_id, lines, codes, wanted.codes.short, contact, wanted.note, wanted.payment]


async def _place(
    runtime: Runtime, request: Request, store: StoreView, wanted: OrderInput
) -> Placement | tuple[OrderProblem, ...]:
    """Writes order, lines, stock and placement in one commit. A refusal is kept. Raises Answered."""
    contact, problems = check_contact(wanted.contact)
    problems += check_note(wanted.note)
    if wanted.payment is not PaymentMethod.AT_COUNTER:
        problems.append(OrderProblem(OrderErrorCode.PAYMENT_UNAVAILABLE, ("payment",)))
    for _ in range(_ATTEMPTS):
        basket = await price_lines(store.tenant_id, store.id, wanted.lines, runtime.clock.now())
        problems += basket.problems
        if problems:
            await keep_refusal(request, problems)
            return tuple(problems)
        buyer = await find_buyer(runtime.keys, request.actor, contact)
        draft = _draft(runtime, request.actor, store, wanted, basket, buyer)
        if await _commit(runtime, request, draft):
            runtime.events.wake()
            return draft.placement
    raise GuardFailed("the basket is refused, and nothing is in its way")


def _draft(
    runtime: Runtime, actor: Actor, store: StoreView, wanted: OrderInput, basket: Basket, buyer: Buyer
) -> _Draft:
    now, order_id = runtime.clock.now(), new_id()
    order = OrderView(
        id=order_id,
        tenant_id=store.tenant_id,
        channel=HOUSE,
        number=make_number(now, store.time_zone),
        type=OrderType.PICKUP if basket.is_presale else OrderType.IN_STORE,
        status=OrderStatus.PENDING_PAYMENT,
        version=1,
        placed_at=now,
        created_at=now,
        subtotal=basket.subtotal,
        discount=0,
        shipping=0,
        total=basket.subtotal,
        paid=0,
        refunded=0,
        store_id=store.id,
        customer_id=buyer.customer_id,
        contact_name=buyer.name,
        note=(wanted.note or "").strip() or None,
        actor_id=actor.actor_id,
    )
    placement = open_placement(actor, order_id, store.id, now, wanted.codes)
    if wanted.codes.inputs:
        return _Draft(
            order, placement, basket, buyer, now + timedelta(seconds=runtime.settings.lease_seconds)
        )
    due = confirm_due(order, now)
    order = replace(order, status=due.status, paid_at=due.paid_at)
    return _Draft(order, replace(placement, status=due.placement), basket, buyer, due.next_attempt_at)


async def _commit(runtime: Runtime, request: Request, draft: _Draft) -> bool:
    """False where the stock, a price or the number was taken meanwhile: look again. Raises Answered."""
    writes = _build_writes(runtime, request, draft)
    try:
        await run_again(lambda: write_together(writes))
    except GuardFailed:
        await raise_answered(request)
        return False
    except Conflict as conflict:
        await raise_answered(request)
        if conflict.table != "customer_order":
            raise
        return False
    return True


def _build_writes(runtime: Runtime, request: Request, draft: _Draft) -> Sequence[Write]:
    order, placement = draft.order, draft.placement
    tenant_id, store_id = order.tenant_id, placement.store_id
    lines = build_lines(tenant_id, order.id, draft.basket)
    writes = [keep_answer(request, order.id), *take_stock(tenant_id, store_id, order.id, draft.basket)]
    writes += map(insert_line, lines)
    writes.append(insert_order(runtime.keys, order, draft.buyer.phone, request.actor))
    writes.append(insert_placement(runtime.keys, placement, draft.next_attempt_at))
    if placement.status is PlacementStatus.PLACING:
        # Nobody is told of it before its coupons are settled, or the answer is due.
        return writes
    writes.append(add_timeline(tenant_id, order.id, order.placed_at, "placed", "placed"))
    if order.paid_at is not None:
        writes.append(add_timeline(tenant_id, order.id, order.paid_at, "paid", "paid"))
    return [*writes, *build_order_trail(OrderChange(Action.PLACE_ORDER, request.actor, order))]
