"""Koubei ticket codes → core's values. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import cast

import orjson

from adapters.koubei.parse import (
    find_obstacle,
    is_success,
    judge_dates,
    judge_times,
    keep_raw,
    parse_refusal,
    read_count,
    read_id,
    read_rows,
)
from adapters.koubei.tables import BEING_USED, STATUS_BY_TICKET_STATUS, UNFIT_SHOP, USE_TYPES
from adapters.koubei.wire import Fields, Ticket, TicketTransInfo, TicketUse
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
)
from core.channels.wire import (
    read_china_time,
    read_yuan,
)

_PART = re.compile(r"(?P<trans>.+)#\d+/(?P<count>\d+)")


@dataclass(frozen=True, slots=True)
class TicketHandle:
    """What a ticket is redeemed, asked about and taken back with.

    `request_id` is drawn at the look-up: a reversal must name the request that used the ticket, and no answer of
    the platform shows it again.
    """

    ticket_code: str = field(repr=False)
    request_id: str
    is_card: bool

    def write(self) -> str:
        """As the text that core keeps."""
        return orjson.dumps(asdict(self)).decode()


# ---------------------------------------------------------------------------------------------------- look-up
def parse_ticket(fields: Fields, request_id: str, now: datetime) -> ChannelCoupon:
    """The ticket of a query's answer as it stands at `now`; `request_id` is that of the use that may follow.

    What the customer paid is told only when the ticket is used.
    """
    wire = cast(Ticket, fields)
    total, remaining = _read_times(wire)
    starts, ends = read_china_time(wire.get("effect_date"), "effect_date"), _read_end(wire)
    is_card = _is_card(wire)
    handle = TicketHandle(read_id(wire.get("ticket_code"), "ticket_code"), request_id, is_card)
    return ChannelCoupon(
        reference=read_id(wire.get("voucher_id"), "voucher_id"),
        handle=handle.write(),
        kind=CouponKind.TIMES_CARD if is_card else CouponKind.UNRECOGNISED,
        title=str(wire.get("item_name") or ""),
        status=judge_dates(judge_times(_read_status(wire), total, remaining), now, starts, ends),
        face_value=read_yuan(wire.get("original_price"), "original_price"),
        valid_from=starts,
        valid_until=ends,
        times_total=total,
        times_remaining=remaining,
        raw=keep_raw(fields),
    )


def find_ticket_obstacle(fields: Fields, coupon: ChannelCoupon) -> Refusal | None:
    """Why the ticket cannot be used now in the shop that asked."""
    obstacle = find_obstacle(coupon)
    return obstacle or (Refusal.WRONG_STORE if fields.get("ticket_status") == UNFIT_SHOP else None)


def find_last_use(fields: Fields) -> datetime | None:
    """When the ticket was used last, as far as the answer tells."""
    moments = [_read_moment(row) for row in _list_uses(cast(Ticket, fields))]
    return max((moment for moment in moments if moment), default=None)


def _read_status(wire: Ticket) -> CouponStatus:
    return STATUS_BY_TICKET_STATUS.get(str(wire.get("ticket_status")), CouponStatus.UNRECOGNISED)


def _is_card(wire: Ticket) -> bool:
    return str(wire.get("time_cards")).lower() == "true"


def _read_times(wire: Ticket) -> tuple[int, int]:
    # Of other tickets the quantities count what else was bought with them: those have codes of their own.
    if not _is_card(wire):
        return 1, int(_read_status(wire) is not CouponStatus.REDEEMED)
    total = read_count(wire.get("total_quantity"), "total_quantity")
    remaining = read_count(wire.get("available_quantity"), "available_quantity")
    if not total or remaining is None or remaining > total:
        raise ProtocolFailure("a times card without its counts", path="total_quantity")
    return total, remaining


def _read_end(wire: Ticket) -> datetime | None:
    return read_china_time(wire.get("expire_date"), "expire_date")


# ------------------------------------------------------------------------------------------------------- uses
def parse_ticket_state(fields: Fields, reference: str, now: datetime) -> CouponState:
    """What a query says of the ticket with the asset id `reference`.

    Raises ProtocolFailure where it tells no state: while the ticket is being used, for an unlisted status, and
    where it is used without a word about by which call.
    """
    if fields.get("ticket_status") == BEING_USED:
        raise ProtocolFailure("the ticket is being used just now", path="ticket_status")
    coupon = parse_ticket(fields, "", now)
    if coupon.status is CouponStatus.UNRECOGNISED:
        raise ProtocolFailure("an unlisted ticket status", path="ticket_status")
    if coupon.reference != reference:
        raise ProtocolFailure("the answer is not about the ticket asked for", path="voucher_id")
    return CouponState(reference, coupon.status, _parse_uses(cast(Ticket, fields)), coupon.raw)


def _parse_uses(wire: Ticket) -> tuple[PlatformUse, ...]:
    rows = sorted(_list_uses(wire), key=lambda row: _read_moment(row) or datetime.max.replace(tzinfo=UTC))
    total, remaining = _read_times(wire)
    if remaining == total:
        return ()
    if not _is_card(wire):
        rows = rows[-1:]  # earlier uses must have been taken back
    if sum(_read_quantity(row) for row in rows) != total - remaining:
        raise ProtocolFailure("the ticket does not show which uses stand", path="ticket_trans_info_list")
    return tuple(
        PlatformUse(receipt, _read_moment(row))
        for row in rows
        for receipt in name_receipts(_read_trans(row), _read_quantity(row))
    )


def _list_uses(wire: Ticket) -> list[TicketTransInfo]:
    rows = cast("list[TicketTransInfo]", read_rows(cast(Fields, wire), "ticket_trans_info_list", ""))
    return [row for row in rows if str(row.get("ticket_trans_type")) in USE_TYPES]


def _read_moment(row: TicketTransInfo) -> datetime | None:
    path = "ticket_trans_info_list"
    return read_china_time(row.get("last_modify_time") or row.get("create_time"), path)


def _read_quantity(row: TicketTransInfo) -> int:
    return read_count(row.get("quantity"), "ticket_trans_info_list.quantity") or 1


def _read_trans(row: TicketTransInfo) -> str:
    return read_id(row.get("ticket_trans_id"), "ticket_trans_info_list.ticket_trans_id")


# ---------------------------------------------------------------------------------------------------- receipts
def name_receipts(trans_id: str, count: int) -> tuple[str, ...]:
    """One name for each use of a call: its transaction, numbered where it took several uses off a card."""
    return (trans_id,) if count == 1 else tuple(f"{trans_id}#{n}/{count}" for n in range(1, count + 1))


def count_uses(receipts: Sequence[str]) -> int | None:
    """How many uses the one call made that these receipts stand for; None where they are not all of one call."""
    first = _PART.fullmatch(receipts[0]) if receipts else None
    trans_id, count = (first["trans"], int(first["count"])) if first else ("".join(receipts[:1]), 1)
    return count if set(receipts) == set(name_receipts(trans_id, count)) else None


# ---------------------------------------------------------------------------------------------------- outcomes
def parse_ticket_use(
    fields: Fields, order: RedeemOrder, item: RedeemItem, handle: TicketHandle
) -> Redeemed | RedeemRefused:
    """What became of the item. Raises ProtocolFailure where the answer leaves it open or is about something else."""
    if not is_success(fields):
        return RedeemRefused(item.reference, parse_refusal(fields, order.attempt))
    wire = cast(TicketUse, fields)
    _check_same(wire, handle, item)
    used_at = read_china_time(wire.get("use_date"), "use_date")
    paid = spread(read_yuan(wire.get("buyer_pay_amount"), "buyer_pay_amount"), item.times)
    # The price of a card is that of all its uses.
    face = None if handle.is_card else read_yuan(wire.get("original_price"), "original_price")
    names = name_receipts(read_id(wire.get("ticket_trans_id"), "ticket_trans_id"), item.times)
    receipts = (Receipt(name, used_at, face, share) for name, share in zip(names, paid, strict=True))
    return Redeemed(item.reference, tuple(receipts))


def _check_same(wire: TicketUse, handle: TicketHandle, item: RedeemItem) -> None:
    said = (wire.get("request_id"), wire.get("ticket_code"), wire.get("voucher_id"))
    asked = (handle.request_id, handle.ticket_code, item.reference)
    if any(value and value != wanted for value, wanted in zip(said, asked, strict=True)):
        raise ProtocolFailure("the answer is about another use", path="request_id")


def spread(total: int | None, parts: int) -> tuple[int | None, ...]:
    """An amount in parts that differ by one fen at most and add up to it."""
    if total is None:
        return (None,) * parts
    each, rest = divmod(total, parts)
    return tuple(each + (n < rest) for n in range(parts))
