"""The paper channel: a made-up platform's adapter, as small as an adapter can be while it keeps every rule.

It is the example of docs/channel-kit.md and what the kit's own tests break. Its platform is played by
`core.testing.paper_platform`.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, Field, SecretStr, ValidationError

from core.channels.contract import (
    Capability,
    Channel,
    ChannelAnswer,
    ChannelCoupon,
    ChannelEvent,
    ChannelFailure,
    ChannelModel,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    CouponBehaviour,
    CouponKind,
    Coupons,
    CouponState,
    CouponStatus,
    CredentialsRefused,
    Effect,
    Found,
    FreshToken,
    Idempotency,
    LookUp,
    NotMine,
    OutcomeUnknown,
    PlatformUse,
    ProtocolFailure,
    Receipt,
    Recognition,
    RecordedUse,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
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
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)

ADDRESS = "https://paper.example"
UNKNOWN_CODE = 404
REFUSALS: Mapping[int, Refusal] = {
    1: Refusal.ALREADY_REDEEMED,
    2: Refusal.EXPIRED,
    3: Refusal.REFUNDED,
    4: Refusal.NOT_YET_VALID,
    5: Refusal.WRONG_STORE,
    6: Refusal.REVERSAL_WINDOW_CLOSED,
    7: Refusal.ALREADY_REVERSED,
}
STATUSES: Mapping[str, CouponStatus] = {
    "new": CouponStatus.AVAILABLE,
    "part": CouponStatus.PARTLY_REDEEMED,
    "used": CouponStatus.REDEEMED,
}
DELIVERY_WINDOW = timedelta(minutes=5)


WireT = TypeVar("WireT", bound=BaseModel)


class PaperCredentials(ChannelModel):
    app_key: str
    app_secret: SecretStr


# -------------------------------------------------------------------------------- the platform's own shapes
class WireModel(BaseModel, strict=True):
    """The platform's answers are checked whole, so that what is missing is never taken for a default."""


class WireCoupon(WireModel):
    id: str = Field(min_length=1)
    title: str
    state: str
    listed: int = Field(ge=0)
    paid: int = Field(ge=0)
    until: int = Field(ge=0, le=2**33)
    total: int = Field(ge=1)
    left: int = Field(ge=0)


class WireUse(WireModel):
    id: str = Field(min_length=1)
    receipt: str = Field(min_length=1)
    at: int = Field(ge=0, le=2**33)
    token: str = Field(min_length=1)


class WireRecord(WireUse):
    listed: int = Field(ge=0)
    paid: int = Field(ge=0)
    payout: int = Field(ge=0)
    fee: int = Field(ge=0)
    undone: bool


class WireAnswer(WireModel):
    """`code` is 0 where all went well."""

    code: int
    coupons: list[WireCoupon] = []
    uses: list[WireUse] = []
    refused: dict[str, int] = {}
    redeem_token: str | None = Field(None, min_length=1)
    records: list[WireRecord] | None = None
    next: str | None = Field(None, min_length=1)


class WireToken(WireModel):
    access_token: str = Field(min_length=1)


