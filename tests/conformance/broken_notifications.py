"""Adapters that send messages wrongly, each in one way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from uuid import uuid4

import orjson

from core.channels.contract import (
    Address,
    Capability,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    NotificationBehaviour,
    OutcomeUnknown,
    OutgoingMessage,
    RateLimited,
)
from core.testing.paper import PaperChannel, fetch_token
from core.testing.paper_messages import PaperMessages
from core.testing.paper_notifications import PaperNotifications, WireDelivery
from tests.conformance.mutants import breaks

Answer = Delivered | DeliveryRefused
log = logging.getLogger("paper")


# ---------------------------------------------------------------------------------------------------------- messages
@breaks("test_messages_are_as_declared", "for channels that declare NOTIFICATIONS")
class DeclaresNoMessages(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities


@breaks("test_messages_are_as_declared", "in E.164")
class CallsAnIdAPhone(PaperNotifications):
    behaviour = NotificationBehaviour(Address.PHONE, needs_consent=True)


class Changes(PaperNotifications):
    """Sends another message than the one given."""

    def change(self, message: OutgoingMessage) -> OutgoingMessage:
        return message

    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        return await super().send(session, self.change(message))


@breaks("test_message_is_sent", "other values")
class SendsOtherWords(Changes):
    def change(self, message: OutgoingMessage) -> OutgoingMessage:
        return replace(message, values={name: value.upper() for name, value in message.values.items()})


@breaks("test_every_message_is_sent", "two messages have one reference")
class GivesOneReference(PaperNotifications):
    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        answer = await super().send(session, message)
        return replace(answer, reference="sent") if isinstance(answer, Delivered) else answer


@breaks("test_every_message_is_sent", "are two")
class GivesAllMessagesOneToken(Changes):
    def change(self, message: OutgoingMessage) -> OutgoingMessage:
        return replace(message, token="always")


@breaks("test_recognised_repeat_sends_once", "this one is refused")
class GivesRepeatsNewTokens(Changes):
    def change(self, message: OutgoingMessage) -> OutgoingMessage:
        return replace(message, token=str(uuid4()))


@breaks("test_long_values_are_cut", "a good message is refused")
class CutsNothing(PaperNotifications):
    async def call(self, session: Any, body: Mapping[str, Any]) -> WireDelivery:
        return await super().call(session, {**body, "values": {**body["values"], "shop": "x" * 21}})


# ---------------------------------------------------------------------------------------------------------- refusals
class TakesRefusalsFor(PaperNotifications):
    """Answers `instead` where the reason is `reason`."""

    reason: DeliveryRefusal
    instead: Answer = Delivered("sent")

    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        answer = await super().send(session, message)
        mistaken = isinstance(answer, DeliveryRefused) and answer.reason is self.reason
        return self.instead if mistaken else answer


@breaks("test_unreachable_person_is_refused", "a refused message gave")
class ReachesEverybody(TakesRefusalsFor):
    reason = DeliveryRefusal.UNREACHABLE


@breaks("test_unknown_template_is_refused", "should be TEMPLATE_UNKNOWN")
class BlamesTheContentForTheTemplate(TakesRefusalsFor):
    reason = DeliveryRefusal.TEMPLATE_UNKNOWN
    instead = DeliveryRefused(DeliveryRefusal.CONTENT_REFUSED)


@breaks("test_bad_content_is_refused", "a refused message gave")
class OverlooksBadContent(TakesRefusalsFor):
    reason = DeliveryRefusal.CONTENT_REFUSED


@breaks("test_too_many_messages_are_refused", "should be TOO_MANY")
class CallsTooManyUnreachable(TakesRefusalsFor):
    reason = DeliveryRefusal.TOO_MANY
    instead = DeliveryRefused(DeliveryRefusal.UNREACHABLE)


@breaks("test_missing_consent_is_refused", "a refused message gave")
@breaks("test_consent_is_good_for_one", "a refused message gave")
class AssumesConsent(TakesRefusalsFor):
    reason = DeliveryRefusal.NO_CONSENT


@breaks("test_unknown_delivery_answer_is_no_success", "out of an unlisted platform code")
class TakesTheUnknownForSuccess(TakesRefusalsFor):
    reason = DeliveryRefusal.REFUSED_BY_CHANNEL


@breaks("test_good_messages_say_nothing", "was said aloud")
@breaks("test_message_is_sent", "was said aloud")
class LogsRecipients(PaperNotifications):
    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        log.info("to %s", message.recipient)
        return await super().send(session, message)


# ---------------------------------------------------------------------------------------------------------- failures
class Mistakes(PaperNotifications):
    """Does something else where sending raises `ignored`."""

    ignored: type[ChannelFailure] = OutcomeUnknown

    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        try:
            return await super().send(session, message)
        except self.ignored as failure:
            return await self.mistake(session, message, failure)

    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        return Delivered("sent")


@breaks("test_lost_message_is_unknown", "although its request failed")
@breaks("test_lost_delivery_answer_is_unknown", "although its request failed")
@breaks("test_server_error_on_message", "although its request failed")
@breaks("test_rubbish_is_no_delivery", "although its request failed")
class TakesSilenceForADelivery(Mistakes):
    pass


@breaks("test_lost_message_is_unknown", "a sent and unanswered message is")
@breaks("test_server_error_on_message", "HTTP 500 on a message is")
@breaks("test_rubbish_is_no_delivery", "is ChannelUnavailable")
@breaks("test_spoilt_delivery_answer_is_no_crash", "sent, but")
class CallsSilenceUnavailable(Mistakes):
    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        raise ChannelUnavailable("no good answer") from None


@breaks("test_lost_delivery_answer_is_unknown", "although its request failed")
class TriesOnceMore(Mistakes):
    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        return await PaperNotifications.send(self, session, message)


@breaks("test_unsent_message_sent_nothing", "nothing was sent, but")
@breaks("test_no_token_sends_no_message", "no token, so nothing was sent")
class CallsEverythingUnknown(Mistakes):
    ignored = ChannelUnavailable

    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        raise OutcomeUnknown("who knows") from None


@breaks("test_wrong_credentials_send_nothing", "the platform refuses the credentials")
class CallsRefusedKeysARefusal(Mistakes):
    ignored = CredentialsRefused

    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        return DeliveryRefused(DeliveryRefusal.REFUSED_BY_CHANNEL)


@breaks("test_message_rate_is_told", "too many calls, but")
class CallsTheRateTooManyMessages(Mistakes):
    ignored = RateLimited

    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        return DeliveryRefused(DeliveryRefusal.TOO_MANY)


@breaks("test_void_message_token_is_renewed", "does not know the token")
class KeepsVoidTokens(PaperNotifications):
    async def call(self, session: Any, body: Mapping[str, Any]) -> WireDelivery:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = await self.post(session, body, token)
        if answer.status == 401:
            raise CredentialsRefused("the platform does not know the token")
        return await super().call(session, body)


@breaks("test_spoilt_delivery_answer_is_no_crash", "which is no ChannelFailure")
class ReadsTrustingly(PaperNotifications):
    async def call(self, session: Any, body: Mapping[str, Any]) -> WireDelivery:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = orjson.loads((await self.post(session, body, token)).content)
        return WireDelivery.model_construct(code=answer["code"], message=answer["message"])


@breaks("test_cancelled_message", "the cancellation was swallowed")
class SwallowsCancellation(PaperNotifications):
    async def send(self, session: Any, message: OutgoingMessage) -> Answer:
        try:
            return await super().send(session, message)
        except asyncio.CancelledError:
            return DeliveryRefused(DeliveryRefusal.REFUSED_BY_CHANNEL)


@breaks("test_failed_messages_say_nothing", "was said aloud")
class LogsContentsOfFailures(Mistakes):
    async def mistake(self, session: Any, message: OutgoingMessage, failure: ChannelFailure) -> Answer:
        log.warning("not sent: %s", dict(message.values))
        raise failure


# ---------------------------------------------------------------------------------------------------------- platforms
@breaks("test_recognised_repeat_sends_once", "the repeat was another message")
class ForgetsTokens(PaperMessages):
    """And takes no account of consent, so that a repeat is another message."""

    def answer_message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self._answers.clear()
        self.consents[body["to"], body["template"]] += 1
        return super().answer_message(body)
