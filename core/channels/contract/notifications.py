"""The port for sending a customer a message through a platform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar

from core.channels.contract.accounts import ChannelSession


class Address(StrEnum):
    """What a message is sent to."""

    SUBJECT = "SUBJECT"
    PHONE = "PHONE"


class DeliveryRefusal(StrEnum):
    """Why a platform did not take a message."""

    NO_CONSENT = "NO_CONSENT"
    UNREACHABLE = "UNREACHABLE"
    TEMPLATE_UNKNOWN = "TEMPLATE_UNKNOWN"
    CONTENT_REFUSED = "CONTENT_REFUSED"
    TOO_MANY = "TOO_MANY"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one person.

    token      stable across repeats, for platforms that take a merchant's own number
    recipient  the person's id at the platform, or a phone number in E.164 form: see `NotificationBehaviour.address`
    template   the platform's template id
    values     the template's own field names → texts; the adapter cuts them to the platform's lengths
    page       where the message leads inside the mini-program; None: nowhere
    """

    token: str
    recipient: str = field(repr=False)
    template: str
    values: Mapping[str, str] = field(repr=False)
    page: str | None = None
    language: str = "zh-CN"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The platform took the message. `reference` is its id of it, None where it gives none."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRefused:
    """The platform's no. Its own code and words are kept beside ours."""

    reason: DeliveryRefusal
    platform_code: str | None = None
    platform_message: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationBehaviour:
    """How the platform takes messages.

    address         what it sends to
    needs_consent   whether the person must have agreed, in the mini-program, to each single message of a template
    repeat_window   how long a repeat with the same token is recognised and sends nothing twice; None: never
    """

    address: Address
    needs_consent: bool = False
    repeat_window: timedelta | None = None


class Notifications(ABC):
    """Sending messages."""

    behaviour: ClassVar[NotificationBehaviour]

    @abstractmethod
    async def send(
        self, session: ChannelSession[Any, Any], message: OutgoingMessage
    ) -> Delivered | DeliveryRefused:
        """Sends one message. May raise any ChannelFailure; OutcomeUnknown where nobody knows whether it went out."""
