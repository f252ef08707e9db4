"""What reconciling takes and answers. Money in fen, instants in UTC, days in the store's own time zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from core.channels.bindings import BoundAccount
from core.coupons.values import RedemptionStatus


class RunStatus(StrEnum):
    """How far the reading of a day has come."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class DifferenceKind(StrEnum):
    """On what the two sides disagree about one use. OUTSIDE is no disagreement: we could not know of it."""

    MISSING_LOCAL = "MISSING_LOCAL"
    MISSING_REMOTE = "MISSING_REMOTE"
    AMOUNT_DIFF = "AMOUNT_DIFF"
    LATE_LANDING = "LATE_LANDING"
    REVERSED_REMOTELY = "REVERSED_REMOTELY"
    REVERSED_LOCALLY = "REVERSED_LOCALLY"
    OTHER_STORE = "OTHER_STORE"
    OUTSIDE = "OUTSIDE"


class PayoutBasis(StrEnum):
    """What an expected payout was made of; INCOMPLETE where for some use neither side shows an amount."""

    PLATFORM = "PLATFORM"
    LEDGER = "LEDGER"
    MIXED = "MIXED"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class DayWindow:
    """A store's local day in UTC: from `since` until before `until`."""

    day: date
    since: datetime
    until: datetime

    def holds(self, instant: datetime) -> bool:
        return self.since <= instant < self.until


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose books: an account as one store is bound to it, and that store."""

    bound: BoundAccount
    store_id: UUID
    time_zone: str

    @property
    def tenant_id(self) -> UUID:
        return self.bound.tenant_id

    @property
    def channel(self) -> str:
        return self.bound.channel.code


@dataclass(frozen=True, slots=True)
class LedgerReceipt:
    """The platform's id of one use as our ledger has it, and when that was."""

    reference: str
    used_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One redemption of the ledger. Amounts are of all its `times` uses together."""

    id: UUID
    coupon_id: UUID
    store_id: UUID
    status: RedemptionStatus
    times: int
    discount: int
    paid_amount: int | None
    created_at: datetime
    receipts: tuple[LedgerReceipt, ...]

    def find_receipt(self, reference: str) -> LedgerReceipt | None:
        return next((each for each in self.receipts if each.reference == reference), None)


@dataclass(frozen=True, slots=True)
class Difference:
    """One use on which the sides disagree. `ours`, `theirs`: fen, None where it is not there or not shown."""

    kind: DifferenceKind
    receipt: str
    redemption_id: UUID | None = None
    used_at: datetime | None = None
    ours: int | None = None
    theirs: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a complete reading counted. See `core.coupons.models.ReconciliationRun`."""

    ours_count: int = 0
    theirs_count: int = 0
    matched_count: int = 0
    outside_count: int = 0
    ours_amount: int | None = 0
    theirs_amount: int | None = 0
    payout: int | None = 0
    payout_basis: PayoutBasis = PayoutBasis.PLATFORM
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One reconciled day for a reader. `totals` is None until the day was read completely once.

    `differences` counts the open ones, OUTSIDE left out; `failure` is the key of a text.
    """

    id: UUID
    tenant_id: UUID
    account_id: UUID | None
    channel: str
    store_id: UUID
    window: DayWindow
    status: RunStatus
    completed_at: datetime | None = None
    totals: Totals | None = None
    differences: int | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One difference for a reader. `resolved_at`: when a later reading no longer met it."""

    id: UUID
    kind: DifferenceKind
    receipt: str
    redemption_id: UUID | None
    used_at: datetime | None
    ours: int | None
    theirs: int | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """`since` and `until` are local days, both included."""

    store_id: UUID | None = None
    account_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    only_differences: bool = False


@dataclass(frozen=True, slots=True)
class RunPage:
    """The latest days first. `has_more`: whether older ones follow."""

    runs: Sequence[RunView] = field(default_factory=tuple)
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class DifferencePage:
    """Oldest finding first. `has_more`: whether more follow."""

    differences: Sequence[DifferenceView] = field(default_factory=tuple)
    has_more: bool = False
