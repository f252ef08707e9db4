"""What is ordered at the shop itself, at today's prices, and the stock that it takes. Money in fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.clock import utc_now
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import Write, as_uuid, fetch_rows
from core.ids import new_id
from core.orders.problems import refuse_order
from core.orders.values import LineView, OrderErrorCode, OrderProblem
from core.reservations.preorders import LineInput, merge_lines

MAX_LINES: Final = 100
MAX_QUANTITY: Final = 10_000
MAX_AMOUNT: Final = 2_000_000_000
_TITLE_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant as it is sold now. `stock` None: not counted."""

    sku_id: UUID
    title: str
    price: int
    stock: int | None


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines with their prices; `problems` say what keeps them from being ordered."""

    lines: tuple[tuple[Offer, int], ...]
    problems: tuple[OrderProblem, ...] = ()

    @property
    def subtotal(self) -> int:
        return sum(offer.price * quantity for offer, quantity in self.lines)


async def price_lines(tenant_id: UUID, store_id: UUID, lines: Sequence[LineInput]) -> Basket:
    """The lines as the store sells them now. Nothing is taken."""
    problems = _check_lines(lines)
    if problems:
        return Basket((), tuple(problems))
    offers = await _load_offers(tenant_id, store_id, {line.sku_id for line in lines})
    return _fill_basket(lines, offers)


def _check_lines(lines: Sequence[LineInput]) -> list[OrderProblem]:
    if not 1 <= len(lines) <= MAX_LINES:
        return [refuse_order("lines", "lines", most=MAX_LINES)]
    return [
        refuse_order("quantity", "lines", str(index), "quantity", most=MAX_QUANTITY)
        for index, line in enumerate(lines)
        if not 1 <= line.quantity <= MAX_QUANTITY
    ]


def _fill_basket(lines: Sequence[LineInput], offers: Mapping[UUID, Offer]) -> Basket:
    problems = [
        OrderProblem(OrderErrorCode.UNKNOWN_SKU, ("lines", str(index), "skuId"))
        for index, line in enumerate(lines)
        if line.sku_id not in offers
    ]
    problems += _find_shortages(lines, offers)
    basket = Basket(
        tuple((offers[line.sku_id], line.quantity) for line in lines if line.sku_id in offers),
        tuple(problems),
    )
    if basket.subtotal > MAX_AMOUNT:
        return Basket((), (*problems, refuse_order("too_large", "lines")))
    return basket


def _find_shortages(lines: Sequence[LineInput], offers: Mapping[UUID, Offer]) -> list[OrderProblem]:
    """Lines of one variant count together; the line is named with which there are too many."""
    problems, taken = [], dict.fromkeys(offers, 0)
    for index, line in enumerate(lines):
        offer = offers.get(line.sku_id)
        if offer is None or offer.stock is None:
            continue
        taken[offer.sku_id] += line.quantity
        if taken[offer.sku_id] > offer.stock:
            path = ("lines", str(index), "quantity")
            left = {"reason": "left", "left": offer.stock}
            problems.append(OrderProblem(OrderErrorCode.OUT_OF_STOCK, path, values=left))
    return problems


def build_lines(tenant_id: UUID, order_id: UUID, basket: Basket) -> list[LineView]:
    """The lines of a new order."""
    return [
        LineView(
            id=new_id(),
            tenant_id=tenant_id,
            order_id=order_id,
            line_key=str(position),
            position=position,
            title=offer.title[:_TITLE_LENGTH],
            quantity=quantity,
            unit_price=offer.price,
            total=offer.price * quantity,
            sku_id=offer.sku_id,
        )
        for position, (offer, quantity) in enumerate(basket.lines, 1)
    ]


def insert_line(line: LineView) -> Write:
    """The INSERT of a line that nothing was shipped of yet."""
    return insert_row(
        "order_line",
        id=line.id,
        tenant_id=line.tenant_id,
        order_id=line.order_id,
        line_key=line.line_key,
        position=line.position,
        sku_id=line.sku_id,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        total=line.total,
        presale=line.presale,
        fulfilment_risk=line.fulfilment_risk.value,
        refunded_quantity=0,
        shipped_quantity=0,
    )


def take_stock(tenant_id: UUID, store_id: UUID, order_id: UUID, basket: Basket) -> list[Write]:
    """Takes the stock of every variant. GuardFailed: there is not enough, it is not sold any more, or not at this price."""
    prices = {offer.sku_id: offer.price for offer, _ in basket.lines}
    wanted = merge_lines([LineInput(offer.sku_id, quantity) for offer, quantity in basket.lines])
    return [
        write for line in wanted for write in _take(tenant_id, store_id, order_id, line, prices[line.sku_id])
    ]


def return_stock(tenant_id: UUID, order_id: UUID) -> list[Write]:
    """Gives back what an order took, if it has not been given back."""
    return [
        # The stock first: where writes run in turn, the row must still say that it was not released.
        Write(
            "UPDATE sku SET stock = stock + (SELECT quantity FROM order_stock WHERE tenant_id = $1"
            " AND order_id = $2 AND sku_id = sku.id) WHERE tenant_id = $1 AND stock IS NOT NULL AND id IN"
            " (SELECT sku_id FROM order_stock WHERE tenant_id = $1 AND order_id = $2 AND counted"
            " AND NOT released)",
            (tenant_id, order_id),
        ),
        Write(
            "UPDATE order_stock SET released = TRUE WHERE tenant_id = $1 AND order_id = $2 AND NOT released",
            (tenant_id, order_id),
        ),
    ]


def _take(tenant_id: UUID, store_id: UUID, order_id: UUID, line: LineInput, price: int) -> list[Write]:
    # What it takes is noted first: where writes run in turn, the stock must still be counted as it was.
    note = Write(
        "INSERT INTO order_stock (id, created_at, tenant_id, order_id, sku_id, quantity, counted, released)"
        " SELECT $1, $2, tenant_id, $3, id, $4, stock IS NOT NULL, FALSE FROM sku WHERE tenant_id = $5 AND id = $6",
        (new_id(), utc_now(), order_id, line.quantity, tenant_id, line.sku_id),
        expects=1,
    )
    take = Write(
        "UPDATE sku SET stock = stock - $1 WHERE tenant_id = $2 AND store_id = $3 AND id = $4 AND active"
        " AND price = $5 AND (stock IS NULL OR stock >= $1)",
        (line.quantity, tenant_id, store_id, line.sku_id, price),
        expects=1,
    )
    return [note, take]


async def _load_offers(tenant_id: UUID, store_id: UUID, sku_ids: set[UUID]) -> dict[UUID, Offer]:
    where = Where(tenant_id)
    where.add("store_id = ?", store_id)
    where.add_any("id", sorted(sku_ids))
    rows = await fetch_rows(
        "SELECT id, name, price, stock, (SELECT title FROM product WHERE product.tenant_id = sku.tenant_id"
        f" AND product.id = sku.product_id) AS product FROM sku WHERE {where} AND active",
        *where.values,
    )
    return {offer.sku_id: offer for offer in map(_read_offer, rows)}


def _read_offer(row: Mapping[str, Any]) -> Offer:
    return Offer(
        as_uuid(row["id"]), f"{row['product'] or ''} {row['name']}".strip(), row["price"], row["stock"]
    )
