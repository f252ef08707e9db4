"""The paper channel with messages: sending, as small as it can be while it keeps every rule.

It has all that a platform of messages may have: consent, tokens, and repeats that are recognised for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field

from core.channels.contract import (
    Address,
    Capability,
    ChannelAnswer,
    ChannelSession,
    CredentialsRefused,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Effect,
    NotificationBehaviour,
    Notifications,
    OutcomeUnknown,
    OutgoingMessage,
    RateLimited,
)
from core.testing.paper import PaperChannel, WireModel, check_http, fetch_token, make_request, read_answer

LONGEST_VALUE = 20
REPEAT_WINDOW = timedelta(minutes=10)
REFUSALS: Mapping[int, DeliveryRefusal] = {
    31: DeliveryRefusal.NO_CONSENT,
    32: DeliveryRefusal.UNREACHABLE,
    33: DeliveryRefusal.TEMPLATE_UNKNOWN,
    34: DeliveryRefusal.CONTENT_REFUSED,
    35: DeliveryRefusal.TOO_MANY,
}


class WireDelivery(WireModel):
    """`code` is 0 where the message was taken."""

    code: int
    message: str | None = Field(None, min_length=1)


class PaperNotifications(Notifications):
    behaviour: ClassVar[NotificationBehaviour] = NotificationBehaviour(
        Address.SUBJECT, needs_consent=True, repeat_window=REPEAT_WINDOW
    )

    async def send(
        self, session: ChannelSession[Any, Any], message: OutgoingMessage
    ) -> Delivered | DeliveryRefused:
        body = {
            "token": message.token,
            "to": message.recipient,
            "template": message.template,
            "values": {name: value[:LONGEST_VALUE] for name, value in message.values.items()},
            "page": message.page,
        }
        return self.parse(await self.call(session, body))

    def parse(self, answer: WireDelivery) -> Delivered | DeliveryRefused:
        if answer.code:
            reason = REFUSALS.get(answer.code, DeliveryRefusal.REFUSED_BY_CHANNEL)
            return DeliveryRefused(reason, platform_code=str(answer.code))
        if answer.message is None:
            raise OutcomeUnknown("a success without a message", operation="message")
        return Delivered(answer.message)

    async def call(self, session: ChannelSession[Any, Any], body: Mapping[str, Any]) -> WireDelivery:
        """One call, and once more where the platform has forgotten the token: then it has sent nothing."""
        token = await session.tokens.get("access", lambda: fetch_token(session))
        answer = await self.post(session, body, token)
        if answer.status == 401:
            await session.tokens.drop("access", token)
            token = await session.tokens.get("access", lambda: fetch_token(session))
            answer = await self.post(session, body, token)
        if answer.status == 401:
            raise CredentialsRefused("the platform does not know the token", operation="message")
        if answer.status == 429:
            raise RateLimited("the platform asks for fewer calls", operation="message", retry_after=1)
        check_http(answer, Effect.WRITE)
        return read_answer(WireDelivery, answer, Effect.WRITE)

    async def post(
        self, session: ChannelSession[Any, Any], body: Mapping[str, Any], token: str
    ) -> ChannelAnswer:
        return await session.http.send(make_request("message", Effect.WRITE, body, {"access-token": token}))


class PaperMessageChannel(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities | {Capability.NOTIFICATIONS}
    notifications: Notifications | None = PaperNotifications()