# -------------------------------------------------------------------------------------------------- coupons
class PaperCoupons(Coupons):
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.TOKEN,
        reversal=Reversibility(possible=True, window=timedelta(hours=1)),
        lists_uses=True,
        list_delay=timedelta(minutes=1),
    )

    async def look_up(self, session: ChannelSession[Any, Any], scanned: Scanned) -> LookUp:
        answer = await self.call(session, "find", Effect.READ, {"code": scanned.code})
        if answer.code == UNKNOWN_CODE:
            return NotMine()
        if answer.code:
            return refuse(answer.code)
        coupons = tuple(parse_coupon(coupon) for coupon in answer.coupons)
        if not coupons or len({coupon.reference for coupon in coupons}) < len(coupons):
            raise ProtocolFailure("no coupons, or one twice", operation="find", path="coupons")
        return Found(coupons, redeem_token=answer.redeem_token)

    async def redeem(
        self, session: ChannelSession[Any, Any], order: RedeemOrder
    ) -> Sequence[Redeemed | RedeemRefused]:
        ids = [item.reference for item in order.items for _ in range(item.times)]
        body = {"token": order.token, "ids": ids, "shop": session.external_store_id}
        answer = await self.call(session, "use", Effect.WRITE, body)
        if answer.code:
            return [RedeemRefused(item.reference, refuse(answer.code)) for item in order.items]
        return [self.parse_outcome(answer, item.reference, item.times) for item in order.items]

    def parse_outcome(self, answer: WireAnswer, reference: str, times: int) -> Redeemed | RedeemRefused:
        if reference in answer.refused:
            return RedeemRefused(reference, refuse(answer.refused[reference]))
        receipts = {use.receipt: parse_receipt(use) for use in answer.uses if use.id == reference}
        if len(receipts) != times:
            raise OutcomeUnknown("the answer does not fit the order", operation="use")
        return Redeemed(reference, tuple(receipts.values()))

    async def status(self, session: ChannelSession[Any, Any], query: StatusQuery) -> CouponState:
        answer = await self.call(session, "state", Effect.READ, {"id": query.handle})
        shown = [coupon for coupon in answer.coupons if coupon.id == query.reference]
        if not shown:
            raise ProtocolFailure("the coupon is missing", operation="state", path="coupons")
        status = STATUSES.get(shown[0].state, CouponStatus.UNRECOGNISED)
        uses = tuple(PlatformUse(use.receipt, parse_time(use.at), use.token) for use in answer.uses)
        return CouponState(query.reference, status, uses, raw=shown[0].model_dump())

    async def reverse(self, session: ChannelSession[Any, Any], order: ReversalOrder) -> ReversalAnswer:
        body = {"token": order.token, "receipts": list(order.receipts)}
        answer = await self.call(session, "undo", Effect.WRITE, body)
        return ReversalRefused(refuse(answer.code)) if answer.code else Reversed()

    async def list_uses(self, session: ChannelSession[Any, Any], query: UseQuery) -> UsePage:
        # The platform counts in whole seconds: what lies before `since` within its second is left out here.
        body = {
            "since": int(query.since.timestamp()),
            "until": math.ceil(query.until.timestamp()),
            "shop": session.external_store_id,
            "cursor": query.cursor,
        }
        answer = await self.call(session, "list", Effect.READ, body)
        if answer.code:
            raise ProtocolFailure("no list", operation="list", platform_code=str(answer.code))
        if answer.records is None:
            raise ProtocolFailure("the records are missing", operation="list", path="records")
        uses = (parse_record(record) for record in answer.records)
        return UsePage(tuple(use for use in uses if query.since <= use.used_at < query.until), answer.next)

    async def call(
        self, session: ChannelSession[Any, Any], operation: str, effect: Effect, body: Mapping[str, Any]
    ) -> WireAnswer:
        """One call of the platform. Raises every failure of the contract."""
        token = await session.tokens.get("access", lambda: fetch_token(session))
        request = make_request(operation, effect, body, {"access-token": token})
        answer = await session.http.send(request)
        check_http(answer, effect)
        return read_answer(WireAnswer, answer, effect)


async def fetch_token(session: ChannelSession[Any, Any]) -> FreshToken:
    credentials = session.credentials
    keys = {"key": credentials.app_key, "secret": credentials.app_secret.get_secret_value()}
    answer = await session.http.send(make_request("token", Effect.READ, keys, {}))
    if answer.status == 401:
        raise CredentialsRefused("the platform does not accept key and secret", setting="appSecret")
    check_http(answer, Effect.READ)
    return FreshToken(read_answer(WireToken, answer, Effect.READ).access_token, timedelta(hours=2))


def make_request(
    operation: str, effect: Effect, body: Mapping[str, Any], headers: Mapping[str, str]
) -> ChannelRequest:
    return ChannelRequest(
        operation, "POST", f"{ADDRESS}/{operation}", effect, headers=headers, content=orjson.dumps(body)
    )


