"""The channel `douyin`: Douyin Life (抖音生活服务), coupons sold in the Douyin app, and the login of its mini-apps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.douyin.client import DouyinClient
from adapters.douyin.identity import DouyinIdentity
from adapters.douyin.ledger import add_shares, list_settled
from adapters.douyin.mini_app import MiniAppClient
from adapters.douyin.parse import (
    find_obstacle,
    is_gone,
    parse_cancel,
    parse_coupons,
    parse_outcomes,
    parse_refusal,
    parse_state,
    quote_code,
    read_code,
    read_object_id,
)
from adapters.douyin.records import parse_records, write_record_query
from adapters.douyin.reservations import DouyinReservations
from adapters.douyin.sealing import read_private_key
from adapters.douyin.tables import LEDGER_DELAY_SECONDS, REVERSAL_SECONDS
from adapters.douyin.webhook import DouyinWebhooks
from adapters.douyin.wire import CancelBody, Envelope, VerifyBody
from core.channels.contract import (
    Capability,
    Channel,
    ChannelFailure,
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
    OutcomeUnknown,
    ProtocolFailure,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    RegisterChannel,
    RequestRate,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    UsePage,
    UseQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl
from core.channels.wire import (
    read_epoch,
    read_id,
)

# 12 digits in samples of SDKs, 15 in newer answers; there is no documented rule.
_CODE = re.compile(r"\d{12,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MiniApp:
    """The keys of a mini-app, whole."""

    app_id: str
    secret: SecretStr
    private_key: SecretStr | None


class DouyinCredentials(ChannelModel):
    """The keys of the app on open.douyin.com, and the merchant's root account; beside them those of the mini-app in which
    customers log in, which is an app of its own.

    `mini_app_private_key`, in PEM, belongs to the public key that the mini-app has uploaded: phone numbers are sealed
    with it.
    """

    client_key: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    account_id: str = Field(min_length=1)
    mini_app_id: str | None = Field(default=None, min_length=1)
    mini_app_secret: SecretStr | None = Field(default=None, min_length=1)
    mini_app_private_key: SecretStr | None = None

    @field_validator("mini_app_private_key")
    @classmethod
    def check_private_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuses what is no RSA key in PEM."""
        if value is not None:
            read_private_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def check_mini_app(self) -> Self:
        """Refuses half of a mini-app."""
        keys = (self.mini_app_id, self.mini_app_secret, self.mini_app_private_key)
        if any(key is not None for key in keys) and self.mini_app is None:
            raise ValueError("a mini-app needs miniAppId and miniAppSecret, or none of its keys")
        return self

    @property
    def mini_app(self) -> MiniApp | None:
        """The mini-app's keys, None where nobody logs in."""
        if self.mini_app_id and self.mini_app_secret:
            return MiniApp(self.mini_app_id, self.mini_app_secret, self.mini_app_private_key)
        return None


class DouyinSettings(ChannelModel):
    """`short_link_hosts` are further hosts, as `host` or `host:port`, whose links a coupon's QR may carry.

    The mini-app's login answers at an address of its own. `bookings`: whether the app has the interfaces of bookings
    and the merchant wants them in its calendar.
    """

    base_url: str = "https://open.douyin.com"
    mini_app_base_url: str = "https://developer.toutiao.com"
    short_link_hosts: tuple[str, ...] = ()
    bookings: bool = False

    @field_validator("base_url", "mini_app_base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl and miniAppBaseUrl must be http or https addresses")
        return value


Session = ChannelSession[DouyinCredentials, DouyinSettings]


