"""What is counted for a store over a window: order lines and reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from core.db.statements import fetch_row
from core.presale.values import Figure


@dataclass(frozen=True, slots=True)
class Window:
    """A store, and the time from `since` up to `until`, which is at most now."""

    tenant_id: UUID
    store_id: UUID
    since: datetime
    until: datetime

    @property
    def values(self) -> tuple[UUID, UUID, datetime, datetime]:
        """For the placeholders $1 to $4 of the queries here."""
        return (self.tenant_id, self.store_id, self.since, self.until)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of order lines, each line once whatever its quantity; and of reviews.

    presale, spot      lines paid for in the window
    ..._refunded       those of them with money back for some of it, or for the whole order
    due                lines promised for an instant in the window, paid for and not called off unshipped
    on_time, shipped   those of them shipped by the promise; shipped at all
    """

    presale: int = 0
    presale_refunded: int = 0
    spot: int = 0
    spot_refunded: int = 0
    due: int = 0
    on_time: int = 0
    shipped: int = 0
    reviews: int = 0
    bad_reviews: int = 0

    @property
    def late(self) -> int:
        """Shipped after the promise, or overdue."""
        return self.due - self.on_time

    @property
    def spot_refund_rate(self) -> Fraction | None:
        """What the refund rate of presales is held against."""
        return _divide(self.spot_refunded, self.spot)

    def measure(self, figure: Figure) -> Fraction | None:
        """The figure as a share of 1; None where there is nothing to divide by, or nothing to hold it against."""
        if figure is Figure.REFUND_RATE and self.spot == 0:
            return None
        return _divide(*self._split(figure))

    def count(self, figure: Figure) -> int:
        """On how many lines or reviews the figure was measured."""
        return self._split(figure)[1]

    def _split(self, figure: Figure) -> tuple[int, int]:
        return {
            Figure.SHARE: (self.presale, self.presale + self.spot),
            Figure.ON_TIME: (self.on_time, self.due),
            Figure.LATE: (self.late, self.due),
            Figure.FULFILMENT: (self.shipped, self.due),
            Figure.BAD_REVIEWS: (self.bad_reviews, self.reviews),
            Figure.REFUND_RATE: (self.presale_refunded, self.presale),
        }[figure]


# Lines `l` with their orders `o`, and what makes one of them paid, due, late and refunded in the window $3 to $4.
JOINED: Final = "customer_order o JOIN order_line l ON l.tenant_id = o.tenant_id AND l.order_id = o.id"
_OF_STORE: Final = "o.tenant_id = $1 AND o.store_id = $2"
PAID: Final = f"{_OF_STORE} AND o.paid_at >= $3 AND o.paid_at <= $4"
# A line called off before it was shipped is not due any more. The tenant stands on both sides for the index.
DUE: Final = (
    f"{_OF_STORE} AND l.tenant_id = $1 AND l.promised_ship_at >= $3 AND l.promised_ship_at <= $4"
    " AND o.paid_at IS NOT NULL AND (l.shipped_at IS NOT NULL OR (o.status NOT IN ('CANCELLED', 'CLOSED')"
    " AND l.refunded_quantity < l.quantity))"
)
ON_TIME: Final = "l.shipped_at IS NOT NULL AND l.shipped_at <= l.promised_ship_at"
# A refund that names no lines is for the order as a whole.
REFUNDED: Final = (
    "(l.refunded_quantity > 0 OR EXISTS (SELECT 1 FROM order_refund r WHERE r.tenant_id = o.tenant_id"
    " AND r.order_id = o.id AND r.status IN ('APPROVED', 'COMPLETED') AND CAST(r.lines AS TEXT) = '{}'))"
)


async def load_figures(window: Window) -> Figures:
    """Counts everything, by three indexed queries."""
    paid = await _count(_PAID_SQL, window)
    due = await _count(_DUE_SQL, window)
    reviews = await _count(_REVIEW_SQL, window)
    return Figures(**paid, **due, **reviews)


def _sum(name: str, condition: str) -> str:
    return f"COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS {name}"


_PAID_SQL: Final = (
    f"SELECT {_sum('presale', 'l.presale')}, {_sum('presale_refunded', f'l.presale AND {REFUNDED}')},"
    f" {_sum('spot', 'NOT l.presale')}, {_sum('spot_refunded', f'NOT l.presale AND {REFUNDED}')}"
    f" FROM {JOINED} WHERE {PAID}"
)
_DUE_SQL: Final = (
    f"SELECT count(*) AS due, {_sum('on_time', ON_TIME)}, {_sum('shipped', 'l.shipped_at IS NOT NULL')}"
    f" FROM {JOINED} WHERE {DUE}"
)
_REVIEW_SQL: Final = (
    f"SELECT count(*) AS reviews, {_sum('bad_reviews', 'bad')} FROM review"
    " WHERE tenant_id = $1 AND store_id = $2 AND at >= $3 AND at <= $4"
)


async def _count(sql: str, window: Window) -> Mapping[str, Any]:
    row = await fetch_row(sql, *window.values)
    return {name: int(value) for name, value in (row or {}).items()}


def _divide(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