def check_http(answer: ChannelAnswer, effect: Effect) -> None:
    if answer.status == 200:
        return
    failure = OutcomeUnknown if effect is Effect.WRITE else ChannelUnavailable
    raise failure(f"HTTP {answer.status}", operation=answer.operation)


def read_answer(model: type[WireT], answer: ChannelAnswer, effect: Effect) -> WireT:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        failure: type[ChannelFailure] = OutcomeUnknown if effect is Effect.WRITE else ProtocolFailure
        raise failure("the answer has another form", operation=answer.operation) from None


def refuse(code: int) -> Refused:
    return Refused(REFUSALS.get(code, Refusal.REFUSED_BY_CHANNEL), platform_code=str(code))


def parse_time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def parse_receipt(use: WireUse) -> Receipt:
    return Receipt(use.receipt, parse_time(use.at))


def parse_record(wire: WireRecord) -> RecordedUse:
    return RecordedUse(
        receipt=wire.receipt,
        used_at=parse_time(wire.at),
        reference=wire.id,
        face_value=wire.listed,
        paid_amount=wire.paid,
        payout=wire.payout,
        fee=wire.fee,
        reversed=wire.undone,
        raw=wire.model_dump(),
    )


def parse_coupon(wire: WireCoupon) -> ChannelCoupon:
    if wire.left > wire.total:
        raise ProtocolFailure("more uses left than there are", operation="find", path="coupons.left")
    return ChannelCoupon(
        reference=wire.id,
        handle=wire.id,
        kind=CouponKind.TIMES_CARD if wire.total > 1 else CouponKind.CASH_VOUCHER,
        title=wire.title,
        status=STATUSES.get(wire.state, CouponStatus.UNRECOGNISED),
        face_value=wire.listed,
        paid_amount=wire.paid,
        valid_until=parse_time(wire.until),
        times_total=wire.total,
        times_remaining=wire.left,
        raw=wire.model_dump(),
    )


# ------------------------------------------------------------------------------------------------- webhooks
def sign_body(secret: str, sent: str, body: bytes) -> str:
    return hmac.new(secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()


class WireEvent(WireModel):
    id: str = Field(min_length=1)
    kind: str
    coupon: str = Field(min_length=1)


class PaperWebhooks(Webhooks):
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        sent, signature = delivery.headers.get("paper-time", ""), delivery.headers.get("paper-sign", "")
        if not sent.isdecimal() or abs(now.timestamp() - float(sent)) > DELIVERY_WINDOW.total_seconds():
            raise WebhookRejected("the delivery is too old or has no time")
        for known in credentials:
            if isinstance(known, PaperCredentials) and self.matches(known, sent, signature, delivery.body):
                return
        raise WebhookRejected("no active secret has signed this")

    def matches(self, known: PaperCredentials, sent: str, signature: str, body: bytes) -> bool:
        expected = sign_body(known.app_secret.get_secret_value(), sent, body)
        return hmac.compare_digest(expected.encode(), signature.encode())

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        try:
            event = WireEvent.model_validate_json(delivery.body)
        except ValidationError:
            raise ProtocolFailure("the delivery is no event") from None
        kind = {"used": "coupon.redeemed", "undone": "coupon.reversed"}.get(event.kind, "unrecognised")
        return [ChannelEvent(event.id, kind, event.coupon, None, raw=event.model_dump())]

    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        return WebhookReply(b'{"ok":true}')


class PaperChannel(Channel):
    code: ClassVar[str] = "paper"
    name: ClassVar[str] = "Paper"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.COUPONS, Capability.WEBHOOKS})
    credentials_model: ClassVar[type[ChannelModel]] = PaperCredentials
    samples: ClassVar[tuple[str, ...]] = ("PAPER1234567", "PAPER7654321")

    coupons: Coupons | None = PaperCoupons()
    webhooks: Webhooks | None = PaperWebhooks()

    def recognise(self, scanned: Scanned) -> Recognition:
        if scanned.code.startswith("PAPER") and scanned.code[5:].isdecimal():
            return Recognition.LIKELY
        return Recognition.NO