class DouyinCoupons(Coupons):
    """Prepare, verify, certificate/get, cancel, verify_record/query and the ledger.

    A redeem token is the `verify_token` of prepare, a handle an `encrypted_code`, a receipt a `verify_id`.
    """

    # in_flight and token_lifetime are INFERRED: the documents say "a short time" and give no figure.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=True, window=timedelta(seconds=REVERSAL_SECONDS)),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=5),
        batch_atomic=False,
        lists_uses=True,
        list_delay=timedelta(seconds=LEDGER_DELAY_SECONDS),
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. An expired QR (45005117) is EXPIRED too: the customer shows a fresh one."""
        query = await _make_query(session, scanned)
        if query is None:
            return NotMine()
        envelope = await DouyinClient(session).prepare(query)
        if not read_code(envelope):
            return _list_usable(envelope, session)
        refused = parse_refusal(envelope)
        return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. Sent as one verify call; N uses of a times card are its code N times.

        On a repeat `reversible_until` is the latest possible: Douyin does not say when the first call landed.
        """
        envelope = await DouyinClient(session).verify(_write_verify(session, order))
        try:
            return parse_outcomes(envelope, order, _read_moment(envelope, session))
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="verify") from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where Douyin refuses to tell."""
        client = DouyinClient(session)
        if query.handle:
            envelope = await client.get_certificate(query.handle)
        else:
            envelope = await client.query_order(query.order_reference or "")
        if read_code(envelope):
            code = quote_code(envelope)
            raise ProtocolFailure("Douyin tells no state", operation="status", platform_code=code)
        return parse_state(envelope["data"], query.reference, session.clock.now())

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. One cancel per use; the first that is refused ends it."""
        for receipt in order.receipts:
            refused = await self._cancel(session, order, receipt)
            if refused:
                return ReversalRefused(refused)
        return Reversed()

    async def _cancel(self, session: Session, order: ReversalOrder, receipt: str) -> Refused | None:
        """Takes one use back; None where it is taken back now, by this call or an earlier one."""
        try:
            body: CancelBody = {"verify_id": receipt, "certificate_id": order.reference}
            refused = parse_cancel(await DouyinClient(session).cancel(body))
        except OutcomeUnknown as failure:
            # Without a code there was no answer, and the call may still be on its way: too early to look.
            if failure.platform_code is None:
                raise
            return await self._look_again(session, order, receipt, failure)
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="cancel") from failure
        if refused is None or (refused.reason is Refusal.REVERSAL_WINDOW_CLOSED and order.attempt == 1):
            return refused
        return await self._look_again(session, order, receipt, refused)

    async def _look_again(
        self, session: Session, order: ReversalOrder, receipt: str, verdict: Refused | OutcomeUnknown
    ) -> Refused | None:
        """What a cancel that did not succeed comes to: no document lists the code of "cancelled already"."""
        query = StatusQuery(order.reference, order.handle, "", order.order_reference)
        try:
            state = await self.status(session, query)
        except ChannelFailure as failure:
            raise OutcomeUnknown("the coupon's state cannot be asked", operation="cancel") from failure
        if is_gone(state, receipt):
            ours = order.attempt > 1 or bool(state.uses)
            return None if ours else Refused(Refusal.ALREADY_REVERSED)
        if isinstance(verdict, OutcomeUnknown):
            raise verdict
        return verdict

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`. Uses taken back are in the record too, and so are those by hand."""
        client, poi_id = DouyinClient(session), _require_store(session, "verify_record")
        page = parse_records(await client.query_records(write_record_query(query, poi_id)), query, poi_id)
        settled = list_settled(page)
        return add_shares(page, await client.query_ledger(settled)) if settled else page


class DouyinChannel(Channel):
    """Douyin Life as core sees it."""

    code = "douyin"
    name = "Douyin Life (抖音生活服务)"
    capabilities = frozenset(
        {Capability.COUPONS, Capability.WEBHOOKS, Capability.IDENTITY, Capability.RESERVATIONS}
    )
    credentials_model = DouyinCredentials
    settings_model = DouyinSettings
    simulator = "adapters.douyin.simulator:app"
    link_hosts = ("v.douyin.com", "*.iesdouyin.com", "*.douyin.com")
    samples = ("104686126200130", "104930181552", "https://v.douyin.com/eXaMpLe/")
    request_rate = RequestRate(per_second=100, burst=200)  # prepare: 200 per second; verify has no figure

    def __init__(self) -> None:
        self.coupons = DouyinCoupons()
        self.webhooks = DouyinWebhooks()
        self.identity = DouyinIdentity()
        self.reservations = DouyinReservations()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Links by host, or by the `object_id` that alone counts in them; codes by their length."""
        if scanned.link is None:
            return Recognition.POSSIBLE if _CODE.fullmatch(scanned.code) else Recognition.NO
        host = scanned.link.hostname or ""
        if any(fnmatchcase(host, pattern) for pattern in self.link_hosts):
            return Recognition.LIKELY
        return Recognition.POSSIBLE if read_object_id(scanned.link) else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Fetches a token, and one of the mini-app where there is one. Raises CredentialsRefused naming the setting."""
        await DouyinClient(session).fetch_token()
        if app := session.credentials.mini_app:
            await MiniAppClient(session, app).fetch_token()


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `douyin`."""
    register(DouyinChannel())


async def _make_query(session: Session, scanned: Scanned) -> dict[str, str] | None:
    """What prepare wants to know; None for a link that leads to something else, such as a video."""
    if scanned.link is None:
        return {"code": scanned.code}
    object_id = read_object_id(scanned.link)
    if object_id is None:
        try:
            final = await session.http.follow_link(scanned.text, until_parameter="object_id")
        except ProtocolFailure:
            return None
        object_id = read_object_id(urlsplit(final))
    return {"encrypted_data": object_id} if object_id else None


def _list_usable(envelope: Envelope, session: Session) -> LookUp:
    data, now = envelope["data"], session.clock.now()
    coupons = parse_coupons(data, now)
    if not coupons:
        return Refused(Refusal.ALREADY_REDEEMED, vague=True)
    obstacles = [find_obstacle(coupon, now, session.external_store_id) for coupon in coupons]
    usable = tuple(coupon for coupon, obstacle in zip(coupons, obstacles, strict=True) if obstacle is None)
    if not usable:
        return Refused(obstacles[0] or Refusal.REFUSED_BY_CHANNEL, coupons=coupons)
    token = read_id(data.get("verify_token"), "data.verify_token")
    order_id = data.get("order_id")
    return Found(usable, read_id(order_id, "data.order_id") if order_id else None, token)


def _write_verify(session: Session, order: RedeemOrder) -> VerifyBody:
    body: VerifyBody = {
        "verify_token": order.token,
        "poi_id": _require_store(session, "verify"),
        "encrypted_codes": [item.handle for item in order.items for _ in range(item.times)],
    }
    if order.order_reference:
        body["order_id"] = order.order_reference
    return body


def _require_store(session: Session, operation: str) -> str:
    if session.external_store_id:
        return session.external_store_id
    message = "the store has no Douyin shop id (poi_id)"
    raise Misconfigured(message, setting="externalStoreId", operation=operation)


def _read_moment(envelope: Envelope, session: Session) -> datetime:
    """When Douyin answered, by its own clock where it tells."""
    return read_epoch(envelope["extra"].get("now"), "extra.now") or session.clock.now()
