"""What a basket of codes would take off an order. The channels are asked; nothing is used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.access.values import Actor
from core.channels.contract import Refusal
from core.coupons.answers import show_problem
from core.coupons.basket import Chosen, PlannedLeg
from core.coupons.coupon_rows import upsert_coupon, view_presented
from core.coupons.guessing import admit_codes
from core.coupons.redemption import plan_basket, read_basket
from core.coupons.values import CodeInput, CouponProblem, CouponView
from core.db.statements import Write, write_together
from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class CouponQuote:
    """What the coupons would take off, in fen; `problems` are those of codes that cannot be used as they are."""

    discount: int = 0
    coupons: tuple[CouponView, ...] = ()
    problems: tuple[CouponProblem, ...] = ()


async def quote_coupons(
    runtime: Runtime, actor: Actor, store_id: UUID, codes: Sequence[CodeInput], spend: int
) -> CouponQuote:
    """The coupons of these codes on an order of `spend` fen in a store that the actor may enter.

    Unknown codes count as failures, as in a look-up. Raises BadInput.
    """
    wish = read_basket(runtime, actor, store_id, codes)
    admission = await admit_codes(runtime, actor, store_id, len(codes))
    if isinstance(admission, int):
        problem = CouponProblem(Refusal.TOO_MANY_ATTEMPTS, ("codes",), retry_after=admission)
        return CouponQuote(problems=(problem,))
    legs, problems = await plan_basket(runtime, wish, spend)
    await admission.close(problems)
    chosen = [(leg, each) for leg in legs for each in leg.chosen]
    views = {each.id: _view(actor.tenant_id, leg, each) for leg, each in chosen}
    if views:
        await write_together([_remember(runtime, actor.tenant_id, leg, each) for leg, each in _once(chosen)])
    return CouponQuote(
        sum(each.discount for _, each in chosen),
        tuple(views.values()),
        tuple(show_problem(actor, problem) for problem in problems),
    )


def _once(chosen: Sequence[tuple[PlannedLeg, Chosen]]) -> list[tuple[PlannedLeg, Chosen]]:
    return list({each.id: (leg, each) for leg, each in chosen}.values())


def _view(tenant_id: UUID, leg: PlannedLeg, each: Chosen) -> CouponView:
    bound = leg.bound
    return view_presented(tenant_id, bound.account_id, bound.channel.code, each.coupon, leg.scanned)


def _remember(runtime: Runtime, tenant_id: UUID, leg: PlannedLeg, each: Chosen) -> Write:
    """The coupons that are shown, kept so that their ids can be asked for."""
    owner = (tenant_id, leg.bound.account_id, leg.bound.channel.code)
    return upsert_coupon(runtime.keys, *owner, each.coupon, leg.scanned, runtime.clock.now())
