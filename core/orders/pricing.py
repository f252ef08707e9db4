"""What is ordered at the shop itself, at today's prices, and the stock that it takes. Money in fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.clock import utc_now
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import Write, as_uuid, fetch_rows
from core.ids import new_id
from core.orders.order_rows import load_lines
from core.orders.problems import refuse_order
from core.orders.values import LineView, OrderErrorCode, OrderProblem
from core.presale.values import WaveView
from core.presale.waves import WaveClaim, WaveWant, claim_waves, find_presale_lines, return_waves
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
class BasketLine:
    """One line to order. `wave`: the presale wave that it is sold from; None for spot goods."""

    id: UUID
    index: int
    offer: Offer
    quantity: int
    wave: WaveView | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines with their prices; `problems` say what keeps them from being ordered, `waves` take what is sold beforehand."""

    lines: tuple[BasketLine, ...] = ()
    problems: tuple[OrderProblem, ...] = ()
    waves: tuple[Write, ...] = ()

    @property
    def subtotal(self) -> int:
        return sum(line.offer.price * line.quantity for line in self.lines)

    @property
    def is_presale(self) -> bool:
        return any(line.wave for line in self.lines)


async def price_lines(tenant_id: UUID, store_id: UUID, lines: Sequence[LineInput], now: datetime) -> Basket:
    """The lines as the store sells them now: what its stock does not cover, beforehand if it can. Nothing is taken."""
    problems = _check_lines(lines)
    if problems:
        return Basket(problems=tuple(problems))
    offers = await _load_offers(tenant_id, store_id, {line.sku_id for line in lines})
    basket = _fill_basket(lines, offers)
    if basket.subtotal > MAX_AMOUNT:
        return Basket(problems=(refuse_order("too_large", "lines"),))
    return await _sell_beforehand(tenant_id, store_id, basket, now)


def _check_lines(lines: Sequence[LineInput]) -> list[OrderProblem]:
    if not 1 <= len(lines) <= MAX_LINES:
        return [refuse_order("lines", "lines", most=MAX_LINES)]
    return [
        refuse_order("quantity", "lines", str(index), "quantity", most=MAX_QUANTITY)
        for index, line in enumerate(lines)
        if not 1 <= line.quantity <= MAX_QUANTITY
    ]


def _fill_basket(lines: Sequence[LineInput], offers: Mapping[UUID, Offer]) -> Basket:
    unknown = [
        OrderProblem(OrderErrorCode.UNKNOWN_SKU, ("lines", str(index), "skuId"))
        for index, line in enumerate(lines)
        if line.sku_id not in offers
    ]
    known = [
        BasketLine(new_id(), index, offers[line.sku_id], line.quantity)
        for index, line in enumerate(lines)
        if line.sku_id in offers
    ]
    return Basket(tuple(known), tuple(unknown))


async def _sell_beforehand(tenant_id: UUID, store_id: UUID, basket: Basket, now: datetime) -> Basket:
    """The basket with the waves of its presale lines, and with what there is not enough of."""
    wanted = [(line.offer.sku_id, line.quantity) for line in basket.lines]
    stocks = {line.offer.sku_id: line.offer.stock for line in basket.lines}
    places = await find_presale_lines(tenant_id, store_id, wanted, stocks, now)
    beforehand = [line for place, line in enumerate(basket.lines) if place in places]
    spot = [line for place, line in enumerate(basket.lines) if place not in places]
    problems = [*basket.problems, *_find_shortages(spot)]
    if not beforehand:
        return Basket(basket.lines, tuple(problems))
    wants = [WaveWant(line.id, line.offer.sku_id, line.quantity, _path(line)) for line in beforehand]
    claim = await claim_waves(tenant_id, store_id, wants, now)
    if not isinstance(claim, WaveClaim):
        return Basket(basket.lines, (*problems, *claim))
    lines = tuple(replace(line, wave=claim.waves.get(line.id)) for line in basket.lines)
    return Basket(lines, tuple(problems), claim.writes)


def _find_shortages(lines: Sequence[BasketLine]) -> list[OrderProblem]:
    """Lines of one variant count together; the line is named with which there are too many."""
    problems, taken = [], dict[UUID, int]()
    for line in lines:
        stock = line.offer.stock
        taken[line.offer.sku_id] = taken.get(line.offer.sku_id, 0) + line.quantity
        if stock is not None and taken[line.offer.sku_id] > stock:
            left = {"reason": "left", "left": stock}
            problems.append(OrderProblem(OrderErrorCode.OUT_OF_STOCK, _path(line), values=left))
    return problems


def _path(line: BasketLine) -> tuple[str, ...]:
    return ("lines", str(line.index), "quantity")


def build_lines(tenant_id: UUID, order_id: UUID, basket: Basket) -> list[LineView]:
    """The lines of a new order."""
    return [
        LineView(
            id=line.id,
            tenant_id=tenant_id,
            order_id=order_id,
            line_key=str(position),
            position=position,
            title=line.offer.title[:_TITLE_LENGTH],
            quantity=line.quantity,
            unit_price=line.offer.price,
            total=line.offer.price * line.quantity,
            sku_id=line.offer.sku_id,
            presale=line.wave is not None,
            wave_id=line.wave.id if line.wave else None,
            promised_ship_at=line.wave.promised_ship_at if line.wave else None,
        )
        for position, line in enumerate(basket.lines, 1)
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
        wave_id=line.wave_id,
        promised_ship_at=line.promised_ship_at,
        fulfilment_risk=line.fulfilment_risk.value,
        refunded_quantity=0,
        shipped_quantity=0,
    )


def take_stock(tenant_id: UUID, store_id: UUID, order_id: UUID, basket: Basket) -> list[Write]:
    """Takes stock and waves. GuardFailed: there is not enough, it is not sold any more, or not at this price."""
    spot = [line for line in basket.lines if line.wave is None]
    prices = {line.offer.sku_id: line.offer.price for line in spot}
    wanted = merge_lines([LineInput(line.offer.sku_id, line.quantity) for line in spot])
    taken = [_take(tenant_id, store_id, order_id, line, prices[line.sku_id]) for line in wanted]
    return [*basket.waves, *(write for writes in taken for write in writes)]


async def return_stock(tenant_id: UUID, order_id: UUID) -> list[Write]:
    """Gives back what an order took of stock and waves, if it has not been given back. GuardFailed: look again."""
    lines = (await load_lines(tenant_id, [order_id]))[order_id]
    waves = await return_waves(tenant_id, [line.id for line in lines if line.wave_id])
    return [
        *waves,
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
