"""`quoteOrder`: what an order would cost with these coupons. Nothing is taken and nothing is used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.coupons.quoting import CouponQuote, quote_coupons
from core.coupons.values import CouponView
from core.orders.coupon_codes import Codes, name_codes, refuse_coupon
from core.orders.pricing import price_lines
from core.orders.values import OrderProblem
from core.reservations.preorders import LineInput
from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class QuoteView:
    """Amounts in fen: total = subtotal − discount, which is never more than the subtotal."""

    subtotal: int = 0
    discount: int = 0
    coupons: tuple[CouponView, ...] = ()
    problems: tuple[OrderProblem, ...] = ()

    @property
    def total(self) -> int:
        return self.subtotal - self.discount


async def quote_order(
    runtime: Runtime, actor: Actor | None, store_id: UUID, lines: Sequence[LineInput], codes: Codes
) -> QuoteView:
    """The price of these lines at today's prices, less what the coupons would take off that can be used.

    Raises Unauthenticated, Forbidden, NotFound (store) and BadInput (with the path of the wrong value).
    """
    actor = require(actor, Action.QUOTE_ORDER)
    await find_store(actor, store_id)
    basket = await price_lines(actor.tenant_id, store_id, lines, runtime.clock.now())
    coupons = await _quote_coupons(runtime, actor, store_id, codes, basket.subtotal)
    problems = tuple(refuse_coupon(codes, each) for each in coupons.problems)
    discount = min(coupons.discount, basket.subtotal)
    return QuoteView(basket.subtotal, discount, coupons.coupons, (*basket.problems, *problems))


async def _quote_coupons(
    runtime: Runtime, actor: Actor, store_id: UUID, codes: Codes, spend: int
) -> CouponQuote:
    if not codes.inputs:
        return CouponQuote()
    with name_codes(codes):
        return await quote_coupons(runtime, actor, store_id, codes.inputs, spend)
