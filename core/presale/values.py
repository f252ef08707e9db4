"""What the presale services take and answer. Money in fen, instants in UTC."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class PresaleMode(StrEnum):
    """How a presale is paid and shipped."""

    FULL_PAYMENT = "FULL_PAYMENT"
    DEPOSIT = "DEPOSIT"
    TIERED = "TIERED"


class CampaignStatus(StrEnum):
    """Whether a presale sells. One whose period is over sells nothing either."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


class PausedBy(StrEnum):
    """Who paused a presale."""

    PERSON = "PERSON"
    GUARD = "GUARD"


class ScoreDimension(StrEnum):
    """The three marks that platforms give a store."""

    DESCRIPTION = "DESCRIPTION"
    SERVICE = "SERVICE"
    LOGISTICS = "LOGISTICS"


class HealthLevel(StrEnum):
    """How a store's presales stand; the worst comes last."""

    HEALTHY = "HEALTHY"
    WATCH = "WATCH"
    DANGER = "DANGER"


class Figure(StrEnum):
    """What is measured, in the spelling of the codes that clients see."""

    SHARE = "share"
    ON_TIME = "onTime"
    LATE = "late"
    FULFILMENT = "fulfilment"
    BAD_REVIEWS = "badReviews"
    REFUND_RATE = "refundRate"


class GuardAct(StrEnum):
    """What the guard does: pause the store's presales, or take no new presale stock."""

    PAUSE = "PAUSE"
    CAP = "CAP"


@dataclass(frozen=True, slots=True)
class Wave:
    """So many pieces that ship by one instant."""

    quantity: int
    promised_ship_at: datetime


@dataclass(frozen=True, slots=True)
class Disclosures:
    """The texts that tell buyers that they buy beforehand, and when it ships."""

    title: str
    detail: str
    live_room: str


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A presale as somebody wants it. `deposit` in fen; `publish` False: it waits as a draft."""

    store_id: UUID
    name: str
    mode: PresaleMode
    sku_ids: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    waves: tuple[Wave, ...]
    disclosures: Disclosures
    deposit: int | None = None
    category: str | None = None
    publish: bool = True


@dataclass(frozen=True, slots=True)
class WaveView:
    """One wave of a campaign; `sold` is at most `quantity`."""

    id: UUID
    campaign_id: UUID
    position: int
    quantity: int
    sold: int
    promised_ship_at: datetime

    @property
    def left(self) -> int:
        """How many can still be sold."""
        return self.quantity - self.sold


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One presale campaign."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    name: str
    mode: PresaleMode
    status: CampaignStatus
    version: int
    starts_at: datetime
    ends_at: datetime
    deposit: int | None = None
    category: str | None = None
    disclosures: Disclosures = dataclasses.field(default_factory=lambda: Disclosures("", "", ""))
    paused_by: PausedBy | None = None

    def sells_at(self, now: datetime) -> bool:
        """Whether it takes orders at this instant."""
        return self.status is CampaignStatus.PUBLISHED and self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Advice:
    """Something worth knowing that refuses nothing: a text `presale.<key>` of `core.messages`."""

    key: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
