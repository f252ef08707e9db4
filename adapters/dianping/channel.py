"""The channel `dianping`: coupons of Dianping (大众点评), for merchants on its older open platform (北极星)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import ClassVar

import orjson
from pydantic import Field, SecretStr, field_validator

from adapters.dianping.client import DianpingClient
from adapters.dianping.parse import (
    is_gone,
    is_unused,
    parse_batch,
    parse_consumed,
    parse_prepared,
    parse_refusal,
    parse_reversal,
    parse_scanned,
    parse_unused,
    parse_used,
    split_receipt,
    write_account,
)
from adapters.dianping.records import DAY_LISTS, keep_store, parse_records, write_list_query
from adapters.dianping.tables import REVERSAL_SECONDS, SUCCESS
from adapters.dianping.wire import BatchConsumeBody, ConsumeBody
from core.channels.contract import (
    Capability,
    Channel,
    ChannelCoupon,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    CouponStatus,
    Found,
    Idempotency,
    LookUp,
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
from core.channels.day_lists import DayPlace, DayRows
from core.channels.hookspec import hookimpl

# 10 digits in every captured answer, 11 in one example of a third party; there is no documented rule.
_CODE = re.compile(r"\d{10,11}", re.ASCII)
# Short links of Dianping and of Meituan alike, so they prove nothing (INFERRED).
_SHARED_HOSTS = ("dpurl.cn",)
_OWN_HOSTS = ("*.dianping.com",)
_CASHIER = "Hexiao"


class DianpingCredentials(ChannelModel):
    """The keys of the app on open.dianping.com, and what the merchant's authorisation brought.

    `session` and `refreshToken` are the newest ones at the time of connecting; renewals are kept by the program.
    """

    app_key: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)
    session: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)


class DianpingSettings(ChannelModel):
    base_url: str = "https://openapi.dianping.com"

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl must be an http or https address")
        return value


Session = ChannelSession[DianpingCredentials, DianpingSettings]


class DianpingCoupons(Coupons):
    """prepare, scanprepare, consume, batchconsume, getconsumed, reverseconsume and querylistbydate of Dianping.

    Reference and handle are the receipt code: Dianping has no other id of a coupon. A code is good for one use, also
    of a times card: `count` in an answer is how many codes its order has left, and names none of the others. So one
    code is one coupon, and always one is sent as `count`. A receipt is of our own making: deal id and leg token.
    """

    # TOKEN is INFERRED: the successor interface documents its requestId as the key of idempotency, this one lists
    # the same field. Where it were not so, a repeat meets "used already", for a code has but one use. in_flight and
    # token_lifetime have no source.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=True, window=timedelta(seconds=REVERSAL_SECONDS)),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=10),
        batch_atomic=False,
        lists_uses=True,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. A QR may show one coupon of each deal of its order."""
        client, now = DianpingClient(session), session.clock.now()
        if scanned.link is None:
            envelope = await client.prepare(scanned.code)
        else:
            envelope = await client.scan_prepare(scanned.text)
        if envelope["code"] != SUCCESS:
            refused = parse_refusal(envelope["code"], envelope["msg"])
            return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused
        if scanned.link is None:
            return _list_usable((parse_prepared(envelope, scanned.code, now),))
        return _list_usable(parse_scanned(envelope, now))

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. Sent as consume for one coupon, as batchconsume for several.

        On a repeat `reversible_until` is the latest possible: Dianping does not say when the first call landed.
        """
        if any(item.times != 1 for item in order.items):
            refused = Refused(Refusal.TIMES_USED_UP)
            return [RedeemRefused(item.reference, refused) for item in order.items]
        client = DianpingClient(session)
        try:
            if len(order.items) == 1:
                return parse_consumed(await client.consume(_write_consume(order)), order, session.clock.now())
            return parse_batch(await client.batch_consume(_write_batch(order)), order, session.clock.now())
        except ProtocolFailure as failure:
            raise OutcomeUnknown(
                failure.message, operation="consume", platform_code=failure.platform_code
            ) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Where no use is told of, prepare says what the coupon is instead."""
        client, code = DianpingClient(session), query.handle or query.reference
        consumed = await client.get_consumed(code)
        if not is_unused(consumed):
            return parse_used(consumed, query)
        return parse_unused(await client.prepare(code), query, session.clock.now())

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. Looks first: reverseconsume names the code alone, and would hit a newer use too."""
        for receipt in order.receipts:
            refused = await self._take_back(session, order, receipt)
            if refused:
                return ReversalRefused(refused)
        return Reversed()

    async def _take_back(self, session: Session, order: ReversalOrder, receipt: str) -> Refused | None:
        """Takes one use back; None where it is taken back now, by this call or an earlier one."""
        deal_id, token = split_receipt(receipt)
        code = order.handle or order.reference
        state = await self.status(session, StatusQuery(order.reference, code, "", token=token))
        if is_gone(state, receipt):
            return None if order.attempt > 1 else Refused(Refusal.ALREADY_REVERSED)
        if not deal_id:
            return Refused(Refusal.NOT_REVERSIBLE)
        envelope = await DianpingClient(session).reverse_consume(
            {
                "app_deal_id": deal_id,
                "receipt_code": code,
                "app_shop_account": write_account(order.token),
                "app_shop_accountname": _CASHIER,
            }
        )
        try:
            return parse_reversal(envelope, code)
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="reverseconsume") from failure

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`. Uses that were taken back are not in the list (INFERRED)."""
        client = DianpingClient(session)

        async def fetch(place: DayPlace) -> DayRows:
            return parse_records(await client.list_consumed(write_list_query(place)))

        return keep_store(await DAY_LISTS.read(query, fetch), session.external_store_id)


