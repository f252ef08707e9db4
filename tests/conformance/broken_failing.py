"""Channels that make statements out of failures, and believe what they should not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from core.channels.contract import (
    ChannelEvent,
    ChannelFailure,
    ChannelModel,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    LookUp,
    NothingSent,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Scanned,
    WebhookDelivery,
    WebhookReply,
)
from core.testing.paper import (
    PaperChannel,
    PaperCoupons,
    PaperWebhooks,
    WireAnswer,
    fetch_token,
    make_request,
)
from tests.conformance.broken_redeeming import make_receipts
from tests.conformance.mutants import breaks

Outcomes = Sequence[Redeemed | RedeemRefused]
REFUSED = Refused(Refusal.REFUSED_BY_CHANNEL)


class LooksAway(PaperCoupons):
    """Answers NotMine where look_up raises `ignored`."""

    ignored: type[ChannelFailure] = ChannelFailure

    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        try:
            return await super().look_up(session, scanned)
        except self.ignored:
            return NotMine()


@breaks("test_lost_look_up_is_unavailable", "although its request failed")
@breaks("test_server_error_on_look_up", "although its request failed")
class CallsSilenceNotMine(LooksAway):
    ignored = ChannelUnavailable


@breaks("test_rubbish_look_up_is_a_failure", "although its request failed")
class CallsRubbishNotMine(LooksAway):
    ignored = ProtocolFailure


@breaks("test_wrong_credentials_are_refused", "the platform refuses the credentials")
class CallsRefusedKeysNotMine(LooksAway):
    ignored = CredentialsRefused


class Refuses(PaperCoupons):
    """Answers a refusal where redeem or reverse raises `ignored`."""

    ignored: type[ChannelFailure] = OutcomeUnknown

    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        try:
            return await super().redeem(session, order)
        except self.ignored:
            return [RedeemRefused(item.reference, REFUSED) for item in order.items]

    async def reverse(self, session: Any, order: ReversalOrder) -> ReversalAnswer:
        try:
            return await super().reverse(session, order)
        except self.ignored:
            return ReversalRefused(REFUSED)


@breaks("test_lost_request_is_unknown", "although its request failed")
@breaks("test_lost_answer_is_unknown", "although its request failed")
@breaks("test_lost_reversal_is_unknown", "although its request failed")
@breaks("test_server_error_on_redeem", "although its request failed")
@breaks("test_rubbish_redeem_is_no_success", "although its request failed")
@breaks("test_spoilt_reversal_is_no_crash", "although its request failed")
class CallsSilenceARefusal(Refuses):
    pass


@breaks("test_lost_answer_is_unknown", "a redemption without an answer is")
@breaks("test_server_error_on_redeem", "HTTP 500 on a redemption is")
@breaks("test_spoilt_redeem_is_no_crash", "sent, but")
class CallsUnknownUnavailable(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        try:
            return await super().redeem(session, order)
        except OutcomeUnknown:
            raise ChannelUnavailable("no good answer") from None


@breaks("test_lost_request_is_unknown", "sent no WRITE request")
class MarksRedeemAsRead(PaperCoupons):
    async def call(self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]) -> Any:
        return await super().call(session, operation, Effect.READ, body)


@breaks("test_unsent_redeem_sent_nothing", "nothing was sent, but")
@breaks("test_no_token_sends_nothing", "no token, so nothing was sent")
class CallsEverythingUnknown(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        try:
            return await super().redeem(session, order)
        except NothingSent:
            raise OutcomeUnknown("who knows") from None


@breaks("test_rubbish_redeem_is_no_success", "although its request failed")
@breaks("test_server_error_on_redeem", "although its request failed")
class TakesRubbishForSuccess(PaperCoupons):
    async def redeem(self, session: Any, order: RedeemOrder) -> Outcomes:
        try:
            return await super().redeem(session, order)
        except OutcomeUnknown:
            return [
                Redeemed(each.reference, make_receipts(each.reference, each.times)) for each in order.items
            ]


@breaks("test_spoilt_look_up_is_no_crash", "which is no ChannelFailure")
@breaks("test_spoilt_redeem_is_no_crash", "which is no ChannelFailure")
@breaks("test_spoilt_status_is_no_crash", "which is no ChannelFailure")
class ReadsTrustingly(PaperCoupons):
    async def call(self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]) -> Any:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        request = make_request(operation, effect, body, {"access-token": token})
        return WireAnswer.model_validate((await session.http.send(request)).json())


# -------------------------------------------------------------------------------------------------------- webhooks
@breaks("test_webhooks_are_as_declared")
class DeclaresNoWebhooks(PaperChannel):
    capabilities = PaperChannel.capabilities - {"WEBHOOKS"}


@breaks("test_genuine_delivery_is_taken", "no active secret")
class BelievesNobody(PaperWebhooks):
    def matches(self, *given: Any) -> bool:
        return False


@breaks("test_forged_delivery_is_rejected", "taken for genuine")
@breaks("test_no_secret_no_entry", "taken for genuine")
class BelievesEverybody(PaperWebhooks):
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        return None


@breaks("test_no_secret_no_entry", "taken for genuine")
class TakesNoSecretForConsent(PaperWebhooks):
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        if credentials:
            super().verify(delivery, credentials, now)


@breaks("test_rotated_secret_is_taken", "no active secret")
class KnowsOnlyTheFirstSecret(PaperWebhooks):
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        super().verify(delivery, credentials[:1], now)


@breaks("test_stale_delivery_is_rejected", "taken for genuine")
class IgnoresTheAge(PaperWebhooks):
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        sent = int(delivery.headers.get("paper-time", "0"))
        super().verify(delivery, credentials, datetime.fromtimestamp(sent, UTC))


@breaks("test_event_tells_what_happened")
class MixesUpEvents(PaperWebhooks):
    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        return [replace(event, kind="coupon.refunded") for event in super().parse(delivery, credentials)]


@breaks("test_replay_has_the_same_id")
class NumbersDeliveries(PaperWebhooks):
    def __init__(self) -> None:
        self.count = 0

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        self.count += 1
        return [replace(event, event_id=str(self.count)) for event in super().parse(delivery, credentials)]


@breaks("test_replay_has_the_same_id")
class GivesEveryEventOneId(PaperWebhooks):
    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        return [replace(event, event_id="event") for event in super().parse(delivery, credentials)]


@breaks("test_spoilt_delivery_is_no_crash", "which is no ProtocolFailure")
class ParsesTrustingly(PaperWebhooks):
    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        wire = orjson.loads(delivery.body)
        return [ChannelEvent(wire["id"], "coupon.redeemed", wire["coupon"], None, raw=wire)]


@breaks("test_delivery_is_acknowledged")
class AcknowledgesWithAnError(PaperWebhooks):
    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        return WebhookReply(b"", status=500)
