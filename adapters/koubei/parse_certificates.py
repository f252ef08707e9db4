"""Alipay's marketing certificates → core's values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import cast

import orjson

from adapters.koubei.parse import (
    is_success,
    judge_dates,
    judge_times,
    keep_raw,
    make_refusal,
    parse_refusal,
    read_count,
    read_id,
    read_part,
    read_rows,
)
from adapters.koubei.tables import KIND_BY_ITEM_TYPE, RESULT_SUCCESS, STATUS_BY_CERTIFICATE_STATUS
from adapters.koubei.wire import (
    Certificate,
    CertificateReverseInfo,
    CertificateUseResult,
    Fields,
)
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
    Refused,
)
from core.channels.wire import (
    read_china_time,
    read_yuan,
)

_SERIAL = "#"
_RESULTS = "certificate_use_result_list"


@dataclass(frozen=True, slots=True)
class CertificateHandle:
    """What a certificate is redeemed, asked about and taken back with."""

    encrypted_code: str = field(repr=False)
    open_id: str | None = field(repr=False)
    user_id: str | None = field(repr=False)
    is_card: bool

    def write(self) -> str:
        """As the text that core keeps."""
        return orjson.dumps(asdict(self)).decode()

    @property
    def owner(self) -> dict[str, str]:
        """The customer, under the name that the platform used."""
        if self.open_id:
            return {"open_id": self.open_id}
        return {"user_id": self.user_id} if self.user_id else {}


# ---------------------------------------------------------------------------------------------------- look-up
def parse_certificates(fields: Fields, now: datetime) -> tuple[ChannelCoupon, ...]:
    """The certificates of a prepare answer as they stand at `now`, in its order."""
    rows = read_rows(fields, "certificate_prepare_info_list", "")
    return tuple(
        _parse_certificate(cast(Certificate, row), fields, now, f"certificate_prepare_info_list[{index}]")
        for index, row in enumerate(rows)
    )


def read_order_id(fields: Fields) -> str | None:
    """The order of a prepare answer, which stands above the certificates or in each of them."""
    rows = read_rows(fields, "certificate_prepare_info_list", "")
    order_id = fields.get("order_id") or next((row["order_id"] for row in rows if row.get("order_id")), None)
    return read_id(order_id, "order_id") if order_id else None


def _parse_certificate(wire: Certificate, fields: Fields, now: datetime, path: str) -> ChannelCoupon:
    total, remaining = _read_times(wire, path)
    starts = read_china_time(wire.get("valid_begin_time"), f"{path}.valid_begin_time")
    ends = read_china_time(wire.get("valid_end_time"), f"{path}.valid_end_time")
    face_value, paid_amount = read_amounts(cast(Fields, wire), path)
    status = judge_times(CouponStatus.AVAILABLE, total, remaining)
    return ChannelCoupon(
        reference=read_id(wire.get("certificate_id"), f"{path}.certificate_id"),
        handle=_make_handle(wire, fields, path).write(),
        kind=_read_kind(wire, path),
        title=str(read_part(cast(Fields, wire), "sku_info", path).get("title") or ""),
        status=judge_dates(status, now, starts, ends),
        face_value=face_value,
        paid_amount=paid_amount,
        valid_from=starts,
        valid_until=ends,
        times_total=total,
        times_remaining=remaining,
        raw=keep_raw(cast(Fields, wire)),
    )


def _make_handle(wire: Certificate, fields: Fields, path: str) -> CertificateHandle:
    return CertificateHandle(
        encrypted_code=read_id(wire.get("encrypted_code"), f"{path}.encrypted_code"),
        open_id=read_id(fields["open_id"], "open_id") if fields.get("open_id") else None,
        user_id=read_id(fields["user_id"], "user_id") if fields.get("user_id") else None,
        is_card=_is_card(wire),
    )


def _is_card(wire: Certificate) -> bool:
    return bool(wire.get("times_card_info"))


def _read_kind(wire: Certificate, path: str) -> CouponKind:
    if _is_card(wire):
        return CouponKind.TIMES_CARD
    item_type = read_part(cast(Fields, wire), "sku_info", path).get("item_type")
    return KIND_BY_ITEM_TYPE.get(str(item_type), CouponKind.UNRECOGNISED)


def _read_times(wire: Certificate, path: str) -> tuple[int, int]:
    card = read_part(cast(Fields, wire), "times_card_info", path)
    total = read_count(card.get("total_count"), f"{path}.times_card_info.total_count") or 1
    used = read_count(card.get("used_count"), f"{path}.times_card_info.used_count") or 0
    return total, max(0, total - used)


def read_amounts(wire: Fields, path: str) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` in fen: `original_price` and `pay_amount` of `amount_info`."""
    amounts, path = read_part(wire, "amount_info", path), f"{path}.amount_info"
    face = read_yuan(amounts.get("original_price"), f"{path}.original_price")
    return face, read_yuan(amounts.get("pay_amount"), f"{path}.pay_amount")


