"""The bench on which sending messages is tried."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from core.channels.contract import (
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    NotificationBehaviour,
    Notifications,
    OutgoingMessage,
)
from core.testing.checks import check_text
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import MESSAGE_REFUSALS, MessagePlatform

Answer = Delivered | DeliveryRefused
WITHOUT_CONSENT = "no_consent"


class MessageBench(PlatformBench[MessagePlatform]):
    """The steps of whoever sends messages."""

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def notifications(self) -> Notifications:
        assert self.channel.notifications is not None, "the channel declares NOTIFICATIONS and brings none"
        return self.channel.notifications

    @property
    def behaviour(self) -> NotificationBehaviour:
        return self.notifications.behaviour

    @property
    def sent(self) -> int:
        """How many messages the platform has sent."""
        return len(self.platform.list_messages())

    def holds(self, state: str) -> bool:
        return state not in self.platform.cannot_hold

    def platform_secrets(self) -> set[str]:
        """Whom messages go to, in both spellings of a phone, and what they say."""
        messages = self.platform.messages.values()
        people = {message.recipient for message in messages}
        contents = {text for message in messages for text in message.values.values()}
        return people | {each.removeprefix("+86") for each in people} | contents

    # ------------------------------------------------------------------------------------------------ steps
    def write(self, state: str = "good") -> OutgoingMessage:
        """A message in this state with a token of its own, to somebody who has agreed to it if need be."""
        message = replace(self.platform.messages[state], token=str(uuid4()))
        if self.behaviour.needs_consent and state != WITHOUT_CONSENT:
            self.platform.give_consent(message)
        return message

    async def send(self, message: OutgoingMessage) -> Answer:
        answer = await self.call(self.notifications.send(self.session, message))
        check_delivery(answer)
        return answer

    async def send_well(self, message: OutgoingMessage | None = None) -> Delivered:
        """Sends a message, and expects it to be taken."""
        answer = await self.send(message or self.write())
        assert isinstance(answer, Delivered), f"a good message is refused: {answer!r}"
        return answer

    async def expect_refusal(self, state: str) -> None:
        """The message in this state meets its refusal, and is not sent."""
        message, before = self.write(state), self.sent
        answer = await self.send(message)
        self.check_refusal(answer, state)
        assert self.sent == before, f"{state}: the platform sent what the adapter calls refused"

    def check_refusal(self, answer: Answer, state: str) -> None:
        wanted: DeliveryRefusal = self.platform.refusals.get(state, MESSAGE_REFUSALS[state])
        assert isinstance(answer, DeliveryRefused), f"{state}: a refused message gave {answer!r}"
        assert answer.reason is wanted, f"{state}: {answer!r} should be {wanted}"


def check_delivery(answer: object) -> None:
    """Delivered, perhaps with the platform's id, or a refusal with a reason."""
    if isinstance(answer, Delivered):
        check_text(answer.reference, "reference", optional=True)
        return
    assert isinstance(answer, DeliveryRefused), f"send answered {type(answer).__name__}"
    assert isinstance(answer.reason, DeliveryRefusal), f"reason is {answer.reason!r}"
    check_text(answer.platform_code, "platform_code", optional=True)
    check_text(answer.platform_message, "platform_message", optional=True)
