"""A shop that sells on every platform at once: all channels of the distribution, each connected to its simulator."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from core.access.tokens import authenticate
from core.access.values import Actor
from core.channels.contract import Capability, CouponKind
from core.channels.registry import ChannelRegistry, build_registry, load_simulator
from core.channels.transport.network import Network
from core.coupons.batches import create_batch, issue_coupons
from core.coupons.lookup import look_up_code
from core.coupons.recovery import sweep_redemptions
from core.coupons.redemption import redeem_coupons
from core.coupons.values import CodeInput, LookUpResult, RedeemResult, RedemptionStatus
from core.db.statements import fetch_rows
from core.demo.own_coupons import require_result
from core.demo.shop import open_shop
from core.ids import decode_id
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.simulator import RunningClock, Simulator

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
MODULES: Mapping[str, str] = PROJECT["entry-points"]["hexiao.channels"]
ADDRESS = "https://platforms.example"


@dataclass
class Market:
    """`clock` is everybody's: the shop's and the platforms'."""

    runtime: Runtime
    simulators: Mapping[str, Simulator]
    clerk: Actor
    store_id: UUID
    batch_id: UUID
    clock: RunningClock
    _keys = count()

    async def sell(self, channel: str, state: str = "usable") -> str:
        """The code of a new coupon in this state."""
        if channel in self.simulators:
            return self.simulators[channel].make(state).code
        [code] = require_result(
            await issue_coupons(self.runtime, self.clerk, self.batch_id, 1, f"issue-{next(self._keys)}")
        )
        if state == "used":
            await self.redeem(code)
        return code

    def refused_state(self, channel: str) -> str:
        """A state of this channel whose coupons are refused."""
        simulator = self.simulators.get(channel)
        states = simulator.states if simulator else ("used",)
        return next(state for state in ("expired", "used", "not_yet_valid", "refunded") if state in states)

    def is_final(self, channel: str) -> bool:
        """Whether its redemptions cannot be taken back."""
        coupons = self.runtime.registry.get(channel).coupons
        return coupons is None or not coupons.behaviour.reversal.possible

    def __repr__(self) -> str:
        return "Market()"

    async def look_up(self, code: str) -> LookUpResult:
        return await look_up_code(self.runtime, self.clerk, self.store_id, code)

    async def redeem(self, *codes: str) -> RedeemResult:
        inputs = [CodeInput(code) for code in codes]
        return await redeem_coupons(
            self.runtime, self.clerk, self.store_id, inputs, f"key-{next(self._keys)}"
        )

    def hurry(self) -> None:
        """Answers come soon, settled or not: for tests in which nobody sweeps meanwhile."""
        settings = self.runtime.settings.model_copy(update={"answer_seconds": 0.9})
        self.runtime = replace(self.runtime, settings=settings)

    async def settle(self, seconds: float = 20) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        for simulator in self.simulators.values():
            simulator.settle()
        await sweep_redemptions(self.runtime)

    def living_uses(self) -> int:
        """How many uses stand on all platforms but our own tables, beyond those they began with."""
        return sum(each.living for simulator in self.simulators.values() for each in simulator.consumptions())

    async def ledger(self) -> list[RedemptionStatus]:
        rows = await fetch_rows("SELECT status FROM redemption ORDER BY id")
        return [RedemptionStatus(row["status"]) for row in rows]


def load_channels() -> ChannelRegistry:
    """Every channel of the distribution, installed or not."""
    return build_registry(
        load_entry_points=False, plugins=[import_module(module) for module in MODULES.values()]
    )


# Those that sell coupons; others only send messages, say.
_SELLERS = {channel.code for channel in load_channels().with_capability(Capability.COUPONS)}
CODES = tuple(code for code in MODULES if code in _SELLERS)


@asynccontextmanager
async def open_market(database: Settings) -> AsyncIterator[Market]:
    settings = database.model_copy(
        update={"answer_seconds": 4.0, "probe_seconds": 3.0, "allow_private_hosts": True}
    )
    registry, clock = load_channels(), RunningClock()
    simulators = {
        each.code: load_simulator(each)(clock)
        for each in registry.with_capability(Capability.COUPONS)
        if each.simulator
    }
    mounts = []
    for code, simulator in simulators.items():
        simulator.address = f"{ADDRESS}/simulators/{code}"
        mounts.append(Mount(f"/simulators/{code}", app=simulator))
    transport = httpx.ASGITransport(Starlette(routes=mounts), raise_app_exceptions=False)
    async with Network(settings, transport=transport) as network:
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        guide = await open_shop(runtime, simulators, ADDRESS)
        clerk = await authenticate(guide.token("MANAGER"))
        store_id = decode_id(guide.stores[0].id, "Store")
        batch = require_result(
            await create_batch(
                runtime, clerk, name="Tea", kind=CouponKind.CASH_VOUCHER, quantity=100_000, face_value=2000
            )
        )
        yield Market(runtime, simulators, clerk, store_id, batch.id, clock)
