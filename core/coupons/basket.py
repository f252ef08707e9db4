"""From found coupons to legs: which coupons, how many uses, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.channels.accounts import BoundAccount
from core.channels.contract import ChannelCoupon, CouponBehaviour, Found, Refusal, Scanned
from core.coupons.values import CodeInput, CouponProblem, coupon_id


@dataclass(frozen=True, slots=True)
class Chosen:
    """One coupon of the basket: `times` uses of it, taken by the code at `index` of the input."""

    index: int
    id: UUID
    coupon: ChannelCoupon
    times: int

    @property
    def discount(self) -> int:
        """What these uses take off, in fen: of a card, its share of the whole."""
        used = self.coupon.times_total - self.coupon.times_remaining
        return share(self.coupon.face_value or 0, self.coupon.times_total, used, self.times)

    @property
    def paid(self) -> int | None:
        """What the customer paid for these uses, in fen."""
        if self.coupon.paid_amount is None:
            return None
        used = self.coupon.times_total - self.coupon.times_remaining
        return share(self.coupon.paid_amount, self.coupon.times_total, used, self.times)


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One platform call to be made. `token` is what the platform's prepare gave, if it has such a step."""

    bound: BoundAccount
    behaviour: CouponBehaviour
    scanned: Scanned
    order_reference: str | None
    token: str | None
    chosen: tuple[Chosen, ...]

    @property
    def is_reversible(self) -> bool:
        return self.behaviour.reversal.possible


def share(total: int, parts: int, first: int, count: int) -> int:
    """`count` parts of `total` from the part `first` on; all parts together are exactly `total`."""
    return total * (first + count) // parts - total * first // parts


def choose_coupons(
    tenant_id: UUID, index: int, wanted: CodeInput, found: Found, bound: BoundAccount
) -> tuple[Chosen, ...] | Refusal:
    """The coupons that `wanted` takes of what was found, or why that is not possible."""
    offered = [
        (coupon_id(tenant_id, bound.account_id, bound.channel.code, coupon.reference), coupon)
        for coupon in found.coupons
    ]
    if wanted.coupon_ids:
        offered = [pair for pair in offered if pair[0] in wanted.coupon_ids]
        if len(offered) < len(set(wanted.coupon_ids)):
            return Refusal.ALREADY_REDEEMED
    chosen = tuple(_take_uses(index, max(wanted.count, len(wanted.coupon_ids)), offered))
    taken = sum(each.times for each in chosen)
    return chosen if taken >= wanted.count else Refusal.TIMES_USED_UP


def _take_uses(index: int, count: int, offered: Iterable[tuple[UUID, ChannelCoupon]]) -> Iterable[Chosen]:
    for id_, coupon in offered:
        times = min(count, coupon.times_remaining)
        if times > 0:
            yield Chosen(index, id_, coupon, times)
        count -= times
        if count <= 0:
            return


def arrange_legs(legs: Sequence[PlannedLeg]) -> list[PlannedLeg]:
    """Reversible legs first, so that a refusal of the last one leaves nothing that cannot be taken back."""
    return sorted(legs, key=lambda leg: not leg.is_reversible)


def find_conflicts(legs: Sequence[PlannedLeg]) -> list[CouponProblem]:
    """A coupon taken twice, and a second coupon that could not be taken back if another is refused."""
    problems, seen, final = [], set[UUID](), 0
    for leg in legs:
        final += not leg.is_reversible
        taken_twice = any(chosen.id in seen for chosen in leg.chosen)
        if taken_twice or (not leg.is_reversible and final > 1):
            index = str(leg.chosen[0].index)
            problems.append(CouponProblem(Refusal.NOT_STACKABLE, ("codes", index), leg.bound.channel.code))
        seen.update(chosen.id for chosen in leg.chosen)
    return problems
