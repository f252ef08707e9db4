"""The channel `wechat`: local-life vouchers of the WeChat shop, merchant coupons of WeChat Pay where it is set up,
and the mini-program's login and messages.

WeChat pushes what a customer agreed to receive, and nothing about used, returned or refunded coupons: only that one was
issued (`channels_ec_voucher_send_succ`, `COUPON.SEND`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.wechat.client import PayClient, VoucherClient
from adapters.wechat.codes import CouponKey, read_key, read_presented
from adapters.wechat.identity import WechatIdentity
from adapters.wechat.merchant_coupons import MerchantCoupons
from adapters.wechat.notifications import WechatNotifications
from adapters.wechat.signing import read_private_key
from adapters.wechat.tables import LISTS_USES
from adapters.wechat.vouchers import Vouchers
from adapters.wechat.webhook import WechatWebhooks
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Found,
    Idempotency,
    LookUp,
    Misconfigured,
    NotMine,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    RegisterChannel,
    RequestRate,
    ReversalAnswer,
    ReversalOrder,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl


@dataclass(frozen=True, slots=True)
class PayCredentials:
    """What Pay v3 calls need, whole."""

    mch_id: str
    mch_serial_no: str
    mch_private_key: SecretStr
    api_v3_key: SecretStr


class WechatCredentials(ChannelModel):
    """The keys of the mini-program and, all four or none, those of the WeChat Pay merchant that it is bound to.

    `token` and `encoding_aes_key` are those of the message push. `mch_private_key` is in PEM.
    """

    app_id: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)
    token: SecretStr | None = Field(default=None, min_length=3, max_length=32)
    encoding_aes_key: SecretStr | None = Field(default=None, min_length=43, max_length=43)
    mch_id: str | None = Field(default=None, pattern=r"^[0-9]{1,32}$")
    mch_serial_no: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{1,64}$")
    mch_private_key: SecretStr | None = None
    api_v3_key: SecretStr | None = Field(default=None, min_length=32, max_length=32)

    @field_validator("mch_private_key")
    @classmethod
    def check_private_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuses what is no RSA key in PEM."""
        if value is not None:
            read_private_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def check_pay(self) -> Self:
        """Refuses half of a WeChat Pay merchant."""
        keys = (self.mch_id, self.mch_serial_no, self.mch_private_key, self.api_v3_key)
        if any(key is not None for key in keys) and self.pay is None:
            raise ValueError(
                "WeChat Pay needs mchId, mchSerialNo, mchPrivateKey and apiV3Key, or none of them"
            )
        return self

    @property
    def pay(self) -> PayCredentials | None:
        """The merchant's keys, None where only vouchers are redeemed."""
        if self.mch_id and self.mch_serial_no and self.mch_private_key and self.api_v3_key:
            return PayCredentials(self.mch_id, self.mch_serial_no, self.mch_private_key, self.api_v3_key)
        return None


class WechatSettings(ChannelModel):
    """Where WeChat and WeChat Pay answer, and which edition of the mini-program a message opens."""

    base_url: str = "https://api.weixin.qq.com"
    pay_base_url: str = "https://api.mch.weixin.qq.com"
    mini_program_state: Literal["formal", "trial", "developer"] = "formal"

    @field_validator("base_url", "pay_base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl and payBaseUrl must be http or https addresses")
        return value


Session = ChannelSession[WechatCredentials, WechatSettings]


class WechatCoupons(Coupons):
    """Both products. The leg's token is the request number of its use, and the receipt too.

    Uses are not listed: see LISTS_USES.
    """

    # Both products take a request number of ours and show it with the used coupon. That Pay repeats its first answer to
    # the same use_request_no is INFERRED; if it does not, the coupon itself proves the use. So are both times.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.TOKEN,
        reversal=Reversibility(possible=True),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=10),
        batch_atomic=True,
        lists_uses=LISTS_USES,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. Where a text may name either product, both are asked."""
        presented = read_presented(scanned.text)
        if presented is None:
            return NotMine()
        answer: LookUp = NotMine()
        if presented.may_be_voucher:
            answer = await Vouchers(session).look_up(presented)
        pay = session.credentials.pay
        if isinstance(answer, Found) or pay is None or presented.vouchers:
            return answer
        other = await MerchantCoupons(session, pay).look_up(presented)
        return answer if isinstance(other, NotMine) else other

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`."""
        key = read_key(order.items[0].handle)
        if isinstance(key, CouponKey):
            return await _open_pay(session).redeem(key, order)
        return await Vouchers(session).redeem(order)

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`."""
        key = read_key(query.handle)
        if isinstance(key, CouponKey):
            return await _open_pay(session).status(key)
        return await Vouchers(session).status(key)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. A use has one receipt: cards of several uses are redeemed one use at a time."""
        key = read_key(order.handle)
        if isinstance(key, CouponKey):
            return await _open_pay(session).reverse(key, order)
        return await Vouchers(session).reverse(key, order)


class WechatChannel(Channel):
    """WeChat as core sees it."""

    code = "wechat"
    name = "WeChat (微信团购券、商家券)"
    capabilities = frozenset(
        {Capability.COUPONS, Capability.IDENTITY, Capability.NOTIFICATIONS, Capability.WEBHOOKS}
    )
    credentials_model = WechatCredentials
    settings_model = WechatSettings
    simulator = "adapters.wechat.simulator:app"
    samples = (
        "pages/voucher/index?encrypted_codes=dm91Y2hlcl9zYW1wbGVfMDE%2Bw%3D%3D",
        "code=WXV7Q2M9K4T8&sku_id=20000002",
        "coupon_code=WXC6H3P9D2R5&openid=oExAmPlE_openid-0000000000000",
    )
    request_rate = RequestRate(per_second=200, burst=200)  # vouchers: 200 per second and shop; coupons: 500

    def __init__(self) -> None:
        self.coupons = WechatCoupons()
        self.identity = WechatIdentity()
        self.notifications = WechatNotifications()
        self.webhooks = WechatWebhooks()

    def recognise(self, scanned: Scanned) -> Recognition:
        """What can be asked about is possible; nothing in the texts is WeChat's alone."""
        return Recognition.POSSIBLE if read_presented(scanned.text) else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Fetches a token and, where WeChat Pay is set up, its certificates.

        Raises CredentialsRefused naming appId, appSecret, mchPrivateKey or apiV3Key.
        """
        await VoucherClient(session).fetch_token()
        if pay := session.credentials.pay:
            await PayClient(session, pay).fetch_certificates()


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `wechat`."""
    register(WechatChannel())


def _open_pay(session: Session) -> MerchantCoupons:
    pay = session.credentials.pay
    if pay is None:
        raise Misconfigured("WeChat Pay is not set up for this account", setting="mchId")
    return MerchantCoupons(session, pay)
