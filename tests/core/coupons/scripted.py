"""A platform in memory whose every misbehaviour is scripted, and the channel that sells on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from core.channels.contract import (
    Capability,
    Channel,
    ChannelCoupon,
    ChannelUnavailable,
    CouponBehaviour,
    CouponKind,
    Coupons,
    CouponState,
    CouponStatus,
    Found,
    Idempotency,
    LookUp,
    NotMine,
    OutcomeUnknown,
    PlatformUse,
    Receipt,
    Recognition,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
)
from core.clock import SystemClock

Session = Any


class Fault(StrEnum):
    """What happens to the next call of an operation."""

    LOST = "lost before it took effect"
    ANSWER_LOST = "took effect, no answer"
    REFUSED_CONNECTION = "nothing sent"
    LATE = "takes effect later, no answer"
    HANGS = "waits for `release`, then answers"


@dataclass
class Use:
    receipt: str
    token: str
    used_at: datetime
    living: bool = True


@dataclass
class Ticket:
    code: str
    times: int = 1
    face_value: int = 5000
    order: str | None = None
    refusal: Refusal | None = None
    uses: list[Use] = field(default_factory=list)

    @property
    def living(self) -> list[Use]:
        return [use for use in self.uses if use.living]


class Platform:
    """Tickets and their uses. `faults["redeem"]` is taken call by call; afterwards calls go well."""

    def __init__(self, *, remembers_tokens: bool, shows_tokens: bool, clock: Any = SystemClock()) -> None:  # noqa: B008
        self.clock = clock
        self.remembers_tokens = remembers_tokens
        self.shows_tokens = shows_tokens
        self.tickets: dict[str, Ticket] = {}
        self.faults: dict[str, deque[Fault]] = {
            name: deque() for name in ("look_up", "redeem", "status", "reverse")
        }
        self.late: list[Callable[[], object]] = []
        self.release = asyncio.Event()
        self.calls: list[str] = []

    def add(self, code: str, **changes: Any) -> Ticket:
        ticket = Ticket(code, **changes)
        self.tickets[code] = ticket
        return ticket

    def land(self) -> None:
        """What was sent and lost takes effect now."""
        while self.late:
            self.late.pop(0)()

    async def call(self, operation: str, apply: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        fault = self.faults[operation].popleft() if self.faults[operation] else None
        match fault:
            case None:
                return apply()
            case Fault.REFUSED_CONNECTION:
                raise ChannelUnavailable("nobody listens")
            case Fault.ANSWER_LOST:
                apply()
            case Fault.LATE:
                self.late.append(apply)
            case Fault.HANGS:
                await self.release.wait()
                return apply()
        if operation in {"look_up", "status"}:
            raise ChannelUnavailable("no answer")
        raise OutcomeUnknown("no answer")

    def use(self, order: RedeemOrder) -> list[Redeemed | RedeemRefused]:
        return [self._use_item(order, item) for item in order.items]

    def _use_item(self, order: RedeemOrder, item: RedeemItem) -> Redeemed | RedeemRefused:
        ticket = self.tickets[item.handle]
        before = [use for use in ticket.uses if use.token == order.token]
        if before and self.remembers_tokens:
            return Redeemed(item.reference, tuple(Receipt(use.receipt, use.used_at) for use in before))
        if ticket.refusal is not None:
            return RedeemRefused(item.reference, Refused(ticket.refusal, "42", "no"))
        if len(ticket.living) + item.times > ticket.times:
            spent = Refusal.ALREADY_REDEEMED if ticket.times == 1 else Refusal.TIMES_USED_UP
            return RedeemRefused(item.reference, Refused(spent, "1208"))
        fresh = [
            Use(f"{ticket.code}-{len(ticket.uses) + n}", order.token, self.clock.now())
            for n in range(item.times)
        ]
        ticket.uses += fresh
        return Redeemed(item.reference, tuple(Receipt(use.receipt, use.used_at) for use in fresh))

    def take_back(self, order: ReversalOrder) -> ReversalAnswer:
        uses = [use for use in self.tickets[order.handle].living if use.receipt in order.receipts]
        if not uses:
            return ReversalRefused(Refused(Refusal.ALREADY_REVERSED))
        for use in uses:
            use.living = False
        return Reversed()

    def show(self, query: StatusQuery) -> CouponState:
        ticket = self.tickets[query.handle]
        spent = len(ticket.living) >= ticket.times
        return CouponState(
            query.reference,
            CouponStatus.REDEEMED if spent else CouponStatus.AVAILABLE,
            tuple(
                PlatformUse(use.receipt, use.used_at, use.token if self.shows_tokens else None)
                for use in ticket.living
            ),
        )


class ScriptedCoupons(Coupons):
    def __init__(self, platform: Platform, behaviour: CouponBehaviour) -> None:
        self.platform = platform
        self.behaviour = behaviour  # type: ignore[misc]  # one class plays many platforms

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        return await self.platform.call("look_up", lambda: self._find(scanned.code))  # type: ignore[no-any-return]

    def _find(self, code: str) -> LookUp:
        tickets = [each for each in self.platform.tickets.values() if code in (each.code, each.order)]
        if not tickets:
            return NotMine()
        open_tickets = [each for each in tickets if len(each.living) < each.times]
        if not open_tickets:
            return Refused(Refusal.ALREADY_REDEEMED, "1212", vague=True)
        return Found(tuple(_show(each) for each in open_tickets), order_reference=tickets[0].order)

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        return await self.platform.call("redeem", lambda: self.platform.use(order))  # type: ignore[no-any-return]

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        return await self.platform.call("status", lambda: self.platform.show(query))  # type: ignore[no-any-return]

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        return await self.platform.call("reverse", lambda: self.platform.take_back(order))  # type: ignore[no-any-return]


class ScriptedChannel(Channel):
    """Knows codes that begin with its letter."""

    name = "Scripted"
    capabilities = frozenset({Capability.COUPONS})
    needs_account = False
    letter: ClassVar[str] = "P"

    def __init__(self, code: str, letter: str, platform: Platform, behaviour: CouponBehaviour) -> None:
        self.code = code  # type: ignore[misc]
        self.letter = letter  # type: ignore[misc]
        self.coupons: ScriptedCoupons = ScriptedCoupons(platform, behaviour)

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.LIKELY if scanned.code.startswith(self.letter) else Recognition.NO


TOKENS = CouponBehaviour(
    Idempotency.TOKEN, StatusBy.TOKEN, Reversibility(True), in_flight=timedelta(seconds=30)
)
CODE_ONLY = CouponBehaviour(
    Idempotency.NATURAL_SINGLE_USE, StatusBy.CODE_ONLY, Reversibility(True), in_flight=timedelta(seconds=30)
)
FINAL = replace(TOKENS, reversal=Reversibility(False))
BLIND = CouponBehaviour(
    Idempotency.NONE, StatusBy.NONE, Reversibility(False), in_flight=timedelta(seconds=30)
)


def _show(ticket: Ticket) -> ChannelCoupon:
    return ChannelCoupon(
        reference=f"ref-{ticket.code}",
        handle=ticket.code,
        kind=CouponKind.TIMES_CARD if ticket.times > 1 else CouponKind.CASH_VOUCHER,
        title="Afternoon tea",
        status=CouponStatus.AVAILABLE,
        face_value=ticket.face_value,
        paid_amount=ticket.face_value - 1000,
        times_total=ticket.times,
        times_remaining=ticket.times - len(ticket.living),
    )


Work = Callable[[], Awaitable[Any]]