# ------------------------------------------------------------------------------------------------------ states
def parse_certificate_state(fields: Fields, reference: str, now: datetime) -> CouponState:
    """What batchquery says of the certificate with the id `reference`.

    Of its uses it tells no more than how many they are. Raises ProtocolFailure for an unlisted status.
    """
    path = "certificate_info_list"
    row = next(
        (each for each in read_rows(fields, path, "") if each.get("certificate_id") == reference), None
    )
    if row is None:
        raise ProtocolFailure("the answer is not about the certificate asked for", path=path)
    wire = cast(Certificate, row)
    status = STATUS_BY_CERTIFICATE_STATUS.get(str(wire.get("status")))
    if status is None:
        raise ProtocolFailure("an unlisted certificate status", path=f"{path}.status")
    total, remaining = _read_times(wire, path)
    used = total if status is CouponStatus.REDEEMED else total - remaining
    starts = read_china_time(wire.get("valid_begin_time"), f"{path}.valid_begin_time")
    ends = read_china_time(wire.get("valid_end_time"), f"{path}.valid_end_time")
    status = judge_dates(judge_times(status, total, total - used), now, starts, ends)
    return CouponState(reference, status, (PlatformUse(None),) * used, keep_raw(row))


# ---------------------------------------------------------------------------------------------------- outcomes
def parse_certificate_uses(
    fields: Fields, order: RedeemOrder, cards: frozenset[str], answered_at: datetime | None
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item; `cards` are the references of times cards.

    Raises ProtocolFailure where the answer leaves an outcome open.
    """
    if not is_success(fields):
        refused = parse_refusal(fields, order.attempt)
        return [RedeemRefused(item.reference, refused) for item in order.items]
    rows = [cast(CertificateUseResult, row) for row in read_rows(fields, _RESULTS, "")]
    return [
        _parse_use(_pick_result(rows, item), item, order.attempt, item.reference in cards, answered_at)
        for item in order.items
    ]


def _pick_result(rows: Sequence[CertificateUseResult], item: RedeemItem) -> CertificateUseResult:
    own = [row for row in rows if row.get("certificate_id") == item.reference]
    if len(own) != 1:
        raise ProtocolFailure(f"{len(own)} results for one certificate", path=_RESULTS)
    return own[0]


def _parse_use(
    wire: CertificateUseResult, item: RedeemItem, attempt: int, is_card: bool, answered_at: datetime | None
) -> Redeemed | RedeemRefused:
    result = wire.get("result")
    if not isinstance(result, str) or not result:
        raise ProtocolFailure("a certificate without a result", path=f"{_RESULTS}.result")
    if result != RESULT_SUCCESS:
        return RedeemRefused(item.reference, make_refusal(result, wire.get("msg"), attempt))
    use_order_no = read_id(wire.get("use_order_no"), f"{_RESULTS}.use_order_no")
    if not is_card:
        face, paid = read_amounts(cast(Fields, wire), _RESULTS)
        return Redeemed(item.reference, (Receipt(use_order_no, answered_at, face, paid),))
    serials = read_rows(cast(Fields, wire), "serial_info_list", _RESULTS)
    receipts = tuple(_parse_serial(row, use_order_no, answered_at) for row in serials)
    if len({receipt.reference for receipt in receipts}) != item.times:
        raise ProtocolFailure(f"{len(receipts)} serial numbers for {item.times} uses", path=_RESULTS)
    return Redeemed(item.reference, receipts)


def _parse_serial(row: Fields, use_order_no: str, answered_at: datetime | None) -> Receipt:
    path = f"{_RESULTS}.serial_info_list"
    serial_no = read_id(row.get("serial_no"), f"{path}.serial_no")
    face, paid = read_amounts(row, path)
    return Receipt(f"{use_order_no}{_SERIAL}{serial_no}", answered_at, face, paid)


# --------------------------------------------------------------------------------------------------- reversals
def list_reversals(reference: str, receipts: Sequence[str]) -> list[CertificateReverseInfo]:
    """What to take back: each use order of the certificate, with the serial numbers of its card."""
    serials: dict[str, list[str]] = {}
    for receipt in receipts:
        use_order_no, _, serial_no = receipt.partition(_SERIAL)
        serials.setdefault(use_order_no, []).extend([serial_no] if serial_no else [])
    return [_write_reversal(reference, number, own) for number, own in serials.items()]


def _write_reversal(reference: str, use_order_no: str, serials: list[str]) -> CertificateReverseInfo:
    # With the certificate's id: without it, all certificates of the same use order would be taken back.
    info: CertificateReverseInfo = {"certificate_id": reference, "use_order_no": use_order_no}
    if serials:
        info["serial_no_list"] = serials
        info["times_card_cancel_count"] = len(serials)
    return info


def parse_refund(fields: Fields, asked: Sequence[CertificateReverseInfo]) -> Refused | None:
    """Why a reversal was refused, None where all was taken back. Raises ProtocolFailure where it stays open."""
    if not is_success(fields):
        return parse_refusal(fields)
    rows = read_rows(fields, "certificate_reverse_result_list", "")
    for info in asked:
        same = [row for row in rows if row.get("use_order_no") == info["use_order_no"]]
        own = [row for row in same if row.get("certificate_id") in (None, info["certificate_id"])]
        if len(own) != 1 or not isinstance(own[0].get("result"), str):
            raise ProtocolFailure(f"{len(own)} results for one use", path="certificate_reverse_result_list")
        if own[0]["result"] != RESULT_SUCCESS:
            return make_refusal(own[0]["result"], own[0].get("msg"), 1)
    return None
