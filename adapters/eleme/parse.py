"""TOP's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.eleme.tables import (
    BUSY_CODES,
    MAYBE_OURSELVES,
    PLATFORM_FAULT,
    REFUSAL_BY_CODE,
    REFUSAL_BY_WORDS,
    REMOTE_CODES,
    REPEATED,
    REVERSAL_REFUSAL_BY_WORDS,
    TROUBLE_BY_CODE,
    Trouble,
)
from adapters.eleme.wire import ROOT_BY_METHOD, USE
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    Found,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalOrder,
)
from core.channels.wire import (
    read_china_time,
    read_id,
    read_yuan,
)

_LONG_NUMBER = re.compile(r"\d{7,}")
_KEPT_OF_ORDER = ("alsc_order_no", "alsc_sub_order_no", "item_id", "out_item_id")
# A receipt that the platform did not name starts so; the number of the redeeming call follows.
_NAMELESS = "request."


# ---------------------------------------------------------------------------------------------------- answers
@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to. `code` is None for success; else TOP's number (`by_gateway`) or the service's own word.

    `sub_code` and `words` are as the platform gave them; `retry` is the service's own "try again".
    """

    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    code: str | None = None
    by_gateway: bool = False
    sub_code: str = ""
    words: str | None = None
    retry: bool = False

    @property
    def quoted_code(self) -> str | None:
        """The code as a person may quote it: "27", "15/isp.unknown-error" or "TICKET_CODE_INVALID"."""
        return f"{self.code}/{self.sub_code}" if self.code and self.sub_code else self.code


def parse_answer(document: object, method: str) -> Answer:
    """The answer to `method`. Raises ProtocolFailure naming the place for what is none."""
    if not isinstance(document, dict):
        raise ProtocolFailure("the answer is no object")
    if "error_response" in document:
        return _parse_error(read_part(document["error_response"], "error_response"))
    root = ROOT_BY_METHOD[method]
    if not isinstance(document.get(root), dict):
        raise ProtocolFailure("the answer is to another call", path=root)
    body: dict[str, Any] = document[root]
    return Answer(body) if method == USE else _parse_result(body, root)


def _parse_error(wire: Mapping[str, Any]) -> Answer:
    code = read_id(wire.get("code"), "error_response.code")
    sub_code, words = wire.get("sub_code") or "", wire.get("sub_msg") or wire.get("msg")
    return Answer({}, code, True, str(sub_code)[:120], clean_words(words))


def _parse_result(body: Mapping[str, Any], root: str) -> Answer:
    result = read_part(body.get("result"), f"{root}.result")
    match result.get("success"):
        case True:
            return Answer(read_part(result.get("value"), f"{root}.result.value"))
        case False:
            code = read_id(result.get("error_code"), f"{root}.result.error_code")
            words = clean_words(result.get("error_msg"))
            return Answer({}, code, words=words, retry=result.get("retry") is True)
    raise ProtocolFailure("the answer tells no outcome", path=f"{root}.result.success")


def find_trouble(answer: Answer) -> Trouble | None:
    """What is wrong with the call itself; None where it went well or the voucher was refused."""
    if answer.code is None:
        return None
    if answer.by_gateway and answer.code in TROUBLE_BY_CODE:
        return TROUBLE_BY_CODE[answer.code]
    silent = answer.by_gateway and answer.code in REMOTE_CODES and not answer.sub_code
    at_fault = answer.sub_code.startswith(PLATFORM_FAULT)
    busy = _read_word(answer) in BUSY_CODES
    return Trouble.BUSY if silent or at_fault or busy or answer.retry else None


def parse_refusal(answer: Answer) -> Refused:
    """Why a voucher was refused: by its code, else by its words, else REFUSED_BY_CHANNEL."""
    reason = REFUSAL_BY_CODE.get(_read_word(answer)) or _read_reason(answer, REFUSAL_BY_WORDS)
    return Refused(reason, answer.quoted_code, answer.words)


def parse_reversal_refusal(answer: Answer) -> Refused:
    """Why a reversal was refused."""
    reason = _read_reason(answer, REVERSAL_REFUSAL_BY_WORDS)
    return Refused(reason, answer.quoted_code, answer.words)


def _read_word(answer: Answer) -> str:
    return (answer.sub_code or answer.code or "").removeprefix("isv.")


def _read_reason(answer: Answer, table: Sequence[tuple[re.Pattern[str], Refusal]]) -> Refusal:
    words = answer.words or ""
    fitting = (refusal for pattern, refusal in table if pattern.search(words))
    return next(fitting, Refusal.REFUSED_BY_CHANNEL)


