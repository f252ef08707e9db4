"""The demo shop's own coupons: batches in every state, and a first entry in its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from core.access.problems import UserProblem
from core.access.values import Actor
from core.channels.contract import CouponKind
from core.clock import Clock
from core.coupons.batches import create_batch, issue_coupons
from core.coupons.redemption import redeem_coupons
from core.coupons.values import CodeInput, RedeemOutcome
from core.demo.guide import DemoCode
from core.runtime import Runtime

ResultT = TypeVar("ResultT")


def require_result(answer: ResultT | list[UserProblem] | tuple[UserProblem, ...]) -> ResultT:
    """What a set-up service made. Raises RuntimeError with its problems where it made nothing."""
    given = answer if isinstance(answer, list | tuple) else ()
    problems = [each for each in given if isinstance(each, UserProblem)]
    if problems:
        raise RuntimeError("; ".join(f"{each.code} {each.field}" for each in problems))
    return answer  # type: ignore[return-value]  # a list of problems was the only other case


class _Earlier:
    """A clock that is behind: last month's batch was made last month."""

    def __init__(self, clock: Clock, behind: timedelta) -> None:
        self._clock = clock
        self._behind = behind

    def now(self) -> datetime:
        return self._clock.now() - self._behind


class _Issuer:
    """Makes a batch and issues codes of it, under its own name."""

    def __init__(self, runtime: Runtime, owner: Actor) -> None:
        self._runtime = runtime
        self._owner = owner
        self._channel_name = runtime.registry.get("house").name
        self.codes: list[DemoCode] = []

    async def issue(self, state: str, name: str, kind: CouponKind, face_value: int, **more: Any) -> None:
        """`quantity` codes, 1 unless given; `behind` days ago, today unless given."""
        quantity, behind = more.pop("quantity", 1), timedelta(days=more.pop("behind", 0))
        runtime = replace(self._runtime, clock=_Earlier(self._runtime.clock, behind))
        made = await create_batch(
            runtime, self._owner, name=name, kind=kind, quantity=100, face_value=face_value, **more
        )
        batch = require_result(made)
        codes = require_result(await issue_coupons(runtime, self._owner, batch.id, quantity, f"demo-{state}"))
        self.codes += [DemoCode("house", self._channel_name, state, name, code) for code in codes]


async def issue_own_coupons(runtime: Runtime, owner: Actor, store_id: UUID, usable: int) -> list[DemoCode]:
    """Codes in every state: `usable` usable ones, one of each other. The used one is really redeemed."""
    now, day = runtime.clock.now(), timedelta(days=1)
    cash, shop = CouponKind.CASH_VOUCHER, _Issuer(runtime, owner)
    await shop.issue("usable", "满 100 减 20", cash, 2000, quantity=usable, valid_until=now + 30 * day)
    await shop.issue("times_card", "茶点 5 次卡", CouponKind.TIMES_CARD, 15000, times_each=5)
    await shop.issue("used", "满 60 减 10", cash, 1000)
    await shop.issue("expired", "上月满 50 减 8", cash, 800, behind=40, valid_until=now - day)
    await shop.issue("not_yet_valid", "下周满 80 减 15", cash, 1500, valid_from=now + 7 * day)
    for code in _of_state(shop.codes, "used"):
        await _redeem(runtime, owner, store_id, code)
    return shop.codes


async def _redeem(runtime: Runtime, owner: Actor, store_id: UUID, code: str) -> None:
    result = await redeem_coupons(runtime, owner, store_id, [CodeInput(code)], "demo-used")
    if result.outcome is not RedeemOutcome.REDEEMED:
        reasons = ", ".join(each.code for each in result.problems)
        raise RuntimeError(f"the demo's own coupon was not redeemed: {reasons}")


def _of_state(codes: Iterable[DemoCode], state: str) -> Iterator[str]:
    return (each.code for each in codes if each.state == state)
