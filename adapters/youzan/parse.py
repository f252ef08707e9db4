"""Youzan's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.youzan.tables import (
    BEHIND_CODE,
    BEHIND_MISSING,
    FIXED_DATES,
    KIND_BY_PREFERENCE,
    MISSING_CODES,
    REFUSAL_BY_STATUS,
    STATUS_BY_CODE_STATUS,
    STATUS_BY_COUPON_STATUS,
    STATUS_BY_REFUND_STATE,
    STATUS_BY_TICKET_STATE,
    STATUS_BY_TRADE_STATUS,
    Kind,
)
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Refusal,
)
from core.channels.wire import (
    read_china_time,
    read_number,
    read_part,
    read_rows,
    read_yuan,
)

_LONG_NUMBER = re.compile(r"[A-Za-z0-9]*\d{5}[A-Za-z0-9]*")
# The codes themselves, and what a customer wrote or is called.
_PERSONAL = frozenset(
    {"code", "ticket_code", "promocode", "verify_person", "buyer_message", "buyer_messages", "buyer_nick"}
    | {"receiver_name", "receiver_mobile", "receiver_address", "buyer_phone", "fans_info", "mobile"}
)
UNSEEN = "unseen"
"""The receipt of a use of which Youzan shows neither a number nor a time."""


# ---------------------------------------------------------------------------------------------------- answers
@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any of Youzan's three forms. `code` is 0 for success; `gateway`: the business was not reached."""

    code: int
    body: Mapping[str, Any]
    message: str | None = None
    gateway: bool = False


def parse_answer(document: object, operation: str) -> Answer:
    """Reads whichever form it is; an error beside a success counts. Raises ProtocolFailure where it is none."""
    if not isinstance(document, dict):
        raise ProtocolFailure("the answer is no object", operation=operation)
    if "gw_err_resp" in document:
        error = read_part(document, "gw_err_resp", "")
        return _refuse(error.get("err_code"), error.get("err_msg"), "gw_err_resp.err_code", gateway=True)
    if "error_response" in document:
        error = read_part(document, "error_response", "")
        return _refuse(error.get("code"), error.get("msg"), "error_response.code")
    if document.get("success") is False:
        return _refuse(document.get("code"), document.get("message"), "code")
    body = document.get("data" if document.get("success") is True else "response")
    if body is True:
        body = {"done": True}
    if not isinstance(body, dict):
        raise ProtocolFailure("the answer has no response", path="response", operation=operation)
    return Answer(0, body)


def _refuse(code: object, message: object, path: str, *, gateway: bool = False) -> Answer:
    number = read_number(code, path)
    if not number:
        raise ProtocolFailure("an error without a code", path=path)
    return Answer(number, {}, message if isinstance(message, str) else None, gateway)


def is_missing(answer: Answer) -> bool:
    """Whether a reading call says that there is no such code."""
    if answer.code == BEHIND_CODE:
        return BEHIND_MISSING in (answer.message or "")
    return answer.code in MISSING_CODES


def clean_message(text: str | None) -> str | None:
    """The platform's own words without what may be codes, tokens or phones."""
    return _LONG_NUMBER.sub("…", text[:200]) if text else None


# ---------------------------------------------------------------------------------------------------- handles
@dataclass(frozen=True, slots=True)
class Handle:
    """What must be known to redeem or ask about a coupon.

    `code` is what `get` wants; `ticket` is a ticket's own number, and `tickets` how many its QR stands for.
    """

    kind: Kind
    code: str
    ticket: str = ""
    tickets: int = 1

    def __repr__(self) -> str:
        return f"Handle({self.kind})"

    def write(self) -> str:
        """As core keeps it."""
        return f"{self.kind}/{self.code}/{self.ticket}/{self.tickets}"


def parse_handle(text: str) -> Handle:
    """A handle that `Handle.write` wrote. Raises ValueError for another text."""
    kind, code, ticket, tickets = text.split("/")
    return Handle(Kind(kind), code, ticket, int(tickets))


# ---------------------------------------------------------------------------------------------------- coupons
@dataclass(frozen=True, slots=True)
class Shown:
    """One coupon as `get` shows it, its use if it has one, and the fen that the use took off if it says so."""

    coupon: ChannelCoupon
    use: PlatformUse | None
    used_value: int | None = None


def parse_shown(kind: Kind, code: str, body: Mapping[str, Any], now: datetime) -> tuple[Shown, ...]:
    """What `get` answered for `code`, in Youzan's order. Raises ProtocolFailure naming the place."""
    match kind:
        case Kind.TICKET:
            return _parse_tickets(code, body)
        case Kind.CODE:
            return (_parse_code(code, body),)
        case Kind.COUPON:
            return (_parse_coupon(code, body, now),)


