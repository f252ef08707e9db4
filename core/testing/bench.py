"""The bench on which an adapter is tried: a session with a hand on its wire, and every rule's steps."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import SecretStr

from core.channels.contract import (
    AccessTokens,
    Channel,
    ChannelFailure,
    ChannelModel,
    ChannelSession,
    ChannelUnavailable,
    Coupons,
    CouponState,
    Effect,
    Found,
    LookUp,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    ReversalAnswer,
    ReversalOrder,
    StatusBy,
    StatusQuery,
    TokenFetch,
)
from core.coupons.codes import normalise_code
from core.testing.checks import check_look_up, check_outcomes, check_state
from core.testing.platforms import CouponPlatform, Uses
from core.testing.transcript import Transcript
from core.testing.wire import Fault, Hang, Wire

LONGEST_CALL = 5.0
"""Seconds after which a call counts as hanging: simulators answer at once."""

ResultT = TypeVar("ResultT")
Outcomes = Sequence[Redeemed | RedeemRefused]


class TokenWatch:
    """Passes to the session's AccessTokens and remembers every token, so that none may show in a log."""

    def __init__(self, inner: AccessTokens) -> None:
        self._inner = inner
        self.seen: set[str] = set()
        self.asked_while_down = False
        self.fresh = False
        self.down = False

    async def get(self, name: str, fetch: TokenFetch) -> str:
        if self.down:
            self.asked_while_down = True
            raise ChannelUnavailable("no access token to be had")
        token = (await fetch()).value if self.fresh else await self._inner.get(name, fetch)
        self.seen.add(token)
        return token

    async def drop(self, name: str, token: str) -> None:
        await self._inner.drop(name, token)


class Bench:
    """One channel, one platform made for this test, and what was said aloud meanwhile."""

    def __init__(self, channel: Channel, platform: CouponPlatform, transcript: Transcript) -> None:
        session = platform.open_session()
        self.channel = channel
        self.platform = platform
        self.transcript = transcript
        self.wire = Wire(session.http)
        self.tokens = TokenWatch(session.tokens)
        self.session: ChannelSession[Any, Any] = replace(session, http=self.wire, tokens=self.tokens)
        self._credentials: list[ChannelModel] = [session.credentials]

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def coupons(self) -> Coupons:
        assert self.channel.coupons is not None, "the channel declares COUPONS and brings none"
        return self.channel.coupons

    @property
    def offline(self) -> bool:
        """Whether the channel works without a platform of its own: then it may send nothing at all."""
        return not self.channel.needs_account

    @property
    def tells_status(self) -> bool:
        return self.coupons.behaviour.status_by is not StatusBy.NONE

    def holds(self, state: str) -> bool:
        return state in self.platform.samples

    async def uses(self, state: str = "usable") -> Uses:
        return await self.platform.count_uses(state)

    def secrets(self) -> set[str]:
        """Every text that must not be said aloud: credentials, access tokens, codes."""
        codes = {*self.platform.samples.values(), self.platform.unknown_code}
        normal = {normalise_code(code).code for code in codes}
        return self.tokens.seen | codes | normal | set(map_secrets(self._credentials))

    # ------------------------------------------------------------------------------------------------ steps
    async def call(self, work: Awaitable[ResultT]) -> ResultT:
        """Awaits one piece of the adapter's work, within the longest call, and keeps what it raises."""
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await work
        except Exception as failure:
            self.transcript.note_failure(failure)
            raise

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
        items = tuple(
            RedeemItem(coupon.reference, coupon.handle, times, coupon.times_total - coupon.times_remaining)
            for coupon in found.coupons[:first]
        )
        code = normalise_code(self.platform.samples[state]).code
        return RedeemOrder(found.redeem_token or str(uuid4()), items, code, found.order_reference)

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

    # ----------------------------------------------------------------------------------------------- faults
    async def fail(self, work: Awaitable[object], effect: Effect, fault: Fault) -> ChannelFailure:
        """Breaks the next request with this effect and expects `work` to raise a failure of the contract."""
        self.wire.break_next(effect, fault)
        answer, failure = None, None
        try:
            answer = await self.call(work)
        except ChannelFailure as raised:
            failure = raised
        assert not self.wire.disarm(), f"sent no {effect} request: {failure or answer!r}"
        assert failure is not None, f"answered {answer!r} although its request failed"
        return failure

    async def cancel_midway(self, work: Coroutine[Any, Any, object], effect: Effect) -> None:
        """Cancels `work` while its request hangs; swallowing the cancellation is an error."""
        hang = Hang()
        self.wire.break_next(effect, hang)
        task = asyncio.ensure_future(work)
        reached = asyncio.ensure_future(hang.reached.wait())
        waited = {task} if self.offline else {task, reached}
        await asyncio.wait(waited, timeout=0 if self.offline else LONGEST_CALL, return_when="FIRST_COMPLETED")
        reached.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert self.offline or task.cancelled(), "the cancellation was swallowed"
        self.wire.disarm()

    async def use_other_credentials(self) -> None:
        """From now on the session has credentials that the platform does not accept, and no token."""
        other = self.platform.other_credentials()
        self._credentials.append(other)
        self.session = replace(self.session, credentials=other)
        self.tokens.fresh = True

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


def map_secrets(models: Sequence[ChannelModel]) -> list[str]:
    """The values of all SecretStr fields."""
    values = (getattr(model, name) for model in models for name in type(model).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def make_reversal(order: RedeemOrder, redeemed: Redeemed) -> ReversalOrder:
    """The order that takes back all uses of one redeemed coupon, made as core makes it."""
    item = next(item for item in order.items if item.reference == redeemed.reference)
    receipts = tuple(receipt.reference for receipt in redeemed.receipts)
    return ReversalOrder(str(uuid4()), item.reference, item.handle, receipts, order.order_reference)