def clean_words(text: object) -> str | None:
    """The platform's own words without long numbers, which may be codes or phones."""
    return _LONG_NUMBER.sub("…", text)[:200] if isinstance(text, str) and text else None


# ---------------------------------------------------------------------------------------------------- vouchers
def parse_found(value: Mapping[str, Any], code: str) -> Found | Refused:
    """What consult found: the voucher that was asked for first, for it is what its code redeems.

    An order without a usable voucher may be used, expired or paid back: the platform does not say.
    """
    usable = [coupon for coupon in parse_coupons(value, code) if coupon.times_remaining]
    if not usable:
        _check_emptiness(value)
        return Refused(Refusal.ALREADY_REDEEMED, vague=True)
    order_no = value.get("alsc_order_no")
    return Found(tuple(usable), read_id(order_no, "value.alsc_order_no") if order_no else None)


def _check_emptiness(value: Mapping[str, Any]) -> None:
    """An answer that says nothing is not the statement that nothing can be used."""
    available = read_whole(value.get("available_quantity"), "value.available_quantity")
    if available or (available is None and "ticket_info_list" not in value):
        raise ProtocolFailure("no voucher is listed", path="value.ticket_info_list")


def parse_coupons(value: Mapping[str, Any], code: str) -> list[ChannelCoupon]:
    """The vouchers of a consult answer, all usable; that with `code` comes first."""
    path = "value.ticket_info_list"
    tickets = read_wrapped(value.get("ticket_info_list"), path)
    tickets.sort(key=lambda ticket: ticket.get("ticket_code") != code)
    available = read_whole(value.get("available_quantity"), "value.available_quantity")
    order = {key: value[key] for key in _KEPT_OF_ORDER if value.get(key)}
    coupons = [_parse_coupon(ticket, order, available, path) for ticket in tickets]
    if len({coupon.reference for coupon in coupons}) < len(coupons):
        raise ProtocolFailure("a voucher is listed twice", path=path)
    return coupons


def _parse_coupon(
    ticket: Mapping[str, Any], order: Mapping[str, Any], available: int | None, path: str
) -> ChannelCoupon:
    reference = read_id(ticket.get("ticket_id"), f"{path}.ticket_id")
    total = read_whole(ticket.get("quantity"), f"{path}.quantity") or 1
    remaining = total if available is None else min(total, available)
    status = CouponStatus.AVAILABLE if remaining == total else CouponStatus.PARTLY_REDEEMED
    return ChannelCoupon(
        reference=reference,
        handle=f"{reference}*{total}",
        # Consult tells cards by their number of uses, and nothing about other kinds.
        kind=CouponKind.TIMES_CARD if total > 1 else CouponKind.UNRECOGNISED,
        title=str(ticket.get("ticket_name") or ""),
        status=status if remaining else CouponStatus.REDEEMED,
        face_value=read_whole(ticket.get("original_price"), f"{path}.original_price"),
        paid_amount=read_whole(ticket.get("real_amount"), f"{path}.real_amount"),
        times_total=total,
        times_remaining=remaining,
        raw={**order, **{key: kept for key, kept in ticket.items() if key != "ticket_code"}},
    )


def parse_state(value: Mapping[str, Any], code: str, reference: str) -> CouponState:
    """The state of a voucher: consult lists it whole where nobody used it, and does not tell what became of others.

    Raises ProtocolFailure for an answer that says nothing.
    """
    coupons = parse_coupons(value, code)
    if not coupons:
        _check_emptiness(value)
    for coupon in coupons:
        if coupon.reference == reference:
            return CouponState(reference, coupon.status, (), coupon.raw)
    return CouponState(reference, CouponStatus.UNRECOGNISED)


