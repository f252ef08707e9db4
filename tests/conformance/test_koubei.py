"""The channel `koubei` keeps every rule of the kit: as it stands, and for the newer certificates alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import pytest

from adapters.koubei.channel import KoubeiChannel
from adapters.koubei.simulator import KoubeiSimulator
from adapters.koubei.simulator.gateway import write_signed
from adapters.koubei.simulator.keys import make_key, write_private_key
from adapters.koubei.simulator.state import CERTIFICATES
from core.channels.contract import (
    LoginRefusal,
    Refusal,
)
from core.testing.clock import ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.identity import IdentityChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform, LoginPlatform
from core.testing.simulated import SimulatedLogins, SimulatedPlatform

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


class TestCertificates(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> KoubeiChannel:
        return KoubeiChannel()

    @pytest.fixture
    def platform(self, channel: KoubeiChannel) -> CouponPlatform:
        clock = ManualClock()
        # original_price and pay_amount of the simulator's certificate.
        facts = CouponFacts(9900, 8000, clock.now() + timedelta(days=30))
        return CertificatePlatform(channel, CertificateSeller(clock), facts, "UnknownData0123456789abcd")


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
