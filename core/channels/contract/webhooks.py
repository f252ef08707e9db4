"""The port for deliveries of a platform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.channels.contract.accounts import ChannelModel


class WebhookRejected(Exception):
    """A delivery that is not authentic: wrong, missing or stale signature. Carries a sentence without secrets."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A delivery as it arrived. `body` are the raw bytes; header names are lower case."""

    method: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """The acknowledgement in the platform's own form."""

    body: bytes
    status: int = 200
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One fact out of a delivery.

    event_id  the platform's id of this event, by which repeats are dropped
    kind      in our words: "coupon.redeemed", "coupon.reversed", "coupon.refunded", "booking.changed",
              "message.consent", or "unrecognised"
    subject   the platform's id of what it is about
    """

    event_id: str
    kind: str
    subject: str | None = field(repr=False)
    occurred_at: datetime | None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Webhooks(ABC):
    """Taking deliveries of the platform. All methods are pure: no network, no clock, no state."""

    @abstractmethod
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        """Raises WebhookRejected unless one of the active credentials proves the delivery authentic."""

    @abstractmethod
    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        """The events of an authentic delivery; none for a mere test of the address. Raises ProtocolFailure.

        `credentials` are those that `verify` was given, for platforms that seal what they deliver.
        """

    @abstractmethod
    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        """What to answer once the events are stored."""