# --------------------------------------------------------------------------------------------------- outcomes
def parse_outcomes(
    answer: Answer, order: RedeemOrder, request_id: str, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item of the order. Raises ProtocolFailure where one is left open."""
    if answer.code is not None:
        return _refuse_all(order, _doubt(parse_refusal(answer), order.attempt))
    body = answer.body
    if body.get("ticket_request_id") != request_id:
        raise ProtocolFailure("the answer is to another request", path="ticket_request_id")
    used_at = read_china_time(body.get("use_date"), "use_date")
    biz_code = body.get("biz_code") or ""
    if biz_code and biz_code not in REPEATED:
        raise ProtocolFailure("an unlisted biz_code", path="biz_code", platform_code=str(biz_code)[:60])
    if biz_code and order.attempt == 1:
        refused = Refused(Refusal.ALREADY_REDEEMED, str(biz_code), redeemed_at=used_at)
        return _refuse_all(order, refused)
    return _parse_uses(body, order, request_id, used_at or (None if biz_code else answered_at))


def _refuse_all(order: RedeemOrder, refused: Refused) -> list[Redeemed | RedeemRefused]:
    return [RedeemRefused(item.reference, refused) for item in order.items]


def _doubt(refused: Refused, attempt: int) -> Refused:
    """What a refusal is worth: on a repeat it may be the effect of our own first call."""
    if attempt == 1:
        return refused
    if refused.reason is Refusal.REFUSED_BY_CHANNEL:
        code = refused.platform_code
        raise ProtocolFailure("an unlisted refusal on a repeat", path="code", platform_code=code)
    return replace(refused, reason=Refusal.ALREADY_REDEEMED) if refused.reason in MAYBE_OURSELVES else refused


def _parse_uses(
    body: Mapping[str, Any], order: RedeemOrder, request_id: str, used_at: datetime | None
) -> list[Redeemed | RedeemRefused]:
    rows = read_wrapped(body.get("ticket_use_details"), "ticket_use_details")
    references = {item.reference for item in order.items}
    if any(str(row.get("ticket_id")) not in references for row in rows):
        raise ProtocolFailure("another voucher was used", path="ticket_use_details.ticket_id")
    if not rows and len(order.items) == 1 and body.get("ticket_trans_id"):
        rows = [{**body, "ticket_id": order.items[0].reference}]
    return [
        Redeemed(item.reference, _parse_receipts(rows, item, request_id, used_at)) for item in order.items
    ]


def _parse_receipts(
    rows: Sequence[Mapping[str, Any]], item: RedeemItem, request_id: str, used_at: datetime | None
) -> tuple[Receipt, ...]:
    """One receipt per use, named by the platform's number of the use.

    One row for several uses gives each a share of that number, and an answer without rows shares of our own:
    providers that joined late are not promised any numbers.
    """
    own = [row for row in rows if str(row.get("ticket_id")) == item.reference]
    if len(own) == item.times:
        return tuple(_parse_receipt(row, used_at) for row in own)
    if len(own) == 1:
        name = read_id(own[0].get("ticket_trans_id"), "ticket_use_details.ticket_trans_id")
    elif not rows:
        name = f"{_NAMELESS}{request_id}"
    else:
        message = f"{len(own)} numbers for {item.times} uses"
        raise ProtocolFailure(message, path="ticket_use_details.ticket_trans_id")
    shares = (f"{name}#{number}/{item.times}" for number in range(1, item.times + 1))
    return tuple(Receipt(share, used_at) for share in shares)


def _parse_receipt(row: Mapping[str, Any], used_at: datetime | None) -> Receipt:
    path = "ticket_use_details"
    name = read_id(row.get("ticket_trans_id"), f"{path}.ticket_trans_id")
    paid = read_yuan(row.get("buyer_pay_amount"), f"{path}.buyer_pay_amount")
    return Receipt(name, used_at, None, paid)


def list_transactions(order: ReversalOrder) -> list[str | None] | None:
    """The platform's numbers of the uses to take back, one per call; None stands for a use without a number.

    The whole answer is None where taking them back would take back other uses too: a share of a number, or a use
    without a number on a card, where only numbers tell uses apart.
    """
    shares: dict[str, set[str]] = {}
    for receipt in order.receipts:
        name, _, share = receipt.partition("#")
        shares.setdefault(name, set()).add(share)
    if any(not _is_whole(parts) for parts in shares.values()):
        return None
    nameless = [name for name in shares if name.startswith(_NAMELESS)]
    if nameless and not order.handle.endswith("*1"):
        return None
    return [None if name in nameless else name for name in shares]


def _is_whole(shares: set[str]) -> bool:
    counts = {share.partition("/")[2] for share in shares}
    return counts == {""} or counts == {str(len(shares))}


# ---------------------------------------------------------------------------------------------- single values
def read_part(value: object, path: str) -> Mapping[str, Any]:
    """An object, empty where it is null or missing. Raises ProtocolFailure for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolFailure("not an object", path=path)
    return value


def read_wrapped(value: object, path: str) -> list[dict[str, Any]]:
    """A list of objects. TOP wraps it in an object named after its rows (INFERRED), or leaves it bare."""
    rows = next(iter(value.values()), None) if isinstance(value, dict) and len(value) <= 1 else value
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolFailure("not a list of objects", path=path)
    return list(rows)


def read_whole(value: object, path: str) -> int | None:
    """A number that counts something, such as fen. Raises ProtocolFailure for anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value, re.ASCII):
        return int(value)
    raise ProtocolFailure("not a whole number", path=path)
