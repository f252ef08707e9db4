"""How a store's presales stand over a window, and the orders behind each figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor, StoreView
from core.db.statements import fetch_row, fetch_rows
from core.errors import BadInput
from core.messages import text
from core.orders.ledger import OrderPage, OrderPosition
from core.orders.order_rows import ORDER_COLUMNS, read_order
from core.presale.estimates import ScoreRange, count_affordable, estimate_change
from core.presale.figures import DUE, JOINED, ON_TIME, PAID, REFUNDED, Figures, Window, load_figures
from core.presale.rules import Verdict, find_level, judge_figures
from core.presale.values import Figure, HealthLevel

MOST_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class PresaleHealthView:
    """A store's presales over a window. `level` is that of the worst rule."""

    store: StoreView
    window: Window
    figures: Figures
    level: HealthLevel
    verdicts: tuple[Verdict, ...]
    score_change: ScoreRange | None
    affordable: int


async def read_health(actor: Actor, store_id: UUID, days: int, now: datetime) -> PresaleHealthView:
    """The last `days` days of a store, 1 to 180.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for another number of days.
    """
    require(actor, Action.READ_PRESALE_HEALTH)
    store = await find_store(actor, store_id)
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(text("presale.days", limit=MOST_DAYS), ("days",))
    window = Window(actor.tenant_id, store_id, now - timedelta(days=days), now)
    figures = await load_figures(window)
    verdicts = judge_figures(figures)
    return PresaleHealthView(
        store=store,
        window=window,
        figures=figures,
        level=find_level(verdicts),
        verdicts=verdicts,
        score_change=estimate_change(figures),
        affordable=count_affordable(figures),
    )


async def list_behind(window: Window, figure: Figure, first: int, after: OrderPosition | None) -> OrderPage:
    """At most `first` orders that make a figure what it is, newest first, older than `after`.

    The store of the window must have been found for the reader before.
    """
    position = " AND (placed_at, id) < ($5, $6)" if after else ""
    values = [*window.values, *((after.placed_at, after.id) if after else ())]
    rows = await fetch_rows(
        f"SELECT {ORDER_COLUMNS} FROM customer_order WHERE tenant_id = $1 AND id IN ({_BEHIND[figure]}){position}"
        f" ORDER BY placed_at DESC, id DESC LIMIT {first + 1:d}",
        *values,
    )
    return OrderPage(tuple(map(read_order, rows[:first])), has_more=len(rows) > first)


async def count_behind(window: Window, figure: Figure) -> int:
    """How many orders make the figure what it is."""
    row = await fetch_row(
        f"SELECT count(*) AS total FROM customer_order WHERE tenant_id = $1 AND id IN ({_BEHIND[figure]})",
        *window.values,
    )
    return int(row["total"]) if row else 0


def _of_lines(condition: str) -> str:
    return f"SELECT l.order_id FROM {JOINED} WHERE {condition}"


_LATE: Final = _of_lines(f"{DUE} AND NOT ({ON_TIME})")
_BEHIND: Final[Mapping[Figure, str]] = {
    Figure.SHARE: _of_lines(f"{PAID} AND l.presale"),
    Figure.ON_TIME: _LATE,
    Figure.LATE: _LATE,
    Figure.FULFILMENT: _of_lines(f"{DUE} AND l.shipped_at IS NULL"),
    Figure.REFUND_RATE: _of_lines(f"{PAID} AND l.presale AND {REFUNDED}"),
    Figure.BAD_REVIEWS: (
        "SELECT order_id FROM review WHERE tenant_id = $1 AND store_id = $2 AND at >= $3 AND at <= $4 AND bad"
        " AND order_id IS NOT NULL"
    ),
}
