"""Kuaishou's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

import orjson

from adapters.kuaishou.tables import (
    GRANTED,
    KIND_BY_GROUPON_TYPE,
    MAYBE_OURSELVES,
    REFUSAL_BY_CODE,
    REFUSAL_BY_STATUS,
    REFUSAL_BY_WORDS,
    REVERSAL_REFUSAL_BY_WORDS,
    STATUS_BY_NUMBER,
    TROUBLE_BY_CODE,
    TROUBLE_BY_WORDS,
    VAGUE_CODES,
    WELL_RESULTS,
    Trouble,
)
from adapters.kuaishou.wire import Certificate, Envelope, Extra, VerifyResult
from core.channels.contract import (
    ChannelCoupon,
    CouponKind,
    CouponState,
    CouponStatus,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
)
from core.channels.wire import (
    clean_message,
    read_epoch,
    read_fen,
    read_id,
    read_number,
    read_part,
    read_rows,
)

_KEPT = ("certificate_id", "status", "start_time", "expire_time", "sku", "amount", "time_card")
_MARGIN = timedelta(minutes=10)
MAYBE_USED = frozenset({CouponStatus.REDEEMED, CouponStatus.PARTLY_REDEEMED, CouponStatus.UNRECOGNISED})
"""States of a coupon that may have uses."""

MeaningT = TypeVar("MeaningT")


# ---------------------------------------------------------------------------------------------------- answers
def parse_envelope(document: object, operation: str) -> Envelope:
    """An answer whose code can be read: `data.error_code`, or an outer `result` that is no success without `data`.

    Raises ProtocolFailure naming the place.
    """
    if not isinstance(document, dict):
        raise ProtocolFailure("the answer is no object", path="", operation=operation)
    data = read_part(document, "data", "")
    result = read_number(document.get("result"), "result")
    if read_number(data.get("error_code"), "data.error_code") is None and (data or result in {None, 0, 1}):
        raise ProtocolFailure("the answer has no error code", path="data.error_code", operation=operation)
    extra = cast(Extra, read_part(document, "extra", ""))
    return {
        "result": result,
        "error_msg": str(document.get("error_msg") or ""),
        "data": dict(data),
        "extra": extra,
    }


def read_code(envelope: Envelope) -> int:
    """The error code, 0 for success. Where the three places differ, the one that is no success counts."""
    inner = read_number(envelope["data"].get("error_code"), "data.error_code")
    code = inner or read_number(envelope["extra"].get("error_code"), "extra.error_code")
    return code or (0 if envelope["result"] in {None, *WELL_RESULTS} else envelope["result"] or 0)


def read_words(envelope: Envelope) -> str:
    """What the answer says in words, all of it."""
    extra = envelope["extra"]
    spoken = (envelope["data"].get("description"), extra.get("sub_description"), envelope["error_msg"])
    return " ".join(part for part in spoken if isinstance(part, str) and part)


def find_trouble(envelope: Envelope) -> Trouble | None:
    """What is wrong with the call itself; None where it went well or the refusal is about the coupon."""
    code = read_code(envelope)
    if not code:
        return None
    return TROUBLE_BY_CODE.get(code) or find_words(read_words(envelope).lower(), TROUBLE_BY_WORDS)


def quote_answer(envelope: Envelope) -> dict[str, Any]:
    """Kuaishou's own code and words, as failures carry them."""
    code = str(read_code(envelope))
    return {"platform_code": code, "platform_message": clean_message(read_words(envelope))}


def find_words(text: str, table: Sequence[tuple[str, MeaningT]]) -> MeaningT | None:
    """The meaning of the first entry whose words are in `text`."""
    return next((meaning for words, meaning in table if words in text), None)


# ----------------------------------------------------------------------------------------------------- grants
@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """An access token, the refresh token for the next one, and when the next one is due (UTC)."""

    access_token: str
    refresh_token: str
    due_at: datetime

    def pack(self) -> str:
        """As text, for the token store."""
        return orjson.dumps([self.access_token, self.refresh_token, self.due_at]).decode()

    @classmethod
    def unpack(cls, text: str) -> Grant:
        """What `pack` gave."""
        access_token, refresh_token, due_at = orjson.loads(text)
        return cls(access_token, refresh_token, datetime.fromisoformat(due_at))


