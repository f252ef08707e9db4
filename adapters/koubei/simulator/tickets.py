"""The ticket-code calls of the simulated platform. Codes that no document lists are marked INFERRED."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from adapters.koubei.parse_tickets import name_receipts
from adapters.koubei.simulator.state import Coupon, Fields, Memory, Order, PlatformError, require
from core.channels.wire import (
    write_china_time,
)
from core.money import format_yuan
from core.testing.simulator import SimulatorClock, Use

ORIGINAL, CURRENT, PAID, SUBSIDY, DISCOUNT = 9900, 8800, 8000, 500, 300  # fen, for one use
_REQUEST_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)


class TicketDesk:
    """Query, use and cancel over the orders of the simulator."""

    def __init__(
        self, orders: Sequence[Order], clock: SimulatorClock, draw_number: Callable[[], int]
    ) -> None:
        self._orders = orders
        self._clock = clock
        self._draw_number = draw_number
        self._uses = Memory()

    def query(self, body: Fields) -> Fields:
        """koubei.trade.ticket.ticketcode.query"""
        require(body, "ticket_code", "shop_id")
        order, ticket = self._find(body["ticket_code"])
        return write_ticket(order, ticket, self._judge(ticket, body["shop_id"]))

    def use(self, body: Fields) -> Fields:
        """koubei.trade.ticket.ticketcode.use"""
        require(body, "request_id", "ticket_code", "shop_id")
        if not _REQUEST_ID.fullmatch(body["request_id"]):
            raise PlatformError("isv.invalid-parameter", "40002")
        known = self._uses.recall(body["request_id"], body)
        if known is not None:
            return {**known, "biz_code": "BIZ_ALREADY_SUCCESS"}
        return self._uses.keep(body["request_id"], body, lambda: self._use(body))

    def cancel(self, body: Fields) -> Fields:
        """koubei.trade.ticket.ticketcode.cancel"""
        require(body, "request_id", "request_biz_no", "ticket_code")
        _, ticket = self._find(body["ticket_code"])
        uses = [use for use in ticket.uses if use.token == body["request_id"]]
        answer = {"request_id": body["request_id"]}
        if uses and all(use.reversed_at for use in uses):
            return {**answer, "biz_code": "BIZ_ALREADY_SUCCESS"}  # INFERRED
        if not uses or int(body.get("quantity") or 1) != len(uses):
            raise PlatformError("INVALID_PARAMETER")  # INFERRED
        for use in uses:
            use.reversed_at = self._clock.now()
        return answer

    def _find(self, code: str) -> tuple[Order, Coupon]:
        tickets = ((order, each) for order in self._orders for each in order.coupons)
        found = next(
            (pair for pair in tickets if pair[1].code == code and not pair[0].recipe.certificate), None
        )
        if found is None:
            raise PlatformError("TICKET_CODE_INVALID")
        return found

    def _judge(self, ticket: Coupon, shop_id: str) -> str:
        if ticket.recipe.status or not ticket.left():
            return ticket.recipe.status or "USED"
        fits = shop_id == ticket.recipe.shop_id and ticket.is_current(self._clock.now())
        return "EFFECTIVE" if fits else "UN_EFFECTIVE"

    def _use(self, body: Fields) -> Fields:
        order, ticket = self._find(body["ticket_code"])
        count, now = int(body.get("quantity") or 1), self._clock.now()
        self._check_use(ticket, body["shop_id"], count)
        trans_id = f"2023111500{self._draw_number():010d}"
        for name in name_receipts(trans_id, count):
            ticket.uses.append(Use(name, body["request_id"], body["shop_id"], now))
        return {
            "request_id": body["request_id"],
            "ticket_code": ticket.code,
            "ticket_trans_id": trans_id,
            "order_no": order.order_no,
            "voucher_id": ticket.reference,
            "item_name": ticket.recipe.title,
            **_write_prices(ticket.recipe.times),
            **_write_paid(count),
            "use_date": write_china_time(now),
            "use_shop_id": body["shop_id"],
            "ticket_use_details": [],
        }

    def _check_use(self, ticket: Coupon, shop_id: str, count: int) -> None:
        status = self._judge(ticket, shop_id)
        if status == "USED":
            raise PlatformError("TICKET_ALREADY_USED")
        if status not in {"EFFECTIVE", "UN_EFFECTIVE"}:
            raise PlatformError("TICKET_CODE_INVALID")  # INFERRED
        if not ticket.is_current(self._clock.now()):
            raise PlatformError("TICKET_EXPIRED")
        if status == "UN_EFFECTIVE":
            raise PlatformError("TICKET_SHOP_NOT_MATCH")
        if count > ticket.left():
            raise PlatformError("INVALID_PARAMETER")  # INFERRED


def write_ticket(order: Order, ticket: Coupon, status: str) -> Fields:
    """A ticket as its query shows it."""
    is_card = ticket.recipe.times > 1
    return {
        "ticket_code": ticket.code,
        "ticket_status": status,
        "item_id": "2017120500077000000000000001",
        "item_name": ticket.recipe.title,
        "item_alias": "tea-2",
        **_write_prices(ticket.recipe.times),
        "effect_date": write_china_time(ticket.starts_at),
        "expire_date": write_china_time(ticket.expires_at),
        "order_no": order.order_no,
        "voucher_id": ticket.reference,
        "available_quantity": str(ticket.left()),
        "total_quantity": str(ticket.recipe.times),
        "time_cards": "true" if is_card else "false",
        "tm_item_id": "",
        "ticket_trans_info_list": _write_transactions(ticket),
    }


def _write_transactions(ticket: Coupon) -> list[Fields]:
    """One row for each call: uses of a card that one call made are one transaction."""
    rows: list[Fields] = []
    for trans_id in dict.fromkeys(use.receipt.partition("#")[0] for use in ticket.uses):
        uses = [use for use in ticket.uses if use.receipt.partition("#")[0] == trans_id]
        rows.append(_write_transaction(trans_id, "USE", uses[0].used_at, len(uses)))
        if uses[0].reversed_at:
            rows.append(_write_transaction(f"{trans_id}9", "CANCEL", uses[0].reversed_at, len(uses)))
    return rows


def _write_transaction(trans_id: str, kind: str, moment: datetime, quantity: int) -> Fields:
    time = write_china_time(moment)
    return {
        "ticket_trans_id": trans_id,
        "ticket_trans_type": kind,  # INFERRED
        "create_time": time,
        "last_modify_time": time,
        "quantity": str(quantity),
    }


def _write_prices(times: int) -> Fields:
    return {"current_price": format_yuan(CURRENT * times), "original_price": format_yuan(ORIGINAL * times)}


def _write_paid(count: int) -> Fields:
    return {
        "buyer_pay_amount": format_yuan(PAID * count),
        "receipt_amount": format_yuan((PAID + SUBSIDY) * count),
        "discount_amount": format_yuan(DISCOUNT * count),
        "koubei_subsidy_amount": format_yuan(SUBSIDY * count),
        "invoice_amount": format_yuan(PAID * count),
    }
