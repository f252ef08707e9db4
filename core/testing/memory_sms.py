"""A channel that sends SMS to nobody: it writes them down. For demos and for tests of what plans messages."""

from __future__ import annotations

from typing import Any, ClassVar

from core.channels.contract import (
    Address,
    Capability,
    Channel,
    ChannelSession,
    Delivered,
    DeliveryRefused,
    NotificationBehaviour,
    Notifications,
    OutgoingMessage,
    Recognition,
    RegisterChannel,
    Scanned,
)
from core.channels.hookspec import hookimpl


class MemorySms(Notifications):
    """Takes every message. `sent` holds them, oldest first; `refusal`, where set, is the answer instead."""

    behaviour: ClassVar[NotificationBehaviour] = NotificationBehaviour(Address.PHONE)

    def __init__(self) -> None:
        self.sent: list[OutgoingMessage] = []
        self.refusal: DeliveryRefused | None = None

    async def send(
        self, session: ChannelSession[Any, Any], message: OutgoingMessage
    ) -> Delivered | DeliveryRefused:
        """See `Notifications.send`."""
        if self.refusal is not None:
            return self.refusal
        self.sent.append(message)
        return Delivered(f"memory-{len(self.sent):06d}")


class MemorySmsChannel(Channel):
    """Connected like any other, with no credentials: `build_registry(plugins=[MemorySmsPlugin()])`."""

    code = "memory_sms"
    name = "SMS in memory"
    capabilities = frozenset({Capability.NOTIFICATIONS})
    notifications: MemorySms

    def __init__(self) -> None:
        self.notifications = MemorySms()

    def recognise(self, scanned: Scanned) -> Recognition:
        """It sells nothing."""
        return Recognition.NO


class MemorySmsPlugin:
    """Brings the channel `memory_sms`; `channel.notifications.sent` is what was sent."""

    def __init__(self) -> None:
        self.channel = MemorySmsChannel()

    @hookimpl
    def register_channels(self, register: RegisterChannel) -> None:
        """Registers the one channel."""
        register(self.channel)