def find_order(kind: Kind, body: Mapping[str, Any]) -> str | None:
    """The number of the order; coupons have none."""
    return None if kind is Kind.COUPON else read_id(body.get("tid"), "tid")


def find_obstacle(shown: Shown) -> Refusal | None:
    """Why this coupon cannot be used now; None where nothing is against it."""
    return REFUSAL_BY_STATUS.get(shown.coupon.status)


def _parse_tickets(code: str, body: Mapping[str, Any]) -> tuple[Shown, ...]:
    rows = read_rows(body, "tickets", "")
    if not rows:
        raise ProtocolFailure("a QR without tickets", path="tickets")
    return tuple(_parse_ticket(code, row, len(rows), body, f"tickets[{n}]") for n, row in enumerate(rows))


def _parse_ticket(
    code: str, row: Mapping[str, Any], tickets: int, body: Mapping[str, Any], path: str
) -> Shown:
    number = read_id(row.get("ticket_code"), f"{path}.ticket_code")
    status = STATUS_BY_TICKET_STATE.get(str(row.get("ticket_state")), CouponStatus.UNRECOGNISED)
    coupon = ChannelCoupon(
        reference=f"ticket-{number}",
        handle=Handle(Kind.TICKET, code, number, tickets).write(),
        kind=CouponKind.EXCHANGE,
        title=str(body.get("title") or ""),
        status=status,
        # Documented as a number called "price of the goods"; that it is yuan is INFERRED.
        face_value=read_yuan(body.get("item_price"), "item_price"),
        times_remaining=_count_left(status),
        raw={**_keep_raw(body, "tickets"), "tickets": [_keep_raw(row)]},
    )
    return Shown(coupon, _parse_use(status, row.get("verify_time"), f"{path}.verify_time"))


def _parse_code(code: str, body: Mapping[str, Any]) -> Shown:
    trade = read_part(body, "trade", "")
    orders = read_rows(trade, "orders", "trade")
    status = _read_code_status(body, trade, orders)
    coupon = ChannelCoupon(
        reference=read_id(body.get("tid"), "tid"),
        handle=Handle(Kind.CODE, code).write(),
        kind=CouponKind.EXCHANGE,
        title=str(orders[0].get("title") or "") if orders else "",
        status=status,
        face_value=_read_total(trade, orders),
        paid_amount=read_yuan(trade.get("payment"), "trade.payment"),
        times_remaining=_count_left(status),
        raw={**_keep_raw(body, "trade"), "trade": _keep_trade(trade, orders)},
    )
    return Shown(coupon, _parse_use(status, body.get("use_time"), "use_time"))


def _read_code_status(
    body: Mapping[str, Any], trade: Mapping[str, Any], orders: Sequence[Mapping[str, Any]]
) -> CouponStatus:
    number = read_number(body.get("status"), "status")
    status = STATUS_BY_CODE_STATUS.get(number or 0, CouponStatus.UNRECOGNISED)
    if status is not CouponStatus.AVAILABLE:
        return status
    if closed := STATUS_BY_TRADE_STATUS.get(str(trade.get("status"))):
        return closed
    # An order of several goods has one code; it is their own words that count only where there is one of them.
    word = trade.get("refund_state") or (orders[0].get("item_refund_state") if len(orders) == 1 else None)
    return STATUS_BY_REFUND_STATE.get(str(word), CouponStatus.UNRECOGNISED) if word else status


def _read_total(trade: Mapping[str, Any], orders: Sequence[Mapping[str, Any]]) -> int | None:
    """Fen that the goods of an order are listed at."""
    total = read_yuan(trade.get("total_fee"), "trade.total_fee")
    if total is not None or not orders:
        return total
    prices = [read_yuan(order.get("price"), "trade.orders.price") for order in orders]
    counts = [read_number(order.get("num"), "trade.orders.num") for order in orders]
    known = [p * n for p, n in zip(prices, counts, strict=True) if p is not None and n is not None and n > 0]
    return sum(known) if len(known) == len(orders) else None


