"""The channel `eleme` keeps every rule of the kit, but for the uses that its platform does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from adapters.eleme.channel import ElemeChannel
from adapters.eleme.simulator import ElemeSimulator
from core.channels.contract import CouponStatus, Effect, OutcomeUnknown, ProtocolFailure, RedeemOrder
from core.testing.bench import Bench
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.garbage import HOPELESS, spoil_answer
from core.testing.platforms import CouponFacts, CouponPlatform, Uses
from core.testing.rules.failing import survive
from core.testing.simulated import SimulatedPlatform
from core.testing.wire import LateLanding, lose_answer

pytest_plugins = ["core.testing.report"]

NO_USES = "consult lists the vouchers that can be used, and the platform has no query of uses: status refuses to tell"


class ElemePlatform(SimulatedPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"topAppSecret": "not-the-secret-of-this-app"}
    link_states: ClassVar[frozenset[str]] = frozenset()

    def strange_answer(self, operation: str) -> bytes:
        return b'{"error_response":{"code":15,"msg":"?","sub_code":"isv.SOMETHING_NEW","sub_msg":"?"}}'


class TestEleme(CouponChannelSuite):
    exemptions: ClassVar[Mapping[str, str]] = {
        "test_lost_answer_is_unknown": NO_USES,
        "test_late_application_is_seen": NO_USES,
        "test_status_before_and_after": NO_USES,
        "test_status_shows_what_is_declared": NO_USES,
        "test_spoilt_status_is_no_crash": f"{NO_USES}; tried on an unused voucher",
    }

    @pytest.fixture
    def channel(self) -> ElemeChannel:
        return ElemeChannel()

    @pytest.fixture
    def platform(self, channel: ElemeChannel) -> CouponPlatform:
        # original_price and real_amount of the simulator's meal; consult shows no dates.
        facts = CouponFacts(12800, 9100)
        return ElemePlatform(channel, ElemeSimulator(ManualClock()), facts, unknown_code="882461999999")

    async def test_lost_answer_is_unknown(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, lose_answer)
        assert isinstance(failure, OutcomeUnknown)
        assert await bench.uses() == Uses(1, 1)
        await expect_untold(bench, order)

    async def test_late_application_is_seen(self, bench: Bench) -> None:
        order, late = await bench.prepare(first=1), LateLanding()
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, late)
        assert isinstance(failure, OutcomeUnknown)
        assert (await bench.status(order)).status is CouponStatus.AVAILABLE
        await late.land()
        assert await bench.uses() == Uses(1, 1)
        await expect_untold(bench, order)

    async def test_status_before_and_after(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        before = await bench.status(order)
        assert (before.uses, before.status) == ((), CouponStatus.AVAILABLE)
        await bench.redeem_well(order)
        await expect_untold(bench, order)
        assert await bench.uses() == Uses(1, 1)

    async def test_status_shows_what_is_declared(self, bench: Bench) -> None:
        order = await bench.prepare("times_card", first=1)
        await bench.redeem_well(order)
        await expect_untold(bench, order)

    async def test_spoilt_status_is_no_crash(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.status(order)
        for content in (*HOPELESS.values(), *spoil_answer(bench.wire.answers[-1].content)):
            await survive(bench, bench.status(order), Effect.READ, content)


async def expect_untold(bench: Bench, order: RedeemOrder) -> None:
    """A used voucher has no state that the platform would show: neither "unused" nor "used" may be answered."""
    with pytest.raises(ProtocolFailure):
        await bench.status(order)
