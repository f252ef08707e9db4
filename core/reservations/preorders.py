"""Stock of what is pre-ordered: taken with the booking, given back with its cancellation, never below zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.clock import utc_now
from core.db.statements import Write, as_uuid, fetch_rows
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import ReservationErrorCode, ReservationProblem

_FIELD = "preorder"


@dataclass(frozen=True, slots=True)
class LineInput:
    """How many of one variant are ordered."""

    sku_id: UUID
    quantity: int


def claim_stock(tenant_id: UUID, store_id: UUID, lines: Sequence[LineInput], reservation_id: UUID) -> Claim:
    """The claim on everything that is pre-ordered. Lines of one variant count together.

    The price of a line is that of the variant at this moment. Variants without a stock are not counted.
    """
    merged = merge_lines(lines)
    writes = [write for line in merged for write in _take_line(tenant_id, store_id, line, reservation_id)]

    async def explain() -> ReservationProblem | None:
        stocks = await _load_stocks(tenant_id, store_id, [line.sku_id for line in merged])
        for index, line in enumerate(lines):
            if line.sku_id not in stocks:
                return ReservationProblem(
                    ReservationErrorCode.INVALID, (_FIELD, str(index), "skuId"), values={"reason": "sku"}
                )
        for line in merged:
            stock = stocks[line.sku_id]
            if stock is not None and stock < line.quantity:
                return ReservationProblem(
                    ReservationErrorCode.OUT_OF_STOCK, _find_path(lines, line.sku_id), values={"left": stock}
                )
        return None

    return Claim(writes, explain)


def return_stock(tenant_id: UUID, reservation_id: UUID) -> list[Write]:
    """Gives back what a reservation took, if it has not been given back."""
    return [
        # The stock first: where writes run in turn, the line must still say that it was not released.
        Write(
            "UPDATE sku SET stock = stock + (SELECT quantity FROM preorder_line WHERE tenant_id = $1"
            " AND reservation_id = $2 AND sku_id = sku.id) WHERE tenant_id = $1 AND stock IS NOT NULL AND id IN"
            " (SELECT sku_id FROM preorder_line WHERE tenant_id = $1 AND reservation_id = $2 AND counted"
            " AND NOT released)",
            (tenant_id, reservation_id),
        ),
        Write(
            "UPDATE preorder_line SET released = TRUE WHERE tenant_id = $1 AND reservation_id = $2"
            " AND NOT released",
            (tenant_id, reservation_id),
        ),
    ]


def merge_lines(lines: Sequence[LineInput]) -> list[LineInput]:
    """One line for each variant, sorted, so that two bookings of the same things meet in the same order."""
    quantities: dict[UUID, int] = {}
    for line in lines:
        quantities[line.sku_id] = quantities.get(line.sku_id, 0) + line.quantity
    return [LineInput(sku_id, quantities[sku_id]) for sku_id in sorted(quantities)]


def _take_line(tenant_id: UUID, store_id: UUID, line: LineInput, reservation_id: UUID) -> list[Write]:
    take = Write(
        "UPDATE sku SET stock = stock - $1 WHERE tenant_id = $2 AND store_id = $3 AND id = $4 AND active"
        " AND (stock IS NULL OR stock >= $1)",
        (line.quantity, tenant_id, store_id, line.sku_id),
        expects=1,
    )
    record = Write(
        "INSERT INTO preorder_line (id, created_at, tenant_id, reservation_id, sku_id, title, quantity, unit_price,"
        " counted, released) SELECT $1, $2, sku.tenant_id, $3, sku.id, product.title || ' ' || sku.name, $4,"
        " sku.price, sku.stock IS NOT NULL, FALSE FROM sku JOIN product ON product.tenant_id = sku.tenant_id"
        " AND product.id = sku.product_id WHERE sku.tenant_id = $5 AND sku.id = $6",
        (new_id(), utc_now(), reservation_id, line.quantity, tenant_id, line.sku_id),
        expects=1,
    )
    return [take, record]


async def _load_stocks(tenant_id: UUID, store_id: UUID, sku_ids: Sequence[UUID]) -> dict[UUID, int | None]:
    places = ", ".join(f"${number}" for number in range(3, len(sku_ids) + 3))
    rows = await fetch_rows(
        f"SELECT id, stock FROM sku WHERE tenant_id = $1 AND store_id = $2 AND active AND id IN ({places})",
        tenant_id,
        store_id,
        *sku_ids,
    )
    return {as_uuid(row["id"]): row["stock"] for row in rows}


def _find_path(lines: Sequence[LineInput], sku_id: UUID) -> tuple[str, ...]:
    index = next(index for index, line in enumerate(lines) if line.sku_id == sku_id)
    return (_FIELD, str(index), "quantity")