def parse_grant(document: object, bought_with: str, now: datetime) -> Grant | None:
    """The grant of a refresh; None where it was refused. Raises ProtocolFailure for an unreadable one.

    An answer without a refresh token leaves the one in force that was sent.
    """
    if not isinstance(document, dict) or (result := read_number(document.get("result"), "result")) is None:
        raise ProtocolFailure("the answer has no result", path="result")
    if result != GRANTED:
        return None
    seconds = read_number(document.get("expires_in"), "expires_in") or 0
    if not 60 <= seconds <= 10**9:
        raise ProtocolFailure("not the life of a token", path="expires_in")
    life = timedelta(seconds=seconds)
    access_token = read_id(document.get("access_token"), "access_token")
    refresh_token = document.get("refresh_token")
    kept = read_id(refresh_token, "refresh_token") if refresh_token else bought_with
    return Grant(access_token, kept, now + life - min(_MARGIN, life / 2))


# ---------------------------------------------------------------------------------------------------- coupons
class Handle(NamedTuple):
    """What core keeps for us: the code to redeem by, and the `code` or `encrypted_data` that prepare found it by."""

    encrypted_code: str
    query: dict[str, str]

    def pack(self) -> str:
        """As text, for core."""
        return orjson.dumps([self.encrypted_code, self.query]).decode()

    @classmethod
    def unpack(cls, text: str) -> Handle:
        """What `pack` gave."""
        return cls(*orjson.loads(text))


def parse_coupons(data: Mapping[str, Any], query: dict[str, str], now: datetime) -> tuple[ChannelCoupon, ...]:
    """The certificates of a prepare answer, in its order."""
    return tuple(
        parse_coupon(cast(Certificate, row), query, now, f"data.certificates[{index}]")
        for index, row in enumerate(read_rows(data, "certificates", "data"))
    )


def parse_coupon(wire: Certificate, query: dict[str, str], now: datetime, path: str) -> ChannelCoupon:
    """One certificate as it stands at `now`."""
    sku = read_part(wire, "sku", path)
    groupon_type = read_number(sku.get("groupon_type"), f"{path}.sku.groupon_type") or 0
    total, remaining = _read_times(wire, path)
    face_value, paid_amount = read_amounts(wire, path)
    encrypted_code = read_id(wire.get("encrypted_code"), f"{path}.encrypted_code")
    return ChannelCoupon(
        reference=read_id(wire.get("certificate_id"), f"{path}.certificate_id"),
        handle=Handle(encrypted_code, query).pack(),
        kind=KIND_BY_GROUPON_TYPE.get(groupon_type, CouponKind.UNRECOGNISED),
        title=str(sku.get("title") or ""),
        status=_parse_status(wire, now, path),
        face_value=face_value,
        paid_amount=paid_amount,
        valid_from=read_epoch(wire.get("start_time"), f"{path}.start_time"),
        valid_until=read_epoch(wire.get("expire_time"), f"{path}.expire_time"),
        times_total=total,
        times_remaining=remaining,
        raw={key: wire[key] for key in _KEPT if key in wire},  # type: ignore[literal-required]
    )


def _parse_status(wire: Certificate, now: datetime, path: str) -> CouponStatus:
    """The state at `now`: its number if it has one, then the uses left, then its dates."""
    number = read_number(wire.get("status"), f"{path}.status")
    status = STATUS_BY_NUMBER.get(1 if number is None else number, CouponStatus.UNRECOGNISED)
    if status is not CouponStatus.AVAILABLE:
        return status
    total, remaining = _read_times(wire, path)
    if remaining == 0:
        return CouponStatus.REDEEMED
    expires = read_epoch(wire.get("expire_time"), f"{path}.expire_time")
    if expires and now > expires:
        return CouponStatus.EXPIRED
    starts = read_epoch(wire.get("start_time"), f"{path}.start_time")
    if starts and now < starts:
        return CouponStatus.NOT_YET_VALID
    return CouponStatus.PARTLY_REDEEMED if remaining < total else CouponStatus.AVAILABLE


def _read_times(wire: Certificate, path: str) -> tuple[int, int]:
    """`(total, remaining)` of a punch card; (1, 1) for everything else."""
    card = read_part(wire, "time_card", path)
    total = read_number(card.get("times_count"), f"{path}.time_card.times_count")
    if not total or total < 1:
        return 1, 1
    used = read_number(card.get("times_used"), f"{path}.time_card.times_used") or 0
    return total, max(0, min(total, total - used))


def find_obstacle(coupon: ChannelCoupon) -> Refusal | None:
    """Why this coupon cannot be used now, as far as the certificate tells."""
    usable = coupon.status in {CouponStatus.AVAILABLE, CouponStatus.PARTLY_REDEEMED}
    return None if usable else REFUSAL_BY_STATUS[coupon.status]


def parse_state(coupons: Sequence[ChannelCoupon], reference: str) -> CouponState:
    """The state of a coupon that prepare lists; of others nothing is known: Kuaishou shows no used coupons."""
    coupon = next((each for each in coupons if each.reference == reference), None)
    if coupon is None:
        return CouponState(reference, CouponStatus.UNRECOGNISED)
    used = coupon.times_remaining < coupon.times_total
    partly = used and coupon.status is CouponStatus.AVAILABLE
    return CouponState(reference, CouponStatus.PARTLY_REDEEMED if partly else coupon.status, (), coupon.raw)


