"""The channel `meituan`: group-buying coupons of Meituan's developer platform (美团技术服务合作中心).

Meituan pushes nothing about redeemed coupons that a document describes, so the channel takes no deliveries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from adapters.meituan.catering import CateringCoupons
from adapters.meituan.general import GeneralCoupons
from adapters.meituan.reservations import MeituanReservations
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Idempotency,
    LookUp,
    NotMine,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    RegisterChannel,
    ReversalAnswer,
    ReversalOrder,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    UsePage,
    UseQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl

# 12 digits in catering (Hanson/meituan-sdk, issue 7); 10 in all captured receipts of general services, 11 in one.
_CODE = re.compile(r"\d{10,12}", re.ASCII)


class MeituanCredentials(ChannelModel):
    """The developer's id and key, and the token of one shop.

    `business_id` is the product that the token was given for: "58" general services, "1" catering. `reservation_token`
    is the restaurant's token for bookings of tables (product 7), where it takes any. The `waimai` keys belong to
    takeaway orders.
    """

    developer_id: str = Field(min_length=1)
    sign_key: SecretStr = Field(min_length=1)
    app_auth_token: SecretStr = Field(min_length=1)
    business_id: Literal["58", "1"]
    reservation_token: SecretStr | None = Field(default=None, min_length=1)
    waimai_app_id: str | None = None
    waimai_secret: SecretStr | None = None


class MeituanSettings(ChannelModel):
    """`base_url` is the developer gateway's, `waimai_base_url` that of takeaway orders."""

    base_url: str = "https://api-open-cater.meituan.com"
    waimai_base_url: str = "https://waimaiopen.meituan.com/api/v1"

    @field_validator("base_url", "waimai_base_url")
    @classmethod
    def check_address(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("a base URL must be an http or https address")
        return value


Session = ChannelSession[MeituanCredentials, MeituanSettings]


class MeituanCoupons(Coupons):
    """Hands each call to the product of the account's `businessId`.

    The behaviour is what both products keep: catering knows no key for repeats and tells no reversal window. General
    services keep more.
    """

    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.NATURAL_SINGLE_USE,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=True),
        in_flight=timedelta(seconds=30),
        batch_atomic=False,
        lists_uses=True,
    )

    def __init__(self) -> None:
        self._products: Mapping[str, GeneralCoupons | CateringCoupons] = {
            "58": GeneralCoupons(),
            "1": CateringCoupons(),
        }

    def behave(self, session: Session) -> CouponBehaviour:
        """See `Coupons.behave`."""
        return self._pick(session).behaviour

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. What has not the shape of a code is not asked for."""
        if not _CODE.fullmatch(scanned.code):
            return NotMine()
        return await self._pick(session).look_up(session, scanned)

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`."""
        return await self._pick(session).redeem(session, order)

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`."""
        return await self._pick(session).status(session, query)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`."""
        return await self._pick(session).reverse(session, order)

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`."""
        return await self._pick(session).list_uses(session, query)

    async def check_account(self, session: Session) -> None:
        """Makes a call without effect. Raises CredentialsRefused or Misconfigured."""
        await self._pick(session).check_account(session)

    def _pick(self, session: Session) -> GeneralCoupons | CateringCoupons:
        return self._products[session.credentials.business_id]


class MeituanChannel(Channel):
    """Meituan's coupons as core sees them. An account is one shop: its token names the shop in every call."""

    code = "meituan"
    name = "Meituan (美团)"
    capabilities = frozenset({Capability.COUPONS, Capability.RESERVATIONS})
    credentials_model = MeituanCredentials
    settings_model = MeituanSettings
    simulator = "adapters.meituan.simulator:app"
    samples = ("5807000001", "580100000001")

    def __init__(self) -> None:
        self.coupons: MeituanCoupons = MeituanCoupons()
        self.reservations = MeituanReservations()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Codes by their length, which they share with other platforms. No document tells what the QR holds."""
        return Recognition.POSSIBLE if _CODE.fullmatch(scanned.code) else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Asks Meituan something. Raises CredentialsRefused naming signKey or appAuthToken."""
        await self.coupons.check_account(session)


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `meituan`."""
    register(MeituanChannel())
