"""The channel `kuaishou`: Kuaishou local life (快手本地生活), coupons sold in the Kuaishou app."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from adapters.kuaishou.client import KuaishouClient
from adapters.kuaishou.parse import (
    MAYBE_USED,
    Handle,
    find_obstacle,
    parse_cancel,
    parse_coupons,
    parse_outcomes,
    parse_refusal,
    parse_state,
    quote_answer,
    read_code,
)
from adapters.kuaishou.tables import LISTS_USES
from adapters.kuaishou.wire import CancelBody, Envelope, VerifyBody
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
    parse_link,
)
from core.channels.hookspec import hookimpl
from core.channels.wire import (
    read_epoch,
    read_id,
)

# INFERRED: no document gives the length.
_CODE = re.compile(r"\d{10,16}", re.ASCII)


class KuaishouCredentials(ChannelModel):
    """The keys of the app on open.kwailocallife.com, and the refresh token of the merchant's authorisation.

    `sign_secret` signs Kuaishou's callbacks; redeeming does not need it.
    """

    app_id: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)
    sign_secret: SecretStr | None = None


class KuaishouSettings(ChannelModel):
    """Where the platform is: https://lbs-open.kwailocallife.com is its newer name."""

    base_url: str = "https://lbs-open.kuaishou.com"

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl must be an http or https address")
        return value


Session = ChannelSession[KuaishouCredentials, KuaishouSettings]


class KuaishouCoupons(Coupons):
    """Prepare, verify and cancel of Kuaishou local life.

    A redeem token is the `verify_token` of prepare, a receipt a `verify_id`, a handle the `encrypted_code` with the
    query that found it. Uses are not listed: see LISTS_USES.
    """

    # "Idempotent for a short time" says a comment of lucymao9/kuaishou @69e7a95; the figures are INFERRED. No document
    # limits cancel. No interface shows a coupon's uses: prepare tells no more than that a coupon can still be used.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.UNUSED_ONLY,
        reversal=Reversibility(possible=True),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=5),
        batch_atomic=False,
        lists_uses=LISTS_USES,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. A link is sent whole as `encrypted_data`, as a public caller does (unproven)."""
        query = {"encrypted_data": scanned.text} if scanned.link else {"code": scanned.code}
        envelope = await KuaishouClient(session).prepare(query)
        if not read_code(envelope):
            return _list_usable(envelope, query, session)
        refused = parse_refusal(envelope)
        return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. Sent as one verify call; N uses of a punch card are its code N times (INFERRED)."""
        envelope = await KuaishouClient(session).verify(_write_verify(session, order))
        try:
            return parse_outcomes(envelope, order, _read_moment(envelope, session))
        except ProtocolFailure as failure:
            raise OutcomeUnknown(
                failure.message, operation="verify", platform_code=failure.platform_code
            ) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. By preparing it again, which shows coupons that can still be used, and no uses.

        Raises ProtocolFailure where prepare refuses the query.
        """
        found_by = Handle.unpack(query.handle).query
        envelope = await KuaishouClient(session).prepare(found_by)
        if read_code(envelope):
            raise ProtocolFailure("Kuaishou tells no state", operation="status", **quote_answer(envelope))
        return parse_state(parse_coupons(envelope["data"], found_by, session.clock.now()), query.reference)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. One cancel per use; the first that is refused ends it."""
        for receipt in order.receipts:
            body: CancelBody = {"verify_id": receipt, "certificate_id": order.reference}
            refused = parse_cancel(await KuaishouClient(session).cancel(body))
            if refused and (refused := await self._judge_refusal(session, order, refused)):
                return ReversalRefused(refused)
        return Reversed()

    async def _judge_refusal(
        self, session: Session, order: ReversalOrder, refused: Refused
    ) -> Refused | None:
        """What a refused cancel comes to; None where the use is gone by an earlier call of ours."""
        repeated = order.attempt > 1
        if refused.reason is Refusal.ALREADY_REVERSED:
            return None if repeated else refused
        listed = refused.reason is not Refusal.REFUSED_BY_CHANNEL
        if listed and not repeated:
            return refused
        if await self._is_unused(session, order):
            return None if repeated else Refused(Refusal.ALREADY_REVERSED)
        if repeated and not listed:
            raise OutcomeUnknown("an unlisted code on a repeat", operation="cancel")
        return refused

    async def _is_unused(self, session: Session, order: ReversalOrder) -> bool:
        """Whether prepare offers the coupon as unused. Raises OutcomeUnknown where it cannot be asked."""
        try:
            state = await self.status(session, StatusQuery(order.reference, order.handle, ""))
        except ProtocolFailure:
            return False
        except ChannelFailure as failure:
            raise OutcomeUnknown("the coupon cannot be looked at", operation="cancel") from failure
        return state.status not in MAYBE_USED


class KuaishouChannel(Channel):
    """Kuaishou local life as core sees it."""

    code = "kuaishou"
    name = "Kuaishou local life (快手本地生活)"
    capabilities = frozenset({Capability.COUPONS})
    credentials_model = KuaishouCredentials
    settings_model = KuaishouSettings
    simulator = "adapters.kuaishou.simulator:app"
    link_hosts = ("*.kuaishou.com", "*.kwailocallife.com")
    samples = ("880260412345", "88026041234567", "https://v.kuaishou.com/eXaMpLe")
    request_rate = RequestRate(per_second=20, burst=40)  # INFERRED: no document gives a rate

    def __init__(self) -> None:
        self.coupons = KuaishouCoupons()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Links by host; codes by their length, which they share with other platforms."""
        if scanned.link is None:
            return Recognition.POSSIBLE if _CODE.fullmatch(scanned.code) else Recognition.NO
        host = scanned.link.hostname or ""
        own = any(fnmatchcase(host, pattern) for pattern in self.link_hosts)
        return Recognition.LIKELY if own else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Buys the first access token, which may use the refresh token up; core keeps what comes of it.

        Raises CredentialsRefused naming appId, appSecret or refreshToken.
        """
        await KuaishouClient(session).fetch_token()


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `kuaishou`."""
    register(KuaishouChannel())


def _list_usable(envelope: Envelope, query: dict[str, str], session: Session) -> LookUp:
    data = envelope["data"]
    coupons = parse_coupons(data, query, session.clock.now())
    if not coupons:
        return Refused(Refusal.ALREADY_REDEEMED, vague=True)
    obstacles = [find_obstacle(coupon) for coupon in coupons]
    usable = tuple(coupon for coupon, obstacle in zip(coupons, obstacles, strict=True) if obstacle is None)
    if not usable:
        return Refused(obstacles[0] or Refusal.REFUSED_BY_CHANNEL, coupons=coupons)
    order_id = read_id(data.get("order_id"), "data.order_id")
    return Found(usable, order_id, read_id(data.get("verify_token"), "data.verify_token"))


def _write_verify(session: Session, order: RedeemOrder) -> VerifyBody:
    if not session.external_store_id:
        message = "the store has no Kuaishou shop id (poi_id)"
        raise Misconfigured(message, setting="externalStoreId", operation="verify")
    return {
        "verify_token": order.token,
        "poi_id": session.external_store_id,
        "order_id": order.order_reference or "",
        "encrypted_codes": [
            Handle.unpack(item.handle).encrypted_code for item in order.items for _ in range(item.times)
        ],
    }


def _read_moment(envelope: Envelope, session: Session) -> datetime:
    """When Kuaishou answered, by its own clock where it tells."""
    return read_epoch(envelope["extra"].get("now"), "extra.now") or session.clock.now()