# --------------------------------------------------------------------------------------------------- outcomes
def parse_refusal(envelope: Envelope) -> Refused:
    """What an error code other than 0 says about the coupon."""
    code = read_code(envelope)
    reason = _judge(code, read_words(envelope))
    return Refused(
        reason, **quote_answer(envelope), vague=code in VAGUE_CODES and reason is REFUSAL_BY_CODE[code]
    )


def parse_cancel(envelope: Envelope) -> Refused | None:
    """Why a cancel was refused, None where it was done."""
    if not read_code(envelope):
        return None
    late = find_words(read_words(envelope), REVERSAL_REFUSAL_BY_WORDS)
    return Refused(late or Refusal.REFUSED_BY_CHANNEL, **quote_answer(envelope))


def _judge(code: int, words: str) -> Refusal:
    return find_words(words, REFUSAL_BY_WORDS) or REFUSAL_BY_CODE.get(code, Refusal.REFUSED_BY_CHANNEL)


def parse_outcomes(
    envelope: Envelope, order: RedeemOrder, answered_at: datetime
) -> list[Redeemed | RedeemRefused]:
    """One outcome per item of the order. Raises ProtocolFailure where one is left open."""
    if code := read_code(envelope):
        refused = _doubt(parse_refusal(envelope), code, order.attempt)
        return [RedeemRefused(item.reference, refused) for item in order.items]
    results = cast(Sequence[VerifyResult], read_rows(envelope["data"], "verify_results", "data"))
    return [_parse_outcome(item, results, order.attempt, answered_at) for item in order.items]


def _parse_outcome(
    item: RedeemItem, results: Sequence[VerifyResult], attempt: int, answered_at: datetime
) -> Redeemed | RedeemRefused:
    path = "data.verify_results"
    own = [row for row in results if read_id(row.get("certificate_id"), path) == item.reference]
    if len(own) != item.times:
        raise ProtocolFailure(f"{len(own)} results for {item.times} uses", path=path)
    proved = [row for row in own if _proves_use(row, attempt)]
    if len(proved) == len(own):
        return Redeemed(item.reference, tuple(_parse_receipt(row, answered_at) for row in own))
    if proved:
        raise ProtocolFailure("only some uses of a punch card were redeemed", path=path)
    return RedeemRefused(item.reference, _parse_item_refusal(own[0], attempt))


def _proves_use(row: VerifyResult, attempt: int) -> bool:
    # `result` was never seen in use: where it is left out, the verify_id is what tells.
    # On a repeat, "used already" beside a verify_id is the memory of our own verify_token (INFERRED).
    code = read_number(row.get("result"), "data.verify_results.result")
    if not row.get("verify_id"):
        if not code:
            raise ProtocolFailure("a use without a verify_id", path="data.verify_results.verify_id")
        return False
    return not code or (attempt > 1 and _judge(code, _read_msg(row)) is Refusal.ALREADY_REDEEMED)


def _parse_item_refusal(row: VerifyResult, attempt: int) -> Refused:
    code, words = read_number(row.get("result"), "data.verify_results.result") or 0, _read_msg(row)
    return _doubt(Refused(_judge(code, words), str(code), clean_message(words)), code, attempt)


def _doubt(refused: Refused, code: int, attempt: int) -> Refused:
    """What a refusal is worth: on a repeat it may be the effect of our own first call."""
    if attempt == 1:
        return refused
    if refused.reason in MAYBE_OURSELVES:
        return replace(refused, reason=Refusal.ALREADY_REDEEMED, vague=False)
    if code not in REFUSAL_BY_CODE:
        raise ProtocolFailure("an unlisted code on a repeat", path="error_code", platform_code=str(code))
    return refused


def _parse_receipt(row: VerifyResult, answered_at: datetime) -> Receipt:
    # A use that only a repeat's refusal shows was made some time before.
    reference = read_id(row.get("verify_id"), "data.verify_results.verify_id")
    return Receipt(reference, None if read_number(row.get("result"), "") else answered_at)


def _read_msg(row: VerifyResult) -> str:
    return str(row.get("msg") or "")


# ---------------------------------------------------------------------------------------------- single values
def read_amounts(wire: Certificate, path: str) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` in fen: `original_amount`, and `coupon_pay_amount` or else `pay_amount`."""
    amount = read_part(wire, "amount", path)
    original, paid, pay = (
        read_fen(amount.get(key), f"{path}.amount.{key}")
        for key in ("original_amount", "coupon_pay_amount", "pay_amount")
    )
    return original, pay if paid is None else paid