def _parse_coupon(code: str, body: Mapping[str, Any], now: datetime) -> Shown:
    group = read_part(body, "coupon", "")
    starts, ends = _read_dates(group)
    status = _read_coupon_status(body, starts, ends, now)
    preference = read_number(group.get("preferential_type"), "coupon.preferential_type")
    coupon = ChannelCoupon(
        reference=_read_coupon_id(body),
        handle=Handle(Kind.COUPON, code).write(),
        kind=KIND_BY_PREFERENCE.get(preference or 0, CouponKind.UNRECOGNISED),
        title=str(group.get("title") or ""),
        status=status,
        face_value=_read_coupon_value(group, preference),
        valid_from=starts,
        valid_until=ends,
        times_remaining=_count_left(status),
        raw={**_keep_raw(body, "coupon"), "coupon": _keep_raw(group)},
    )
    used_value = read_number(body.get("used_value"), "used_value")
    return Shown(
        coupon, _parse_coupon_use(body, status), used_value if used_value and used_value > 0 else None
    )


def _read_coupon_id(body: Mapping[str, Any]) -> str:
    """The two ids count apart, so one of them needs a mark; pushes name a coupon by its bare id."""
    if body.get("promocard_id"):
        return read_id(body["promocard_id"], "promocard_id")
    return mark_promocode(read_id(body.get("promocode_id"), "promocard_id"))


def mark_promocode(number: str) -> str:
    """Our reference of the promotion code with this id."""
    return f"promocode-{number}"


def _read_dates(group: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """From when until when a coupon counts; unknown where its days count from the day it was taken."""
    if read_number(group.get("date_type"), "coupon.date_type") != FIXED_DATES:
        return None, None
    starts = read_time(group.get("start_at"), "coupon.start_at")
    return starts, read_time(group.get("end_at"), "coupon.end_at")


def _read_coupon_status(
    body: Mapping[str, Any], starts: datetime | None, ends: datetime | None, now: datetime
) -> CouponStatus:
    number = read_number(body.get("status"), "status")
    if number is None:
        return CouponStatus.UNRECOGNISED
    status = STATUS_BY_COUPON_STATUS.get(number, CouponStatus.UNRECOGNISED)
    if status is CouponStatus.AVAILABLE and ends and now > ends:
        return CouponStatus.EXPIRED
    if status is CouponStatus.AVAILABLE and starts and now < starts:
        return CouponStatus.NOT_YET_VALID
    return status


def _read_coupon_value(group: Mapping[str, Any], preference: int | None) -> int | None:
    """Fen; None for a percentage, and for an amount that is drawn only when it is used."""
    value = read_yuan(group.get("value"), "coupon.value")
    drawn = read_number(group.get("is_random"), "coupon.is_random")
    return value if KIND_BY_PREFERENCE.get(preference or 0) is CouponKind.CASH_VOUCHER and not drawn else None


def _count_left(status: CouponStatus) -> int:
    return 0 if status is CouponStatus.REDEEMED else 1


def _keep_raw(wire: Mapping[str, Any], *without: str) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if key not in _PERSONAL and key not in without}


def _keep_trade(trade: Mapping[str, Any], orders: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {**_keep_raw(trade, "orders"), "orders": [_keep_raw(order) for order in orders]}


# ------------------------------------------------------------------------------------------------------- uses
def _parse_use(status: CouponStatus, time: object, path: str) -> PlatformUse | None:
    """The one use of a ticket or a virtual code. Youzan gives it no number, so its time stands for one."""
    if status is not CouponStatus.REDEEMED:
        return None
    return PlatformUse(_write_receipt(time), read_time(time, path))


def _parse_coupon_use(body: Mapping[str, Any], status: CouponStatus) -> PlatformUse | None:
    if status is not CouponStatus.REDEEMED:
        return None
    used_at = read_time(body.get("consume_at"), "consume_at")
    number = body.get("consume_id")
    if number:
        return PlatformUse(read_id(number, "consume_id"), used_at)
    # Without a number it was used up in an order of the online shop.
    return PlatformUse(_write_receipt(body.get("consume_at")), used_at, by_merchant_api=False)


def _write_receipt(time: object) -> str | None:
    return re.sub(r"\D", "", time) or None if isinstance(time, str) else None


# ---------------------------------------------------------------------------------------------- single values
def read_id(value: object, path: str) -> str:
    """An id as text, whether it came as text or as a number. Raises ProtocolFailure where there is none."""
    if isinstance(value, str) and 0 < len(value) <= 128:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    raise ProtocolFailure("an id is missing", path=path)


def read_time(value: object, path: str) -> datetime | None:
    """A Beijing time in UTC (INFERRED: no document names the zone); empty and all-zero ones are none."""
    if isinstance(value, str) and value.startswith("0000-00-00"):
        return None
    return read_china_time(value, path)
