"""The channel `koubei`: Koubei ticket codes, the certificates of Alipay's local-life goods, and Alipay's login."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

from pydantic import ConfigDict, Field, SecretStr, field_validator

from adapters.koubei.certificates import CertificateCoupons, read_encrypted_data
from adapters.koubei.client import (
    KoubeiClient,
    NotPermitted,
    SignatureMismatch,
    load_private_key,
    load_public_key,
)
from adapters.koubei.identity import KoubeiIdentity
from adapters.koubei.sealing import read_aes_key
from adapters.koubei.tables import BEHAVIOUR
from adapters.koubei.tickets import TicketCoupons
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    CredentialsRefused,
    LookUp,
    NotMine,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    RegisterChannel,
    ReversalAnswer,
    ReversalOrder,
    Scanned,
    StatusQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl

_CODE = re.compile(r"\d{12}", re.ASCII)
_NO_CODE = "000000000000"
# INFERRED: what a QR carries is published nowhere, but for its greatest length. The one example of an encrypted code
# is base64 of 22 characters.
_ENCRYPTED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/=_-]{20,128}", re.ASCII)
_HOSTS = ("alipay.com", "*.alipay.com")


class KoubeiCredentials(ChannelModel):
    """The keys of the app on open.alipay.com, and the merchant's authorisation where the app is not its own.

    Keys are PEM texts, or their base64 alone as Alipay's key tool writes it; the private one PKCS#1 or PKCS#8.
    `aes_key` is that of the app's "content encryption": without it no phone number can be read.
    """

    # A mistyped key is a secret all the same.
    model_config = ConfigDict(hide_input_in_errors=True)

    app_id: str = Field(min_length=1)
    private_key: SecretStr = Field(min_length=1)
    alipay_public_key: str = Field(min_length=1)
    app_auth_token: SecretStr | None = None
    aes_key: SecretStr | None = None

    @field_validator("private_key")
    @classmethod
    def check_private_key(cls, value: SecretStr) -> SecretStr:
        """Refuses what is no RSA private key."""
        load_private_key(value)
        return value

    @field_validator("alipay_public_key")
    @classmethod
    def check_public_key(cls, value: str) -> str:
        """Refuses what is no RSA public key."""
        load_public_key(value)
        return value

    @field_validator("aes_key")
    @classmethod
    def check_aes_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuses what is no AES key."""
        if value is not None:
            read_aes_key(value.get_secret_value())
        return value


class KoubeiSettings(ChannelModel):
    """`base_url` is the gateway's address without /gateway.do."""

    base_url: str = "https://openapi.alipay.com"

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl must be an http or https address")
        return value


Session = ChannelSession[KoubeiCredentials, KoubeiSettings]


class KoubeiCoupons(Coupons):
    """Both interfaces as one. Codes of 12 digits are asked for at both, the QR of an order at the newer one alone.

    What was found says by its handle which of them it belongs to. Uses are not listed: see BEHAVIOUR.
    """

    behaviour: ClassVar[CouponBehaviour] = BEHAVIOUR

    def __init__(self) -> None:
        self._tickets = TicketCoupons()
        self._certificates = CertificateCoupons()

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`.

        Tickets first: their query tells every state. An interface that the app may not call holds nothing.
        """
        if not _may_be_ours(scanned):
            return NotMine()
        if not _CODE.fullmatch(scanned.code):
            return await self._certificates.look_up(session, scanned)
        try:
            ticket = await self._tickets.look_up(session, scanned)
        except NotPermitted:
            return await self._certificates.look_up(session, scanned)
        # Koubei's business codes are not published: one that is not listed may mean "no ticket".
        if not isinstance(ticket, NotMine) and not _is_unlisted(ticket):
            return ticket
        try:
            certificate = await self._certificates.look_up(session, scanned)
        except NotPermitted:
            return ticket
        return ticket if isinstance(certificate, NotMine) else certificate

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`."""
        return await self._pick(order.items[0].handle).redeem(session, order)

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`."""
        return await self._pick(query.handle).status(session, query)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`."""
        return await self._pick(order.handle).reverse(session, order)

    def _pick(self, handle: str) -> Coupons:
        return self._tickets if '"ticket_code"' in handle else self._certificates


class KoubeiChannel(Channel):
    """Koubei and Alipay as core sees them."""

    code = "koubei"
    name = "Koubei / Alipay (口碑、支付宝)"
    capabilities = frozenset({Capability.COUPONS, Capability.IDENTITY})
    credentials_model = KoubeiCredentials
    settings_model = KoubeiSettings
    simulator = "adapters.koubei.simulator:app"
    samples = ("016569843362", "LLyABKAESLgosRSH/OAfU5")

    def __init__(self) -> None:
        self.coupons = KoubeiCoupons()
        self.identity = KoubeiIdentity()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Codes by their 12 digits, QR codes by what they carry; sure only of Alipay's own links."""
        if not _may_be_ours(scanned):
            return Recognition.NO
        return Recognition.LIKELY if scanned.link else Recognition.POSSIBLE

    async def check_account(self, session: Session) -> None:
        """Asks for a code that nobody has; any answer about it proves the keys.

        Raises CredentialsRefused naming appId, privateKey, alipayPublicKey or appAuthToken.
        """
        try:
            await KoubeiClient(session).prepare_certificates({"code": _NO_CODE})
        except NotPermitted:
            return
        except SignatureMismatch as failure:
            message, setting = "the answer is not signed with this key", "alipayPublicKey"
            raise CredentialsRefused(message, setting=setting, operation=failure.operation) from failure


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `koubei`."""
    register(KoubeiChannel())


def _may_be_ours(scanned: Scanned) -> bool:
    if scanned.link is None:
        return bool(_CODE.fullmatch(scanned.code) or _ENCRYPTED.fullmatch(scanned.text))
    host = scanned.link.hostname or ""
    return any(fnmatchcase(host, each) for each in _HOSTS) and bool(read_encrypted_data(scanned))


def _is_unlisted(answer: LookUp) -> bool:
    return isinstance(answer, Refused) and answer.reason is Refusal.REFUSED_BY_CHANNEL
