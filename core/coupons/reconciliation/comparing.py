"""Laying the two sides over each other, use by use. Pure: it is given both and asks nobody.

A use belongs to the day in which the platform has it; only where the platform has none, to the day in which we have
it. So clocks that differ a little move no use out of both days or into both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.channels.contract import RecordedUse
from core.coupons.basket import share
from core.coupons.reconciliation.books import LONGEST_SETTLING
from core.coupons.reconciliation.tally import Tally
from core.coupons.reconciliation.values import (
    DayWindow,
    Difference,
    DifferenceKind,
    LedgerReceipt,
    LedgerRow,
    Subject,
    Totals,
)
from core.coupons.values import RedemptionStatus, coupon_id

# How far a platform's clock may be from ours.
CLOCK_MARGIN = timedelta(minutes=15)

_STANDING = (RedemptionStatus.SUCCEEDED, RedemptionStatus.REVERSING)
_UNUSED = (
    RedemptionStatus.DECLINED,
    RedemptionStatus.UNKNOWN,
    RedemptionStatus.NEEDS_ATTENTION,
    RedemptionStatus.PENDING,
)
# Which of several redemptions with one receipt a living use is, the likeliest first: a certificate that was given
# back and used again may keep its receipt.
_RANKS: Mapping[RedemptionStatus, int] = {
    status: rank for rank, status in enumerate((*_STANDING, RedemptionStatus.REVERSED, *_UNUSED))
}


@dataclass(frozen=True, slots=True)
class _Match:
    row: LedgerRow
    receipt: LedgerReceipt

    @property
    def key(self) -> tuple[UUID, str]:
        return self.row.id, self.receipt.reference

    @property
    def stands(self) -> bool:
        return self.row.status in _STANDING


class Comparison:
    """One day of one subject. Give it every use of the platform, in any order, repeats included; then `finish`.

    `ledger` are our redemptions around the day. It keeps one small entry per use, not the documents.
    """

    def __init__(self, subject: Subject, window: DayWindow, ledger: Sequence[LedgerRow]) -> None:
        self.differences: list[Difference] = []
        self._subject = subject
        self._window = window
        self._ledger = ledger
        self._by_receipt: dict[str, list[LedgerRow]] = {}
        for row in ledger:
            for receipt in row.receipts:
                self._by_receipt.setdefault(receipt.reference, []).append(row)
        self._seen: set[tuple[str, datetime]] = set()
        self._met: set[tuple[UUID, str]] = set()
        self._shown: dict[UUID, list[tuple[int, int]]] = {}
        self._tally = Tally()

    def list_coupons(self, use: RecordedUse) -> tuple[UUID, ...]:
        """The coupons that a use may be of; the certificate id stands in for a receipt where there is none."""
        bound = self._subject.bound
        return tuple(
            coupon_id(bound.tenant_id, bound.account_id, self._subject.channel, reference)
            for reference in dict.fromkeys((use.reference or use.receipt, use.receipt))
        )

    def add(self, use: RecordedUse, of_coupon: Iterable[LedgerRow]) -> None:
        """Takes one use of the platform; `of_coupon` are our redemptions of `list_coupons`."""
        if (use.receipt, use.used_at) in self._seen:
            return
        self._seen.add((use.receipt, use.used_at))
        known = list({row.id: row for row in (*of_coupon, *self._by_receipt.get(use.receipt, ()))}.values())
        match = self._find_match(use, known)
        if match is not None:
            self._met.add(match.key)
        if not self._window.holds(use.used_at):
            return
        if use.reversed:
            self._add_reversed(use, match)
        else:
            self._add_living(use, match, known)

    def finish(self) -> tuple[Totals, Sequence[Difference]]:
        """Everything of ours that the platform did not show is missing there."""
        for row in self._ledger:
            if row.status is not RedemptionStatus.SUCCEEDED:
                continue
            for receipt in row.receipts:
                if self._window.holds(receipt.used_at) and (row.id, receipt.reference) not in self._met:
                    self._miss(row, receipt)
        return self._tally.close(), self.differences

    # ------------------------------------------------------------------------------------------------- one use
    def _find_match(self, use: RecordedUse, known: Sequence[LedgerRow]) -> _Match | None:
        found = [_Match(row, receipt) for row in known if (receipt := row.find_receipt(use.receipt))]
        free = [each for each in found if each.key not in self._met]
        return min(free, key=lambda each: self._rank(use, each), default=None)

    def _rank(self, use: RecordedUse, match: _Match) -> tuple[int, timedelta]:
        rank = _RANKS[match.row.status]
        if use.reversed and match.row.status is RedemptionStatus.REVERSED:
            rank = -1
        return rank, abs(match.receipt.used_at - use.used_at)

    def _add_reversed(self, use: RecordedUse, match: _Match | None) -> None:
        """Taken back at the platform: in order unless our ledger still counts it."""
        if match is None or match.row.status in {RedemptionStatus.REVERSED, RedemptionStatus.DECLINED}:
            return
        ours = self._count_ours(match)
        if match.row.status is not RedemptionStatus.REVERSING:
            self._note(DifferenceKind.REVERSED_REMOTELY, use, match.row, ours, show_amount(use))

    def _add_living(self, use: RecordedUse, match: _Match | None, known: Sequence[LedgerRow]) -> None:
        paid = read_share(match.row, match.row.paid_amount, match.receipt) if match else None
        self._tally.add_theirs(use, paid)
        if match is None:
            self._add_unmatched(use, known)
        elif match.row.status is RedemptionStatus.REVERSED:
            self._note(DifferenceKind.REVERSED_LOCALLY, use, match.row, None, show_amount(use))
        elif not match.stands:
            self._note(DifferenceKind.LATE_LANDING, use, match.row, None, show_amount(use))
        elif match.row.store_id != self._subject.store_id:
            ours = read_amount(match.row, match.receipt)
            self._note(DifferenceKind.OTHER_STORE, use, match.row, ours, show_amount(use))
        else:
            self._count_ours(match)
            self._tally.matched_count += 1
            self._compare_amounts(use, match)

    def _add_unmatched(self, use: RecordedUse, known: Sequence[LedgerRow]) -> None:
        late = None if use.by_merchant_api is False else _find_late(use, known)
        if late is not None:
            self._note(DifferenceKind.LATE_LANDING, use, late, None, show_amount(use))
        elif use.by_merchant_api is False:
            self._tally.outside_count += 1
            self._note(DifferenceKind.OUTSIDE, use, None, None, show_amount(use))
        else:
            self._note(DifferenceKind.MISSING_LOCAL, use, None, None, show_amount(use))

    def _compare_amounts(self, use: RecordedUse, match: _Match) -> None:
        """Like with like, and only what both show; several uses of one redemption are compared as a whole, because a
        card's price need not divide evenly."""
        row = match.row
        pairs = ((row.paid_amount, use.paid_amount), (row.discount or None, use.face_value))
        both = next(
            ((ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None), None
        )
        if both is None:
            return
        shown = self._shown.setdefault(row.id, [])
        shown.append(both)
        theirs = sum(amount for _, amount in shown)
        if len(shown) == row.times and theirs != both[0]:
            self._note(DifferenceKind.AMOUNT_DIFF, use, row, both[0], theirs)

    # ------------------------------------------------------------------------------------------------ counting
    def _count_ours(self, match: _Match) -> int | None:
        amount = read_amount(match.row, match.receipt)
        self._tally.add_ours(amount)
        return amount

    def _miss(self, row: LedgerRow, receipt: LedgerReceipt) -> None:
        amount = self._count_ours(_Match(row, receipt))
        self.differences.append(
            Difference(
                DifferenceKind.MISSING_REMOTE, receipt.reference, row.id, receipt.used_at, amount, None
            )
        )

    def _note(
        self,
        kind: DifferenceKind,
        use: RecordedUse,
        row: LedgerRow | None,
        ours: int | None,
        theirs: int | None,
    ) -> None:
        redemption_id = row.id if row else None
        self.differences.append(Difference(kind, use.receipt, redemption_id, use.used_at, ours, theirs))


def show_amount(use: RecordedUse) -> int | None:
    """What the platform shows a use to be worth: what was paid, or else the face value."""
    return use.face_value if use.paid_amount is None else use.paid_amount


def read_amount(row: LedgerRow, receipt: LedgerReceipt) -> int | None:
    """What our ledger has for one use: its part of what was paid, or else of the discount."""
    return read_share(row, row.discount if row.paid_amount is None else row.paid_amount, receipt)


def read_share(row: LedgerRow, total: int | None, receipt: LedgerReceipt) -> int | None:
    """The part of `total` that falls on one of the redemption's uses; all parts together are exactly it."""
    if total is None:
        return None
    return share(total, max(row.times, len(row.receipts)), row.receipts.index(receipt), 1)


def _find_late(use: RecordedUse, known: Sequence[LedgerRow]) -> LedgerRow | None:
    """A redemption that ended without a use and was asked for shortly before this one took place."""
    late = [
        row
        for row in known
        if row.status in _UNUSED
        and row.created_at - CLOCK_MARGIN <= use.used_at <= row.created_at + LONGEST_SETTLING
    ]
    return max(late, key=lambda row: row.created_at, default=None)
