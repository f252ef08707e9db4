"""The bench on which an adapter is tried: a session with a hand on its wire, and every rule's steps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from core.channels.contract import (
    Channel,
    CouponBehaviour,
    Coupons,
    CouponState,
    Found,
    LookUp,
    RecordedUse,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    ReversalAnswer,
    ReversalOrder,
    StatusBy,
    StatusQuery,
    UsePage,
    UseQuery,
)
from core.coupons.codes import normalise_code
from core.testing.checks import check_look_up, check_outcomes, check_page, check_state
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import CouponPlatform, Uses
from core.testing.transcript import Transcript

MOST_PAGES = 500
"""Pages after which a list counts as endless: the kit makes a few hundred uses at most."""

Outcomes = Sequence[Redeemed | RedeemRefused]


class Bench(PlatformBench[CouponPlatform]):
    """The steps of whoever redeems coupons."""

    def __init__(self, channel: Channel, platform: CouponPlatform, transcript: Transcript) -> None:
        super().__init__(channel, platform, transcript)
        self._made: list[str] = []

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def coupons(self) -> Coupons:
        assert self.channel.coupons is not None, "the channel declares COUPONS and brings none"
        return self.channel.coupons

    @property
    def behaviour(self) -> CouponBehaviour:
        """What the channel declares for the session at hand."""
        return self.coupons.behave(self.session)

    @property
    def tells_status(self) -> bool:
        return self.behaviour.status_by is not StatusBy.NONE

    @property
    def shows_uses(self) -> bool:
        """Whether the state of a used coupon shows its uses."""
        return self.behaviour.status_by not in {StatusBy.NONE, StatusBy.UNUSED_ONLY}

    @property
    def lists_uses(self) -> bool:
        return self.behaviour.lists_uses

    def holds(self, state: str) -> bool:
        return state in self.platform.samples

    async def uses(self, state: str = "usable") -> Uses:
        return await self.platform.count_uses(state)

    def platform_secrets(self) -> set[str]:
        """The codes."""
        codes = {*self.platform.samples.values(), self.platform.unknown_code, *self._made}
        return codes | {normalise_code(code).code for code in codes}

    def find_codes(self, text: str) -> list[str]:
        """The codes that a text gives away."""
        return [code for code in self.platform_secrets() if code in text]

    # ------------------------------------------------------------------------------------------------ steps
    async def look_up(self, state: str = "usable") -> LookUp:
        return await self.look_up_text(self.platform.samples[state])

    async def look_up_text(self, text: str) -> LookUp:
        answer = await self.call(self.coupons.look_up(self.session, normalise_code(text)))
        check_look_up(answer)
        return answer

    async def find(self, state: str = "usable") -> Found:
        answer = await self.look_up(state)
        assert isinstance(answer, Found), f"the coupon {state!r} should be found, but: {answer!r}"
        return answer

    async def prepare(
        self, state: str = "usable", *, times: int = 1, first: int | None = None
    ) -> RedeemOrder:
        """A leg for the `first` coupons of the sample (None: all), made as core makes it."""
        found = await self.find(state)
        return make_order(found, self.platform.samples[state], self.session.clock.now(), times, first)

    async def redeem(self, order: RedeemOrder) -> Outcomes:
        outcomes = await self.call(self.coupons.redeem(self.session, order))
        check_outcomes(order, outcomes)
        return outcomes

    async def redeem_well(self, order: RedeemOrder) -> list[Redeemed]:
        """Redeems, and expects every coupon to be used."""
        outcomes = await self.redeem(order)
        redeemed = [outcome for outcome in outcomes if isinstance(outcome, Redeemed)]
        assert len(redeemed) == len(order.items), f"not everything was redeemed: {outcomes!r}"
        return redeemed

    async def status(self, order: RedeemOrder, item: int = 0) -> CouponState:
        asked = order.items[item]
        query = StatusQuery(asked.reference, asked.handle, order.code, order.order_reference, order.token)
        state = await self.call(self.coupons.status(self.session, query))
        check_state(state)
        assert state.reference == asked.reference, "status answers about another coupon"
        return state

    async def reverse(self, order: ReversalOrder) -> ReversalAnswer:
        return await self.call(self.coupons.reverse(self.session, order))

    async def list_page(self, since: datetime, until: datetime, cursor: str | None = None) -> UsePage:
        query = UseQuery(since, until, cursor)
        page = await self.call(self.coupons.list_uses(self.session, query))
        check_page(page, query)
        return page

    async def list_uses(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> list[RecordedUse]:
        """Every page, from `cursor` on; each use once, as it came last."""
        uses: dict[tuple[str, datetime], RecordedUse] = {}
        for _ in range(MOST_PAGES):
            page = await self.list_page(since, until, cursor)
            uses |= {(use.receipt, use.used_at): use for use in page.uses}
            if page.next_cursor is None:
                return list(uses.values())
            assert page.next_cursor != cursor, "the list does not go on: a page leads to itself"
            cursor = page.next_cursor
        raise AssertionError(f"the list does not end after {MOST_PAGES} pages")

    async def redeem_new(self, count: int = 1) -> list[tuple[RedeemOrder, Redeemed]]:
        """Redeems that many new coupons, one by one."""
        codes = await self.platform.make_codes(count)
        self._made += codes
        done: list[tuple[RedeemOrder, Redeemed]] = []
        for code in codes:
            found = await self.look_up_text(code)
            assert isinstance(found, Found), f"a new coupon should be found, but: {found!r}"
            order = make_order(found, code, self.session.clock.now())
            done += [(order, redeemed) for redeemed in await self.redeem_well(order)]
        return done

    async def prove_offline(self) -> None:
        """For a channel without a network: the whole way is gone, and nothing was sent."""
        await self.redeem_well(await self.prepare())
        assert (self.wire.requests, self.wire.links) == ([], 0), "a channel without accounts uses no network"


Rule = Callable[[Any, Bench], Coroutine[Any, Any, None]]


def over_the_network(rule: Rule) -> Rule:
    """A rule about the network. A channel without one proves instead that it sends nothing."""

    @functools.wraps(rule)
    async def run(suite: Any, bench: Bench) -> None:
        await (bench.prove_offline() if bench.offline else rule(suite, bench))

    return run


def make_order(
    found: Found, text: str, at: datetime, times: int = 1, first: int | None = None
) -> RedeemOrder:
    """A leg for the `first` coupons found by `text` (None: all), made at `at` as core makes it."""
    items = tuple(
        RedeemItem(coupon.reference, coupon.handle, times, coupon.times_total - coupon.times_remaining)
        for coupon in found.coupons[:first]
    )
    code = normalise_code(text).code
    return RedeemOrder(found.redeem_token or str(uuid4()), items, code, found.order_reference, at=at)


def make_reversal(order: RedeemOrder, redeemed: Redeemed) -> ReversalOrder:
    """The order that takes back all uses of one redeemed coupon, made as core makes it."""
    item = next(item for item in order.items if item.reference == redeemed.reference)
    receipts = tuple(receipt.reference for receipt in redeemed.receipts)
    return ReversalOrder(
        str(uuid4()),
        item.reference,
        item.handle,
        receipts,
        order.order_reference,
        redeem_token=order.token,
    )
