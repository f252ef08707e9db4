"""The words of messages to customers, and what of them others may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class NotificationKind(StrEnum):
    """What a message tells."""

    RESERVATION_CONFIRMED = "RESERVATION_CONFIRMED"
    RESERVATION_RESCHEDULED = "RESERVATION_RESCHEDULED"
    RESERVATION_CANCELLED = "RESERVATION_CANCELLED"
    RESERVATION_REMINDER = "RESERVATION_REMINDER"
    WAITLIST_OFFERED = "WAITLIST_OFFERED"
    WAITLIST_PROMOTED = "WAITLIST_PROMOTED"
    PICKUP_READY = "PICKUP_READY"
    ORDER_EXPECTED_SHIP = "ORDER_EXPECTED_SHIP"
    ORDER_PROGRESS = "ORDER_PROGRESS"
    ORDER_DELAYED = "ORDER_DELAYED"
    COMPENSATION_ISSUED = "COMPENSATION_ISSUED"


class NotificationStatus(StrEnum):
    """How far a message has come. SENDING is committed before the first byte leaves."""

    DUE = "DUE"
    SENDING = "SENDING"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    UNDELIVERABLE = "UNDELIVERABLE"
    CANCELLED = "CANCELLED"


class NotificationReason(StrEnum):
    """Why a message did not go out, or nobody knows whether it did."""

    NO_CHANNEL = "NO_CHANNEL"
    NO_TEMPLATE = "NO_TEMPLATE"
    NO_ADDRESS = "NO_ADDRESS"
    NO_CONSENT = "NO_CONSENT"
    UNREACHABLE = "UNREACHABLE"
    TEMPLATE_UNKNOWN = "TEMPLATE_UNKNOWN"
    CONTENT_REFUSED = "CONTENT_REFUSED"
    TOO_MANY = "TOO_MANY"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    NEEDS_MENDING = "NEEDS_MENDING"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    OUTDATED = "OUTDATED"


@dataclass(frozen=True, slots=True)
class NotificationView:
    """A message for a reader: no contents. `recipient` is masked: 138****1234, or the last characters of an id."""

    id: UUID
    tenant_id: UUID
    customer_id: UUID | None
    store_id: UUID | None
    kind: NotificationKind
    status: NotificationStatus
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None = None
    channel: str | None = None
    account_id: UUID | None = None
    recipient: str | None = None
    reason: NotificationReason | None = None
    channel_code: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Which messages to list; what is given must all hold."""

    store_id: UUID | None = None
    customer_id: UUID | None = None
    statuses: tuple[NotificationStatus, ...] = ()
    kinds: tuple[NotificationKind, ...] = ()
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotificationPage:
    notifications: tuple[NotificationView, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class TemplateField:
    """One field of a platform's template: filled with one of our values, or always with the same text."""

    value: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateView:
    """How an account tells one kind of message: the platform's template, its fields, the mini-program's page."""

    id: UUID
    tenant_id: UUID
    account_id: UUID
    kind: NotificationKind
    template: str
    fields: Mapping[str, TemplateField] = field(default_factory=dict)
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person answered when a mini-program asked whether one message of a template may be sent."""

    template: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class ConsentView:
    """How many messages of a template a person has still agreed to, as far as counted here."""

    template: str
    remaining: int
