"""The channel `meituan` keeps every rule of the kit, for both products, and each product what it alone declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from adapters.meituan.channel import MeituanChannel
from adapters.meituan.simulator import CateringSimulator, GeneralSimulator
from core.channels.contract import Found, Refusal, Refused
from core.testing.bench import Bench, make_reversal
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.platforms import BookingPlatform, CouponFacts, CouponPlatform, Uses
from core.testing.reservations import ReservationChannelSuite
from core.testing.simulated import SimulatedBookings, SimulatedPlatform

pytest_plugins = ["core.testing.report"]


class MeituanPlatform(SimulatedPlatform):
    simulator: GeneralSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"signKey": "not-the-key-of-this-developer"}

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":"OP_NEVER_HEARD_OF","msg":"?","data":null,"traceId":"1"}'


class CateringPlatform(MeituanPlatform):
    cannot_hold: Mapping[str, str] = {
        "times_card": "Meituan sells cards of several uses in general services only"
    }


class OwnCodesSuite(CouponChannelSuite):
    """What holds for both: each coupon of an order has a code of its own."""

    exemptions: ClassVar[Mapping[str, str]] = {
        "test_code_of_several_coupons": "each coupon of an order has a code of its own: a used code shows no others, "
        "and the others are found by theirs"
    }

    async def test_code_of_several_coupons(self, bench: Bench) -> None:
        assert isinstance(bench.platform, MeituanPlatform)
        found = await bench.find("two_coupons")
        assert len(found.coupons) == 2
        await bench.redeem_well(await bench.prepare("two_coupons", first=1))
        assert (await bench.uses("two_coupons")).living == 1
        spent = await bench.look_up("two_coupons")
        assert isinstance(spent, Refused)
        assert spent.reason is Refusal.ALREADY_REDEEMED
        order = next(each for each in bench.platform.simulator.shop.orders if each.recipe.coupons == 2)
        rest = await bench.look_up_text(order.coupons[1].code)
        assert isinstance(rest, Found)
        assert [coupon.reference for coupon in rest.coupons] == [order.coupons[1].code]


def make_general(channel: Any) -> CouponPlatform:
    clock = ManualClock()
    # dealMarketPrice, and what is left of dealPrice after both subsidies.
    facts = CouponFacts(16800, 7800, clock.now() + timedelta(days=30))
    return MeituanPlatform(channel, GeneralSimulator(clock), facts, unknown_code="5899999999")


class TestGeneral(OwnCodesSuite):
    @pytest.fixture
    def channel(self) -> MeituanChannel:
        return MeituanChannel()

    @pytest.fixture
    def platform(self, channel: MeituanChannel) -> CouponPlatform:
        return make_general(channel)


class TestCatering(OwnCodesSuite):
    exemptions: ClassVar[Mapping[str, str]] = {
        **OwnCodesSuite.exemptions,
        "test_old_reversal_spares_new_use": "a use has no id of its own and cancel names the code alone, so only a "
        "reversal without a use in between is known for a repeat",
    }

    @pytest.fixture
    def channel(self) -> MeituanChannel:
        return MeituanChannel()

    @pytest.fixture
    def platform(self, channel: MeituanChannel) -> CouponPlatform:
        # The last second of 1 April in China.
        facts = CouponFacts(10000, 8350, datetime(2026, 4, 1, 15, 59, 59, tzinfo=UTC))
        return CateringPlatform(channel, CateringSimulator(ManualClock()), facts, unknown_code="589999999999")

    async def test_old_reversal_spares_new_use(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        reversal = make_reversal(order, (await bench.redeem_well(order))[0])
        for _ in range(3):
            await bench.reverse(reversal)
        assert await bench.uses() == Uses(1, 0)
        await bench.redeem_well(await bench.prepare(first=1))
        assert await bench.uses() == Uses(2, 1)


class MeituanTables(SimulatedBookings):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"signKey": "not-the-key"}
    cannot_hold: Mapping[str, str] = {
        "COMPLETED": "Meituan does not say how a visit ended",
        "other_store": "the token names the restaurant",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":"OP_NEVER_HEARD_OF","msg":"?","data":{}}'


class TestTables(ReservationChannelSuite):
    @pytest.fixture
    def channel(self) -> MeituanChannel:
        return MeituanChannel()

    @pytest.fixture
    def platform(self, channel: MeituanChannel) -> BookingPlatform:
        return MeituanTables(channel, CateringSimulator(ManualClock()), "1", "R20269999999999")