class DianpingChannel(Channel):
    """Dianping as core sees it."""

    code = "dianping"
    name = "Dianping (大众点评)"
    capabilities = frozenset({Capability.COUPONS})
    credentials_model = DianpingCredentials
    settings_model = DianpingSettings
    simulator = "adapters.dianping.simulator:app"
    samples = ("0332808512", "13565635289", "https://dpurl.cn/p/eXaMpLe")
    request_rate = RequestRate(per_second=20, burst=40)  # no figure is known

    def __init__(self) -> None:
        self.coupons = DianpingCoupons()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Links by host; codes by their length, which other platforms share."""
        if scanned.link is None:
            return Recognition.POSSIBLE if _CODE.fullmatch(scanned.code) else Recognition.NO
        host = scanned.link.hostname or ""
        if any(fnmatchcase(host, pattern) for pattern in _OWN_HOSTS):
            return Recognition.LIKELY
        return Recognition.POSSIBLE if host in _SHARED_HOSTS else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Makes a call without effect. Raises CredentialsRefused naming appKey, appSecret, session or refreshToken."""
        await DianpingClient(session).check_session()


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `dianping`."""
    register(DianpingChannel())


def _list_usable(coupons: Sequence[ChannelCoupon]) -> LookUp:
    if not coupons:
        return Refused(Refusal.ALREADY_REDEEMED, vague=True)
    usable = tuple(coupon for coupon in coupons if coupon.status is CouponStatus.AVAILABLE)
    return Found(usable) if usable else Refused(Refusal.EXPIRED, coupons=tuple(coupons))


def _write_consume(order: RedeemOrder) -> ConsumeBody:
    return {
        "requestid": order.token,
        "receipt_code": order.items[0].handle,
        "count": "1",
        "app_shop_account": write_account(order.token),
        "app_shop_accountname": _CASHIER,
    }


def _write_batch(order: RedeemOrder) -> BatchConsumeBody:
    infos = [{"receipt_code": item.handle, "count": 1} for item in order.items]
    return {
        "requestid": order.token,
        "receipt_code_infos": orjson.dumps(infos).decode(),
        "app_shop_account": write_account(order.token),
        "app_shop_accountname": _CASHIER,
    }
