"""Cancelling: a caller that goes away leaves nothing behind that would stop the next one."""

from __future__ import annotations

from dataclasses import replace

from core.channels.contract import Effect
from core.testing.bench import Bench, make_reversal
from core.testing.platforms import Uses


class CancellingRules:
    """What every call promises when it is cancelled while it waits for the platform."""

    async def test_cancelled_look_up(self, bench: Bench) -> None:
        await bench.find()
        await bench.cancel_midway(bench.look_up(), Effect.READ)
        await bench.find()

    async def test_cancelled_redeem(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.cancel_midway(bench.redeem(order), Effect.WRITE)
        await bench.redeem(replace(order, attempt=2))
        assert await bench.uses() == Uses(1, 1)

    async def test_cancelled_status(self, bench: Bench) -> None:
        if not bench.tells_status:
            return
        order = await bench.prepare(first=1)
        await bench.cancel_midway(bench.status(order), Effect.READ)
        assert (await bench.status(order)).uses == ()

    async def test_cancelled_reversal(self, bench: Bench) -> None:
        if not bench.behaviour.reversal.possible:
            return
        order = await bench.prepare(first=1)
        reversal = make_reversal(order, (await bench.redeem_well(order))[0])
        await bench.cancel_midway(bench.reverse(reversal), Effect.WRITE)
        await bench.reverse(replace(reversal, attempt=2))
        assert await bench.uses() == Uses(1, 0)
