"""Adding up a day: counts, amounts, and what the platform is expected to pay out."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.channels.contract import RecordedUse
from core.coupons.reconciliation.values import PayoutBasis, Totals


@dataclass(slots=True)
class Sum:
    """A sum in fen of what is known of it. An amount that is not known is left out, and counted."""

    total: int = 0
    known: int = 0
    unknown: int = 0

    def add(self, amount: int | None) -> None:
        if amount is None:
            self.unknown += 1
        else:
            self.total, self.known = self.total + amount, self.known + 1

    @property
    def shown(self) -> int | None:
        """The sum, None where there was something and nothing is known of it."""
        return None if self.unknown and not self.known else self.total


@dataclass(slots=True)
class Tally:
    """The running totals of one day."""

    theirs_count: int = 0
    matched_count: int = 0
    outside_count: int = 0
    ours_count: int = 0
    ours: Sum = field(default_factory=Sum)
    theirs: Sum = field(default_factory=Sum)
    fee: Sum = field(default_factory=Sum)
    payout: Sum = field(default_factory=Sum)
    estimated: int = 0

    def add_ours(self, amount: int | None) -> None:
        """A use that our ledger counts."""
        self.ours_count += 1
        self.ours.add(amount)

    def add_theirs(self, use: RecordedUse, ledger_paid: int | None) -> None:
        """A living use of the platform; `ledger_paid` is what our ledger says was paid for it."""
        self.theirs_count += 1
        self.theirs.add(use.face_value if use.paid_amount is None else use.paid_amount)
        self.fee.add(use.fee)
        if use.payout is None:
            paid = ledger_paid if use.paid_amount is None else use.paid_amount
            self.estimated += paid is not None
            self.payout.add(None if paid is None else paid - (use.fee or 0))
        else:
            self.payout.add(use.payout)

    def close(self) -> Totals:
        return Totals(
            ours_count=self.ours_count,
            theirs_count=self.theirs_count,
            matched_count=self.matched_count,
            outside_count=self.outside_count,
            ours_amount=self.ours.shown,
            theirs_amount=self.theirs.shown,
            payout=self.payout.shown,
            payout_basis=self._find_basis(),
            fee=self.fee.total if self.fee.known else None,
        )

    def _find_basis(self) -> PayoutBasis:
        if self.payout.unknown:
            return PayoutBasis.INCOMPLETE
        if not self.estimated:
            return PayoutBasis.PLATFORM
        return PayoutBasis.LEDGER if self.estimated == self.payout.known else PayoutBasis.MIXED
