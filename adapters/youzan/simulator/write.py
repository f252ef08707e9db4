"""State → the platform's documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.youzan.simulator.state import Piece, Voucher, write_time
from adapters.youzan.tables import Kind

TICKET_PRICE = "199.00"  # yuan
ORDER_TOTAL, ORDER_PAID = "79.00", "59.00"
COUPON_YUAN, COUPON_FEN = "10.00", 1000
FACE_VALUES = {Kind.TICKET: TICKET_PRICE, Kind.CODE: ORDER_TOTAL, Kind.COUPON: COUPON_YUAN}
TITLES = {Kind.TICKET: "双人下午茶电子券", Kind.CODE: "手作体验课", Kind.COUPON: "满50减10"}


def write_tickets(voucher: Voucher, now: datetime) -> dict[str, Any]:
    """As virtualticket.get answers."""
    tickets = [_write_ticket(voucher, piece, now) for piece in voucher.pieces]
    return {
        "code": voucher.code,
        "tid": voucher.tid,
        "state": tickets[0]["ticket_state"],
        "title": TITLES[voucher.kind],
        # The SDK reads a floating number here.
        "item_price": float(TICKET_PRICE),
        "create_time": write_time(voucher.made_at),
        "tickets": tickets,
    }


def _write_ticket(voucher: Voucher, piece: Piece, now: datetime) -> dict[str, Any]:
    state = "NOT_VERIFIED"
    if voucher.recipe.refunding:
        state = "REFUNDING"
    elif now > voucher.expires_at():
        state = "EXPIRED"
    living = piece.living()
    used_at = write_time(living[0].used_at) if living else ""
    return {
        "ticket_code": piece.number,
        "ticket_state": "VERIFIED" if living else state,
        "verify_time": used_at,
    }


def write_code(voucher: Voucher, now: datetime) -> dict[str, Any]:
    """As virtualcode.get answers."""
    living, recipe = voucher.pieces[0].living(), voucher.recipe
    order = {
        "oid": 18000001,
        "title": TITLES[voucher.kind],
        "num": "1",
        "item_type": 182,
        "is_virtual": 1,
        "price": ORDER_TOTAL,
        "payment": ORDER_PAID,
        "item_refund_state": recipe.refund_state,
        "buyer_messages": [{"title": "手机号", "content": "13800000000"}],
    }
    return {
        "code": voucher.code,
        "tid": voucher.tid,
        "status": 2 if living else 1,
        "send_time": write_time(voucher.made_at),
        "use_time": write_time(living[0].used_at) if living else "",
        "verify_person": "",
        "pay_type": "微信支付",
        "trade": {
            "created": write_time(voucher.made_at),
            "status": recipe.trade_status,
            "refund_state": recipe.refund_state,
            "total_fee": ORDER_TOTAL,
            "payment": ORDER_PAID,
            "buyer_message": "",
            "orders": [order],
        },
    }


def write_coupon(voucher: Voucher, now: datetime) -> dict[str, Any]:
    """As consume.get answers."""
    piece = voucher.pieces[0]
    living = piece.living()
    return {
        "code": voucher.code,
        "status": 1 if living else 0,
        "consume_at": write_time(living[0].used_at) if living else "",
        "consume_id": living[0].receipt if living and not voucher.recipe.online else "",
        "used_value": str(COUPON_FEN) if living else "0",
        "promocard_id": int(piece.number),
        "coupon": {
            "group_id": 2800001,
            "coupon_type": "PROMOCARD",
            "range_type": "ALL",
            "title": TITLES[voucher.kind],
            "value": COUPON_YUAN,
            "is_random": 0,
            "value_random_to": "0.00",
            "is_at_least": 1,
            "at_least": "50.00",
            "start_at": write_time(voucher.starts_at()),
            "end_at": write_time(voucher.expires_at()),
            "preferential_type": 1,
            "discount": 0,
            "date_type": 1,
            "status": 0,
        },
    }
