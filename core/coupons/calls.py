"""Calling a channel for one leg, and telling apart: answered, nothing sent, nobody knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog

from core.channels.accounts import BoundAccount
from core.channels.contract import (
    ChannelFailure,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Misconfigured,
    NothingSent,
    Redeemed,
    RedeemRefused,
    ReversalAnswer,
    ReversalOrder,
    StatusQuery,
)
from core.coupons.journal import LegRow, RedemptionRow, Saga, order_for_attempt
from core.runtime import Runtime

log = structlog.get_logger(__name__)
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Called(Generic[AnswerT]):
    """One call: its answer; or None, and then whether anything can have reached the platform."""

    answer: AnswerT | None
    nothing_sent: bool
    error: str | None
    milliseconds: int


def behaviour_of(runtime: Runtime, leg: LegRow) -> CouponBehaviour:
    """How the platform behaves towards the leg's account; where that is not known, what it keeps for all."""
    return leg.behaviour or _coupons_of(runtime, leg).behaviour


async def learn_behaviour(runtime: Runtime, saga: Saga) -> None:
    """Asks the channels of legs that were read back how their platforms behave."""
    for leg in saga.legs:
        if leg.behaviour is None:
            leg.behaviour = await _learn_behaviour(runtime, saga, leg)


async def _learn_behaviour(runtime: Runtime, saga: Saga, leg: LegRow) -> CouponBehaviour | None:
    """None where the account is gone, or the adapter broken: what is open must come to an end all the same."""
    try:
        session = await _open_session(runtime, saga, leg)
        return _coupons_of(runtime, leg).behave(session)
    except Misconfigured:
        return None
    except Exception:
        log.exception("behaviour not to be learnt", channel=leg.channel, leg=str(leg.id))
        return None


async def call_redeem(
    runtime: Runtime, saga: Saga, leg: LegRow
) -> Called[Sequence[Redeemed | RedeemRefused]]:
    """Sends the leg. SENT must be committed before."""

    async def work() -> Sequence[Redeemed | RedeemRefused]:
        session = await _open_session(runtime, saga, leg)
        return await _coupons_of(runtime, leg).redeem(session, order_for_attempt(leg))

    return await _call(runtime, saga, leg, work())


async def call_status(
    runtime: Runtime, saga: Saga, leg: LegRow, redemption: RedemptionRow
) -> Called[CouponState]:
    """Asks what the platform records about the redemption's coupon now."""
    query = StatusQuery(
        reference=redemption.reference,
        handle=_handle_of(leg, redemption),
        code=leg.order.code,
        order_reference=leg.order.order_reference,
        token=leg.token,
    )

    async def work() -> CouponState:
        session = await _open_session(runtime, saga, leg)
        return await _coupons_of(runtime, leg).status(session, query)

    return await _call(runtime, saga, leg, work())


async def call_reverse(
    runtime: Runtime, saga: Saga, leg: LegRow, redemption: RedemptionRow, attempt: int
) -> Called[ReversalAnswer]:
    """Asks the platform to take the redemption's uses back. REVERSING must be committed before."""
    order = ReversalOrder(
        token=str(redemption.id),
        reference=redemption.reference,
        handle=_handle_of(leg, redemption),
        receipts=tuple(str(receipt["reference"]) for receipt in redemption.receipts),
        order_reference=leg.order.order_reference,
        attempt=attempt,
        redeem_token=leg.token,
    )

    async def work() -> ReversalAnswer:
        session = await _open_session(runtime, saga, leg)
        return await _coupons_of(runtime, leg).reverse(session, order)

    return await _call(runtime, saga, leg, work())


async def _call(runtime: Runtime, saga: Saga, leg: LegRow, work: Awaitable[AnswerT]) -> Called[AnswerT]:
    began = time.perf_counter()
    try:
        # An adapter may need a token first: two calls' time for one piece of work.
        async with asyncio.timeout(2 * runtime.settings.channel_timeout_seconds):
            return Called(await work, False, None, _since(began))
    except NothingSent as failure:
        await _note(runtime, saga, leg, failure)
        return Called(None, True, _describe(failure), _since(began))
    except ChannelFailure as failure:
        await _note(runtime, saga, leg, failure)
        return Called(None, False, _describe(failure), _since(began))
    except TimeoutError:
        return Called(None, False, "no answer in time", _since(began))
    except Exception as error:
        # A fault of the adapter after sending is as good as no answer.
        log.exception("channel call failed", channel=leg.channel, leg=str(leg.id))
        return Called(None, False, type(error).__name__, _since(began))


async def _note(runtime: Runtime, saga: Saga, leg: LegRow, failure: ChannelFailure) -> None:
    bound = await _find_bound(runtime, saga, leg)
    if bound is not None:
        runtime.accounts.note_failure(bound, failure)


async def _find_bound(runtime: Runtime, saga: Saga, leg: LegRow) -> BoundAccount | None:
    bindings = await runtime.accounts.load_bindings(saga.tenant_id, saga.store_id)
    same = (
        each for each in bindings if each.channel.code == leg.channel and each.account_id == leg.account_id
    )
    return next(same, None)


async def _open_session(runtime: Runtime, saga: Saga, leg: LegRow) -> ChannelSession[Any, Any]:
    """A session for the account of the leg, and for the store id that the leg was planned with."""
    bound = await _find_bound(runtime, saga, leg)
    if bound is None:
        raise Misconfigured("the channel account of this redemption is gone")
    session = await runtime.accounts.open_session(bound)
    if session.external_store_id == leg.external_store_id:
        return session
    return replace(session, external_store_id=leg.external_store_id)


def _coupons_of(runtime: Runtime, leg: LegRow) -> Coupons:
    coupons = runtime.registry.get(leg.channel).coupons
    if coupons is None:
        raise Misconfigured(f"the channel {leg.channel} redeems no coupons in this version")
    return coupons


def _handle_of(leg: LegRow, redemption: RedemptionRow) -> str:
    return next(item.handle for item in leg.order.items if item.reference == redemption.reference)


def _describe(failure: ChannelFailure) -> str:
    words = (type(failure).__name__, failure.platform_code, failure.message)
    return ": ".join(word for word in words if word)[:200]


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
