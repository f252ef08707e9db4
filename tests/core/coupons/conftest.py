"""A shop whose channels are scripted platforms in memory, on a real database."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.access.merchants import create_merchant
from core.access.tokens import authenticate, create_token
from core.access.values import Actor, Role
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.clock import Clock, SystemClock
from core.coupons import house
from core.coupons.recovery import sweep_redemptions
from core.coupons.redemption import redeem_coupons
from core.coupons.values import CodeInput, RedeemResult, RedemptionStatus
from core.db.statements import fetch_rows
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from scripted import BLIND, CODE_ONLY, FINAL, TOKENS, Platform, ScriptedChannel


class ShiftedClock:
    """The machine's clock, which a test puts forward: waiting costs nothing, and platforms agree on the time."""

    def __init__(self, base: Clock) -> None:
        self._base, self._shift = base, 0.0

    def now(self) -> Any:
        return self._base.now() + timedelta(seconds=self._shift)

    def advance(self, seconds: float) -> None:
        self._shift += seconds


@dataclass(repr=False)
class Shop:
    runtime: Runtime
    store_id: UUID
    owner: Actor
    staff: Actor
    customer: Actor
    clock: ShiftedClock
    paper: Platform
    plain: Platform
    final: Platform
    blind: Platform
    seen: list[object]

    _keys = count()

    def __repr__(self) -> str:
        return "Shop()"

    def key(self) -> str:
        return f"key-{next(self._keys)}"

    async def redeem(
        self, *codes: str | CodeInput, actor: Actor | None = None, key: str | None = None, **changes: Any
    ) -> RedeemResult:
        inputs = [code if isinstance(code, CodeInput) else CodeInput(code, **changes) for code in codes]
        return await redeem_coupons(
            self.runtime, actor or self.staff, self.store_id, inputs, key or self.key()
        )

    def hurry(self, seconds: float = 0.9) -> None:
        """For tests in which nobody sweeps meanwhile: no answer waits for the next attempt, a second away."""
        settings = self.runtime.settings.model_copy(update={"answer_seconds": seconds})
        self.runtime = replace(self.runtime, settings=settings)

    async def settle(self, seconds: float = 0, sweeps: int = 1) -> None:
        """Lets time pass and what is due be worked on."""
        for _ in range(sweeps):
            self.clock.advance(seconds)
            await sweep_redemptions(self.runtime)

    async def ledger(self) -> list[RedemptionStatus]:
        rows = await fetch_rows("SELECT status FROM redemption ORDER BY id")
        return [RedemptionStatus(row["status"]) for row in rows]

    async def claims(self) -> int:
        return len(await fetch_rows("SELECT id FROM redemption_claim"))

    async def events(self) -> int:
        return len(await fetch_rows("SELECT id FROM outbox_event WHERE kind='redemption.changed'"))


class _Plugin:
    def __init__(self, channels: Sequence[ScriptedChannel]) -> None:
        self.channels = channels
        self.seen: list[object] = []

    @hookimpl
    def register_channels(self, register: Any) -> None:
        for channel in self.channels:
            register(channel)

    @hookimpl
    def coupon_redeemed(self, event: object) -> None:
        self.seen.append(event)

    @hookimpl
    def coupon_reversed(self, event: object) -> None:
        self.seen.append(event)


@pytest.fixture
async def shop(database: Settings) -> AsyncIterator[Shop]:
    """paper remembers and shows tokens; plain does neither; final cannot be reversed; blind tells nothing."""
    clock = ShiftedClock(SystemClock())
    platforms = SimpleNamespace(
        paper=Platform(remembers_tokens=True, shows_tokens=True, clock=clock),
        plain=Platform(remembers_tokens=False, shows_tokens=False, clock=clock),
        final=Platform(remembers_tokens=True, shows_tokens=True, clock=clock),
        blind=Platform(remembers_tokens=False, shows_tokens=False, clock=clock),
    )
    channels = [
        ScriptedChannel("paper", "P", platforms.paper, TOKENS),
        ScriptedChannel("plain", "Q", platforms.plain, CODE_ONLY),
        ScriptedChannel("final", "F", platforms.final, FINAL),
        ScriptedChannel("blind", "B", platforms.blind, BLIND),
    ]
    settings = database.model_copy(update={"answer_seconds": 8.0, "probe_seconds": 1.0, "lease_seconds": 5.0})
    plugin = _Plugin(channels)
    registry = build_registry(load_entry_points=False, plugins=[plugin, house])
    async with Network(settings) as network:
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        merchant = await create_merchant("Tea House", "Lane 1")
        owner = await authenticate(merchant.token)
        staff = await _actor(owner, Role.STAFF, merchant.store_id)
        customer = await _actor(owner, Role.CUSTOMER, None)
        yield Shop(
            runtime, merchant.store_id, owner, staff, customer, clock, **vars(platforms), seen=plugin.seen
        )
        platforms.paper.release.set()


async def _actor(owner: Actor, role: Role, store_id: UUID | None) -> Actor:
    stores = [store_id] if store_id else None
    return await authenticate(await create_token(owner.tenant_id, role, store_ids=stores))
