"""The channel `koubei` keeps every rule of the kit: as it stands, and for the newer certificates alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import orjson
import pytest

from adapters.koubei.channel import KoubeiChannel
from adapters.koubei.simulator import KoubeiSimulator
from adapters.koubei.simulator.gateway import write_signed
from adapters.koubei.simulator.keys import make_key, write_private_key
from adapters.koubei.simulator.state import CERTIFICATES
from core.channels.contract import (
    CouponStatus,
    Effect,
    LoginRefusal,
    OutcomeUnknown,
    ProtocolFailure,
    Refusal,
)
from core.testing.bench import Bench
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.garbage import HOPELESS, spoil_answer
from core.testing.identity import IdentityChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform, LoginPlatform, Uses
from core.testing.rules.failing import survive
from core.testing.simulated import SimulatedLogins, SimulatedPlatform
from core.testing.wire import LateLanding, lose_answer

pytest_plugins = ["core.testing.report"]


class KoubeiPlatform(SimulatedPlatform):
    simulator: KoubeiSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"privateKey": write_private_key(make_key("stranger"))}

    def strange_answer(self, operation: str) -> bytes:
        words = {"code": "40004", "msg": "Business Failed", "sub_code": "NOBODY_KNOWS", "sub_msg": "?"}
        return bytes(write_signed(operation, words).body)


class TestKoubei(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> KoubeiChannel:
        return KoubeiChannel()

    @pytest.fixture
    def platform(self, channel: KoubeiChannel) -> CouponPlatform:
        clock = ManualClock()
        # original_price of the simulator's ticket; what was paid is told only when it is used.
        facts = CouponFacts(9900, None, clock.now() + timedelta(days=30))
        return KoubeiPlatform(channel, KoubeiSimulator(clock), facts, unknown_code="016599999999")


class CertificateSeller(KoubeiSimulator):
    recipes = CERTIFICATES
    states = tuple(CERTIFICATES)


class CertificatePlatform(KoubeiPlatform):
    # The QR is asked for at the certificates' interface alone.
    link_states = frozenset(CERTIFICATES)
    # "void" covers certificates that were paid back.
    refusals: Mapping[str, Refusal] = {"refunded": Refusal.CANCELLED}
    cannot_hold: Mapping[str, str] = {
        "wrong_store": "no document says how Alipay refuses a certificate of another shop"
    }


_NO_USES = "Alipay lists no uses of a certificate: asking for the state of a used one is refused as untold"


class TestCertificates(CouponChannelSuite):
    exemptions: ClassVar[Mapping[str, str]] = {
        "test_status_before_and_after": _NO_USES,
        "test_status_shows_what_is_declared": _NO_USES,
        "test_lost_answer_is_unknown": _NO_USES,
        "test_late_application_is_seen": _NO_USES,
        "test_spoilt_status_is_no_crash": _NO_USES,
    }

    @pytest.fixture
    def channel(self) -> KoubeiChannel:
        return KoubeiChannel()

    @pytest.fixture
    def platform(self, channel: KoubeiChannel) -> CouponPlatform:
        clock = ManualClock()
        # original_price and pay_amount of the simulator's certificate.
        facts = CouponFacts(9900, 8000, clock.now() + timedelta(days=30))
        return CertificatePlatform(channel, CertificateSeller(clock), facts, "UnknownData0123456789abcd")

    async def test_status_before_and_after(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        before = await bench.status(order)
        assert (before.uses, before.status) == ((), CouponStatus.AVAILABLE)
        await bench.redeem_well(order)
        with pytest.raises(ProtocolFailure, match="does not show which use it was"):
            await bench.status(order)
        assert await bench.uses() == Uses(1, 1), "asking for the state consumed something"

    async def test_late_application_is_seen(self, bench: Bench) -> None:
        order, late = await bench.prepare(first=1), LateLanding()
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, late)
        assert isinstance(failure, OutcomeUnknown)
        assert (await bench.status(order)).status is CouponStatus.AVAILABLE
        await late.land()
        assert await bench.uses() == Uses(1, 1)
        with pytest.raises(ProtocolFailure, match="does not show which use it was"):
            await bench.status(order)

    async def test_lost_answer_is_unknown(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        failure = await bench.fail(bench.redeem(order), Effect.WRITE, lose_answer)
        assert isinstance(failure, OutcomeUnknown)
        assert await bench.uses() == Uses(1, 1)
        with pytest.raises(ProtocolFailure):
            await bench.status(order)

    async def test_spoilt_status_is_no_crash(self, bench: Bench) -> None:
        order = await bench.prepare(first=1)
        await bench.status(order)
        for content in (*HOPELESS.values(), *spoil_answer(bench.wire.answers[-1].content)):
            await survive(bench, bench.status(order), Effect.READ, content)
        assert orjson.loads(bench.wire.answers[0].content), "the simulator answers JSON"


_NO_CODE = "Alipay hands the number over sealed: it is no code, and can be read again"


class AlipayLogins(SimulatedLogins):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"privateKey": write_private_key(make_key("stranger"))}
    code_lifetime = timedelta(days=1)
    # isv.code-invalid for a code that never was, is used or is over.
    refusals: Mapping[str, LoginRefusal] = {"expired": LoginRefusal.CODE_INVALID}
    cannot_hold: Mapping[str, str] = {
        "used_phone": _NO_CODE,
        "expired_phone": _NO_CODE,
        "tokens": "Alipay gives out none: an app_auth_token is part of the account",
    }

    def strange_answer(self, operation: str) -> bytes:
        words = {"code": "40004", "msg": "Business Failed", "sub_code": "NOBODY_KNOWS", "sub_msg": "?"}
        return bytes(write_signed(operation, words).body)


class TestAlipayLogins(IdentityChannelSuite):
    @pytest.fixture
    def channel(self) -> KoubeiChannel:
        return KoubeiChannel()

    @pytest.fixture
    def platform(self, channel: KoubeiChannel) -> LoginPlatform:
        return AlipayLogins(channel, KoubeiSimulator(ManualClock()), "4b203fe6c11548bcabd8da5bb087a83b")
