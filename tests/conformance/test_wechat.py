"""The channel `wechat` keeps every rule of the kit, with vouchers and with merchant coupons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.wechat.channel import WechatChannel, WechatCredentials
from adapters.wechat.simulator import WechatSimulator
from adapters.wechat.simulator.people import OTHER_TEMPLATE, TEMPLATE
from adapters.wechat.simulator.push import push_sealed, write_consent
from adapters.wechat.simulator.state import OPENID
from adapters.wechat.webhook import DELIVERY_WINDOW
from core.channels.contract import (
    ChannelModel,
    LoginRefusal,
    OutgoingMessage,
    Refusal,
    Refused,
    WebhookDelivery,
)
from core.testing.bench import Bench
from core.testing.clock import START, ManualClock
from core.testing.coupons import CouponChannelSuite
from core.testing.identity import IdentityChannelSuite
from core.testing.notifications import NotificationChannelSuite
from core.testing.platforms import CouponFacts, CouponPlatform, LoginPlatform, MessagePlatform
from core.testing.simulated import SimulatedLogins, SimulatedMessages, SimulatedPlatform
from core.testing.simulator import Sample
from core.testing.wire import answer_with

pytest_plugins = ["core.testing.report"]

NO_STORES = "WeChat ties its coupons to no store"
NO_COUNT = "a card's uses cannot be counted: no field of a voucher tells how many are left"


def write_foreign_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*formats).decode()


class VoucherSimulator(WechatSimulator):
    states: ClassVar[tuple[str, ...]] = (
        "usable",
        "used",
        "expired",
        "refunded",
        "not_yet_valid",
        "two_coupons",
    )


class PaySimulator(WechatSimulator):
    made_as: ClassVar[Mapping[str, str]] = {
        "usable": "merchant_coupon",
        "used": "merchant_coupon_used",
        "expired": "merchant_coupon_expired",
        "not_yet_valid": "merchant_coupon_early",
        "cancelled": "merchant_coupon_off",
    }
    states: ClassVar[tuple[str, ...]] = tuple(made_as)

    def make(self, state: str) -> Sample:
        return replace(super().make(self.made_as[state]), state=state)


WRONG_PUSH = {"token": "anothertoken", "encodingAesKey": "anotherkey" * 4 + "abc"}


class PushingPlatform(SimulatedPlatform):
    delivery_window: ClassVar[timedelta | None] = DELIVERY_WINDOW
    delivered_kind: ClassVar[str] = "message.consent"

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        assert isinstance(credentials, WechatCredentials)
        assert credentials.token
        assert credentials.encoding_aes_key
        keys = {
            "appId": credentials.app_id,
            "token": credentials.token.get_secret_value(),
            "encodingAesKey": credentials.encoding_aes_key.get_secret_value(),
        }
        return push_sealed(keys, write_consent(subject, event_id, "accept", START), sent_at)


class VoucherPlatform(PushingPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {
        "appSecret": "not-the-secret-of-this-app",
        **WRONG_PUSH,
    }
    cannot_hold: Mapping[str, str] = {"wrong_store": NO_STORES, "times_card": NO_COUNT}

    def strange_answer(self, operation: str) -> bytes:
        return b'{"errcode":98765,"errmsg":"?"}'


class PayPlatform(PushingPlatform):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"mchPrivateKey": write_foreign_key(), **WRONG_PUSH}
    cannot_hold: Mapping[str, str] = {
        "wrong_store": NO_STORES,
        "times_card": "a merchant coupon is used once",
        "refunded": "a merchant coupon is given, not sold",
        "two_coupons": "a code is one merchant coupon",
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":"NEVER_HEARD_OF","message":"?"}'


class TestWechatVouchers(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> WechatChannel:
        return WechatChannel()

    @pytest.fixture
    def platform(self, channel: WechatChannel) -> CouponPlatform:
        clock = ManualClock()
        # voucher_actual_amount and voucher_buy_amount: worth 199 yuan, sold for 99.
        facts = CouponFacts(19900, 9900, clock.now() + timedelta(days=30))
        return VoucherPlatform(channel, VoucherSimulator(clock), facts, "bm8tc3VjaC12b3VjaGVyLWF0LWFsbA==")


class TestWechatPay(CouponChannelSuite):
    exemptions: ClassVar[Mapping[str, str]] = {
        "test_unknown_answer_is_refused": "WeChat Pay tells errors by HTTP status, and an unsigned HTTP 200 is "
        "not believed; replaced by the same rule with HTTP 400"
    }

    @pytest.fixture
    def channel(self) -> WechatChannel:
        return WechatChannel()

    @pytest.fixture
    def platform(self, channel: WechatChannel) -> CouponPlatform:
        clock = ManualClock()
        # discount_amount: 10 yuan off; what the customer paid for it is not shown.
        facts = CouponFacts(1000, None, clock.now() + timedelta(days=30))
        unknown = "coupon_code=WXC9999999999&openid=oSiMuLaTeD_openid-0000000001"
        return PayPlatform(channel, PaySimulator(clock), facts, unknown)

    async def test_unknown_answer_is_refused(self, bench: Bench) -> None:
        last = (await bench.find(), bench.wire.requests[-1])[1]
        strange = answer_with(bench.platform.strange_answer(last.operation), 400)
        bench.wire.break_next(last.effect, strange)
        answer = await bench.look_up()
        assert isinstance(answer, Refused)
        assert answer.reason is Refusal.REFUSED_BY_CHANNEL
        assert answer.platform_code == "NEVER_HEARD_OF"


class WechatLogins(SimulatedLogins):
    wrong_credentials: ClassVar[Mapping[str, str]] = {"appSecret": "not-the-secret-of-this-app"}
    # 40029 for a code that never was, is used or is over.
    refusals: Mapping[str, LoginRefusal] = {
        "expired": LoginRefusal.CODE_INVALID,
        "expired_phone": LoginRefusal.CODE_INVALID,
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"errcode":98765,"errmsg":"?"}'


class TestWechatLogins(IdentityChannelSuite):
    @pytest.fixture
    def channel(self) -> WechatChannel:
        return WechatChannel()

    @pytest.fixture
    def platform(self, channel: WechatChannel) -> LoginPlatform:
        return WechatLogins(channel, WechatSimulator(ManualClock()), "0a1OfNobody")


BOOKED = OutgoingMessage(
    token="booking-1",
    recipient=OPENID,
    template=TEMPLATE,
    values={"thing1": "城西银泰旗舰店", "time2": "2026-03-02 10:00", "character_string3": "RES202603010001"},
    page="pages/reservation/detail?id=1",
)


def change_values(**values: str) -> OutgoingMessage:
    return replace(BOOKED, values={**BOOKED.values, **values})


MESSAGES = {
    "good": BOOKED,
    "long": change_values(
        thing1="杭州市西湖区文三路城西银泰城旗舰店四楼美容美发沙龙", character_string3="R" * 40
    ),
    "unreachable": replace(BOOKED, recipient="oNoBoDy-000000000000000000001"),
    "unknown_template": replace(BOOKED, template="TEMPLATE_OF_NOBODY"),
    "bad_content": change_values(time2="in the morning"),
    "no_consent": replace(BOOKED, template=OTHER_TEMPLATE),
}


class WechatMessages(SimulatedMessages):
    simulator: WechatSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"appSecret": "not-the-secret-of-this-app"}
    cannot_hold: Mapping[str, str] = {
        "too_many": "WeChat counts consents, not messages; what it says of too many at once is not documented"
    }

    def strange_answer(self, operation: str) -> bytes:
        return b'{"errcode":98765,"errmsg":"?"}'

    def give_consent(self, message: OutgoingMessage) -> None:
        self.simulator.people.agree(message.recipient, message.template)


class TestWechatMessages(NotificationChannelSuite):
    @pytest.fixture
    def channel(self) -> WechatChannel:
        return WechatChannel()

    @pytest.fixture
    def platform(self, channel: WechatChannel) -> MessagePlatform:
        return WechatMessages(channel, WechatSimulator(ManualClock()), MESSAGES)
