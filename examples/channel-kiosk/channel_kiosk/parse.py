"""From Kiosk's answers to core's values. Pure: no network, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from channel_kiosk.tables import REFUSAL_BY_CODE, STATUS_BY_STATE
from channel_kiosk.wire import WireAnswer, WireUse
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    PlatformUse,
    ProtocolFailure,
    Receipt,
    RecordedUse,
    Refusal,
    Refused,
    UsePage,
)
from core.clock import from_epoch
from core.money import parse_yuan


def parse_answer(document: Any) -> WireAnswer:
    """The envelope. Raises ProtocolFailure where it has another form."""
    if not isinstance(document, dict) or type(document.get("code")) is not int:
        raise ProtocolFailure("the answer has no code", path="code")
    if not isinstance(document.get("data", {}), dict):
        raise ProtocolFailure("data is no object", path="data")
    return {
        "code": document["code"],
        "message": str(document.get("message", "")),
        "data": document.get("data", {}),
    }


def parse_refusal(answer: WireAnswer) -> Refused:
    """An unlisted code is a refusal too, and never a success."""
    reason = REFUSAL_BY_CODE.get(answer["code"], Refusal.REFUSED_BY_CHANNEL)
    return Refused(
        reason, platform_code=str(answer["code"]), platform_message=answer["message"][:100] or None
    )


def parse_coupon(ticket: Any) -> ChannelCoupon:
    """A ticket as a coupon: yuan become fen, seconds become UTC."""
    wire = _read_ticket(ticket)
    times, left = _read_count(wire, "times"), _read_count(wire, "times_left")
    if not times >= 1 or left > times:
        raise ProtocolFailure("the uses do not add up", path="data.ticket.times_left")
    return ChannelCoupon(
        reference=_read_text(wire, "ticket_id"),
        handle=_read_text(wire, "ticket_id"),
        kind=CouponKind.TIMES_CARD if times > 1 else CouponKind.CASH_VOUCHER,
        title=_read_text(wire, "name"),
        status=STATUS_BY_STATE.get(_read_text(wire, "state"), CouponStatus.UNRECOGNISED),
        face_value=_read_yuan(wire, "price"),
        paid_amount=_read_yuan(wire, "paid"),
        valid_until=_read_time(wire, "valid_to"),
        times_total=times,
        times_remaining=left,
        raw=wire,
    )


def parse_state(ticket: Any, reference: str) -> CouponState:
    """The ticket's state and its living uses."""
    wire = _read_ticket(ticket)
    if _read_text(wire, "ticket_id") != reference:
        raise ProtocolFailure("this is another ticket", path="data.ticket.ticket_id")
    uses = tuple(
        PlatformUse(use["use_id"], _read_time(use, "used_at"), use["request_id"]) for use in parse_uses(wire)
    )
    status = STATUS_BY_STATE.get(_read_text(wire, "state"), CouponStatus.UNRECOGNISED)
    return CouponState(reference, status, uses, raw=wire)


def parse_uses(wire: Mapping[str, Any]) -> list[WireUse]:
    """The list `uses`. Raises ProtocolFailure where one of them is not whole."""
    uses = wire.get("uses")
    if not isinstance(uses, list):
        raise ProtocolFailure("uses is no list", path="data.uses")
    for use in uses:
        if not isinstance(use, dict):
            raise ProtocolFailure("a use is no object", path="data.uses")
        _read_text(use, "use_id"), _read_text(use, "request_id"), _read_time(use, "used_at")
    return cast("list[WireUse]", uses)


def parse_receipts(wire: Mapping[str, Any]) -> tuple[Receipt, ...]:
    return tuple(Receipt(use["use_id"], _read_time(use, "used_at")) for use in parse_uses(wire))


def parse_page(data: Mapping[str, Any]) -> UsePage:
    """A page of the shop's list. `next` is empty on the last one."""
    uses, following = data.get("uses"), data.get("next")
    if not isinstance(uses, list) or not isinstance(following, str):
        raise ProtocolFailure("there is no list", path="data.uses")
    return UsePage(tuple(parse_record(use) for use in uses), following or None)


def parse_record(record: Any) -> RecordedUse:
    """One use of the list. Kiosk pays out what was paid, so that it shows neither payout nor fee."""
    if not isinstance(record, dict) or not isinstance(record.get("undone"), bool):
        raise ProtocolFailure("a use is no object", path="data.uses")
    return RecordedUse(
        receipt=_read_text(record, "use_id"),
        used_at=_read_time(record, "used_at"),
        reference=_read_text(record, "ticket_id"),
        paid_amount=_read_yuan(record, "paid"),
        reversed=record["undone"],
        raw=record,
    )


def _read_ticket(ticket: Any) -> dict[str, Any]:
    if not isinstance(ticket, dict):
        raise ProtocolFailure("there is no ticket", path="data.ticket")
    return ticket


def _read_text(wire: Mapping[str, Any], name: str) -> str:
    value = wire.get(name)
    if not isinstance(value, str) or not value:
        raise ProtocolFailure(f"{name} is no text", path=f"data.{name}")
    return value


def _read_count(wire: Mapping[str, Any], name: str) -> int:
    value = wire.get(name)
    if type(value) is not int or value < 0:
        raise ProtocolFailure(f"{name} is no count", path=f"data.{name}")
    return value


def _read_yuan(wire: Mapping[str, Any], name: str) -> int:
    try:
        fen = parse_yuan(_read_text(wire, name))
    except ValueError:
        raise ProtocolFailure(f"{name} is no amount", path=f"data.{name}") from None
    if fen < 0:
        raise ProtocolFailure(f"{name} is below nothing", path=f"data.{name}")
    return fen


def _read_time(wire: Mapping[str, Any], name: str) -> datetime:
    seconds = wire.get(name)
    if type(seconds) is not int or not 0 <= seconds < 2**33:
        raise ProtocolFailure(f"{name} is no time", path=f"data.{name}")
    return from_epoch(seconds)
